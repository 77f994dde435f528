/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one task: why it has what it has, where it ran, how it was put back, and all of it in
 * order as its dossier. Four questions, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "api_read.h"
#include "drover/assert.h"

void handle_task(struct request *request);

struct why { /* what was learnt so far; freed with the request */
    char verdict[32], sentence[2048];
    struct dr_cost_row cost;
    bool has_cost, known;
    size_t work_count, name_at;
    struct dr_work_row work[64]; /* texts below */
    char machine[64][64], worker[64][160];
    char name[256], project[256], user[256], queue[256];
};

static void copy(char *to, size_t room, const char *from)
{
    snprintf(to, room, "%s", from);
}

/* ---- the dossier ---------------------------------------------------------------------------- */
struct event {
    int64_t t_us;
    char text[1200];
};

struct dossier {
    struct event *items;
    size_t count, room;
};

static struct event *tell(struct dossier *dossier, int64_t t_us)
{
    if (dossier->count == dossier->room) {
        dossier->room = dossier->room == 0 ? 32 : 2 * dossier->room;
        dossier->items = realloc(dossier->items, dossier->room * sizeof *dossier->items);
        DR_ASSERT(dossier->items != NULL);
    }
    struct event *event = &dossier->items[dossier->count++];
    event->t_us = t_us;
    return event;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct event *)a)->t_us, y = ((const struct event *)b)->t_us;
    return (x > y) - (x < y);
}

static const struct dr_machine_row *row_of(const struct dr_ledger_state *state, const char *id)
{
    for (size_t i = 0; i < state->machines.count; i++)
        if (strcmp(state->machines.items[i].id, id) == 0)
            return &state->machines.items[i];
    return NULL;
}

static void tell_work(struct dossier *dossier, const struct why *why,
                      const struct dr_ledger_state *state)
{
    for (size_t i = 0; i < why->work_count; i++) {
        const struct dr_work_row *work = &why->work[i];
        const struct dr_machine_row *row = row_of(state, work->machine);
        const char *name =
            row != NULL && *row->instance_id != '\0' ? row->instance_id : work->machine;
        struct event *event = tell(dossier, work->from_us);
        snprintf(event->text, sizeof event->text, "began on machine %s", name);
        if (work->to_us == 0)
            continue;
        event = tell(dossier, work->to_us);
        snprintf(event->text, sizeof event->text, "no longer runs on machine %s", name);
    }
}

static void tell_recovery(struct dossier *dossier, const struct dr_recovery_row *recovery,
                          const struct dr_ledger_state *state)
{
    const struct dr_machine_row *row = row_of(state, recovery->machine);
    struct event *event;
    if (row != NULL && row->ended_us != 0) {
        event = tell(dossier, row->ended_us);
        snprintf(event->text, sizeof event->text, "its machine %s ended: %s",
                 *row->instance_id != '\0' ? row->instance_id : row->id, row->cause);
    }
    event = tell(dossier, recovery->created_us);
    snprintf(event->text, sizeof event->text, "Drover puts it back (%s): %s", recovery->mode,
             recovery->note);
    if (recovery->settled_us == 0)
        return;
    event = tell(dossier, recovery->settled_us);
    if (strcmp(recovery->step, "dropped") == 0)
        snprintf(event->text, sizeof event->text, "it is not put back: %s", recovery->note);
    else
        snprintf(event->text, sizeof event->text, "it is back in its queue");
}

static void dossier_json(const struct dossier *dossier, const char *next, int64_t now_us,
                         struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; i < dossier->count; i++) {
        dr_strbuf_add_text(out, i == 0 ? "{" : ",{");
        compact_number(out, "t_us", dossier->items[i].t_us);
        compact_str(out, "text", dossier->items[i].text);
        dr_strbuf_add_text(out, "}");
    }
    if (*next != '\0') { /* what comes next */
        dr_strbuf_add_text(out, dossier->count == 0 ? "{" : ",{");
        compact_number(out, "t_us", now_us);
        compact_str(out, "text", next);
        dr_strbuf_add_text(out, "}");
    }
    dr_strbuf_add_text(out, "]");
}

