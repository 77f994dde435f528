/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "drover/assert.h"
#include "gateway.h"
#include "lines.h"
#include "listen.h"
#include "log.h"

#define CONNECTIONS_MAX 2000U
#define FILES_MAX 8192U
#define OTHER_FILES 200U /* sockets of the bus, files of state, probes */
#define BURST 32U        /* that may be accepted before those that make room for them are gone */
#define IDLE_S 60
#define SWEEP_MS 1000
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
/* Headers and the start of the body live in it; passwords too, so it is small and short-lived. */
#define POOL_BYTES ((size_t)16 << 10)

struct server {
    struct gateway *gateway;
    zloop_t *loop;
    server_dispatch *dispatch;
    server_room *room;
    struct MHD_Daemon *daemon;
    struct lines *lines;
    zmq_pollitem_t item;
    int timer, sweeper;
    bool tls, closing;
    char url[256], public_url[256];
    int port;
    size_t waiting; /* requests that are suspended */
};

/* ---- one request ---------------------------------------------------------------------------- */
static void peer_of(struct MHD_Connection *connection, char out[64])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    out[0] = '\0';
    if (info != NULL && info->client_addr != NULL)
        getnameinfo(info->client_addr,
                    info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : sizeof(struct sockaddr_in),
                    out, 64, NULL, 0, NI_NUMERICHOST);
}

/* The path as it came: route.c decodes the parts of it, once, after it looked for the slashes.
 * (What libmicrohttpd gives to on_request is decoded as a whole.) */
static void *begin(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct server *server = arg;
    struct request *request = calloc(1, sizeof *request);
    DR_ASSERT(request != NULL);
    request->gateway = server->gateway;
    request->connection = connection;
    request->path = strndup(uri, strcspn(uri, "?"));
    DR_ASSERT(request->path != NULL);
    peer_of(connection, request->peer);
    lines_renew(server->lines, connection);
    return request;
}

static void end(void *arg, struct MHD_Connection *connection, void **state,
                enum MHD_RequestTerminationCode how)
{
    struct request *request = *state;
    struct server *server = arg;
    (void)how;
    lines_renew(server->lines, connection);
    if (request == NULL)
        return;
    DR_ASSERT(!request->suspended);
    request->gateway->leaving = request->gateway->leaving || request->last;
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    dr_strbuf_free(&request->body); /* wiped: it may have held a password */
    json_decref(request->input);
    free(request->data);
    free(request->path);
    free(request);
    *state = NULL;
}

/* What every answer says: nothing of it is for other pages, and nothing but our own runs in ours.
 */
static void add_headers(const struct request *request, struct MHD_Response *response)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
         "'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
         "'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Frame-Options", "DENY"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (MHD_get_response_header(response, "Cache-Control") == NULL)
        MHD_add_response_header(response, "Cache-Control", "no-store");
    const struct server *server = request->gateway->server;
    if (server->tls)
        MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
}

