/* SPDX-License-Identifier: Apache-2.0 */
/* models.* */
#include "data.h"
#include "errors.h"
#include "handlers.h"
#include "query.h"
#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_NAME = 3 };
static const char deleted_prefix[] = "__DELETED__";

static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
    json_t *found = json_object_get(object, key);
    if (!found)
        json_object_set_new(object, key, found = make());
    return found;
}

/* --- reading ----------------------------------------------------------------------------------*/

/* Clients up to API 2.16 know metadata as a list only, and get an empty one. */
static void conform(const struct sandbox_call *call, json_t *doc)
{
    if (call->requested <= SANDBOX_VERSION(2, 16) && json_object_get(doc, "metadata"))
        json_object_set_new(doc, "metadata", json_array());
}

static int answer_models(struct sandbox_call *call, unsigned flags)
{
    json_t *query = project_expand_query(call, call->body);
    json_t *found = query_run(call, &query_models, query, flags);
    json_decref(query);
    if (!found)
        return -1;
    size_t i;
    json_t *doc;
    json_array_foreach (found, i, doc)
        conform(call, doc);
    return json_object_set_new(call->data, "models", found);
}

int models_get_all(struct sandbox_call *call)
{
    return answer_models(call, 0);
}

int models_get_all_ex(struct sandbox_call *call)
{
    if (answer_models(call, QUERY_JOIN) != 0)
        return -1;
    size_t i;
    json_t *doc;
    if (sandbox_flag(call, "include_stats", false))
        json_array_foreach (json_object_get(call->data, "models"), i, doc) {
            const json_t *whole = json_object_get(call->sb->models, sandbox_get_str(doc, "id"));
            size_t labels = json_object_size(json_object_get(whole, "labels"));
            json_object_set_new(doc, "stats",
                                json_pack("{s:I}", "labels_count", (json_int_t)labels));
        }
    return 0;
}

int models_get_by_id_ex(struct sandbox_call *call)
{
    return answer_models(call, QUERY_JOIN);
}

int models_get_by_id(struct sandbox_call *call)
{
    const json_t *doc = sandbox_find_model(call, sandbox_str(call, "model"));
    if (!doc)
        return -1;
    json_t *out = query_project(&query_models, doc, NULL);
    conform(call, out);
    return json_object_set_new(call->data, "model", out);
}

int models_get_frameworks(struct sandbox_call *call)
{
    const json_t *projects = json_object_get(call->body, "projects");
    json_t *seen = json_object();
    json_t *names = json_array();
    const char *id;
    json_t *doc;
    json_object_foreach (call->sb->models, id, doc) {
        json_t *framework = json_object_get(doc, "framework");
        if (json_string_length(framework) == 0 || !project_holds(call, doc, projects, true) ||
            json_object_get(seen, json_string_value(framework)))
            continue;
        json_object_set(seen, json_string_value(framework), framework);
        json_array_append(names, framework);
    }
    json_object_set_new(call->data, "frameworks", sorted_strings(names));
    json_decref(names);
    json_decref(seen);
    return 0;
}

/* Gone since API 2.13. */
int models_update_for_task(struct sandbox_call *call)
{
    return sandbox_fail(call, 301, 1,
                        "This endpoint is no longer supported for the requested api version (use "
                        "tasks.add_or_update_model)");
}

int models_get_by_task_id(struct sandbox_call *call)
{
    return sandbox_fail(call, 301, 1,
                        "This endpoint is no longer supported for the requested api version (use "
                        "models.get_by_id/get_all apis)");
}

/* --- fields -----------------------------------------------------------------------------------*/

/* Metadata comes as a list of items or as a map of them; it is stored as a map. New object. */
static json_t *metadata_map(const json_t *sent)
{
    if (json_is_object(sent))
        return json_deep_copy(sent);
    json_t *out = json_object();
    size_t i;
    json_t *item;
    json_array_foreach (sent, i, item)
        if (sandbox_get_str(item, "key"))
            json_object_set(out, sandbox_get_str(item, "key"), item);
    return out;
}

static char *stripped(const char *text)
{
    while (*text == ' ')
        text++;
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return strndup(text, size);
}

static int check_reference(struct sandbox_call *call, const char *name, const char *id)
{
    if (strcmp(name, "project") == 0 && !json_object_get(call->sb->projects, id))
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (Invalid project ids): project=%s", id);
    if (strcmp(name, "task") == 0)
        return sandbox_find_task(call, id) ? 0 : -1;
    return 0;
}

