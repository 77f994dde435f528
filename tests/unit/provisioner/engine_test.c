/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's way with attempts: rows and answers in, requests and calls out.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static const char *const NOTHING[] = {NULL};
static const char *const M1[] = {"m1"};

static void ready(struct world *world)
{
    world_tick(world, 0);
    world_snapshot(world);
    world_list(world, NOTHING);
}

static void opened(struct world *world, const char *machine, const char *attempt)
{
    world_step(world, (struct prov_event){.kind = PROV_OPENED,
                                          .ok = attempt != NULL,
                                          .code = attempt ? "" : "conflict",
                                          .sentence = "",
                                          .id = attempt ? attempt : "",
                                          .machines = {.items = &machine, .count = 1}});
}

/* Up to the point where the attempt `a1` of `m1` is with the cloud. */
static void sent(struct world *world)
{
    world_machine(world, "m1", "wanted", "");
    ready(world);
    opened(world, "m1", "a1");
    world_tell_attempt(world, world_attempt(world, "a1", "keyed", M1));
    world_happens(world, "a1", ATTEMPT_BUILT);
    world_happens(world, "a1", ATTEMPT_COMMIT_OK);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
}

static void test_nothing_before_rows_and_list(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    assert_int_equal(world_count(world, PROV_DO_SNAPSHOT), 1);
    world_snapshot(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
    assert_string_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.items[0], "m1");
    world_tick(world, 100);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0); /* one request at a time */
}

static void test_old_list_holds_launches(void **state)
{
    struct world *world = *state;
    ready(world);
    world->now_ms += 20001;
    world_tell_machine(world, world_machine(world, "m1", "wanted", ""));
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
}

static void test_failing_list_holds_launches(void **state)
{
    struct world *world = *state;
    struct driver_list broken = {.ok = false, .sentence = "no network"};
    ready(world);
    world_step(world, (struct prov_event){.kind = PROV_LISTED, .list = &broken});
    assert_int_equal(world_count(world, PROV_DO_TELL), 1);
    world_tell_machine(world, world_machine(world, "m1", "wanted", ""));
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
}

static void test_block_holds_launches_and_ends(void **state)
{
    struct world *world = *state;
    world->blocked = "another ledger's machine lives";
    world_machine(world, "m1", "wanted", "");
    world_machine(world, "m2", "terminating", "i-2");
    ready(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    assert_int_equal(world_count(world, PROV_DO_TERMINATE), 0);
    world->blocked = "";
    world_snapshot(world);
    assert_int_equal(world_count(world, PROV_DO_TERMINATE), 1);
}

static void test_way_of_an_attempt(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = world_machine(world, "m1", "wanted", "");
    ready(world);
    opened(world, "m1", "a1");
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 0); /* the key is not there yet */
    world_step(world, (struct prov_event){.kind = PROV_KEY,
                                          .key = &(struct dr_key_row){
                                              .id = "k1", .attempt = "a1", .state = "minted"}});
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 1);
    world_happens(world, "a1", ATTEMPT_BUILT);
    assert_int_equal(world_count(world, PROV_DO_COMMIT), 1);
    assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    world_happens(world, "a1", ATTEMPT_COMMIT_OK);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
    world_answers(world, "a1", DRIVER_OK, "local-a1");
    const struct prov_effect *close = world_effect(world, PROV_DO_CLOSE, 0);
    assert_non_null(close);
    assert_string_equal(close->word, "launched");
    assert_string_equal(close->instances.items[0], "local-a1");
    world_happens(world, "a1", ATTEMPT_CLOSE_OK);
    assert_int_equal(world_count(world, PROV_DO_FORGET), 1);
    row->state = "booting";
    row->instance_id = "local-a1";
    world_tell_machine(world, row);
    assert_string_equal(core_machine_of(world->core, "local-a1"), "m1");
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
}

/* The safety net below lost events: the row is looked at by itself. */
static void test_key_is_polled(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    ready(world);
    opened(world, "m1", "a1");
    world_tick(world, 5000);
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 1);
    world_happens(world, "a1", ATTEMPT_UNKEYED);
    world_tick(world, 4999);
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 0);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 1);
}

/* News that arrive while the row is being fetched are not lost. */
static void test_news_during_preparation(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    ready(world);
    opened(world, "m1", "a1");
    world_tick(world, 5000);
    world_tell_attempt(world, world_attempt(world, "a1", "keyed", M1));
    world_happens(world, "a1", ATTEMPT_UNKEYED); /* read before the key came */
    assert_int_equal(world_count(world, PROV_DO_PREPARE), 1);
    world_happens(world, "a1", ATTEMPT_BUILT);
    assert_int_equal(world_count(world, PROV_DO_COMMIT), 1);
}

