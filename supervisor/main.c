/* SPDX-License-Identifier: Apache-2.0
 *
 * droverd: starts, watches and restarts the processes of Drover, and nothing else (P30). One
 * thread, one poll loop; each turn: what may start or stop, poll, signals, children, what is due.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "backlog.h"
#include "child.h"
#include "drover/assert.h"
#include "drover/exit.h"
#include "livemark.h"
#include "lockfile.h"
#include "logline.h"
#include "logsink.h"
#include "sdnotify.h"
#include "spawn.h"

#define CHILDREN_MAX 256 /* the accounts of two configurations, one leaving, one coming */
#define ASLEEP_MS 1000   /* a loop this late was held up: so were the children */
#define say(level, ...) dr_logsink_say(level, "supervisor", __VA_ARGS__)

static const struct child_role roles[] = {
#define ACTOR(ROLE, name_, exe, order_, guards_, env, meaning) \
    {.name = name_, .executable = exe, .order = order_, .guards = guards_, .environment = env},
#define EDGE(from, to)
#include "drover/topology.def"
#undef ACTOR
#undef EDGE
};

static const char usage[] =
    "usage: droverd --config FILE [--check] [--log-json] [--exec-dir DIR]\n"
    "  --config FILE   drover.yaml (docs/configuration.md)\n"
    "  --check         say what is wrong with it and start nothing\n"
    "  --log-json      JSON lines on a terminal too\n"
    "  --exec-dir DIR  where the actors are; else beside droverd or in ../libexec/drover\n";

static struct {
    const char *config_path;
    int check, log_json, help, version; /* as getopt_long() sets them */
    struct child *children[CHILDREN_MAX];
    size_t count;
    char console_token[65]; /* for people's drover commands, handed to the bus */
    struct dr_backlog news; /* for the bus */
    int signals;
    int level; /* roles up to this order may run */
    bool ready_said, stopping;
    int64_t stop_deadline_ms;
} d;

static int64_t now_ms(void)
{
    struct timespec now; /* stands still during a suspend, as the children do */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct dr_cfg_root *root(void)
{
    return dr_config_root(child_world.config);
}

/* ---- news for the bus ------------------------------------------------------------------------ */
static void on_log_line(const char *json, size_t len)
{
    dr_backlog_add(&d.news, DR_CONTROL_LOG, json, len);
}

static void add_life(const struct child *child)
{
    size_t len;
    struct dr_actor_view view = {.actor = child->source,
                                 .state = child_state_names[child->state],
                                 .pid = child->pid,
                                 .restarts = child->restarts,
                                 .since_us = child->since_us,
                                 .sentence = child->sentence};
    char *json = dr_actor_view_json(&view, &len);
    dr_backlog_add(&d.news, DR_CONTROL_LIFE, json, len);
    free(json);
}

static void on_changed(struct child *child)
{
    add_life(child);
    for (size_t i = 0; child->is_bus && child->state == CHILD_READY && i < d.count; i++)
        if (d.children[i] != child) /* a new bus knows nothing of the others */
            add_life(d.children[i]);
}

static void tell_bus(void)
{
    for (size_t i = 0; i < d.count; i++) {
        struct child *child = d.children[i];
        if (!child->is_bus || child->state != CHILD_READY)
            continue;
        int64_t dropped = d.news.dropped;
        d.news.dropped = 0;
        if (dropped > 0)
            say("warning", "%lld events were dropped while the bus was down", (long long)dropped);
        dr_backlog_drain(&d.news, &child->out);
    }
}

/* ---- which children there are ---------------------------------------------------------------- */
static void write_peers(struct dr_control_out *out)
{
    for (size_t i = 0; i < d.count; i++)
        dr_control_put_pair(out, DR_CONTROL_PEER, d.children[i]->source, d.children[i]->token);
    dr_control_put_pair(out, DR_CONTROL_PEER, "console", d.console_token);
}

static void add_child(const struct child_role *role, const char *account)
{
    struct child *child = child_new(role, account);
    for (size_t i = 0; i < d.count; i++) {
        if (strcmp(d.children[i]->source, child->source) == 0) {
            d.children[i]->leaving = false;
            child_free(child);
            return;
        }
    }
    DR_ASSERT(d.count < CHILDREN_MAX);
    d.children[d.count++] = child;
}

/* One child per role with an executable, one provisioner per account. */
static void choose_children(void)
{
    for (size_t i = 0; i < d.count; i++)
        d.children[i]->leaving = true;
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        bool per_account = strcmp(roles[r].name, "provisioner") == 0;
        if (*roles[r].executable && !per_account)
            add_child(&roles[r], NULL);
        for (size_t i = 0; per_account && i < root()->accounts.count; i++)
            add_child(&roles[r], root()->accounts.items[i].name);
    }
    for (size_t i = 0; i < d.count; i++)
        if (d.children[i]->leaving)
            child_stop(d.children[i], root()->supervisor.stop_timeout_ms, now_ms());
}

