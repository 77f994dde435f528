/* SPDX-License-Identifier: Apache-2.0 */
/* Plans, by a table: what waits, what is there, what is asked for and what is said. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static const char yaml[] = "deployment: test\n"
                           "clearml: {api_server: 'http://127.0.0.1:1'}\n"
                           "max_machines: 12\n"
                           "accounts:\n"
                           "  - {name: home, driver: local}\n"
                           "  - {name: away, driver: local, machines_dir: /b, max_machines: 3}\n"
                           "machine_types:\n"
                           "  - {name: cpu, account: home, max_machines: 4}\n"
                           "  - {name: big, account: home, slots: 4}\n"
                           "  - {name: far, account: away}\n"
                           "queues:\n"
                           "  - {name: low, types: [cpu]}\n"
                           "  - {name: fast, types: [cpu, big], priority: 5}\n"
                           "  - {name: one, types: [far], max_machines: 1}\n"
                           "  - {name: far, types: [far]}\n";

struct row {
    const char *what;
    const char *waiting;  /* "fast=5 low=2": tasks; =-1: no such queue at the server */
    const char *workers;  /* "w:fast,low" idle, "w:fast!" busy, "w:fast@m1" of machine m1 */
    const char *machines; /* "m1:cpu:up" */
    const char *wants;    /* "cpu=3 big=1" */
    const char *verdicts; /* "fast=bought low=capped" */
};

static const struct row rows[] = {
    {"nothing waits", "fast=0 low=0", "", "", "", ""},
    {"one task buys one machine", "low=1", "", "", "cpu=1", "low=bought"},
    {"a task is bought for once: a booting machine does", "low=1", "", "m1:cpu:booting", "",
     "low=booting"},
    {"a launching one too", "low=1", "", "m1:cpu:launching", "", "low=booting"},
    {"and a wanted one", "low=1", "", "m1:cpu:wanted", "", "low=bought"},
    {"but not one that drains", "low=1", "", "m1:cpu:draining", "cpu=1", "low=bought"},
    {"nor one that terminates", "low=1", "", "m1:cpu:terminating", "cpu=1", "low=bought"},
    {"nor one that is absent", "low=1", "", "m1:cpu:absent", "cpu=1", "low=bought"},
    {"nor one that is up and busy", "low=1", "w:fast,low!@m1", "m1:cpu:up", "cpu=1", "low=bought"},
    {"on-premises workers come first", "low=3", "a:low b:low", "", "cpu=1", "low=bought"},
    {"and alone when they are enough", "low=2", "a:low b:low", "", "", "low=served"},
    {"a busy one takes nothing", "low=1", "a:low!", "", "cpu=1", "low=bought"},
    {"one that listens elsewhere takes nothing", "low=1", "a:fast", "", "cpu=1", "low=bought"},
    {"our idle worker counts once, not with its machine too", "low=2", "w:fast,low@m1", "m1:cpu:up",
     "cpu=1", "low=bought"},
    {"also before the ledger calls it up", "low=2", "w:fast,low@m1", "m1:cpu:booting", "cpu=1",
     "low=bought"},
    {"our worker of a draining machine counts not at all", "low=1", "w:fast,low@m1",
     "m1:cpu:draining", "cpu=1", "low=bought"},
    {"nor one whose machine is unknown", "low=1", "w:low@m9", "", "cpu=1", "low=bought"},
    {"a machine that serves two queues is counted once", "low=1 fast=1", "", "m1:cpu:booting",
     "cpu=1", "fast=booting low=bought"},
    {"the cap of a type spills over to the next", "fast=5", "", "", "cpu=4 big=1", "fast=bought"},
    {"5 tasks with two types never buy 8", "fast=5", "", "m1:cpu:wanted m2:cpu:wanted",
     "cpu=2 big=1", "fast=bought"},
    {"a queue without another type is capped", "low=6", "", "", "cpu=4", "low=capped"},
    {"the queue of higher priority buys first", "low=3 fast=3", "", "", "cpu=3",
     "fast=bought low=capped"},
    {"slots over on a bought machine serve the next queue", "fast=5 low=1", "", "", "cpu=4 big=1",
     "fast=bought low=bought"},
    {"a machine of four slots serves four", "fast=8", "", "", "cpu=4 big=1", "fast=bought"},
    {"the cap of a queue", "one=2", "", "", "far=1", "one=capped"},
    {"which a machine of the other queue fills too", "one=1 far=0", "", "m1:far:draining", "",
     "one=capped"},
    {"a queue that the server does not have", "low=-1 fast=1", "", "", "cpu=1",
     "low=blocked fast=bought"},
    {"all together at the cap", "low=1", "",
     "a:big:up b:big:up c:big:up d:big:up e:big:up f:big:up g:big:up h:big:up i:big:up j:big:up "
     "k:big:up l:big:up",
     "", "low=capped"},
};

