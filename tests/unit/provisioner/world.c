/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->settings = (struct prov_settings){.account = "local",
                                             .batch_max = 1,
                                             .honours_ms = 0,
                                             .list_period_ms = 10000,
                                             .account_hold_ms = 30000,
                                             .throttle_hold_ms = 1000,
                                             .capacity_hold_ms = 180000,
                                             .quota_hold_ms = 300000,
                                             .unfit_hold_ms = 1800000,
                                             .seed = 7};
    world->core = core_new(&world->settings);
    world->now_ms = 1000000;
    world->blocked = world->notice = world->tagged = "";
    world->identity = "acct-1";
    world_step(world, (struct prov_event){.kind = PROV_IDENTITY, .id = world->identity});
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    prov_effects_free(&world->effects);
    core_free(world->core);
    free(world);
    return 0;
}

void world_configure(struct world *world)
{
    core_configure(world->core, &world->settings);
}

void world_step(struct world *world, struct prov_event event)
{
    prov_effects_free(&world->effects);
    core_step(world->core, &event, world->now_ms, &world->effects);
}

void world_tick(struct world *world, int64_t later_ms)
{
    world->now_ms += later_ms;
    world_step(world, (struct prov_event){.kind = PROV_TICK});
}

void world_snapshot(struct world *world)
{
    struct dr_ledger_state state = {
        .seq = world->seq,
        .ledger_id = "ledger-1",
        .deployment = "test",
        .blocked = world->blocked,
        .machines = {.items = world->machines, .count = world->machine_count},
        .attempts = {.items = world->attempts, .count = world->attempt_count},
    };
    world_step(world, (struct prov_event){.kind = PROV_SNAPSHOT, .state = &state});
}

struct dr_machine_row *world_machine(struct world *world, const char *id, const char *state,
                                     const char *instance)
{
    assert_true(world->machine_count < WORLD_MAX);
    struct dr_machine_row *row = &world->machines[world->machine_count++];
    *row = (struct dr_machine_row){.id = id,
                                   .version = 1,
                                   .type = "small",
                                   .account = "local",
                                   .state = state,
                                   .drain_mode = "",
                                   .drain_reason = "",
                                   .drain_queue = "q1",
                                   .attempt = "",
                                   .instance_id = instance,
                                   .identity = world->identity,
                                   .offering = "small"};
    return row;
}

struct dr_attempt_row *world_attempt(struct world *world, const char *id, const char *state,
                                     const char *const *machine)
{
    assert_true(world->attempt_count < WORLD_MAX);
    struct dr_attempt_row *row = &world->attempts[world->attempt_count++];
    *row = (struct dr_attempt_row){.id = id,
                                   .account = "local",
                                   .machines = {.items = machine, .count = 1},
                                   .ordinal = 1,
                                   .offering = "small",
                                   .identity = world->identity,
                                   .state = state,
                                   .outcome = "",
                                   .key = "k1",
                                   .sentence = ""};
    return row;
}

void world_tell_machine(struct world *world, struct dr_machine_row *row)
{
    row->version++;
    world_step(world,
               (struct prov_event){.kind = PROV_MACHINE, .seq = ++world->seq, .machine = row});
}

void world_tell_attempt(struct world *world, const struct dr_attempt_row *row)
{
    world_step(world,
               (struct prov_event){.kind = PROV_ATTEMPT, .seq = ++world->seq, .attempt = row});
}

void world_happens(struct world *world, const char *attempt, enum attempt_event what)
{
    world_step(world, (struct prov_event){.kind = PROV_ATTEMPT_EVENT, .id = attempt, .what = what});
}

void world_answers(struct world *world, const char *attempt, enum driver_class class,
                   const char *instance)
{
    struct driver_answer answer = {.class = class,
                                   .sentence = class == DRIVER_OK ? "" : "the cloud said no",
                                   .instances = &instance,
                                   .instance_count = class == DRIVER_OK};
    world_answer(world, attempt, &answer);
}

void world_answer(struct world *world, const char *attempt, const struct driver_answer *answer)
{
    enum attempt_event what = answer->class == DRIVER_OK     ? ATTEMPT_LAUNCHED
                              : answer->class >= DRIVER_AUTH ? ATTEMPT_UNANSWERED
                                                             : ATTEMPT_REFUSED;
    world_step(world,
               (struct prov_event){
                   .kind = PROV_ATTEMPT_EVENT, .id = attempt, .what = what, .answer = answer});
}

void world_opened(struct world *world, size_t n, const char *id)
{
    struct prov_effects kept = world->effects;
    const struct prov_effect *open = world_effect(world, PROV_DO_OPEN, n);
    assert_non_null(open);
    struct prov_event event = {.kind = PROV_OPENED,
                               .ok = true,
                               .code = "",
                               .sentence = "",
                               .id = id,
                               .machines = open->machines};
    world->effects = (struct prov_effects){0};
    world_step(world, event);
    prov_effects_free(&kept);
}

