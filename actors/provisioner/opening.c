/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts for wanted rows: which rows share one, and for which offering (P9, P11).
 *
 * The rows of one want come as one event each. An attempt that was opened at the first of them
 * would leave the others to a second one: two calls where one does. So where a cloud takes many
 * machines at once, opening waits until QUIET_MS have passed without a new row, at most
 * PAUSE_MOST_MS in all. That is little beside the two synced commits that an attempt costs; a full
 * batch does not wait.
 */
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"
#include "rows.h"

#define POLL_MS 5000
#define REOPEN_MS 1000
#define CAPPED_MS 10000
#define OPEN_ATTEMPTS_MAX 64
#define QUIET_MS 1
#define PAUSE_MOST_MS 30

/* ---- offerings ------------------------------------------------------------------------------- */
void opening_free(struct prov_core *core)
{
    for (size_t i = 0; i < core->offers_count; i++)
        free(core->offers[i].items);
    free(core->offers);
    core->offers = NULL;
    core->offers_count = 0;
}

void opening_configure(struct prov_core *core, const struct prov_settings *settings)
{
    opening_free(core);
    core->offers = calloc(settings->type_count + 1, sizeof *core->offers);
    DR_ASSERT(core->offers);
    for (size_t i = 0; i < settings->type_count; i++) {
        const struct prov_type *type = &settings->types[i];
        struct prov_offers *offers = &core->offers[core->offers_count++];
        prov_copy(offers->type, type->name);
        offers->items = calloc(type->offerings.count + 1, sizeof *offers->items);
        DR_ASSERT(offers->items);
        offers->count = type->offerings.count;
        for (size_t n = 0; n < offers->count; n++)
            prov_copy(offers->items[n], type->offerings.items[n]);
    }
}

static const struct prov_offers *offers_of(const struct prov_core *core, const char *type)
{
    for (size_t i = 0; i < core->offers_count; i++) {
        if (strcmp(core->offers[i].type, type) == 0 && core->offers[i].count > 0)
            return &core->offers[i];
    }
    return NULL;
}

/* The first that is not set aside. NULL: all are, the first of them until *free_ms. */
static const char *choose(const struct prov_core *core, const char *type, int64_t now_ms,
                          int64_t *free_ms)
{
    const struct prov_offers *offers = offers_of(core, type);
    size_t count = offers ? offers->count : 1;
    *free_ms = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const char *offering = offers ? offers->items[i] : type;
        int64_t at_ms = offering_free_ms(&core->aside, type, offering);
        if (at_ms <= now_ms)
            return offering;
        *free_ms = at_ms < *free_ms ? at_ms : *free_ms;
    }
    return NULL;
}

static void tell_aside(struct prov_core *core, const char *type, int64_t free_ms, int64_t now_ms,
                       struct prov_effects *out)
{
    struct prov_health *health = health_of(core, type);
    if (health->aside_told)
        return;
    health->aside_told = true;
    effects_tell(out, false, "",
                 effects_format(out,
                                "account %s has no room for machines of type %s in any place that "
                                "it may be started in; the first is tried again in %lld s",
                                core->account, type, (long long)((free_ms - now_ms + 999) / 1000)));
}

/* ---- the pause after a row ------------------------------------------------------------------- */
static int64_t pause_end_ms(const struct prov_core *core)
{
    int64_t quiet = core->want_last_ms + QUIET_MS, most = core->want_first_ms + PAUSE_MOST_MS;
    return quiet < most ? quiet : most;
}

static bool pausing(const struct prov_core *core, int64_t now_ms)
{
    return core->want_first_ms && now_ms < pause_end_ms(core);
}

void opening_wanted(struct prov_core *core, int64_t now_ms)
{
    if (!core->want_first_ms)
        core->want_first_ms = now_ms;
    core->want_last_ms = now_ms;
}

int64_t core_wake_ms(const struct prov_core *core, int64_t now_ms)
{
    if (core->settings.batch_max <= 1 || !pausing(core, now_ms))
        return -1;
    return pause_end_ms(core) - now_ms;
}

