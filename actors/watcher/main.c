/* SPDX-License-Identifier: Apache-2.0 */
/* drover-watcher: the shell around core.h. It brings the core the clock, the ClearML server
 * (clearml.h), the ledger and the bus. STATE_DIR/watcher.lock: one watcher at a time; a newcomer
 * waits. */
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "clearml.h"
#include "core.h"
#include "drover/actor.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "drover/exit.h"
#include "fetch_task.h"
#include "log.h"
#include "nocore.h"
#include "probe.h"
#include "seal.h"

#define LOCK_WAIT_MS 20000 /* under droverd's ready_timeout: then it is tried afresh */
#define ASK_TIMEOUT_MS 10000

struct kept_call;

struct shell {
    struct dr_actor *actor;
    struct clearml *clearml; /* NULL while there is no key pair: no_key says why */
    struct dr_error no_key;
    int64_t calls_before; /* made by clients that were replaced */
    struct kept_call *under_way;
    bool reopen;   /* the client is to be made anew once no call is under way */
    bool stopping; /* what the core says is nobody's business any more */
    int rowless;   /* fetches of the ledger's rows that failed in a row */
    int lock, timer;
    int waker; /* -1: none */
    struct port port;
    struct watcher watcher;
};

static int64_t calls_made(const struct shell *shell)
{
    return shell->calls_before + (shell->clearml == NULL ? 0 : clearml_calls(shell->clearml));
}

/* ---- the port ---------------------------------------------------------------------------------
 */
static struct when now(void *arg)
{
    (void)arg;
    return (struct when){.boot_ms = dr_boottime_ms(), .wall_us = dr_wall_us()};
}

/* A call on its way: counted, so that the client is only replaced when none is. */
struct kept_call {
    struct shell *shell;
    clearml_fn cb;
    void *arg;
    char sentence[640];
    struct kept_call *prev, *next;
};

static struct kept_call *keep_call(struct shell *shell, clearml_fn cb, void *arg)
{
    struct kept_call *kept = calloc(1, sizeof *kept);
    DR_ASSERT(kept != NULL);
    kept->shell = shell;
    kept->cb = cb;
    kept->arg = arg;
    DL_APPEND(shell->under_way, kept);
    return kept;
}

static void on_answer(const struct clearml_answer *answer, void *arg)
{
    struct kept_call *kept = arg;
    DL_DELETE(kept->shell->under_way, kept);
    kept->cb(answer, kept->arg);
    free(kept);
}

static int without_key(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct kept_call *kept = arg;
    int64_t at = dr_boottime_ms();
    on_answer(&(struct clearml_answer){.cls = CLEARML_WRONG_KEY,
                                       .sentence = kept->sentence,
                                       .sent_ms = at,
                                       .recv_ms = at,
                                       .retry_after_ms = -1},
              kept);
    return 0;
}

/* Without a key pair every call ends at once, and says where one was looked for. */
static void refuse(struct shell *shell, clearml_fn cb, void *arg)
{
    struct kept_call *kept = keep_call(shell, cb, arg);
    snprintf(kept->sentence, sizeof kept->sentence, "no ClearML key pair: %s", shell->no_key.text);
    zloop_timer(dr_actor_loop(shell->actor), 0, 1, without_key, kept);
}

static void call(void *arg, const char *endpoint, json_t *body, clearml_fn cb, void *cb_arg)
{
    struct shell *shell = arg;
    if (shell->clearml != NULL) {
        clearml_call(shell->clearml, endpoint, body, 0, on_answer, keep_call(shell, cb, cb_arg));
        return;
    }
    json_decref(body);
    refuse(shell, cb, cb_arg);
}

static void prove(void *arg, const char *access_key, const char *secret_key, clearml_fn cb,
                  void *cb_arg)
{
    struct shell *shell = arg;
    if (shell->clearml != NULL)
        clearml_prove(shell->clearml, access_key, secret_key, 0, on_answer,
                      keep_call(shell, cb, cb_arg));
    else
        refuse(shell, cb, cb_arg);
}

struct kept_ask {
    ack_fn cb;
    void *arg;
};

static void on_ack(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)actor;
    struct kept_ask *kept = arg;
    const struct dr_message *message = answer->message;
    kept->cb(message != NULL && message->row->type == DR_ACK ? message->body : NULL, kept->arg);
    free(kept);
}

static void ask(void *arg, enum dr_type type, const void *body, ack_fn cb, void *cb_arg)
{
    struct shell *shell = arg;
    struct kept_ask *kept = calloc(1, sizeof *kept);
    DR_ASSERT(kept != NULL);
    *kept = (struct kept_ask){cb, cb_arg};
    dr_request(shell->actor, "ledger", type, body, NULL, NULL, ASK_TIMEOUT_MS, on_ack, kept);
}

static int on_wake(zloop_t *loop, int timer, void *arg);

/* One step, and the next exactly when it is due: the timer's turn would be late for what an attempt
 * waits for, and make a tick of a second one of 1.2. */
