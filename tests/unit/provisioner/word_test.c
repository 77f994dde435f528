/* SPDX-License-Identifier: Apache-2.0
 *
 * A cloud whose lists lag, its tags, its notices.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define MIN 60000

static const char *const NOTHING[] = {NULL};
static const char *const ONE[] = {"i-1", NULL};

static int setup(void **state)
{
    world_setup(state);
    struct world *world = *state;
    world->settings.visible_ms = 10 * MIN;
    world->settings.tags = true;
    world_configure(world);
    return 0;
}

static void list_after(struct world *world, int64_t later_ms, const char *const *list)
{
    world->now_ms += later_ms;
    world_list(world, list);
}

/* What was just started may be unknown to the cloud. */
static void test_young_and_missing_means_nothing(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "booting", "i-1");
    world_snapshot(world);
    for (int i = 0; i < 59; i++) {
        list_after(world, 10000, NOTHING);
        assert_int_equal(world_count(world, PROV_DO_SAY), 0);
        assert_int_equal(world_count(world, PROV_DO_DESCRIBE), 1); /* asked again */
        world_describe(world, "i-1", "missing");
        assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    }
    list_after(world, 10000, NOTHING); /* old enough */
    assert_string_equal(world_effect(world, PROV_DO_SAY, 0)->word, "absent");
}

static void test_many_young_ones_are_no_distrust(void **state)
{
    struct world *world = *state;
    static char rows[20][8], ids[20][8];
    for (int i = 0; i < 20; i++) {
        snprintf(rows[i], sizeof rows[i], "m%d", i);
        snprintf(ids[i], sizeof ids[i], "i-%d", i);
        world_machine(world, rows[i], "booting", ids[i]);
    }
    world_snapshot(world);
    list_after(world, 10, NOTHING);
    assert_int_equal(world_count(world, PROV_DO_TELL), 0);
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
}

/* Old and unknown by id, twice, a list apart. */
static void test_missing_twice_has_ended(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = world_machine(world, "m1", "up", "i-1");
    world_snapshot(world);
    list_after(world, 11 * MIN, NOTHING);
    world_step(world, (struct prov_event){.kind = PROV_SAID, .id = "m1", .ok = true});
    row->state = "absent";
    world_tell_machine(world, row);
    world_describe(world, "i-1", "missing");
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    world->now_ms += 9999;
    world_describe(world, "i-1", "missing");
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    world->now_ms += 1;
    world_describe(world, "i-1", "missing");
    const struct prov_effect *say = world_effect(world, PROV_DO_SAY, 0);
    assert_string_equal(say->word, "ended");
    assert_string_equal(say->identity, "acct-1");
}

static void test_seen_in_between_starts_anew(void **state)
{
    static const char *const between[] = {"present", "unknown"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        void *fresh;
        setup(&fresh);
        struct world *world = fresh;
        world_machine(world, "m1", "absent", "i-1");
        world_snapshot(world);
        world->now_ms += 11 * MIN;
        world_describe(world, "i-1", "missing");
        world_describe(world, "i-1", between[i]);
        world_step(world, (struct prov_event){.kind = PROV_SAID, .id = "m1", .ok = true});
        world->now_ms += 10000;
        world_describe(world, "i-1", "missing");
        assert_int_equal(world_count(world, PROV_DO_SAY), i == 1); /* unknown changes nothing */
        world_teardown(&fresh);
    }
}

/* A life before this one may have seen it missing: that is asked anew. */
static void test_a_restart_only_delays(void **state)
{
    struct world *world = *state;
    struct dr_machine_row *row = world_machine(world, "m1", "absent", "i-1");
    row->launched_us = 1; /* long ago */
    world_snapshot(world);
    world->now_ms += 10 * MIN - 1;
    world_describe(world, "i-1", "missing");
    world->now_ms += 10000;
    world_describe(world, "i-1", "missing"); /* the first that counts */
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
}

static void test_exact_lists_need_a_word(void **state)
{
    struct world *world = *state;
    world->settings.visible_ms = 0;
    world_configure(world);
    world_machine(world, "m1", "absent", "i-1");
    world_snapshot(world);
    for (int i = 0; i < 3; i++) {
        world->now_ms += 20 * MIN;
        world_describe(world, "i-1", "missing");
        assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    }
}

/* Too much is missing at once: nothing is concluded by id either. */
static void test_missing_while_distrusted(void **state)
{
    struct world *world = *state;
    static const char *const ids[] = {"i-1", "i-2", "i-3"}, *const rows[] = {"m1", "m2", "m3"};
    for (int i = 0; i < 3; i++)
        world_machine(world, rows[i], "up", ids[i]);
    world_snapshot(world);
    list_after(world, 11 * MIN, NOTHING);
    for (int i = 0; i < 3; i++) {
        list_after(world, 10000, NOTHING);
        world_describe(world, "i-1", "missing");
        assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    }
}

