/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drover-gateway: serves people over HTTP (docs/gateway.md). It decides nothing.
 */
#include <czmq.h>
#include <limits.h>
#include <malloc.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dispatch.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "drover/exit.h"
#include "feed.h"
#include "gateway.h"
#include "listen.h"
#include "log.h"
#include "nocore.h"
#include "password.h"
#include "secretfile.h"
#include "server.h"
#include "setup.h"

#define STREAM_BYTES ((size_t)4 << 20)
#define RETRY_MS 3000
#define SAID_AGAIN_US ((int64_t)3600 * 1000000)
#define TICK_MS 1000

static const char *web_dir; /* DROVER_WEB */

/* ---- listening ------------------------------------------------------------------------------ */
static char *read_key(const char *path, struct dr_error *error)
{
    size_t len;
    return dr_secretfile_read(path, 1 << 20, &len, error);
}

/* Certificates are public: any mode will do. */
static char *read_public(const char *path, struct dr_error *error)
{
    char text[65536];
    FILE *file = fopen(path, "re");
    size_t len = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL)
        fclose(file);
    text[len] = '\0';
    if (len == 0)
        dr_error_set(error, "tls_cert_file %s cannot be read", path);
    return len == 0 ? NULL : strdup(text);
}

/* Why nobody can come in, each reason once an hour: it may stay so until a person does something.
 */
__attribute__((format(printf, 2, 3))) static void say_deaf(struct gateway *gateway,
                                                           const char *format, ...)
{
    char why[sizeof gateway->deaf];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    int64_t now_us = dr_wall_us();
    if (strcmp(why, gateway->deaf) == 0 && llabs(now_us - gateway->deaf_us) < SAID_AGAIN_US)
        return;
    snprintf(gateway->deaf, sizeof gateway->deaf, "%s", why);
    gateway->deaf_us = now_us;
    dr_log(DR_LOG_ERROR, NULL, "%s; Drover tries again until it can", why);
}

/* Nobody may come in from elsewhere without TLS and a name. */
static bool may_listen(struct gateway *gateway, const struct dr_cfg_gateway *cfg)
{
    if (dr_listen_is_local(cfg->listen))
        return true;
    bool anybody = dr_accounts_users(sessions_accounts(gateway->sessions)) > 0;
    if (cfg->tls_cert_file[0] == '\0' || cfg->tls_key_file[0] == '\0')
        say_deaf(gateway,
                 "the dashboard does not listen on %s: an address that is not this host's own "
                 "needs gateway.tls_cert_file and tls_key_file",
                 cfg->listen);
    else if (!anybody)
        say_deaf(gateway,
                 "the dashboard does not listen on %s: nobody could log in; "
                 "`drover token user add NAME --role operator` makes an account",
                 cfg->listen);
    else
        return true;
    return false;
}

/* Where it listens, for the console and for tests. */
static void write_place(const struct gateway *gateway)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    json_t *place = json_pack("{s:s}", "url", server_url(gateway->server));
    snprintf(path, sizeof path, "%s/gateway.json", gateway->run_dir);
    snprintf(fresh, sizeof fresh, "%s/gateway.json.new", gateway->run_dir);
    if (json_dump_file(place, fresh, JSON_COMPACT) != 0 || rename(fresh, path) != 0)
        dr_log(DR_LOG_WARNING, NULL, "cannot write %s", path);
    json_decref(place);
}

static void open_server(struct gateway *gateway)
{
    const struct dr_cfg_gateway *cfg = &dr_actor_config(gateway->actor)->gateway;
    struct dr_error error = {0};
    char err[400] = "";
    char *cert = NULL, *key = NULL;
    if (!may_listen(gateway, cfg))
        return;
    bool tls = cfg->tls_cert_file[0] != '\0';
    if (tls && ((cert = read_public(cfg->tls_cert_file, &error)) == NULL ||
                (key = read_key(cfg->tls_key_file, &error)) == NULL)) {
        say_deaf(gateway, "the dashboard does not listen: %s", error.text);
    } else {
        struct server_place place = {cfg->listen, cert, key, cfg->public_url};
        gateway->server = server_open(gateway, dr_actor_loop(gateway->actor), &place, dispatch,
                                      dispatch_room, err, sizeof err);
        if (gateway->server == NULL)
            say_deaf(gateway, "the dashboard: %s; gateway.listen in drover.yaml names the address",
                     err);
    }
    free(cert);
    if (key != NULL)
        sodium_memzero(key, strlen(key));
    free(key);
    if (gateway->server == NULL)
        return;
    gateway->deaf[0] = '\0';
    write_place(gateway);
    dr_log(DR_LOG_INFO, NULL, "the dashboard is at %s (drover token link: the way in)",
           server_url(gateway->server));
}

static bool is_off(const struct gateway *gateway)
{
    return strcmp(dr_actor_config(gateway->actor)->gateway.listen, "off") == 0;
}