static void forget_left(void)
{
    for (size_t i = d.count; i-- > 0;) {
        struct child *child = d.children[i];
        if (!child->leaving || child->state != CHILD_STOPPED)
            continue;
        memmove(&d.children[i], &d.children[i + 1], (--d.count - i) * sizeof *d.children);
        child_free(child);
    }
}

/* ---- start and stop in order ----------------------------------------------------------------- */
static void advance_start(void)
{
    int next = INT32_MAX;
    bool all_ready = true;
    for (size_t i = 0; i < d.count; i++) {
        struct child *child = d.children[i];
        if (child->leaving)
            continue;
        if (child->role->order <= d.level && child->state == CHILD_STOPPED)
            child_start(child, now_ms());
        if (child->role->order <= d.level)
            all_ready = all_ready && child->state == CHILD_READY;
        else if (child->role->order < next)
            next = child->role->order;
    }
    if (d.ready_said || !all_ready)
        return;
    if (next < INT32_MAX) {
        d.level = next;
        advance_start();
        return;
    }
    d.ready_said = true;
    say("info", "ready: %zu processes run", d.count);
    dr_sdnotify("READY=1\nSTATUS=all processes run");
}

static void begin_stop(void)
{
    say("info", "%s", d.stopping ? "asked again: what still runs is killed" : "stopping");
    for (size_t i = 0; d.stopping && i < d.count; i++)
        child_kill(d.children[i], "was killed: asked to stop twice");
    d.stop_deadline_ms = d.stopping ? 0 : now_ms() + root()->supervisor.stop_timeout_ms;
    d.stopping = true;
    dr_sdnotify("STOPPING=1");
}

/* True when nothing runs any more. */
static bool advance_stop(void)
{
    int order = 0;
    for (size_t i = 0; i < d.count; i++)
        if (d.children[i]->pid && d.children[i]->role->order > order)
            order = d.children[i]->role->order;
    int64_t slot_ms = (d.stop_deadline_ms - now_ms()) / (order > 0 ? order : 1);
    for (size_t i = 0; i < d.count; i++) {
        struct child *child = d.children[i];
        if (child->role->order >= order && child->state != CHILD_STOPPING)
            child_stop(child, slot_ms > 10 ? slot_ms : 10, now_ms());
    }
    return order == 0;
}

/* ---- configuration --------------------------------------------------------------------------- */
static struct dr_config *load(void)
{
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_load(d.config_path, &errors);
    for (size_t i = 0; i < errors.count; i++)
        say(errors.items[i].warning ? "warning" : "error", "%s", errors.items[i].text);
    dr_config_errors_free(&errors);
    return config;
}

static void open_logs(void)
{
    const struct dr_cfg_supervisor *how = &root()->supervisor;
    if (dr_logsink_open(how->log_file, d.log_json, how->log_level) < 0)
        say("error", "log_file %s: %s; standard error it is", how->log_file, strerror(errno));
}

static void reload(void)
{
    char why[256] = "";
    dr_sdnotify_reloading();
    struct dr_config *config = load(), *old = child_world.config;
    if (d.count > CHILDREN_MAX / 2)
        snprintf(why, sizeof why, "processes of the last change still stop: try again");
    bool fits =
        config && *why == '\0' &&
        dr_config_may_replace(root(), dr_config_root(config), why, sizeof why) &&
        !dr_livemark_forbids(root()->state_dir, root(), dr_config_root(config), why, sizeof why);
    if (fits) {
        child_world.config = config;
        open_logs();
        choose_children();
        for (size_t i = 0; i < d.count; i++)
            child_reload(d.children[i], now_ms());
        say("info", "%s was read again and handed on", d.config_path);
    } else {
        say("error", "%s is refused; the configuration before it stays%s%s", d.config_path,
            *why ? ": " : "", why);
    }
    dr_config_free(fits ? old : config);
    dr_sdnotify("READY=1");
}

/* ---- the loop -------------------------------------------------------------------------------- */
static void on_signals(void)
{
    struct signalfd_siginfo info;
    while (read(d.signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP)
            begin_stop();
        else if (!d.stopping)
            reload();
    }
}

static int64_t nearest_deadline(void)
{
    int64_t nearest_ms = dr_sdnotify_watchdog(now_ms());
    for (size_t i = 0; i < d.count; i++)
        if (d.children[i]->deadline_ms < nearest_ms)
            nearest_ms = d.children[i]->deadline_ms;
    return nearest_ms;
}