static void set_queues(struct world *w, const char *words)
{
    static const char *const all[] = {"low", "fast", "one", "far"};
    for (size_t i = 0; i < 4; i++)
        world_queue(w, all[i], 0);
    char copy[200];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        for (size_t i = 0; i < 4; i++) {
            if (strcmp(all[i], word) == 0)
                world_queue(w, all[i], atoi(equals + 1));
        }
    }
}

static char texts[64][32];
static size_t text_count;

static const char *kept(const char *text)
{
    char *out = texts[text_count++ % 64];
    snprintf(out, sizeof texts[0], "%s", text);
    return out;
}

static void set_workers(struct world *w, const char *words)
{
    char copy[200], *next = copy;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&next, " ")) != NULL;) {
        if (*word == '\0')
            continue;
        char *machine = strchr(word, '@');
        char instance[32] = "";
        if (machine != NULL) {
            *machine = '\0';
            snprintf(instance, sizeof instance, "i-%.20s", machine + 1);
        }
        char *busy = strchr(word, '!');
        if (busy != NULL)
            *busy = '\0';
        char *queues = strchr(word, ':');
        *queues++ = '\0';
        for (char *c = queues; *c != '\0'; c++)
            *c = *c == ',' ? ' ' : *c;
        world_worker(w, kept(word), queues, busy == NULL ? NULL : "busy-task",
                     machine == NULL ? NULL : kept(instance));
    }
}

static void set_machines(struct world *w, const char *words)
{
    char copy[400];
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        char *type = strchr(word, ':');
        *type++ = '\0';
        char *state = strchr(type, ':');
        *state++ = '\0';
        world_machine(w, kept(word), kept(type), kept(state));
    }
}

static void check_wants(const struct world *w, const struct row *row)
{
    static const char *const types[] = {"cpu", "big", "far"};
    for (size_t i = 0; i < 3; i++) {
        char pattern[16];
        snprintf(pattern, sizeof pattern, "%s=", types[i]);
        const char *at = strstr(row->wants, pattern);
        int64_t expected = at == NULL ? -1 : atoi(at + strlen(pattern));
        if (world_wanted(w, types[i]) != expected)
            fail_msg("%s: %lld of %s, not %lld", row->what, (long long)world_wanted(w, types[i]),
                     types[i], (long long)expected);
    }
}

static void check_verdicts(const struct world *w, const struct row *row)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%s", row->verdicts);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        if (strcmp(world_verdict(w, word), equals + 1) != 0)
            fail_msg("%s: queue %s is %s, not %s (%s)", row->what, word, world_verdict(w, word),
                     equals + 1, world_sentence(w, word));
        assert_true(strlen(world_sentence(w, word)) > 10);
    }
}

static void every_plan(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_new(yaml);
        set_queues(w, rows[i].waiting);
        set_machines(w, rows[i].machines);
        set_workers(w, rows[i].workers);
        world_show(w);
        world_plan(w);
        check_wants(w, &rows[i]);
        check_verdicts(w, &rows[i]);
        world_free(w);
    }
}

