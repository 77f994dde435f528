/* SPDX-License-Identifier: Apache-2.0 */
/* P17 as a table: what becomes of a task whose machine ended. Times in seconds. */
#include <cmocka.h>
#include <string.h>

#include "judge.h"

#define S INT64_C(1000000)
#define ME "drover:local:small:i-1"
#define OTHER "drover:local:small:i-10"
#define GONE "drover:local:small:i-5"
#define BY_ME "Changed by clearml-agent " ME

static const char *const queues[] = {"q1", "q2"};
/* M launched at 100, its end was decided at 900 and confirmed at 1000; the present is 1100. */
static const struct dr_machine_row machines[] = {
    {.id = "m1",
     .state = "gone",
     .instance_id = "i-1",
     .drain_mode = "now",
     .queues = {queues, 2},
     .launched_us = 100 * S,
     .ended_us = 1000 * S},
    {.id = "m10", .state = "up", .instance_id = "i-10", .drain_mode = ""},
    {.id = "m5", .state = "gone", .instance_id = "i-5", .drain_mode = "", .ended_us = 300 * S},
};
static const struct dr_ledger_state rows = {.machines = {machines, 3}};

struct row {
    const char *what;
    const char *status, *reason, *message, *last_worker, *hostname, *queue;
    int64_t changed, updated, reported;
    bool seen, in_queue, elsewhere;
    enum verdict verdict;
};

