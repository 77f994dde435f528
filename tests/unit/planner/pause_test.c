/* SPDX-License-Identifier: Apache-2.0 */
/* What a person paused: no machine is bought for it, and that is said. */
#include <cmocka.h>
#include <string.h>

#include "world.h"

#define SINCE_US 1700000000000000

static const char yaml[] = "deployment: test\n"
                           "clearml: {api_server: 'http://127.0.0.1:1'}\n"
                           "accounts: [{name: home, driver: local}]\n"
                           "machine_types:\n"
                           "  - {name: both, account: home}\n"
                           "  - {name: big, account: home, slots: 4}\n"
                           "queues:\n"
                           "  - {name: first, types: [both], priority: 5}\n"
                           "  - {name: second, types: [both]}\n"
                           "  - {name: third, types: [big]}\n"
                           "  - {name: fourth, types: [big]}\n";

static struct world *world(int first, int second, int third, int fourth)
{
    struct world *w = world_new(yaml);
    world_queue(w, "first", first);
    world_queue(w, "second", second);
    world_queue(w, "third", third);
    world_queue(w, "fourth", fourth);
    return w;
}

static void plan(struct world *w)
{
    world_show(w);
    world_plan(w);
}

static void nothing_is_bought_and_it_says_why(void **state)
{
    (void)state;
    struct world *w = world(2, 0, 0, 0);
    w->pauses[w->pause_count++] = (struct dr_pause_row){
        .queue = "first", .since_us = SINCE_US, .by = "anna", .sentence = "a move"};
    plan(w);
    assert_int_equal(world_effects(w, EFFECT_WANT), 0);
    assert_string_equal(world_verdict(w, "first"), "paused");
    assert_string_equal(world_sentence(w, "first"),
                        "2 tasks wait: 2 without a machine because no machine starts for queue "
                        "first since 2023-11-14 22:13 UTC: paused by anna (a move); `drover resume "
                        "first`");
    struct dr_plan_decided one = planner_decided(w->planner, "first-2", w->now);
    assert_string_equal(one.reasons.items[0].verdict, "paused");
    w->pause_count = 0; /* resumed, by the rows */
    plan(w);
    assert_int_equal(world_wanted(w, "both"), 2);
    world_free(w);
}

static void an_event_is_enough(void **state)
{
    (void)state;
    struct world *w = world(1, 0, 0, 0);
    world_show(w);
    world_pause(w, "first", SINCE_US);
    world_plan(w);
    assert_string_equal(world_verdict(w, "first"), "paused");
    world_pause(w, "first", 0);
    world_plan(w);
    assert_int_equal(world_wanted(w, "both"), 1);
    world_free(w);
}

/* Rows that were asked for before the event do not undo it; nor does an event that they outran. */
static void the_newer_word_counts(void **state)
{
    (void)state;
    struct world *w = world(1, 0, 0, 0);
    world_show(w);
    int64_t seq = w->seq;
    world_pause(w, "first", SINCE_US);
    w->seq = seq - 1;
    world_show_rows(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "first"), "paused");
    w->seq = seq + 10;
    world_show_rows(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "both"), 1);
    world_answer(w, "both", "capped", "no", 0);
    w->seq = seq + 5;
    world_pause(w, "first", SINCE_US);
    world_plan(w);
    assert_string_equal(world_verdict(w, "first"), "capped");
    /* Another ledger, which counts from anew. */
    planner_gap(w->planner, "ledger");
    w->seq = 1;
    world_pause(w, "first", SINCE_US);
    world_plan(w);
    assert_string_equal(world_verdict(w, "first"), "paused");
    world_free(w);
}

static void all_are_paused_at_once(void **state)
{
    (void)state;
    struct world *w = world(1, 1, 1, 0);
    world_show(w);
    world_pause(w, "", SINCE_US);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WANT), 0);
    assert_string_equal(world_verdict(w, "third"), "paused");
    assert_non_null(strstr(world_sentence(w, "third"), "no machine starts since"));
    world_free(w);
}