void world_ready(struct world *world)
{
    static const char *const nothing[] = {NULL};
    world_snapshot(world);
    world_list(world, nothing);
}

static struct dr_machine_row *row_of(struct world *world, const char *id)
{
    for (size_t i = 0; i < world->machine_count; i++) {
        if (strcmp(world->machines[i].id, id) == 0)
            return &world->machines[i];
    }
    fail_msg("no row %s", id);
    return NULL;
}

size_t world_send(struct world *world, size_t n, const char *id)
{
    const struct prov_effect *open = world_effect(world, PROV_DO_OPEN, n);
    assert_non_null(open);
    assert_true(world->attempt_count < WORLD_MAX);
    struct dr_attempt_row *row = &world->attempts[world->attempt_count++];
    size_t count = open->machines.count;
    const char **machines = world->names[world->attempt_count - 1];
    for (size_t i = 0; i < count; i++)
        machines[i] = row_of(world, open->machines.items[i])->id;
    snprintf(world->offerings[world->attempt_count - 1], sizeof world->offerings[0], "%s",
             open->offering);
    *row = (struct dr_attempt_row){.id = id,
                                   .account = "local",
                                   .machines = {.items = machines, .count = count},
                                   .ordinal = 1,
                                   .offering = world->offerings[world->attempt_count - 1],
                                   .identity = world->identity,
                                   .state = "keyed",
                                   .outcome = "",
                                   .key = "k1",
                                   .sentence = ""};
    world_opened(world, n, id);
    for (size_t i = 0; i < count; i++) {
        struct dr_machine_row *machine = row_of(world, machines[i]);
        machine->state = "launching";
        machine->attempt = id;
        machine->offering = row->offering;
        world_tell_machine(world, machine);
    }
    world_tell_attempt(world, row);
    world_happens(world, id, ATTEMPT_BUILT);
    world_happens(world, id, ATTEMPT_COMMIT_OK);
    return world_count(world, PROV_DO_SEND);
}

void world_closed(struct world *world, const char *id)
{
    for (size_t i = 0; i < world->attempt_count; i++) {
        struct dr_attempt_row *row = &world->attempts[i];
        if (strcmp(row->id, id) != 0)
            continue;
        row->state = "closed";
        for (size_t n = 0; n < row->machines.count; n++) {
            struct dr_machine_row *machine = row_of(world, row->machines.items[n]);
            machine->state = "wanted";
            if (n + 1 < row->machines.count) { /* the last one's event is the last effect */
                machine->version++;
                world_step(world, (struct prov_event){.kind = PROV_MACHINE,
                                                      .seq = ++world->seq,
                                                      .machine = machine});
            }
        }
        world_happens(world, id, ATTEMPT_CLOSE_OK);
        world_tell_machine(world, row_of(world, row->machines.items[row->machines.count - 1]));
        return;
    }
    fail_msg("no attempt %s", id);
}

void world_list(struct world *world, const char *const *instances)
{
    struct dr_instance_view views[WORLD_MAX];
    char attempts[WORLD_MAX][64];
    struct driver_list list = {
        .ok = true, .sentence = "", .sent_ms = world->now_ms, .instances = views};
    list.identity = world->identity;
    for (; *instances; instances++) {
        const char *id = *instances;
        const char *state = *id == '-' ? "ended" : *id == '?' ? "unknown" : "present";
        id += *id == '-' || *id == '?';
        snprintf(attempts[list.count], sizeof attempts[0], "at-%s", id);
        views[list.count] = (struct dr_instance_view){.instance_id = id,
                                                      .attempt = attempts[list.count],
                                                      .machine = list.count ? "" : world->tagged,
                                                      .notice = list.count ? "" : world->notice,
                                                      .ledger_id = "ledger-1",
                                                      .state = state,
                                                      .cloud_state = state};
        list.count++;
    }
    world_step(world, (struct prov_event){.kind = PROV_LISTED, .list = &list});
}

void world_describe(struct world *world, const char *instance, const char *state)
{
    struct dr_instance_view view = {.instance_id = instance,
                                    .attempt = "",
                                    .machine = "",
                                    .ledger_id = "",
                                    .state = state,
                                    .cloud_state = state};
    struct driver_list list = {
        .ok = true, .sentence = "", .sent_ms = world->now_ms, .instances = &view, .count = 1};
    list.identity = world->identity;
    world_step(world, (struct prov_event){.kind = PROV_DESCRIBED, .id = instance, .list = &list});
}

const struct prov_effect *world_effect(const struct world *world, enum prov_effect_kind kind,
                                       size_t n)
{
    for (size_t i = 0; i < world->effects.count; i++) {
        if (world->effects.items[i].kind == kind && n-- == 0)
            return &world->effects.items[i];
    }
    return NULL;
}

size_t world_count(const struct world *world, enum prov_effect_kind kind)
{
    size_t count = 0;
    while (world_effect(world, kind, count))
        count++;
    return count;
}