static enum MHD_Result send_answer(struct request *request)
{
    struct MHD_Response *response = request->response;
    request->response = NULL;
    add_headers(request, response);
    enum MHD_Result queued = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct server *server = arg;
    struct request *request = *state;
    (void)url;
    (void)version;
    if (request->method == NULL) { /* the headers are there, the body is to come */
        request->method = method;
        request->room = server->room(request);
        if (request->login.role != ROLE_NONE)
            lines_known(connection);
        return MHD_YES;
    }
    if (*size > 0) {
        request->too_big = request->too_big || request->body.len + *size > request->room;
        if (!request->too_big)
            dr_strbuf_add(&request->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (!request->dispatched) {
        request->dispatched = true;
        server->dispatch(request);
    }
    if (request->response != NULL)
        return send_answer(request);
    request->suspended = true;
    server->waiting++;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

void answer_response(struct request *request, unsigned status, struct MHD_Response *response)
{
    struct server *server = request->gateway->server;
    DR_ASSERT(response != NULL && request->response == NULL);
    request->status = status;
    request->response = response;
    if (!request->suspended)
        return;
    request->suspended = false;
    server->waiting--;
    MHD_resume_connection(request->connection);
    server_kick(server);
}

/* ---- the loop ------------------------------------------------------------------------------- */
static int on_timer(zloop_t *loop, int id, void *arg);

/* Lets the daemon do what is due and sets the clock for what is due next. */
static void run(struct server *server)
{
    MHD_UNSIGNED_LONG_LONG wait;
    MHD_run(server->daemon);
    if (hub_woke(server->gateway->hub))
        MHD_run(server->daemon);
    if (server->timer >= 0)
        zloop_timer_end(server->loop, server->timer);
    server->timer = -1;
    if (MHD_get_timeout(server->daemon, &wait) == MHD_YES)
        server->timer = zloop_timer(server->loop, wait < 1 ? 1 : (size_t)wait, 1, on_timer, server);
}

static int on_timer(zloop_t *loop, int id, void *arg)
{
    struct server *server = arg;
    (void)loop;
    (void)id;
    server->timer = -1;
    run(server);
    return server->gateway->leaving ? -1 : 0; /* -1 ends the loop */
}

static int on_ready(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct server *server = arg;
    (void)loop;
    (void)item;
    run(server);
    return server->gateway->leaving ? -1 : 0;
}

static int on_sweep(zloop_t *loop, int id, void *arg)
{
    struct server *server = arg;
    (void)loop;
    (void)id;
    lines_sweep(server->lines);
    return 0;
}

void server_kick(struct server *server)
{
    if (server->closing)
        return;
    if (server->timer >= 0)
        zloop_timer_end(server->loop, server->timer);
    server->timer = zloop_timer(server->loop, 1, 1, on_timer, server);
}

/* ---- opening -------------------------------------------------------------------------------- */
static int listen_on(const char *where, char *err, size_t err_len)
{
    char host[DR_LISTEN_HOST_SIZE], port[DR_LISTEN_PORT_SIZE];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int yes = 1, fd = -1, fault = 0;
    if (!dr_listen_split(where, host, port)) {
        snprintf(err, err_len, "gateway.listen: %s is no HOST:PORT", where);
        return -1;
    }
    fault = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, port, &hints, &found);
    if (fault == 0) {
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
            bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 256) != 0)
            fault = EAI_SYSTEM;
        freeaddrinfo(found);
    }
    if (fault == 0)
        return fd;
    snprintf(err, err_len, "cannot listen on %s: %s", where,
             fault == EAI_SYSTEM ? strerror(errno) : gai_strerror(fault));
    if (fd >= 0)
        close(fd);
    return -1;
}

static void name_it(struct server *server, const struct server_place *place, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } at = {0};
    socklen_t len = sizeof at;
    char host[DR_LISTEN_HOST_SIZE], port[DR_LISTEN_PORT_SIZE];
    getsockname(fd, &at.any, &len);
    server->port = ntohs(at.any.sa_family == AF_INET6 ? at.six.sin6_port : at.four.sin_port);
    dr_listen_split(place->listen, host, port);
    snprintf(server->url, sizeof server->url, strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
             server->tls ? "https" : "http", host, server->port);
    size_t end = strlen(place->public_url);
    while (end > 0 && place->public_url[end - 1] == '/')
        end--;
    snprintf(server->public_url, sizeof server->public_url, "%.*s", (int)end, place->public_url);
}

static void on_panic(void *arg, const char *file, unsigned int line, const char *reason)
{
    (void)arg;
    dr_log(DR_LOG_ERROR, NULL, "libmicrohttpd %s:%u: %s", file, line, reason);
    abort();
}

/* As many as there are descriptors for, so that the bus and the files never want for one. */
static unsigned connections_max(void)
{
    struct rlimit files;
    DR_ASSERT(getrlimit(RLIMIT_NOFILE, &files) == 0);
    if (files.rlim_cur < FILES_MAX) {
        files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= CONNECTIONS_MAX + OTHER_FILES)
        return CONNECTIONS_MAX;
    return files.rlim_cur > OTHER_FILES + 4 * BURST ? (unsigned)files.rlim_cur - OTHER_FILES
                                                    : 4 * BURST;
}

