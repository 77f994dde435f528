/* SPDX-License-Identifier: Apache-2.0
 *
 * The list against the rows (P1, P4, P25).
 */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static const char *const NOTHING[] = {NULL};

static void ready(struct world *world, const char *const *instances)
{
    world_snapshot(world);
    world->now_ms += 10;
    world_list(world, instances);
}

static void said(struct world *world, const char *machine)
{
    world_step(world, (struct prov_event){.kind = PROV_SAID, .id = machine, .ok = true});
}

static void expect_word(const struct world *world, const char *machine, const char *word)
{
    const struct prov_effect *say = world_effect(world, PROV_DO_SAY, 0);
    assert_non_null(say);
    assert_string_equal(say->id, machine);
    assert_string_equal(say->word, word);
}

/* What is said of a bound machine: row state by what the list shows. */
static void test_every_cell(void **unused)
{
    static const char *const states[] = {"booting", "up", "draining", "absent", "terminating"};
    static const char *const shown[] = {"i-1", "-i-1", "?i-1", NULL};
    static const char *const expected[5][4] = {
        {"", "ended", "", "absent"},  {"", "ended", "", "absent"}, {"", "ended", "", "absent"},
        {"present", "ended", "", ""}, {"", "ended", "", ""},
    };
    (void)unused;
    for (size_t row = 0; row < 5; row++) {
        for (size_t column = 0; column < 4; column++) {
            void *fresh;
            world_setup(&fresh);
            struct world *world = fresh;
            world_machine(world, "m1", states[row], "i-1");
            const char *list[] = {shown[column], NULL};
            ready(world, list);
            const struct prov_effect *say = world_effect(world, PROV_DO_SAY, 0);
            assert_string_equal(say ? say->word : "", expected[row][column]);
            assert_int_equal(world_count(world, PROV_DO_DESCRIBE), column == 3);
            world_teardown(&fresh);
        }
    }
}

static void test_absence_is_judged_by_id(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "absent", "i-1");
    ready(world, NOTHING);
    world_describe(world, "i-1", "unknown");
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    world_describe(world, "i-1", "ended");
    expect_word(world, "m1", "ended");
    world_describe(world, "i-1", "ended"); /* said once */
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
}

static void test_empty_list_is_distrusted(void **state)
{
    struct world *world = *state;
    static const char *const ids[] = {"i-1", "i-2", "i-3"};
    static const char *const rows[] = {"m1", "m2", "m3"};
    for (int i = 0; i < 3; i++)
        world_machine(world, rows[i], "up", ids[i]);
    ready(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    assert_int_equal(world_count(world, PROV_DO_DESCRIBE), 3);
    assert_true(world_effect(world, PROV_DO_TELL, 0)->alarm);
    world->now_ms += 10;
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0); /* told once */
}

/* Asked for by id a few at a time, all in turn: lists are not kept waiting behind them. */
static void test_many_missing_take_turns(void **state)
{
    struct world *world = *state;
    static char ids[25][8], rows[25][8];
    bool asked[25] = {false};
    for (int i = 0; i < 25; i++) {
        snprintf(ids[i], sizeof ids[i], "i-%d", i);
        snprintf(rows[i], sizeof rows[i], "m%d", i);
        world_machine(world, rows[i], "up", ids[i]);
    }
    ready(world, NOTHING);
    for (int turn = 0; turn < 3; turn++) {
        size_t count = world_count(world, PROV_DO_DESCRIBE);
        assert_int_equal(count, 10);
        for (size_t n = 0; n < count; n++)
            asked[atoi(world_effect(world, PROV_DO_DESCRIBE, n)->id + 2)] = true;
        world->now_ms += 10;
        world_list(world, NOTHING);
    }
    for (int i = 0; i < 25; i++)
        assert_true(asked[i]);
}

static void test_two_absent_are_believed(void **state)
{
    struct world *world = *state;
    static const char *const one[] = {"i-1", NULL};
    world_machine(world, "m1", "up", "i-1");
    world_machine(world, "m2", "up", "i-2");
    world_machine(world, "m3", "up", "i-3");
    world_machine(world, "m4", "terminating", "i-4"); /* not counted */
    ready(world, one);
    assert_int_equal(world_count(world, PROV_DO_SAY), 2);
}

static void test_a_fifth_is_the_limit(void **state)
{
    struct world *world = *state;
    static char ids[30][8], rows[30][8];
    const char *listed[31];
    size_t count = 0;
    for (int i = 0; i < 30; i++) {
        snprintf(ids[i], sizeof ids[i], "i-%d", i);
        snprintf(rows[i], sizeof rows[i], "m%d", i);
        world_machine(world, rows[i], "up", ids[i]);
        if (i >= 6)
            listed[count++] = ids[i];
    }
    listed[count] = NULL;
    ready(world, listed);
    assert_int_equal(world_count(world, PROV_DO_SAY), 6);
    for (int i = 0; i < 30; i++)
        said(world, rows[i]);
    world->now_ms += 60000;
    world_list(world, listed + 7);
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
}

/* A list that was asked for before the binding was known says nothing of it. */
static void test_older_list_says_nothing(void **state)
{
    struct world *world = *state;
    ready(world, NOTHING);
    world_tell_machine(world, world_machine(world, "m1", "booting", "i-1"));
    world_list(world, NOTHING); /* sent at the same moment */
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    world->now_ms++;
    world_list(world, NOTHING);
    expect_word(world, "m1", "absent");
}

