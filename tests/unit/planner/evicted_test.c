/* SPDX-License-Identifier: Apache-2.0 */
/* P21 in time: a notice wants one replacement at once, and what follows wants no second one. */
#include <cmocka.h>
#include <string.h>

#include "world.h"

static const char yaml[] =
    "deployment: test\n"
    "clearml: {api_server: 'http://127.0.0.1:1'}\n"
    "accounts: [{name: home, driver: local}]\n"
    "machine_types: [{name: cpu, account: home}, {name: once, account: home}]\n"
    "queues: [{name: low, types: [cpu], priority: 5}, {name: high, types: [cpu]},\n"
    "         {name: once, types: [once], recovery: never}]\n";

/* One machine of this type works on task `t`; nothing waits. */
static struct world *at_work(const char *type, const char *queue)
{
    struct world *w = world_new(yaml);
    world_queue(w, "low", 0);
    world_queue(w, "high", 0);
    world_queue(w, "once", 0);
    struct dr_machine_row *row = world_machine(w, "m1", type, "up");
    row->for_queue = strcmp(queue, "low") == 0    ? "q-low"
                     : strcmp(queue, "high") == 0 ? "q-high"
                                                  : "q-once";
    world_worker(w, "w1", queue, "t", "i-m1");
    w->slots[w->slot_count++] =
        (struct dr_slot_row){.worker = "w1", .machine = "m1", .task = "t", .busy = true};
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WANT), 0);
    return w;
}

static void drain(struct world *w, const char *mode, const char *reason)
{
    struct dr_machine_row *row = &w->machines[0];
    row->state = "draining";
    row->drain_mode = mode;
    row->drain_reason = reason;
    row->version++;
    world_changed(w, row);
}

/* The notice came, the rows were asked for and read: one machine is asked for. */
static struct world *noticed(void)
{
    struct world *w = at_work("cpu", "high");
    drain(w, "now", "notice");
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1); /* which task is it? */
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    return w;
}

/* The ledger has it. */
static struct world *replaced(const char *state)
{
    struct world *w = noticed();
    world_answer(w, "cpu", "", "1 machine is wanted", w->seq + 1);
    world_machine(w, "m2", "cpu", state);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WANT), 0);
    return w;
}

static void nothing_more(struct world *w)
{
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WANT), 0);
    assert_int_equal(world_effects(w, EFFECT_CANCEL), 0);
}

/* The machine's end was confirmed: the ledger tells no more of it. */
static void end(struct world *w)
{
    w->machines[0] = w->machines[--w->machine_count];
    w->slot_count = w->worker_count = 0;
}

static const char *why(struct world *w, const char *task)
{
    struct dr_plan_decided plan = planner_decided(w->planner, task, w->now);
    return plan.reasons.count == 0 ? "" : plan.reasons.items[0].sentence;
}

static void a_notice_wants_one_machine_and_says_why(void **state)
{
    (void)state;
    struct world *w = noticed();
    const struct effect *want = NULL;
    for (size_t i = 0; i < w->effect_count; i++)
        want = w->effects[i].kind == EFFECT_WANT ? &w->effects[i] : want;
    assert_string_equal(want->want.queue, "q-high"); /* which wanted the lost one */
    assert_int_equal(want->want.tasks.count, 1);
    assert_string_equal(want->want.tasks.items[0], "t");
    assert_string_equal(world_verdict(w, "high"), "bought");
    assert_string_equal(world_verdict(w, "low"), "");
    assert_non_null(strstr(world_sentence(w, "high"), "1 task loses the machine to the cloud"));
    assert_null(strstr(world_sentence(w, "high"), "waits"));
    assert_non_null(strstr(why(w, "t"), "the cloud takes machine m1 from it"));
    assert_non_null(strstr(why(w, "t"), "a machine for it is being asked for"));
    world_free(w);
}

/* From the notice to the task's next run there is one replacement, whatever is seen between. */
static void one_replacement_all_the_way(void **state)
{
    (void)state;
    struct world *w = replaced("wanted");
    nothing_more(w);     /* and it is not cancelled: nothing waits in the queue */
    w->worker_count = 0; /* the guard unregistered it */
    nothing_more(w);
    w->machines[0].state = "terminating";
    world_changed(w, &w->machines[0]);
    nothing_more(w);
    w->machines[1].state = "booting";
    w->machines[1].instance_id = "i-m2";
    nothing_more(w);
    end(w);
    nothing_more(w);
    assert_string_equal(world_verdict(w, "high"), "booting");
    world_queue(w, "high", 1); /* put back: now it is ordinary demand, and served */
    ((struct dr_queue_task *)(uintptr_t)w->queues[1].waiting.items)[0].task = "t";
    nothing_more(w);
    assert_string_equal(world_verdict(w, "high"), "booting");
    assert_non_null(strstr(world_sentence(w, "high"), "1 task waits:"));
    assert_non_null(strstr(why(w, "t"), "it is number 1 of 1"));
    world_queue(w, "high", 0); /* the replacement took it */
    w->machines[0].state = "up";
    world_worker(w, "w2", "high", "t", "i-m2");
    nothing_more(w);
    assert_string_equal(world_verdict(w, "high"), "");
    world_free(w);
}