/* One named field from the body into fields, in its stored form. */
static int take_field(struct sandbox_call *call, json_t *fields, const char *name)
{
    const json_t *value = json_object_get(call->body, name);
    const char *text = json_string_value(value);
    if (!value || json_is_null(value))
        return 0;
    if (strcmp(name, "metadata") == 0)
        return json_object_set_new(fields, name, metadata_map(value));
    if (strcmp(name, "tags") == 0 || strcmp(name, "system_tags") == 0)
        return json_object_set_new(fields, name, sorted_strings(value));
    if (text && check_reference(call, name, text) != 0) {
        /* A model outlives its task: the prefix says that it is gone, and is not stored. */
        if (strncmp(text, deleted_prefix, sizeof deleted_prefix - 1) != 0)
            return -1;
        call->code = 0;
        call->subcode = 0;
        return 0;
    }
    if (text && (strcmp(name, "name") == 0 || strcmp(name, "uri") == 0)) {
        char *clean = stripped(text);
        json_object_set_new(fields, name, json_string(clean ? clean : ""));
        free(clean);
        if (*name == 'n' && strlen(sandbox_get_str(fields, name)) < MIN_NAME)
            return sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                                "Data validation error: name=String value is too short");
        return 0;
    }
    return json_object_set_new(fields, name, json_deep_copy(value));
}

/* The named fields of the body; a new object, or NULL with the error set. */
static json_t *take_fields(struct sandbox_call *call, const char *const *names)
{
    json_t *fields = json_object();
    for (; *names; names++)
        if (take_field(call, fields, *names) != 0) {
            json_decref(fields);
            return NULL;
        }
    return fields;
}

static const char *const create_fields[] = {
    "name",   "tags",      "system_tags", "task",   "comment", "uri",      "project",
    "parent", "framework", "design",      "labels", "ready",   "metadata", NULL};
static const char *const update_fields[] = {"name", "project",  "comment",  "tags", "system_tags",
                                            "uri",  "ui_cache", "metadata", NULL};

/* Changes of these move last_update too. */
static bool moves_last_update(const json_t *fields)
{
    static const char *const names[] = {"uri",   "framework", "design",      "labels",
                                        "ready", "metadata",  "system_tags", "tags"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(fields, names[i]))
            return true;
    return false;
}

static void stamp(struct sandbox_call *call, json_t *fields)
{
    json_object_set_new(fields, "last_change", sandbox_now(call));
    json_object_set_new(fields, "last_changed_by", json_string(call->user_id));
}

/* --- changing ---------------------------------------------------------------------------------*/

int models_create(struct sandbox_call *call)
{
    json_t *fields = take_fields(call, create_fields);
    if (!fields)
        return -1;
    struct sandbox_id id = sandbox_new_id(call->sb);
    json_t *doc = json_pack("{s:s, s:s, s:s, s:o, s:[], s:[], s:s, s:{}, s:{}, s:b, s:o, s:{}, "
                            "s:i, s:{}, s:{}}",
                            "id", id.text, "company", call->company, "user", call->user_id,
                            "created", sandbox_now(call), "tags", "system_tags", "uri", "",
                            "design", "labels", "ready", 1, "last_update", sandbox_now(call),
                            "metadata", "last_iteration", 0, "last_metrics", "ui_cache");
    json_object_update(doc, fields);
    stamp(call, doc);
    json_object_set_new(call->sb->models, id.text, doc);
    json_decref(fields);
    sandbox_touch_project(call, sandbox_get_str(doc, "project"));
    sandbox_changed(call->sb);
    json_object_set_new(call->data, "created", json_true());
    return json_object_set_new(call->data, "id", json_string(id.text));
}

/* The model's task has come this far. */
static void report_iteration(struct sandbox_call *call, const json_t *fields, const json_t *doc)
{
    const char *id = sandbox_get_str(doc, "task");
    if (!id)
        id = sandbox_get_str(fields, "task");
    json_t *task = json_object_get(call->sb->tasks, id ? id : "");
    const json_t *sent = json_object_get(call->body, "iteration");
    if (!task || !sent || json_is_null(sent))
        return;
    json_int_t iteration = sandbox_int(call, "iteration", 0);
    if (iteration > json_integer_value(json_object_get(task, "last_iteration")))
        json_object_set_new(task, "last_iteration", json_integer(iteration));
    sandbox_touch_task(call, task, true);
}

static int change_model(struct sandbox_call *call, const char *const *names, bool tell_last_update)
{
    json_t *doc = sandbox_find_model(call, sandbox_str(call, "model"));
    json_t *fields = doc ? take_fields(call, names) : NULL;
    if (!fields)
        return -1;
    if (json_object_get(fields, "uri"))
        member(fields, "ui_cache", json_object);
    report_iteration(call, fields, doc);
    json_int_t updated = json_object_size(fields) > 0;
    if (updated) {
        bool moves = moves_last_update(fields);
        stamp(call, fields);
        if (moves && tell_last_update)
            json_object_set_new(fields, "last_update", sandbox_now(call));
        json_object_update(doc, fields);
        if (moves)
            json_object_set_new(doc, "last_update", sandbox_now(call));
        sandbox_changed(call->sb);
    }
    json_object_set_new(call->data, "fields", fields);
    return json_object_set_new(call->data, "updated", json_integer(updated));
}