/* ---- the answer ----------------------------------------------------------------------------- */
static void place(const struct picture *picture, const struct why *why, struct read_task *task,
                  const struct dr_task_row *name)
{
    size_t at;
    const struct dr_queue_view *queue = read_waiting(picture, task->id, &at);
    const struct dr_worker_view *worker = read_running(picture, task->id);
    task->queue = name != NULL && *name->queue != '\0' ? name->queue : NULL;
    task->state = "ended";
    if (why->work_count > 0) {
        task->machine = why->work[0].machine;
        task->from_us = why->work[0].from_us;
        task->to_us = why->work[0].to_us;
        if (task->to_us == 0)
            task->state = "running";
    }
    if (worker != NULL) {
        const struct dr_machine_row *row = picture_machine(picture, worker->instance_id);
        task->state = "running";
        task->machine = row == NULL ? task->machine : row->id;
    }
    if (queue != NULL) {
        task->state = "waiting";
        task->queue = queue->name;
        task->machine = NULL;
        task->added_us = queue->waiting.items[at].added_us;
        task->expected_us = picture_expected_us(picture, queue->id, at);
        task->from_us = task->to_us = 0;
    }
}

static void work_json(const struct why *why, struct dr_strbuf *out)
{
    compact_records(out, &dr_desc_work_row, why->work, why->work_count, true);
}

static void recoveries_json(const struct dr_ledger_state *state, const char *task,
                            struct dossier *dossier, struct dr_strbuf *out)
{
    bool first = true;
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; i < state->recoveries.count; i++) {
        const struct dr_recovery_row *recovery = &state->recoveries.items[i];
        if (strcmp(recovery->task, task) != 0)
            continue;
        dr_strbuf_add_text(out, first ? "" : ",");
        first = false;
        compact_record(out, &dr_desc_recovery_row, recovery, true);
        tell_recovery(dossier, recovery, state);
    }
    dr_strbuf_add_text(out, "]");
}

static void answer_task(struct request *request, const struct dr_ledger_state *state)
{
    const struct why *why = request->data;
    const struct picture *picture = read_picture(request);
    struct read_task task = {.id = request_arg(request, 0)};
    struct dr_task_row own = {.id = task.id,
                              .name = why->name,
                              .project = why->project,
                              .user = why->user,
                              .queue = why->queue};
    const struct dr_task_row *name = why->known ? &own : picture_name(picture, task.id);
    struct dossier dossier = {0};
    struct dr_strbuf json = {0}, recoveries = {0};
    place(picture, why, &task, name);
    bool waits = strcmp(task.state, "waiting") == 0;
    task.verdict = waits ? why->verdict : NULL;
    task.sentence = waits ? why->sentence : NULL;
    if (waits)
        snprintf(tell(&dossier, task.added_us)->text, 300, "enqueued in %s", task.queue);
    tell_work(&dossier, why, state);
    recoveries_json(state, task.id, &dossier, &recoveries);
    if (dossier.count > 0)
        qsort(dossier.items, dossier.count, sizeof *dossier.items, by_time);
    dr_strbuf_add_text(&json, "{\"task\":");
    read_task_json(&task, name, &json);
    compact_str(&json, "verdict", why->verdict);
    compact_str(&json, "sentence", why->sentence);
    compact_str(&json, "queue", task.queue);
    compact_str(&json, "machine", task.machine);
    compact_key(&json, "work");
    work_json(why, &json);
    compact_key(&json, "recoveries");
    dr_strbuf_add_text(&json, recoveries.data);
    compact_key(&json, "cost");
    if (why->has_cost)
        compact_record(&json, &dr_desc_cost_row, &why->cost, true);
    else
        dr_strbuf_add_text(&json, "null");
    compact_key(&json, "dossier");
    dossier_json(&dossier, why->sentence, picture_heard_us(picture, PICTURE_PLAN), &json);
    dr_strbuf_add_text(&json, "}");
    dr_strbuf_free(&recoveries);
    free(dossier.items);
    read_answer(request, &json);
}

