/* SPDX-License-Identifier: Apache-2.0 */
/* A task as if it had never run. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <string.h>

static void clear_results(json_t *task)
{
    static const char *const gone[] = {"last_worker",    "last_worker_report", "started",
                                       "completed",      "published",          "active_duration",
                                       "enqueue_status", "output.result",      "output.error",
                                       "execution.queue"};
    static const char *const maps[] = {"last_metrics", "metric_stats", "runtime"};
    static const char *const lists[] = {"unique_metrics", "models.output"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        sandbox_delete(task, gone[i]);
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        json_object_set_new(task, maps[i], json_object());
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        sandbox_set(task, lists[i], json_array());
    json_object_set_new(task, "last_iteration", json_integer(0));
    json_t *artifacts = sandbox_get(task, "execution.artifacts"), *item;
    const char *id;
    void *next;
    json_object_foreach_safe(artifacts, next, id, item)
    {
        const char *mode = sandbox_get_str(item, "mode");
        if (!mode || strcmp(mode, "input") != 0)
            json_object_del(artifacts, id);
    }
}

static void clear_all(json_t *task)
{
    json_object_set_new(task, "execution",
                        json_pack("{s:i, s:{}, s:{}, s:{}, s:{}}", "test_split", 0, "parameters",
                                  "model_desc", "model_labels", "artifacts"));
    json_object_set_new(task, "script",
                        json_pack("{s:s, s:s, s:s, s:{}}", "binary", "python", "repository", "",
                                  "entry_point", "", "requirements"));
}

/* Returns the entries taken out of the queue in *dequeued, -1 if it stood in none. */
static int reset(struct sandbox_call *call, const char *id, json_t *item, int *dequeued)
{
    json_t *task = sandbox_find_task(call, id);
    if (!task)
        return -1;
    bool force = sandbox_flag(call, "force", false);
    if (!force && task_is(task, "published"))
        return sandbox_fail(call, 400, SUB_TASK_STATUS,
                            "Invalid task status: task_id=%s, status=published", id);
    *dequeued = task_dequeue(call, task);
    queue_remove_everywhere(call, id, NULL);
    bool models = sandbox_flag(call, "delete_output_models", true);
    json_t *cleaned = task_cleanup(call, task, force, false, models);
    if (!cleaned)
        return -1;
    struct task_change change = {
        .to = "created", .reason = "reset", .message = "reset", .force = force};
    json_t *fields = json_object();
    if (task_change_status(call, task, &change, fields) != 0) {
        json_decref(cleaned);
        json_decref(fields);
        return -1;
    }
    clear_results(task);
    if (sandbox_flag(call, "clear_all", false))
        clear_all(task);
    events_forget(call->sb, id);
    json_object_set(item, "deleted_models", json_object_get(cleaned, "deleted_models"));
    json_t *urls = json_object_get(cleaned, "urls");
    json_object_set_new(item, "urls", json_is_null(urls) ? json_object() : json_incref(urls));
    json_decref(cleaned);
    return task_put_update(item, fields, 1);
}

int tasks_reset(struct sandbox_call *call)
{
    int dequeued = -1;
    if (reset(call, sandbox_str(call, "task"), call->data, &dequeued) != 0)
        return -1;
    json_object_set_new(call->data, "events", json_object());
    return json_object_set_new(call->data, "dequeued",
                               dequeued < 0 ? json_object()
                                            : json_pack("{s:i}", "removed", dequeued));
}

static int reset_each(struct sandbox_call *call, const char *id, json_t *item)
{
    int dequeued = -1;
    if (reset(call, id, item, &dequeued) != 0)
        return -1;
    return json_object_set_new(item, "dequeued", json_boolean(dequeued > 0));
}

int tasks_reset_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), reset_each);
}