static int on_retry(zloop_t *loop, int id, void *arg)
{
    struct gateway *gateway = arg;
    (void)loop;
    (void)id;
    if (gateway->server == NULL && !is_off(gateway))
        open_server(gateway);
    return 0;
}

static bool holds(void *arg, const struct hub_right *right)
{
    struct gateway *gateway = arg;
    return sessions_holds(gateway->sessions, right->proof, right->by_token, dr_wall_us());
}

static int on_tick(zloop_t *loop, int id, void *arg)
{
    struct gateway *gateway = arg;
    (void)loop;
    (void)id;
    notes_tick(gateway->notes);
    if (gateway->server == NULL)
        return 0;
    if (dr_listen_is_local(dr_actor_config(gateway->actor)->gateway.listen))
        sessions_link(gateway->sessions, server_url(gateway->server), dr_wall_us());
    hub_tick(gateway->hub, dr_wall_us());
    hub_sweep(gateway->hub, holds, gateway);
    server_kick(gateway->server);
    return 0;
}

/* ---- an actor's life ------------------------------------------------------------------------ */
static int start(struct dr_actor *actor)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    char link[PATH_MAX], boot[DR_RANDOM_ID_SIZE];
    DR_ASSERT(gateway != NULL);
    dr_no_core(); /* passwords and the wizard's secrets pass through here */
    gateway->actor = actor;
    gateway->loop = dr_actor_loop(actor);
    gateway->web_dir = web_dir;
    gateway->started_us = dr_wall_us();
    snprintf(gateway->state_dir, sizeof gateway->state_dir, "%s/gateway",
             dr_actor_state_dir(actor));
    snprintf(gateway->run_dir, sizeof gateway->run_dir, "%s", dr_actor_run_dir(actor));
    snprintf(link, sizeof link, "%s/login", gateway->run_dir);
    dr_random_id(boot);
    boot[12] = '\0';
    gateway->hub = hub_new(STREAM_BYTES, boot);
    gateway->sessions = sessions_new(gateway->state_dir, link, dr_wall_us());
    gateway->limiter = limiter_new();
    gateway->notes = notes_new(actor, gateway->state_dir);
    dr_actor_set_self(actor, gateway);
    gateway->feed = feed_new(gateway);
    zloop_timer(dr_actor_loop(actor), RETRY_MS, 0, on_retry, gateway);
    zloop_timer(dr_actor_loop(actor), TICK_MS, 0, on_tick, gateway);
    on_retry(dr_actor_loop(actor), 0, gateway);
    on_tick(dr_actor_loop(actor), 0, gateway);
    return 0;
}

static void on_event(struct dr_actor *actor, const struct dr_message *message)
{
    struct gateway *gateway = dr_actor_self(actor);
    feed_event(gateway->feed, message);
    if (gateway->server != NULL)
        server_kick(gateway->server);
}

static void on_gap(struct dr_actor *actor, const char *source, const char *topic)
{
    struct gateway *gateway = dr_actor_self(actor);
    (void)topic;
    feed_gap(gateway->feed, source);
}

static void reconfigured(struct dr_actor *actor, const struct dr_cfg_root *before)
{
    struct gateway *gateway = dr_actor_self(actor);
    const struct dr_cfg_gateway *was = &before->gateway, *is = &dr_actor_config(actor)->gateway;
    feed_reconfigured(gateway->feed);
    if (strcmp(was->listen, is->listen) != 0 || strcmp(was->public_url, is->public_url) != 0 ||
        strcmp(was->tls_cert_file, is->tls_cert_file) != 0 ||
        strcmp(was->tls_key_file, is->tls_key_file) != 0)
        dr_actor_exit(actor, DR_EXIT_RETRY); /* its successor listens at the new address */
}

/* The process ends: connections end with it, and their requests need no answer. */
static void stop(struct dr_actor *actor)
{
    struct gateway *gateway = dr_actor_self(actor);
    if (gateway == NULL)
        return;
    taps_close();
    passwords_free(&gateway->passwords);
    feed_free(&gateway->feed);
    sessions_free(&gateway->sessions);
    notes_free(&gateway->notes);
}

/* Bodies hold passwords and keys: nothing of a JSON tree stays in memory that was given back. */
static void wipe_and_free(void *bytes)
{
    if (bytes != NULL)
        sodium_memzero(bytes, malloc_usable_size(bytes));
    free(bytes);
}

int main(int argc, char **argv)
{
    static const struct dr_actor_spec spec = {
        .role = DR_ROLE_GATEWAY,
        .events = feed_events,
        .start = start,
        .event = on_event,
        .gap = on_gap,
        .reconfigured = reconfigured,
        .stop = stop,
    };
    web_dir = getenv("DROVER_WEB");
    json_set_alloc_funcs(malloc, wipe_and_free);
    if (argc > 1 && strcmp(argv[1], "--setup") == 0)
        return setup_main(argc, argv, web_dir);
    return dr_actor_main(argc, argv, &spec);
}
