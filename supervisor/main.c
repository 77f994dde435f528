/* SPDX-License-Identifier: Apache-2.0
 *
 * droverd: starts, watches and restarts the processes of Drover, and nothing else (P30). One
 * thread, one poll loop; each turn: what may start or stop, poll, signals, children, what is due.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "backlog.h"
#include "child.h"
#include "drover/assert.h"
#include "drover/exit.h"
#include "lockfile.h"
#include "logsink.h"
#include "sdnotify.h"

#define CHILDREN_MAX 128
#define SELF "supervisor"

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
    "  --exec-dir DIR  where the actors' executables are; else beside droverd, then\n"
    "                  ../libexec/drover\n";

static struct {
    const char *config_path;
    bool check, log_json;
    struct child *children[CHILDREN_MAX];
    size_t count;
    struct child *console;  /* never started; its token is for people's drover commands */
    struct dr_backlog news; /* for the bus */
    int signals;
    int level; /* roles up to this order may run */
    bool ready_said, stopping;
    int64_t stop_deadline_ms, notify_due_ms;
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
    json_t *view =
        json_pack("{ss ss sI sI sI ss}", "actor", child->source, "state", child_state_name(child),
                  "pid", (json_int_t)child->pid, "restarts", (json_int_t)child->restarts,
                  "since_us", (json_int_t)child->since_us, "sentence", child->sentence);
    char *json = view ? json_dumps(view, JSON_COMPACT) : NULL;
    if (json)
        dr_backlog_add(&d.news, DR_CONTROL_LIFE, json, strlen(json));
    free(json);
    json_decref(view);
}

static void on_changed(struct child *child)
{
    add_life(child);
    for (size_t i = 0; child_is_bus(child) && child->state == CHILD_READY && i < d.count; i++)
        if (d.children[i] != child) /* a new bus knows nothing of the others */
            add_life(d.children[i]);
}

static void tell_bus(void)
{
    for (size_t i = 0; i < d.count; i++) {
        struct child *child = d.children[i];
        if (!child_is_bus(child) || child->state != CHILD_READY)
            continue;
        int64_t dropped = d.news.dropped;
        d.news.dropped = 0;
        if (dropped > 0)
            dr_logsink_say("warning", SELF, "%lld events were dropped while the bus was down",
                           (long long)dropped);
        dr_backlog_drain(&d.news, &child->out);
    }
}

/* ---- which children there are ---------------------------------------------------------------- */
static void write_peers(struct dr_control_out *out)
{
    for (size_t i = 0; i < d.count; i++)
        dr_control_put_pair(out, DR_CONTROL_PEER, d.children[i]->source, d.children[i]->token);
    dr_control_put_pair(out, DR_CONTROL_PEER, d.console->source, d.console->token);
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
    d.children[d.count++] = child;
}

/* P25: a provisioner with live rows cannot be removed. Only the ledger knows the rows; until it is
 * asked, this is where the answer goes. */
static bool may_leave(const struct child *child)
{
    dr_logsink_say("warning", child->source,
                   "its account is no longer configured: it stops; machines that it still has are "
                   "seen again when the account is put back");
    return true;
}

/* One child per role with an executable, one provisioner per account. */
static void choose_children(void)
{
    for (size_t i = 0; i < d.count; i++)
        d.children[i]->leaving = true;
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        bool per_account = strcmp(roles[r].name, "provisioner") == 0;
        if (strcmp(roles[r].name, "console") == 0 && !d.console)
            d.console = child_new(&roles[r], NULL);
        if (*roles[r].executable && !per_account)
            add_child(&roles[r], NULL);
        for (size_t i = 0; per_account && i < root()->accounts.count; i++)
            add_child(&roles[r], root()->accounts.items[i].name);
    }
    for (size_t i = 0; i < d.count; i++)
        if (d.children[i]->leaving && may_leave(d.children[i]))
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
    dr_logsink_say("info", SELF, "ready: %zu processes run", d.count);
    dr_sdnotify("READY=1\nSTATUS=all processes run");
}

