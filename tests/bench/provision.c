/* SPDX-License-Identifier: Apache-2.0 */
/* How a provisioner's time grows with the machines: rows, attempts and the cloud's list are shown
 * to its core. */
#include <stdlib.h>

#include "core.h"
#include "growth.h"

struct world {
    struct growth_flock *flock;
    struct prov_core *core;
    int64_t now_ms, seq;
    struct dr_attempt_row *attempts; /* one for each machine */
    struct dr_instance_view *strangers;
    struct dr_machine_row *wanted;
    bool wants;
};

static void step(struct world *world, struct prov_event event)
{
    struct prov_effects effects = {0};
    core_step(world->core, &event, ++world->now_ms, &effects);
    prov_effects_free(&effects);
}

static void show_rows(void *arg)
{
    struct world *world = arg;
    struct dr_ledger_state rows = growth_rows(world->flock, ++world->seq);
    step(world, (struct prov_event){.kind = PROV_SNAPSHOT, .state = &rows});
}

static void show_attempts(void *arg)
{
    struct world *world = arg;
    struct dr_ledger_state rows = growth_rows(world->flock, ++world->seq);
    rows.attempts.items = world->attempts;
    rows.attempts.count = world->flock->count;
    step(world, (struct prov_event){.kind = PROV_SNAPSHOT, .state = &rows});
}

static void list(struct world *world, const struct dr_instance_view *instances)
{
    struct driver_list picture = {.ok = true,
                                  .class = DRIVER_OK,
                                  .sentence = "",
                                  .identity = "acct",
                                  .sent_ms = world->now_ms,
                                  .instances = instances,
                                  .count = world->flock->count};
    step(world, (struct prov_event){.kind = PROV_LISTED, .list = &picture});
}

static void show_list(void *arg)
{
    struct world *world = arg;
    list(world, world->flock->instances);
}

static void show_strangers(void *arg)
{
    struct world *world = arg;
    list(world, world->strangers);
}

static void change(void *arg)
{
    struct world *world = arg;
    struct dr_machine_row *row = &world->flock->machines[world->flock->count - 1];
    row->version++;
    step(world, (struct prov_event){.kind = PROV_MACHINE, .machine = row, .seq = ++world->seq});
}

static void tick(void *arg)
{
    step(arg, (struct prov_event){.kind = PROV_TICK});
}

/* No type's offering is any good, and as many machines again are wanted. */
static void want(struct world *world)
{
    for (size_t i = 0; i < GROWTH_TYPES; i++) {
        struct dr_machine_row *row = &world->flock->machines[i];
        row->offering = row->type;
        row->drain_reason = "unfit";
        row->version++;
    }
    show_rows(world);
    world->now_ms += 60000; /* the types themselves are tried again by then */
    show_list(world);
    for (size_t i = 0; i < world->flock->count; i++)
        step(world, (struct prov_event){
                        .kind = PROV_MACHINE, .machine = &world->wanted[i], .seq = ++world->seq});
    world->wants = true;
}

static void tick_wanted(void *arg)
{
    struct world *world = arg;
    if (!world->wants)
        want(world);
    tick(world);
}

static void *make(struct growth_flock *flock)
{
    struct world *world = growth_room(1, sizeof *world);
    struct prov_settings settings = {.account = "here",
                                     .batch_max = 1,
                                     .honours_ms = 60000,
                                     .list_period_ms = 10000,
                                     .account_hold_ms = 1000,
                                     .throttle_hold_ms = 1000,
                                     .capacity_hold_ms = 1000,
                                     .quota_hold_ms = 1000,
                                     .unfit_hold_ms = 100000000};
    world->flock = flock;
    world->now_ms = 1000000;
    world->core = core_new(&settings);
    world->attempts = growth_room(flock->count, sizeof *world->attempts);
    world->strangers = growth_room(flock->count, sizeof *world->strangers);
    world->wanted = growth_room(flock->count, sizeof *world->wanted);
    for (size_t i = 0; i < flock->count; i++) {
        const char *id = growth_text(flock, "a-%06zu-abcdef012345", i);
        world->attempts[i] = (struct dr_attempt_row){.id = id,
                                                     .account = "here",
                                                     .state = "opened",
                                                     .offering = "",
                                                     .machines = {&flock->machines[i].id, 1}};
        world->strangers[i] = flock->instances[i];
        world->strangers[i].instance_id = growth_text(flock, "s-%06zu-abcdef012345", i);
        world->wanted[i] = flock->machines[i];
        world->wanted[i].id = growth_text(flock, "w-%06zu-abcdef012345", i);
        world->wanted[i].instance_id = "";
        world->wanted[i].state = "wanted";
        world->wanted[i].up_us = 0;
    }
    step(world, (struct prov_event){.kind = PROV_IDENTITY, .id = "acct"});
    show_rows(world);
    return world;
}

static void drop(void *arg)
{
    struct world *world = arg;
    core_free(world->core);
    free(world->attempts);
    free(world->strangers);
    free(world->wanted);
    free(world);
}

int main(void)
{
    struct growth_act acts[] = {{"rows", show_rows, 0},    {"attempts", show_attempts, 0},
                                {"list", show_list, 0},    {"change", change, 0},
                                {"tick", tick, 0},         {"strangers", show_strangers, 0},
                                {"wanted", tick_wanted, 0}};
    growth_run(&(struct growth){"provision", make, drop, acts, sizeof acts / sizeof *acts});
    return 0;
}
