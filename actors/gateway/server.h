/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd on the actor's loop: listens, reads requests, sends answers. */
#ifndef DROVER_GATEWAY_SERVER_H
#define DROVER_GATEWAY_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct gateway;
struct request;
struct server;
struct _zloop_t;

struct server_place {
    const char *listen;   /* "127.0.0.1:8400", "[::1]:0", "localhost:8400" */
    const char *tls_cert; /* PEM; NULL: plain HTTP */
    const char *tls_key;
    const char *public_url; /* "" : as it listens */
};

/* Called once a request is whole; it answers now or later. */
typedef void server_dispatch(struct request *request);
/* Called once its headers are there: finds out who asks and how long a body is kept. */
typedef size_t server_room(struct request *request);

/* NULL with a sentence in err: the address is wrong or taken. */
struct server *server_open(struct gateway *gateway, struct _zloop_t *loop,
                           const struct server_place *place, server_dispatch *dispatch,
                           server_room *room, char *err, size_t err_len);
/* Ends every connection. Requests that wait for the bus are answered 503 first. */
void server_close(struct server **server);

/* "http://127.0.0.1:8400", as people reach it. */
const char *server_url(const struct server *server);

/* Whether a Host names this server. */
bool server_is_host(const struct server *server, const char *host);
/* Whether an Origin ("http://...") is that of the pages that this Host, one of ours, serves. */
bool server_is_origin(const struct server *server, const char *origin, const char *host);
/* Whether who asks this Host does so through TLS, ours or that of a proxy before us. */
bool server_is_https(const struct server *server, const char *host);

/* Something was resumed: the daemon is to run again, soon. */
void server_kick(struct server *server);

#endif