static const struct row table[] = {
    /* in_progress */
    {"ran when it ended", "in_progress", "", BY_ME, ME, "i-1", "q1", 800, 990, 985, true, false,
     false, VERDICT_RUNNING},
    {"the server alone saw it", "in_progress", "", BY_ME, ME, "i-1", "q1", 800, 990, 985, false,
     false, false, VERDICT_RUNNING},
    {"the user had asked to stop", "in_progress", "aborted", "stopping", ME, "i-1", "q1", 950, 950,
     940, true, false, false, VERDICT_FINISH_ABORT},
    {"another worker is said to run it", "in_progress", "", "", ME, "i-1", "q1", 800, 990, 985,
     true, false, true, VERDICT_WAIT},
    {"started again after the end", "in_progress", "", "", ME, "i-1", "q1", 1010, 1010, 985, true,
     false, false, VERDICT_LEAVE},
    {"reported by the dead, just now", "in_progress", "", "", ME, "i-1", "q1", 800, 1050, 1050,
     true, false, false, VERDICT_WAIT},
    {"reported by the dead, and no more", "in_progress", "", "", ME, "i-1", "q1", 800, 1005, 1005,
     true, false, false, VERDICT_RUNNING},
    {"reported by one dead before, just now", "in_progress", "", "", GONE, "i-1", "q1", 800, 1050,
     1050, true, false, false, VERDICT_WAIT},
    {"reported by one dead before, and no more", "in_progress", "", "", GONE, "i-1", "q1", 800,
     1005, 1005, true, false, false, VERDICT_RUNNING},
    {"reported by another after the end", "in_progress", "", "", OTHER, "i-1", "q1", 800, 1050,
     1050, true, false, false, VERDICT_LEAVE},
    {"edited by a person after the end", "in_progress", "", BY_ME, ME, "i-1", "q1", 800, 1050, 985,
     true, false, false, VERDICT_RUNNING},
    {"seen here, but i-10 had it later", "in_progress", "", "", OTHER, "i-10", "q1", 800, 990, 985,
     true, false, false, VERDICT_LEAVE},
    {"the host name of a run before", "in_progress", "", "", OTHER, "i-1", "q1", 800, 990, 985,
     false, false, false, VERDICT_LEAVE},
    {"somebody's workstation has it", "in_progress", "", "", "office:gpu0", "", "q1", 800, 990, 985,
     true, false, false, VERDICT_LEAVE},
    {"a dead machine's name, overtaken", "in_progress", "", BY_ME, GONE, "i-1", "q1", 800, 850, 290,
     true, false, false, VERDICT_RUNNING},
    {"pulled, nobody saw by whom, just now", "in_progress", "", "pulled by agent", "", "", "q2",
     950, 950, 0, false, false, false, VERDICT_WAIT},
    {"pulled, nobody saw by whom, long ago", "in_progress", "", "pulled by agent", "", "", "q2",
     700, 700, 0, false, false, false, VERDICT_RUNNING},
    {"pulled, after a run on a dead machine", "in_progress", "", "pulled by agent", GONE, "i-5",
     "q2", 700, 700, 290, false, false, false, VERDICT_RUNNING},
    {"pulled, after a run on a live machine", "in_progress", "", "pulled by agent", OTHER, "i-10",
     "q2", 700, 700, 600, false, false, false, VERDICT_RUNNING},
    {"pulled from a queue that is not served", "in_progress", "", "pulled by agent", "", "", "q9",
     700, 700, 0, false, false, false, VERDICT_LEAVE},
    {"pulled before the machine was there", "in_progress", "", "pulled by agent", "", "", "q1", 90,
     90, 0, false, false, false, VERDICT_LEAVE},
    {"a pod that waits for its cluster", "in_progress", "", "pod pending", "", "", "q1", 700, 700,
     0, false, false, false, VERDICT_LEAVE},
    /* queued */
    {"waits in its queue", "queued", "", "", ME, "i-1", "q1", 800, 800, 0, true, true, false,
     VERDICT_LEAVE},
    {"popped a moment ago", "queued", "", "", ME, "i-1", "q1", 950, 950, 0, true, false, false,
     VERDICT_WAIT},
    {"popped and never started", "queued", "", "", "", "", "q1", 700, 700, 0, false, false, false,
     VERDICT_POPPED},
    {"popped from a queue that is not served", "queued", "", "", "", "", "q9", 700, 700, 0, false,
     false, false, VERDICT_LEAVE},
    /* stopped */
    {"its agent was stopped by the end", "stopped", "user abort", BY_ME, ME, "i-1", "q1", 950, 950,
     940, true, false, false, VERDICT_STOPPED},
    {"user abort before the end was decided", "stopped", "user abort", BY_ME, ME, "i-1", "q1", 850,
     850, 840, true, false, false, VERDICT_LEAVE},
    {"user abort, by another worker", "stopped", "user abort", "Changed by clearml-agent " OTHER,
     ME, "i-1", "q1", 950, 950, 940, true, false, false, VERDICT_LEAVE},
    {"the server's watchdog", "stopped", "", "Forced stop (non-responsive)", ME, "i-1", "q1", 950,
     950, 940, true, false, false, VERDICT_STOPPED},
    {"the user's own abort", "stopped", "task was stopped by tasks.stop", BY_ME, ME, "i-1", "q1",
     950, 950, 940, true, false, false, VERDICT_LEAVE},
    {"aborted on the web page", "stopped", "", "Stopped by USER", ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_LEAVE},
    {"our own recovery, half way", "stopped", "drover:recover:r1", "", ME, "i-1", "q1", 950, 950,
     940, true, false, false, VERDICT_LEAVE},
    /* failed */
    {"exit -15", "failed", "worker execution exit code -15", BY_ME, ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_STOPPED},
    {"exit 143", "failed", "worker execution exit code 143", BY_ME, ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_STOPPED},
    {"exit -9", "failed", "worker execution exit code -9", BY_ME, ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_STOPPED},
    {"exit 137", "failed", "worker execution exit code 137", BY_ME, ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_STOPPED},
    {"exit 1", "failed", "worker execution exit code 1", BY_ME, ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_LEAVE},
    {"out of memory, long before", "failed", "worker execution exit code -9", BY_ME, ME, "i-1",
     "q1", 700, 700, 690, true, false, false, VERDICT_LEAVE},
    {"no code", "failed", "worker execution exit code ", BY_ME, ME, "i-1", "q1", 950, 950, 940,
     true, false, false, VERDICT_LEAVE},
    /* the rest */
    {"completed while it was ended", "completed", "worker execution done", BY_ME, ME, "i-1", "q1",
     950, 950, 940, true, false, false, VERDICT_SAY},
    {"completed before", "completed", "worker execution done", BY_ME, ME, "i-1", "q1", 700, 700,
     690, true, false, false, VERDICT_LEAVE},
    {"created", "created", "", "", ME, "i-1", "q1", 800, 800, 0, true, false, false, VERDICT_LEAVE},
    {"published", "published", "", "", ME, "i-1", "q1", 800, 800, 0, true, false, false,
     VERDICT_LEAVE},
};

