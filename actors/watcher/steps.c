/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "judge.h"
#include "recovery.h"

#define REASON "drover:recover:"
#define ALREADY_QUEUED 706 /* subcode of enqueueing what waits already (recorded) */
#define AGAIN_MS 1000

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

/* Our own writes carry the recovery's id, so that they are never taken for a user's. */
static bool is_ours(const struct task *task, const struct dr_recovery_row *row)
{
    size_t len = strlen(REASON);
    return strncmp(task->status_reason, REASON, len) == 0 && is(task->status_reason + len, row->id);
}

static struct step_plan drop(const char *why)
{
    return (struct step_plan){STEP_DROP, "dropped", why};
}

/* What is to be done once the task is stopped, or need not be. */
static struct step_plan put_back(const struct dr_recovery_row *row)
{
    return (struct step_plan){STEP_ENQUEUE, "enqueued",
                              is(row->kind, "popped") ? "put into its queue again"
                                                      : "put into its queue to go on"};
}

/* The words of the stop; who finds a task that stays stopped reads in it why. */
static const char *stop_words(const struct dr_recovery_row *row, const char *words)
{
    return is(row->mode, "never") ? row->note : words;
}

static struct step_plan judge_intended(const struct dr_recovery_row *row, const struct task *task,
                                       bool in_queue)
{
    bool same = is(task->status_changed, row->status_changed);
    if (is(row->kind, "running") && task_is(task, "stopped") && is_ours(task, row))
        return (struct step_plan){STEP_RECORD, "stopped", stop_words(row, "it is stopped")};
    if (task_is(task, "queued") && is_ours(task, row))
        return (struct step_plan){STEP_RECORD, "enqueued", "it waits in its queue"};
    if (!same)
        return drop("the task changed meanwhile: it is left alone");
    if (is(row->kind, "running"))
        return (struct step_plan){STEP_STOP, "stopped",
                                  stop_words(row, "stopped, since its machine is gone")};
    if (is(row->mode, "never")) /* marked, not put back */
        return (struct step_plan){STEP_RECORD, "done", row->note};
    if (is(row->kind, "popped") && in_queue)
        return drop("the task waits in its queue after all");
    if (is(row->mode, "reset") && is(row->kind, "stopped"))
        return (struct step_plan){STEP_RESET, "reset", "reset to start from the beginning"};
    return put_back(row);
}

static struct step_plan judge_stopped_step(const struct dr_recovery_row *row,
                                           const struct task *task)
{
    if (is(row->mode, "never"))
        return (struct step_plan){STEP_RECORD, "done", row->note};
    if (task_is(task, "queued") && is_ours(task, row))
        return (struct step_plan){STEP_RECORD, "enqueued", "it waits in its queue"};
    if (task_is(task, "created") && is(row->mode, "reset"))
        return (struct step_plan){STEP_RECORD, "reset", "it is reset"};
    if (!task_is(task, "stopped") || !is_ours(task, row))
        return drop("somebody changed the task after it was stopped: it is left alone");
    if (is(row->mode, "reset"))
        return (struct step_plan){STEP_RESET, "reset", "reset to start from the beginning"};
    return put_back(row);
}

static struct step_plan judge_reset_step(const struct dr_recovery_row *row, const struct task *task)
{
    if (task_is(task, "queued") && is_ours(task, row))
        return (struct step_plan){STEP_RECORD, "enqueued", "it waits in its queue"};
    if (!task_is(task, "created"))
        return drop("somebody changed the task after it was reset: it is left alone");
    return put_back(row);
}

static struct step_plan judge_enqueued_step(const struct dr_recovery_row *row,
                                            const struct task *task, bool in_queue)
{
    /* The pop's late start crossed our enqueue: it runs, so nobody may take it once more (P20). */
    if (task_is(task, "in_progress") && in_queue && is(row->kind, "popped"))
        return (struct step_plan){STEP_REMOVE, "done",
                                  "it had started after all; the second entry "
                                  "was taken out of its queue"};
    if (task_is(task, "queued") && in_queue)
        return (struct step_plan){STEP_FRONT, "done", "waits at the front of its queue"};
    return (struct step_plan){STEP_RECORD, "done", "taken from its queue already"};
}

