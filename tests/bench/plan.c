/* SPDX-License-Identifier: Apache-2.0 */
/* How the planner's time grows with the flock: rows, workers and waiting tasks are shown to its
 * core, one machine changes, and it plans. */
#include <stdlib.h>

#include "core.h"
#include "drover/assert.h"
#include "growth.h"

#define TASKS_PER_MACHINE 20

struct world {
    struct growth_flock *flock;
    struct dr_config *config;
    struct planner *planner;
    struct now now;
    struct dr_queue_view queues[GROWTH_QUEUES];
    struct dr_queue_task *tasks;
    int64_t seq;
};

static void take(struct world *world, enum dr_type type, const void *body)
{
    planner_take(world->planner, dr_row_by_type(type), body, world->now);
}

static void show_rows(void *arg)
{
    struct world *world = arg;
    struct dr_ledger_state rows = growth_rows(world->flock, ++world->seq);
    take(world, DR_LEDGER_STATE, &rows);
}

static void show_workers(void *arg)
{
    struct world *world = arg;
    struct dr_workers_observed picture = {.sent_ms = ++world->now.boot_ms,
                                          .workers = {world->flock->workers, world->flock->count}};
    take(world, DR_WORKERS_OBSERVED, &picture);
}

static void show_queues(void *arg)
{
    struct world *world = arg;
    struct dr_queues_observed picture = {.sent_ms = ++world->now.boot_ms,
                                         .queues = {world->queues, GROWTH_QUEUES}};
    for (size_t i = 0; i < GROWTH_QUEUES; i++)
        world->queues[i].read_ms = picture.sent_ms;
    take(world, DR_QUEUES_OBSERVED, &picture);
}

static void change(void *arg)
{
    struct world *world = arg;
    struct dr_machine_changed event = {.seq = ++world->seq,
                                       .from = "",
                                       .machine = world->flock->machines[world->flock->count - 1]};
    take(world, DR_MACHINE_CHANGED, &event);
}

static void plan(void *arg)
{
    struct world *world = arg;
    size_t count;
    planner_plan(world->planner, world->now, &count);
}

static void *make(struct growth_flock *flock)
{
    struct world *world = growth_room(1, sizeof *world);
    size_t each = flock->count * TASKS_PER_MACHINE / GROWTH_QUEUES, next = 0;
    world->flock = flock;
    world->config = growth_config();
    const struct dr_cfg_root *root = dr_config_root(world->config);
    world->planner = planner_new(root);
    world->now = (struct now){.boot_ms = 1000000, .wall_us = INT64_C(1700000000000000)};
    world->tasks = growth_room(each * GROWTH_QUEUES, sizeof *world->tasks);
    for (size_t q = 0; q < GROWTH_QUEUES; q++) {
        world->queues[q] = (struct dr_queue_view){.id = flock->queue_ids[q],
                                                  .name = root->queues.items[q].name,
                                                  .known = true,
                                                  .fresh = true,
                                                  .waiting = {&world->tasks[next], each}};
        for (size_t i = 0; i < each; i++, next++)
            world->tasks[next].task = growth_text(flock, "task-%06zu-abcdef012345", next);
    }
    return world;
}

static void drop(void *arg)
{
    struct world *world = arg;
    planner_free(&world->planner);
    dr_config_free(world->config);
    free(world->tasks);
    free(world);
}

int main(void)
{
    struct growth_act acts[] = {{"rows", show_rows, 0},
                                {"queues", show_queues, 0},
                                {"workers", show_workers, 0},
                                {"change", change, 0},
                                {"plan", plan, 0}};
    growth_run(&(struct growth){"plan", make, drop, acts, sizeof acts / sizeof *acts});
    return 0;
}
