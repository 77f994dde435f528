/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway's parts share. One thread, one zloop; no function here blocks. */
#ifndef DROVER_GATEWAY_H
#define DROVER_GATEWAY_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "drover/actor.h"
#include "hub.h"
#include "limiter.h"
#include "notes.h"
#include "route.h"
#include "session.h"
#include "strbuf.h"

#define GATEWAY_BODY_MAX ((size_t)1 << 20)
#define GATEWAY_ASK_MS 5000

struct picture;
struct feed;
struct server;

struct gateway {
    struct dr_actor *actor; /* NULL: first start, alone (--setup) */
    struct _zloop_t *loop;
    const char *setup;   /* the configuration that is to be written, or NULL */
    const char *web_dir; /* pages from the disk, for those who work on them; NULL: embedded */
    char state_dir[512]; /* STATE_DIR/gateway */
    char run_dir[512];
    struct server *server;
    struct hub *hub;
    struct sessions *sessions;
    struct limiter *limiter;
    struct notes *notes;
    struct passwords *passwords; /* NULL: nobody gave one yet */
    struct feed *feed;
    int64_t started_us;
    char deaf[600];  /* why it does not listen, as it was said; "": it does */
    int64_t deaf_us; /* when it was said */
    bool leaving;    /* first start: done, the loop is to end */
};

/* One request of a person, from its first header until its answer is out. */
struct request {
    struct gateway *gateway;
    struct MHD_Connection *connection;
    const char *method;
    char *path; /* without its query */
    const struct route *route;
    struct route_args args;
    struct dr_strbuf body;
    size_t room; /* of its body */
    bool too_big, dispatched, suspended;
    bool last;          /* once its answer is out, the gateway leaves */
    struct login login; /* who asks; role ROLE_NONE: nobody that is known */
    char peer[64];
    unsigned status; /* of the answer, once it is there */
    struct MHD_Response *response;
    const char *asked; /* over the bus, and whether that changes something */
    bool asked_write;
    json_t *input; /* the body as JSON: an object; NULL where there was none */
    void *data;    /* a handler's own while it waits; freed with the request by free() */
};

/* ---- answering: exactly one of these per request, now or later ------------------------------- */
/* A text as JSON; what is no UTF-8 in it (cut, or a file's) is replaced. */
json_t *text_json(const char *text);
/* Takes the tree over; NULL: 500. */
void answer_json(struct request *request, unsigned status, json_t *tree);
/* Copies the text. */
void answer_text(struct request *request, unsigned status, const char *type, const char *text,
                 size_t len);
void answer_error(struct request *request, unsigned status, const char *code, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
/* For what needs headers of its own. Takes the response over. */
void answer_response(struct request *request, unsigned status, struct MHD_Response *response);

/* False: nobody answered or the one who was asked refuses, and the person is told. */
bool answer_came(struct request *request, const struct dr_answer *answer);
/* An `ack` as an answer: 200 with it, or the status that fits its code. Also for answers that never
 * came. Returns false when it has answered with an error. */
bool answer_ack(struct request *request, const struct dr_answer *answer);
/* Answers 503 and returns false unless the reply is of this type. */
bool answer_expects(struct request *request, const struct dr_answer *answer, enum dr_type type);

/* ---- asking ---------------------------------------------------------------------------------- */
typedef void ask_fn(struct request *request, const struct dr_answer *answer);
/* Asks over the bus; `then` gets the answer and answers the person or asks on. */
void request_ask(struct request *request, const char *to, enum dr_type type, const void *body,
                 ask_fn *then);

/* ---- reading --------------------------------------------------------------------------------- */
/* The n-th part of the path that the route left open. */
const char *request_arg(const struct request *request, size_t n);
/* A parameter behind the `?`; NULL: not given. */
const char *request_query(const struct request *request, const char *name);
/* Whether its answer may be compressed. */
bool request_takes_gzip(const struct request *request);
/* A whole number behind the `?`. Answers 400 and returns false when it is none or out of bounds. */
bool request_number(struct request *request, const char *name, int64_t standard, int64_t min,
                    int64_t max, int64_t *out);
/* Whether a list of words ("a,b") has this one. */
bool request_among(const char *words, const char *word, size_t len);
/* That a parameter behind the `?`, where there is one, is among these words ("a,b"); many: any of
 * them, joined by commas. Answers 400 and returns false when it is not. */
bool request_words(struct request *request, const char *name, const char *words, bool many);
/* A text that the body must have. Answers 400 and returns NULL when it has not. */
const char *request_needs(struct request *request, const char *name);
/* A text of the body; "" when it is not there. Answers 400 and returns NULL when it is no text. */
const char *request_text(struct request *request, const char *name);

/* Has the ledger's history tell what a person did, now or once it can. by: who; of one who is
 * nobody yet, the address. */
void gateway_note(struct gateway *gateway, const char *kind, const char *id, const char *done,
                  const char *sentence, const char *by);

/* The process ends: nobody listens to the bus from afar any more (api_tap.c). */
void taps_close(void);

#endif
