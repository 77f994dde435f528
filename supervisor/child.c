/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drover/assert.h"
#include "logsink.h"
#include "spawn.h"

struct child_world child_world;

/* What happened to it, as people and `drover status` read it. */
#define describe(child, ...) snprintf((child)->sentence, sizeof(child)->sentence, __VA_ARGS__)
#define say(level, child, ...) dr_logsink_say(level, (child)->source, __VA_ARGS__)

const char *const child_state_names[] = {
    [CHILD_STOPPED] = "stopped",   [CHILD_STARTING] = "starting", [CHILD_READY] = "ready",
    [CHILD_STOPPING] = "stopping", [CHILD_BACKOFF] = "backoff",   [CHILD_FAILED] = "failed",
};

static const struct dr_cfg_supervisor *settings(void)
{
    return &dr_config_root(child_world.config)->supervisor;
}

struct child *child_new(const struct child_role *role, const char *account)
{
    struct child *child = calloc(1, sizeof *child);
    DR_ASSERT(child);
    dr_control_new_token(child->token);
    snprintf(child->source, sizeof child->source, "%s%s%.63s", role->name, account ? ":" : "",
             account ? account : "");
    child->role = role;
    child->is_bus = strcmp(role->name, "bus") == 0;
    child->pidfd = child->control_fd = child->log.fd = -1;
    child->deadline_ms = POLICY_NEVER;
    return child;
}

void child_free(struct child *child)
{
    DR_ASSERT(child->pid == 0);
    explicit_bzero(child->token, sizeof child->token);
    free(child);
}

