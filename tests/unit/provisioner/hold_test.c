/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds a whole type: quotas, requests that are too big, requests that are wrong.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define MIN 60000

static const char *const NOTHING[] = {NULL};
static const char *const PLACES[] = {"g5/a", "g5/b"};
static const struct prov_type TYPES[] = {{.name = "small", .offerings = {PLACES, 2}}};

static int setup(void **state)
{
    world_setup(state);
    struct world *world = *state;
    world->settings.types = TYPES;
    world->settings.type_count = 1;
    world->settings.batch_max = 8;
    world_configure(world);
    return 0;
}

static void want(struct world *world, size_t count)
{
    static char ids[WORLD_MAX][8];
    for (size_t i = 0; i < count; i++) {
        snprintf(ids[world->machine_count], sizeof ids[0], "m%zu", world->machine_count);
        world_machine(world, ids[world->machine_count], "wanted", "");
    }
    world_snapshot(world);
    if (!world_effect(world, PROV_DO_OPEN, 0))
        world_list(world, NOTHING);
    if (!world_effect(world, PROV_DO_OPEN, 0)) {
        world->now_ms += 5;
        world_list(world, NOTHING);
    }
}

static const struct prov_effect *open_at(struct world *world, int64_t now_ms)
{
    world->now_ms = now_ms;
    world_list(world, NOTHING);
    return world_effect(world, PROV_DO_OPEN, 0);
}

/* A quota stops the type in all its places, ever longer, and a person hears at once. */
static void test_quota(void **state)
{
    static const int64_t holds[] = {5 * MIN, 10 * MIN, 20 * MIN, 40 * MIN, 60 * MIN, 60 * MIN};
    static const char *const ids[] = {"a0", "a1", "a2", "a3", "a4", "a5"};
    struct world *world = *state;
    want(world, 1);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(world_effect(world, PROV_DO_OPEN, 0)->offering, PLACES[0]);
        world_send(world, 0, ids[i]);
        world_answers(world, ids[i], DRIVER_QUOTA, NULL);
        const struct prov_effect *tell = world_effect(world, PROV_DO_TELL, 0);
        assert_int_equal(tell->alarm, i == 0);
        assert_non_null(strstr(tell->sentence, "the cloud said no"));
        int64_t at_ms = world->now_ms;
        world_closed(world, ids[i]);
        assert_null(open_at(world, at_ms + holds[i] - 1));
        assert_non_null(open_at(world, at_ms + holds[i]));
    }
    world_send(world, 0, "b0");
    world_answers(world, "b0", DRIVER_OK, "i-1"); /* and from the beginning */
    world_happens(world, "b0", ATTEMPT_CLOSE_OK);
    world->machines[0].state = "up";
    world_tell_machine(world, &world->machines[0]);
    want(world, 1);
    world_send(world, 0, "b1");
    world_answers(world, "b1", DRIVER_QUOTA, NULL);
    assert_true(world_effect(world, PROV_DO_TELL, 0)->alarm);
    int64_t at_ms = world->now_ms;
    world_closed(world, "b1");
    assert_non_null(open_at(world, at_ms + 5 * MIN));
}

/* Two requests that were under way together are one refusal. */
static void test_quota_under_way(void **state)
{
    struct world *world = *state;
    world->settings.batch_max = 1;
    world_configure(world);
    want(world, 1);
    world_send(world, 0, "a0");
    want(world, 1);
    world_send(world, 0, "a1");
    world_answers(world, "a0", DRIVER_QUOTA, NULL);
    int64_t at_ms = world->now_ms;
    world_answers(world, "a1", DRIVER_QUOTA, NULL);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    world_closed(world, "a0");
    world_closed(world, "a1");
    assert_null(open_at(world, at_ms + 5 * MIN - 1));
    assert_non_null(open_at(world, at_ms + 5 * MIN));
}

static void test_too_many_is_halved(void **state)
{
    static const size_t sizes[] = {8, 4, 2, 1};
    static const char *const ids[] = {"a0", "a1", "a2", "a3"};
    struct world *world = *state;
    want(world, 8);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, sizes[i]);
        world_send(world, 0, ids[i]);
        world_answers(world, ids[i], i < 3 ? DRIVER_TOO_MANY : DRIVER_OTHER, NULL);
        assert_int_equal(world_count(world, PROV_DO_TELL), 0);
        if (i < 3) {
            world_closed(world, ids[i]); /* the last rows that come back fill a batch */
            assert_non_null(world_effect(world, PROV_DO_OPEN, 0));
        }
    }
    int64_t at_ms = world->now_ms;
    world_closed(world, "a3");
    assert_int_equal(open_at(world, at_ms + 9 * MIN)->machines.count, 1);
}

