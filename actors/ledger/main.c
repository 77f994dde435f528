/* SPDX-License-Identifier: Apache-2.0 */
/* drover-ledger: the shell around core.h. Files in STATE_DIR: ledger.db, ledger.lock (one ledger at
 * a time; a newcomer waits), ledger.ballast (room for the day when the disk is full). */
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core.h"
#include "costs_shell.h"
#include "drover/actor.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "drover/exit.h"
#include "log.h"
#include "rand.h"

#define LOCK_WAIT_MS 20000 /* under droverd's ready_timeout: then it is tried afresh */
#define BALLAST_SIZE (8 << 20)
#define HOUSEKEEPING_MS 60000
#define PRUNE_EVERY 10 /* housekeepings */

struct shell {
    struct ledger *ledger;
    struct costs_shell *costs;
    int lock;
    char ballast[4096];
    int housekeepings;
    bool commit_due;
    bool ending; /* the configuration in force cannot be had */
};

/* ---- files ---------------------------------------------------------------------------------- */
static int take_lock(const char *state_dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/ledger.lock", state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        dr_log(DR_LOG_ERROR, &(struct dr_log_ctx){.err = strerror(errno)},
               "%s cannot be opened: the state directory must be writable for Drover", path);
        return -1;
    }
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += 100) {
        int error = errno;
        if (waited == 0)
            dr_log(DR_LOG_WARNING, NULL, "another ledger holds %s: waiting for its end", path);
        if (error != EWOULDBLOCK || waited >= LOCK_WAIT_MS) {
            dr_log(DR_LOG_ERROR, &(struct dr_log_ctx){.err = strerror(error)},
                   "another ledger still holds %s: is a second Drover running on this directory?",
                   path);
            close(fd);
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return fd;
}

/* False: no room for it. */
static bool make_ballast(const struct shell *shell)
{
    struct stat st;
    if (stat(shell->ballast, &st) == 0 && st.st_size == BALLAST_SIZE)
        return true;
    int fd = open(shell->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool good = fd >= 0 && posix_fallocate(fd, 0, BALLAST_SIZE) == 0;
    if (fd >= 0)
        close(fd);
    if (!good)
        unlink(shell->ballast);
    return good;
}

static void disk_full(struct shell *shell)
{
    if (!core_is_full(shell->ledger))
        dr_log(DR_LOG_ERROR, NULL,
               "alarm: the disk that holds the ledger is full: nothing is started until there is "
               "room again; machines still end");
    core_set_full(shell->ledger, true);
    unlink(shell->ballast);
    core_prune(shell->ledger, dr_wall_us(), true);
}

/* ---- the turn ------------------------------------------------------------------------------- */
static void send_outs(struct dr_actor *actor, struct ledger *ledger)
{
    size_t count;
    const struct core_out *outs = core_outs(ledger, &count);
    for (size_t i = 0; i < count; i++) {
        if (outs[i].to == NULL)
            dr_publish(actor, outs[i].type, outs[i].body, outs[i].corr);
        else
            dr_reply(actor, outs[i].to, outs[i].request, outs[i].type, outs[i].body);
    }
    core_turn_over(ledger);
}

static void commit(struct dr_actor *actor, struct shell *shell)
{
    enum core_result result = core_commit(shell->ledger);
    send_outs(actor, shell->ledger);
    if (result == CORE_FULL)
        disk_full(shell);
    else if (result == CORE_FAILED)
        dr_log_merged(DR_LOG_ERROR, &(struct dr_log_ctx){.err = core_error(shell->ledger)},
                      "the ledger could not be written; the requests were answered so");
    costs_shell_turn(shell->costs);
}

/* Runs once the sockets have been read as far as the loop reads in a turn: all of those requests
 * share the transaction. */
static int on_turn(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct dr_actor *actor = arg;
    struct shell *shell = dr_actor_self(actor);
    shell->commit_due = false;
    commit(actor, shell);
    return 0;
}

static void on_request(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    if (shell->ending)
        return; /* unanswered: asked again of the next life */
    if (costs_shell_holds(shell->costs, message))
        return;
    core_request(shell->ledger, message, dr_wall_us());
    if (shell->commit_due)
        return;
    shell->commit_due = true;
    zloop_timer(dr_actor_loop(actor), 0, 1, on_turn, actor);
}

static int on_housekeeping(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct dr_actor *actor = arg;
    struct shell *shell = dr_actor_self(actor);
    commit(actor, shell);
    if (core_is_full(shell->ledger) && make_ballast(shell)) {
        core_set_full(shell->ledger, false);
        dr_log(DR_LOG_INFO, NULL, "the disk has room again: machines are started again");
    }
    if (++shell->housekeepings % PRUNE_EVERY == 0 &&
        core_prune(shell->ledger, dr_wall_us(), false) == CORE_FULL)
        disk_full(shell);
    return 0;
}

/* ---- life ----------------------------------------------------------------------------------- */
static int open_ledger(struct dr_actor *actor, struct shell *shell)
{
    char path[4096], err[512];
    snprintf(path, sizeof path, "%s/ledger.db", dr_actor_state_dir(actor));
    struct store *store = store_open(path, err, sizeof err);
    if (store != NULL)
        shell->ledger = core_open(store, dr_actor_config(actor), dr_random_bytes, dr_wall_us(), err,
                                  sizeof err);
    if (shell->ledger != NULL) {
        shell->costs = costs_shell_new(actor, shell->ledger, path, on_request);
        return 0;
    }
    store_close(&store);
    dr_log(DR_LOG_ERROR, NULL, "%s", err);
    return -1;
}

static int start(struct dr_actor *actor)
{
    umask(077);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk, not a death */
    struct shell *shell = calloc(1, sizeof *shell);
    DR_ASSERT(shell != NULL);
    dr_actor_set_self(actor, shell);
    shell->lock = take_lock(dr_actor_state_dir(actor));
    if (shell->lock < 0)
        return -1;
    snprintf(shell->ballast, sizeof shell->ballast, "%s/ledger.ballast", dr_actor_state_dir(actor));
    if (open_ledger(actor, shell) != 0)
        return -1;
    if (!make_ballast(shell))
        disk_full(shell);
    zloop_timer(dr_actor_loop(actor), HOUSEKEEPING_MS, 0, on_housekeeping, actor);
    dr_log(DR_LOG_INFO, NULL, "ledger %s is open at sequence %lld", core_ledger_id(shell->ledger),
           (long long)core_seq(shell->ledger));
    return 0;
}

static void reconfigured(struct dr_actor *actor, const struct dr_cfg_root *before)
{
    (void)before;
    struct shell *shell = dr_actor_self(actor);
    char err[512];
    commit(actor, shell);
    if (!core_reconfigure(shell->ledger, dr_actor_config(actor), dr_wall_us(), err, sizeof err)) {
        /* The old configuration is about to be freed: begin again with the new one, or not. */
        dr_log(DR_LOG_ERROR, NULL, "%s", err);
        shell->ending = true;
        dr_actor_exit(actor, DR_EXIT_RETRY);
    }
}

static void stop(struct dr_actor *actor)
{
    struct shell *shell = dr_actor_self(actor);
    if (shell == NULL)
        return;
    if (shell->ledger != NULL)
        commit(actor, shell);
    costs_shell_free(&shell->costs);
    core_close(&shell->ledger);
    free(shell);
    dr_actor_set_self(actor, NULL);
}

int main(int argc, char **argv)
{
    static const struct dr_actor_spec spec = {
        .role = DR_ROLE_LEDGER,
        .start = start,
        .request = on_request,
        .reconfigured = reconfigured,
        .stop = stop,
    };
    return dr_actor_main(argc, argv, &spec);
}
