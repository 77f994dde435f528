/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-reaper: the only one that decides which machine goes.
 */
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core.h"
#include "drover/actor.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "drover/exit.h"
#include "log.h"

#define TICK_MS 1000
#define LOCK_RETRY_MS 200
#define ASK_TIMEOUT_MS 5000

struct shell {
    struct dr_actor *actor;
    struct reap_core *core;
    int lock;
};

struct asked {
    struct shell *shell;
    char machine[REAP_ID];
    const char *deed;
};

static void step(struct shell *shell, const struct reap_event *event);

static struct reap_now now(void)
{
    return (struct reap_now){.boot_ms = dr_boottime_ms(), .wall_us = dr_wall_us()};
}

/* ---- asking --------------------------------------------------------------------------------- */
static bool is(const struct dr_answer *answer, enum dr_type type)
{
    return answer->message && answer->message->row->type == type;
}

static void on_snapshot(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct reap_event event = {.kind = REAP_SNAPSHOT};
    (void)actor;
    if (is(answer, DR_LEDGER_STATE))
        event.state = answer->message->body;
    else
        dr_log_merged(DR_LOG_WARNING, NULL, "the ledger does not answer (%s)",
                      answer->failure ? answer->failure : "it refused");
    step(arg, &event);
}

static void on_picture(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)actor;
    if (is(answer, DR_PICTURE))
        step(arg, &(struct reap_event){.kind = REAP_PICTURE, .picture = answer->message->body});
}

static void on_cloud(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)actor;
    if (!is(answer, DR_CLOUD))
        return;
    const struct dr_cloud *body = answer->message->body;
    step(arg, &(struct reap_event){.kind = REAP_CLOUD, .cloud = &body->cloud});
}

static void on_money(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)actor;
    if (is(answer, DR_MONEY))
        step(arg, &(struct reap_event){.kind = REAP_MONEY, .money = answer->message->body});
}

static void on_decided(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked *asked = arg;
    const struct dr_ack *ack = is(answer, DR_ACK) ? answer->message->body : NULL;
    struct reap_event event = {.kind = REAP_ANSWERED, .id = asked->machine, .ok = ack && ack->ok};
    struct dr_log_ctx ctx = {.machine = asked->machine};
    (void)actor;
    if (!event.ok)
        dr_log_merged(DR_LOG_WARNING, &ctx, "the ledger did not %s the machine: %s", asked->deed,
                      ack               ? ack->sentence
                      : answer->failure ? answer->failure
                                        : "no answer");
    step(asked->shell, &event);
    free(asked);
}

static struct asked *asked_new(struct shell *shell, const char *machine, const char *deed)
{
    struct asked *asked = calloc(1, sizeof *asked);
    DR_ASSERT(asked);
    asked->shell = shell;
    asked->deed = deed;
    snprintf(asked->machine, sizeof asked->machine, "%s", machine);
    return asked;
}

static void drain(struct shell *shell, const struct reap_effect *effect)
{
    struct dr_machine_drain body = {.machine = effect->id,
                                    .version = effect->version,
                                    .mode = effect->mode,
                                    .reason = effect->reason,
                                    .sentence = effect->sentence};
    struct dr_log_ctx ctx = {.machine = effect->id};
    dr_log(DR_LOG_INFO, &ctx, "drains (%s): %s", effect->mode, effect->sentence);
    dr_request(shell->actor, "ledger", DR_MACHINE_DRAIN, &body, NULL, NULL, ASK_TIMEOUT_MS,
               on_decided, asked_new(shell, effect->id, "drain"));
}

static void terminate(struct shell *shell, const struct reap_effect *effect)
{
    struct dr_machine_terminate body = {
        .machine = effect->id, .version = effect->version, .sentence = effect->sentence};
    struct dr_log_ctx ctx = {.machine = effect->id};
    dr_log(DR_LOG_INFO, &ctx, "is to be ended in the cloud: %s", effect->sentence);
    dr_request(shell->actor, "ledger", DR_MACHINE_TERMINATE, &body, NULL, NULL, ASK_TIMEOUT_MS,
               on_decided, asked_new(shell, effect->id, "end"));
}

static void ask_cloud(struct shell *shell, const char *account)
{
    char to[REAP_ID + 16];
    struct dr_cloud_get body = {.account = account};
    snprintf(to, sizeof to, "provisioner:%s", account);
    dr_request(shell->actor, to, DR_CLOUD_GET, &body, NULL, NULL, ASK_TIMEOUT_MS, on_cloud, shell);
}

