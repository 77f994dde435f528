/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to drover_http: curl_multi's sockets and its timer on one zloop. All of them hang on one
 * epoll descriptor, so that the zloop carries a single reader that never changes: curl opens,
 * closes and renumbers sockets from within callbacks, which a zloop's own poll set takes badly. */
#ifndef DROVER_COMMON_HTTP_WIRE_H
#define DROVER_COMMON_HTTP_WIRE_H

#include <curl/curl.h>
#include <czmq.h>

typedef void http_wire_ready_fn(void *arg);

struct http_wire {
    zloop_t *loop;
    CURLM *multi;
    int epoll;
    int timer; /* a timerfd within the epoll set */
    http_wire_ready_fn *ready;
    void *arg;
};

/* Takes over `multi`'s socket and timer callbacks; `ready` is called after curl has worked, when
 * requests may have ended. */
void http_wire_open(struct http_wire *wire, zloop_t *loop, CURLM *multi, http_wire_ready_fn *ready,
                    void *arg);

/* Call after curl_multi_cleanup, which still reports its sockets' ends. */
void http_wire_close(struct http_wire *wire);

#endif
