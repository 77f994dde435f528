/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that go: deleted, archived; and what goes with their output. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <string.h>

static bool refers(const json_t *doc, const char *field, const char *id)
{
    const char *text = sandbox_get_str(doc, field);
    return text && strcmp(text, id) == 0;
}

static bool lists_model(const json_t *task, const char *path, const char *model)
{
    size_t i;
    json_t *item;
    json_array_foreach (sandbox_get(task, path), i, item) {
        if (refers(item, "model", model))
            return true;
    }
    return false;
}

static bool used_as_input(struct sandbox *sb, const char *model)
{
    const char *id;
    json_t *task;
    json_object_foreach (sb->tasks, id, task) {
        if (lists_model(task, "models.input", model))
            return true;
    }
    return false;
}

static int cannot(struct sandbox_call *call, const char *task, const char *why)
{
    return sandbox_fail(call, 400, SUB_TASK_CANNOT_BE_DELETED,
                        "Task cannot be deleted (%s, use force=True): task=%s", why, task);
}

static int check_children(struct sandbox_call *call, const char *id)
{
    const char *other;
    json_t *task;
    json_object_foreach (call->sb->tasks, other, task) {
        if (refers(task, "parent", id) && refers(task, "status", "published"))
            return cannot(call, id, "has children");
    }
    return 0;
}

/* The models that the task made (or names as output), ready ones an error unless forced. */
static json_t *output_models(struct sandbox_call *call, const json_t *task, bool force)
{
    json_t *list = json_array(), *model;
    const char *id, *task_id = sandbox_get_str(task, "id");
    json_object_foreach (call->sb->models, id, model) {
        if (!refers(model, "task", task_id) && !lists_model(task, "models.output", id))
            continue;
        if (json_is_true(json_object_get(model, "ready")) && !force) {
            cannot(call, task_id, "has output models");
            json_decref(list);
            return NULL;
        }
        json_array_append(list, model);
    }
    return list;
}

static json_t *artifact_urls(const json_t *task)
{
    json_t *urls = json_array(), *item;
    const char *id;
    json_object_foreach (sandbox_get(task, "execution.artifacts"), id, item) {
        const char *mode = sandbox_get_str(item, "mode"), *uri = sandbox_get_str(item, "uri");
        if (uri && *uri && (!mode || strcmp(mode, "output") == 0))
            json_array_append_new(urls, json_string(uri));
    }
    return urls;
}

/* Drafts go (those that others use are kept, without their task); ready ones lose their task. */
static void release_models(struct sandbox_call *call, const json_t *models, const char *task_id,
                           bool keep_trace, bool delete_drafts, json_t *urls, int counts[2])
{
    size_t i;
    json_t *model;
    json_array_foreach (models, i, model) {
        const char *id = sandbox_get_str(model, "id"), *uri = sandbox_get_str(model, "uri");
        bool draft = !json_is_true(json_object_get(model, "ready"));
        bool used = used_as_input(call->sb, id);
        if (draft && !used && uri && *uri)
            json_array_append_new(urls, json_string(uri));
        if (draft && delete_drafts && !used) {
            events_forget(call->sb, id);
            json_object_del(call->sb->models, id);
            counts[0]++;
            continue;
        }
        if (keep_trace && !(draft && delete_drafts)) {
            json_object_set_new(model, "task", json_sprintf("__DELETED__%s", task_id));
            counts[1]++;
        } else {
            json_object_del(model, "task");
        }
        json_object_set_new(model, "last_change", sandbox_now(call));
    }
}

json_t *task_cleanup(struct sandbox_call *call, json_t *task, bool force, bool update_children,
                     bool delete_models)
{
    const char *id = sandbox_get_str(task, "id");
    if (!force && check_children(call, id) != 0)
        return NULL;
    json_t *models = output_models(call, task, force);
    if (!models)
        return NULL;
    int children = 0, counts[2] = {0, 0};
    const char *other;
    json_t *child;
    json_object_foreach (call->sb->tasks, other, child) {
        if (!update_children || !refers(child, "parent", id))
            continue;
        json_object_set_new(child, "parent", json_sprintf("__DELETED__%s", id));
        sandbox_touch_task(call, child, false);
        children++;
    }
    json_t *model_urls = json_array();
    release_models(call, models, id, update_children, delete_models, model_urls, counts);
    json_decref(models);
    json_t *result = json_pack("{s:i, s:i, s:i}", "updated_children", children, "updated_models",
                               counts[1], "deleted_models", counts[0]);
    if (sandbox_flag(call, "return_file_urls", false))
        json_object_set_new(result, "urls",
                            json_pack("{s:o, s:o, s:[]}", "model_urls", model_urls, "artifact_urls",
                                      artifact_urls(task), "event_urls"));
    else {
        json_decref(model_urls);
        json_object_set_new(result, "urls", json_null());
    }
    sandbox_changed(call->sb);
    return result;
}

static bool archived(const json_t *task)
{
    return tags_have(json_object_get(task, "system_tags"), "archived");
}