int models_edit(struct sandbox_call *call)
{
    return change_model(call, create_fields, true);
}

int models_update(struct sandbox_call *call)
{
    return change_model(call, update_fields, false);
}

static int finish_metadata(struct sandbox_call *call, json_t *doc)
{
    stamp(call, doc);
    json_object_set_new(doc, "last_update", sandbox_now(call));
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int models_add_or_update_metadata(struct sandbox_call *call)
{
    json_t *doc = sandbox_find_model(call, sandbox_str(call, "model"));
    if (!doc)
        return -1;
    json_t *items = metadata_map(json_object_get(call->body, "metadata"));
    if (sandbox_flag(call, "replace_metadata", false))
        json_object_set(doc, "metadata", items);
    else
        json_object_update(member(doc, "metadata", json_object), items);
    json_decref(items);
    return finish_metadata(call, doc);
}

int models_delete_metadata(struct sandbox_call *call)
{
    json_t *doc = sandbox_find_model(call, sandbox_str(call, "model"));
    if (!doc)
        return -1;
    size_t i;
    json_t *key;
    json_array_foreach (json_object_get(call->body, "keys"), i, key)
        if (json_is_string(key))
            json_object_del(json_object_get(doc, "metadata"), json_string_value(key));
    return finish_metadata(call, doc);
}

int models_move(struct sandbox_call *call)
{
    const char *project = sandbox_str(call, "project");
    const char *name = sandbox_str(call, "project_name");
    if (!json_object_get(call->body, "project") && !name)
        return sandbox_fail(call, 400, SUB_MISSING_FIELDS,
                            "Missing required fields (project or project_name is required)");
    if (project && !sandbox_find_project(call, project))
        return -1;
    if (!project && name && !(project = projects_find_or_create(call, name, "")))
        return -1;
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(call->body, "ids"), i, id) {
        json_t *doc = json_object_get(call->sb->models, json_string_value(id));
        if (!doc)
            continue;
        if (project)
            json_object_set_new(doc, "project", json_string(project));
        else
            json_object_del(doc, "project");
        stamp(call, doc);
    }
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "project_id",
                               project ? json_string(project) : json_null());
}

/* --- publishing -------------------------------------------------------------------------------*/

/* The task that made the model is published with it. *published: {id, data}, or NULL. */
static int publish_task(struct sandbox_call *call, const json_t *model, json_t **published)
{
    const char *id = sandbox_get_str(model, "task");
    json_t *task = json_object_get(call->sb->tasks, id ? id : "");
    *published = NULL;
    if (!task || !sandbox_flag(call, "publish_task", true) ||
        strcmp(sandbox_get_str(task, "status"), "published") == 0)
        return 0;
    json_t *fields = json_object();
    struct task_change change = {.to = "published",
                                 .force = sandbox_flag(call, "force_publish_task", false)};
    if (task_change_status(call, task, &change, fields) != 0) {
        json_decref(fields);
        return -1;
    }
    json_object_set_new(task, "published", sandbox_now(call));
    json_object_set(fields, "published", json_object_get(task, "published"));
    *published = json_pack("{s:s, s:{s:o, s:i}}", "id", id, "data", "fields", fields, "updated", 1);
    return 0;
}

static int publish_model(struct sandbox_call *call, const char *id, json_t **published)
{
    json_t *doc = sandbox_find_model(call, id);
    if (!doc)
        return -1;
    if (json_is_true(json_object_get(doc, "ready")))
        return sandbox_fail(call, 400, SUB_MODEL_IS_READY, "Model is ready: company=%s, model=%s",
                            call->company, id);
    if (publish_task(call, doc, published) != 0)
        return -1;
    json_object_set_new(doc, "ready", json_true());
    json_object_set_new(doc, "last_update", sandbox_now(call));
    stamp(call, doc);
    sandbox_changed(call->sb);
    return 0;
}

int models_set_ready(struct sandbox_call *call)
{
    json_t *published = NULL;
    if (publish_model(call, sandbox_str(call, "model"), &published) != 0)
        return -1;
    json_object_set_new(call->data, "fields", json_object());
    if (published)
        json_object_set_new(call->data, "published_task", published);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

static int publish_each(struct sandbox_call *call, const char *id, json_t *item)
{
    json_t *published = NULL;
    if (publish_model(call, id, &published) != 0)
        return -1;
    json_object_set_new(item, "updated", json_true());
    return json_object_set_new(item, "published_task", published ? published : json_null());
}

int models_publish_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), publish_each);
}

