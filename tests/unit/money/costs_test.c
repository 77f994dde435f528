/* SPDX-License-Identifier: Apache-2.0 */
/* What was paid for what: a table of machines, and how each grouping tells of them. */
#include "costs.h"

#include <cmocka.h>
#include <string.h>

#define H PAID_HOUR_US
#define USD INT64_C(1000000)
#define T0 (INT64_C(1767225600) * PAID_SECOND_US)
#define NOW (T0 + 20 * H)

/* a: an hour of boot, t1 and t2 side by side for two hours, t1 alone for two more, five idle. */
static const struct costs_work on_a[] = {{"t1", T0 + H, T0 + 5 * H}, {"t2", T0 + H, T0 + 3 * H}};
/* b: boots for two hours, t1 runs until now. */
static const struct costs_work on_b[] = {{"t1", T0 + 12 * H, 0}};
static const struct costs_machine machines[] = {
    {"a", "gpu", "q1", "slow", {4 * USD, T0, T0 + 10 * H}, T0 + H, 2, on_a, 2},
    {"b", "cpu", "q2", "fast", {USD, T0 + 10 * H, 0}, T0 + 12 * H, 1, on_b, 1},
    {"c", "cpu", "q1", "slow", {USD, T0, T0 + 3 * H}, 0, 1, NULL, 0}, /* never worked */
    {"d", "odd", "q2", "fast", {0, T0, T0 + 3 * H}, 0, 1, NULL, 0},   /* price unknown */
};

static struct dr_task_row names(void *arg, const char *task)
{
    (void)arg;
    bool first = strcmp(task, "t1") == 0;
    return (struct dr_task_row){.id = task,
                                .name = first ? "train" : "",
                                .project = "vision",
                                .user = first ? "ann" : "bob",
                                .queue = ""};
}

static struct pool pool;
static int64_t unattributed;

static struct dr_cost_row_list ask(enum costs_by by, const char *only, int64_t from, int64_t until)
{
    struct costs_window window = {from, until, "2026-01-01"};
    struct costs *costs = costs_new(&pool, by, NOW, only, names, NULL);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        costs_add(costs, &window, &machines[i]);
    return costs_rows(costs, &unattributed);
}

static int forget(void **state)
{
    (void)state;
    pool_free(&pool);
    return 0;
}

/* usd: run, boot, idle, in cents. */
static void is(const struct dr_cost_row *row, const char *key, const char *name, int64_t run,
               int64_t boot, int64_t idle)
{
    assert_string_equal(row->key, key);
    assert_string_equal(row->name, name);
    assert_int_equal(row->run_usd_micros, run * 10000);
    assert_int_equal(row->boot_usd_micros, boot * 10000);
    assert_int_equal(row->idle_usd_micros, idle * 10000);
}

static void by_machine(void **state)
{
    (void)state;
    struct dr_cost_row_list rows = ask(COSTS_MACHINE, "", T0, T0 + 48 * H);
    assert_int_equal(rows.count, 4);
    is(&rows.items[0], "a", "gpu", 1200, 400, 2400);
    is(&rows.items[1], "b", "cpu", 800, 200, 0);
    is(&rows.items[2], "c", "cpu", 0, 300, 0);
    is(&rows.items[3], "d", "odd", 0, 0, 0);
    assert_int_equal(rows.items[3].unpriced_ms, 3 * 3600 * 1000);
    assert_int_equal(rows.items[0].run_ms, 3 * 3600 * 1000); /* 4 and 2 hours of half of it */
    assert_int_equal(rows.items[0].tasks, 2);
    assert_int_equal(unattributed, 0);
}

