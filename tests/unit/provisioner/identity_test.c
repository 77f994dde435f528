/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose word it is (P4): another account's list, description or word ends nothing.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static const char *const NOTHING[] = {NULL};

static void answers_as(struct world *world, const char *identity)
{
    world->identity = identity;
    world_step(world, (struct prov_event){.kind = PROV_IDENTITY, .id = identity});
}

static void test_unknown_account_opens_nothing(void **state)
{
    struct world *world = *state;
    size_t alarms = 0;
    answers_as(world, "");
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
        alarms += world_count(world, PROV_DO_TELL);
        world->now_ms += 1000;
        world_list(world, NOTHING);
    }
    assert_int_equal(alarms, 1);
    answers_as(world, "acct-1");
    const struct prov_effect *open = world_effect(world, PROV_DO_OPEN, 0);
    assert_non_null(open);
    assert_string_equal(open->identity, "acct-1");
}

static void test_known_soon_is_not_told(void **state)
{
    struct world *world = *state;
    answers_as(world, "");
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    world_tick(world, 4999);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    answers_as(world, "acct-2");
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    assert_int_equal(world_count(world, PROV_DO_LIST), 1); /* not only a list period later */
    world->now_ms += 10;
    answers_as(world, "");
    world_machine(world, "m2", "wanted", "");
    world_snapshot(world);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0); /* five seconds of its own */
    world_tick(world, 5000);
    assert_int_equal(world_count(world, PROV_DO_TELL), 1);
}

/* Row's identity by the one that answers by what it says: only its own account's word counts, or
 * that of any for a row that is older than identities. */
static void test_whose_word_counts(void **unused)
{
    static const char *const rows[] = {"acct-1", ""}, *const lists[] = {"acct-1", "acct-2", ""};
    static const bool counts[2][3] = {{true, false, false}, {true, true, true}};
    static const char *const shown[] = {"i-1", "-i-1", NULL};
    static const char *const words[] = {"present", "ended", ""};
    (void)unused;
    for (size_t cell = 0; cell < 2 * 3 * 3; cell++) {
        size_t row = cell % 2, by = cell / 2 % 3, column = cell / 6;
        void *fresh;
        world_setup(&fresh);
        struct world *world = fresh;
        struct dr_machine_row *machine = world_machine(world, "m1", "absent", "i-1");
        machine->identity = rows[row];
        world_snapshot(world);
        world->now_ms += 10;
        answers_as(world, lists[by]);
        const char *list[] = {shown[column], NULL};
        world_list(world, list);
        const struct prov_effect *say = world_effect(world, PROV_DO_SAY, 0);
        assert_int_equal(world_count(world, PROV_DO_TELL), row == 0 && by == 1);
        assert_string_equal(say ? say->word : "", counts[row][by] ? words[column] : "");
        if (say)
            assert_string_equal(say->identity, lists[by]);
        assert_int_equal(world_count(world, PROV_DO_DESCRIBE), column == 2 && counts[row][by]);
        if (column == 2) {
            world_describe(world, "i-1", "ended");
            assert_int_equal(world_count(world, PROV_DO_SAY), counts[row][by]);
        }
        world_teardown(&fresh);
    }
}

/* Nor absent, nor terminated: and a person hears once, with both names. */
static void test_another_account_ends_nothing(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = world_machine(world, "m1", "up", "i-1");
    world_snapshot(world);
    world->now_ms += 10;
    answers_as(world, "acct-2");
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    const struct prov_effect *tell = world_effect(world, PROV_DO_TELL, 0);
    assert_true(tell && tell->alarm);
    assert_non_null(strstr(tell->sentence, "acct-1"));
    assert_non_null(strstr(tell->sentence, "acct-2"));
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    row->state = "terminating";
    world_tell_machine(world, row);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(world_count(world, PROV_DO_TERMINATE), 0);
        world_tick(world, 1000);
    }
    answers_as(world, "acct-1");
    assert_int_equal(world_count(world, PROV_DO_TERMINATE), 1);
    world->now_ms += 10;
    static const char *const ended[] = {"-i-1", NULL};
    world_list(world, ended);
    assert_string_equal(world_effect(world, PROV_DO_SAY, 0)->word, "ended");
}

