/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"
#include "rows.h"

#define SNAPSHOT_PERIOD_MS 30000
#define SNAPSHOT_RETRY_MS 1000
#define POLL_MS 5000

struct prov_core *core_new(const struct prov_settings *settings)
{
    struct prov_core *core = calloc(1, sizeof *core);
    DR_ASSERT(core);
    core->listed_ms = -1;
    core->random = settings->seed;
    core_configure(core, settings);
    return core;
}

void core_configure(struct prov_core *core, const struct prov_settings *settings)
{
    prov_copy(core->account, settings->account);
    core->settings = *settings;
    core->settings.account = core->account;
    core->settings.types = NULL; /* copied below */
    opening_configure(core, settings);
    offerings_free(&core->aside);
    core->aside.first_ms = settings->capacity_hold_ms;
    health_fresh(core);
    gate_try_now(core);
    core->list_due_ms = 0;
}

void core_free(struct prov_core *core)
{
    for (size_t i = 0; i < core->attempt_count; i++)
        rows_free_attempt(&core->attempts[i]);
    free(core->attempts);
    free(core->machines);
    free(core->healths);
    free(core->found);
    dr_index_free(&core->by_id);
    dr_index_free(&core->by_instance);
    dr_index_free(&core->by_attempt);
    dr_index_free(&core->by_found);
    offerings_free(&core->aside);
    opening_free(core);
    free(core);
}

bool core_synced(const struct prov_core *core)
{
    return core->synced;
}

bool core_attempt_is_open(const struct prov_core *core, const char *id)
{
    const struct prov_attempt *attempt = core_attempt(core, id);
    return attempt && attempt->state != ATTEMPT_CLOSED;
}

void core_each_bound(const struct prov_core *core, core_each_fn each, void *arg)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        const struct prov_machine *machine = &core->machines[i];
        if (machine->instance[0])
            each(arg, machine->id, machine->instance, machine->was_up);
    }
}

const char *core_machine_of(const struct prov_core *core, const char *instance)
{
    const struct prov_machine *machine = core_bound(core, instance);
    return machine ? machine->id : "";
}

/* ---- rows ----------------------------------------------------------------------------------- */
static void snapshot_came(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
                          struct prov_effects *out)
{
    core->snapshot_asked = false;
    if (!event->state) {
        core->snapshot_due_ms = now_ms + SNAPSHOT_RETRY_MS;
        return;
    }
    rows_snapshot(core, event->state, now_ms, out);
    if (!core->synced)
        core->list_due_ms = now_ms;
    core->synced = true;
}

static void attempt_row_came(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
                             struct prov_effects *out)
{
    const struct dr_attempt_row *row = event->attempt;
    if (strcmp(row->account, core->account) != 0)
        return;
    struct prov_attempt *attempt = core_attempt(core, row->id);
    if (!attempt && strcmp(row->state, "closed") != 0) {
        attempt = rows_new_attempt(core, row->id, row->machines, now_ms);
        attempt->due_ms = now_ms + POLL_MS;
    }
    if (!attempt)
        return;
    rows_fill_attempt(attempt, row);
    if (strcmp(row->state, "closed") == 0)
        core_attempt_happened(core, attempt, ATTEMPT_GONE, NULL, now_ms, out);
    else if (strcmp(row->state, "opened") != 0)
        core_attempt_happened(core, attempt, ATTEMPT_NEWS, NULL, now_ms, out);
}

static void key_came(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
                     struct prov_effects *out)
{
    struct prov_attempt *attempt = core_attempt(core, event->key->attempt);
    if (attempt && strcmp(event->key->state, "minted") == 0)
        core_attempt_happened(core, attempt, ATTEMPT_NEWS, NULL, now_ms, out);
}

static void tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    if (!core->snapshot_asked && now_ms >= core->snapshot_due_ms) {
        core->snapshot_asked = true;
        core->snapshot_due_ms = now_ms + SNAPSHOT_PERIOD_MS; /* a want of one meanwhile stands */
        effects_add(out, PROV_DO_SNAPSHOT, "");
    }
    attempts_tick(core, now_ms, out);
    fleet_tick(core, now_ms, out);
    opening_tick(core, now_ms, out);
}

void core_step(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
               struct prov_effects *out)
{
    struct prov_attempt *attempt;
    if (event->seq > core->seq)
        core->seq = event->seq;
    switch (event->kind) {
    case PROV_SNAPSHOT:
        snapshot_came(core, event, now_ms, out);
        break;
    case PROV_GAP:
        core->snapshot_due_ms = now_ms;
        break;
    case PROV_MACHINE:
        rows_machine(core, event->machine, now_ms, out);
        break;
    case PROV_ATTEMPT:
        attempt_row_came(core, event, now_ms, out);
        break;
    case PROV_KEY:
        key_came(core, event, now_ms, out);
        break;
    case PROV_IDENTITY:
        identity_came(core, event->id);
        break;
    case PROV_OPENED:
        opening_answered(core, event, now_ms);
        break;
    case PROV_ATTEMPT_EVENT:
        attempt = core_attempt(core, event->id);
        if (attempt && event->sentence)
            snprintf(attempt->sentence, sizeof attempt->sentence, "%s", event->sentence);
        if (attempt)
            core_attempt_happened(core, attempt, event->what, event->answer, now_ms, out);
        break;
    case PROV_LISTED:
        fleet_listed(core, event->list, now_ms, out);
        break;
    case PROV_DESCRIBED:
        fleet_described(core, event->id, event->list, now_ms, out);
        break;
    case PROV_SAID:
        word_said(core, event->id, event->ok, now_ms);
        break;
    case PROV_TICK:
        break;
    }
    tick(core, now_ms, out);
}
