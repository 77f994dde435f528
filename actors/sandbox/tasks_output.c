/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on a task: artifacts, models, its project, its tags. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <string.h>

static int check_artifacts(struct sandbox_call *call, bool whole)
{
    json_t *items = json_object_get(call->body, "artifacts"), *item;
    size_t i;
    if (json_array_size(items) == 0)
        return fail_required(call, "artifacts");
    json_array_foreach (items, i, item) {
        const char *mode = sandbox_get_str(item, "mode");
        if (!sandbox_get_str(item, "key") || (whole && !sandbox_get_str(item, "type")))
            return fail_required(call, sandbox_get_str(item, "key") ? "type" : "key");
        if (mode && strcmp(mode, "input") != 0 && strcmp(mode, "output") != 0)
            return sandbox_fail(call, 400, SUB_VALIDATION,
                                "Validation error (error for field 'mode'. value '%s' not found)",
                                mode);
    }
    return 0;
}

int tasks_add_or_update_artifacts(struct sandbox_call *call)
{
    if (check_artifacts(call, true) != 0)
        return -1;
    json_t *task = task_for_update(call, true, false);
    if (!task)
        return -1;
    json_t *map = sandbox_get(task, "execution.artifacts");
    if (!map) {
        map = json_object();
        sandbox_set(task, "execution.artifacts", map);
    }
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(call->body, "artifacts"), i, item) {
        char id[64];
        task_artifact_id(sandbox_get_str(item, "key"), sandbox_get_str(item, "mode"), id);
        json_t *stored = json_deep_copy(item);
        if (!sandbox_get_str(stored, "mode"))
            json_object_set_new(stored, "mode", json_string("output"));
        if (!json_is_array(json_object_get(stored, "display_data")))
            json_object_set_new(stored, "display_data", json_array());
        json_object_set_new(map, id, stored);
    }
    sandbox_touch_task(call, task, true);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int tasks_delete_artifacts(struct sandbox_call *call)
{
    if (check_artifacts(call, false) != 0)
        return -1;
    json_t *task = task_for_update(call, true, false);
    if (!task)
        return -1;
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(call->body, "artifacts"), i, item) {
        char id[64];
        task_artifact_id(sandbox_get_str(item, "key"), sandbox_get_str(item, "mode"), id);
        json_object_del(sandbox_get(task, "execution.artifacts"), id);
    }
    sandbox_touch_task(call, task, true);
    return json_object_set_new(call->data, "deleted", json_integer(1));
}

static int check_kind(struct sandbox_call *call, const char *kind)
{
    if (kind && (strcmp(kind, "input") == 0 || strcmp(kind, "output") == 0))
        return 0;
    return sandbox_fail(call, 400, SUB_VALIDATION,
                        "Validation error (error for field 'type'. value '%s' not found)",
                        kind ? kind : "");
}

/* The model's id is not checked. */
int tasks_add_or_update_model(struct sandbox_call *call)
{
    const char *kind = sandbox_str(call, "type"), *name = sandbox_str(call, "name");
    json_t *task = check_kind(call, kind) == 0 ? task_for_update(call, true, false) : NULL;
    if (!task)
        return -1;
    json_t *list = json_object_get(json_object_get(task, "models"), kind), *item;
    json_t *entry = json_pack("{s:s, s:s, s:o}", "name", name, "model", sandbox_str(call, "model"),
                              "updated", sandbox_now(call));
    size_t i, at = json_array_size(list);
    json_array_foreach (list, i, item) {
        const char *other = sandbox_get_str(item, "name");
        if (other && strcmp(other, name) == 0)
            at = i;
    }
    if (at < json_array_size(list))
        json_array_set_new(list, at, entry);
    else
        json_array_append_new(list, entry);
    json_int_t iteration = sandbox_int(call, "iteration", 0);
    if (iteration > json_integer_value(json_object_get(task, "last_iteration")))
        json_object_set_new(task, "last_iteration", json_integer(iteration));
    task_alive(call, task);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int tasks_delete_models(struct sandbox_call *call)
{
    json_t *items = json_object_get(call->body, "models"), *item;
    size_t i;
    json_array_foreach (items, i, item) {
        if (check_kind(call, sandbox_get_str(item, "type")) != 0)
            return -1;
        if (!sandbox_get_str(item, "name"))
            return fail_required(call, "name");
    }
    json_t *task = task_for_update(call, true, false);
    if (!task)
        return -1;
    json_array_foreach (items, i, item) {
        json_t *list =
            json_object_get(json_object_get(task, "models"), sandbox_get_str(item, "type"));
        for (size_t k = json_array_size(list); k-- > 0;) {
            if (json_equal(json_object_get(json_array_get(list, k), "name"),
                           json_object_get(item, "name")))
                json_array_remove(list, k);
        }
    }
    sandbox_touch_task(call, task, false);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

static int check_ids(struct sandbox_call *call)
{
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(call->body, "ids"), i, id) {
        if (!json_object_get(call->sb->tasks, json_string_value(id)))
            return sandbox_fail(call, 400, SUB_INVALID_TASK, "Invalid task id: ids=(%s)",
                                json_string_value(id));
    }
    return 0;
}

int tasks_move(struct sandbox_call *call)
{
    const char *project = sandbox_str(call, "project"), *name = sandbox_str(call, "project_name");
    if (!json_object_get(call->body, "project") && !name)
        return sandbox_fail(call, 400, SUB_MISSING_FIELDS,
                            "Missing required fields (project or project_name is required)");
    if (check_ids(call) != 0)
        return -1;
    if (!project && name)
        project = projects_find_or_create(call, name, "");
    else if (project && !sandbox_find_project(call, project))
        return -1;
    if (!project && name)
        return -1;
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(call->body, "ids"), i, id) {
        json_t *task = json_object_get(call->sb->tasks, json_string_value(id));
        sandbox_touch_project(call, sandbox_get_str(task, "project"));
        if (project)
            json_object_set_new(task, "project", json_string(project));
        else
            json_object_del(task, "project");
        sandbox_touch_task(call, task, false);
    }
    sandbox_touch_project(call, project);
    return json_object_set_new(call->data, "project_id",
                               project ? json_string(project) : json_null());
}

static void edit_tags(json_t *tags, const json_t *add, const json_t *remove)
{
    size_t i;
    json_t *tag;
    for (size_t k = json_array_size(tags); k-- > 0;) {
        bool goes = false;
        json_array_foreach (add, i, tag)
            goes = goes || json_equal(tag, json_array_get(tags, k));
        json_array_foreach (remove, i, tag)
            goes = goes || json_equal(tag, json_array_get(tags, k));
        if (goes)
            json_array_remove(tags, k);
    }
    json_array_foreach (add, i, tag)
        json_array_append(tags, tag);
    sort_strings(tags);
}

int tasks_update_tags(struct sandbox_call *call)
{
    json_t *add = json_object_get(call->body, "add_tags"), *id;
    json_t *remove = json_object_get(call->body, "remove_tags");
    if (check_ids(call) != 0)
        return -1;
    json_int_t updated = 0;
    size_t i;
    json_array_foreach (json_object_get(call->body, "ids"), i, id) {
        json_t *task = json_object_get(call->sb->tasks, json_string_value(id));
        edit_tags(json_object_get(task, "tags"), add, remove);
        sandbox_touch_task(call, task, false);
        updated++;
    }
    return json_object_set_new(call->data, "updated", json_integer(updated));
}
