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

bool task_status_known(const char *name)
{
    return status_of(name) < N_STATUS;
}

bool task_move_allowed(const char *from, const char *to)
{
    enum status a = status_of(from), b = status_of(to);
    return a < N_STATUS && b < N_STATUS && (statuses[a].may_become & TO(b));
}

const char *task_status(const json_t *task)
{
    return sandbox_get_str(task, "status");
}

bool task_is(const json_t *task, const char *status)
{
    return strcmp(task_status(task), status) == 0;
}

int task_change_status(struct sandbox_call *call, json_t *task, const struct task_change *change,
                       json_t *fields)
{
    const char *from = task_status(task);
    if (!change->force && strcmp(from, change->to) != 0 && !task_move_allowed(from, change->to))
        return fail_status(call, from, change->to);
    struct sandbox_time now = sandbox_time(call->now_us);
    json_t *set =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "status", change->to, "status_reason",
                  change->reason ? change->reason : "", "status_message",
                  change->message ? change->message : "", "status_changed", now.text, "last_update",
                  now.text, "last_change", now.text, "last_changed_by", call->user_id);
    if (strcmp(change->to, "queued") == 0)
        tags_remove(json_object_get(task, "system_tags"), "development");
    json_object_update(task, set);
    if (fields)
        json_object_update(fields, set);
    json_decref(set);
    sandbox_touch_project(call, sandbox_get_str(task, "project"));
    sandbox_changed(call->sb);
    return 0;
}

int task_put_update(json_t *into, json_t *fields, int updated)
{
    json_object_set_new(into, "fields", fields);
    return json_object_set_new(into, "updated", json_integer(updated));
}

int task_change_from_body(struct sandbox_call *call, json_t *task, const char *to, json_t *fields)
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
    if (task_change_from_body(call, task, to, fields) != 0) {
        json_decref(fields);
        return -1;
    }
    if (at) {
        json_object_set_new(task, at, sandbox_now(call));
        json_object_set_new(fields, at, sandbox_now(call));
    }
    return task_put_update(call->data, fields, 1);
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
    bool again = task_is(task, "in_progress") && json_object_get(task, "started");
    if (finish(call, "in_progress", again ? NULL : "started") != 0)
        return -1;
    if (!again) {
        json_object_del(task, "completed");
        json_object_del(task, "active_duration");
    }
    return json_object_set_new(call->data, "started", json_integer(1));
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
    if (!task || task_change_from_body(call, task, "published", fields) != 0) {
        json_decref(fields);
        return -1;
    }
    if (sandbox_flag(call, "publish_model", true))
        publish_last_model(call, task);
    json_object_set_new(task, "published", sandbox_now(call));
    json_object_set_new(fields, "published", sandbox_now(call));
    json_object_set_new(fields, "output", json_deep_copy(json_object_get(task, "output")));
    return task_put_update(item, fields, 1);
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
    if (task_is(task, "in_progress") && started && sandbox_time_parse(started, &since))
        json_object_set_new(task, "active_duration",
                            json_integer((call->now_us - since) / 1000000));
    sandbox_touch_task(call, task, true);
}
