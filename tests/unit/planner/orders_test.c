/* SPDX-License-Identifier: Apache-2.0 */
/* Plans in time: what is under way, what the ledger answers, what is missed. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

static const char yaml[] =
    "deployment: test\n"
    "clearml: {api_server: 'http://127.0.0.1:1'}\n"
    "accounts: [{name: home, driver: local}]\n"
    "machine_types: [{name: cpu, account: home}, {name: big, account: home}]\n"
    "queues: [{name: low, types: [cpu, big]}]\n";

static struct world *begin(int tasks)
{
    struct world *w = world_new(yaml);
    world_queue(w, "low", tasks);
    world_show(w);
    world_plan(w);
    return w;
}

static void one_want_is_under_way_per_type(void **state)
{
    (void)state;
    struct world *w = begin(2);
    assert_int_equal(world_wanted(w, "cpu"), 2);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_int_equal(world_wanted(w, "big"), -1); /* nor is it bought of another type meanwhile */
    world_queue(w, "low", 3);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1); /* the third waits for the answer */
    world_free(w);
}

/* What is under way is counted on: the next type is not asked instead. */
static void a_want_under_way_does_not_spill_over(void **state)
{
    (void)state;
    static const char capped[] =
        "deployment: test\n"
        "clearml: {api_server: 'http://127.0.0.1:1'}\n"
        "accounts: [{name: home, driver: local}]\n"
        "machine_types: [{name: cpu, account: home, max_machines: 2}, {name: big, account: home}]\n"
        "queues: [{name: low, types: [cpu, big]}]\n";
    struct world *w = world_new(capped);
    world_queue(w, "low", 2);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 2);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "big"), -1);
    world_queue(w, "low", 3);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "big"), 1); /* the cap is reached with what is under way */
    world_free(w);
}

static void rows_that_were_promised_are_waited_for(void **state)
{
    (void)state;
    struct world *w = begin(1);
    int64_t promised = w->seq + 1;
    world_answer(w, "cpu", "", "1 machine is wanted", promised);
    world_show_queues(w);
    world_plan(w); /* the event is not here yet */
    assert_int_equal(world_wanted(w, "cpu"), -1);
    struct dr_machine_row *row = world_machine(w, "m1", "cpu", "wanted");
    world_changed(w, row);
    assert_int_equal(w->seq, promised);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_string_equal(world_verdict(w, "low"), "bought");
    world_queue(w, "low", 2);
    w->now.boot_ms += 10;
    world_show_queues(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void a_promise_that_does_not_show_is_asked_for(void **state)
{
    (void)state;
    struct world *w = begin(1);
    world_answer(w, "cpu", "", "ok", w->seq + 1);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 0);
    w->now.boot_ms += 1500;
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 0); /* not twice at once */
    world_free(w);
}

static void stale_reads_the_rows_and_plans_again(void **state)
{
    (void)state;
    struct world *w = begin(1);
    world_answer(w, "cpu", "stale", "plan again", w->seq);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    assert_int_equal(world_effects(w, EFFECT_PUBLISH), 0); /* a moment of reading is no news */
    world_machine(w, "m1", "cpu", "wanted"); /* it was there already: a want of our former life */
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_string_equal(world_verdict(w, "low"), "bought");
    world_free(w);
}

static void no_answer_means_unknown(void **state)
{
    (void)state;
    struct world *w = begin(1);
    planner_want_answered(w->planner, "cpu", NULL, w->now);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    world_show(w); /* the rows show nothing of it */
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void capped_by_the_ledger_spills_over(void **state)
{
    (void)state;
    struct world *w = begin(1);
    world_answer(w, "cpu", "capped", "machine type cpu is at its cap", w->seq);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_int_equal(world_wanted(w, "big"), 1);
    world_answer(w, "big", "capped", "so is big", w->seq);
    world_plan(w);
    assert_string_equal(world_verdict(w, "low"), "capped");
    assert_non_null(strstr(world_sentence(w, "low"), "so is big"));
    w->now.boot_ms += 10001;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void spent_tasks_are_set_aside(void **state)
{
    (void)state;
    struct world *w = begin(3);
    const char *spent[] = {"low-2"};
    struct dr_ack ack = {.code = "capped", .sentence = "3 launches", .ids = {spent, 1}};
    planner_want_answered(w->planner, "cpu", &ack, w->now);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 2);
    struct dr_plan_decided plan = planner_decided(w->planner, "low-2", w->now);
    assert_int_equal(plan.reasons.count, 1);
    /* An idle worker may still have it. */
    world_queue(w, "low", 2);
    world_worker(w, "a", "low", NULL, NULL);
    world_answer(w, "cpu", "stale", "", 0);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_string_equal(world_verdict(w, "low"), "capped");
    assert_non_null(strstr(world_sentence(w, "low"), "launches for them are spent"));
    /* A new configuration: tried again, also when the ledger still answers by the old one. */
    planner_reconfigure(w->planner, dr_config_root(w->config), w->now);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    planner_want_answered(w->planner, "cpu", &ack, w->now);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    w->now.boot_ms += 1100;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void blocked_is_said(void **state)
{
    (void)state;
    struct world *w = begin(1);
    world_answer(w, "cpu", "refused", "another ledger's id", w->seq);
    world_plan(w);
    assert_int_equal(world_wanted(w, "big"), 1); /* asked once; the ledger refuses that too */
    world_answer(w, "big", "refused", "another ledger's id", w->seq);
    world_plan(w);
    assert_string_equal(world_verdict(w, "low"), "blocked");
    assert_non_null(strstr(world_sentence(w, "low"), "another ledger's id"));
    world_free(w);
}

static void a_type_that_failed_rests(void **state)
{
    (void)state;
    struct world *w = begin(0);
    struct dr_machine_row *row = world_machine(w, "m1", "cpu", "failed");
    row->cause = "refused: no such image";
    world_changed(w, row);
    w->machine_count = 0;
    world_queue(w, "low", 1);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_int_equal(world_wanted(w, "big"), 1);
    w->now.boot_ms += 300001;
    world_answer(w, "big", "capped", "", 0);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void what_nobody_needs_is_cancelled(void **state)
{
    (void)state;
    struct world *w = begin(0);
    world_machine(w, "m1", "cpu", "wanted");
    world_machine(w, "m2", "cpu", "wanted");
    world_machine(w, "m3", "cpu", "launching");
    world_queue(w, "low", 2);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_CANCEL), 1); /* one of the two is needed */
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_CANCEL), 0); /* asked already */
    world_free(w);
}

