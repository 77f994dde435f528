/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

#define CLOUD_LEAST_MS 5000
#define COMING_MS 900000 /* an end that is not confirmed by then is nothing to stay awake for */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* P5: pictures this old still show what is. Two worker periods, or the watcher's own pace. */
static int64_t picture_limit_ms(const struct reap_core *core)
{
    const struct dr_cfg_timing *timing = &core->config->timing;
    return larger(larger(timing->fresh_queues_ms, 2 * timing->workers_period_ms),
                  3 * core->config->clearml.tick_ms);
}

bool facts_settled(const struct reap_core *core, int64_t now_ms)
{
    const struct dr_workers_observed *workers = core->workers.value;
    const struct dr_queues_observed *queues = core->queues.value;
    int64_t limit = picture_limit_ms(core);
    return workers && queues && core->server_well && !workers->settling && !queues->settling &&
           now_ms - workers->sent_ms <= limit && now_ms - queues->sent_ms <= limit;
}

const struct dr_cfg_type *facts_type(const struct reap_core *core,
                                     const struct reap_machine *machine)
{
    return dr_config_type(core->config, machine->row->type);
}

int64_t facts_cloud_limit_ms(const struct reap_core *core, const char *account)
{
    const struct dr_cfg_account *config = dr_config_account(core->config, account);
    return larger(config ? 2 * config->list_period_ms : 0, CLOUD_LEAST_MS);
}

static bool cloud_present(const struct reap_core *core, const struct dr_machine_row *row,
                          int64_t now_ms)
{
    for (size_t i = 0; i < core->cloud_count; i++) {
        const struct dr_cloud_observed *cloud = core->clouds[i].record.value;
        if (!cloud || strcmp(core->clouds[i].account, row->account) != 0 ||
            now_ms - cloud->sent_ms > facts_cloud_limit_ms(core, row->account))
            continue;
        const struct dr_instance_view *view = seen_instance(&core->clouds[i], row->instance_id);
        if (view)
            return strcmp(view->state, "present") == 0;
    }
    return false;
}

/* A queue that was never read may hold anything. One that is no longer configured is nobody's to
 * wait for. */
static bool waiting(const struct reap_core *core, const struct dr_strs *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        const struct dr_queue_view *view = seen_queue(core, queues->items[i]);
        if (view && view->known && (view->waiting.count > 0 || view->read_ms == 0))
            return true;
    }
    return false;
}

/* P21: what ran on a machine that the cloud takes back is put back as soon as its end is confirmed:
 * whoever was started for that is not idle for nothing. */
static bool leaves_work(const struct reap_machine *machine, int64_t now_ms)
{
    enum judge_state state = judge_state_of(machine->row->state);
    bool leaves = state == JUDGE_DRAINING || state == JUDGE_TERMINATING;
    return leaves && strcmp(machine->row->drain_reason, "notice") == 0 &&
           now_ms - machine->state_ms <= COMING_MS;
}

static const char *left_queue(const void *of, size_t place)
{
    return ((const struct reap_core *)of)->left[place];
}

static bool is_left(const struct reap_core *core, const char *queue)
{
    return dr_index_find(&core->by_left, queue, left_queue, core) != DR_INDEX_NONE;
}

static void leave(struct reap_core *core, const char *queue)
{
    if (is_left(core, queue))
        return;
    if (core->left_count == core->left_room) {
        core->left_room = core->left_room ? core->left_room * 2 : 16;
        core->left = realloc(core->left, core->left_room * sizeof *core->left);
        DR_ASSERT(core->left);
    }
    dr_index_add(&core->by_left, queue, core->left_count);
    core->left[core->left_count++] = queue;
}

void facts_leaving(struct reap_core *core, int64_t now_ms)
{
    dr_index_clear(&core->by_left);
    core->left_count = 0;
    for (size_t i = 0; i < core->machine_count; i++) {
        const struct reap_machine *machine = &core->machines[i];
        bool leaves = leaves_work(machine, now_ms);
        for (size_t n = 0; leaves && n < machine->row->queues.count; n++)
            leave(core, machine->row->queues.items[n]);
    }
}