static void step(struct shell *shell)
{
    watcher_step(&shell->watcher, calls_made(shell));
    int64_t wait_ms = watcher_wake_ms(&shell->watcher);
    if (shell->waker >= 0)
        zloop_timer_end(dr_actor_loop(shell->actor), shell->waker);
    shell->waker = -1;
    if (wait_ms >= 0)
        shell->waker =
            zloop_timer(dr_actor_loop(shell->actor), (size_t)wait_ms + 1, 1, on_wake, shell);
}

static int on_wake(zloop_t *loop, int timer, void *arg)
{
    struct shell *shell = arg;
    (void)loop;
    (void)timer;
    shell->waker = -1;
    step(shell);
    return 0;
}

static void on_rows(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)actor;
    struct shell *shell = arg;
    const struct dr_message *message = answer->message;
    bool good = message != NULL && message->row->type == DR_LEDGER_STATE;
    shell->rowless = good ? 0 : shell->rowless + 1;
    if (shell->rowless > 1) /* one miss is a ledger that starts anew, or our own end */
        dr_log_merged(DR_LOG_WARNING, &(struct dr_log_ctx){.err = answer->failure},
                      "the ledger gave no rows");
    watcher_rows(&shell->watcher, good ? message->body : NULL);
    if (good)
        step(shell);
}

static void fetch_rows(void *arg)
{
    struct shell *shell = arg;
    dr_request(shell->actor, "ledger", DR_LEDGER_SNAPSHOT,
               &(struct dr_ledger_snapshot){.account = "", .ended = true}, NULL, NULL,
               ASK_TIMEOUT_MS, on_rows, shell);
}

static void on_names(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)actor;
    struct shell *shell = arg;
    const struct dr_message *message = answer->message;
    bool good = message != NULL && message->row->type == DR_TASKS;
    watcher_names(&shell->watcher, good ? message->body : NULL);
}

static void fetch_names(void *arg)
{
    struct shell *shell = arg;
    dr_request(shell->actor, "ledger", DR_TASKS_GET, &(struct dr_tasks_get){.ids = {0}}, NULL, NULL,
               ASK_TIMEOUT_MS, on_names, shell);
}

static void publish(void *arg, enum dr_type type, const void *body)
{
    struct shell *shell = arg;
    if (!shell->stopping)
        dr_publish(shell->actor, type, body, NULL);
}

static unsigned char *seal(void *arg, const struct dr_bin *public_key, const char *text,
                           size_t *len)
{
    (void)arg;
    if (public_key->len != DR_SEAL_KEY_SIZE)
        return NULL;
    return dr_seal_to(public_key->bytes, text, strlen(text), len);
}

static void say(void *arg, enum dr_log_level level, bool often, const struct dr_log_ctx *ctx,
                const char *text)
{
    if (((struct shell *)arg)->stopping)
        return;
    if (often)
        dr_log_merged(level, ctx, "%s", text);
    else
        dr_log(level, ctx, "%s", text);
}

/* ---- the key pair -----------------------------------------------------------------------------
 */
static void open_client(struct shell *shell)
{
    const struct dr_cfg_clearml *cfg = &dr_actor_config(shell->actor)->clearml;
    struct dr_clearml_credentials found = {0};
    shell->calls_before = calls_made(shell);
    if (shell->clearml != NULL)
        clearml_destroy(&shell->clearml);
    if (dr_clearml_credentials_load(cfg->credentials_file, &found, &shell->no_key))
        shell->clearml = clearml_new(dr_actor_loop(shell->actor), cfg, &found);
    dr_clearml_credentials_free(&found);
    shell->reopen = false;
}

/* A key pair that is missing or not accepted is read again before each try, for a person may have
 * mended it. */
static void reread_key(struct shell *shell)
{
    const struct pace *pace = &shell->watcher.picture.pace;
    bool unkeyed = shell->clearml == NULL || pace->state == SERVER_WRONG_KEY;
    bool again = unkeyed && pace->failures > 0 && dr_boottime_ms() >= pace->not_before_ms;
    if ((again || shell->reopen) && shell->under_way == NULL)
        open_client(shell);
}

/* ---- the actor --------------------------------------------------------------------------------
 */
static int on_timer(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct shell *shell = arg;
    reread_key(shell);
    step(shell);
    dr_log_tick();
    return 0;
}

static void on_event(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    enum dr_type type = message->row->type;
    watcher_hear(&shell->watcher, type, message->body);
    if (type != DR_PLAN_DECIDED && type != DR_BOOT_LOGGED) /* words, of which nothing is due now */
        step(shell);
}

static void on_gap(struct dr_actor *actor, const char *source, const char *topic)
{
    (void)topic;
    /* What the planner and machines say is only said on: a lost word of theirs is no lost row. */
    if (strcmp(source, "ledger") != 0 && strcmp(source, "bus") != 0)
        return;
    watcher_gap(&((struct shell *)dr_actor_self(actor))->watcher);
}

static void on_request(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    if (message->row->type != DR_PICTURE_GET)
        return;
    const struct dr_picture_get *get = message->body;
    struct dr_picture picture;
    picture_said(&shell->watcher.picture, get->workers, calls_made(shell), &picture);
    dr_reply(actor, message->env.source, message->env.request, DR_PICTURE, &picture);
}