struct step_plan step_judge(const struct dr_recovery_row *row, const struct task *task,
                            bool in_queue, enum run run, bool trusted)
{
    if (is(row->step, "enqueued"))
        return judge_enqueued_step(row, task, in_queue);
    struct step_plan plan = is(row->step, "intended")  ? judge_intended(row, task, in_queue)
                            : is(row->step, "stopped") ? judge_stopped_step(row, task)
                                                       : judge_reset_step(row, task);
    if (plan.action == STEP_RECORD || plan.action == STEP_DROP)
        return plan;
    if (run == RUN_SURE)
        return drop("a live worker runs the task: it is left alone");
    if (run == RUN_SAID || !trusted)
        plan.action = STEP_WAIT;
    return plan;
}

/* ---- carrying it out --------------------------------------------------------------------------
 */
struct op {
    struct steps *steps;
    char claim[96];
    char row[64];
    int64_t version;
    char task[64], queue[64];
    char kind[16];
    struct step_plan plan;
    char why[256];
    bool checks_queue; /* the queue is being read */
    json_t *seen;      /* the task as it was read */
};

static void op_end(struct op *op, int64_t again_ms)
{
    claim_settle(op->steps->claims, op->claim, 0, again_ms);
    json_decref(op->seen);
    free(op);
}

static const struct dr_recovery_row *row_of(const struct op *op)
{
    const struct dr_ledger_state *rows = op->steps->claims->rows;
    for (size_t i = 0; i < rows->recoveries.count; i++)
        if (is(rows->recoveries.items[i].id, op->row))
            return &rows->recoveries.items[i];
    return NULL;
}

static void on_recorded(const struct dr_ack *ack, void *arg)
{
    struct op *op = arg;
    if (ack != NULL && !ack->ok)
        port_log(op->steps->claims->port, DR_LOG_INFO, NULL, "recovery %s: %s", op->row,
                 ack->sentence);
    claim_weigh(op->steps->claims, ack);
    claim_settle(op->steps->claims, op->claim, ack == NULL ? 0 : ack->seq,
                 ack == NULL ? AGAIN_MS : 0);
    json_decref(op->seen);
    free(op);
}

static void record(struct op *op)
{
    const struct port *port = op->steps->claims->port;
    struct dr_log_ctx ctx = {.task = op->task};
    bool over = is(op->plan.step, "done") || is(op->plan.step, "dropped");
    port_log(port, over ? DR_LOG_INFO : DR_LOG_DEBUG, &ctx, "recovery %s of task %s: %s", op->row,
             op->task, op->why);
    port->ask(
        port->shell, DR_RECOVERY_STEP,
        &(struct dr_recovery_step){
            .recovery = op->row, .version = op->version, .step = op->plan.step, .note = op->why},
        on_recorded, op);
}

static void on_done(const struct clearml_answer *answer, void *arg)
{
    struct op *op = arg;
    bool refused = answer->cls == CLEARML_REFUSED;
    bool there = refused && op->plan.action == STEP_ENQUEUE && answer->subcode == ALREADY_QUEUED;
    /* Moving is a courtesy, and so is removing what is gone. */
    bool minor = refused && (op->plan.action == STEP_FRONT || op->plan.action == STEP_REMOVE);
    if (answer->cls == CLEARML_OK || there || minor) {
        record(op);
        return;
    }
    if (refused) /* read again: either it was done before, or it is somebody else's */
        port_log_often(
            op->steps->claims->port, DR_LOG_WARNING, &(struct dr_log_ctx){.task = op->task},
            "recovery %s of task %s: the server refused: %s", op->row, op->task, answer->sentence);
    op_end(op, refused ? 5 * AGAIN_MS : AGAIN_MS);
}

static void call(struct op *op, const char *endpoint, json_t *body, clearml_fn cb)
{
    const struct port *port = op->steps->claims->port;
    port->call(port->shell, endpoint, body, cb, op);
}

static void carry_out(struct op *op)
{
    char reason[96];
    snprintf(reason, sizeof reason, REASON "%s", op->row);
    switch (op->plan.action) {
    case STEP_STOP:
        /* Never by force: a task that was completed since it was read stays completed. */
        call(op, "tasks.stopped",
             json_pack("{s:s, s:s, s:s}", "task", op->task, "status_reason", reason,
                       "status_message", op->why),
             on_done);
        break;
    case STEP_RESET: /* by force, or models that were published from the task would prevent it */
        call(op, "tasks.reset", json_pack("{s:s, s:b}", "task", op->task, "force", 1), on_done);
        break;
    case STEP_ENQUEUE: /* without force: a task that runs after all is refused */
        call(op, "tasks.enqueue",
             json_pack("{s:s, s:s, s:s, s:s}", "task", op->task, "queue", op->queue,
                       "status_reason", reason, "status_message", op->why),
             on_done);
        break;
    case STEP_FRONT:
        call(op, "queues.move_task_to_front",
             json_pack("{s:s, s:s}", "queue", op->queue, "task", op->task), on_done);
        break;
    case STEP_REMOVE:
        call(op, "queues.remove_task",
             json_pack("{s:s, s:s}", "queue", op->queue, "task", op->task), on_done);
        break;
    case STEP_RECORD:
    case STEP_DROP:
        record(op);
        break;
    case STEP_WAIT:
    case STEP_ACTIONS:
        op_end(op, AGAIN_MS);
        break;
    }
}