/* Keys that are just renewed, or a reload that asks the cloud anew, hold no end up. */
static void test_unknown_account_is_asked_to_end(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "terminating", "i-1");
    answers_as(world, "");
    world_snapshot(world);
    assert_int_equal(world_count(world, PROV_DO_TERMINATE), 1);
    world->now_ms += 10;
    static const char *const ended[] = {"-i-1", NULL};
    world_list(world, ended); /* of nobody: no word */
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
}

/* Rows of another account are not what a list can lack: the rest is judged as ever. */
static void test_foreign_rows_do_not_count_as_missing(void **state)
{
    struct world *world = *state;
    static char rows[6][8], ids[6][8];
    static const char *const listed[] = {"i-4", NULL};
    for (int i = 0; i < 6; i++) {
        snprintf(rows[i], sizeof rows[i], "m%d", i);
        snprintf(ids[i], sizeof ids[i], "i-%d", i);
        world_machine(world, rows[i], "up", ids[i])->identity = i < 4 ? "acct-0" : "acct-1";
    }
    world_snapshot(world);
    world->now_ms += 10;
    world_list(world, listed);
    assert_int_equal(world_count(world, PROV_DO_SAY), 1);
    assert_string_equal(world_effect(world, PROV_DO_SAY, 0)->id, "m5");
}

/* The same bytes sent to another account would start a second machine. */
static void test_attempt_of_another_account_waits(void **state)
{
    struct world *world = *state;
    static const char *const m1[] = {"m1"};
    world_machine(world, "m1", "launching", "")->attempt = "a1";
    world_attempt(world, "a1", "committed", m1);
    answers_as(world, "");
    world_snapshot(world);
    world_list(world, NOTHING);
    world_happens(world, "a1", ATTEMPT_READABLE); /* it waits for a name, which is no alarm */
    assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    answers_as(world, "acct-2");
    assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    assert_true(world_effect(world, PROV_DO_TELL, 0)->alarm);
    for (int i = 0; i < 10; i++) {
        world_tick(world, 1000);
        assert_int_equal(world_count(world, PROV_DO_SEND), 0);
        assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    }
    answers_as(world, "acct-1");
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
}

/* After a restart, or amid a reload: its body would be built without what the cloud is still asked
 * for. */
static void test_attempt_is_built_when_the_account_is_known(void **state)
{
    struct world *world = *state;
    static const char *const m1[] = {"m1"};
    world_machine(world, "m1", "launching", "")->attempt = "a1";
    const struct dr_attempt_row *row = world_attempt(world, "a1", "keyed", m1);
    answers_as(world, "");
    world_snapshot(world);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(world_count(world, PROV_DO_PREPARE), 0);
        world_tick(world, 1000);
    }
    world_tell_attempt(world, row);
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 0);
    answers_as(world, "acct-1");
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 1);
}

/* A list of another account cannot show that an attempt started nothing. */
static void test_stuck_attempt_of_another_account(void **state)
{
    struct world *world = *state;
    static const char *const m1[] = {"m1"};
    world_machine(world, "m1", "launching", "")->attempt = "a1";
    world_attempt(world, "a1", "committed", m1);
    world_snapshot(world);
    world_happens(world, "a1", ATTEMPT_UNREADABLE);
    answers_as(world, "acct-2");
    world->now_ms += 10;
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_CLOSE), 0);
    answers_as(world, "acct-1");
    world->now_ms += 10;
    world_list(world, NOTHING);
    assert_string_equal(world_effect(world, PROV_DO_CLOSE, 0)->word, "cloud-forgot");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_account_opens_nothing),
        TEST(test_known_soon_is_not_told),
        cmocka_unit_test(test_whose_word_counts),
        TEST(test_another_account_ends_nothing),
        TEST(test_unknown_account_is_asked_to_end),
        TEST(test_foreign_rows_do_not_count_as_missing),
        TEST(test_attempt_of_another_account_waits),
        TEST(test_attempt_is_built_when_the_account_is_known),
        TEST(test_stuck_attempt_of_another_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
