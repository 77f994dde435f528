/* SPDX-License-Identifier: Apache-2.0 */
#include "evicted.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static void drop(struct evicted *evicted)
{
    free(evicted->task);
    free(evicted->machine);
    free(evicted->instance);
    free(evicted->queue);
}

void evicted_free(struct evictions *evictions)
{
    for (size_t i = 0; i < evictions->count; i++)
        drop(&evictions->items[i]);
    free(evictions->items);
    *evictions = (struct evictions){0};
}

bool evicted_leaves(const struct dr_machine_row *row)
{
    static const char *const states[] = {"draining", "absent", "terminating"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(row->state, states[i]) == 0)
            return strcmp(row->drain_reason, "notice") == 0;
    }
    return false;
}

/* ---- noting --------------------------------------------------------------------------------- */
static char *copy(const char *text)
{
    char *out = strdup(text);
    DR_ASSERT(out != NULL);
    return out;
}

static bool known(const struct evictions *evictions, const struct dr_slot_row *slot)
{
    for (size_t i = 0; i < evictions->count; i++) {
        const struct evicted *old = &evictions->items[i];
        if (strcmp(old->task, slot->task) == 0 && strcmp(old->machine, slot->machine) == 0)
            return true;
    }
    return false;
}

static void note(struct evictions *evictions, const struct dr_machine_row *row, const char *task,
                 struct now now)
{
    size_t count = evictions->count + 1;
    evictions->items = realloc(evictions->items, count * sizeof *evictions->items);
    DR_ASSERT(evictions->items != NULL);
    const char *queue = row->queues.count > 0 ? row->queues.items[0] : "";
    evictions->items[evictions->count++] =
        (struct evicted){.task = copy(task),
                         .machine = copy(row->id),
                         .instance = copy(row->instance_id),
                         .queue = copy(*row->for_queue != '\0' ? row->for_queue : queue),
                         .since_ms = now.boot_ms};
}

static bool runs_there(const struct evicted *evicted, const struct dr_ledger_state *rows)
{
    bool listed = false;
    for (size_t i = 0; i < rows->slots.count; i++) {
        const struct dr_slot_row *slot = &rows->slots.items[i];
        if (strcmp(slot->machine, evicted->machine) != 0)
            continue;
        listed = true;
        if (slot->busy && strcmp(slot->task, evicted->task) == 0)
            return true;
    }
    return !listed; /* of a machine that is gone they are told no more */
}

static bool settled(const struct evicted *evicted, const struct dr_ledger_state *rows)
{
    for (size_t i = 0; i < rows->recoveries.count; i++) {
        const struct dr_recovery_row *recovery = &rows->recoveries.items[i];
        if (recovery->settled_us != 0 && strcmp(recovery->machine, evicted->machine) == 0 &&
            strcmp(recovery->task, evicted->task) == 0)
            return true;
    }
    return false;
}

void evicted_take_rows(struct evictions *evictions, const struct state *state,
                       const struct dr_ledger_state *rows, struct now now)
{
    for (size_t i = 0; i < rows->slots.count; i++) {
        const struct dr_slot_row *slot = &rows->slots.items[i];
        const struct dr_machine_row *row = state_by_id(state, slot->machine);
        if (slot->busy && *slot->task != '\0' && row != NULL && evicted_leaves(row) &&
            !known(evictions, slot))
            note(evictions, row, slot->task, now);
    }
    for (size_t i = 0; i < evictions->count; i++) {
        struct evicted *evicted = &evictions->items[i];
        if (!runs_there(evicted, rows) || settled(evicted, rows))
            evicted->over = true;
    }
}

/* ---- looking -------------------------------------------------------------------------------- */
static bool waits(const struct evicted *evicted, const struct state *state)
{
    const struct dr_queues_observed *picture = state_queues(state);
    if (picture == NULL || picture->sent_ms < evicted->since_ms)
        return false;
    for (size_t q = 0; q < picture->queues.count; q++) {
        const struct dr_queue_task_list *waiting = &picture->queues.items[q].waiting;
        for (size_t i = 0; i < waiting->count; i++) {
            if (strcmp(waiting->items[i].task, evicted->task) == 0)
                return true;
        }
    }
    return false;
}

static bool runs_elsewhere(const struct evicted *evicted, const struct state *state)
{
    const struct dr_workers_observed *picture = state_workers(state);
    if (picture == NULL || picture->sent_ms < evicted->since_ms)
        return false;
    for (size_t i = 0; i < picture->workers.count; i++) {
        const struct dr_worker_view *worker = &picture->workers.items[i];
        if (strcmp(worker->task, evicted->task) == 0 &&
            strcmp(worker->instance_id, evicted->instance) != 0)
            return true;
    }
    return false;
}

void evicted_look(struct evictions *evictions, const struct state *state, struct now now)
{
    size_t kept = 0;
    for (size_t i = 0; i < evictions->count; i++) {
        struct evicted *evicted = &evictions->items[i];
        const struct dr_machine_row *row = state_by_id(state, evicted->machine);
        bool leaves = row != NULL && evicted_leaves(row);
        bool gone = row == NULL || row->ended_us != 0;
        if (gone && evicted->gone_ms == 0)
            evicted->gone_ms = now.boot_ms;
        bool late = gone && now.boot_ms - evicted->gone_ms > EVICTED_GONE_MS;
        if (late || waits(evicted, state) || runs_elsewhere(evicted, state))
            evicted->over = true;
        /* While the machine lives its slot still names the task: it must not be noted anew. */
        if (leaves || (gone && !evicted->over))
            evictions->items[kept++] = *evicted;
        else
            drop(evicted);
    }
    evictions->count = kept;
}