static enum run run_of(const struct steps *steps, const struct dr_recovery_row *row,
                       const struct task *task)
{
    const struct picture *picture = steps->picture;
    const struct dr_machine_row *machine = rows_machine(steps->claims->rows, row->machine);
    int64_t since_us = machine == NULL ? row->created_us : machine->ended_us;
    if (judge_is_reported(task, steps->claims->rows, picture->root->worker_prefix, since_us))
        return RUN_SURE;
    const char *but = machine == NULL ? "" : machine->instance_id;
    return recovery_is_run(picture, task->id, but) ? RUN_SAID : RUN_NONE;
}

/* Task and queue were read just now: decide and act. */
static void decide(struct op *op, bool in_queue)
{
    const struct picture *picture = op->steps->picture;
    const struct dr_recovery_row *row = row_of(op);
    struct task task;
    if (row == NULL || !task_read(op->seen, &picture->clock, &task)) {
        op_end(op, AGAIN_MS);
        return;
    }
    op->plan = step_judge(row, &task, in_queue, run_of(op->steps, row, &task),
                          picture_fresh(picture, op->steps->fresh_ms));
    snprintf(op->why, sizeof op->why, "%s", op->plan.why);
    carry_out(op);
}

static void on_queue(const struct clearml_answer *answer, void *arg)
{
    struct op *op = arg;
    const json_t *list = json_object_get(answer->data, "queues");
    if (answer->cls != CLEARML_OK || !json_is_array(list)) {
        op_end(op, AGAIN_MS);
        return;
    }
    bool in_queue = false;
    size_t i;
    const json_t *entry;
    json_array_foreach (json_object_get(json_array_get(list, 0), "entries"), i, entry) {
        const char *task = json_string_value(json_object_get(entry, "task"));
        in_queue = in_queue || (task != NULL && is(task, op->task));
    }
    decide(op, in_queue);
}

static void on_task(const struct clearml_answer *answer, void *arg)
{
    struct op *op = arg;
    const json_t *list = json_object_get(answer->data, "tasks");
    if (answer->cls != CLEARML_OK || !json_is_array(list)) {
        op_end(op, AGAIN_MS);
        return;
    }
    if (json_array_size(list) == 0) {
        op->plan = drop("the task was deleted");
        snprintf(op->why, sizeof op->why, "%s", op->plan.why);
        record(op);
        return;
    }
    op->seen = json_incref(json_array_get(list, 0));
    call(op, "queues.get_all",
         json_pack("{s:[s], s:[s,s]}", "id", op->queue, "only_fields", "id", "entries"), on_queue);
}

static void take_up(struct steps *steps, const struct dr_recovery_row *row)
{
    struct op *op = calloc(1, sizeof *op);
    DR_ASSERT(op != NULL);
    op->steps = steps;
    op->version = row->version;
    snprintf(op->claim, sizeof op->claim, "recovery:%s", row->id);
    snprintf(op->row, sizeof op->row, "%s", row->id);
    snprintf(op->task, sizeof op->task, "%s", row->task);
    snprintf(op->queue, sizeof op->queue, "%s", row->queue);
    snprintf(op->kind, sizeof op->kind, "%s", row->kind);
    if (!claim_take(steps->claims, op->claim)) {
        free(op);
        return;
    }
    call(op, "tasks.get_all",
         json_pack("{s:[s], s:o, s:b}", "id", row->task, "only_fields", task_fields(),
                   "search_hidden", 1),
         on_task);
}

void steps_step(struct steps *steps)
{
    const struct dr_ledger_state *rows = steps->claims->rows;
    for (size_t i = 0; i < rows->recoveries.count; i++)
        if (rows->recoveries.items[i].settled_us == 0)
            take_up(steps, &rows->recoveries.items[i]);
}