/* Nothing is taken away on an old picture or while the server comes back. */
static void nothing_is_cancelled_blindly(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world *w = begin(0);
        world_machine(w, "m1", "cpu", "wanted");
        w->settling = i == 0;
        world_show(w);
        if (i == 1)
            w->now.boot_ms += 16000;
        if (i == 2)
            planner_gap(w->planner, "ledger");
        world_plan(w);
        assert_int_equal(world_effects(w, EFFECT_CANCEL), 0);
        world_free(w);
    }
}

static void a_newcomer_asks_for_everything(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    assert_int_equal(world_effects(w, EFFECT_PICTURE), 1);
    assert_int_equal(world_effects(w, EFFECT_CLOUD), 1);
    assert_int_equal(w->effect_count, 3);
    world_plan(w);
    assert_int_equal(w->effect_count, 0);
    w->now.boot_ms += 6000; /* no answer */
    world_plan(w);
    assert_int_equal(w->effect_count, 3);
    world_free(w);
}

static void a_gap_at_the_ledger_reads_the_rows_anew(void **state)
{
    (void)state;
    struct world *w = begin(0);
    planner_gap(w->planner, "ledger");
    world_queue(w, "low", 1);
    world_show_queues(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    /* A new ledger counts from anew: lower sequences are taken. */
    w->seq = 0;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

/* A snapshot asked for before an event and read after it brings nothing back. */
static void an_old_snapshot_brings_nothing_back(void **state)
{
    (void)state;
    struct world *w = begin(0);
    struct dr_machine_row *row = world_machine(w, "m1", "cpu", "booting");
    world_show(w);
    row->state = "gone";
    w->seq += 5;
    world_changed(w, row);
    row->state = "booting";
    w->seq -= 4;
    world_show_rows(w);
    world_queue(w, "low", 1);
    w->seq += 5;
    w->now.boot_ms += 100;
    world_show_queues(w);
    world_show_workers(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

/* An event that a snapshot has overtaken changes nothing. */
static void an_old_event_brings_nothing_back(void **state)
{
    (void)state;
    struct world *w = begin(0);
    struct dr_machine_row *row = world_machine(w, "m1", "cpu", "booting");
    struct dr_machine_changed late = {.seq = w->seq, .from = "", .machine = *row};
    w->machine_count = 0; /* gone since */
    world_queue(w, "low", 1);
    world_show(w);
    planner_take(w->planner, dr_row_by_type(DR_MACHINE_CHANGED), &late, w->now);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void a_plan_is_published_when_it_changed(void **state)
{
    (void)state;
    struct world *w = begin(1);
    assert_int_equal(world_effects(w, EFFECT_PUBLISH), 1);
    world_show(w);
    world_plan(w);
    world_show(w); /* a new sequence and nothing else */
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_PUBLISH), 0);
    world_queue(w, "low", 0);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_PUBLISH), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_want_is_under_way_per_type),
        cmocka_unit_test(a_want_under_way_does_not_spill_over),
        cmocka_unit_test(rows_that_were_promised_are_waited_for),
        cmocka_unit_test(a_promise_that_does_not_show_is_asked_for),
        cmocka_unit_test(stale_reads_the_rows_and_plans_again),
        cmocka_unit_test(no_answer_means_unknown),
        cmocka_unit_test(capped_by_the_ledger_spills_over),
        cmocka_unit_test(spent_tasks_are_set_aside),
        cmocka_unit_test(blocked_is_said),
        cmocka_unit_test(a_type_that_failed_rests),
        cmocka_unit_test(what_nobody_needs_is_cancelled),
        cmocka_unit_test(nothing_is_cancelled_blindly),
        cmocka_unit_test(a_newcomer_asks_for_everything),
        cmocka_unit_test(a_gap_at_the_ledger_reads_the_rows_anew),
        cmocka_unit_test(an_old_snapshot_brings_nothing_back),
        cmocka_unit_test(an_old_event_brings_nothing_back),
        cmocka_unit_test(a_plan_is_published_when_it_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
