/* SPDX-License-Identifier: Apache-2.0 */
/* A task's life: which status may follow which, and the calls that move it. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <string.h>

enum status {
    CREATED,
    QUEUED,
    IN_PROGRESS,
    STOPPED,
    PUBLISHING,
    PUBLISHED,
    CLOSED,
    FAILED,
    COMPLETED,
    UNKNOWN,
    N_STATUS
};
#define TO(status) (1u << (status))

static const struct {
    const char *name;
    unsigned may_become;
} statuses[N_STATUS] = {
    [CREATED] = {"created", TO(QUEUED) | TO(IN_PROGRESS)},
    [QUEUED] = {"queued", TO(CREATED) | TO(IN_PROGRESS) | TO(STOPPED)},
    [IN_PROGRESS] = {"in_progress", TO(STOPPED) | TO(FAILED) | TO(CREATED) | TO(COMPLETED)},
    [STOPPED] = {"stopped", TO(CLOSED) | TO(CREATED) | TO(FAILED) | TO(QUEUED) | TO(IN_PROGRESS) |
                                TO(PUBLISHED) | TO(PUBLISHING) | TO(COMPLETED)},
    [CLOSED] = {"closed", TO(CREATED) | TO(FAILED) | TO(PUBLISHED) | TO(PUBLISHING) | TO(STOPPED)},
    [FAILED] = {"failed", TO(CREATED) | TO(STOPPED) | TO(PUBLISHED) | TO(QUEUED)},
    [PUBLISHING] = {"publishing", TO(PUBLISHED)},
    [PUBLISHED] = {"published", 0},
    [COMPLETED] = {"completed", TO(PUBLISHED) | TO(IN_PROGRESS) | TO(CREATED)},
    [UNKNOWN] = {"unknown", 0},
};

static enum status status_of(const char *name)
{
    for (enum status s = 0; s < N_STATUS; s++) {
        if (strcmp(statuses[s].name, name) == 0)
            return s;
    }
    return N_STATUS;
}

bool task_move_allowed(const char *from, const char *to)
{
    enum status a = status_of(from), b = status_of(to);
    return a < N_STATUS && b < N_STATUS && (statuses[a].may_become & TO(b));
}

static const char *status_name(const json_t *task)
{
    return sandbox_get_str(task, "status");
}

static bool has_status(const json_t *task, enum status s)
{
    return strcmp(status_name(task), statuses[s].name) == 0;
}

static void remove_tag(json_t *tags, const char *tag)
{
    for (size_t i = json_array_size(tags); i-- > 0;) {
        if (strcmp(json_string_value(json_array_get(tags, i)), tag) == 0)
            json_array_remove(tags, i);
    }
}

static bool has_tag(const json_t *task, const char *tag)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(task, "system_tags"), i, item)
    {
        if (strcmp(json_string_value(item), tag) == 0)
            return true;
    }
    return false;
}

int task_change_status(struct sandbox_call *call, json_t *task, const struct task_change *change,
                       json_t *fields)
{
    const char *from = status_name(task);
    if (!change->force && strcmp(from, change->to) != 0 && !task_move_allowed(from, change->to))
        return fail_status(call, from, change->to);
    struct sandbox_time now = sandbox_time(call->now_us);
    json_t *set =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "status", change->to, "status_reason",
                  change->reason ? change->reason : "", "status_message",
                  change->message ? change->message : "", "status_changed", now.text, "last_update",
                  now.text, "last_change", now.text, "last_changed_by", call->user_id);
    if (strcmp(change->to, "queued") == 0)
        remove_tag(json_object_get(task, "system_tags"), "development");
    json_object_update(task, set);
    if (fields)
        json_object_update(fields, set);
    json_decref(set);
    sandbox_touch_project(call, sandbox_get_str(task, "project"));
    sandbox_changed(call->sb);
    return 0;
}

static int put_update(json_t *into, json_t *fields, int updated)
{
    json_object_set_new(into, "fields", fields);
    return json_object_set_new(into, "updated", json_integer(updated));
}

/* The common form: task, status_reason, status_message and force of the body. */
static int change_from_body(struct sandbox_call *call, json_t *task, const char *to, json_t *fields)
{
    struct task_change change = {.to = to,
                                 .reason = sandbox_str(call, "status_reason"),
                                 .message = sandbox_str(call, "status_message"),
                                 .force = sandbox_flag(call, "force", false)};
    return task_change_status(call, task, &change, fields);
}

/* Moves the body's task and writes the time into the field at (NULL: none). */
static int finish(struct sandbox_call *call, const char *to, const char *at)
{
    json_t *task = sandbox_find_task(call, sandbox_str(call, "task"));
    if (!task)
        return -1;
    json_t *fields = json_object();
    if (change_from_body(call, task, to, fields) != 0) {
        json_decref(fields);
        return -1;
    }
    if (at) {
        json_object_set_new(task, at, sandbox_now(call));
        json_object_set_new(fields, at, sandbox_now(call));
    }
    return put_update(call->data, fields, 1);
}

int tasks_stopped(struct sandbox_call *call)
{
    return finish(call, "stopped", "completed");
}

int tasks_failed(struct sandbox_call *call)
{
    return finish(call, "failed", "completed");
}

int tasks_close(struct sandbox_call *call)
{
    return finish(call, "closed", NULL);
}

int tasks_started(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    json_t *task = json_object_get(call->sb->tasks, id);
    if (!task)
        return sandbox_fail(call, 400, SUB_INVALID_ID, "Invalid object id: task=%s", id);
    bool again = has_status(task, IN_PROGRESS) && json_object_get(task, "started");
    if (finish(call, "in_progress", again ? NULL : "started") != 0)
        return -1;
    if (!again) {
        json_object_del(task, "completed");
        json_object_del(task, "active_duration");
    }
    return json_object_set_new(call->data, "started", json_integer(1));
}

