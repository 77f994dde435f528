/* SPDX-License-Identifier: Apache-2.0 */
/* How the reaper's time grows with the machines: rows, workers, queues and the cloud's list are
 * shown to its core, which judges every machine each time. */
#include <stdlib.h>

#include "core.h"
#include "growth.h"

struct world {
    struct growth_flock *flock;
    struct dr_config *config;
    struct reap_core *core;
    struct reap_now now;
    struct dr_queue_view queues[GROWTH_QUEUES];
    int64_t seq;
};

static void step(struct world *world, struct reap_event event)
{
    struct reap_effects effects = {0};
    world->now.boot_ms++;
    world->now.wall_us += 1000;
    reap_step(world->core, &event, world->now, &effects);
    reap_effects_free(&effects);
}

static void show_rows(void *arg)
{
    struct world *world = arg;
    struct dr_ledger_state rows = growth_rows(world->flock, ++world->seq);
    step(world, (struct reap_event){.kind = REAP_SNAPSHOT, .state = &rows});
}

static void show_workers(void *arg)
{
    struct world *world = arg;
    struct dr_workers_observed picture = {.sent_ms = world->now.boot_ms,
                                          .workers = {world->flock->workers, world->flock->count}};
    step(world, (struct reap_event){.kind = REAP_WORKERS, .workers = &picture});
}

static void show_queues(void *arg)
{
    struct world *world = arg;
    struct dr_queues_observed picture = {.sent_ms = world->now.boot_ms,
                                         .queues = {world->queues, GROWTH_QUEUES}};
    step(world, (struct reap_event){.kind = REAP_QUEUES, .queues = &picture});
}

static void show_cloud(void *arg)
{
    struct world *world = arg;
    struct dr_cloud_observed list = {.account = "here",
                                     .ok = true,
                                     .sent_ms = world->now.boot_ms,
                                     .instances = {world->flock->instances, world->flock->count}};
    step(world, (struct reap_event){.kind = REAP_CLOUD, .cloud = &list});
}

static void change(void *arg)
{
    struct world *world = arg;
    struct dr_machine_row *row = &world->flock->machines[world->flock->count - 1];
    row->version++;
    step(world, (struct reap_event){.kind = REAP_MACHINE, .machine = row, .seq = ++world->seq});
}

static void tick(void *arg)
{
    step(arg, (struct reap_event){.kind = REAP_TICK});
}

/* Half of the flock is about to be taken by the cloud: whoever serves its queues stays. */
static void tick_taken(void *arg)
{
    struct world *world = arg;
    if (world->flock->machines[0].drain_reason[0] == '\0') {
        for (size_t i = 0; i < world->flock->count; i += 2) {
            struct dr_machine_row *row = &world->flock->machines[i];
            row->state = "draining";
            row->drain_mode = "idle";
            row->drain_reason = "notice";
            row->state_since_us = world->now.wall_us;
            row->version++;
        }
        show_rows(world);
    }
    tick(world);
}

static void *make(struct growth_flock *flock)
{
    struct world *world = growth_room(1, sizeof *world);
    world->flock = flock;
    world->config = growth_config();
    world->now = (struct reap_now){.boot_ms = 1000000, .wall_us = INT64_C(1700000000000000)};
    world->core = reap_new(dr_config_root(world->config), world->now);
    for (size_t q = 0; q < GROWTH_QUEUES; q++)
        world->queues[q] = (struct dr_queue_view){
            .id = flock->queue_ids[q], .name = "", .known = true, .fresh = true, .read_ms = 1};
    tick(world);
    show_cloud(world);
    return world;
}

static void drop(void *arg)
{
    struct world *world = arg;
    reap_free(world->core);
    dr_config_free(world->config);
    free(world);
}

int main(void)
{
    struct growth_act acts[] = {{"rows", show_rows, 0},     {"workers", show_workers, 0},
                                {"queues", show_queues, 0}, {"cloud", show_cloud, 0},
                                {"change", change, 0},      {"tick", tick, 0},
                                {"taken", tick_taken, 0}};
    growth_run(&(struct growth){"reap", make, drop, acts, sizeof acts / sizeof *acts});
    return 0;
}
