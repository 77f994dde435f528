/* SPDX-License-Identifier: Apache-2.0 */
/* A task's way into a queue, out of it, and its abort. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <stdio.h>
#include <string.h>

int task_dequeue(struct sandbox_call *call, json_t *task)
{
    const char *queue_id = sandbox_get_str(task, "execution.queue");
    json_t *queue = queue_id ? json_object_get(call->sb->queues, queue_id) : NULL;
    if (!task_is(task, "queued") || !queue)
        return -1;
    int removed = queue_remove(call, queue, sandbox_get_str(task, "id"));
    return removed > 0 ? removed : -1;
}

bool task_dequeue_and_change(struct sandbox_call *call, json_t *task,
                             const struct task_change *change, const char *running_to,
                             bool all_queues, json_t *fields)
{
    task_dequeue(call, task);
    if (all_queues)
        queue_remove_everywhere(call, sandbox_get_str(task, "id"), NULL);
    bool running = task_is(task, "in_progress");
    if (!running && !task_is(task, "queued"))
        return false;
    const char *before = sandbox_get_str(task, "enqueue_status");
    struct task_change forced = *change;
    forced.force = true;
    if (running && running_to)
        forced.to = running_to;
    if (!forced.to)
        forced.to = before ? before : "created";
    task_change_status(call, task, &forced, fields);
    json_object_del(task, "enqueue_status");
    if (fields)
        json_object_set_new(fields, "enqueue_status", json_null());
    return true;
}

/* The queue the body names by id or by name (made if there is none), else the default one. NULL
 * with *id set: an id that does not exist, which is found out only after the move. */
static json_t *wanted_queue(struct sandbox_call *call, const char **id)
{
    const char *name = sandbox_str(call, "queue_name");
    *id = sandbox_str(call, "queue");
    json_t *queue = NULL;
    if (name && *name)
        queue = queue_by_name(call->sb, name) ?: queue_new(call, name);
    else if (*id && **id)
        return json_object_get(call->sb->queues, *id);
    else
        queue = queue_default(call);
    *id = NULL;
    return queue;
}

static int put_into_queue(struct sandbox_call *call, json_t *task, json_t *queue, const char *id)
{
    if (!queue)
        return fail_invalid(call, SUB_INVALID_QUEUE, "queue", id);
    return queue_add(call, queue, sandbox_get_str(task, "id"));
}

static int enqueue(struct sandbox_call *call, const char *id, json_t *item)
{
    const char *queue_id;
    if (sandbox_str(call, "queue") && sandbox_str(call, "queue_name"))
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (Either queue id or queue name should be provided)");
    json_t *task = sandbox_find_task(call, id);
    json_t *queue = task ? wanted_queue(call, &queue_id) : NULL;
    if (!task || (!queue && !queue_id))
        return -1;
    char old[16];
    snprintf(old, sizeof old, "%s", task_status(task));
    const char *before = task_is(task, "queued") ? sandbox_get_str(task, "enqueue_status") : NULL;
    json_t *kept = json_string(before ? before : old);
    json_t *fields = json_object();
    if (task_change_from_body(call, task, "queued", fields) != 0) {
        json_decref(kept);
        json_decref(fields);
        return -1;
    }
    if (put_into_queue(call, task, queue, queue_id) != 0) {
        struct task_change back = {.to = old, .reason = "failed enqueueing", .force = true};
        task_change_status(call, task, &back, NULL);
        json_object_del(task, "enqueue_status");
        json_decref(kept);
        json_decref(fields);
        return -1;
    }
    json_object_set(task, "enqueue_status", kept);
    json_object_set_new(fields, "enqueue_status", kept);
    sandbox_set(task, "execution.queue", json_incref(json_object_get(queue, "id")));
    json_object_set(fields, "execution.queue", json_object_get(queue, "id"));
    queue_remove_everywhere(call, id, sandbox_get_str(queue, "id"));
    return task_put_update(item, fields, 1);
}

static void say_watched(struct sandbox_call *call, const json_t *item)
{
    const char *queue =
        json_string_value(json_object_get(json_object_get(item, "fields"), "execution.queue"));
    if (queue && sandbox_flag(call, "verify_watched_queue", false))
        json_object_set_new(call->data, "queue_watched",
                            json_boolean(workers_watch(call->sb, call->now_us, queue)));
}