static void begin_stop(void)
{
    if (d.stopping)
        dr_logsink_say("warning", SELF, "asked again: what still runs is killed");
    else
        dr_logsink_say("info", SELF, "stopping");
    for (size_t i = 0; d.stopping && i < d.count; i++)
        child_kill(d.children[i]);
    d.stop_deadline_ms = d.stopping ? 0 : now_ms() + root()->supervisor.stop_timeout_ms;
    d.stopping = true;
    dr_sdnotify("STOPPING=1");
}

/* True when nothing runs any more. */
static bool advance_stop(void)
{
    int order = 0;
    for (size_t i = 0; i < d.count; i++) {
        const struct child *child = d.children[i];
        if (child->pid && child->role->order > order)
            order = child->role->order;
    }
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
        dr_logsink_say(errors.items[i].warning ? "warning" : "error", SELF, "%s",
                       errors.items[i].text);
    dr_config_errors_free(&errors);
    if (config && dr_config_root(config)->accounts.count > CHILDREN_MAX - 16) {
        dr_logsink_say("error", SELF, "%s: more than %d accounts", d.config_path,
                       CHILDREN_MAX - 16);
        dr_config_free(config);
        config = NULL;
    }
    return config;
}

static void open_logs(void)
{
    const struct dr_cfg_supervisor *settings = &root()->supervisor;
    if (dr_logsink_open(settings->log_file, d.log_json, settings->log_level) < 0)
        dr_logsink_say("error", SELF, "%s cannot be opened: %s; lines go to standard error",
                       settings->log_file, strerror(errno));
}

static bool stays(const char *what, const char *old, const char *new)
{
    if (strcmp(old, new) != 0)
        dr_logsink_say("error", SELF,
                       "%s: %s cannot change while droverd runs (it is `%s`): stop "
                       "and start it",
                       d.config_path, what, old);
    return strcmp(old, new) == 0;
}

static void reload(void)
{
    dr_sdnotify_reloading();
    struct dr_config *config = load(), *old = child_world.config;
    const struct dr_cfg_root *new = config ? dr_config_root(config) : NULL;
    bool fits = new &&stays("deployment", root()->deployment, new->deployment);
    fits = new &&stays("state_dir", root()->state_dir, new->state_dir) && fits;
    fits = new &&stays("run_dir", root()->run_dir, new->run_dir) && fits;
    if (fits) {
        child_world.config = config;
        open_logs();
        choose_children();
        for (size_t i = 0; i < d.count; i++)
            child_reload(d.children[i], now_ms());
        dr_logsink_say("info", SELF, "%s was read again and handed on", d.config_path);
    } else {
        dr_logsink_say("error", SELF, "%s is refused; the configuration before it stays",
                       d.config_path);
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
    int64_t nearest_ms = dr_sdnotify_watchdog_ms() > 0 ? d.notify_due_ms : POLICY_NEVER;
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
    size_t count = d.count;
    for (size_t i = 0; i < count; i++) {
        struct child *child = d.children[i];
        short writes = child->out.len > 0 ? POLLOUT : 0;
        fds[1 + 3 * i] = (struct pollfd){.fd = child->control_fd, .events = POLLIN | writes};
        fds[2 + 3 * i] = (struct pollfd){.fd = child->stderr_fd, .events = POLLIN};
        fds[3 + 3 * i] = (struct pollfd){.fd = child->pidfd, .events = POLLIN};
    }
    if (poll(fds, 1 + 3 * count, left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct child *child = d.children[i];
        if (fds[1 + 3 * i].revents & POLLOUT)
            (void)dr_control_flush(&child->out, child->control_fd);
        if (fds[1 + 3 * i].revents & ~POLLOUT)
            child_on_control(child, now_ms());
        if (fds[2 + 3 * i].revents)
            child_on_stderr(child);
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
        hear(nearest_deadline());
        for (size_t i = 0; i < d.count; i++)
            if (d.children[i]->deadline_ms <= now_ms())
                child_on_deadline(d.children[i], now_ms());
        if (dr_sdnotify_watchdog_ms() > 0 && d.notify_due_ms <= now_ms()) {
            dr_sdnotify("WATCHDOG=1");
            d.notify_due_ms = now_ms() + dr_sdnotify_watchdog_ms();
        }
    }
}

/* ---- start ----------------------------------------------------------------------------------- */
static bool parse_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"log-json", no_argument, NULL, 'j'},
        {"exec-dir", required_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            d.config_path = optarg;
            break;
        case 'k':
            d.check = true;
            break;
        case 'j':
            d.log_json = true;
            break;
        case 'e':
            snprintf(child_world.exec_dirs[0], sizeof child_world.exec_dirs[0], "%s", optarg);
            break;
        case 'h':
        case 'v':
            fputs(c == 'h' ? usage : "droverd " DROVER_VERSION "\n", stdout);
            exit(0);
        default:
            return false;
        }
    }
    return optind == argc && d.config_path;
}

