/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd: bytes of a connection to a request, and an answer to bytes. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BODY = 1 << 30, MAX_QUERY = 64 };

struct upload {
    char *data;
    size_t size, room;
    bool too_large;
};

static bool take(struct upload *up, const char *data, size_t size)
{
    if (up->size + size > MAX_BODY)
        return false;
    if (up->size + size > up->room) {
        size_t room = up->room ? up->room * 2 : 4096;
        while (room < up->size + size)
            room *= 2;
        char *grown = realloc(up->data, room);
        if (!grown)
            return false;
        up->data = grown;
        up->room = room;
    }
    memcpy(up->data + up->size, data, size);
    up->size += size;
    return true;
}

struct query {
    const char *items[2 * MAX_QUERY + 1];
    size_t n;
};

static enum MHD_Result add_query(void *cls, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    (void)kind;
    struct query *q = cls;
    if (q->n + 2 > 2 * MAX_QUERY)
        return MHD_NO;
    q->items[q->n++] = key;
    q->items[q->n++] = value ? value : "";
    return MHD_YES;
}

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static const char *remote(struct MHD_Connection *c, char *text, socklen_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || info->client_addr->sa_family != AF_INET)
        return NULL;
    const void *address = &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr;
    return inet_ntop(AF_INET, address, text, size);
}

/* "Name: value\n" lines, which are cut up. */
static void add_headers(struct MHD_Response *mhd, char *lines)
{
    char *rest = lines;
    for (char *line; lines && (line = strsep(&rest, "\n")) && *line;) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        MHD_add_response_header(mhd, line, colon + 2);
    }
}

static enum MHD_Result send_response(struct MHD_Connection *c, struct sandbox_response *r)
{
    struct MHD_Response *mhd =
        MHD_create_response_from_buffer(r->body_size, r->body, MHD_RESPMEM_MUST_FREE);
    if (!mhd) {
        sandbox_response_clear(r);
        return MHD_NO;
    }
    r->body = NULL; /* it is MHD's now */
    if (r->content_type)
        MHD_add_response_header(mhd, "Content-Type", r->content_type);
    if (r->set_cookie)
        MHD_add_response_header(mhd, "Set-Cookie", r->set_cookie);
    add_headers(mhd, r->headers);
    MHD_add_response_header(mhd, "Server", "clearml");
    /* As the server's gunicorn does. The SDK forks with its connections open: were they kept,
     * parent and child would read each other's answers. */
    MHD_add_response_header(mhd, "Connection", "close");
    enum MHD_Result rc = MHD_queue_response(c, (unsigned)r->status, mhd);
    MHD_destroy_response(mhd);
    sandbox_response_clear(r);
    return rc;
}

static enum MHD_Result answer(struct http_port *port, struct MHD_Connection *c, const char *url,
                              const char *method, const struct upload *up)
{
    char ip[INET_ADDRSTRLEN];
    struct query query = {0};
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_query, &query);
    const char *worker = header(c, "X-ClearML-Worker");
    struct sandbox_request request = {
        .method = method,
        .path = url,
        .authorization = header(c, "Authorization"),
        .cookie = header(c, "Cookie"),
        .content_type = header(c, "Content-Type"),
        .worker = worker ? worker : header(c, "X-Trains-Worker"),
        .remote_addr = remote(c, ip, sizeof ip),
        .host = header(c, "Host"),
        .range = header(c, "Range"),
        .query = query.items,
        .body = up->data,
        .body_size = up->size,
    };
    struct sandbox_response response;
    port->answer(port->arg, &request, &response);
    return send_response(c, &response);
}

/* libmicrohttpd calls this once for the headers, once for each piece of the body and once at its
 * end; GET with a body is no exception. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    (void)version;
    struct upload *up = *state;
    if (!up) {
        *state = up = calloc(1, sizeof *up);
        return up ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        up->too_large = up->too_large || !take(up, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (up->too_large) {
        struct sandbox_response large = {.status = MHD_HTTP_CONTENT_TOO_LARGE};
        return send_response(c, &large);
    }
    return answer(cls, c, url, method, up);
}

static void on_done(void *cls, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)c;
    (void)why;
    struct upload *up = *state;
    if (up)
        free(up->data);
    free(up);
    *state = NULL;
}

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return colon[1] && *end == '\0' && port <= 65535 &&
           inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

bool http_open(struct http_port *port, const char *text)
{
    if (!parse_address(text, &port->address)) {
        fprintf(stderr, "drover-sandbox: \"%s\" is not ADDRESS:PORT (like 127.0.0.1:8008)\n", text);
        return false;
    }
    port->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, port,
                         MHD_OPTION_SOCK_ADDR, &port->address, MHD_OPTION_NOTIFY_COMPLETED, on_done,
                         NULL, MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
    if (!port->daemon) {
        fprintf(stderr, "drover-sandbox: cannot listen on %s: %s\n", text, strerror(errno));
        return false;
    }
    port->address.sin_port =
        htons(MHD_get_daemon_info(port->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    return true;
}

void http_close(struct http_port *port)
{
    if (port->daemon)
        MHD_stop_daemon(port->daemon);
    port->daemon = NULL;
}