bool facts_coming(const struct reap_core *core, const struct dr_machine_row *row)
{
    for (size_t n = 0; n < row->queues.count; n++) {
        if (is_left(core, row->queues.items[n]))
            return true;
    }
    return false;
}

static void look_at_workers(const struct reap_core *core, const struct reap_machine *machine,
                            struct judge_facts *facts)
{
    const struct dr_worker_view *worker = seen_worker(core, machine->row->instance_id);
    for (; worker; worker = seen_next(core, worker)) {
        facts->listed = true;
        facts->busy = facts->busy || worker->task[0] != '\0';
    }
}

static int64_t since(int64_t moment_ms, int64_t now_ms)
{
    return moment_ms > 0 && now_ms > moment_ms ? now_ms - moment_ms : 0;
}

/* Its row knows no queues: those that its worker listens to. */
static bool waits_for_worker(const struct reap_core *core, const struct dr_machine_row *row)
{
    const struct dr_worker_view *worker = seen_worker(core, row->instance_id);
    for (; worker; worker = seen_next(core, worker)) {
        if (waiting(core, &worker->queues))
            return true;
    }
    return false;
}

static void set_limits(const struct reap_core *core, const struct reap_machine *machine,
                       struct judge_facts *facts)
{
    const struct dr_cfg_timing *timing = &core->config->timing;
    const struct dr_cfg_type *type = facts_type(core, machine);
    facts->idle_timeout_ms =
        type ? type->idle_timeout_ms : 0; /* a type that went: no reason left */
    facts->boot_timeout_ms = type ? type->boot_timeout_ms : timing->silent_ms;
    facts->max_life_ms = type ? type->max_life_ms : 0;
    facts->silent_ms = timing->silent_ms;
    facts->adopt_grace_ms = 2 * timing->workers_period_ms;
    facts->ack_ms = 2 * timing->drain_poll_ms + timing->drain_grace_ms;
    facts->kill_ms = timing->kill_grace_ms;
    facts->unguarded_gap_ms = timing->unguarded_gap_ms;
}

struct judge_facts facts_of(const struct reap_core *core, const struct reap_machine *machine,
                            int64_t now_ms)
{
    const struct dr_machine_row *row = machine->row;
    const struct dr_workers_observed *workers = core->workers.value;
    /* Of what was adopted, only what was taken over from others has a type and no attempt. */
    bool taken = row->adopted && row->attempt[0] == '\0' && row->type[0] != '\0';
    struct judge_facts facts = {
        .state = judge_state_of(row->state),
        .in_state_ms = since(machine->state_ms, now_ms),
        .settled = facts_settled(core, now_ms),
        .settled_ms = since(core->unsettled_ms, now_ms),
        .quiet = now_ms < core->quiet_until_ms,
        .cloud_present = cloud_present(core, row, now_ms),
        .picture_newer = workers && workers->sent_ms > machine->state_ms,
        .adopted = row->adopted && !taken,
        .unguarded = taken,
        .surplus = row->adopted && row->attempt[0] != '\0',
        .registered = row->up_us != 0,
        .waiting = waiting(core, &row->queues) || now_ms < machine->awaits_ms ||
                   (taken && waits_for_worker(core, row)),
        .alive_ms = since(machine->launched_ms, now_ms),
        .kept = now_ms < machine->keep_ms,
        .acked = row->drain_acked_us != 0,
        .mode = judge_mode_of(row->drain_mode),
        .never_registered = strcmp(row->drain_reason, "never-registered") == 0,
        .unfit = strcmp(row->drain_reason, "unfit") == 0 ? row->cause : NULL,
    };
    set_limits(core, machine, &facts);
    look_at_workers(core, machine, &facts);
    bool idle = !facts.busy && machine->idle_ms > 0; /* by the ledger: it outlives the watcher */
    facts.idle_ms = idle ? since(machine->idle_ms, now_ms) : -1;
    facts.idle_span_ms = idle && workers ? since(machine->idle_ms, workers->sent_ms) : -1;
    facts.unreported_ms = since(machine->reported_ms, now_ms);
    facts.picture_decides = workers && workers->sent_ms > machine->state_ms + facts.ack_ms;
    return facts;
}
