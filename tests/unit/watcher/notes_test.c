/* SPDX-License-Identifier: Apache-2.0 */
/* What is written into tasks' consoles, and when: never what could hold up a recovery, never much.
 */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_port.h"
#include "notes.h"

#define ROWS 40

struct world {
    struct fake fake;
    struct dr_cfg_root root;
    struct claims claims;
    struct picture picture;
    struct names names;
    struct notes notes;
    struct dr_ledger_state rows;
    struct dr_recovery_row recoveries[ROWS];
    struct dr_machine_row machines[ROWS];
    struct dr_attempt_row attempts[ROWS];
    char ids[300][24];
    struct dr_queue_task waiting[300];
    bool cached;      /* the queue's entries are an older tick's */
    const char *said; /* the text of the last batch's first line */
    json_t *batch;
};

static int64_t us(const struct world *w, int64_t ago_s)
{
    return w->fake.now.wall_us - ago_s * 1000000;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    fake_init(&w->fake);
    w->root.task_notes = true;
    w->root.timing.fresh_queues_ms = 15000;
    w->claims = (struct claims){.port = &w->fake.port, .rows = &w->rows};
    w->picture = (struct picture){.port = &w->fake.port, .root = &w->root, .claims = &w->claims};
    names_init(&w->names, &w->fake.port, &w->picture);
    w->names.restored = true;
    w->rows.recoveries.items = w->recoveries;
    w->rows.machines.items = w->machines;
    w->rows.attempts.items = w->attempts;
    notes_init(&w->notes, &w->claims, &w->picture, &w->names, &w->root);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    json_decref(w->batch);
    fake_stop(&w->fake);
    notes_free(&w->notes);
    names_free(&w->names);
    dr_record_free(&w->picture.queues_said);
    dr_record_free(&w->picture.workers_said);
    fake_free(&w->fake);
    free(w);
    return 0;
}

static void said(struct dr_record *place, const struct dr_desc *desc, const void *body)
{
    dr_record_free(place);
    assert_int_equal(dr_record_copy(desc, body, place), 0);
}

/* A new whole picture after so many seconds: t0, t1 ... wait in queue cpu since a moment ago. */
static void look(struct world *w, int64_t after_s, size_t waiting)
{
    fake_sleep(&w->fake, after_s * 1000);
    for (size_t i = 0; i < waiting; i++) {
        snprintf(w->ids[i], sizeof w->ids[i], "t%zu", i);
        w->waiting[i].task = w->ids[i];
        if (w->waiting[i].added_us == 0)
            w->waiting[i].added_us = w->fake.now.wall_us;
    }
    struct dr_queue_view view = {.id = "q1",
                                 .name = "cpu",
                                 .known = true,
                                 .fresh = !w->cached,
                                 .waiting = {w->waiting, waiting}};
    said(&w->picture.queues_said, &dr_desc_queues_observed,
         &(struct dr_queues_observed){.sent_ms = w->fake.now.boot_ms, .queues = {&view, 1}});
    said(&w->picture.workers_said, &dr_desc_workers_observed,
         &(struct dr_workers_observed){.sent_ms = w->fake.now.boot_ms});
    w->picture.whole++;
    notes_step(&w->notes);
}

static void plan(struct world *w, const char *verdict, const char *sentence)
{
    struct dr_reason_view reason = {
        .queue = "cpu", .task = "", .verdict = verdict, .sentence = sentence};
    notes_hear_plan(&w->notes, &(struct dr_plan_decided){.reasons = {&reason, 1}});
}

static const struct dr_ledger_state *row_count(struct world *w, size_t recoveries, size_t machines,
                                               size_t attempts)
{
    w->rows.recoveries.count = recoveries;
    w->rows.machines.count = machines;
    w->rows.attempts.count = attempts;
    return &w->rows;
}

/* So many lines left in one call, which the server takes. */
static void wrote(struct world *w, size_t lines)
{
    if (lines == 0) {
        assert_string_equal(fake_next(&w->fake), "");
        return;
    }
    assert_string_equal(fake_next(&w->fake), "events.add_batch");
    json_decref(w->batch);
    w->batch = json_incref(w->fake.calls[0].body);
    assert_int_equal(json_array_size(w->batch), lines);
    w->said = json_string_value(json_object_get(json_array_get(w->batch, 0), "msg"));
    fake_answer(&w->fake, "events.add_batch", "{\"added\":1,\"errors\":0}");
}

