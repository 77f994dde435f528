/* SPDX-License-Identifier: Apache-2.0
 *
 * Refusals of the whole account: one event, one try, then all.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define MIN 60000

static const char *const NOTHING[] = {NULL};
static const char *const IDS[] = {"a0", "a1", "a2", "a3"};

/* `count` attempts of one machine each are with the cloud. */
static void sent(struct world *world, size_t count)
{
    static const char *const rows[] = {"m0", "m1", "m2", "m3"};
    for (size_t i = 0; i < count; i++) {
        world_machine(world, rows[i], "wanted", "");
        world_snapshot(world);
        if (!world_effect(world, PROV_DO_OPEN, 0))
            world_list(world, NOTHING);
        assert_int_equal(world_send(world, 0, IDS[i]), 1);
    }
}

/* Moves on in steps of `step_ms` until something is sent, with lists that keep the account's own
 * list fresh; gives the time that passed, or -1. */
static int64_t until_sent(struct world *world, int64_t step_ms, int64_t most_ms)
{
    for (int64_t passed = step_ms; passed <= most_ms; passed += step_ms) {
        world->now_ms += step_ms;
        world_list(world, NOTHING);
        if (world_count(world, PROV_DO_SEND) > 0)
            return passed;
    }
    return -1;
}

static bool told(const struct world *world, bool alarm)
{
    const struct prov_effect *tell = world_effect(world, PROV_DO_TELL, 0);
    return tell && tell->alarm == alarm;
}

/* Credentials refused: all wait; one tries after 30 s, then ever later, and a person hears once. */
static void test_refused_account_is_tried_by_one(void **state)
{
    static const int64_t waits[] = {30000, 60000, 2 * MIN, 4 * MIN, 8 * MIN, 10 * MIN, 10 * MIN};
    struct world *world = *state;
    sent(world, 3);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    assert_true(told(world, true));
    assert_non_null(strstr(world_effect(world, PROV_DO_TELL, 0)->sentence, "the cloud said no"));
    world_answers(world, "a1", DRIVER_AUTH, NULL);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    world_answers(world, "a2", DRIVER_AUTH, NULL);
    world_machine(world, "m9", "wanted", "");
    world_snapshot(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(until_sent(world, 1000, 20 * MIN), waits[i]);
        assert_int_equal(world_count(world, PROV_DO_SEND), 1);
        assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
        assert_int_equal(until_sent(world, 1000, 20 * MIN), -1); /* none beside it */
        char probe[8];
        world_list(world, NOTHING);
        snprintf(probe, sizeof probe, "%s", "a2"); /* the newest goes first, and stays first */
        world_answers(world, probe, DRIVER_AUTH, NULL);
        assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    }
}

static void test_all_follow_when_one_works(void **state)
{
    struct world *world = *state;
    sent(world, 3);
    for (size_t i = 0; i < 3; i++)
        world_answers(world, IDS[i], DRIVER_AUTH, NULL);
    assert_int_equal(until_sent(world, 1000, MIN), 30000);
    const char *probe = world_effect(world, PROV_DO_SEND, 0)->id;
    assert_string_equal(probe, "a2");
    world_answers(world, "a2", DRIVER_OK, "i-2");
    assert_true(told(world, false));
    assert_int_equal(world_count(world, PROV_DO_SEND), 2); /* the others, at once */
    world_answers(world, "a0", DRIVER_UNKNOWN, NULL);      /* and from there on as ever */
    world_tick(world, 499);
    assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
}

/* A definite refusal of another kind shows that the account is accepted. */
static void test_any_definite_answer_opens(void **state)
{
    static const enum driver_class classes[] = {DRIVER_CAPACITY, DRIVER_QUOTA, DRIVER_TOO_MANY,
                                                DRIVER_REQUEST, DRIVER_OTHER};
    (void)state;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        void *fresh;
        world_setup(&fresh);
        struct world *world = fresh;
        sent(world, 2);
        world_answers(world, "a0", DRIVER_AUTH, NULL);
        world_answers(world, "a1", DRIVER_AUTH, NULL);
        until_sent(world, 1000, MIN);
        world_answers(world, "a1", classes[i], NULL);
        assert_int_equal(world_count(world, PROV_DO_SEND), 1);
        world_teardown(&fresh);
    }
}

/* No answer to the try says neither: another try, as much later. */
static void test_unknown_try(void **state)
{
    struct world *world = *state;
    sent(world, 2);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    world_answers(world, "a1", DRIVER_AUTH, NULL);
    assert_int_equal(until_sent(world, 1000, MIN), 30000);
    world_answers(world, "a1", DRIVER_UNKNOWN, NULL);
    assert_int_equal(until_sent(world, 1000, MIN), 30000);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
}

static void test_configuration_is_tried_at_once(void **state)
{
    struct world *world = *state;
    sent(world, 2);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    world_answers(world, "a1", DRIVER_AUTH, NULL);
    world_configure(world);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
    world_answers(world, "a1", DRIVER_AUTH, NULL); /* and then as for the first time */
    assert_int_equal(until_sent(world, 1000, MIN), 30000);
}