/* --- archiving --------------------------------------------------------------------------------*/

static int archive_model(struct sandbox_call *call, const char *id, bool archived)
{
    json_t *doc = sandbox_find_model(call, id);
    if (!doc)
        return -1;
    json_t *tags = member(doc, "system_tags", json_array);
    for (size_t i = json_array_size(tags); i-- > 0;)
        if (strcmp(json_string_value(json_array_get(tags, i)), "archived") == 0)
            json_array_remove(tags, i);
    if (archived)
        json_array_append_new(tags, json_string("archived"));
    json_object_set_new(doc, "system_tags", sorted_strings(tags));
    stamp(call, doc);
    sandbox_changed(call->sb);
    return 0;
}

static int archive_each(struct sandbox_call *call, const char *id, json_t *item)
{
    return archive_model(call, id, true) || json_object_set_new(item, "archived", json_true());
}

static int unarchive_each(struct sandbox_call *call, const char *id, json_t *item)
{
    return archive_model(call, id, false) || json_object_set_new(item, "unarchived", json_true());
}

int models_archive_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), archive_each);
}

int models_unarchive_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), unarchive_each);
}

/* --- deleting ---------------------------------------------------------------------------------*/

/* Entries of a task's model list that name id: renamed to `to`, or removed when it is NULL. */
static size_t replace_entries(json_t *task, const char *list, const char *id, const char *to)
{
    json_t *entries = sandbox_get(task, list);
    size_t found = 0;
    for (size_t i = json_array_size(entries); i-- > 0;) {
        json_t *entry = json_array_get(entries, i);
        const char *model = sandbox_get_str(entry, "model");
        if (!model || strcmp(model, id) != 0)
            continue;
        found++;
        if (to)
            json_object_set_new(entry, "model", json_string(to));
        else
            json_array_remove(entries, i);
    }
    return found;
}

static bool uses(const json_t *task, const char *id)
{
    size_t i;
    json_t *entry;
    json_array_foreach (sandbox_get(task, "models.input"), i, entry) {
        const char *model = sandbox_get_str(entry, "model");
        if (model && strcmp(model, id) == 0)
            return true;
    }
    return false;
}

static int check_users(struct sandbox_call *call, const char *id, const json_t *maker)
{
    json_int_t users = 0;
    const char *task_id;
    json_t *task;
    json_object_foreach (call->sb->tasks, task_id, task)
        users += uses(task, id);
    if (users > 0)
        return sandbox_fail(call, 400, SUB_MODEL_IN_USE,
                            "Model is used by tasks (as execution model, use force=True to "
                            "delete): num_tasks=%lld",
                            (long long)users);
    if (maker && strcmp(sandbox_get_str(maker, "status"), "published") == 0)
        return sandbox_fail(call, 400, SUB_MODEL_CREATING_TASK,
                            "Task that created this model exists (and published, use force=True "
                            "to delete): task=%s",
                            sandbox_get_str(maker, "id"));
    return 0;
}

static int delete_each(struct sandbox_call *call, const char *id, json_t *item)
{
    const json_t *doc = sandbox_find_model(call, id);
    if (!doc)
        return -1;
    const char *made_by = sandbox_get_str(doc, "task");
    json_t *maker = json_object_get(call->sb->tasks, made_by ? made_by : "");
    if (!sandbox_flag(call, "force", false) && check_users(call, id, maker) != 0)
        return -1;
    char gone[80];
    snprintf(gone, sizeof gone, "%s%s", deleted_prefix, id);
    const char *task_id;
    json_t *task;
    json_object_foreach (call->sb->tasks, task_id, task)
        replace_entries(task, "models.input", id, gone);
    if (maker) {
        bool published = strcmp(sandbox_get_str(maker, "status"), "published") == 0;
        if (replace_entries(maker, "models.output", id, published ? gone : NULL) && published)
            sandbox_set(maker, "output.error",
                        json_sprintf("model deleted on %s", sandbox_time(call->now_us).text));
        sandbox_touch_task(call, maker, false);
    }
    json_object_set_new(item, "deleted", json_true());
    json_object_set(item, "url", json_object_get(doc, "uri"));
    json_object_del(call->sb->models, id);
    events_forget(call->sb, id);
    sandbox_changed(call->sb);
    return 0;
}

int models_delete(struct sandbox_call *call)
{
    return delete_each(call, sandbox_str(call, "model"), call->data);
}

int models_delete_many(struct sandbox_call *call)
{
    return sandbox_for_each(call, json_object_get(call->body, "ids"), delete_each);
}