static void says(const struct world *w, const char *words)
{
    if (strstr(w->said, words) == NULL)
        fail_msg("'%s' is not in: %s", words, w->said);
}

static struct dr_machine_row machine(const char *id, const char *state)
{
    return (struct dr_machine_row){.id = id,
                                   .type = "small",
                                   .state = state,
                                   .cause = "",
                                   .drain_reason = "",
                                   .for_queue = "q1",
                                   .instance_id = "",
                                   .offering = "",
                                   .slots = 1};
}

static struct dr_recovery_row recovery(const char *id, const char *task, const char *step)
{
    return (struct dr_recovery_row){.id = id,
                                    .machine = "m1",
                                    .task = task,
                                    .queue = "q1",
                                    .kind = "running",
                                    .mode = "continue",
                                    .step = step,
                                    .note = "waits at the front of its queue"};
}

/* ---- waiting -------------------------------------------------------------------------------- */
static void a_verdict_is_told_once_and_not_before_its_time(void **state)
{
    static const struct {
        const char *verdict;
        bool told;
    } cases[] = {{"served", false}, {"settling", false}, {"stale", false},   {"booting", true},
                 {"bought", true},  {"capped", true},    {"blocked", true},  {"paused", true},
                 {"no-type", true}, {"", false},         {"new-word", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w;
        void *made;
        setup(&made);
        w = made;
        plan(w, cases[i].verdict, "as the planner says");
        look(w, 1, 1);
        wrote(w, 0);
        look(w, 19, 1);
        wrote(w, 0);
        look(w, 1, 1);
        wrote(w, cases[i].told);
        if (cases[i].told)
            assert_string_equal(w->said,
                                "drover: waits for a machine in queue cpu: as the planner says\n");
        for (int minute = 0; minute < 30; minute++) {
            plan(w, cases[i].verdict, minute % 2 ? "with other" : "numbers in it");
            look(w, 60, 1);
            wrote(w, 0);
        }
        teardown(&made);
    }
    (void)state;
}

static void the_line_is_one_as_agents_write_it(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "type small may have 1 machine and has 1");
    look(w, 1, 1);
    look(w, 20, 1);
    wrote(w, 1);
    char *line = json_dumps(json_array_get(w->batch, 0), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(line, "{\"level\":\"info\",\"msg\":\"drover: waits for a machine in queue "
                              "cpu: type small may have 1 machine and has 1\\n\",\"task\":\"t0\","
                              "\"type\":\"log\",\"worker\":\"drover\"}");
    free(line);
}

static void a_changed_verdict_waits_ten_minutes(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "full");
    look(w, 1, 1);
    look(w, 20, 1);
    wrote(w, 1);
    plan(w, "paused", "paused by anna");
    for (int second = 0; second < 599; second += 10) {
        look(w, 10 - (second == 590), 1);
        wrote(w, 0);
    }
    look(w, 1, 1);
    wrote(w, 1);
    says(w, "paused by anna");
    plan(w, "booting", "one is starting"); /* coming is coming, asked for or booting */
    look(w, 600, 1);
    wrote(w, 1);
    plan(w, "bought", "one is asked for");
    look(w, 600, 1);
    wrote(w, 0);
}

static void a_new_wait_is_told_anew(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "full");
    look(w, 1, 1);
    look(w, 20, 1);
    wrote(w, 1);
    look(w, 1, 0); /* it runs */
    look(w, 700, 0);
    look(w, 1, 1); /* and waits again */
    wrote(w, 0);
    look(w, 20, 1);
    wrote(w, 1);
    look(w, 1, 0);
    look(w, 1, 1); /* a short run, and another wait: anew, but not within ten minutes */
    look(w, 590, 1);
    wrote(w, 0);
    look(w, 8, 1);
    wrote(w, 1);
}