static int take_lock(const char *state_dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/watcher.lock", state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        dr_log(DR_LOG_ERROR, &(struct dr_log_ctx){.err = strerror(errno)},
               "%s cannot be opened: the state directory must be writable for Drover", path);
        return -1;
    }
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += 100) {
        int error = errno;
        if (error == EWOULDBLOCK && waited < LOCK_WAIT_MS) {
            if (waited == 0)
                dr_log(DR_LOG_WARNING, NULL, "another watcher holds %s: waiting for its end", path);
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
            continue;
        }
        dr_log(DR_LOG_ERROR, &(struct dr_log_ctx){.err = strerror(error)},
               "another watcher still holds %s: is a second Drover running on this directory?",
               path);
        close(fd);
        return -1;
    }
    return fd;
}

/* False, with words: a call budget too small for the rules is refused (P6). */
static bool budget_is_enough(const struct dr_cfg_root *root)
{
    int64_t smallest = pace_smallest_budget(&root->timing);
    int64_t given = root->clearml.calls_per_month;
    if (given == 0 || given >= smallest)
        return true;
    dr_log(DR_LOG_ERROR, NULL,
           "clearml.calls_per_month: %lld is too small to see queues and workers often enough; the "
           "smallest that works with these timings is %lld",
           (long long)given, (long long)smallest);
    return false;
}

static int start(struct dr_actor *actor)
{
    dr_no_core();
    const struct dr_cfg_root *root = dr_actor_config(actor);
    enum dr_log_level level;
    if (dr_log_level_parse(root->supervisor.log_level, &level))
        dr_log_set_level(level);
    if (!budget_is_enough(root)) {
        dr_actor_exit(actor, DR_EXIT_CONFIG);
        return 0;
    }
    struct shell *shell = calloc(1, sizeof *shell);
    DR_ASSERT(shell != NULL);
    shell->actor = actor;
    shell->waker = -1;
    shell->lock = take_lock(dr_actor_state_dir(actor));
    if (shell->lock < 0) {
        free(shell);
        return -1;
    }
    dr_actor_set_self(actor, shell);
    shell->port = (struct port){.shell = shell,
                                .now = now,
                                .call = call,
                                .prove = prove,
                                .ask = ask,
                                .fetch_rows = fetch_rows,
                                .fetch_names = fetch_names,
                                .publish = publish,
                                .seal = seal,
                                .log = say};
    open_client(shell);
    watcher_init(&shell->watcher, &shell->port, root);
    shell->timer = zloop_timer(dr_actor_loop(actor), (size_t)watcher_step_ms(&shell->watcher), 0,
                               on_timer, shell);
    return 0;
}

static void reconfigured(struct dr_actor *actor, const struct dr_cfg_root *before)
{
    struct shell *shell = dr_actor_self(actor);
    const struct dr_cfg_root *root = dr_actor_config(actor);
    (void)before;
    if (shell == NULL)
        return;
    if (!budget_is_enough(root)) {
        dr_actor_exit(actor, DR_EXIT_CONFIG);
        return;
    }
    shell->reopen = true;
    watcher_reconfigure(&shell->watcher, root);
}

static void stop(struct dr_actor *actor)
{
    struct shell *shell = dr_actor_self(actor);
    if (shell == NULL)
        return;
    zloop_timer_end(dr_actor_loop(actor), shell->timer);
    if (shell->waker >= 0)
        zloop_timer_end(dr_actor_loop(actor), shell->waker);
    if (shell->clearml != NULL)
        clearml_destroy(&shell->clearml);
    shell->stopping = true;
    while (shell->under_way != NULL) /* the core lets go of what it kept for them */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
        on_answer(&(struct clearml_answer){.cls = CLEARML_UNREACHABLE,
                                           .sentence = "Drover stops",
                                           .retry_after_ms = -1},
                  shell->under_way);
    dr_log_flush();
    watcher_free(&shell->watcher);
    close(shell->lock);
    free(shell);
    dr_actor_set_self(actor, NULL);
}

int main(int argc, char **argv)
{
    /* Attempts only for their place in the ledger's sequence (mirror.h). */
    static const enum dr_type events[] = {
        DR_MACHINE_CHANGED, DR_ATTEMPT_CHANGED, DR_KEY_CHANGED, DR_RECOVERY_CHANGED,
        DR_PLAN_DECIDED,    DR_BOOT_LOGGED,     DR_NONE};
    static const struct dr_actor_spec spec = {
        .role = DR_ROLE_WATCHER,
        .events = events,
        .start = start,
        .event = on_event,
        .request = on_request,
        .gap = on_gap,
        .reconfigured = reconfigured,
        .stop = stop,
    };
    if (argc > 1 && strcmp(argv[1], "--probe") == 0)
        return probe_main(argc, argv);
    return fetch_asked(argc, argv) ? fetch_main(argc, argv) : dr_actor_main(argc, argv, &spec);
}