static void put_back_without_replacement_it_wants_one(void **state)
{
    (void)state;
    struct world *w = noticed();
    world_answer(w, "cpu", "capped", "no room", w->seq);
    end(w);
    world_queue(w, "high", 1);
    ((struct dr_queue_task *)(uintptr_t)w->queues[1].waiting.items)[0].task = "t";
    w->now.boot_ms += 20000;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void an_idle_worker_is_a_replacement(void **state)
{
    (void)state;
    struct world *w = at_work("cpu", "high");
    world_worker(w, "free", "high", NULL, NULL);
    world_show(w);
    drain(w, "now", "notice");
    nothing_more(w);
    assert_string_equal(world_verdict(w, "high"), "served");
    world_free(w);
}

/* A planner that is started meanwhile reads it from the rows. */
static void a_restart_finds_it_again(void **state)
{
    (void)state;
    struct world *w = noticed();
    planner_free(&w->planner);
    w->planner = planner_new(dr_config_root(w->config));
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

/* Rows asked for before the notice do not know of it; newer ones are asked for. */
static void rows_from_before_are_not_enough(void **state)
{
    (void)state;
    struct world *w = at_work("cpu", "high");
    int64_t before = w->seq;
    drain(w, "now", "notice");
    w->seq = before - 1;
    world_show_rows(w);
    w->seq = before + 5;
    w->now.boot_ms += 20000;
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    world_free(w);
}

/* Already draining gently when the notice comes: the state does not change, the reason does. */
static void a_drain_that_is_hurried_is_noticed(void **state)
{
    (void)state;
    struct world *w = at_work("cpu", "high");
    drain(w, "after-task", "age");
    nothing_more(w);
    drain(w, "now", "notice");
    w->now.boot_ms += 20000;
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 1);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

/* The slots of a machine that is on its way out name its task to the end: rows that come between
 * two pictures bring nothing back. */
static void what_is_over_stays_over(void **state)
{
    (void)state;
    struct world *w = replaced("booting");
    world_worker(w, "other", "high", "t", NULL);
    world_show(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "high"), "");
    w->now.boot_ms += 100;
    world_show_rows(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "high"), "");
    world_free(w);
}

/* Later news of the same machine tell nothing new of its task. */
static void the_rows_are_asked_for_once(void **state)
{
    (void)state;
    struct world *w = noticed();
    w->machines[0].drain_acked_us = 5;
    drain(w, "now", "notice");
    w->now.boot_ms += 20000;
    world_show_queues(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_SNAPSHOT), 0);
    world_free(w);
}

static void other_ends_want_nothing(void **state)
{
    (void)state;
    static const char *const others[][2] = {{"after-task", "age"},
                                            {"now", "hand"},
                                            {"idle", "idle"},
                                            {"now", "unfit"},
                                            {"now", "silent"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct world *w = at_work("cpu", "high");
        drain(w, others[i][0], others[i][1]);
        nothing_more(w);
        world_free(w);
    }
    struct world *never = at_work("once", "once"); /* what is never put back needs none */
    drain(never, "now", "notice");
    nothing_more(never);
    world_free(never);
    struct world *idle = at_work("cpu", "high");
    idle->slots[0].busy = false; /* the task of before */
    idle->workers[0].task = "";
    drain(idle, "now", "notice");
    nothing_more(idle);
    world_free(idle);
}

/* The machine of what an unfit one was for is bought by ordinary demand: the task waits. */
static void unfit_is_replaced_by_what_waits(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    world_queue(w, "high", 1);
    world_machine(w, "m1", "cpu", "booting");
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WANT), 0);
    drain(w, "now", "unfit");
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

static void what_ended_it(struct world *w)
{
    world_show(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "high"), "");
    nothing_more(w);
    assert_string_equal(world_verdict(w, "high"), "");
    world_free(w);
}

static void it_is_over_when_the_task_needs_nothing_more(void **state)
{
    (void)state;
    struct world *w = replaced("booting"); /* it was put back, or is not to be */
    end(w);
    w->recoveries[w->recovery_count++] =
        (struct dr_recovery_row){.machine = "m1", .task = "t", .step = "done", .settled_us = 7};
    what_ended_it(w);
    w = replaced("booting"); /* it runs on another's worker */
    world_worker(w, "other", "high", "t", NULL);
    what_ended_it(w);
    w = replaced("booting"); /* the machine's word changed: it ended there */
    w->slots[0].busy = false;
    what_ended_it(w);
    w = replaced("booting"); /* the notice was taken back */
    w->machines[0].state = "up";
    w->machines[0].drain_reason = w->machines[0].drain_mode = "";
    what_ended_it(w);
    w = replaced("booting"); /* long gone, and nobody put it back */
    end(w);
    nothing_more(w);
    assert_string_equal(world_verdict(w, "high"), "booting");
    w->now.boot_ms += 301000;
    what_ended_it(w);
}

/* A picture from before the notice shows where the task was, not what became of it. */
static void older_pictures_say_nothing(void **state)
{
    (void)state;
    struct world *w = at_work("cpu", "high");
    w->workers[0].instance_id = "i-other";
    world_show(w);
    drain(w, "now", "notice");
    w->now.boot_ms += 100;
    world_show_rows(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_wants_one_machine_and_says_why),
        cmocka_unit_test(one_replacement_all_the_way),
        cmocka_unit_test(put_back_without_replacement_it_wants_one),
        cmocka_unit_test(an_idle_worker_is_a_replacement),
        cmocka_unit_test(a_restart_finds_it_again),
        cmocka_unit_test(rows_from_before_are_not_enough),
        cmocka_unit_test(a_drain_that_is_hurried_is_noticed),
        cmocka_unit_test(what_is_over_stays_over),
        cmocka_unit_test(the_rows_are_asked_for_once),
        cmocka_unit_test(other_ends_want_nothing),
        cmocka_unit_test(unfit_is_replaced_by_what_waits),
        cmocka_unit_test(it_is_over_when_the_task_needs_nothing_more),
        cmocka_unit_test(older_pictures_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
