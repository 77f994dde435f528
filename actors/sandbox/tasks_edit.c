/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to a task's own fields: edit, update, requirements, runtime. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <string.h>

static int wrong_status(struct sandbox_call *call, const json_t *task)
{
    return sandbox_fail(call, 400, SUB_TASK_STATUS,
                        "Invalid task status: expected=created, status=%s", task_status(task));
}

json_t *task_for_update(struct sandbox_call *call, bool force, bool any)
{
    json_t *task = sandbox_find_task(call, sandbox_str(call, "task"));
    if (!task || any || task_is(task, "created"))
        return task;
    bool running = task_is(task, "queued") || task_is(task, "in_progress");
    if (force && running)
        return task;
    wrong_status(call, task);
    return NULL;
}

static int answer_updated(struct sandbox_call *call, json_t *fields, int updated)
{
    json_object_set_new(call->data, "fields", fields);
    return json_object_set_new(call->data, "updated", json_integer(updated));
}

/* Only these: last_update stays as it is. */
static bool only_light(const json_t *fields)
{
    static const char *const light[] = {"name",        "comment", "project",       "tags",
                                        "system_tags", "created", "status_message"};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)fields, name, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof light / sizeof *light; i++)
            found = found || strcmp(light[i], name) == 0;
        if (!found)
            return false;
    }
    return true;
}

static void put_fields(struct sandbox_call *call, json_t *task, json_t *fields, bool update)
{
    const char *project = sandbox_get_str(fields, "project");
    json_t *stored = json_deep_copy(fields);
    json_object_update(task, stored);
    json_decref(stored);
    sandbox_touch_task(call, task, update);
    sandbox_touch_project(call, project);
    static const char *const added[] = {"last_change", "last_changed_by", "last_update"};
    for (size_t i = 0; i < (update ? 3 : 2); i++)
        json_object_set(fields, added[i], json_object_get(task, added[i]));
}

/* Embedded documents are merged into the stored one, everything else is replaced. */
static void merge_embedded(const json_t *task, json_t *fields)
{
    static const char *const embedded[] = {"execution", "script", "models", "output"};
    for (size_t i = 0; i < sizeof embedded / sizeof *embedded; i++) {
        json_t *value = json_object_get(fields, embedded[i]);
        if (!value)
            continue;
        json_t *whole = json_deep_copy(json_object_get(task, embedded[i]));
        if (!whole)
            continue;
        json_object_update(whole, value);
        json_object_set_new(fields, embedded[i], whole);
    }
}

int tasks_edit(struct sandbox_call *call)
{
    json_t *task = sandbox_find_task(call, sandbox_str(call, "task"));
    if (!task)
        return -1;
    if (!task_is(task, "created") && !sandbox_flag(call, "force", false))
        return wrong_status(call, task);
    json_t *fields = task_fields_read(call, call->body, TASK_EDIT, task);
    if (!fields)
        return -1;
    if (json_object_size(fields) == 0)
        return answer_updated(call, fields, 0);
    merge_embedded(task, fields);
    if (task_check_references(call, fields, true, true, true) != 0) {
        json_decref(fields);
        return -1;
    }
    put_fields(call, task, fields, !only_light(fields));
    task_fields_answer(call, fields);
    return answer_updated(call, fields, 1);
}

int tasks_update(struct sandbox_call *call)
{
    json_t *task = sandbox_find_task(call, sandbox_str(call, "task"));
    json_t *fields = task ? task_fields_read(call, call->body, TASK_UPDATE, task) : NULL;
    if (!fields)
        return -1;
    if (json_object_size(fields) == 0)
        return answer_updated(call, fields, 0);
    if (task_check_references(call, fields, false, true, false) != 0) {
        json_decref(fields);
        return -1;
    }
    put_fields(call, task, fields, false);
    return answer_updated(call, fields, 1);
}

/* One update per line of the body. */
int tasks_update_batch(struct sandbox_call *call)
{
    if (!call->batch)
        return sandbox_fail(call, 400, SUB_BATCH_EMPTY, "Batch request contains no items");
    size_t i;
    json_t *item;
    json_array_foreach (call->batch, i, item) {
        if (!sandbox_find_task(call, sandbox_get_str(item, "task")))
            return -1;
    }
    json_int_t updated = 0;
    json_array_foreach (call->batch, i, item) {
        json_t *task = json_object_get(call->sb->tasks, sandbox_get_str(item, "task"));
        json_t *fields = task_fields_read(call, item, TASK_UPDATE, task);
        if (!fields)
            return -1;
        if (json_object_size(fields) > 0) {
            put_fields(call, task, fields, false);
            updated++;
        }
        json_decref(fields);
    }
    return json_object_set_new(call->data, "updated", json_integer(updated));
}

int tasks_set_requirements(struct sandbox_call *call)
{
    json_t *task = sandbox_find_task(call, sandbox_str(call, "task"));
    if (!task)
        return -1;
    if (!json_object_get(task, "script"))
        return sandbox_fail(call, 400, SUB_MISSING_TASK_FIELDS,
                            "Task is missing expected fields (Task has no script field)");
    sandbox_set(task, "script.requirements",
                json_deep_copy(json_object_get(call->body, "requirements")));
    sandbox_touch_task(call, task, true);
    return answer_updated(call, json_object(), 1);
}

int tasks_edit_runtime(struct sandbox_call *call)
{
    json_t *task = task_for_update(call, true, false);
    if (!task)
        return -1;
    json_t *add = json_object_get(call->body, "add_or_update");
    json_t *remove = json_object_get(call->body, "remove");
    if (json_object_size(add) == 0 && json_array_size(remove) == 0)
        return json_object_set_new(call->data, "updated", json_integer(0));
    json_t *runtime = json_object_get(task, "runtime");
    json_t *copy = json_deep_copy(add);
    json_object_update(runtime, copy);
    json_decref(copy);
    size_t i;
    json_t *name;
    json_array_foreach (remove, i, name)
        json_object_del(runtime, json_string_value(name));
    sandbox_touch_task(call, task, true);
    return json_object_set_new(call->data, "updated", json_integer(1));
}