/* What was committed meanwhile waits with the others. */
static void test_committed_behind_the_gate(void **state)
{
    struct world *world = *state;
    sent(world, 1);
    world_machine(world, "m1", "wanted", "");
    world_snapshot(world);
    world_effect(world, PROV_DO_OPEN, 0);
    world_opened(world, 0, "a1");
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    static const char *const m1[] = {"m1"};
    world_tell_attempt(world, world_attempt(world, "a1", "keyed", m1));
    world_happens(world, "a1", ATTEMPT_BUILT);
    world_happens(world, "a1", ATTEMPT_COMMIT_OK);
    assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    assert_int_equal(until_sent(world, 1000, MIN), 30000);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
}

/* Nothing is under way that could try: one attempt is opened for it. */
static void test_a_try_is_opened(void **state)
{
    struct world *world = *state;
    sent(world, 1);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    world->attempts[0].state = "closed"; /* by a person */
    world_tell_attempt(world, &world->attempts[0]);
    world_machine(world, "m8", "wanted", "");
    world_machine(world, "m9", "wanted", "");
    world_snapshot(world);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world->now_ms += 30000;
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
    assert_int_equal(world_send(world, 0, "b0"), 1);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_answers(world, "b0", DRIVER_OK, "i-8");
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1); /* accepted again */
}

/* Somebody tries, and it is this attempt alone. */
static void tries(struct world *world, const char *id)
{
    assert_true(until_sent(world, 1000, 20 * MIN) > 0);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
    assert_string_equal(world_effect(world, PROV_DO_SEND, 0)->id, id);
}

/* What one type alone may not do looks the same: another type goes on beside it. */
static void test_types_take_turns(void **state)
{
    static const char *const rows[] = {"m7", "m8", "m9"}, *const ids[] = {"b0", "b1", "b2"};
    struct world *world = *state;
    sent(world, 1);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    for (int i = 0; i < 3; i++) {
        struct dr_machine_row *row = world_machine(world, rows[i], "wanted", "");
        row->type = "other";
        world_snapshot(world);
        tries(world, "a0");
        assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
        assert_int_equal(world_send(world, 0, ids[i]), 0);
        world_answers(world, "a0", DRIVER_AUTH, NULL);
        tries(world, ids[i]);
        world_answers(world, ids[i], DRIVER_AUTH, NULL);
        tries(world, "a0");
        world_answers(world, "a0", DRIVER_AUTH, NULL);
        tries(world, ids[i]);
        world_answers(world, ids[i], DRIVER_OK, "i-7");
        assert_string_equal(world_effect(world, PROV_DO_SEND, 0)->id, "a0");
        world->attempts[world->attempt_count - 1].state = "closed";
        world_happens(world, ids[i], ATTEMPT_CLOSE_OK);
        row->state = "up";
        world_tell_machine(world, row);
        world_answers(world, "a0", DRIVER_AUTH, NULL);
    }
}

/* Too many calls are the whole account's for certain: the same request goes on trying. */
static void test_throttled_types_take_no_turns(void **state)
{
    struct world *world = *state;
    struct driver_answer later = {
        .class = DRIVER_THROTTLE, .sentence = "slow down", .retry_after_ms = 5000};
    sent(world, 1);
    world_answer(world, "a0", &later);
    world_machine(world, "m7", "wanted", "")->type = "other";
    world_snapshot(world);
    tries(world, "a0");
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    world_answer(world, "a0", &later);
    tries(world, "a0");
}

static void list_refused(struct world *world, enum driver_class class)
{
    struct driver_list list = {.ok = false, .class = class, .sentence = "keys refused"};
    world_step(world, (struct prov_event){.kind = PROV_LISTED, .list = &list});
}

static void test_refused_list(void **state)
{
    struct world *world = *state;
    sent(world, 1);
    list_refused(world, DRIVER_AUTH);
    assert_true(told(world, true));
    assert_int_equal(world_count(world, PROV_DO_TELL), 1);
    list_refused(world, DRIVER_AUTH);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    world_answers(world, "a0", DRIVER_UNKNOWN, NULL);
    for (int i = 0; i < 60; i++) {
        world_tick(world, 1000);
        assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    }
    world_list(world, NOTHING); /* works again */
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
    assert_true(told(world, false));
}

