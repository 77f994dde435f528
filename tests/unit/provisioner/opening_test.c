/* SPDX-License-Identifier: Apache-2.0
 *
 * Which wanted rows share an attempt, and how soon.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static const char *const NOTHING[] = {NULL};
static char ids[WORLD_MAX][8];

static int setup(void **state)
{
    world_setup(state);
    struct world *world = *state;
    world->settings.batch_max = 100;
    world_configure(world);
    world_ready(world);
    for (size_t i = 0; i < WORLD_MAX; i++)
        snprintf(ids[i], sizeof ids[i], "m%zu", i);
    return 0;
}

static struct dr_machine_row *want(struct world *world)
{
    struct dr_machine_row *row = world_machine(world, ids[world->machine_count], "wanted", "");
    world_tell_machine(world, row);
    return row;
}

/* Sleeps as the engine asks to be woken. */
static void wake(struct world *world)
{
    int64_t wait_ms = core_wake_ms(world->core, world->now_ms);
    assert_true(wait_ms > 0 && wait_ms <= 30);
    world_tick(world, wait_ms);
}

/* A hundred rows come as a hundred events: one attempt, with no pause after the last. */
static void test_burst_is_one_attempt(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
        world->now_ms += i % 10 == 9; /* a burst takes its time too */
        want(world);
    }
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 100);
    assert_int_equal(world->now_ms, 1000010); /* nor before it */
}

static void test_few_wait_a_moment(void **state)
{
    struct world *world = *state;
    want(world);
    want(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    assert_int_equal(core_wake_ms(world->core, world->now_ms), 1);
    wake(world);
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 2);
    assert_int_equal(core_wake_ms(world->core, world->now_ms), -1);
}

/* Rows that keep coming do not put it off for ever. */
static void test_pause_has_an_end(void **state)
{
    struct world *world = *state;
    int64_t began_ms = world->now_ms;
    do {
        want(world);
        world->now_ms += 4;
    } while (world_count(world, PROV_DO_OPEN) == 0 && world->now_ms < began_ms + 1000);
    assert_true(world->now_ms - 4 - began_ms <= 32);
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 9);
}

/* A cloud that takes one machine at a time is not waited for. */
static void test_single_machines_do_not_wait(void **state)
{
    struct world *world = *state;
    world->settings.batch_max = 1;
    world_configure(world);
    world_list(world, NOTHING);
    want(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
    assert_int_equal(core_wake_ms(world->core, world->now_ms), -1);
}

/* While nothing may be opened at all, nobody is woken for it; the rows wait and go together. */
static void test_pause_behind_an_old_list(void **state)
{
    struct world *world = *state;
    world->now_ms += 60000;
    want(world);
    wake(world);
    assert_int_equal(core_wake_ms(world->core, world->now_ms), -1);
    world->now_ms += 60000;
    want(world);
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0); /* more may be coming */
    wake(world);
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 2);
}

static void test_types_and_queues_do_not_mix(void **state)
{
    struct world *world = *state;
    static const char *const q12[] = {"q1", "q2"}, *const q21[] = {"q2", "q1"},
                             *const glued[] = {"q1q2"};
    static const struct {
        const char *type, *drain;
        struct dr_strs queues;
    } rows[] = {{"small", "q1", {q12, 2}},  {"large", "q1", {q12, 2}}, {"small", "q1", {q21, 2}},
                {"small", "q2", {q12, 2}},  {"small", "q1", {q12, 1}}, {"small", "q1", {q12, 2}},
                {"small", "q1", {glued, 1}}};
    for (size_t i = 0; i < 7; i++) {
        struct dr_machine_row *row = world_machine(world, ids[i], "wanted", "");
        row->type = rows[i].type;
        row->drain_queue = rows[i].drain;
        row->queues = rows[i].queues;
        world_tell_machine(world, row);
    }
    wake(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 6);
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 2); /* the same, later */
    assert_string_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.items[1], ids[5]);
}

/* The row as the ledger's answer left it is not opened again; the row that comes back is. */
static void test_rows_that_come_back_open_at_once(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = want(world);
    wake(world);
    world_opened(world, 0, "a1"); /* before the row's event */
    for (int i = 0; i < 9; i++) {
        world_tick(world, 100);
        assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    }
    row->state = "launching";
    world_tell_machine(world, row);
    row->state = "wanted";
    world_tell_machine(world, row);
    wake(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_burst_is_one_attempt),
        TEST(test_few_wait_a_moment),
        TEST(test_pause_has_an_end),
        TEST(test_single_machines_do_not_wait),
        TEST(test_pause_behind_an_old_list),
        TEST(test_types_and_queues_do_not_mix),
        TEST(test_rows_that_come_back_open_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