/* ---- tags ------------------------------------------------------------------------------------ */
static void test_tag_is_written_until_it_shows(void **state)
{
    static const int64_t waits[] = {30000, MIN, 2 * MIN, 4 * MIN, 8 * MIN, 10 * MIN, 10 * MIN};
    struct world *world = *state;
    world_machine(world, "m1", "booting", "i-1");
    world_snapshot(world);
    list_after(world, 10, ONE);
    const struct prov_effect *tag = world_effect(world, PROV_DO_TAG, 0);
    assert_string_equal(tag->id, "m1");
    assert_string_equal(tag->instance, "i-1");
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        list_after(world, waits[i] - 1, ONE);
        assert_int_equal(world_count(world, PROV_DO_TAG), 0);
        list_after(world, 1, ONE);
        assert_int_equal(world_count(world, PROV_DO_TAG), 1);
    }
    world->tagged = "m1";
    list_after(world, 1, ONE);
    assert_int_equal(world_count(world, PROV_DO_TAG), 0);
    world->tagged = "m2"; /* another's: ours is written at once */
    list_after(world, 1, ONE);
    assert_int_equal(world_count(world, PROV_DO_TAG), 1);
}

static void test_no_tag(void **state)
{
    static const char *const states[] = {"booting", "up", "draining", "absent", "terminating"};
    static const char *const ended[] = {"-i-1", NULL}, *const unknown[] = {"?i-1", NULL};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t way = 0; way < 4; way++) {
            void *fresh;
            setup(&fresh);
            struct world *world = fresh;
            world->settings.tags = way != 0; /* a cloud without tags */
            world_configure(world);
            world_machine(world, "m1", states[i], "i-1");
            world_snapshot(world);
            list_after(world, 10, way == 1 ? ended : way == 2 ? unknown : ONE);
            assert_int_equal(world_count(world, PROV_DO_TAG), way == 3 && i != 4);
            world_teardown(&fresh);
        }
    }
}

/* ---- notices (P21) --------------------------------------------------------------------------- */
static void test_notice_is_told_once(void **state)
{
    static const char *const states[] = {"booting", "up", "draining", "terminating"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        void *fresh;
        setup(&fresh);
        struct world *world = fresh;
        world_machine(world, "m1", states[i], "i-1");
        world_snapshot(world);
        world->notice = "spot: taken in two minutes";
        list_after(world, 10, ONE);
        const struct prov_effect *say = world_effect(world, PROV_DO_SAY, 0);
        assert_int_equal(say != NULL, i < 2);
        if (say) {
            assert_string_equal(say->word, "noticed");
            assert_string_equal(say->sentence, world->notice);
            world_step(world, (struct prov_event){.kind = PROV_SAID, .id = "m1", .ok = true});
        }
        list_after(world, 60000, ONE);
        assert_int_equal(world_count(world, PROV_DO_SAY), 0);
        world_teardown(&fresh);
    }
}

static void test_refused_notice_is_told_again(void **state)
{
    struct world *world = *state;
    world_machine(world, "m1", "up", "i-1");
    world_snapshot(world);
    world->notice = "spot: taken in two minutes";
    list_after(world, 10, ONE);
    world_step(world, (struct prov_event){.kind = PROV_SAID, .id = "m1", .ok = false});
    list_after(world, 9999, ONE);
    assert_int_equal(world_count(world, PROV_DO_SAY), 0);
    list_after(world, 1, ONE);
    assert_int_equal(world_count(world, PROV_DO_SAY), 1);
}

/* After a notice its absence and its end are said as ever. */
static void test_end_after_a_notice(void **state)
{
    struct world *world = *state;
    static const char *const ended[] = {"-i-1", NULL};
    world_machine(world, "m1", "up", "i-1");
    world_snapshot(world);
    world->notice = "spot: taken in two minutes";
    list_after(world, 10, ONE);
    world_step(world, (struct prov_event){.kind = PROV_SAID, .id = "m1", .ok = true});
    list_after(world, 10, ended);
    assert_string_equal(world_effect(world, PROV_DO_SAY, 0)->word, "ended");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_young_and_missing_means_nothing),
        TEST(test_many_young_ones_are_no_distrust),
        TEST(test_missing_twice_has_ended),
        TEST(test_seen_in_between_starts_anew),
        TEST(test_a_restart_only_delays),
        TEST(test_exact_lists_need_a_word),
        TEST(test_missing_while_distrusted),
        TEST(test_tag_is_written_until_it_shows),
        TEST(test_no_tag),
        TEST(test_notice_is_told_once),
        TEST(test_refused_notice_is_told_again),
        TEST(test_end_after_a_notice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