int task_dequeue(struct sandbox_call *call, json_t *task)
{
    const char *queue_id = sandbox_get_str(task, "execution.queue");
    json_t *queue = queue_id ? json_object_get(call->sb->queues, queue_id) : NULL;
    if (!has_status(task, QUEUED) || !queue)
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
    bool running = has_status(task, IN_PROGRESS);
    if (!running && !has_status(task, QUEUED))
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
    snprintf(old, sizeof old, "%s", status_name(task));
    const char *before = has_status(task, QUEUED) ? sandbox_get_str(task, "enqueue_status") : NULL;
    json_t *kept = json_string(before ? before : old);
    json_t *fields = json_object();
    if (change_from_body(call, task, "queued", fields) != 0) {
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
    return put_update(item, fields, 1);
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
    if (to && status_of(to) == N_STATUS)
        return sandbox_fail(call, 400, SUB_VALIDATION, "Validation error (Invalid task status: %s)",
                            to);
    json_t *fields = json_object();
    json_t *task = json_object_get(call->sb->tasks, id);
    if (!task) { /* a deleted task may still stand in a queue */
        queue_remove_everywhere(call, id, NULL);
        return put_update(item, fields, 0);
    }
    struct task_change change = {.to = to,
                                 .reason = sandbox_str(call, "status_reason"),
                                 .message = sandbox_str(call, "status_message")};
    bool all = sandbox_flag(call, "remove_from_all_queues", false);
    bool changed = task_dequeue_and_change(call, task, &change, NULL, all, fields);
    return put_update(item, fields, changed);
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
    bool at_once =
        has_status(task, QUEUED) || has_tag(task, "development") || !run_by_worker(call, task);
    if (has_status(task, QUEUED))
        task_dequeue(call, task);
    snprintf(message, sizeof message, "Stopped by %.200s", sandbox_get_str(call->user, "name"));
    char current[16];
    snprintf(current, sizeof current, "%s", status_name(task));
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
        json_object_foreach(call->sb->tasks, step_id, step)
        {
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
    return put_update(item, fields, 1);
}

int tasks_stop(struct sandbox_call *call)
{
    return stop(call, sandbox_str(call, "task"), call->data);
}

int tasks_stop_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), stop);
}

static void publish_last_model(struct sandbox_call *call, const json_t *task)
{
    json_t *models = sandbox_get(task, "models.output");
    size_t n = json_array_size(models);
    const char *id = n > 0 ? sandbox_get_str(json_array_get(models, n - 1), "model") : NULL;
    json_t *model = id ? json_object_get(call->sb->models, id) : NULL;
    if (!model || json_is_true(json_object_get(model, "ready")))
        return;
    json_object_set_new(model, "ready", json_true());
    json_object_set_new(model, "last_update", sandbox_now(call));
}

static int publish(struct sandbox_call *call, const char *id, json_t *item)
{
    json_t *task = sandbox_find_task(call, id);
    json_t *fields = json_object();
    if (!task || change_from_body(call, task, "published", fields) != 0) {
        json_decref(fields);
        return -1;
    }
    if (sandbox_flag(call, "publish_model", true))
        publish_last_model(call, task);
    json_object_set_new(task, "published", sandbox_now(call));
    json_object_set_new(fields, "published", sandbox_now(call));
    json_object_set_new(fields, "output", json_deep_copy(json_object_get(task, "output")));
    return put_update(item, fields, 1);
}

int tasks_publish(struct sandbox_call *call)
{
    return publish(call, sandbox_str(call, "task"), call->data);
}

int tasks_publish_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), publish);
}

int tasks_completed(struct sandbox_call *call)
{
    if (finish(call, "completed", "completed") != 0)
        return -1;
    int published = 0;
    if (sandbox_flag(call, "publish", false)) {
        json_t *ignored = json_object();
        int rc = publish(call, sandbox_str(call, "task"), ignored);
        json_decref(ignored);
        if (rc != 0)
            return -1;
        published = 1;
        sandbox_set(call->data, "fields.status", json_string("published"));
    }
    return json_object_set_new(call->data, "published", json_integer(published));
}

/* News from a running task; an unknown one is no error. */
int tasks_ping(struct sandbox_call *call)
{
    json_t *task = json_object_get(call->sb->tasks, sandbox_str(call, "task"));
    if (!task)
        return 0;
    task_alive(call, task);
    return 0;
}

void task_alive(struct sandbox_call *call, json_t *task)
{
    const char *started = sandbox_get_str(task, "started");
    int64_t since;
    if (has_status(task, IN_PROGRESS) && started && sandbox_time_parse(started, &since))
        json_object_set_new(task, "active_duration",
                            json_integer((call->now_us - since) / 1000000));
    sandbox_touch_task(call, task, true);
}

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
    if (!force && has_status(task, PUBLISHED))
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
    return put_update(item, fields, 1);
}

int tasks_reset(struct sandbox_call *call)
{
    int dequeued;
    if (reset(call, sandbox_str(call, "task"), call->data, &dequeued) != 0)
        return -1;
    json_object_set_new(call->data, "events", json_object());
    return json_object_set_new(call->data, "dequeued",
                               dequeued < 0 ? json_object()
                                            : json_pack("{s:i}", "removed", dequeued));
}

static int reset_each(struct sandbox_call *call, const char *id, json_t *item)
{
    int dequeued;
    if (reset(call, id, item, &dequeued) != 0)
        return -1;
    return json_object_set_new(item, "dequeued", json_boolean(dequeued > 0));
}

int tasks_reset_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), reset_each);
}