static void enter(struct child *child, enum child_state state, int64_t deadline_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    child->since_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    child->state = state;
    child->deadline_ms = deadline_ms;
    child_world.changed(child);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void hand_over(struct child *child)
{
    struct dr_control_out *out = &child->out;
    size_t len;
    const char *text = dr_config_text(child_world.config, &len);
    dr_control_put_number(out, DR_CONTROL_HELLO, DR_CONTROL_VERSION);
    dr_control_put(out, DR_CONTROL_SOURCE, child->source, 0);
    dr_control_put(out, DR_CONTROL_BOOT, child_world.boot, 0);
    dr_control_put(out, DR_CONTROL_TOKEN, child->token, 0);
    dr_control_put(out, DR_CONTROL_STATEDIR, dr_config_root(child_world.config)->state_dir, 0);
    dr_control_put(out, DR_CONTROL_RUNDIR, child_world.run_dir, 0);
    child->watchdog_ms = settings()->watchdog_ms; /* for this life: it is told only now */
    dr_control_put_number(out, DR_CONTROL_WATCHDOG_MS, child->watchdog_ms);
    dr_control_put(out, DR_CONTROL_CONFIG, text, len);
    if (child->is_bus)
        child_world.peers(out);
    dr_control_put(out, DR_CONTROL_GO, NULL, 0);
}

/* It has no process any more, or never got one: what now? */
static void settle(struct child *child, int exit_code, int64_t now_ms)
{
    struct policy_verdict verdict = policy_decide(&child->history, exit_code, child->role->guards,
                                                  settings()->backoff_max_ms, now_ms);
    const char *level = verdict.alarm ? "alarm" : "warning";
    child->history.failures = verdict.failures;
    if (verdict.restart_ms == POLICY_NEVER) {
        say(level, child, "%s; it is not tried again before the configuration changes",
            child->sentence);
        enter(child, CHILD_FAILED, POLICY_NEVER);
    } else {
        say(level, child, "%s; failure %d in a row, next try in %.1f s", child->sentence,
            verdict.failures, (double)(verdict.restart_ms - now_ms) / 1000);
        enter(child, CHILD_BACKOFF, verdict.restart_ms);
    }
}

static int spawn(struct child *child)
{
    char path[4200];
    struct dr_spawned made;
    const struct child_role *role = child->role;
    if (dr_executable_find(role->executable, child_world.exec_dir, path, sizeof path,
                           child->sentence, sizeof child->sentence) < 0 ||
        dr_spawn(path, child->source, role->environment, &made, child->sentence,
                 sizeof child->sentence) < 0)
        return -1;
    child->pid = made.pid;
    child->pidfd = made.pidfd;
    child->control_fd = made.control_fd;
    child->log.fd = made.stderr_fd;
    return 0;
}

void child_start(struct child *child, int64_t now_ms)
{
    child->restarts += child->history.started_ms != 0;
    child->history.started_ms = now_ms;
    child->killed_for = NULL;
    if (spawn(child) < 0) {
        settle(child, -1, now_ms);
        return;
    }
    dr_control_init(&child->control, DR_CONTROL_CHILD);
    hand_over(child);
    describe(child, "started, process %d", (int)child->pid);
    say("debug", child, "%s", child->sentence);
    enter(child, CHILD_STARTING, now_ms + settings()->ready_timeout_ms);
}

void child_reload(struct child *child, int64_t now_ms)
{
    size_t len;
    const char *text = dr_config_text(child_world.config, &len);
    if (child->state == CHILD_BACKOFF || child->state == CHILD_FAILED) {
        child->history.failures = 0; /* the new configuration may be what it waits for */
        child_start(child, now_ms);
    } else if (child->pid == 0 || child->state == CHILD_STOPPING)
        return;
    if (child->is_bus)
        child_world.peers(&child->out);
    dr_control_put(&child->out, DR_CONTROL_CONFIG, text, len);
    dr_control_put(&child->out, DR_CONTROL_RELOAD, NULL, 0);
}

void child_kill(struct child *child, const char *reason)
{
    child->killed_for = reason;
    child->deadline_ms = POLICY_NEVER;
    if (child->pidfd >= 0)
        pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
}

void child_stop(struct child *child, int64_t slot_ms, int64_t now_ms)
{
    if (child->pid == 0) {
        enter(child, CHILD_STOPPED, POLICY_NEVER);
        return;
    }
    dr_control_put(&child->out, DR_CONTROL_STOP, NULL, 0);
    child->stop_signal = SIGTERM;
    child->stop_slot_ms = slot_ms;
    enter(child, CHILD_STOPPING, now_ms + slot_ms * 6 / 10);
}

void child_on_deadline(struct child *child, int64_t now_ms)
{
    switch (child->state) {
    case CHILD_STARTING:
        child_kill(child, "was not ready in time (supervisor.ready_timeout) and was killed");
        break;
    case CHILD_READY:
        child_kill(child, "was silent (supervisor.watchdog) and was killed");
        break;
    case CHILD_STOPPING:
        say("warning", child, "did not stop when asked: %s",
            child->stop_signal == SIGTERM ? "SIGTERM" : "SIGKILL");
        pidfd_send_signal(child->pidfd, child->stop_signal, NULL, 0);
        child->deadline_ms =
            child->stop_signal == SIGTERM ? now_ms + child->stop_slot_ms * 3 / 10 : POLICY_NEVER;
        child->stop_signal = SIGKILL;
        break;
    case CHILD_BACKOFF:
        child_start(child, now_ms);
        break;
    default:
        child->deadline_ms = POLICY_NEVER;
    }
}

static int on_item(const struct dr_control_item *item, void *arg)
{
    struct child *child = arg;
    int64_t watchdog_ms = child->heard_ms + child->watchdog_ms;
    if (item->kind == DR_CONTROL_STATUS) {
        describe(child, "%s", item->text);
        child_world.changed(child);
    } else if (child->killed_for || child->state == CHILD_STOPPING) {
        return 0;
    } else if (item->kind == DR_CONTROL_READY && child->state == CHILD_STARTING) {
        describe(child, "ready, process %d", (int)child->pid);
        say("info", child, "%s", child->sentence);
        enter(child, CHILD_READY, watchdog_ms);
    } else if (child->state == CHILD_READY) {
        child->deadline_ms = watchdog_ms;
    }
    return 0;
}

void child_on_control(struct child *child, int64_t now_ms)
{
    char bytes[4096];
    child->heard_ms = now_ms;
    ssize_t n = recv(child->control_fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && dr_control_feed(&child->control, bytes, (size_t)n, on_item, child) >= 0)
        return;
    if (n > 0) {
        say("error", child, "said on its control pipe: %s", child->control.err);
        child_kill(child, "said what it must not on its control pipe and was killed");
    }
    close_fd(&child->control_fd); /* it is ending; if it is not, its watchdog will see to that */
}

void child_on_end(struct child *child, int64_t now_ms)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return;
    child_on_control(child, now_ms); /* last words */
    dr_logpipe_end(&child->log, child->source);
    bool asked = child->state == CHILD_STOPPING, exited = info.si_code == CLD_EXITED;
    int exit_code = exited && !child->killed_for ? info.si_status : -1;
    if (child->killed_for)
        describe(child, "%s", child->killed_for);
    else if (exited)
        describe(child, "ended with exit code %d", info.si_status);
    else
        describe(child, "was ended by signal %d (%s)", info.si_status, strsignal(info.si_status));
    close_fd(&child->pidfd);
    close_fd(&child->control_fd);
    dr_control_fini(&child->control);
    dr_control_out_free(&child->out);
    child->pid = 0;
    if (!asked) {
        settle(child, exit_code, now_ms);
        return;
    }
    say("info", child, "stopped as asked: %s", child->sentence);
    enter(child, CHILD_STOPPED, POLICY_NEVER);
}
