/* SPDX-License-Identifier: Apache-2.0 */
/* on_hard_cap: the ledger's money in, ends out. */
#include "core.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define WALL_ZERO_US 1700000000000000
#define S 1000

struct world {
    struct dr_cfg_root config;
    struct dr_cfg_account account;
    struct dr_cfg_type type;
    struct reap_core *core;
    struct reap_now now;
    struct reap_effects effects;
    struct dr_machine_row row;
};

static void step(struct world *world, struct reap_event event)
{
    reap_effects_free(&world->effects);
    reap_step(world->core, &event, world->now, &world->effects);
}

static const struct reap_effect *effect(const struct world *world, enum reap_effect_kind kind)
{
    for (size_t i = 0; i < world->effects.count; i++) {
        if (world->effects.items[i].kind == kind)
            return &world->effects.items[i];
    }
    return NULL;
}

static void pictures(struct world *world)
{
    struct dr_queue_view queue = {
        .id = "q1", .name = "cpu", .known = true, .read_ms = world->now.boot_ms};
    struct dr_queues_observed queues = {.sent_ms = world->now.boot_ms,
                                        .queues = {.items = &queue, .count = 1}};
    struct dr_worker_view worker = {
        .id = "drover:local:small:i-1", .instance_id = "i-1", .ours = true, .task = "t1"};
    struct dr_workers_observed workers = {.sent_ms = world->now.boot_ms,
                                          .workers = {.items = &worker, .count = 1}};
    step(world, (struct reap_event){.kind = REAP_QUEUES, .queues = &queues});
    step(world, (struct reap_event){.kind = REAP_WORKERS, .workers = &workers});
}

static void live(struct world *world, int64_t ms)
{
    for (int64_t end = world->now.boot_ms + ms; world->now.boot_ms < end;) {
        world->now.boot_ms += S;
        world->now.wall_us += S * 1000;
        pictures(world);
        step(world, (struct reap_event){.kind = REAP_TICK});
    }
}

static void snapshot(struct world *world)
{
    struct dr_ledger_state state = {.seq = 1,
                                    .ledger_id = "l",
                                    .deployment = "test",
                                    .blocked = "",
                                    .machines = {.items = &world->row, .count = 1}};
    step(world, (struct reap_event){.kind = REAP_SNAPSHOT, .state = &state});
}

static int setup(void **state)
{
    static const char *const queues[] = {"q1"};
    struct world *world = calloc(1, sizeof *world);
    world->account =
        (struct dr_cfg_account){.name = "local", .driver = "local", .list_period_ms = 10 * S};
    world->type = (struct dr_cfg_type){
        .name = "small", .account = "local", .idle_timeout_ms = 60 * S, .boot_timeout_ms = 120 * S};
    world->config = (struct dr_cfg_root){
        .deployment = "test",
        .on_hard_cap = "kill",
        .clearml = {.tick_ms = S},
        .accounts = {.items = &world->account, .count = 1},
        .machine_types = {.items = &world->type, .count = 1},
        .timing = {.workers_period_ms = 5 * S, .fresh_queues_ms = 15 * S, .silent_ms = 300 * S}};
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
                                         .identity = "",
                                         .slots = 1,
                                         .launched_us = WALL_ZERO_US,
                                         .up_us = WALL_ZERO_US,
                                         .state_since_us = WALL_ZERO_US};
    world->core = reap_new(&world->config, world->now);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    reap_effects_free(&world->effects);
    reap_free(world->core);
    free(world);
    return 0;
}

/* The ledger's money, with one limit and what is spent of it. */
static void money(struct world *world, const char *scope, const char *name, const char *window,
                  int64_t spent_usd_micros)
{
    struct dr_limit_view limit = {.scope = scope,
                                  .name = name,
                                  .window = window,
                                  .max_usd_micros = 20000000,
                                  .spent_usd_micros = spent_usd_micros};
    struct dr_money money = {.zone = "UTC", .waiting = "", .limits = {.items = &limit, .count = 1}};
    step(world, (struct reap_event){.kind = REAP_MONEY, .money = &money});
}

static void busy_under_a_hard_cap(struct world *world)
{
    snapshot(world);
    live(world, 10 * S);
}

static void test_hard_cap_kills(void **state)
{
    struct world *world = *state;
    busy_under_a_hard_cap(world);
    money(world, "all", "", "day", 19999999);
    assert_null(effect(world, REAP_DO_DRAIN));
    money(world, "all", "", "hour", 20000000);
    assert_null(effect(world, REAP_DO_DRAIN));
    money(world, "type", "big", "day", 20000000);
    assert_null(effect(world, REAP_DO_DRAIN));
    money(world, "queue", "gpu", "day", 20000000);
    assert_null(effect(world, REAP_DO_DRAIN));
    money(world, "queue", "cpu", "month", 20000000);
    const struct reap_effect *drain = effect(world, REAP_DO_DRAIN);
    assert_non_null(drain);
    assert_string_equal(drain->id, "m1");
    assert_string_equal(drain->mode, "now");
    assert_string_equal(drain->reason, "cap");
    assert_non_null(strstr(drain->sentence, "$20.00 are spent"));
    money(world, "all", "", "day", 20000000); /* it is asked already */
    assert_null(effect(world, REAP_DO_DRAIN));
}

static void test_hard_cap_replaces_a_weaker_drain(void **state)
{
    struct world *world = *state;
    world->row.state = "draining";
    world->row.drain_mode = "after-task";
    world->row.drain_reason = "age";
    busy_under_a_hard_cap(world);
    money(world, "type", "small", "day", 25000000);
    assert_string_equal(effect(world, REAP_DO_DRAIN)->mode, "now");
}

/* The ledger is asked each 15 s, and by nobody whose limits only make starts wait. */
static void test_hard_cap_may_only_wait(void **state)
{
    struct world *world = *state;
    busy_under_a_hard_cap(world);
    int asked = 0;
    for (int i = 0; i < 60; i++) {
        live(world, S);
        asked += effect(world, REAP_DO_MONEY) != NULL;
    }
    assert_int_equal(asked, 4);
    world->config.on_hard_cap = "wait";
    live(world, 60 * S);
    assert_null(effect(world, REAP_DO_MONEY));
    money(world, "all", "", "day", 25000000);
    assert_null(effect(world, REAP_DO_DRAIN));
}

/* After an outage, or a jump of the clock, nothing ends at once (P3, P8). */
static void test_hard_cap_waits_for_a_settled_server(void **state)
{
    struct world *world = *state;
    busy_under_a_hard_cap(world);
    struct dr_server_changed server = {.state = "down", .sentence = "it does not answer"};
    step(world, (struct reap_event){.kind = REAP_SERVER, .server = &server});
    money(world, "all", "", "day", 25000000);
    assert_null(effect(world, REAP_DO_DRAIN));
    server.state = "ok";
    step(world, (struct reap_event){.kind = REAP_SERVER, .server = &server});
    money(world, "all", "", "day", 25000000);
    assert_non_null(effect(world, REAP_DO_DRAIN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hard_cap_kills),
        TEST(test_hard_cap_replaces_a_weaker_drain),
        TEST(test_hard_cap_may_only_wait),
        TEST(test_hard_cap_waits_for_a_settled_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