static void perform(struct shell *shell, const struct reap_effect *effect)
{
    struct dr_log_ctx ctx = {.machine = effect->id[0] ? effect->id : NULL};
    switch (effect->kind) {
    case REAP_DO_SNAPSHOT:
        dr_request(shell->actor, "ledger", DR_LEDGER_SNAPSHOT,
                   &(struct dr_ledger_snapshot){.account = ""}, NULL, NULL, ASK_TIMEOUT_MS,
                   on_snapshot, shell);
        break;
    case REAP_DO_PICTURE:
        dr_request(shell->actor, "watcher", DR_PICTURE_GET,
                   &(struct dr_picture_get){.workers = true}, NULL, NULL, ASK_TIMEOUT_MS,
                   on_picture, shell);
        break;
    case REAP_DO_CLOUD:
        ask_cloud(shell, effect->id);
        break;
    case REAP_DO_MONEY:
        dr_request(shell->actor, "ledger", DR_MONEY_GET, &(struct dr_money_get){.type = ""}, NULL,
                   NULL, ASK_TIMEOUT_MS, on_money, shell);
        break;
    case REAP_DO_DRAIN:
        drain(shell, effect);
        break;
    case REAP_DO_TERMINATE:
        terminate(shell, effect);
        break;
    case REAP_DO_TELL:
        dr_log_merged(DR_LOG_WARNING, &ctx, "%s", effect->sentence);
        break;
    }
}

static void step(struct shell *shell, const struct reap_event *event)
{
    struct reap_effects effects = {0};
    reap_step(shell->core, event, now(), &effects);
    for (size_t i = 0; i < effects.count; i++)
        perform(shell, &effects.items[i]);
    reap_effects_free(&effects);
}

/* ---- the skeleton --------------------------------------------------------------------------- */
static int on_tick(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    step(arg, &(struct reap_event){.kind = REAP_TICK});
    dr_log_tick();
    return 0;
}

static void begin(struct shell *shell)
{
    shell->core = reap_new(dr_actor_config(shell->actor), now());
    zloop_timer(dr_actor_loop(shell->actor), TICK_MS, 0, on_tick, shell);
    step(shell, &(struct reap_event){.kind = REAP_TICK});
}

static int on_lock_timer(zloop_t *loop, int timer, void *arg)
{
    struct shell *shell = arg;
    if (flock(shell->lock, LOCK_EX | LOCK_NB) != 0) {
        dr_log_merged(DR_LOG_INFO, NULL, "another reaper still runs: waiting");
        return 0;
    }
    zloop_timer_end(loop, timer);
    begin(shell);
    return 0;
}

static int start(struct dr_actor *actor)
{
    static struct shell shell;
    char path[512];
    shell.actor = actor;
    dr_actor_set_self(actor, &shell);
    snprintf(path, sizeof path, "%s/reaper.lock", dr_actor_state_dir(actor));
    shell.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (shell.lock < 0) {
        dr_log(DR_LOG_ERROR, NULL, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(shell.lock, LOCK_EX | LOCK_NB) == 0)
        begin(&shell);
    else
        zloop_timer(dr_actor_loop(actor), LOCK_RETRY_MS, 0, on_lock_timer, &shell);
    return 0;
}

static void on_event(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    struct reap_event event = {0};
    const void *body = message->body;
    if (!shell->core)
        return;
    switch (message->row->type) {
    case DR_MACHINE_CHANGED: {
        const struct dr_machine_changed *changed = body;
        event = (struct reap_event){
            .kind = REAP_MACHINE, .seq = changed->seq, .machine = &changed->machine};
        break;
    }
    case DR_WORKERS_OBSERVED:
        event = (struct reap_event){.kind = REAP_WORKERS, .workers = body};
        break;
    case DR_QUEUES_OBSERVED:
        event = (struct reap_event){.kind = REAP_QUEUES, .queues = body};
        break;
    case DR_SERVER_CHANGED:
        event = (struct reap_event){.kind = REAP_SERVER, .server = body};
        break;
    case DR_CLOUD_OBSERVED:
        event = (struct reap_event){.kind = REAP_CLOUD, .cloud = body};
        break;
    default:
        return;
    }
    step(shell, &event);
}

static void on_gap(struct dr_actor *actor, const char *source, const char *topic)
{
    struct shell *shell = dr_actor_self(actor);
    (void)source;
    (void)topic;
    if (shell->core)
        step(shell, &(struct reap_event){.kind = REAP_GAP});
}

static void on_reconfigured(struct dr_actor *actor, const struct dr_cfg_root *before)
{
    struct shell *shell = dr_actor_self(actor);
    (void)before;
    if (shell->core)
        reap_configure(shell->core, dr_actor_config(actor));
}

static void stop(struct dr_actor *actor)
{
    (void)actor;
    dr_log_flush();
}

static const enum dr_type EVENTS[] = {DR_MACHINE_CHANGED, DR_WORKERS_OBSERVED, DR_QUEUES_OBSERVED,
                                      DR_SERVER_CHANGED,  DR_CLOUD_OBSERVED,   DR_NONE};

static const struct dr_actor_spec SPEC = {
    .role = DR_ROLE_REAPER,
    .events = EVENTS,
    .start = start,
    .event = on_event,
    .gap = on_gap,
    .reconfigured = on_reconfigured,
    .stop = stop,
};

int main(int argc, char **argv)
{
    return dr_actor_main(argc, argv, &SPEC);
}