static void test_an_error_is_no_list(void **state)
{
    struct world *world = *state;
    struct driver_list broken = {.ok = false, .sentence = "page two missing"};
    world_machine(world, "m1", "up", "i-1");
    world_snapshot(world);
    world->now_ms += 10;
    world_step(world, (struct prov_event){.kind = PROV_LISTED, .list = &broken});
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    assert_int_equal(world_count(world, PROV_DO_DESCRIBE), 0);
}

static void test_terminate_is_repeated_until_ended(void **state)
{
    struct world *world = *state;
    static const char *const alive[] = {"i-1", NULL}, *const ended[] = {"-i-1", NULL};
    struct dr_machine_row *row = world_machine(world, "m1", "up", "i-1");
    ready(world, alive);
    row->state = "terminating";
    world_tell_machine(world, row);
    assert_int_equal(world_count(world, PROV_DO_TERMINATE), 1);
    size_t sent = 0;
    for (int i = 0; i < 40; i++) {
        world_tick(world, 100);
        sent += world_count(world, PROV_DO_TERMINATE);
    }
    assert_true(sent >= 2);
    world_list(world, ended);
    expect_word(world, "m1", "ended");
    said(world, "m1");
    for (int i = 0; i < 40; i++) {
        world_tick(world, 100);
        assert_int_equal(world_count(world, PROV_DO_TERMINATE), 0);
    }
}

static void test_lists_hurry_while_something_ends(void **state)
{
    struct world *world = *state;
    static const char *const alive[] = {"i-1", NULL};
    struct dr_machine_row *row = world_machine(world, "m1", "up", "i-1");
    ready(world, alive);
    world_tick(world, 9999);
    assert_int_equal(world_count(world, PROV_DO_LIST), 0);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_LIST), 1);
    world_list(world, alive);
    row->state = "draining";
    world_tell_machine(world, row);
    world_tick(world, 1000);
    assert_int_equal(world_count(world, PROV_DO_LIST), 1);
    world_tick(world, 5000);
    assert_int_equal(world_count(world, PROV_DO_LIST), 0); /* one list at a time */
}

static void test_strangers(void **state)
{
    struct world *world = *state;
    static const char *const list[] = {"i-9", "-i-8", "?i-7", NULL};
    ready(world, list);
    assert_int_equal(world_count(world, PROV_DO_FOUND), 1);
    assert_string_equal(world_effect(world, PROV_DO_FOUND, 0)->id, "i-9");
    assert_int_equal(world_count(world, PROV_DO_CLEAN), 1);
    assert_string_equal(world_effect(world, PROV_DO_CLEAN, 0)->id, "i-8");
    world->now_ms += 1000;
    world_list(world, list);
    assert_int_equal(world_count(world, PROV_DO_FOUND), 0); /* reported a moment ago */
    world->now_ms += 60000;
    world_list(world, list);
    assert_int_equal(world_count(world, PROV_DO_FOUND), 1);
}

/* Between the machine's start and its binding it is nobody's leak. */
static void test_own_launch_is_no_stranger(void **state)
{
    struct world *world = *state;
    static const char *const list[] = {"i-1", NULL}, *const m1[] = {"m1"};
    world_machine(world, "m1", "launching", "")->attempt = "at-i-1";
    world_attempt(world, "at-i-1", "committed", m1);
    ready(world, list);
    assert_int_equal(world_count(world, PROV_DO_FOUND), 0);
    world_happens(world, "at-i-1", ATTEMPT_READABLE);
    world_answers(world, "at-i-1", DRIVER_OK, "i-1");
    world_happens(world, "at-i-1", ATTEMPT_CLOSE_OK);
    world_list(world, list); /* the row's event is not here yet */
    assert_int_equal(world_count(world, PROV_DO_FOUND), 0);
}

static void test_gone_is_cleaned(void **state)
{
    struct world *world = *state;
    static const char *const alive[] = {"i-1", NULL};
    struct dr_machine_row *row = world_machine(world, "m1", "terminating", "i-1");
    ready(world, alive);
    row->state = "gone";
    world_tell_machine(world, row);
    assert_string_equal(world_effect(world, PROV_DO_CLEAN, 0)->id, "i-1");
    assert_string_equal(core_machine_of(world->core, "i-1"), "");
}

static void test_older_rows_are_ignored(void **state)
{
    struct world *world = *state;
    static const char *const alive[] = {"i-1", NULL};
    struct dr_machine_row *row = world_machine(world, "m1", "terminating", "i-1");
    row->version = 7;
    ready(world, alive);
    struct dr_machine_row old = *row;
    old.version = 5;
    old.state = "up";
    world_step(world, (struct prov_event){.kind = PROV_MACHINE, .machine = &old});
    world_tick(world, 2000);
    assert_int_equal(world_count(world, PROV_DO_TERMINATE), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        TEST(test_absence_is_judged_by_id),
        TEST(test_empty_list_is_distrusted),
        TEST(test_many_missing_take_turns),
        TEST(test_two_absent_are_believed),
        TEST(test_a_fifth_is_the_limit),
        TEST(test_older_list_says_nothing),
        TEST(test_an_error_is_no_list),
        TEST(test_terminate_is_repeated_until_ended),
        TEST(test_lists_hurry_while_something_ends),
        TEST(test_strangers),
        TEST(test_own_launch_is_no_stranger),
        TEST(test_gone_is_cleaned),
        TEST(test_older_rows_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