static struct judge_case given(const struct row *row, struct task *task)
{
    *task = (struct task){.id = "t1",
                          .status = row->status,
                          .status_reason = row->reason,
                          .status_message = row->message,
                          .last_worker = row->last_worker,
                          .hostname = row->hostname,
                          .queue = row->queue,
                          .changed_us = row->changed * S,
                          .updated_us = row->updated * S,
                          .report_us = row->reported * S};
    return (struct judge_case){.task = task,
                               .machine = &machines[0],
                               .rows = &rows,
                               .prefix = "drover",
                               .seen_with = row->seen,
                               .in_queue = row->in_queue,
                               .run_elsewhere = row->elsewhere,
                               .decided_us = 900 * S,
                               .now_us = 1100 * S,
                               .still_ms = 300000,
                               .proof_ms = 90000};
}

/* Put back at 1000.1, pulled at 1001 by a machine that was waiting for it. */
static void put_back_once(void **state)
{
    (void)state;
    struct row row = {
        "pulled again", "in_progress", "",    "pulled by agent", ME, "i-1", "q1", 1001, 1001, 985,
        true,           false,         false, VERDICT_LEAVE};
    struct task task;
    struct judge_case now = given(&row, &task);
    char words[200];
    now.put_back = true;
    assert_int_equal(judge_task(&now, words, sizeof words), VERDICT_LEAVE);
    assert_string_equal(words, "it was put back after that end: who runs it now is another");
}

static void every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct task task;
        struct judge_case now = given(&table[i], &task);
        char words[200];
        enum verdict verdict = judge_task(&now, words, sizeof words);
        if (verdict != table[i].verdict)
            fail_msg("%s: %d (%s)", table[i].what, verdict, words);
        assert_true(words[0] != '\0');
    }
}

/* Whatever the task looks like: without a confirmed end nothing is done to it. */
static void nothing_before_the_end_is_confirmed(void **state)
{
    (void)state;
    struct dr_machine_row living = machines[0];
    living.ended_us = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct task task;
        struct judge_case now = given(&table[i], &task);
        char words[200];
        now.machine = &living;
        assert_int_equal(judge_task(&now, words, sizeof words), VERDICT_WAIT);
    }
}

static void tasks_are_read(void **state)
{
    (void)state;
    json_t *json = json_loads(
        "{\"id\":\"t1\",\"status\":\"queued\",\"status_changed\":\"2027-01-15T08:00:00\","
        "\"last_update\":\"2027-01-15T08:00:01\",\"execution\":{\"queue\":\"q1\"},"
        "\"runtime\":{\"_exec_agent_hostname\":\"i-1\"}}",
        0, NULL);
    struct server_clock clock = {.offset_us = 5 * S, .known = 1};
    struct task task;
    assert_true(task_read(json, &clock, &task));
    assert_string_equal(task.queue, "q1");
    assert_string_equal(task.hostname, "i-1");
    assert_string_equal(task.last_worker, "");
    assert_string_equal(task.status_changed, "2027-01-15T08:00:00");
    assert_int_equal(task.changed_us, INT64_C(1800000000000000) - 5 * S);
    assert_int_equal(task.report_us, 0);
    json_decref(json);
    json = json_loads("{\"id\":\"t1\"}", 0, NULL);
    assert_false(task_read(json, &clock, &task));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(put_back_once),
        cmocka_unit_test(nothing_before_the_end_is_confirmed),
        cmocka_unit_test(tasks_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