/* ---- opening --------------------------------------------------------------------------------- */
static bool may_open(struct prov_core *core, const struct prov_machine *machine, int64_t now_ms)
{
    return machine->state == MACHINE_WANTED && !machine->opening &&
           now_ms >= machine->open_from_ms && !health_holds(core, machine->type, now_ms);
}

static void emit_open(struct prov_core *core, size_t *rows, size_t count, const char *offering,
                      struct prov_effects *out)
{
    char(*ids)[PROV_ID] = calloc(count, sizeof *ids);
    DR_ASSERT(ids);
    for (size_t i = 0; i < count; i++) {
        core->machines[rows[i]].opening = true;
        prov_copy(ids[i], core->machines[rows[i]].id);
    }
    struct prov_effect *effect = effects_add(out, PROV_DO_OPEN, "");
    effect->machines = effects_strs(out, ids, count);
    effect->type = effects_text(out, core->machines[rows[0]].type);
    effect->offering = effects_text(out, offering);
    effect->identity = effects_text(out, core->identity);
    free(ids);
}

/* The row at `first` and those that can share an attempt with it; returns how many are opened. Rows
 * that are left because more of their kind may be coming are passed over for the rest of this look.
 */
static size_t open_batch(struct prov_core *core, size_t first, int64_t now_ms,
                         struct prov_effects *out)
{
    const struct prov_machine *like = &core->machines[first];
    size_t most = health_batch(core, like->type, now_ms), count = 0;
    size_t *rows = calloc(most, sizeof *rows);
    int64_t free_ms;
    DR_ASSERT(rows);
    for (size_t i = first; i < core->machine_count && count < most; i++) {
        struct prov_machine *machine = &core->machines[i];
        if (machine->queues != like->queues || strcmp(machine->type, like->type) != 0 ||
            !may_open(core, machine, now_ms))
            continue;
        machine->look = core->look;
        rows[count++] = i;
    }
    const char *offering = choose(core, like->type, now_ms, &free_ms);
    bool opens = offering && (count == most || !pausing(core, now_ms));
    if (!offering)
        tell_aside(core, like->type, free_ms, now_ms, out);
    if (opens) {
        health_of(core, like->type)->aside_told = false;
        emit_open(core, rows, count, offering, out);
    }
    free(rows);
    return opens ? count : 0;
}

/* What a look opens only shuts the gate further, so its first no to a type holds for the look. */
static bool gate_shut(struct prov_core *core, const char *type, int64_t now_ms)
{
    struct prov_health *health = health_of(core, type);
    if (health->shut_look != core->look && !gate_may_open(core, type, now_ms))
        health->shut_look = core->look;
    return health->shut_look == core->look;
}

void opening_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    if (!pausing(core, now_ms))
        core->want_first_ms = 0;
    if (!core->synced || core->blocked || !fleet_list_fresh(core, now_ms))
        return;
    core->look++;
    size_t open = attempts_open(core);
    for (size_t i = 0; i < core->machine_count; i++) {
        if (core->machines[i].look == core->look || !may_open(core, &core->machines[i], now_ms))
            continue;
        if (gate_shut(core, core->machines[i].type, now_ms))
            continue;
        if (open >= OPEN_ATTEMPTS_MAX || !identity_may_open(core, now_ms, out))
            return;
        open += open_batch(core, i, now_ms, out);
    }
}

void opening_answered(struct prov_core *core, const struct prov_event *event, int64_t now_ms)
{
    bool capped = event->code && strcmp(event->code, "capped") == 0;
    bool told_not_to = event->code && strcmp(event->code, "refused") == 0; /* paused, or blocked */
    for (size_t i = 0; i < event->machines.count; i++) {
        struct prov_machine *machine = core_machine(core, event->machines.items[i]);
        if (!machine)
            continue;
        machine->opening = false;
        machine->open_from_ms = now_ms + (capped || told_not_to ? CAPPED_MS : REOPEN_MS);
    }
    if (event->ok && event->id && event->id[0]) {
        struct prov_attempt *attempt = rows_new_attempt(core, event->id, event->machines, now_ms);
        if (attempt->state == ATTEMPT_WAITING && !attempt->due_ms)
            attempt->due_ms = now_ms + POLL_MS;
    } else if (!capped) {
        core->snapshot_due_ms = now_ms; /* the rows say what is true */
    }
}