static void find_executables(void)
{
    char self[3900] = "";
    if (*child_world.exec_dirs[0] || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return;
    *strrchr(self, '/') = '\0';
    snprintf(child_world.exec_dirs[0], sizeof child_world.exec_dirs[0], "%s", self);
    snprintf(child_world.exec_dirs[1], sizeof child_world.exec_dirs[1], "%s/../libexec/drover",
             self);
}

/* Makes the directories and takes the lock that keeps a second droverd away. */
static int settle_in(void)
{
    char path[4200];
    const char *state_dir = root()->state_dir, *run_dir = root()->run_dir;
    pid_t holder = 0;
    snprintf(child_world.state_dir, sizeof child_world.state_dir, "%s", state_dir);
    snprintf(child_world.run_dir, sizeof child_world.run_dir, "%s%s",
             *run_dir ? run_dir : state_dir, *run_dir ? "" : "/run");
    snprintf(path, sizeof path, "%s/droverd.lock", state_dir);
    if (dr_private_dir(state_dir) < 0 || dr_private_dir(child_world.run_dir) < 0) {
        dr_logsink_say("error", SELF,
                       "%s or %s cannot be made: %s; give droverd the right to, or "
                       "set state_dir",
                       state_dir, child_world.run_dir, strerror(errno));
        return -1;
    }
    if (dr_lockfile_take(path, &holder) >= 0) /* held open for life */
        return 0;
    if (errno == EWOULDBLOCK)
        dr_logsink_say("error", SELF,
                       "another droverd (process %d) runs on %s: stop it, or give "
                       "this one a state_dir of its own",
                       (int)holder, state_dir);
    else
        dr_logsink_say("error", SELF, "%s cannot be locked: %s", path, strerror(errno));
    return -1;
}

static void take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    d.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    DR_ASSERT(d.signals >= 0);
}

int main(int argc, char **argv)
{
    while (open("/dev/null", O_RDWR) <= STDERR_FILENO) /* no pipe may become a standard stream */
        ;
    closefrom(STDERR_FILENO + 1);
    if (!parse_arguments(argc, argv)) {
        fputs(usage, stderr);
        return DR_EXIT_CONFIG;
    }
    dr_logsink_open("", d.log_json, "info");
    child_world.config = load();
    if (!child_world.config || d.check) {
        if (child_world.config)
            printf("%s is fine\n", d.config_path);
        return child_world.config ? DR_EXIT_OK : DR_EXIT_CONFIG;
    }
    if (settle_in() < 0)
        return DR_EXIT_CONFIG;
    find_executables();
    take_signals();
    open_logs();
    unsigned char boot[16];
    DR_ASSERT(getrandom(boot, sizeof boot, 0) == sizeof boot);
    for (size_t i = 0; i < sizeof boot; i++)
        snprintf(child_world.boot + 2 * i, 3, "%02x", boot[i]);
    child_world.peers = write_peers;
    child_world.changed = on_changed;
    dr_logsink_listen(on_log_line);
    choose_children();
    run();
    dr_logsink_say("info", SELF, "stopped");
    return DR_EXIT_OK;
}
