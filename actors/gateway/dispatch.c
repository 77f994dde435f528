/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

#include <sodium.h>
#include <string.h>

#include "body.h"
#include "drover/clock.h"
#include "gateway.h"
#include "server.h"
#include "setup.h"
#include "utf8.h"

#define NOBODYS_BODY_MAX ((size_t)16 << 10)

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void who_asks(struct request *request)
{
    struct sessions *sessions = request->gateway->sessions;
    const char *bearer = header(request, "Authorization");
    if (bearer != NULL) {
        if (strncasecmp(bearer, "Bearer ", 7) != 0 ||
            !sessions_by_token(sessions, bearer + 7, &request->login))
            request->login = (struct login){0};
        return; /* a wrong token is nobody, whatever cookie comes with it */
    }
    const char *cookie =
        MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, "drover_session");
    if (cookie == NULL || !sessions_by_cookie(sessions, cookie, dr_wall_us(), &request->login))
        request->login = (struct login){0};
}

static enum MHD_Result check_parameter(void *arg, enum MHD_ValueKind kind, const char *name,
                                       size_t name_len, const char *value, size_t len)
{
    (void)kind;
    (void)name;
    (void)name_len;
    *(bool *)arg = value == NULL || dr_utf8_span(value, len) == len;
    return *(bool *)arg ? MHD_YES : MHD_NO;
}

/* What is no text goes no further: the actors' messages carry UTF-8 only. */
static bool readable(struct request *request)
{
    bool good = true;
    MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &good);
    for (size_t i = 0; good && i < request->args.count; i++) {
        const char *value = request->args.values[i];
        good = value[dr_utf8_span(value, strlen(value))] == '\0';
    }
    if (!good)
        answer_error(request, 400, "bad-request", "a parameter is no UTF-8 text");
    return good;
}

struct framing {
    int hosts, lengths, codings;
};

static enum MHD_Result count_framing(void *arg, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t len)
{
    struct framing *framing = arg;
    (void)kind;
    (void)name_len;
    (void)value;
    (void)len;
    framing->hosts += strcasecmp(name, "Host") == 0;
    framing->lengths += strcasecmp(name, "Content-Length") == 0;
    framing->codings += strcasecmp(name, "Transfer-Encoding") == 0;
    return MHD_YES;
}

/* What a proxy before us may have read as another request than we do ends the connection: what
 * follows on it would be somebody's words in somebody else's mouth (RFC 9112, 6.3 and 11.2). */
static bool has_one_meaning(struct request *request)
{
    struct framing framing = {0};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, count_framing, &framing);
    if (framing.hosts <= 1 && framing.lengths + framing.codings <= 1)
        return true;
    answer_error(request, 400, "bad-request",
                 "Host, and Content-Length or Transfer-Encoding, may stand once");
    MHD_add_response_header(request->response, "Connection", "close");
    return false;
}

/* A page of another name on this address, or of another origin, is somebody else's. */
static bool from_here(struct request *request)
{
    struct server *server = request->gateway->server;
    const char *host = header(request, "Host"), *origin = header(request, "Origin");
    if (host == NULL || !server_is_host(server, host)) {
        answer_error(request, 421, "refused",
                     "this address answers to %s only; set gateway.public_url for another name",
                     server_url(server));
        return false;
    }
    if (origin != NULL && strcmp(request->method, "GET") != 0 &&
        !server_is_origin(server, origin, host)) {
        answer_error(request, 403, "refused", "a page of another origin may change nothing here");
        return false;
    }
    return true;
}

static bool may(struct request *request)
{
    const struct route *route = request->route;
    if (route->role == ROLE_NONE)
        return true;
    if (request->login.role == ROLE_NONE) {
        answer_error(request, 401, "login", "log in first");
        return false;
    }
    if (request->login.role < route->role) {
        answer_error(request, 403, "role", "%s is a viewer: this needs the role operator",
                     request->login.user);
        return false;
    }
    const char *csrf = header(request, "X-Drover-Csrf");
    if (strcmp(route->method, "GET") == 0 || request->login.by_token)
        return true;
    if (csrf == NULL || strlen(csrf) != strlen(request->login.csrf) ||
        sodium_memcmp(csrf, request->login.csrf, strlen(csrf)) != 0) {
        answer_error(request, 403, "csrf", "the header X-Drover-Csrf of /api/v1/me is missing");
        return false;
    }
    return true;
}

/* Of those whom nobody knows, nothing is kept but what a login needs. */
size_t dispatch_room(struct request *request)
{
    struct route_args args;
    char allowed[128];
    who_asks(request);
    if (request->login.role != ROLE_NONE)
        return GATEWAY_BODY_MAX;
    const struct route *route = route_find(request->method, request->path, &args, allowed);
    return route != NULL && route->role == ROLE_NONE ? NOBODYS_BODY_MAX : 0;
}

void dispatch(struct request *request)
{
    char allowed[128];
    if (!has_one_meaning(request) || !from_here(request))
        return;
    if (request->path[0] != '/') {
        answer_error(request, 400, "bad-request", "a path begins with /");
        return;
    }
    request->route = route_find(request->method, request->path, &request->args, allowed);
    if (request->route == NULL) {
        bool api = strncmp(request->path, "/api/", 5) == 0;
        if (allowed[0] != '\0') {
            answer_error(request, 405, "bad-request", "%s can do: %s", request->path, allowed);
            MHD_add_response_header(request->response, "Allow", allowed);
        } else if (api) {
            answer_error(request, 404, "not-found", "there is no %s %s", request->method,
                         request->path);
        } else {
            static_answer(request);
        }
        return;
    }
    who_asks(request);
    if (may(request) && setup_allows(request) && readable(request) && body_read(request))
        request->route->handle(request);
}