static void test_unknown_answer_sends_the_same_again(void **state)
{
    struct world *world = *state;
    sent(world);
    int64_t waited = 0;
    for (int i = 0; i < 3; i++) {
        world_answers(world, "a1", DRIVER_UNKNOWN, NULL);
        assert_int_equal(world_count(world, PROV_DO_CLOSE), 0);
        int64_t wait = 0;
        do {
            world_tick(world, 100);
            wait += 100;
        } while (world_count(world, PROV_DO_SEND) == 0 && wait < 60000);
        assert_string_equal(world_effect(world, PROV_DO_SEND, 0)->id, "a1");
        assert_true(wait > waited);
        waited = wait;
    }
}

/* A person settled it while a call was under way: that call is the last (P10). */
static void test_settled_under_way_is_sent_no_more(void **state)
{
    struct world *world = *state;
    sent(world);
    world->attempts[0].state = "closed";
    world_tell_attempt(world, &world->attempts[0]);
    world_answers(world, "a1", DRIVER_UNKNOWN, NULL);
    assert_int_equal(world_count(world, PROV_DO_FORGET), 1);
    for (int i = 0; i < 10; i++) {
        world_tick(world, 60000);
        assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    }
}

static void test_classes_of_refusal(void **state)
{
    static const struct {
        enum driver_class class;
        int64_t ordinal;
        bool closes, gives_up;
    } rows[] = {
        {DRIVER_CAPACITY, 9, true, false}, {DRIVER_QUOTA, 9, true, false},
        {DRIVER_TOO_MANY, 9, true, false}, {DRIVER_REQUEST, 1, true, true},
        {DRIVER_OTHER, 1, true, false},    {DRIVER_OTHER, 3, true, true},
        {DRIVER_AUTH, 1, false, false},    {DRIVER_THROTTLE, 1, false, false},
        {DRIVER_UNKNOWN, 1, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *fresh;
        (void)state;
        world_setup(&fresh);
        struct world *world = fresh;
        sent(world);
        world->attempts[0].ordinal = rows[i].ordinal;
        world->attempts[0].state = "committed";
        world_tell_attempt(world, &world->attempts[0]);
        world_answers(world, "a1", rows[i].class, NULL);
        const struct prov_effect *close = world_effect(world, PROV_DO_CLOSE, 0);
        assert_int_equal(close != NULL, rows[i].closes);
        if (close) {
            assert_string_equal(close->word, "refused");
            assert_int_equal(close->give_up, rows[i].gives_up);
            assert_int_equal(close->excused, rows[i].class == DRIVER_CAPACITY ||
                                                 rows[i].class == DRIVER_QUOTA ||
                                                 rows[i].class == DRIVER_TOO_MANY);
            assert_string_equal(close->sentence, "the cloud said no");
        }
        world_teardown(&fresh);
    }
}

static void test_close_is_repeated_until_answered(void **state)
{
    struct world *world = *state;
    sent(world);
    world_answers(world, "a1", DRIVER_OK, "local-a1");
    world_happens(world, "a1", ATTEMPT_CLOSE_UNKNOWN);
    world_tick(world, 500);
    const struct prov_effect *close = world_effect(world, PROV_DO_CLOSE, 0);
    assert_non_null(close);
    assert_string_equal(close->word, "launched");
    assert_string_equal(close->instances.items[0], "local-a1");
    assert_true(close->excused); /* rows of a batch that got none had no try */
}

/* Restart at each point: rows say where it stands; never a second attempt for the machine. */
static void test_restart_continues(void **state)
{
    static const char *const at[] = {"opened", "keyed", "committed"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        void *fresh;
        world_setup(&fresh);
        struct world *world = fresh;
        world_machine(world, "m1", "launching", "")->attempt = "a1";
        world_attempt(world, "a1", at[i], M1);
        world_snapshot(world);
        assert_int_equal(world_count(world, PROV_DO_PREPARE), 1);
        assert_string_equal(world_effect(world, PROV_DO_PREPARE, 0)->id, "a1");
        world_list(world, NOTHING);
        assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
        world_happens(world, "a1", i == 2 ? ATTEMPT_READABLE : ATTEMPT_BUILT);
        assert_int_equal(world_count(world, i == 2 ? PROV_DO_SEND : PROV_DO_COMMIT), 1);
        world_teardown(&fresh);
    }
}

static void test_unreadable_body(void **state)
{
    struct world *world = *state;
    static const char *const theirs[] = {"i-1", NULL}, *const ended[] = {"-i-1", NULL};
    world_machine(world, "m1", "launching", "")->attempt = "at-i-1";
    world_attempt(world, "at-i-1", "committed", M1);
    world_snapshot(world);
    world_happens(world, "at-i-1", ATTEMPT_UNREADABLE);
    assert_true(world_effect(world, PROV_DO_TELL, 0)->alarm);
    world->now_ms += 10;
    world_list(world, theirs);
    assert_string_equal(world_effect(world, PROV_DO_TERMINATE, 0)->id, "i-1");
    assert_int_equal(world_count(world, PROV_DO_CLOSE), 0);
    assert_int_equal(world_count(world, PROV_DO_FOUND), 0);
    world->now_ms += 10;
    world_list(world, ended);
    assert_string_equal(world_effect(world, PROV_DO_CLOSE, 0)->word, "cloud-forgot");
}

static void test_unwanted_before_the_call_is_never_sent(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = world_machine(world, "m1", "wanted", "");
    ready(world);
    opened(world, "m1", "a1");
    row->state = "draining";
    world_tell_machine(world, row);
    assert_string_equal(world_effect(world, PROV_DO_CLOSE, 0)->word, "never-sent");
}

static void test_refused_opening_is_not_hammered(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    ready(world);
    opened(world, "m1", NULL);
    assert_int_equal(world_count(world, PROV_DO_SNAPSHOT), 1);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_tick(world, 999);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
}

/* A machine that cannot start is not tried for ever at full speed. */
static void test_failing_type_is_slowed(void **state)
{
    struct world *world = *state;
    int64_t waited = 0;
    bool told = false;
    ready(world);
    for (int i = 0; i < 6; i++) {
        static char ids[6][16];
        snprintf(ids[i], sizeof ids[i], "m%d", i);
        struct dr_machine_row *row = world_machine(world, ids[i], "booting", ids[i]);
        world_tell_machine(world, row);
        row->state = "gone";
        world_tell_machine(world, row);
        told = told || (world_effect(world, PROV_DO_TELL, 0) &&
                        world_effect(world, PROV_DO_TELL, 0)->alarm);
        struct dr_machine_row *next = world_machine(world, "next", "wanted", "");
        next->version = 10 * i + 1;
        world_list(world, NOTHING);
        world_tell_machine(world, next);
        int64_t wait = 0;
        while (world_count(world, PROV_DO_OPEN) == 0 && wait < 700000) {
            wait += 500;
            world->now_ms += 500;
            world_list(world, NOTHING);
        }
        assert_true(wait > waited);
        waited = wait;
        next->state = "cancelled";
        world_tell_machine(world, next);
    }
    assert_true(told);
    struct dr_machine_row *good = world_machine(world, "good", "up", "i-good");
    good->up_us = 1;
    world_tell_machine(world, good);
    world_list(world, NOTHING);
    world_tell_machine(world, world_machine(world, "last", "wanted", ""));
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
}

static void test_new_configuration_is_a_new_chance(void **state)
{
    struct world *world = *state;
    sent(world);
    world_answers(world, "a1", DRIVER_QUOTA, NULL);
    world_happens(world, "a1", ATTEMPT_CLOSE_OK);
    world->now_ms += 10000;
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_configure(world);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
}

static void test_other_accounts_are_not_ours(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "")->account = "other";
    ready(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_before_rows_and_list),
        TEST(test_old_list_holds_launches),
        TEST(test_failing_list_holds_launches),
        TEST(test_block_holds_launches_and_ends),
        TEST(test_way_of_an_attempt),
        TEST(test_key_is_polled),
        TEST(test_news_during_preparation),
        TEST(test_unknown_answer_sends_the_same_again),
        TEST(test_settled_under_way_is_sent_no_more),
        TEST(test_classes_of_refusal),
        TEST(test_close_is_repeated_until_answered),
        TEST(test_restart_continues),
        TEST(test_unreadable_body),
        TEST(test_unwanted_before_the_call_is_never_sent),
        TEST(test_refused_opening_is_not_hammered),
        TEST(test_failing_type_is_slowed),
        TEST(test_new_configuration_is_a_new_chance),
        TEST(test_other_accounts_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
