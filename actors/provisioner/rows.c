/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger's rows as this core keeps them. A row's version decides which of two is newer.
 */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

void prov_copy(char out[PROV_ID], const char *text)
{
    snprintf(out, PROV_ID, "%s", text ? text : "");
}

/* ---- places ---------------------------------------------------------------------------------- */
static const char *machine_id(const void *of, size_t place)
{
    const struct prov_core *core = of;
    return place < core->machine_count ? core->machines[place].id : "";
}

static const char *machine_instance(const void *of, size_t place)
{
    const struct prov_core *core = of;
    return place < core->machine_count ? core->machines[place].instance : "";
}

static const char *attempt_id(const void *of, size_t place)
{
    const struct prov_core *core = of;
    return place < core->attempt_count ? core->attempts[place].id : "";
}

struct prov_machine *core_machine(const struct prov_core *core, const char *id)
{
    size_t place = dr_index_find(&core->by_id, id, machine_id, core);
    return place == DR_INDEX_NONE ? NULL : &core->machines[place];
}

struct prov_machine *core_bound(const struct prov_core *core, const char *instance)
{
    size_t place = dr_index_find(&core->by_instance, instance, machine_instance, core);
    return place == DR_INDEX_NONE ? NULL : &core->machines[place];
}

struct prov_attempt *core_attempt(const struct prov_core *core, const char *id)
{
    size_t place = dr_index_find(&core->by_attempt, id, attempt_id, core);
    return place == DR_INDEX_NONE ? NULL : &core->attempts[place];
}

/* Forgets the places of what went. */
static void index_rows(struct prov_core *core)
{
    dr_index_clear(&core->by_id);
    dr_index_clear(&core->by_instance);
    dr_index_clear(&core->by_attempt);
    for (size_t i = 0; i < core->machine_count; i++) {
        dr_index_add(&core->by_id, core->machines[i].id, i);
        dr_index_add(&core->by_instance, core->machines[i].instance, i);
    }
    for (size_t i = 0; i < core->attempt_count; i++)
        dr_index_add(&core->by_attempt, core->attempts[i].id, i);
}

/* ---- machines -------------------------------------------------------------------------------- */
enum machine_state rows_state(const char *word)
{
    static const struct {
        const char *word;
        enum machine_state state;
    } words[] = {
        {"wanted", MACHINE_WANTED},       {"launching", MACHINE_LAUNCHING},
        {"booting", MACHINE_BOOTING},     {"up", MACHINE_UP},
        {"draining", MACHINE_DRAINING},   {"absent", MACHINE_ABSENT},
        {"gone", MACHINE_GONE},           {"terminating", MACHINE_TERMINATING},
        {"cancelled", MACHINE_CANCELLED}, {"failed", MACHINE_FAILED},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, word) == 0)
            return words[i].state;
    }
    return MACHINE_OTHER;
}

static bool over(enum machine_state state)
{
    return state == MACHINE_GONE || state == MACHINE_CANCELLED || state == MACHINE_FAILED;
}

static struct prov_machine *add_machine(struct prov_core *core, const char *id)
{
    if (core->machine_count == core->machine_capacity) {
        core->machine_capacity = core->machine_capacity ? core->machine_capacity * 2 : 16;
        core->machines = realloc(core->machines, core->machine_capacity * sizeof *core->machines);
        DR_ASSERT(core->machines);
    }
    dr_index_add(&core->by_id, id, core->machine_count);
    struct prov_machine *machine = &core->machines[core->machine_count++];
    *machine = (struct prov_machine){.said = ""};
    prov_copy(machine->id, id);
    return machine;
}

/* The last one takes its place. */
static void remove_machine(struct prov_core *core, struct prov_machine *machine)
{
    size_t place = (size_t)(machine - core->machines);
    *machine = core->machines[--core->machine_count];
    if (place == core->machine_count)
        return;
    dr_index_add(&core->by_id, machine->id, place);
    dr_index_add(&core->by_instance, machine->instance, place);
}

