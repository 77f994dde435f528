/* SPDX-License-Identifier: Apache-2.0 */
/* What a task is shown as, wherever it stands: what the operations on queues and tasks share. */
#include <string.h>

#include "api_read.h"

void read_task_json(const struct read_task *task, const struct dr_task_row *name,
                    struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, "{");
    compact_str(out, "id", task->id);
    compact_key(out, "name");
    compact_text(out, name == NULL ? "" : name->name);
    compact_str(out, "project", name == NULL ? "" : name->project);
    compact_str(out, "user", name == NULL ? "" : name->user);
    compact_str(out, "queue", task->queue == NULL && name != NULL ? name->queue : task->queue);
    compact_str(out, "state", task->state);
    compact_int(out, "added_us", task->added_us);
    compact_str(out, "machine", task->machine);
    compact_int(out, "from_us", task->from_us);
    compact_int(out, "to_us", task->to_us);
    compact_str(out, "verdict", task->verdict);
    compact_str(out, "sentence", task->sentence);
    compact_int(out, "expected_us", task->expected_us);
    dr_strbuf_add_text(out, "}");
}

const struct dr_queue_view *read_waiting(const struct picture *picture, const char *task,
                                         size_t *place)
{
    for (size_t q = 0; q < picture_queue_count(picture); q++) {
        const struct dr_queue_view *queue = picture_queue_at(picture, q);
        for (size_t i = 0; i < queue->waiting.count; i++) {
            if (strcmp(queue->waiting.items[i].task, task) != 0)
                continue;
            *place = i;
            return queue;
        }
    }
    return NULL;
}

const struct dr_worker_view *read_running(const struct picture *picture, const char *task)
{
    const struct dr_workers_observed *workers = picture_workers(picture);
    for (size_t i = 0; workers != NULL && i < workers->workers.count; i++) {
        const struct dr_worker_view *worker = &workers->workers.items[i];
        if (worker->ours && strcmp(worker->task, task) == 0)
            return worker;
    }
    return NULL;
}

const struct dr_reason_view *read_reason(const struct picture *picture, const char *queue,
                                         const char *task)
{
    const struct dr_plan_decided *plan = picture_plan(picture);
    const struct dr_reason_view *whole = NULL;
    for (size_t i = 0; plan != NULL && i < plan->reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->reasons.items[i];
        if (strcmp(reason->queue, queue) != 0)
            continue;
        if (strcmp(reason->task, task) == 0)
            return reason;
        if (*reason->task == '\0')
            whole = reason;
    }
    return whole;
}