/* Waits for events and hears them. Deadlines are judged after that, so that what was said in time
 * but read late counts. */
static void hear(int64_t deadline_ms)
{
    struct pollfd fds[1 + 3 * CHILDREN_MAX] = {{.fd = d.signals, .events = POLLIN}};
    int64_t left_ms = deadline_ms - now_ms();
    for (size_t i = 0; i < d.count; i++) {
        struct child *child = d.children[i];
        short events = child->out.len > 0 ? POLLIN | POLLOUT : POLLIN;
        fds[1 + 3 * i] = (struct pollfd){.fd = child->control_fd, .events = events};
        fds[2 + 3 * i] = (struct pollfd){.fd = child->log.fd, .events = POLLIN};
        fds[3 + 3 * i] = (struct pollfd){.fd = child->pidfd, .events = POLLIN};
    }
    if (poll(fds, 1 + 3 * d.count, left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms) < 0)
        return;
    for (size_t i = 0; i < d.count; i++) {
        struct child *child = d.children[i];
        if (fds[1 + 3 * i].revents & POLLOUT)
            (void)dr_control_flush(&child->out, child->control_fd);
        if (fds[1 + 3 * i].revents & ~POLLOUT)
            child_on_control(child, now_ms());
        if (fds[2 + 3 * i].revents)
            dr_logpipe_read(&child->log, child->source);
        if (fds[3 + 3 * i].revents)
            child_on_end(child, now_ms());
    }
    if (fds[0].revents)
        on_signals();
}

static void run(void)
{
    for (;;) {
        forget_left();
        if (d.stopping && advance_stop())
            return;
        if (!d.stopping)
            advance_start();
        tell_bus();
        int64_t due_ms = nearest_deadline();
        hear(due_ms);
        int64_t late_ms = now_ms() - due_ms;
        for (size_t i = 0; i < d.count; i++) {
            struct child *child = d.children[i];
            if (late_ms > ASLEEP_MS && child->state != CHILD_STOPPING)
                child->deadline_ms += child->deadline_ms < POLICY_NEVER ? late_ms + ASLEEP_MS : 0;
            if (child->deadline_ms <= now_ms())
                child_on_deadline(child, now_ms());
        }
    }
}

/* ---- start ----------------------------------------------------------------------------------- */
static bool parse_arguments(int argc, char **argv)
{
    const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, &d.check, 1},
        {"log-json", no_argument, &d.log_json, 1},
        {"exec-dir", required_argument, NULL, 'e'},
        {"help", no_argument, &d.help, 1},
        {"version", no_argument, &d.version, 1},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'c')
            d.config_path = optarg;
        else if (c == 'e')
            snprintf(child_world.exec_dir, sizeof child_world.exec_dir, "%s", optarg);
        else if (c != 0)
            return false;
    }
    return optind == argc && (d.config_path || d.help || d.version);
}

static int settle_in(void)
{
    char why[8500];
    bool own = *root()->run_dir != '\0';
    snprintf(child_world.run_dir, sizeof child_world.run_dir, "%s%s",
             own ? root()->run_dir : root()->state_dir, own ? "" : "/run");
    if (dr_state_dir_take(root()->state_dir, child_world.run_dir, why, sizeof why) < 0) {
        say("error", "%s", why);
        return -1;
    }
    dr_control_new_token(child_world.boot);
    dr_control_new_token(d.console_token);
    child_world.peers = write_peers;
    child_world.changed = on_changed;
    dr_logsink_listen(on_log_line);
    open_logs();
    return 0;
}

int main(int argc, char **argv)
{
    d.signals = dr_process_begin();
    bool understood = parse_arguments(argc, argv);
    if (!understood || d.help || d.version) {
        fputs(d.version ? "droverd " DROVER_VERSION "\n" : usage, understood ? stdout : stderr);
        return understood ? DR_EXIT_OK : DR_EXIT_CONFIG;
    }
    dr_logsink_open("", d.log_json, "info");
    char path[PATH_MAX]; /* for the gateway, which shows and replaces that file */
    setenv("DROVER_CONFIG", realpath(d.config_path, path) ? path : d.config_path, 1);
    child_world.config = load();
    if (child_world.config && d.check)
        return printf("%s is fine\n", d.config_path) > 0 ? DR_EXIT_OK : DR_EXIT_RETRY;
    if (!child_world.config || settle_in() < 0)
        return DR_EXIT_CONFIG;
    choose_children();
    run();
    say("info", "stopped");
    return DR_EXIT_OK;
}