/* A machine that ended by itself before its agent was ever seen counts against its type. */
static void machine_over(struct prov_core *core, struct prov_machine *machine, int64_t now_ms,
                         struct prov_effects *out)
{
    if (machine->state == MACHINE_GONE && machine->instance[0]) {
        if (!machine->was_up && machine->own_end)
            health_bad(core, machine->type, "ended before the agent was seen", now_ms, out);
        effects_add(out, PROV_DO_CLEAN, machine->instance);
    }
    remove_machine(core, machine);
}

/* One attempt has one boot script: only rows that serve the same queues can share it (P11). */
static uint64_t hash_of_queues(const struct dr_machine_row *row)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i <= row->queues.count; i++) {
        const char *text = i < row->queues.count ? row->queues.items[i] : row->drain_queue;
        for (size_t at = 0; text && (at == 0 || text[at - 1]); at++)
            hash = (hash ^ (unsigned char)text[at]) * UINT64_C(1099511628211);
    }
    return hash;
}

static void fill_machine(struct prov_core *core, struct prov_machine *machine,
                         const struct dr_machine_row *row)
{
    if (strcmp(machine->instance, row->instance_id) != 0)
        dr_index_add(&core->by_instance, row->instance_id, (size_t)(machine - core->machines));
    machine->version = row->version;
    machine->state = rows_state(row->state);
    machine->was_up = row->up_us != 0;
    machine->own_end =
        row->drain_reason[0] == '\0' || strcmp(row->drain_reason, "never-registered") == 0;
    prov_copy(machine->type, row->type);
    prov_copy(machine->attempt, row->attempt);
    prov_copy(machine->offering, row->offering);
    prov_copy(machine->instance, row->instance_id);
    snprintf(machine->identity, sizeof machine->identity, "%s", row->identity ? row->identity : "");
    machine->queues = hash_of_queues(row);
}

/* Its guard found that it cannot do what its type promises. */
static void judge_unfit(struct prov_core *core, struct prov_machine *machine,
                        const struct dr_machine_row *row, int64_t now_ms, struct prov_effects *out)
{
    if (machine->unfit || strcmp(row->drain_reason, "unfit") != 0)
        return;
    machine->unfit = true;
    offering_set_aside(&core->aside, machine->type, machine->offering, core->settings.unfit_hold_ms,
                       now_ms);
    health_bad(core, machine->type, row->cause && row->cause[0] ? row->cause : "unfit", now_ms,
               out);
}

struct prov_machine *rows_machine(struct prov_core *core, const struct dr_machine_row *row,
                                  int64_t now_ms, struct prov_effects *out)
{
    if (strcmp(row->account, core->account) != 0)
        return NULL;
    struct prov_machine *machine = core_machine(core, row->id);
    if (machine && machine->version >= row->version)
        return machine;
    if (!machine && over(rows_state(row->state)))
        return NULL;
    if (!machine)
        machine = add_machine(core, row->id);
    enum machine_state before = machine->state;
    bool was_bound = machine->instance[0] != '\0', was_up = machine->was_up;
    fill_machine(core, machine, row);
    if (!was_bound && machine->instance[0])
        machine->bound_ms = now_ms;
    if (machine->state != before) {
        machine->kill_due_ms = now_ms;
        machine->kill_wait_ms = 0;
        machine->said = machine->state == MACHINE_ABSENT ? "absent" : "";
        machine->open_from_ms = 0; /* that was for the row as it stood */
    }
    if (machine->state == MACHINE_WANTED && before != MACHINE_WANTED)
        opening_wanted(core, now_ms);
    judge_unfit(core, machine, row, now_ms, out);
    if (machine->was_up && !was_up)
        health_good(core, machine->type);
    if (!over(machine->state))
        return machine;
    machine_over(core, machine, now_ms, out);
    return NULL;
}

static struct prov_attempt *add_attempt(struct prov_core *core, const char *id)
{
    if (core->attempt_count == core->attempt_capacity) {
        core->attempt_capacity = core->attempt_capacity ? core->attempt_capacity * 2 : 16;
        core->attempts = realloc(core->attempts, core->attempt_capacity * sizeof *core->attempts);
        DR_ASSERT(core->attempts);
    }
    dr_index_add(&core->by_attempt, id, core->attempt_count);
    struct prov_attempt *attempt = &core->attempts[core->attempt_count++];
    *attempt = (struct prov_attempt){.state = ATTEMPT_WAITING, .outcome = ""};
    prov_copy(attempt->id, id);
    return attempt;
}

