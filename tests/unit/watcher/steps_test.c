/* SPDX-License-Identifier: Apache-2.0 */
/* P18 as a table: what a recovery does next, seeing its task as it is. */
#include <cmocka.h>
#include <string.h>

#include "steps.h"

#define OURS "drover:recover:r1"

static void every_step(void **state)
{
    (void)state;
    static const struct {
        const char *what, *step, *kind, *mode;
        const char *status, *reason, *changed; /* the task now; the row was made at "c1" */
        bool in_queue;
        enum run run;
        bool trusted;
        enum step_action action;
        const char *next;
    } rows[] = {
        {"running: stop", "intended", "running", "continue", "in_progress", "", "c1", 0, 0, 1,
         STEP_STOP, "stopped"},
        {"not while nothing can be trusted", "intended", "running", "continue", "in_progress", "",
         "c1", 0, 0, 0, STEP_WAIT, NULL},
        {"a live worker has it", "intended", "running", "continue", "in_progress", "", "c1", 0,
         RUN_SURE, 1, STEP_DROP, "dropped"},
        {"maybe a live worker has it", "intended", "running", "continue", "in_progress", "", "c1",
         0, RUN_SAID, 1, STEP_WAIT, NULL},
        {"stopped, and maybe one has it", "stopped", "running", "continue", "stopped", OURS, "c2",
         0, RUN_SAID, 1, STEP_WAIT, NULL},
        {"the stop went through, unheard", "intended", "running", "continue", "stopped", OURS, "c2",
         0, 0, 0, STEP_RECORD, "stopped"},
        {"another recovery's stop", "intended", "running", "continue", "stopped",
         "drover:recover:r2", "c2", 0, 0, 1, STEP_DROP, "dropped"},
        {"a user stopped it", "intended", "running", "continue", "stopped", "aborted", "c2", 0, 0,
         1, STEP_DROP, "dropped"},
        {"it runs again", "intended", "running", "continue", "in_progress", "", "c2", 0, 0, 1,
         STEP_DROP, "dropped"},
        {"stopped: on", "stopped", "running", "continue", "stopped", OURS, "c2", 0, 0, 1,
         STEP_ENQUEUE, "enqueued"},
        {"stopped: not now", "stopped", "running", "continue", "stopped", OURS, "c2", 0, 0, 0,
         STEP_WAIT, NULL},
        {"stopped: from the beginning", "stopped", "running", "reset", "stopped", OURS, "c2", 0, 0,
         1, STEP_RESET, "reset"},
        {"the reset went through, unheard", "stopped", "running", "reset", "created", "reset", "c3",
         0, 0, 1, STEP_RECORD, "reset"},
        {"the enqueue went through, unheard", "stopped", "running", "continue", "queued", OURS,
         "c3", 1, 0, 1, STEP_RECORD, "enqueued"},
        {"an abort is finished, no more", "stopped", "running", "never", "stopped", OURS, "c2", 0,
         0, 1, STEP_RECORD, "done"},
        {"a user took it up", "stopped", "running", "continue", "created", "reset", "c3", 0, 0, 1,
         STEP_DROP, "dropped"},
        {"reset: on", "reset", "running", "reset", "created", "reset", "c3", 0, 0, 1, STEP_ENQUEUE,
         "enqueued"},
        {"reset: unheard", "reset", "running", "reset", "queued", OURS, "c4", 1, 0, 1, STEP_RECORD,
         "enqueued"},
        {"reset: a user took it up", "reset", "running", "reset", "in_progress", "", "c4", 0, 0, 1,
         STEP_DROP, "dropped"},
        {"already stopped: on", "intended", "stopped", "continue", "stopped", "user abort", "c1", 0,
         0, 1, STEP_ENQUEUE, "enqueued"},
        {"failed: on", "intended", "stopped", "continue", "failed", "worker", "c1", 0, 0, 1,
         STEP_ENQUEUE, "enqueued"},
        {"already stopped: reset", "intended", "stopped", "reset", "stopped", "user abort", "c1", 0,
         0, 1, STEP_RESET, "reset"},
        {"already stopped: only marked", "intended", "stopped", "never", "stopped", "user abort",
         "c1", 0, 0, 1, STEP_RECORD, "done"},
        {"popped: on", "intended", "popped", "continue", "queued", "", "c1", 0, 0, 1, STEP_ENQUEUE,
         "enqueued"},
        {"popped: it is there after all", "intended", "popped", "continue", "queued", "", "c1", 1,
         0, 1, STEP_DROP, "dropped"},
        {"popped: unheard", "intended", "popped", "continue", "queued", OURS, "c2", 1, 0, 1,
         STEP_RECORD, "enqueued"},
        {"popped: it started meanwhile", "intended", "popped", "continue", "in_progress", "", "c2",
         0, 0, 1, STEP_DROP, "dropped"},
        {"enqueued: to the front", "enqueued", "running", "continue", "queued", OURS, "c3", 1, 0, 0,
         STEP_FRONT, "done"},
        {"enqueued: taken already", "enqueued", "running", "continue", "in_progress", "", "c4", 0,
         1, 0, STEP_RECORD, "done"},
        {"the late start crossed us", "enqueued", "popped", "continue", "in_progress", "", "c4", 1,
         1, 0, STEP_REMOVE, "done"},
        {"popped again", "enqueued", "popped", "continue", "queued", OURS, "c3", 0, 0, 1,
         STEP_RECORD, "done"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_recovery_row row = {.id = "r1",
                                      .step = rows[i].step,
                                      .kind = rows[i].kind,
                                      .mode = rows[i].mode,
                                      .status_changed = "c1",
                                      .note = "as found"};
        struct task task = {.id = "t1",
                            .status = rows[i].status,
                            .status_reason = rows[i].reason,
                            .status_changed = rows[i].changed};
        struct step_plan plan =
            step_judge(&row, &task, rows[i].in_queue, rows[i].run, rows[i].trusted);
        if (plan.action != rows[i].action ||
            (rows[i].next != NULL && strcmp(plan.step, rows[i].next) != 0))
            fail_msg("%s: %d %s", rows[i].what, plan.action, plan.step);
    }
}

/* What is not put back says why in the task itself and to the end in its row. */
static void a_mark_outlives_the_stop(void **state)
{
    (void)state;
    struct dr_recovery_row row = {.id = "r1",
                                  .step = "intended",
                                  .kind = "running",
                                  .mode = "never",
                                  .status_changed = "c1",
                                  .note = "not put back: enough"};
    struct task task = {.id = "t1", .status = "in_progress", .status_changed = "c1"};
    struct step_plan plan = step_judge(&row, &task, false, RUN_NONE, true);
    assert_int_equal(plan.action, STEP_STOP);
    assert_string_equal(plan.why, row.note);
    task.status = "stopped";
    task.status_reason = OURS;
    plan = step_judge(&row, &task, false, RUN_NONE, true);
    assert_int_equal(plan.action, STEP_RECORD);
    assert_string_equal(plan.why, row.note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step),
        cmocka_unit_test(a_mark_outlives_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
