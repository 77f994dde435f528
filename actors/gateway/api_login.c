/* SPDX-License-Identifier: Apache-2.0 */
/* Coming in and going out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "gateway.h"
#include "password.h"
#include "server.h"

void handle_healthz(struct request *request);
void handle_login_link(struct request *request);
void handle_login(struct request *request);
void handle_logout(struct request *request);
void handle_me(struct request *request);

void handle_healthz(struct request *request)
{
    answer_json(request, 200, json_pack("{s:b}", "ok", 1));
}

static void add_cookie(struct request *request, struct MHD_Response *response, const char *secret,
                       int64_t seconds)
{
    char cookie[200];
    const char *host = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Host");
    snprintf(cookie, sizeof cookie,
             "drover_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", secret,
             (long long)seconds, server_is_https(request->gateway->server, host) ? "; Secure" : "");
    MHD_add_response_header(response, "Set-Cookie", cookie);
}

static int64_t session_ms(const struct gateway *gateway)
{
    return gateway->actor == NULL ? 12 * 3600 * 1000
                                  : dr_actor_config(gateway->actor)->gateway.session_ms;
}

void handle_login_link(struct request *request)
{
    struct gateway *gateway = request->gateway;
    /* Who only looks where a link leads does not use it up. */
    bool looks = strcmp(request->method, "HEAD") == 0;
    const char *once = looks ? NULL : request_query(request, "once");
    bool good = once != NULL && sessions_use_link(gateway->sessions, once, dr_wall_us());
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    DR_ASSERT(response != NULL);
    if (good) {
        char secret[DR_RANDOM_ID_SIZE];
        int64_t ms = session_ms(gateway);
        sessions_begin(gateway->sessions, ACCOUNT_LINK_NAME, ROLE_OPERATOR, dr_wall_us(),
                       dr_wall_us() + ms * 1000, secret);
        add_cookie(request, response, secret, ms / 1000);
        gateway_note(gateway, "login", "link", "entered", "by the one-time link", "link");
    }
    /* One that was used or is too old leads to the page that says how to get another. */
    MHD_add_response_header(response, "Location",
                            good           ? "/"
                            : once == NULL ? "/?login=1"
                                           : "/?login=used");
    answer_response(request, 303, response);
}

/* Not the wall's: a clock that is set back would hold people back for as long. */
static int64_t limiter_now(void)
{
    return dr_boottime_ms() * 1000;
}

static bool held_back(struct request *request, const char *user)
{
    const struct limiter *limiter = request->gateway->limiter;
    char seconds[24], peer[LIMITER_ADDRESS_SIZE];
    limiter_address(request->peer, peer);
    int64_t now = limiter_now();
    int64_t by_name = limiter_wait_s(limiter, user, now);
    int64_t by_peer = limiter_wait_s(limiter, peer, now);
    int64_t wait = by_name > by_peer ? by_name : by_peer;
    if (wait == 0)
        return false;
    answer_error(request, 429, "rate", "too many wrong passwords: wait %lld s", (long long)wait);
    snprintf(seconds, sizeof seconds, "%lld", (long long)wait);
    MHD_add_response_header(request->response, "Retry-After", seconds);
    return true;
}

static json_t *me(const struct request *request, const struct login *login)
{
    return json_pack("{s:s,s:s,s:s,s:b,s:s}", "user", login->user, "role", role_name(login->role),
                     "csrf", login->csrf, "setup", request->gateway->setup != NULL, "version",
                     DROVER_VERSION);
}

static void enter(struct request *request, const char *name, struct login *login)
{
    struct gateway *gateway = request->gateway;
    char secret[DR_RANDOM_ID_SIZE];
    int64_t ms = session_ms(gateway);
    sessions_begin(gateway->sessions, name, login->role, dr_wall_us(), dr_wall_us() + ms * 1000,
                   secret);
    sessions_by_cookie(gateway->sessions, secret, dr_wall_us(), login);
    gateway_note(gateway, "login", name, "entered", request->peer, name);
    answer_json(request, 200, me(request, login));
    add_cookie(request, request->response, secret, ms / 1000);
}

/* The name that is tried, and the key under which its failures are counted. */
static void tried(struct request *request, char name[72], char key[80])
{
    snprintf(name, 72, "%s", request_text(request, "user"));
    snprintf(key, 80, "user %s", name);
}

static void on_checked(struct request *request, const char *hash, bool right)
{
    struct gateway *gateway = request->gateway;
    struct login login;
    char name[72], key[80], peer[LIMITER_ADDRESS_SIZE];
    tried(request, name, key);
    /* Many at once are no way around the limit: what waited behind the fifth wrong one is not told
     * whether it was right. */
    if (held_back(request, key))
        return;
    if (right && sessions_by_hash(gateway->sessions, name, hash, &login)) {
        limiter_succeeded(gateway->limiter, key);
        enter(request, name, &login);
        return;
    }
    limiter_address(request->peer, peer);
    limiter_failed(gateway->limiter, key, limiter_now());
    limiter_failed(gateway->limiter, peer, limiter_now());
    gateway_note(gateway, "login", name, "refused", "user or password was wrong", request->peer);
    answer_error(request, 401, "login", "user or password is wrong");
}

void handle_login(struct request *request)
{
    struct gateway *gateway = request->gateway;
    const char *user = request_text(request, "user");
    const char *password = user == NULL ? NULL : request_text(request, "password");
    char name[72], key[80];
    if (password == NULL)
        return;
    if (user[0] == '\0' || password[0] == '\0') {
        answer_error(request, 400, "bad-request", "user and password are needed");
        return;
    }
    tried(request, name, key);
    if (held_back(request, key))
        return;
    if (gateway->passwords == NULL)
        gateway->passwords = passwords_new(gateway->loop);
    char *hash = sessions_password_hash(gateway->sessions, name);
    if (hash == NULL || !password_check(gateway->passwords, request, hash, password, on_checked))
        answer_error(request, 503, "unavailable", "too many log in at once: try again in a moment");
    free(hash);
}

void handle_logout(struct request *request)
{
    const char *cookie =
        MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, "drover_session");
    struct login login;
    if (cookie != NULL &&
        sessions_by_cookie(request->gateway->sessions, cookie, dr_wall_us(), &login)) {
        sessions_end(request->gateway->sessions, cookie);
        gateway_note(request->gateway, "login", login.user, "left", "", login.user);
    }
    answer_json(request, 200, json_pack("{s:b}", "ok", 1));
    add_cookie(request, request->response, "", 0);
}

void handle_me(struct request *request)
{
    if (request->login.role == ROLE_NONE)
        answer_error(request, 401, "login", "log in first");
    else
        answer_json(request, 200, me(request, &request->login));
}