static struct MHD_Daemon *start(struct server *server, const struct server_place *place, int fd)
{
    unsigned max = connections_max(), per_address = max / 4 * 3;
    server->lines = lines_new(max - BURST, per_address - BURST);
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | (server->tls ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)place->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)place->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_VERSIONS},
        {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_URI_LOG_CALLBACK, begin, server, MHD_OPTION_NOTIFY_COMPLETED,
                            end, server, MHD_OPTION_NOTIFY_CONNECTION, lines_notify, server->lines,
                            MHD_OPTION_CONNECTION_LIMIT, max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            per_address, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, MHD_OPTION_ARRAY,
                            server->tls ? tls : &tls[3], MHD_OPTION_END);
}

struct server *server_open(struct gateway *gateway, struct _zloop_t *loop,
                           const struct server_place *place, server_dispatch *dispatch,
                           server_room *room, char *err, size_t err_len)
{
    int fd = listen_on(place->listen, err, err_len);
    if (fd < 0)
        return NULL;
    struct server *server = calloc(1, sizeof *server);
    DR_ASSERT(server != NULL);
    *server = (struct server){
        .gateway = gateway, .loop = loop, .dispatch = dispatch, .room = room, .timer = -1};
    server->tls = place->tls_cert != NULL;
    name_it(server, place, fd);
    MHD_set_panic_func(on_panic, NULL);
    server->daemon = start(server, place, fd);
    if (server->daemon == NULL) {
        snprintf(err, err_len, "the HTTP server did not start on %s%s", place->listen,
                 server->tls ? ": look at tls_cert_file and tls_key_file" : "");
        close(fd);
        lines_free(&server->lines);
        free(server);
        return NULL;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->item = (zmq_pollitem_t){.fd = info->epoll_fd, .events = ZMQ_POLLIN};
    zloop_poller(loop, &server->item, on_ready, server);
    zloop_poller_set_tolerant(loop, &server->item);
    server->sweeper = zloop_timer(loop, SWEEP_MS, 0, on_sweep, server);
    return server;
}

void server_close(struct server **server)
{
    struct server *self = *server;
    if (self == NULL)
        return;
    self->closing = true;
    hub_close(self->gateway->hub);
    zloop_poller_end(self->loop, &self->item);
    if (self->timer >= 0)
        zloop_timer_end(self->loop, self->timer);
    zloop_timer_end(self->loop, self->sweeper);
    DR_ASSERT(self->waiting == 0);
    MHD_run(self->daemon);
    MHD_stop_daemon(self->daemon);
    lines_free(&self->lines);
    free(self);
    *server = NULL;
}

/* ---- names ---------------------------------------------------------------------------------- */
const char *server_url(const struct server *server)
{
    return server->public_url[0] != '\0' ? server->public_url : server->url;
}

static bool after_scheme(const char *url, const char *host)
{
    const char *at = strstr(url, "://");
    return at != NULL && strcasecmp(at + 3, host) == 0;
}

bool server_is_host(const struct server *server, const char *host)
{
    char own[64];
    if (after_scheme(server->url, host) || after_scheme(server->public_url, host))
        return true;
    /* However this host calls itself; a page of another name cannot (DNS rebinding). */
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(own, sizeof own, "%s:%d", names[i], server->port);
        if (strcasecmp(own, host) == 0)
            return true;
    }
    /* On any address, the address that was asked is what the person typed: an IP is no name. */
    bool six = host[0] == '[';
    unsigned char address[16];
    char bare[64];
    size_t len = strcspn(host + six, six ? "]" : ":");
    snprintf(bare, sizeof bare, "%.*s", (int)len, host + six);
    const char *rest = host + six + len;
    rest += six && *rest == ']';
    if (*rest == ':')
        rest += 1 + strspn(rest + 1, "0123456789");
    return *rest == '\0' && inet_pton(six ? AF_INET6 : AF_INET, bare, address) == 1;
}

bool server_is_origin(const struct server *server, const char *origin, const char *host)
{
    /* Another port of this host is another's page: its cookies are ours, its scripts are not. */
    return after_scheme(origin, host) ||
           (server->public_url[0] != '\0' && strcasecmp(origin, server->public_url) == 0);
}

bool server_is_https(const struct server *server, const char *host)
{
    return server->tls || (strncasecmp(server->public_url, "https://", 8) == 0 &&
                           after_scheme(server->public_url, host));
}