static void on_rows(struct request *request, const struct dr_answer *answer)
{
    size_t at;
    const struct why *why = request->data;
    const char *task = request_arg(request, 0);
    if (!answer_expects(request, answer, DR_LEDGER_STATE))
        return;
    const struct picture *picture = read_picture(request);
    if (!why->known && why->work_count == 0 && picture_name(picture, task) == NULL &&
        read_waiting(picture, task, &at) == NULL && read_running(picture, task) == NULL)
        answer_error(request, MHD_HTTP_NOT_FOUND, "not-found",
                     "Drover has seen no task %s in its queues or on its machines", task);
    else
        answer_task(request, answer->message->body);
}

static void on_cost(struct request *request, const struct dr_answer *answer)
{
    struct why *why = request->data;
    const struct dr_costs *costs = read_body(answer, DR_COSTS);
    if (costs != NULL && costs->rows.count > 0) {
        why->cost = costs->rows.items[0];
        why->cost.key = request_arg(request, 0);
        why->cost.name = why->name;
        why->has_cost = true;
    }
    struct dr_ledger_snapshot get = {.account = "", .ended = true};
    request_ask(request, "ledger", DR_LEDGER_SNAPSHOT, &get, on_rows);
}

static void keep_work(struct why *why, const struct dr_work *work, const char *task)
{
    for (size_t i = 0; i < work->rows.count && i < 64; i++) {
        const struct dr_work_row *row = &work->rows.items[i];
        copy(why->machine[i], sizeof why->machine[i], row->machine);
        copy(why->worker[i], sizeof why->worker[i], row->worker);
        why->work[i] = (struct dr_work_row){.task = task,
                                            .machine = why->machine[i],
                                            .worker = why->worker[i],
                                            .from_us = row->from_us,
                                            .to_us = row->to_us};
        why->work_count = i + 1;
    }
    for (size_t i = 0; i < work->tasks.count; i++) {
        const struct dr_task_row *row = &work->tasks.items[i];
        if (strcmp(row->id, task) != 0)
            continue;
        why->known = true;
        copy(why->name, sizeof why->name, row->name);
        copy(why->project, sizeof why->project, row->project);
        copy(why->user, sizeof why->user, row->user);
        copy(why->queue, sizeof why->queue, row->queue);
    }
}

static void on_work(struct request *request, const struct dr_answer *answer)
{
    struct why *why = request->data;
    const char *task = request_arg(request, 0);
    if (!answer_expects(request, answer, DR_WORK))
        return;
    keep_work(why, answer->message->body, task);
    int64_t from_us = why->work_count == 0 ? 0 : why->work[why->work_count - 1].from_us;
    struct dr_costs_get get = {.from_us = from_us, .by = "task", .only = task};
    request_ask(request, "ledger", DR_COSTS_GET, &get, on_cost);
}

/* The planner's word; one that does not answer leaves the rest readable. */
static void on_plan(struct request *request, const struct dr_answer *answer)
{
    struct why *why = request->data;
    const struct dr_plan *plan = read_body(answer, DR_PLAN);
    const char *task = request_arg(request, 0);
    for (size_t i = 0; plan != NULL && i < plan->plan.reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->plan.reasons.items[i];
        if (strcmp(reason->task, task) != 0)
            continue;
        copy(why->verdict, sizeof why->verdict, reason->verdict);
        copy(why->sentence, sizeof why->sentence, reason->sentence);
    }
    struct dr_work_get get = {.machine = "", .task = task, .limit = 64};
    request_ask(request, "ledger", DR_WORK_GET, &get, on_work);
}

void handle_task(struct request *request)
{
    request->data = calloc(1, sizeof(struct why));
    DR_ASSERT(request->data != NULL);
    struct dr_plan_get get = {.task = request_arg(request, 0)};
    request_ask(request, "planner", DR_PLAN_GET, &get, on_plan);
}
