/* SPDX-License-Identifier: Apache-2.0
 *
 * What is set aside, by the marks alone and by what the engine opens next.
 */
#include "offering.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define MIN 60000
#define HOUR 3600000

/* ---- the marks ------------------------------------------------------------------------------- */
static const struct {
    int64_t at_ms, aside_ms; /* a refusal */
    int64_t free_ms;         /* then */
} REFUSALS[] = {
    {0, 0, 3 * MIN},
    {MIN, 0, 3 * MIN},                /* under way already: the same news */
    {3 * MIN, 0, 9 * MIN},            /* again: doubled */
    {9 * MIN + 6 * MIN, 0, 27 * MIN}, /* still within one hold of its end */
    {27 * MIN, 0, 51 * MIN},          /* 24 */
    {51 * MIN, 0, 99 * MIN},          /* 48 */
    {99 * MIN, 0, 159 * MIN},         /* an hour at most */
    {159 * MIN, 0, 219 * MIN},
    {219 * MIN + HOUR + 1, 0, 219 * MIN + HOUR + 1 + 3 * MIN}, /* long ago: a first one */
    {300 * MIN, 24 * HOUR, 300 * MIN + 24 * HOUR},             /* as the driver says */
    {301 * MIN, 0, 300 * MIN + 24 * HOUR},
    {302 * MIN, MIN, 300 * MIN + 24 * HOUR}, /* never sooner than was said */
    {300 * MIN + 24 * HOUR, 0, 300 * MIN + 25 * HOUR},
};

static void test_holds(void **state)
{
    struct offerings set = {.first_ms = 3 * MIN};
    (void)state;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++) {
        offering_refused(&set, "t", "a", REFUSALS[i].aside_ms, REFUSALS[i].at_ms);
        assert_int_equal(offering_free_ms(&set, "t", "a"), REFUSALS[i].free_ms);
    }
    assert_int_equal(offering_free_ms(&set, "t", "b"), 0); /* another place, another type */
    assert_int_equal(offering_free_ms(&set, "u", "a"), 0);
    offering_worked(&set, "t", "a");
    assert_int_equal(offering_free_ms(&set, "t", "a"), 0);
    offering_refused(&set, "t", "a", 0, 10 * HOUR); /* nothing of before is left */
    assert_int_equal(offering_free_ms(&set, "t", "a"), 10 * HOUR + 3 * MIN);
    offerings_free(&set);
}

/* ---- the engine ------------------------------------------------------------------------------ */
static const char *const PLACES[] = {"g5/a", "g5/b", "g5/c"};
static const struct prov_type TYPES[] = {{.name = "small", .offerings = {PLACES, 3}},
                                         {.name = "large", .offerings = {PLACES, 2}}};

static int setup(void **state)
{
    world_setup(state);
    struct world *world = *state;
    world->settings.types = TYPES;
    world->settings.type_count = 2;
    world->settings.batch_max = 100;
    world_configure(world);
    return 0;
}

static const char *const NOTHING[] = {NULL};

static const struct prov_effect *open_now(struct world *world)
{
    if (!world_effect(world, PROV_DO_OPEN, 0)) {
        world->now_ms += 5;
        world_list(world, NOTHING);
    }
    return world_effect(world, PROV_DO_OPEN, 0);
}

static void refuse(struct world *world, const char *attempt, enum driver_class class)
{
    world_answers(world, attempt, class, NULL);
    assert_int_equal(world_count(world, PROV_DO_OPEN), 0); /* not before it is closed (P9) */
    world_closed(world, attempt);
}

/* No room in one place is one call, then the next place; no type is slowed for it. */
static void test_next_place_at_once(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    int64_t began_ms = world->now_ms;
    for (size_t i = 0; i < 3; i++) {
        static const char *const ids[] = {"a1", "a2", "a3"};
        assert_string_equal(open_now(world)->offering, PLACES[i]);
        assert_int_equal(world_send(world, 0, ids[i]), 1);
        refuse(world, ids[i], DRIVER_CAPACITY);
    }
    assert_true(world->now_ms - began_ms <= 3 * 5); /* nothing but the pause for more rows */
    assert_null(open_now(world));
}

/* When none is left it waits for the first of them, and says so in one sentence. */
static void test_all_aside_is_said_once(void **state)
{
    struct world *world = *state;
    size_t told = 0;
    static const char *const ids[] = {"a1", "a2", "a3"};
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    int64_t first_ms = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(open_now(world));
        world_send(world, 0, ids[i]);
        first_ms = i ? first_ms : world->now_ms;
        refuse(world, ids[i], DRIVER_CAPACITY);
        world->now_ms += 1000 * (i < 2);
        told += world_count(world, PROV_DO_TELL);
    }
    assert_int_equal(told, 1);
    assert_non_null(strstr(world_effect(world, PROV_DO_TELL, 0)->sentence, "again in 178 s"));
    while (world->now_ms < first_ms + 3 * MIN - 1000) {
        assert_null(open_now(world));
        told += world_count(world, PROV_DO_TELL);
        world->now_ms += 500;
    }
    assert_int_equal(told, 1);
    world->now_ms = first_ms + 3 * MIN;
    world_list(world, NOTHING);
    assert_string_equal(world_effect(world, PROV_DO_OPEN, 0)->offering, PLACES[0]);
    world_send(world, 0, "a4");
    world_answers(world, "a4", DRIVER_CAPACITY, NULL);
    world->now_ms += 10; /* the second one's time is not here yet */
    world_closed(world, "a4");
    assert_int_equal(world_count(world, PROV_DO_TELL), 1); /* said anew, once there was room */
}

