/* SPDX-License-Identifier: Apache-2.0 */
/* drover-planner: the shell around core.h. It plans when something came in, and once a second. */
#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "drover/actor.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "log.h"

#define TICK_MS 1000

struct shell {
    struct planner *planner;
    bool plan_due;
};

static struct now now(void)
{
    return (struct now){.boot_ms = dr_boottime_ms(), .wall_us = dr_wall_us()};
}

static void plan_soon(struct dr_actor *actor);

/* ---- answers -------------------------------------------------------------------------------- */
static void on_reading(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)arg;
    struct shell *shell = dr_actor_self(actor);
    if (answer->message == NULL)
        return; /* asked again */
    planner_take(shell->planner, answer->message->row, answer->message->body, now());
    plan_soon(actor);
}

static void on_want(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    char *type = arg;
    struct shell *shell = dr_actor_self(actor);
    const struct dr_ack *ack = answer->message == NULL ? NULL : answer->message->body;
    if (ack == NULL)
        dr_log_merged(DR_LOG_WARNING, &(struct dr_log_ctx){.err = answer->failure},
                      "the ledger did not answer a want for type %s: its rows are read anew", type);
    else if (!ack->ok && strcmp(ack->code, "stale") != 0)
        dr_log_merged(DR_LOG_INFO, NULL, "no machine of type %s: %s", type, ack->sentence);
    planner_want_answered(shell->planner, type, ack, now());
    free(type);
    plan_soon(actor);
}

static void on_cancel(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    (void)arg;
    (void)answer; /* what became of it shows in the row */
    plan_soon(actor);
}

/* ---- effects -------------------------------------------------------------------------------- */
static void ask_cloud(struct dr_actor *actor, const char *account)
{
    char to[128];
    snprintf(to, sizeof to, "provisioner:%s", account);
    dr_request(actor, to, DR_CLOUD_GET, &(struct dr_cloud_get){.account = account}, NULL, NULL,
               PLANNER_TIMEOUT_MS, on_reading, NULL);
}

static void carry_out(struct dr_actor *actor, struct shell *shell, const struct effect *effect)
{
    struct dr_plan_decided plan;
    char *type;
    switch (effect->kind) {
    case EFFECT_SNAPSHOT:
        dr_request(actor, "ledger", DR_LEDGER_SNAPSHOT, &(struct dr_ledger_snapshot){.account = ""},
                   NULL, NULL, PLANNER_TIMEOUT_MS, on_reading, NULL);
        break;
    case EFFECT_PICTURE:
        dr_request(actor, "watcher", DR_PICTURE_GET, &(struct dr_picture_get){.workers = true},
                   NULL, NULL, PLANNER_TIMEOUT_MS, on_reading, NULL);
        break;
    case EFFECT_CLOUD:
        ask_cloud(actor, effect->account);
        break;
    case EFFECT_WANT:
        type = strdup(effect->want.type);
        DR_ASSERT(type != NULL);
        dr_request(actor, "ledger", DR_MACHINE_WANT, &effect->want, NULL, NULL, PLANNER_TIMEOUT_MS,
                   on_want, type);
        break;
    case EFFECT_CANCEL:
        dr_request(actor, "ledger", DR_MACHINE_CANCEL, &effect->cancel, NULL, NULL,
                   PLANNER_TIMEOUT_MS, on_cancel, NULL);
        break;
    case EFFECT_PUBLISH:
        plan = planner_decided(shell->planner, "", now());
        dr_publish(actor, DR_PLAN_DECIDED, &plan, NULL);
        break;
    case EFFECT_WARN:
        dr_log(DR_LOG_WARNING, &(struct dr_log_ctx){.queue = effect->queue}, "%s",
               effect->sentence);
        break;
    }
}

static void plan(struct dr_actor *actor)
{
    size_t count;
    struct shell *shell = dr_actor_self(actor);
    const struct effect *effects = planner_plan(shell->planner, now(), &count);
    for (size_t i = 0; i < count; i++)
        carry_out(actor, shell, &effects[i]);
}

static int on_plan_due(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    struct dr_actor *actor = arg;
    struct shell *shell = dr_actor_self(actor);
    shell->plan_due = false;
    plan(actor);
    return 0;
}

/* Once for all that comes in within one turn of the loop. */
static void plan_soon(struct dr_actor *actor)
{
    struct shell *shell = dr_actor_self(actor);
    if (shell->plan_due)
        return;
    shell->plan_due = true;
    zloop_timer(dr_actor_loop(actor), 0, 1, on_plan_due, actor);
}

static int on_tick(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    dr_log_tick();
    plan(arg);
    return 0;
}

/* ---- life ----------------------------------------------------------------------------------- */
static int start(struct dr_actor *actor)
{
    struct shell *shell = calloc(1, sizeof *shell);
    DR_ASSERT(shell != NULL);
    shell->planner = planner_new(dr_actor_config(actor));
    dr_actor_set_self(actor, shell);
    zloop_timer(dr_actor_loop(actor), TICK_MS, 0, on_tick, actor);
    plan_soon(actor);
    return 0;
}

static void on_event(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    planner_take(shell->planner, message->row, message->body, now());
    plan_soon(actor);
}

static void on_request(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    if (message->row->type != DR_PLAN_GET)
        return;
    const struct dr_plan_get *get = message->body;
    plan(actor); /* what the plan borrows may have been replaced since the last one */
    struct dr_plan reply = {.plan = planner_decided(shell->planner, get->task, now())};
    dr_reply(actor, message->env.source, message->env.request, DR_PLAN, &reply);
}

static void on_gap(struct dr_actor *actor, const char *source, const char *topic)
{
    (void)topic;
    struct shell *shell = dr_actor_self(actor);
    planner_gap(shell->planner, source);
    plan_soon(actor);
}

static void reconfigured(struct dr_actor *actor, const struct dr_cfg_root *before)
{
    (void)before;
    struct shell *shell = dr_actor_self(actor);
    planner_reconfigure(shell->planner, dr_actor_config(actor), now());
    plan_soon(actor);
}

static void stop(struct dr_actor *actor)
{
    struct shell *shell = dr_actor_self(actor);
    if (shell == NULL)
        return;
    planner_free(&shell->planner);
    free(shell);
    dr_actor_set_self(actor, NULL);
}

int main(int argc, char **argv)
{
    static const enum dr_type events[] = {DR_QUEUES_OBSERVED, DR_WORKERS_OBSERVED,
                                          DR_CLOUD_OBSERVED,  DR_MACHINE_CHANGED,
                                          DR_PAUSE_CHANGED,   DR_NONE};
    static const struct dr_actor_spec spec = {
        .role = DR_ROLE_PLANNER,
        .events = events,
        .start = start,
        .event = on_event,
        .request = on_request,
        .gap = on_gap,
        .reconfigured = reconfigured,
        .stop = stop,
    };
    return dr_actor_main(argc, argv, &spec);
}
