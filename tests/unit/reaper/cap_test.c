/* SPDX-License-Identifier: Apache-2.0 */
/* on_hard_cap: the ledger's money in, ends out. */
#include <cmocka.h>
#include <string.h>

#include "world.h"

/* A machine that works, where limits of money end what runs. */
static int setup_busy(void **state)
{
    setup(state);
    struct world *world = *state;
    world->config.on_hard_cap = "kill";
    world->worker.task = "t1";
    return 0;
}

/* What its last tick asks for can be seen after it: pictures come before. */
static void live_ticks(struct world *world, int64_t ms)
{
    for (int64_t end = world->now.boot_ms + ms; world->now.boot_ms < end;) {
        world->now.boot_ms += S;
        world->now.wall_us += S * 1000;
        pictures(world);
        step(world, (struct reap_event){.kind = REAP_TICK});
    }
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
    live_ticks(world, 10 * S);
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
        live_ticks(world, S);
        asked += effect(world, REAP_DO_MONEY) != NULL;
    }
    assert_int_equal(asked, 4);
    world->config.on_hard_cap = "wait";
    live_ticks(world, 60 * S);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_busy, teardown)

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
