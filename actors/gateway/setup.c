/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <czmq.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dispatch.h"
#include "drover/clock.h"
#include "drover/exit.h"
#include "gateway.h"
#include "listen.h"
#include "lockfile.h"
#include "nocore.h"
#include "server.h"

#define STREAM_BYTES ((size_t)64 << 10) /* nobody listens */
#define TICK_MS 1000
#define USAGE_EXIT 64

struct setup {
    const char *config, *listen, *state_dir;
    char config_path[PATH_MAX], state_path[480];
};

static bool fail(const char *format, const char *what, const char *why)
{
    fputs("drover-gateway: ", stderr);
    fprintf(stderr, format, what, why);
    fputc('\n', stderr);
    return false;
}

/* ---- places --------------------------------------------------------------------------------- */
static bool absolute(const char *path, char *out, size_t room)
{
    char here[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(here, sizeof here) == NULL)
        return false;
    return (size_t)snprintf(out, room, "%s%s%s", here, path[0] == '/' ? "" : "/", path) < room;
}

/* The folder of drover.yaml, which others may read. */
static bool make_folder(const char *path)
{
    char above[PATH_MAX];
    snprintf(above, sizeof above, "%s", path);
    for (char *slash = above; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
        *slash = '\0';
        if (mkdir(above, 0755) != 0 && errno != EEXIST)
            return fail("cannot make %s: %s", above, strerror(errno));
    }
    *strrchr(above, '/') = '\0';
    if (access(above[0] == '\0' ? "/" : above, W_OK | X_OK) != 0)
        return fail("drover.yaml cannot be written into %s: %s", above, strerror(errno));
    return true;
}

static bool find_state(struct setup *setup)
{
    char standard[PATH_MAX];
    const char *home = getenv("HOME");
    if (geteuid() == 0 || home == NULL || home[0] == '\0')
        snprintf(standard, sizeof standard, "/var/lib/drover");
    else
        snprintf(standard, sizeof standard, "%s/.local/share/drover", home);
    return absolute(setup->state_dir == NULL ? standard : setup->state_dir, setup->state_path,
                    sizeof setup->state_path) ||
           fail("state_dir %s%s", setup->state_dir, ": the path is too long");
}

static bool find_places(struct setup *setup)
{
    char run[PATH_MAX];
    if (!absolute(setup->config, setup->config_path, sizeof setup->config_path))
        return fail("%s: %s", setup->config, "the path is too long");
    if (access(setup->config_path, F_OK) == 0)
        return fail("%s is there already: `drover up` starts with it%s", setup->config_path, "");
    if (!dr_listen_is_local(setup->listen))
        return fail("--listen %s: %s", setup->listen,
                    "the first start listens on this host only, e.g. 127.0.0.1:8400");
    if (!find_state(setup) || !make_folder(setup->config_path))
        return false;
    snprintf(run, sizeof run, "%s/run", setup->state_path);
    if (dr_private_dir(setup->state_path) != 0 || dr_private_dir(run) != 0)
        return fail("cannot use %s: %s; name another with --state-dir", setup->state_path,
                    strerror(errno));
    return true;
}

bool setup_allows(struct request *request)
{
    static const char *const early[] = {
        "healthz", "login_link", "login",        "logout",        "openapi",     "me",
        "schema",  "prices",     "wizard_known", "wizard_render", "wizard_test", "wizard_launch"};
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
        if (strcmp(request->route->name, early[i]) == 0)
            return true;
    }
    if (request->gateway->setup != NULL)
        answer_error(request, 503, "setup", "Drover is not set up yet");
    return request->gateway->setup == NULL;
}

/* ---- its life ------------------------------------------------------------------------------- */
static int on_tick(zloop_t *loop, int id, void *arg)
{
    struct gateway *gateway = arg;
    (void)loop;
    (void)id;
    sessions_link(gateway->sessions, server_url(gateway->server), dr_wall_us());
    return 0;
}

static struct gateway *begin(const struct setup *setup, zloop_t *loop, const char *web_dir)
{
    static struct gateway self; /* as long as the process: requests end with it */
    struct gateway *gateway = &self;
    char link[PATH_MAX];
    gateway->setup = setup->config_path;
    gateway->web_dir = web_dir;
    gateway->loop = loop;
    gateway->started_us = dr_wall_us();
    snprintf(gateway->state_dir, sizeof gateway->state_dir, "%s/gateway", setup->state_path);
    snprintf(gateway->run_dir, sizeof gateway->run_dir, "%s/run", setup->state_path);
    snprintf(link, sizeof link, "%s/login", gateway->run_dir);
    gateway->hub = hub_new(STREAM_BYTES, "setup");
    gateway->sessions = sessions_new(gateway->state_dir, link, dr_wall_us());
    gateway->limiter = limiter_new();
    gateway->notes = notes_new(NULL, gateway->state_dir);
    return gateway;
}

static int serve(const struct setup *setup, const char *web_dir)
{
    char err[400];
    struct server_place place = {.listen = setup->listen, .public_url = ""};
    zsys_init(); /* from here SIGTERM and Ctrl-C end the loop */
    zloop_t *loop = zloop_new();
    struct gateway *gateway = begin(setup, loop, web_dir);
    gateway->server = server_open(gateway, loop, &place, dispatch, dispatch_room, err, sizeof err);
    if (gateway->server == NULL) {
        fail("%s; --listen names another address%s", err, "");
        return DR_EXIT_RETRY;
    }
    on_tick(loop, 0, gateway);
    zloop_timer(loop, TICK_MS, 0, on_tick, gateway);
    zloop_start(loop);
    sessions_free(&gateway->sessions); /* the link goes, the sessions stay for the one to come */
    return gateway->leaving ? DR_EXIT_OK : DR_EXIT_RETRY;
}

int setup_main(int argc, char **argv, const char *web_dir)
{
    static struct setup setup = {.listen = "127.0.0.1:8400"};
    bool good = true;
    for (int i = 2; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--config") == 0      ? &setup.config
                          : strcmp(argv[i], "--listen") == 0    ? &setup.listen
                          : strcmp(argv[i], "--state-dir") == 0 ? &setup.state_dir
                                                                : NULL;
        good = good && to != NULL && i + 1 < argc;
        if (good)
            *to = argv[i + 1];
    }
    if (!good || setup.config == NULL) {
        fputs("usage: drover-gateway --setup --config PATH [--listen HOST:PORT] "
              "[--state-dir DIR]\n",
              stderr);
        return USAGE_EXIT;
    }
    dr_no_core();
    return find_places(&setup) ? serve(&setup, web_dir) : DR_EXIT_CONFIG;
}
