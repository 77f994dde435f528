/* SPDX-License-Identifier: Apache-2.0 */
#include "supply.h"

#include <string.h>

#include "text.h"

/* After `up` a machine's other slots have this long to show up before they stop counting. */
#define SLOTS_APPEAR_US (120 * 1000000LL)

static bool is(const struct dr_machine_row *row, const char *state)
{
    return strcmp(row->state, state) == 0;
}

bool supply_is_live(const struct dr_machine_row *row)
{
    return !is(row, "gone") && !is(row, "failed") && !is(row, "cancelled");
}

/* A worker of ours counts while its machine is alive in the cloud and not on its way out (P6). */
static bool usable(const struct state *state, const struct dr_worker_view *worker, size_t machine)
{
    if (*worker->task != '\0' || !worker->proven)
        return false;
    if (!worker->ours)
        return true;
    const struct dr_machine_row *row = machine == DR_INDEX_NONE ? NULL : state_row(state, machine);
    return row != NULL && (is(row, "booting") || is(row, "up"));
}

/* The workers of a machine that the newest picture lists: those slots are judged by themselves. */
struct listed {
    int64_t all, idle;
};

/* Counts them per machine on the way. */
static void add_workers(struct dr_arena *arena, const struct state *state,
                        const struct demands *demands, struct match *match, struct listed *listed,
                        struct supply *out)
{
    const struct dr_workers_observed *picture = state_workers(state);
    for (size_t i = 0; picture != NULL && i < picture->workers.count; i++) {
        const struct dr_worker_view *worker = &picture->workers.items[i];
        size_t machine =
            worker->ours ? state_at_instance(state, worker->instance_id) : DR_INDEX_NONE;
        bool free_now = usable(state, worker, machine);
        if (machine != DR_INDEX_NONE) {
            listed[machine].all++;
            listed[machine].idle += free_now;
        }
        if (!free_now)
            continue;
        const bool *listens = demand_mark(arena, demands, &worker->queues);
        const struct watched *watched = state_watched(state, worker->id);
        if (!state_tired(state, watched)) {
            match_add(match, SUPPLY_IDLE, listens, 1);
            continue;
        }
        for (size_t q = 0; q < demands->count; q++) {
            if (listens[q])
                out->tired[q] = watched;
        }
    }
}

static int64_t coming(const struct dr_machine_row *row, struct listed workers, struct now now)
{
    int64_t missing = row->slots > workers.all ? row->slots - workers.all : 0;
    if (is(row, "wanted") || is(row, "launching"))
        return row->slots;
    if (is(row, "booting"))
        return missing;
    bool young = row->up_us != 0 && now.wall_us - row->up_us < SLOTS_APPEAR_US;
    return is(row, "up") && young ? missing : 0;
}

static void add_machine(struct dr_arena *arena, const struct demands *demands, struct match *match,
                        bool settling, struct now now, const struct dr_machine_row *row,
                        struct listed workers, struct supply *out)
{
    const bool *listens = demand_mark(arena, demands, &row->queues);
    int64_t slots = coming(row, workers, now);
    bool wanted = is(row, "wanted");
    if (slots > 0) {
        size_t group = match_add(match, wanted ? SUPPLY_WANTED : SUPPLY_BOOT, listens, slots);
        if (wanted)
            out->wanted[out->wanted_count++] = (struct supply_wanted){row, group};
    }
    int64_t rest = row->slots - slots - workers.idle;
    if (settling && rest > 0 && !is(row, "terminating"))
        match_add(match, SUPPLY_KNOWN, listens, rest);
}

void supply_add(struct dr_arena *arena, const struct state *state, const struct demands *demands,
                struct match *match, bool settling, struct now now, struct supply *out)
{
    out->wanted = text_alloc(arena, state->machine_count * sizeof *out->wanted);
    out->wanted_count = 0;
    out->paused = text_alloc(arena, state->machine_count * sizeof *out->paused);
    out->paused_count = 0;
    out->tired = text_alloc(arena, demands->count * sizeof *out->tired);
    struct listed *listed = text_alloc(arena, state->machine_count * sizeof *listed);
    add_workers(arena, state, demands, match, listed, out);
    for (size_t i = 0; i < state->machine_count; i++) {
        const struct dr_machine_row *row = state_row(state, i);
        if (is(row, "wanted") && state_pause_of(state, row) != NULL)
            out->paused[out->paused_count++] = row;
        else if (supply_is_live(row))
            add_machine(arena, demands, match, settling, now, row, listed[i], out);
    }
}
