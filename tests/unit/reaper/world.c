/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdlib.h>

static struct dr_cfg_root config_of(struct world *world)
{
    world->account =
        (struct dr_cfg_account){.name = "local", .driver = "local", .list_period_ms = 10 * S};
    world->type = (struct dr_cfg_type){
        .name = "small", .account = "local", .idle_timeout_ms = 60 * S, .boot_timeout_ms = 120 * S};
    return (struct dr_cfg_root){
        .deployment = "test",
        .clearml = {.tick_ms = S},
        .accounts = {.items = &world->account, .count = 1},
        .machine_types = {.items = &world->type, .count = 1},
        .timing = {.workers_period_ms = 5 * S,
                   .fresh_queues_ms = 15 * S,
                   .silent_ms = 300 * S,
                   .drain_poll_ms = 5 * S,
                   .drain_grace_ms = 40 * S,
                   .kill_grace_ms = 10 * S,
                   .quiet_ms = 60 * S},
    };
}

void step(struct world *world, struct reap_event event)
{
    reap_effects_free(&world->effects);
    reap_step(world->core, &event, world->now, &world->effects);
}

const struct reap_effect *effect(const struct world *world, enum reap_effect_kind kind)
{
    for (size_t i = 0; i < world->effects.count; i++) {
        if (world->effects.items[i].kind == kind)
            return &world->effects.items[i];
    }
    return NULL;
}

void snapshot(struct world *world)
{
    struct dr_machine_row rows[] = {world->row, world->other};
    struct dr_ledger_state state = {.seq = world->seq,
                                    .ledger_id = "l",
                                    .deployment = "test",
                                    .blocked = "",
                                    .machines = {.items = rows, .count = world->other.id ? 2 : 1}};
    step(world, (struct reap_event){.kind = REAP_SNAPSHOT, .state = &state});
}

void pictures(struct world *world)
{
    struct dr_queue_task filled[8];
    for (size_t i = 0; i < 8; i++)
        filled[i] = (struct dr_queue_task){.task = "t", .added_us = 1};
    struct dr_queue_view queue = {.id = "q1",
                                  .name = "cpu",
                                  .known = true,
                                  .read_ms = world->now.boot_ms,
                                  .waiting = {.items = filled, .count = world->waiting}};
    struct dr_queues_observed queues = {.sent_ms = world->now.boot_ms,
                                        .settling = world->settling,
                                        .queues = {.items = &queue, .count = 1}};
    step(world, (struct reap_event){.kind = REAP_QUEUES, .queues = &queues});
    struct dr_workers_observed workers = {
        .sent_ms = world->now.boot_ms,
        .settling = world->settling,
        .workers = {.items = &world->worker, .count = world->with_worker}};
    struct dr_instance_view instance = {.instance_id = "i-1",
                                        .attempt = "a1",
                                        .machine = "",
                                        .ledger_id = "l",
                                        .state = "present",
                                        .cloud_state = "running"};
    struct dr_cloud_observed cloud = {.account = "local",
                                      .sent_ms = world->now.boot_ms,
                                      .ok = true,
                                      .sentence = "",
                                      .instances = {.items = &instance, .count = 1}};
    step(world, (struct reap_event){.kind = REAP_CLOUD, .cloud = &cloud});
    step(world, (struct reap_event){.kind = REAP_WORKERS, .workers = &workers});
}

void live(struct world *world, int64_t ms)
{
    for (int64_t end = world->now.boot_ms + ms; world->now.boot_ms < end;) {
        world->now.boot_ms += S;
        world->now.wall_us += S * 1000;
        step(world, (struct reap_event){.kind = REAP_TICK});
        if (effect(world, REAP_DO_DRAIN) || effect(world, REAP_DO_TERMINATE))
            return;
        if (effect(world, REAP_DO_SNAPSHOT))
            snapshot(world);
        pictures(world);
        if (effect(world, REAP_DO_DRAIN) || effect(world, REAP_DO_TERMINATE))
            return;
    }
}

void tell_row(struct world *world)
{
    world->row.version++;
    step(world,
         (struct reap_event){.kind = REAP_MACHINE, .seq = ++world->seq, .machine = &world->row});
}

int setup(void **state)
{
    static const char *const queues[] = {"q1"};
    struct world *world = calloc(1, sizeof *world);
    world->config = config_of(world);
    world->now = (struct reap_now){.boot_ms = 1000 * S, .wall_us = WALL_ZERO_US};
    world->row = (struct dr_machine_row){.id = "m1",
                                         .version = 1,
                                         .type = "small",
                                         .account = "local",
                                         .state = "up",
                                         .cause = "",
                                         .drain_mode = "",
                                         .drain_reason = "",
                                         .for_queue = "q1",
                                         .queues = {.items = queues, .count = 1},
                                         .drain_queue = "q1",
                                         .attempt = "a1",
                                         .instance_id = "i-1",
                                         .offering = "small",
                                         .slots = 1,
                                         .launched_us = WALL_ZERO_US - 5 * 1000000,
                                         .up_us = WALL_ZERO_US,
                                         .state_since_us = WALL_ZERO_US};
    world->worker = (struct dr_worker_view){
        .id = "drover:local:small:i-1", .instance_id = "i-1", .ours = true, .task = ""};
    world->with_worker = true;
    world->core = reap_new(&world->config, world->now);
    *state = world;
    return 0;
}

int teardown(void **state)
{
    struct world *world = *state;
    reap_effects_free(&world->effects);
    reap_free(world->core);
    free(world);
    return 0;
}

void idle_since(struct world *world, int64_t us)
{
    world->row.idle_since_us = us;
}