static void entries_of_an_older_tick_are_no_proof_that_it_waits(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "full");
    look(w, 1, 1);
    w->cached = true;
    look(w, 20, 1);
    wrote(w, 0);
    w->cached = false;
    look(w, 1, 1);
    wrote(w, 1);
    w->cached = true;
    look(w, 300, 1);
    w->cached = false;
    look(w, 301, 1); /* the same wait all along */
    wrote(w, 0);
}

static void so_many_lines_a_tick(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "full");
    look(w, 1, 50);
    look(w, 20, 50);
    assert_int_equal(w->fake.call_count, 1);
    look(w, 1, 50); /* one call at once */
    assert_int_equal(w->fake.call_count, 1);
    wrote(w, NOTES_MAX);
    look(w, 1, 50);
    wrote(w, NOTES_MAX);
    notes_step(&w->notes); /* one call a picture */
    wrote(w, 0);
    look(w, 1, 50);
    wrote(w, 10);
    look(w, 1, 50);
    wrote(w, 0);
}

static void a_server_that_is_not_well_is_left_alone(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "full");
    look(w, 1, 1);
    w->picture.pace.state = SERVER_SLOW;
    look(w, 20, 1);
    wrote(w, 0);
    w->picture.pace.state = SERVER_OK;
    w->picture.pace.failures = 1;
    look(w, 1, 1);
    wrote(w, 0);
    w->picture.pace.failures = 0;
    w->picture.pace.calls_per_ms = 0.001; /* a budget, and nothing is saved */
    look(w, 1, 1);
    wrote(w, 0);
    w->picture.pace.saved = 5;
    w->root.task_notes = false;
    look(w, 1, 1);
    wrote(w, 0);
    w->root.task_notes = true;
    w->names.restored = false; /* what an earlier life saw is not known yet */
    look(w, 1, 1);
    wrote(w, 0);
    w->names.restored = true;
    look(w, 1, 1);
    wrote(w, 1);
    plan(w, "paused", "x");
    look(w, 601, 1);
    fake_fail(&w->fake, "events.add_batch", CLEARML_TIMEOUT, 0, "no answer");
    look(w, 1, 1); /* whether it has it is not known: not said twice */
    wrote(w, 0);
}

static void a_restart_repeats_nothing(void **state)
{
    struct world *w = *state;
    struct dr_task_row row = {.id = "t0", .name = "n", .seen_us = us(w, 900)};
    row.project = row.user = row.queue = "";
    names_restore(&w->names, &(struct dr_tasks){.tasks = {&row, 1}});
    w->waiting[0].added_us = us(w, 1000);
    w->waiting[1].added_us = us(w, 1000); /* nobody ever saw this one: no Drover ran then */
    plan(w, "capped", "full");
    look(w, 1, 2);
    wrote(w, 0);
    look(w, 20, 2);
    wrote(w, 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(w->batch, 0), "task")),
                        "t1");
    plan(w, "paused", "paused by anna");
    look(w, 1, 2);
    wrote(w, 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(w->batch, 0), "task")),
                        "t0");
}

static void a_refused_launch_is_another_verdict(void **state)
{
    struct world *w = *state;
    plan(w, "bought", "a machine is wanted");
    w->machines[0] = machine("m1", "wanted");
    row_count(w, 0, 1, 0);
    look(w, 1, 1);
    look(w, 20, 1);
    wrote(w, 1);
    const char *ids[] = {"m1"};
    w->attempts[0] = (struct dr_attempt_row){.id = "a1",
                                             .machines = {ids, 1},
                                             .offering = "g5.xlarge in us-east-1a",
                                             .state = "closed",
                                             .outcome = "refused",
                                             .sentence = "no capacity",
                                             .closed_us = us(w, 5)};
    row_count(w, 0, 1, 1);
    look(w, 600, 1);
    wrote(w, 1);
    says(w, "\n  tried in vain 1 time, last g5.xlarge in us-east-1a at ");
    says(w, ": no capacity\n");
}

