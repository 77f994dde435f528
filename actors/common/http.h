/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP client: many requests at once on one zloop, connections kept and reused. Nothing blocks
 * (names are resolved on curl's own thread). Bodies, credentials and headers are never logged, and
 * no sentence made here contains one. Out of memory ends the process (DR_ASSERT). */
#ifndef DROVER_COMMON_HTTP_H
#define DROVER_COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_http;
struct _zloop_t; /* czmq's zloop_t */

/* Zero or NULL means the default in each field. Strings are copied. */
struct dr_http_options {
    long timeout_ms;         /* for a whole request; 20,000 */
    long connect_timeout_ms; /* name, TCP and TLS; 10,000, and never more than the request's */
    const char *proxy;       /* URL; NULL: http_proxy, https_proxy, no_proxy of the environment;
                                "": none */
    const char *ca_file;     /* PEM, beside the system's hashed directory; NULL: the system's */
    const char *ca_path;     /* hashed directory; NULL: the system's */
    bool insecure;           /* accept any certificate: only where a person asked for it */
    const char *user_agent;  /* "drover/VERSION" */
    size_t max_body;         /* bytes after decompression; 64 MiB */
};

/* Everything is copied before dr_http_send returns; our copies are wiped when the request ends. */
struct dr_http_request {
    const char *method;         /* NULL: GET. A GET may carry a body. */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
    const void *body;
    size_t body_len;
    const char *user; /* with password: Basic, or the key pair of aws_sigv4 */
    const char *password;
    const char *bearer;    /* token; excludes user */
    const char *aws_sigv4; /* as CURLOPT_AWS_SIGV4, e.g. "aws:amz:eu-west-1:ec2"; else NULL */
    long timeout_ms;       /* 0: the client's */
    void *cookie;          /* the caller's, handed back in the answer; names it to dr_http_cancel */
};

enum dr_http_class {
    DR_HTTP_OK,         /* a whole answer arrived, whatever its status says (redirects excepted) */
    DR_HTTP_DNS,        /* the name has no address */
    DR_HTTP_CONNECT,    /* nobody listens, or no way there */
    DR_HTTP_TLS_VERIFY, /* the certificate is not trusted or is for another name */
    DR_HTTP_TLS,        /* any other failure of TLS */
    DR_HTTP_TIMEOUT,    /* not done in time: what the server did with the request is unknown */
    DR_HTTP_BROKEN,     /* half an answer, or not HTTP: unknown as well */
    DR_HTTP_TOO_BIG,    /* more than max_body */
    DR_HTTP_REDIRECT,   /* 301, 302, 303, 307, 308 with a location: not followed */
    DR_HTTP_PROXY,      /* the proxy could not be reached or refused */
    DR_HTTP_OTHER,      /* a URL that cannot be used, and whatever else curl says */
    DR_HTTP_CLASSES
};

/* Lives during the callback only. Strings that did not arrive are "". */
struct dr_http_answer {
    enum dr_http_class cls;
    long status; /* 0 if no status line arrived */
    const char *date;
    const char *retry_after;
    const char *location;
    const char *content_type;
    const char *body; /* NUL-terminated; what arrived so far when cls is not OK */
    size_t body_len;
    uint64_t wire_bytes; /* body bytes received and sent, as they were on the wire */
    int64_t sent_ms;     /* CLOCK_BOOTTIME; taken just before the request left (P2) */
    int64_t received_ms;
    int64_t sent_wall_us;
    int64_t received_wall_us;
    const char *error; /* "" if OK; else one sentence beginning with host:port */
    void *cookie;
};

typedef void dr_http_done_fn(void *arg, const struct dr_http_answer *answer);

/* `loop` is borrowed and must outlive the client. */
struct dr_http *dr_http_new(struct _zloop_t *loop, const struct dr_http_options *options);

/* Ends every request without calling back, and sets *http to NULL. Not from within a callback. */
void dr_http_destroy(struct dr_http **http);

/* Starts a request. `done` is called exactly once, later, from the loop, unless the request is
 * cancelled. From within `done` one may send and cancel. */
void dr_http_send(struct dr_http *http, const struct dr_http_request *request,
                  dr_http_done_fn *done, void *arg);

/* Ends every request with this cookie without calling back; says how many. What the servers did
 * with them is unknown. */
size_t dr_http_cancel(struct dr_http *http, const void *cookie);

/* Requests under way. */
size_t dr_http_pending(const struct dr_http *http);

/* "ok", "dns", "connect", "tls_verify" ...: for events and metrics. */
const char *dr_http_class_name(enum dr_http_class cls);

/* A Retry-After header as milliseconds from now (both of its forms: seconds, or a date seen from
 * `now_wall_us`); -1 if it is empty or unreadable. Capped at one day. */
int64_t dr_http_retry_after_ms(const char *retry_after, int64_t now_wall_us);

/* An HTTP date (the Date header, P8) as wall microseconds; -1 if unreadable. */
int64_t dr_http_date_us(const char *date);

#endif