/* t1 ran 4 of 6 hours on a: two thirds of its idle time, half of its boot. */
static void by_task_user_and_project(void **state)
{
    (void)state;
    struct dr_cost_row_list rows = ask(COSTS_TASK, "", T0, T0 + 48 * H);
    assert_int_equal(rows.count, 2);
    is(&rows.items[0], "t1", "train", 800 + 800, 200 + 200, 1600);
    is(&rows.items[1], "t2", "", 400, 200, 800);
    assert_int_equal(rows.items[0].machines, 2);
    assert_int_equal(rows.items[0].tasks, 1);
    assert_int_equal(unattributed, 3 * USD); /* c */
    rows = ask(COSTS_USER, "", T0, T0 + 48 * H);
    is(&rows.items[0], "ann", "ann", 1600, 400, 1600);
    is(&rows.items[1], "bob", "bob", 400, 200, 800);
    rows = ask(COSTS_PROJECT, "", T0, T0 + 48 * H);
    assert_int_equal(rows.count, 1);
    is(&rows.items[0], "vision", "vision", 2000, 600, 2400);
    assert_int_equal(rows.items[0].tasks, 2);
    assert_int_equal(rows.items[0].machines, 2);
}

static void by_queue_and_type(void **state)
{
    (void)state;
    struct dr_cost_row_list rows = ask(COSTS_QUEUE, "", T0, T0 + 48 * H);
    assert_int_equal(rows.count, 2);
    is(&rows.items[0], "q1", "slow", 1200, 700, 2400);
    is(&rows.items[1], "q2", "fast", 800, 200, 0);
    assert_int_equal(rows.items[0].machines, 2);
    rows = ask(COSTS_TYPE, "", T0, T0 + 48 * H);
    assert_int_equal(rows.count, 3);
    is(&rows.items[1], "cpu", "cpu", 800, 500, 0);
}

static void of_one_task(void **state)
{
    (void)state;
    struct dr_cost_row_list rows = ask(COSTS_MACHINE, "t2", T0, T0 + 48 * H);
    assert_int_equal(rows.count, 1);
    is(&rows.items[0], "a", "gpu", 400, 200, 800);
    assert_int_equal(unattributed, 0);
}

/* A window in the middle: what falls into it, and idle time shared as over the whole life. */
static void a_part_of_the_time(void **state)
{
    (void)state;
    struct dr_cost_row_list rows = ask(COSTS_TASK, "", T0 + 2 * H, T0 + 6 * H);
    assert_int_equal(rows.items[0].run_usd_micros, 6 * USD); /* three hours of half of it */
    assert_int_equal(rows.items[1].run_usd_micros, 2 * USD);
    assert_int_equal(rows.items[0].boot_usd_micros, 0);
    assert_int_equal(rows.items[0].idle_usd_micros, 5333333); /* of 8: t1 ran 4 of 6 hours */
    assert_int_equal(rows.items[1].idle_usd_micros, 2666667);
    assert_int_equal(unattributed, USD);
}

/* All groupings of any window add up to the same. */
static void all_add_up(void **state)
{
    (void)state;
    for (int64_t from = T0 - H; from < T0 + 21 * H; from += 37 * 60 * PAID_SECOND_US + 1234567) {
        for (int64_t len = 1; len < 30 * H; len = len * 7 + 11) {
            int64_t all = 0;
            for (size_t i = 0; i < 4; i++)
                all += paid_between(&machines[i].paid, NOW, from, from + len);
            for (int by = 0; by < COSTS_BYS; by++) {
                struct dr_cost_row_list rows = ask((enum costs_by)by, "", from, from + len);
                int64_t sum = unattributed;
                for (size_t i = 0; i < rows.count; i++)
                    sum += rows.items[i].run_usd_micros + rows.items[i].boot_usd_micros +
                           rows.items[i].idle_usd_micros;
                assert_int_equal(sum, all);
            }
            pool_free(&pool);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(by_machine, forget),
        cmocka_unit_test_teardown(by_task_user_and_project, forget),
        cmocka_unit_test_teardown(by_queue_and_type, forget),
        cmocka_unit_test_teardown(of_one_task, forget),
        cmocka_unit_test_teardown(a_part_of_the_time, forget),
        cmocka_unit_test_teardown(all_add_up, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