static void the_want_says_for_whom(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "fast=3 low=0");
    world_worker(w, "a", "fast", NULL, NULL);
    world_show(w);
    world_plan(w);
    const struct dr_machine_want *want = NULL;
    for (size_t i = 0; i < w->effect_count; i++) {
        if (w->effects[i].kind == EFFECT_WANT)
            want = &w->effects[i].want;
    }
    assert_non_null(want);
    assert_string_equal(want->queue, "q-fast");
    assert_int_equal(want->plan_seq, w->seq);
    assert_int_equal(want->queues.count, 2);
    assert_string_equal(want->queues.items[0], "q-fast"); /* by priority */
    assert_string_equal(want->queues.items[1], "q-low");
    assert_int_equal(want->tasks.count, 2);
    assert_string_equal(want->tasks.items[0], "fast-2"); /* the first is the worker's */
    assert_string_equal(want->tasks.items[1], "fast-3");
    assert_string_equal(want->reason, "2 tasks in queue fast without a machine");
    world_free(w);
}

static void every_sentence_has_the_numbers(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "low=7");
    world_worker(w, "a", "low", NULL, NULL);
    world_machine(w, "m1", "cpu", "booting");
    world_machine(w, "m2", "cpu", "wanted");
    world_show(w);
    world_plan(w);
    assert_string_equal(
        world_sentence(w, "low"),
        "7 tasks wait: 1 for idle workers, 1 for machines that are starting, 1 for "
        "machines that are wanted, 2 for new machines, 2 machines of type cpu asked "
        "for, 2 without a machine because machine type cpu may have 4 machines and "
        "has 4");
    struct dr_plan_decided plan = planner_decided(w->planner, "low-2", w->now);
    assert_int_equal(plan.reasons.count, 1);
    assert_string_equal(plan.reasons.items[0].verdict, "booting");
    plan = planner_decided(w->planner, "low-7", w->now);
    assert_string_equal(plan.reasons.items[0].verdict, "capped");
    assert_non_null(strstr(plan.reasons.items[0].sentence, "number 7 of 7 in queue low"));
    plan = planner_decided(w->planner, "elsewhere", w->now);
    assert_int_equal(plan.reasons.count, 0);
    world_free(w);
}

/* P5: nothing is bought on what is old. */
static void nothing_is_bought_on_old_pictures(void **state)
{
    (void)state;
    for (int old = 0; old < 4; old++) {
        struct world *w = world_new(yaml);
        set_queues(w, "low=1");
        w->now.boot_ms += 1000;
        if (old != 0)
            world_show_queues(w);
        if (old != 1)
            world_show_workers(w);
        if (old != 2)
            world_show_clouds(w);
        if (old != 3)
            world_show_rows(w);
        world_plan(w);
        assert_int_equal(world_wanted(w, "cpu"), -1);
        assert_string_equal(world_verdict(w, "low"), old == 0 ? "" : "stale");
        world_free(w);
    }
    struct world *w = world_new(yaml);
    set_queues(w, "low=1");
    world_show(w);
    w->now.boot_ms += 16000;
    world_show_clouds(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_string_equal(world_verdict(w, "low"), "stale");
    world_show_queues(w);
    w->now.boot_ms += 20001; /* two list periods */
    world_show_queues(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_non_null(strstr(world_sentence(w, "low"), "account home has no fresh list"));
    world_show_clouds(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_free(w);
}

/* P3: after an outage whatever machine is known comes first. */
static void while_settling_known_machines_come_first(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "low=3");
    world_machine(w, "m1", "cpu", "up");
    world_machine(w, "m2", "cpu", "absent");
    w->settling = true;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    set_queues(w, "low=2");
    world_answer(w, "cpu", "capped", "no", 0);
    world_show(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "low"), "settling");
    w->settling = false;
    w->now.boot_ms += 11000;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 2);
    world_free(w);
}