struct prov_attempt *rows_new_attempt(struct prov_core *core, const char *id,
                                      struct dr_strs machines, int64_t now_ms)
{
    struct prov_attempt *attempt = core_attempt(core, id);
    if (attempt)
        return attempt;
    attempt = add_attempt(core, id);
    attempt->since_ms = now_ms;
    attempt->machines = calloc(machines.count ? machines.count : 1, sizeof *attempt->machines);
    DR_ASSERT(attempt->machines);
    attempt->machine_count = machines.count;
    for (size_t i = 0; i < machines.count; i++) {
        prov_copy(attempt->machines[i], machines.items[i]);
        const struct prov_machine *machine = core_machine(core, machines.items[i]);
        if (machine && !attempt->type[0])
            prov_copy(attempt->type, machine->type);
    }
    return attempt;
}

void rows_fill_attempt(struct prov_attempt *attempt, const struct dr_attempt_row *row)
{
    attempt->ordinal = row->ordinal;
    attempt->committed = strcmp(row->state, "committed") == 0;
    prov_copy(attempt->offering, row->offering);
    snprintf(attempt->identity, sizeof attempt->identity, "%s", row->identity ? row->identity : "");
}

void rows_free_attempt(struct prov_attempt *attempt)
{
    free(attempt->machines);
    free(attempt->instances);
}

void rows_drop_attempt(struct prov_core *core, struct prov_attempt *attempt)
{
    rows_free_attempt(attempt);
    *attempt = core->attempts[--core->attempt_count];
    size_t place = (size_t)(attempt - core->attempts);
    if (place < core->attempt_count)
        dr_index_add(&core->by_attempt, attempt->id, place);
}

/* Rows that the snapshot no longer has, unless an event already told of something newer. */
static void drop_missing(struct prov_core *core, bool newest, int64_t now_ms,
                         struct prov_effects *out)
{
    for (size_t i = core->machine_count; newest && i-- > 0;) {
        struct prov_machine *machine = &core->machines[i];
        if (machine->in_snapshot)
            continue;
        if (machine->instance[0])
            effects_add(out, PROV_DO_CLEAN, machine->instance);
        remove_machine(core, machine);
    }
    for (size_t i = 0; newest && i < core->attempt_count; i++) {
        struct prov_attempt *attempt = &core->attempts[i];
        if (!attempt->in_snapshot)
            core_attempt_happened(core, attempt, ATTEMPT_GONE, NULL, now_ms, out);
    }
}

static void take_attempt(struct prov_core *core, const struct dr_attempt_row *row, int64_t now_ms)
{
    struct prov_attempt *attempt = core_attempt(core, row->id);
    if (strcmp(row->state, "closed") == 0)
        return;
    if (!attempt) {
        attempt = rows_new_attempt(core, row->id, row->machines, now_ms);
        attempt->due_ms = now_ms; /* a life before this one opened it: look where it stands */
    }
    rows_fill_attempt(attempt, row);
    attempt->in_snapshot = true;
}

void rows_snapshot(struct prov_core *core, const struct dr_ledger_state *state, int64_t now_ms,
                   struct prov_effects *out)
{
    bool newest = state->seq >= core->seq;
    for (size_t i = 0; i < core->machine_count; i++)
        core->machines[i].in_snapshot = false;
    for (size_t i = 0; i < core->attempt_count; i++)
        core->attempts[i].in_snapshot = false;
    for (size_t i = 0; i < state->machines.count; i++) {
        struct prov_machine *machine = rows_machine(core, &state->machines.items[i], now_ms, out);
        if (machine)
            machine->in_snapshot = true;
    }
    for (size_t i = 0; i < state->attempts.count; i++) {
        if (strcmp(state->attempts.items[i].account, core->account) == 0)
            take_attempt(core, &state->attempts.items[i], now_ms);
    }
    drop_missing(core, newest, now_ms, out);
    index_rows(core);
    core->blocked = state->blocked[0] != '\0';
    core->seq = newest ? state->seq : core->seq;
}