int tasks_enqueue(struct sandbox_call *call)
{
    if (enqueue(call, sandbox_str(call, "task"), call->data) != 0)
        return -1;
    say_watched(call, call->data);
    return json_object_set_new(call->data, "queued", json_integer(1));
}

static int enqueue_each(struct sandbox_call *call, const char *id, json_t *item)
{
    if (enqueue(call, id, item) != 0)
        return -1;
    return json_object_set_new(item, "queued", json_true());
}

int tasks_enqueue_many(struct sandbox_call *call)
{
    sandbox_for_each(call, json_object_get(call->body, "ids"), enqueue_each);
    say_watched(call, json_array_get(json_object_get(call->data, "succeeded"), 0));
    return 0;
}

static int dequeue(struct sandbox_call *call, const char *id, json_t *item)
{
    const char *to = sandbox_str(call, "new_status");
    if (to && !task_status_known(to))
        return sandbox_fail(call, 400, SUB_VALIDATION, "Validation error (Invalid task status: %s)",
                            to);
    json_t *fields = json_object();
    json_t *task = json_object_get(call->sb->tasks, id);
    if (!task) { /* a deleted task may still stand in a queue */
        queue_remove_everywhere(call, id, NULL);
        return task_put_update(item, fields, 0);
    }
    struct task_change change = {.to = to,
                                 .reason = sandbox_str(call, "status_reason"),
                                 .message = sandbox_str(call, "status_message")};
    bool all = sandbox_flag(call, "remove_from_all_queues", false);
    bool changed = task_dequeue_and_change(call, task, &change, NULL, all, fields);
    return task_put_update(item, fields, changed);
}

int tasks_dequeue(struct sandbox_call *call)
{
    if (dequeue(call, sandbox_str(call, "task"), call->data) != 0)
        return -1;
    return json_object_set_new(call->data, "dequeued", json_integer(1));
}

static int dequeue_each(struct sandbox_call *call, const char *id, json_t *item)
{
    if (dequeue(call, id, item) != 0)
        return -1;
    return json_object_set_new(item, "dequeued", json_true());
}

int tasks_dequeue_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), dequeue_each);
}

/* Somebody runs it: a worker that spoke of it, and news within ten minutes. */
static bool run_by_worker(const struct sandbox_call *call, const json_t *task)
{
    const char *updated = sandbox_get_str(task, "last_update");
    int64_t at;
    return sandbox_get_str(task, "last_worker") && updated && sandbox_time_parse(updated, &at) &&
           call->now_us - at < INT64_C(600) * 1000000;
}

static int stop_one(struct sandbox_call *call, json_t *task, bool force, json_t *fields)
{
    char message[256];
    bool at_once = task_is(task, "queued") ||
                   tags_have(json_object_get(task, "system_tags"), "development") ||
                   !run_by_worker(call, task);
    if (task_is(task, "queued"))
        task_dequeue(call, task);
    snprintf(message, sizeof message, "Stopped by %.200s", sandbox_get_str(call->user, "name"));
    char current[16];
    snprintf(current, sizeof current, "%s", task_status(task));
    struct task_change change = {.to = at_once ? "stopped" : current,
                                 .reason = sandbox_str(call, "status_reason"),
                                 .message = at_once ? message : "stopping",
                                 .force = force};
    return task_change_status(call, task, &change, fields);
}

static int stop(struct sandbox_call *call, const char *id, json_t *item)
{
    json_t *task = sandbox_find_task(call, id);
    if (!task)
        return -1;
    const char *type = sandbox_get_str(task, "type");
    if (sandbox_flag(call, "include_pipeline_steps", false) && strcmp(type, "controller") == 0) {
        const char *step_id;
        json_t *step;
        json_object_foreach (call->sb->tasks, step_id, step) {
            const char *parent = sandbox_get_str(step, "parent");
            if (parent && strcmp(parent, id) == 0)
                stop_one(call, step, true, NULL);
        }
    }
    json_t *fields = json_object();
    if (stop_one(call, task, sandbox_flag(call, "force", false), fields) != 0) {
        json_decref(fields);
        return -1;
    }
    return task_put_update(item, fields, 1);
}

int tasks_stop(struct sandbox_call *call)
{
    return stop(call, sandbox_str(call, "task"), call->data);
}

int tasks_stop_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), stop);
}
