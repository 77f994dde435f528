/* SPDX-License-Identifier: Apache-2.0 */
/* on_hard_cap: kill. Where a limit of money is used up, its machines go at once: the only rule that
 * cuts a task, and only where the configuration says so (P13). */
#include <stdio.h>
#include <string.h>

#include "core_impl.h"

#define CAP_PERIOD_MS 15000

bool cap_due(struct reap_core *core, int64_t now_ms)
{
    const char *deed = core->config->on_hard_cap;
    if (deed == NULL || strcmp(deed, "kill") != 0 || now_ms < core->money_due_ms)
        return false;
    core->money_due_ms = now_ms + CAP_PERIOD_MS;
    return true;
}

/* A limit per hour bounds starts only: nothing is used up by it. */
static bool used_up(const struct dr_limit_view *limit)
{
    return limit->max_usd_micros > 0 && strcmp(limit->window, "hour") != 0 &&
           limit->spent_usd_micros >= limit->max_usd_micros;
}

static bool lists(const struct dr_strs *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

static bool covers(const struct reap_core *core, const struct dr_limit_view *limit,
                   const struct dr_machine_row *row)
{
    if (strcmp(limit->scope, "all") == 0)
        return true;
    if (strcmp(limit->scope, "type") == 0)
        return strcmp(row->type, limit->name) == 0;
    const struct dr_queues_observed *queues = core->queues.value;
    for (size_t i = 0; queues && i < queues->queues.count; i++) {
        const struct dr_queue_view *queue = &queues->queues.items[i];
        if (strcmp(queue->name, limit->name) == 0)
            return *queue->id != '\0' && lists(&row->queues, queue->id);
    }
    return false;
}

/* One that is launching cannot be drained yet; the next round meets it. */
static bool may_go(const struct reap_machine *machine, int64_t now_ms)
{
    const struct dr_machine_row *row = machine->row;
    bool lives = strcmp(row->state, "booting") == 0 || strcmp(row->state, "up") == 0 ||
                 strcmp(row->state, "draining") == 0;
    return lives && strcmp(row->drain_mode, "now") != 0 && !machine->pending &&
           now_ms >= machine->again_ms;
}

static void drain(struct reap_machine *machine, const struct dr_limit_view *limit,
                  struct reap_effects *out)
{
    const char *of = strcmp(limit->scope, "all") == 0    ? "all machines"
                     : strcmp(limit->scope, "type") == 0 ? "machine type "
                                                         : "queue ";
    struct reap_effect *effect = reap_add(out, REAP_DO_DRAIN, machine->row->id);
    effect->version = machine->row->version;
    effect->mode = "now";
    effect->reason = "cap";
    snprintf(effect->sentence, sizeof effect->sentence,
             "$%lld.%02lld are spent and the limit is $%lld.%02lld a %s of %s%.63s (on_hard_cap: "
             "kill)",
             (long long)(limit->spent_usd_micros / 1000000),
             (long long)(limit->spent_usd_micros / 10000 % 100),
             (long long)(limit->max_usd_micros / 1000000),
             (long long)(limit->max_usd_micros / 10000 % 100), limit->window, of, limit->name);
    machine->pending = true;
}

void cap_came(struct reap_core *core, const struct dr_money *money, int64_t now_ms,
              struct reap_effects *out)
{
    const char *deed = core->config->on_hard_cap;
    if (deed == NULL || strcmp(deed, "kill") != 0 || !core->synced || core->blocked ||
        now_ms < core->quiet_until_ms || !facts_settled(core, now_ms))
        return;
    for (size_t i = 0; i < money->limits.count; i++) {
        const struct dr_limit_view *limit = &money->limits.items[i];
        for (size_t m = 0; used_up(limit) && m < core->machine_count; m++) {
            struct reap_machine *machine = &core->machines[m];
            if (may_go(machine, now_ms) && covers(core, limit, machine->row))
                drain(machine, limit, out);
        }
    }
}
