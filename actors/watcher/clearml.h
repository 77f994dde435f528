/* SPDX-License-Identifier: Apache-2.0 */
/* The ClearML server's API over HTTP: login, a token renewed ahead of its end, calls, and what an
 * answer is worth. The only file pair of Drover that speaks to that server. Nothing here blocks;
 * no key, token or body is ever logged. */
#ifndef DROVER_WATCHER_CLEARML_H
#define DROVER_WATCHER_CLEARML_H

#include <jansson.h>
#include <stdint.h>

#include "credentials.h"
#include "drover/config.h"

struct clearml;
struct _zloop_t;

/* What an answer is worth. Only CLEARML_OK and CLEARML_REFUSED say what the server did; after any
 * other a write's effect is unknown, and a read told nothing (P1). */
enum clearml_class {
    CLEARML_OK,          /* result_code 200; data is there */
    CLEARML_REFUSED,     /* the API said no with its own code and subcode: nothing was changed */
    CLEARML_WRONG_KEY,   /* the key pair is not accepted (login refused) */
    CLEARML_BUSY,        /* 429, or 503 with Retry-After: retry_after_ms says when */
    CLEARML_SERVER,      /* 5xx */
    CLEARML_UNREACHABLE, /* name, connection or proxy: the server was not reached */
    CLEARML_TIMEOUT,     /* no whole answer in time */
    CLEARML_TLS,         /* certificate or TLS failure */
    CLEARML_NOT_API,     /* HTML for JSON, half an answer, a redirect: not (only) a ClearML API */
    CLEARML_CLASSES
};

/* Lives during the callback only. */
struct clearml_answer {
    enum clearml_class cls;
    int http;               /* HTTP status; 0: none arrived */
    int code, subcode;      /* meta.result_code and result_subcode; 0: none arrived */
    const char *sentence;   /* never NULL; for a person: what happened and what to do; "" if OK */
    json_t *data;           /* borrowed; an object if OK, else NULL: json_incref to keep */
    int64_t sent_ms;        /* CLOCK_BOOTTIME just before the request left (P2) */
    int64_t recv_ms;        /* CLOCK_BOOTTIME when the answer was there */
    int64_t server_date_us; /* the Date header; 0: none (whole seconds: good to 1 s) */
    int64_t retry_after_ms; /* -1: the server named none */
};
typedef void (*clearml_fn)(const struct clearml_answer *answer, void *arg);

/* cfg and loop are borrowed and must outlive the client; credentials are copied. `api_server` is
 * cfg's, or the one found beside the credentials when cfg names none. Never NULL. */
struct clearml *clearml_new(struct _zloop_t *loop, const struct dr_cfg_clearml *cfg,
                            const struct dr_clearml_credentials *credentials);

/* Ends calls under way without calling back; *client becomes NULL. */
void clearml_destroy(struct clearml **client);

/* POSTs body (stolen; NULL means {}) to endpoint ("queues.get_all"); an array as one object a line
 * (application/json-lines), as the batch calls take it (recorded). Logs in first when there is no
 * token; a token that the server no longer takes is renewed once within the call. cb is called
 * exactly once, later, never from inside this call. timeout_ms 0: cfg's. */
void clearml_call(struct clearml *client, const char *endpoint, json_t *body, int64_t timeout_ms,
                  clearml_fn cb, void *arg);

/* Proves another key pair by a login with it (P22); our own token is untouched. The pair is copied
 * and wiped. CLEARML_OK: it works; CLEARML_WRONG_KEY: it does not. data is NULL. */
void clearml_prove(struct clearml *client, const char *access_key, const char *secret_key,
                   int64_t timeout_ms, clearml_fn cb, void *arg);

/* Requests that left since start, logins included: for the call budget. */
int64_t clearml_calls(const struct clearml *client);

/* The same and the bytes of bodies, as they were on the wire, over the last 60 minutes. */
void clearml_last_hour(struct clearml *client, int64_t *calls, int64_t *bytes);

#endif
