/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-bus: relays events and routes requests between the actors of this host.
 */
#include "bus.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/bus.h"
#include "drover/exit.h"

#include "socket.h"

static int on_end(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    (void)arg;
    return -1;
}

static void on_stop(void *self)
{
    struct bus *bus = self;
    zloop_timer(bus->loop, 0, 1, on_end, NULL);
}

static void on_life(void *self, const char *json, size_t len)
{
    life_note(self, json, len);
}

static void on_log(void *self, const char *json, size_t len)
{
    log_note(self, json, len);
}

static void on_peer(void *self, const char *source, const char *token)
{
    door_admit(self, source, token);
}

static const struct dr_lifeline_calls calls = {
    .stop = on_stop, .life = on_life, .log = on_log, .peer = on_peer};

/* The sockets of a former bus are in the way of none: ZeroMQ binds over them. The directory is what
 * keeps strangers out (P29). */
static int make_run_dir(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "cannot make %s: %s\n", path, strerror(errno));
        return -1;
    }
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
        fprintf(stderr, "%s must be a directory that belongs to this user\n", path);
        return -1;
    }
    return chmod(path, 0700);
}

/* The command line of the same user may speak: whoever can read this file is let in as console. */
static int write_console_token(const struct bus *bus)
{
    char path[600], fresh[620];
    const char *token = "";
    for (size_t i = 0; i < bus->handover.peer_count; i++)
        if (strcmp(bus->handover.peers[i].source, "console") == 0)
            token = bus->handover.peers[i].token;
    snprintf(path, sizeof path, "%s/%s", bus->handover.run_dir, DR_BUS_CONSOLE_TOKEN);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || dprintf(fd, "%s\n", token) < 0 || close(fd) != 0 || rename(fresh, path) != 0) {
        fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
        return -1;
    }
    return 0;
}

static int run(struct bus *bus)
{
    char err[256];
    if (dr_control_take(DR_CONTROL_FD, &bus->handover, err, sizeof err) != 0) {
        fprintf(stderr, "this program is started by droverd: %s\n", err);
        return DR_EXIT_CONFIG;
    }
    struct dr_config_errors errors;
    bus->config =
        dr_config_parse(bus->handover.config, bus->handover.config_len, "drover.yaml", &errors);
    dr_config_errors_free(&errors);
    if (bus->config == NULL) {
        fprintf(stderr, "droverd handed over a configuration that does not parse\n");
        return DR_EXIT_CONFIG;
    }
    bus->core = bus_core_new();
    bus->loop = zloop_new();
    DR_ASSERT(bus->loop != NULL);
    bus->lifeline =
        dr_lifeline_new(bus->loop, DR_CONTROL_FD, bus->handover.watchdog_ms, &calls, bus);
    if (make_run_dir(bus->handover.run_dir) != 0 || write_console_token(bus) != 0)
        return DR_EXIT_RETRY;
    door_open(bus);
    if (events_open(bus) != 0 || requests_open(bus) != 0)
        return DR_EXIT_RETRY;
    dr_lifeline_ready(bus->lifeline);
    zloop_start(bus->loop);
    return DR_EXIT_OK;
}

int main(void)
{
    prctl(PR_SET_DUMPABLE, 0); /* a core dump would hold every token */
    zsys_handler_set(NULL);
    struct bus bus = {.life_seq = 0};
    dr_fresh_id(bus.boot);
    int code = run(&bus);
    dr_lifeline_free(&bus.lifeline);
    zloop_destroy(&bus.loop);
    zsock_destroy(&bus.requests);
    zsock_destroy(&bus.in);
    zsock_destroy(&bus.out);
    zsock_destroy(&bus.tap);
    zsock_destroy(&bus.door);
    requests_free(&bus);
    life_free(&bus);
    bus_core_free(&bus.core);
    dr_config_free(bus.config);
    dr_handover_free(&bus.handover);
    return code;
}