static void test_success_clears(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    assert_non_null(open_now(world));
    world_send(world, 0, "a1");
    refuse(world, "a1", DRIVER_CAPACITY);
    world->now_ms += 3 * MIN;
    assert_string_equal(open_now(world)->offering, PLACES[0]);
    world_send(world, 0, "a2");
    world_answers(world, "a2", DRIVER_OK, "i-1");
    world_happens(world, "a2", ATTEMPT_CLOSE_OK);
    world_tell_machine(world, world_machine(world, "m2", "wanted", ""));
    assert_string_equal(open_now(world)->offering, PLACES[0]);
    world_send(world, 0, "a3");
    refuse(world, "a3", DRIVER_CAPACITY); /* a first one again: 3 min, not 6 */
    world->now_ms += 3 * MIN;
    assert_string_equal(open_now(world)->offering, PLACES[0]);
}

static void test_aside_as_the_driver_says(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    assert_non_null(open_now(world));
    world_send(world, 0, "a1");
    struct driver_answer unsold = {
        .class = DRIVER_CAPACITY, .sentence = "not sold there", .aside_ms = 24 * HOUR};
    world_answer(world, "a1", &unsold);
    world_closed(world, "a1");
    assert_string_equal(open_now(world)->offering, PLACES[1]);
    world->now_ms += 23 * HOUR;
    world_machine(world, "m2", "wanted", "");
    world_snapshot(world);
    assert_string_equal(open_now(world)->offering, PLACES[1]);
    world->now_ms += HOUR;
    assert_string_equal(open_now(world)->offering, PLACES[1]); /* m2 still opens: nothing said */
}

/* What was marked is what is skipped, whatever comes in between. */
static void test_marked_is_skipped(void **state)
{
    struct world *world = *state;
    int64_t until[2][3] = {{0}};
    unsigned dice = 1;
    char ids[60][16];
    size_t skipped = 0;
    world_machine(world, "m1", "wanted", "");
    world_machine(world, "m2", "wanted", "")->type = "large";
    world_ready(world);
    for (size_t i = 0; i < 60; i++) {
        const struct prov_effect *open = NULL;
        while (!(open = open_now(world)))
            world->now_ms += 7000;
        size_t t = strcmp(open->type, "large") == 0, at = 0;
        while (strcmp(PLACES[at], open->offering) != 0)
            at++;
        assert_true(at < TYPES[t].offerings.count);
        assert_true(world->now_ms >= until[t][at]); /* none that was marked */
        for (size_t before = 0; before < at; before++)
            assert_true(world->now_ms < until[t][before]); /* and no free one was passed over */
        skipped += at;
        snprintf(ids[i], sizeof ids[i], "a%zu", i);
        assert_int_equal(world_send(world, 0, ids[i]), 1);
        dice = dice * 1103515245u + 12345u;
        struct driver_answer none = {.class = DRIVER_CAPACITY,
                                     .sentence = "none left",
                                     .aside_ms = (dice >> 16) % 3 ? 3 * MIN : 20 * MIN};
        world_answer(world, ids[i], &none);
        until[t][at] = world->now_ms + none.aside_ms;
        world_closed(world, ids[i]);
    }
    assert_true(skipped > 10);
}

/* Hosts without their GPUs are not replaced in a loop. */
static void test_unfit_sets_its_place_aside(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = world_machine(world, "m1", "booting", "i-1");
    row->offering = PLACES[0];
    world_ready(world);
    row->state = "draining";
    row->drain_reason = "unfit";
    row->cause = "it shows 3 GPUs of 4";
    world_tell_machine(world, row);
    world_tell_machine(world, world_machine(world, "m2", "wanted", ""));
    assert_null(open_now(world)); /* a failure of the type */
    world->now_ms += 5000;
    assert_string_equal(open_now(world)->offering, PLACES[1]);
    world_send(world, 0, "a1");
    world->now_ms += 1000;
    row->state = "terminating"; /* it counts once */
    world_tell_machine(world, row);
    row->state = "gone";
    world_tell_machine(world, row);
    world_tell_machine(world, world_machine(world, "m5", "wanted", ""));
    assert_string_equal(open_now(world)->offering, PLACES[1]);
    world_send(world, 0, "a5");
    world->now_ms += 30 * MIN - 7000;
    world_tell_machine(world, world_machine(world, "m3", "wanted", ""));
    assert_string_equal(open_now(world)->offering, PLACES[1]);
    world_send(world, 0, "a2");
    world->now_ms += 6000;
    world_tell_machine(world, world_machine(world, "m4", "wanted", ""));
    assert_string_equal(open_now(world)->offering, PLACES[0]);
}

static void test_configuration_frees_all(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "wanted", "");
    world_ready(world);
    assert_non_null(open_now(world));
    world_send(world, 0, "a1");
    refuse(world, "a1", DRIVER_CAPACITY);
    world_configure(world);
    assert_string_equal(open_now(world)->offering, PLACES[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),          TEST(test_next_place_at_once),
        TEST(test_all_aside_is_said_once),     TEST(test_success_clears),
        TEST(test_aside_as_the_driver_says),   TEST(test_marked_is_skipped),
        TEST(test_unfit_sets_its_place_aside), TEST(test_configuration_frees_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