/* ---- recoveries ----------------------------------------------------------------------------- */
static void a_loss_is_told_once_it_is_settled(void **state)
{
    struct world *w = *state;
    plan(w, "booting", "one is starting");
    w->machines[0] = machine("m1", "gone");
    w->machines[0].instance_id = "i-1";
    w->machines[0].offering = "g5.xlarge, us-east-1a, spot";
    w->machines[0].cause = "the cloud took it back";
    w->machines[0].up_us = us(w, 100);
    w->machines[0].ended_us = us(w, 0);
    w->recoveries[0] = recovery("r1", "t0", "stopped");
    row_count(w, 1, 1, 0);
    notes_hear_boot(&w->notes, &(struct dr_boot_logged){.machine = "m1",
                                                        .instance_id = "i-1",
                                                        .text = "epoch 7\nthe end is near\n"});
    look(w, 1, 1);
    look(w, 30, 1); /* no line while it is being put back, also not why it waits */
    wrote(w, 0);
    w->recoveries[0].step = "done";
    w->recoveries[0].settled_us = us(w, 0);
    look(w, 1, 1);
    wrote(w, 1);
    says(w, "drover: its machine i-1 (small, g5.xlarge, us-east-1a, spot) ended at ");
    says(w, "the task was put back into queue q1 at ");
    says(w, "and goes on, as the same task, on the next machine\n");
    says(w, "  why it ended: the cloud took it back\n");
    says(w, "  the end of its log:\n    | epoch 7\n    | the end is near\n");
    look(w, 30, 1);
    wrote(w, 0);
}

static void a_task_that_is_in_no_queue_is_left_alone(void **state)
{
    struct world *w = *state;
    plan(w, "capped", "full");
    look(w, 1, 1);
    look(w, 20, 1);
    wrote(w, 1);
    look(w, 600, 1);
    plan(w, "paused", "another verdict is due"); /* and the task is popped */
    w->machines[0] = machine("m2", "failed");
    w->machines[0].ended_us = us(w, 0);
    row_count(w, 0, 1, 0);
    for (int i = 0; i < 300; i++) {
        look(w, 1, 0);
        wrote(w, 0);
    }
    w->recoveries[0] = recovery("r1", "t0", "intended");
    w->recoveries[0].machine = "";
    w->recoveries[0].kind = "popped";
    row_count(w, 1, 1, 0);
    look(w, 1, 0);
    wrote(w, 0);
    w->recoveries[0].step = "enqueued"; /* it waits again, but this is not over yet */
    look(w, 1, 1);
    look(w, 20, 1);
    wrote(w, 0);
    w->recoveries[0].step = "done";
    w->recoveries[0].settled_us = us(w, 0);
    look(w, 1, 1);
    wrote(w, 1);
    says(w, "it was taken out of its queue and nobody began it; the task was put back into ");
}

static void a_loss_long_before_the_start_or_left_alone_is_not_told(void **state)
{
    struct world *w = *state;
    w->recoveries[0] = recovery("r1", "t0", "done");
    w->recoveries[0].settled_us = us(w, 61);
    w->recoveries[1] = recovery("r2", "t1", "dropped");
    w->recoveries[1].settled_us = us(w, 1);
    w->recoveries[2] = recovery("r3", "t2", "done");
    w->recoveries[2].settled_us = us(w, 50);
    row_count(w, 3, 0, 0);
    look(w, 1, 0);
    wrote(w, 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(w->batch, 0), "task")),
                        "t2");
    look(w, 1, 0);
    wrote(w, 0);
}

static void many_losses_at_once_are_all_told_once(void **state)
{
    struct world *w = *state;
    char ids[ROWS][8], tasks[ROWS][8];
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof ids[i], "r%zu", i);
        snprintf(tasks[i], sizeof tasks[i], "x%zu", i);
        w->recoveries[i] = recovery(ids[i], tasks[i], "done");
        w->recoveries[i].settled_us = us(w, 0);
    }
    row_count(w, ROWS, 0, 0);
    look(w, 1, 0);
    wrote(w, NOTES_MAX);
    look(w, 1, 0);
    wrote(w, ROWS - NOTES_MAX);
    look(w, 1, 0);
    wrote(w, 0);
}

static void switched_on_again_nothing_old_is_told(void **state)
{
    struct world *w = *state;
    struct dr_cfg_root off = w->root;
    off.task_notes = false;
    notes_reconfigure(&w->notes, &off);
    w->recoveries[0] = recovery("r1", "t0", "done");
    w->recoveries[0].settled_us = us(w, 0);
    row_count(w, 1, 0, 0);
    look(w, 1, 0);
    wrote(w, 0);
    fake_sleep(&w->fake, 100000);
    notes_reconfigure(&w->notes, &w->root);
    look(w, 1, 0);
    wrote(w, 0);
}