/* The type serves both: it is bought for the one that is not paused, and once. */
static void a_shared_type_is_bought_for_the_other(void **state)
{
    (void)state;
    struct world *w = world(3, 1, 0, 0);
    w->pauses[w->pause_count++] = (struct dr_pause_row){
        .queue = "first", .since_us = SINCE_US, .by = "anna", .sentence = "a move"};
    plan(w);
    assert_int_equal(world_wanted(w, "both"), 1);
    assert_string_equal(world_verdict(w, "second"), "bought");
    assert_string_equal(world_verdict(w, "first"), "paused");
    world_answer(w, "both", "", "", w->seq);
    struct dr_machine_row *row = world_machine(w, "m1", "both", "booting");
    row->for_queue = "q-second";
    w->now.boot_ms += 2000;
    for (int again = 0; again < 3; again++) { /* what boots is for second, whoever comes first */
        plan(w);
        assert_int_equal(world_effects(w, EFFECT_WANT), 0);
        assert_string_equal(world_verdict(w, "second"), "booting");
    }
    world_free(w);
}

/* Slots that a bought machine has over are used for the paused queue, but not bought for it. */
static void slots_left_over_may_serve_it(void **state)
{
    (void)state;
    struct world *w = world(0, 0, 9, 1);
    world_show(w);
    world_pause(w, "third", SINCE_US);
    world_plan(w);
    assert_int_equal(world_wanted(w, "big"), 1);
    assert_string_equal(world_verdict(w, "fourth"), "bought");
    assert_string_equal(world_verdict(w, "third"), "paused");
    assert_non_null(strstr(world_sentence(w, "third"), "3 for new machines"));
    world_free(w);
}

/* An idle worker is there: whatever it listens to it takes. */
static void idle_workers_serve_it(void **state)
{
    (void)state;
    struct world *w = world(1, 0, 0, 0);
    world_worker(w, "a", "first", NULL, NULL);
    world_show(w);
    world_pause(w, "first", SINCE_US);
    world_plan(w);
    assert_string_equal(world_verdict(w, "first"), "served");
    world_free(w);
}

static const struct dr_machine_cancel *cancelled(const struct world *w)
{
    for (size_t i = 0; i < w->effect_count; i++) {
        if (w->effects[i].kind == EFFECT_CANCEL)
            return &w->effects[i].cancel;
    }
    return NULL;
}

/* What was wanted before is wanted no more, and is no supply: no attempt of it would open. */
static void wanted_rows_are_cancelled(void **state)
{
    (void)state;
    struct world *w = world(1, 1, 0, 0);
    world_machine(w, "m1", "both", "wanted")->for_queue = "q-first";
    world_machine(w, "m2", "both", "wanted")->for_queue = "q-second";
    plan(w);
    assert_null(cancelled(w));
    world_pause(w, "first", SINCE_US);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_CANCEL), 1);
    assert_string_equal(cancelled(w)->machine, "m1");
    assert_non_null(strstr(cancelled(w)->reason, "paused by anna"));
    assert_string_equal(world_verdict(w, "second"), "bought");
    assert_int_equal(world_effects(w, EFFECT_WANT), 0); /* m2 is for it */
    world_plan(w);
    assert_null(cancelled(w)); /* under way */
    world_free(w);
}

static void what_is_launching_comes(void **state)
{
    (void)state;
    struct world *w = world(1, 0, 0, 0);
    world_machine(w, "m1", "both", "launching")->for_queue = "q-first";
    world_show(w);
    world_pause(w, "first", SINCE_US);
    world_plan(w);
    assert_null(cancelled(w));
    assert_string_equal(world_verdict(w, "first"), "booting");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_bought_and_it_says_why),
        cmocka_unit_test(an_event_is_enough),
        cmocka_unit_test(the_newer_word_counts),
        cmocka_unit_test(all_are_paused_at_once),
        cmocka_unit_test(a_shared_type_is_bought_for_the_other),
        cmocka_unit_test(slots_left_over_may_serve_it),
        cmocka_unit_test(idle_workers_serve_it),
        cmocka_unit_test(wanted_rows_are_cancelled),
        cmocka_unit_test(what_is_launching_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
