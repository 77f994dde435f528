/* SPDX-License-Identifier: Apache-2.0 */
#include "demand.h"

#include <string.h>

#include "text.h"

/* P5: queues at most fresh_queues old. Entries behind an unmoved last_update may be as old as their
 * rereading allows; a tick or two more, so that a plan does not flicker at the edge (P7). */
static bool fresh(const struct state *state, const struct dr_queue_view *view, struct now now)
{
    const struct dr_cfg_timing *timing = &state->config->timing;
    int64_t entries = timing->fresh_queues_ms > timing->queue_reread_ms ? timing->fresh_queues_ms
                                                                        : timing->queue_reread_ms;
    const struct dr_queues_observed *picture = state_queues(state);
    return now.boot_ms - picture->sent_ms <= timing->fresh_queues_ms && view->read_ms != 0 &&
           now.boot_ms - view->read_ms <= entries + 2 * state->config->clearml.tick_ms;
}

/* The watcher left out what was some worker's current task when it published the queues; a picture
 * of the workers that is newer may know more. */
static bool taken_since(const struct state *state, const char *task)
{
    const struct dr_workers_observed *workers = state_workers(state);
    return workers != NULL && workers->sent_ms >= state_queues(state)->sent_ms &&
           state_runs(state, task);
}

static void list_tasks(struct dr_arena *arena, const struct state *state,
                       const struct evictions *evictions, struct demand *demand)
{
    const struct dr_queue_task_list *waiting = &demand->view->waiting;
    size_t most = waiting->count + evictions->count;
    demand->tasks = text_alloc(arena, most * sizeof *demand->tasks);
    for (size_t i = 0; i < waiting->count; i++) {
        if (!taken_since(state, waiting->items[i].task))
            demand->tasks[demand->waiting++] = waiting->items[i].task;
    }
    demand->losing = text_alloc(arena, evictions->count * sizeof *demand->losing);
    if (strcmp(demand->queue->recovery, "never") == 0)
        return; /* nothing of it comes back */
    for (size_t i = 0; i < evictions->count; i++) {
        const struct evicted *evicted = &evictions->items[i];
        if (evicted->over || strcmp(evicted->queue, demand->id) != 0)
            continue;
        demand->tasks[demand->waiting++] = text_copy(arena, evicted->task);
        demand->losing[demand->evicted_count++] = text_copy(arena, evicted->machine);
    }
}

const char *demand_loses(const struct demand *demand, size_t i)
{
    int64_t at = (int64_t)i - (demand->waiting - demand->evicted_count);
    return at < 0 ? NULL : demand->losing[at];
}

static struct demand one(struct dr_arena *arena, const struct state *state,
                         const struct evictions *evictions, const struct dr_cfg_queue *queue,
                         struct now now)
{
    const struct dr_queue_view *view = state_queue(state, queue->name);
    bool known = view != NULL && view->known;
    struct demand demand = {.queue = queue,
                            .view = view,
                            .id = known ? view->id : "",
                            .fresh = known && fresh(state, view, now),
                            .verdict = "",
                            .why = ""};
    if (known)
        list_tasks(arena, state, evictions, &demand);
    return demand;
}

void demand_list(struct dr_arena *arena, const struct state *state,
                 const struct evictions *evictions, struct now now, struct demands *out)
{
    size_t count = state->config->queues.count;
    out->items = text_alloc(arena, count * sizeof *out->items);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        struct demand fresh_one =
            one(arena, state, evictions, &state->config->queues.items[i], now);
        size_t at = i; /* insertion keeps the file's order among equals */
        for (; at > 0 && out->items[at - 1].queue->priority < fresh_one.queue->priority; at--)
            out->items[at] = out->items[at - 1];
        out->items[at] = fresh_one;
    }
    dr_index_clear(&out->by_id);
    for (size_t i = 0; i < count; i++)
        dr_index_add(&out->by_id, out->items[i].id, i);
}

static const char *demand_id(const void *of, size_t place)
{
    return ((const struct demands *)of)->items[place].id;
}

const bool *demand_mark(struct dr_arena *arena, const struct demands *demands,
                        const struct dr_strs *ids)
{
    bool *marks = text_alloc(arena, demands->count * sizeof *marks);
    for (size_t i = 0; i < ids->count; i++) {
        size_t at = dr_index_find(&demands->by_id, ids->items[i], demand_id, demands);
        if (at != DR_INDEX_NONE)
            marks[at] = true;
    }
    return marks;
}