/* The worker ended its task unseen and the next came at once: it is free, and takes it. */
static void workers_are_looked_at_before_a_machine_is_bought(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "low=0");
    struct dr_worker_view *worker = world_worker(w, "by-hand", "low", "low-0", NULL);
    world_show(w);
    set_queues(w, "low=1");
    w->now.boot_ms += 500;
    world_show_queues(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "low"), "stale");
    assert_int_equal(world_wanted(w, "cpu"), -1);
    worker->task = "";
    world_show_workers(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "low"), "served");
    /* Still busy: a machine, and more without another look while tasks go on waiting. */
    worker->task = "low-0";
    w->now.boot_ms += 500;
    world_show_workers(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    world_answer(w, "cpu", "capped", "no", 0);
    set_queues(w, "low=2");
    w->now.boot_ms += 11000;
    world_show_queues(w);
    world_show_clouds(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 2);
    world_free(w);
}

/* P6: a worker that looks idle beside a waiting task for long is not believed. */
static void a_tired_worker_stops_counting(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "low=1");
    world_worker(w, "dead", "low", NULL, NULL);
    for (int i = 0; i < 45; i++) { /* 3 periods; how many pictures that are is no matter */
        world_show(w);
        world_plan(w);
        assert_string_equal(world_verdict(w, "low"), "served");
        w->now.boot_ms += 900;
    }
    w->now.boot_ms += 1000;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), 1);
    assert_non_null(strstr(world_sentence(w, "low"), "worker dead looks idle but takes none"));
    assert_int_equal(world_effects(w, EFFECT_WARN), 1);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WARN), 0); /* once */
    /* It worked after all: it counts again. */
    w->workers[0].task = "low-1";
    w->workers[0].idle_since_us = 0;
    set_queues(w, "low=0");
    world_show(w);
    w->workers[0].task = "";
    w->workers[0].idle_since_us = 9;
    set_queues(w, "low=1");
    world_answer(w, "cpu", "capped", "no", 0);
    world_show(w);
    world_plan(w);
    assert_string_equal(world_verdict(w, "low"), "served");
    world_free(w);
}

/* A task that the newer picture of the workers shows running waits no more. */
static void a_task_just_taken_is_no_demand(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "low=1");
    world_worker(w, "a", "low", "low-1", NULL);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_wanted(w, "cpu"), -1);
    assert_string_equal(world_verdict(w, "low"), "");
    world_free(w);
}

static void a_deadlock_is_named(void **state)
{
    (void)state;
    struct world *w = world_new(yaml);
    set_queues(w, "one=2");
    world_machine(w, "m1", "far", "up");
    world_worker(w, "w", "one far", "controller", "i-m1");
    world_show(w);
    w->now.boot_ms += 60000;
    w->now.wall_us += 60000000;
    world_show(w);
    world_plan(w);
    /* What waits was there before that task began: any long task looks so. */
    assert_string_equal(world_verdict(w, "one"), "capped");
    assert_int_equal(world_effects(w, EFFECT_WARN), 0);
    struct dr_queue_task *waiting = (void *)(uintptr_t)w->queues[2].waiting.items;
    waiting[1].added_us = w->now.wall_us - 1000000;
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WARN), 1);
    world_show(w);
    world_plan(w);
    assert_int_equal(world_effects(w, EFFECT_WARN), 0); /* once */
    const char *sentence = world_sentence(w, "one");
    assert_non_null(strstr(sentence, "queue one is at its cap and its only machine is busy with "
                                     "task controller since 2023-11-14 22:13:20 UTC: if that task "
                                     "waits for tasks of the same queue it waits for ever"));
    /* Another task: another story, which has just begun. */
    w->workers[0].task = "another";
    world_show(w);
    world_plan(w);
    assert_null(strstr(world_sentence(w, "one"), "for ever"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plan),
        cmocka_unit_test(the_want_says_for_whom),
        cmocka_unit_test(every_sentence_has_the_numbers),
        cmocka_unit_test(nothing_is_bought_on_old_pictures),
        cmocka_unit_test(while_settling_known_machines_come_first),
        cmocka_unit_test(workers_are_looked_at_before_a_machine_is_bought),
        cmocka_unit_test(a_tired_worker_stops_counting),
        cmocka_unit_test(a_task_just_taken_is_no_demand),
        cmocka_unit_test(a_deadlock_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