static void test_too_many_ends(void **state)
{
    struct world *world = *state;
    want(world, 8);
    world_send(world, 0, "a0");
    world_answers(world, "a0", DRIVER_TOO_MANY, NULL);
    int64_t at_ms = world->now_ms;
    for (size_t i = 0; i < world->machine_count; i++) /* they come back after the ten minutes */
        world->machines[i].state = "cancelled";
    world_closed(world, "a0");
    for (size_t i = 0; i < world->machine_count; i++) {
        world->machines[i].state = "cancelled";
        world_tell_machine(world, &world->machines[i]);
    }
    world->machine_count = 0;
    world->now_ms = at_ms + 10 * MIN;
    for (size_t i = 0; i < 8; i++) {
        static char fresh[8][8];
        snprintf(fresh[i], sizeof fresh[i], "n%zu", i);
        world_machine(world, fresh[i], "wanted", "");
    }
    world_snapshot(world);
    assert_int_equal(open_at(world, world->now_ms + 5)->machines.count, 8);
}

/* A late answer to a big request does not undo what smaller ones have shown. */
static void test_too_many_never_grows(void **state)
{
    struct world *world = *state;
    static const char *const ids[] = {"a0", "a1", "a2"};
    want(world, 8);
    world_send(world, 0, ids[0]);
    want(world, 8);
    world_send(world, 0, ids[1]);
    world_answers(world, "a0", DRIVER_TOO_MANY, NULL);
    world_closed(world, "a0");
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 4);
    world_send(world, 0, ids[2]);
    world_answers(world, "a2", DRIVER_TOO_MANY, NULL);
    world_answers(world, "a1", DRIVER_TOO_MANY, NULL);
    world_closed(world, "a1");
    assert_int_equal(world_effect(world, PROV_DO_OPEN, 0)->machines.count, 2);
}

/* One machine cannot be fewer: that is a quota by another name. */
static void test_one_is_too_many(void **state)
{
    struct world *world = *state;
    want(world, 1);
    world_send(world, 0, "a0");
    world_answers(world, "a0", DRIVER_TOO_MANY, NULL);
    assert_true(world_effect(world, PROV_DO_TELL, 0)->alarm);
    int64_t at_ms = world->now_ms;
    world_closed(world, "a0");
    assert_null(open_at(world, at_ms + 5 * MIN - 1));
    assert_non_null(open_at(world, at_ms + 5 * MIN));
}

/* What the token started has ended, or the like: the same token would only say so again, so the
 * next call is another attempt, after a wait. */
static void test_definite_failure_is_a_new_attempt(void **state)
{
    struct world *world = *state;
    want(world, 1);
    world_send(world, 0, "a0");
    world_answers(world, "a0", DRIVER_OTHER, NULL);
    assert_string_equal(world_effect(world, PROV_DO_CLOSE, 0)->word, "refused");
    int64_t at_ms = world->now_ms;
    world_closed(world, "a0");
    for (int64_t later_ms = 100; later_ms < 5000; later_ms += 100) {
        assert_null(open_at(world, at_ms + later_ms));
        assert_int_equal(world_count(world, PROV_DO_SEND), 0);
    }
    assert_non_null(open_at(world, at_ms + 5000));
    assert_int_equal(world_send(world, 0, "a1"), 1);
    assert_string_equal(world_effect(world, PROV_DO_SEND, 0)->id, "a1");
}

static void test_wrong_request_is_told_at_once(void **state)
{
    struct world *world = *state;
    want(world, 1);
    world_send(world, 0, "a0");
    world_answers(world, "a0", DRIVER_REQUEST, NULL);
    const struct prov_effect *tell = world_effect(world, PROV_DO_TELL, 0);
    assert_true(tell->alarm);
    assert_non_null(strstr(tell->sentence, "the cloud said no"));
    assert_true(world_effect(world, PROV_DO_CLOSE, 0)->give_up);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_quota),
        TEST(test_quota_under_way),
        TEST(test_too_many_is_halved),
        TEST(test_too_many_ends),
        TEST(test_too_many_never_grows),
        TEST(test_one_is_too_many),
        TEST(test_definite_failure_is_a_new_attempt),
        TEST(test_wrong_request_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