static json_t *delete_one(struct sandbox_call *call, json_t *task, bool force)
{
    json_t *id = json_incref(json_object_get(task, "id"));
    json_t *project = json_incref(json_object_get(task, "project"));
    struct task_change change = {.reason = sandbox_str(call, "status_reason"),
                                 .message = sandbox_str(call, "status_message")};
    task_dequeue_and_change(call, task, &change, NULL, true, NULL);
    bool models = sandbox_flag(call, "delete_output_models", true);
    json_t *cleaned = task_cleanup(call, task, force, true, models);
    if (cleaned) {
        events_forget(call->sb, json_string_value(id));
        json_object_del(call->sb->tasks, json_string_value(id));
        sandbox_touch_project(call, json_string_value(project));
    }
    json_decref(id);
    json_decref(project);
    return cleaned;
}

/* The steps of a pipeline: the children of a controller. A new array of borrowed documents. */
static json_t *steps_of(struct sandbox_call *call, const json_t *task)
{
    json_t *steps = json_array(), *step;
    const char *id;
    if (!sandbox_flag(call, "include_pipeline_steps", false) || !refers(task, "type", "controller"))
        return steps;
    json_object_foreach (call->sb->tasks, id, step) {
        if (refers(step, "parent", sandbox_get_str(task, "id")))
            json_array_append(steps, step);
    }
    return steps;
}

static int delete (struct sandbox_call *call, const char *id, json_t *item)
{
    json_t *task = sandbox_find_task(call, id);
    if (!task)
        return -1;
    bool force = sandbox_flag(call, "force", false);
    if (!force && !refers(task, "status", "created") && !archived(task))
        return sandbox_fail(call, 400, SUB_TASK_CANNOT_BE_DELETED,
                            "Task cannot be deleted (due to status, use force=True): task=%s, "
                            "expected=created, current=%s",
                            id, sandbox_get_str(task, "status"));
    json_t *steps = steps_of(call, task), *step;
    size_t i;
    json_array_foreach (steps, i, step)
        json_decref(delete_one(call, step, true));
    json_decref(steps);
    json_t *cleaned = delete_one(call, task, force);
    if (!cleaned)
        return -1;
    json_object_update(item, cleaned);
    json_decref(cleaned);
    return json_object_set_new(item, "deleted", json_true());
}

int tasks_delete(struct sandbox_call *call)
{
    return delete (call, sandbox_str(call, "task"), call->data);
}

int tasks_delete_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), delete);
}

static void put_status_words(struct sandbox_call *call, json_t *task)
{
    const char *message = sandbox_str(call, "status_message");
    const char *reason = sandbox_str(call, "status_reason");
    json_object_set_new(task, "status_message", json_string(message ? message : ""));
    json_object_set_new(task, "status_reason", json_string(reason ? reason : ""));
    sandbox_touch_task(call, task, false);
}

static void archive_one(struct sandbox_call *call, json_t *task)
{
    struct task_change change = {.reason = sandbox_str(call, "status_reason"),
                                 .message = sandbox_str(call, "status_message")};
    task_dequeue_and_change(call, task, &change, "stopped", true, NULL);
    if (!archived(task))
        json_array_append_new(json_object_get(task, "system_tags"), json_string("archived"));
    put_status_words(call, task);
}

static void unarchive_one(struct sandbox_call *call, json_t *task)
{
    tags_remove(json_object_get(task, "system_tags"), "archived");
    put_status_words(call, task);
}

static int with_steps(struct sandbox_call *call, const char *id,
                      void (*act)(struct sandbox_call *, json_t *))
{
    json_t *task = sandbox_find_task(call, id);
    if (!task)
        return -1;
    json_t *steps = steps_of(call, task), *step;
    size_t i;
    json_array_foreach (steps, i, step)
        act(call, step);
    json_decref(steps);
    act(call, task);
    return 0;
}

static int archive_each(struct sandbox_call *call, const char *id, json_t *item)
{
    if (with_steps(call, id, archive_one) != 0)
        return -1;
    return json_object_set_new(item, "archived", json_true());
}

static int unarchive_each(struct sandbox_call *call, const char *id, json_t *item)
{
    if (with_steps(call, id, unarchive_one) != 0)
        return -1;
    return json_object_set_new(item, "unarchived", json_true());
}

int tasks_archive(struct sandbox_call *call)
{
    size_t i;
    json_t *id, *ids = json_object_get(call->body, "tasks");
    json_array_foreach (ids, i, id) {
        if (!json_object_get(call->sb->tasks, json_string_value(id)))
            return sandbox_fail(call, 400, SUB_INVALID_TASK, "Invalid task id: ids=(%s)",
                                json_string_value(id));
    }
    json_array_foreach (ids, i, id)
        with_steps(call, json_string_value(id), archive_one);
    json_int_t n = (json_int_t)json_array_size(ids);
    return json_object_set_new(call->data, "archived", json_integer(n));
}

int tasks_archive_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), archive_each);
}

int tasks_unarchive_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), unarchive_each);
}