/* Rights to list are no rights to launch. */
static void test_good_list_is_no_launch(void **state)
{
    struct world *world = *state;
    sent(world, 1);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    world_list(world, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
}

/* What waits behind the gate launches nothing that a list could show. */
static void test_no_hurry_behind_the_gate(void **state)
{
    struct world *world = *state;
    sent(world, 1);
    world_answers(world, "a0", DRIVER_AUTH, NULL);
    world_list(world, NOTHING);
    world_tick(world, 9999);
    assert_int_equal(world_count(world, PROV_DO_LIST), 0);
    world_tick(world, 1);
    assert_int_equal(world_count(world, PROV_DO_LIST), 1);
}

/* A refused list is not asked for each second, even while something launches. */
static void test_refused_list_is_not_hammered(void **state)
{
    static const enum driver_class classes[] = {DRIVER_AUTH, DRIVER_THROTTLE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        void *fresh;
        world_setup(&fresh);
        struct world *world = fresh;
        sent(world, 1);
        list_refused(world, classes[i]);
        size_t lists = 0;
        for (int t = 0; t < 9; t++) {
            world_tick(world, 1000);
            lists += world_count(world, PROV_DO_LIST);
        }
        assert_int_equal(lists, 0);
        world_tick(world, 1000);
        assert_int_equal(world_count(world, PROV_DO_LIST), 1);
        world_teardown(&fresh);
    }
}

/* One throttled answer is one event for all. Each wait is somewhere in its window, windows
 * double up to 32 s, and the bytes go out again one by one until it works. */
static void test_throttled(void **state)
{
    static const int64_t windows[] = {1000, 2000, 4000, 8000, 16000, 32000, 32000};
    int64_t sums[2] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world *world;
        void *fresh;
        world_setup(&fresh);
        world = fresh;
        core_free(world->core);
        world->settings.seed = seed;
        world->core = core_new(&world->settings);
        world_step(world, (struct prov_event){.kind = PROV_IDENTITY, .id = world->identity});
        sent(world, 4);
        for (size_t i = 0; i < 4; i++)
            world_answers(world, IDS[i], DRIVER_THROTTLE, NULL);
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
            int64_t wait = until_sent(world, 10, windows[i]);
            assert_int_not_equal(wait, -1);
            assert_int_equal(world_count(world, PROV_DO_SEND), 1);
            sums[0] += i == 6 ? wait : 0;
            world_answers(world, "a3", DRIVER_THROTTLE, NULL);
            assert_int_equal(world_count(world, PROV_DO_SEND), 0);
        }
        until_sent(world, 10, 32000);
        world_answers(world, "a3", DRIVER_OK, "i-3");
        assert_int_equal(world_count(world, PROV_DO_SEND), 3);
        world_teardown(&fresh);
    }
    sums[0] /= 40;
    assert_true(sums[0] > 10000 && sums[0] < 22000); /* full jitter: half of the window */
}

static void test_throttled_as_long_as_the_cloud_says(void **state)
{
    struct world *world = *state;
    struct driver_answer later = {
        .class = DRIVER_THROTTLE, .sentence = "slow down", .retry_after_ms = 45000};
    sent(world, 2);
    world_answer(world, "a0", &later);
    world_answers(world, "a1", DRIVER_THROTTLE, NULL);
    assert_int_equal(until_sent(world, 1000, MIN), 45000);
    assert_int_equal(world_count(world, PROV_DO_SEND), 1);
}

/* Rows that are wanted meanwhile are kept: they share the next call. */
static void test_throttled_opens_nothing(void **state)
{
    struct world *world = *state;
    struct driver_answer later = {
        .class = DRIVER_THROTTLE, .sentence = "slow down", .retry_after_ms = 5000};
    sent(world, 1);
    world_answer(world, "a0", &later);
    world_tell_machine(world, world_machine(world, "m9", "wanted", ""));
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0);
    until_sent(world, 1000, MIN);
    world_answers(world, "a0", DRIVER_OK, "i-0");
    assert_int_equal(world_count(world, PROV_DO_OPEN), 1);
}

/* Throttled first, refused then: the worse counts. */
static void test_refused_while_throttled(void **state)
{
    struct world *world = *state;
    sent(world, 2);
    world_answers(world, "a0", DRIVER_THROTTLE, NULL);
    world_answers(world, "a1", DRIVER_AUTH, NULL);
    assert_true(told(world, true));
    assert_int_equal(until_sent(world, 1000, MIN), 30000);
}

/* The cloud's own words come last: nobody can look them up when they are cut. */
static void test_all_of_the_sentence_is_told(void **state)
{
    struct world *world = *state;
    char sentence[700];
    memset(sentence, 'x', sizeof sentence);
    snprintf(sentence + sizeof sentence - 12, 12, " (ItsCode)");
    sent(world, 1);
    world_answer(world, "a0", &(struct driver_answer){.class = DRIVER_AUTH, .sentence = sentence});
    assert_non_null(strstr(world_effect(world, PROV_DO_TELL, 0)->sentence, " (ItsCode)"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refused_account_is_tried_by_one),
        TEST(test_all_follow_when_one_works),
        TEST(test_any_definite_answer_opens),
        TEST(test_unknown_try),
        TEST(test_configuration_is_tried_at_once),
        TEST(test_committed_behind_the_gate),
        TEST(test_a_try_is_opened),
        TEST(test_types_take_turns),
        TEST(test_throttled_types_take_no_turns),
        TEST(test_refused_list),
        TEST(test_good_list_is_no_launch),
        TEST(test_no_hurry_behind_the_gate),
        TEST(test_refused_list_is_not_hammered),
        TEST(test_throttled),
        TEST(test_throttled_as_long_as_the_cloud_says),
        TEST(test_throttled_opens_nothing),
        TEST(test_refused_while_throttled),
        TEST(test_all_of_the_sentence_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