/* ---- launches ------------------------------------------------------------------------------- */
static void a_launch_that_failed_is_told_to_the_first_in_the_queue(void **state)
{
    struct world *w = *state;
    const char *ids[] = {"m1"};
    plan(w, "blocked", "machines of type small do not start");
    w->attempts[0] = (struct dr_attempt_row){.id = "a1",
                                             .machines = {ids, 1},
                                             .offering = "g5.xlarge in us-east-1a",
                                             .state = "closed",
                                             .outcome = "refused",
                                             .sentence = "InsufficientInstanceCapacity",
                                             .opened_us = us(w, 9)};
    w->machines[0] = machine("m1", "failed");
    w->machines[0].cause = "given up after 5 attempts";
    w->machines[0].ended_us = us(w, 0);
    row_count(w, 0, 1, 1);
    look(w, 1, 2);
    wrote(w, 1);
    says(w, "drover: a machine for its queue could not be started: m1 (small), given up at ");
    says(w, "\n  why: given up after 5 attempts\n  tried: g5.xlarge in us-east-1a at ");
    says(w, ": refused: InsufficientInstanceCapacity\n");
    says(w, "  next: machines of type small do not start\n");
    w->machines[1] = machine("m2", "failed"); /* the next one, at once: the same to the same */
    w->machines[1].ended_us = us(w, 0);
    row_count(w, 0, 2, 1);
    look(w, 1, 1);
    wrote(w, 0);
}

static void ends_that_are_no_failure_are_not_told(void **state)
{
    struct world *w = *state;
    plan(w, "served", "");
    for (size_t i = 0; i < 4; i++) {
        static const char *const ids[] = {"m1", "m2", "m3", "m4"};
        w->machines[i] = machine(ids[i], "gone");
        w->machines[i].ended_us = us(w, 0);
    }
    w->machines[0].up_us = us(w, 9);              /* it was ready once */
    w->machines[1].drain_reason = "surplus";      /* nobody wanted it any more */
    w->machines[2].state = "cancelled";           /* likewise */
    w->machines[3].for_queue = "somebody else's"; /* of a queue that is served no more */
    row_count(w, 0, 4, 0);
    look(w, 1, 3);
    wrote(w, 0);
}

static void of_a_machine_with_several_agents_no_log_is_shown(void **state)
{
    struct world *w = *state;
    w->machines[0] = machine("m1", "gone");
    w->machines[0].slots = 2;
    w->machines[0].up_us = us(w, 9);
    w->machines[0].ended_us = us(w, 0);
    w->recoveries[0] = recovery("r1", "t0", "done");
    w->recoveries[0].settled_us = us(w, 0);
    row_count(w, 1, 1, 0);
    notes_hear_boot(&w->notes, &(struct dr_boot_logged){
                                   .machine = "m1", .instance_id = "i-1", .text = "another's\n"});
    look(w, 1, 0);
    wrote(w, 1);
    assert_null(strstr(w->said, "another's"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_is_told_once_and_not_before_its_time),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_line_is_one_as_agents_write_it),
        TEST(a_changed_verdict_waits_ten_minutes),
        TEST(a_new_wait_is_told_anew),
        TEST(entries_of_an_older_tick_are_no_proof_that_it_waits),
        TEST(so_many_lines_a_tick),
        TEST(a_server_that_is_not_well_is_left_alone),
        TEST(a_restart_repeats_nothing),
        TEST(a_refused_launch_is_another_verdict),
        TEST(a_loss_is_told_once_it_is_settled),
        TEST(a_task_that_is_in_no_queue_is_left_alone),
        TEST(a_loss_long_before_the_start_or_left_alone_is_not_told),
        TEST(many_losses_at_once_are_all_told_once),
        TEST(switched_on_again_nothing_old_is_told),
        TEST(a_launch_that_failed_is_told_to_the_first_in_the_queue),
        TEST(ends_that_are_no_failure_are_not_told),
        TEST(of_a_machine_with_several_agents_no_log_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
