/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: made, read, cloned. */
#include "tasks.h"

#include "errors.h"
#include "handlers.h"
#include "query.h"
#include <string.h>

static const char *id_of(const json_t *doc)
{
    return sandbox_get_str(doc, "id");
}

static int store(struct sandbox_call *call, json_t *task)
{
    json_object_set_new(call->sb->tasks, id_of(task), task);
    sandbox_touch_project(call, sandbox_get_str(task, "project"));
    sandbox_changed(call->sb);
    return json_object_set(call->data, "id", json_object_get(task, "id"));
}

/* The references that tasks.create names must exist (400/16, unlike later checks). */
static int check_named(struct sandbox_call *call, const json_t *fields)
{
    const char *parent = sandbox_get_str(fields, "parent");
    const char *project = sandbox_get_str(fields, "project");
    if (parent && !json_object_get(call->sb->tasks, parent))
        return sandbox_fail(call, 400, SUB_FIELDS_VALUE,
                            "Invalid value for fields (expecting Task id): id=%s, field=parent",
                            parent);
    if (project && !json_object_get(call->sb->projects, project))
        return sandbox_fail(call, 400, SUB_FIELDS_VALUE,
                            "Invalid value for fields (expecting Project id): id=%s, "
                            "field=project",
                            project);
    return 0;
}

static json_t *task_from_body(struct sandbox_call *call)
{
    json_t *fields = task_fields_read(call, call->body, TASK_CREATE, NULL);
    if (!fields)
        return NULL;
    json_t *task = NULL;
    if (check_named(call, fields) == 0)
        task = task_fields_new(call, fields);
    json_decref(fields);
    if (task && task_check_references(call, task, true, true, true) != 0) {
        json_decref(task);
        task = NULL;
    }
    return task;
}

int tasks_create(struct sandbox_call *call)
{
    json_t *task = task_from_body(call);
    return task ? store(call, task) : -1;
}

int tasks_validate(struct sandbox_call *call)
{
    json_t *task = task_from_body(call);
    if (!task)
        return -1;
    json_decref(task);
    return 0;
}

int tasks_get_by_id(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    json_t *task = json_object_get(call->sb->tasks, id);
    if (!task)
        return sandbox_fail(call, 400, SUB_INVALID_TASK, "Invalid task id: ids=(%s)", id);
    task = query_project(&query_tasks, task, NULL);
    json_object_set_new(task, "unique_metrics", json_array());
    task_fields_answer(call, task);
    return json_object_set_new(call->data, "task", task);
}

/* "execution.parameters.x" is asked as what it became: "hyperparams.Args.x". */
static json_t *renamed(const char *name)
{
    static const char *const table[][2] = {{"execution.parameters", "hyperparams.Args"},
                                           {"execution.model_desc", "configuration"},
                                           {"execution.docker_cmd", "container"}};
    bool minus = name[0] == '-';
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t n = strlen(table[i][0]);
        if (strncmp(name + minus, table[i][0], n) == 0)
            return json_sprintf("%s%s%s", minus ? "-" : "", table[i][1], name + minus + n);
    }
    return NULL;
}

static void rename_items(json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        json_t *name = json_is_string(item) ? renamed(json_string_value(item)) : NULL;
        if (name)
            json_array_set_new(list, i, name);
    }
}

/* With include_subprojects a project stands for all below it (their names begin with its own). */
static void add_subprojects(struct sandbox *sb, json_t *query)
{
    json_t *asked = json_object_get(query, "project");
    json_t *flag = json_object_get(query, "include_subprojects");
    if (!asked || !json_is_true(flag))
        return;
    json_t *all = json_is_array(asked) ? json_deep_copy(asked) : json_pack("[O]", asked);
    size_t i, n = json_array_size(all);
    for (i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(all, i));
        json_t *root = id ? json_object_get(sb->projects, id) : NULL;
        const char *prefix = root ? sandbox_get_str(root, "name") : NULL;
        const char *other;
        json_t *project;
        json_object_foreach (sb->projects, other, project) {
            const char *name = sandbox_get_str(project, "name");
            size_t size = prefix ? strlen(prefix) : 0;
            if (prefix && name && strncmp(name, prefix, size) == 0 && name[size] == '/')
                json_array_append_new(all, json_string(other));
        }
    }
    json_object_set_new(query, "project", all);
}

static int get_many(struct sandbox_call *call, unsigned flags)
{
    json_t *query = json_deep_copy(call->body);
    rename_items(json_object_get(query, "only_fields"));
    rename_items(json_object_get(query, "order_by"));
    add_subprojects(call->sb, query);
    json_object_del(query, "include_subprojects");
    json_t *tasks = query_run(call, &query_tasks, query, flags);
    json_decref(query);
    if (!tasks)
        return -1;
    size_t i;
    json_t *task;
    json_array_foreach (tasks, i, task)
        task_fields_answer(call, task);
    return json_object_set_new(call->data, "tasks", tasks);
}

int tasks_get_all(struct sandbox_call *call)
{
    return get_many(call, QUERY_HIDE);
}

int tasks_get_all_ex(struct sandbox_call *call)
{
    return get_many(call, QUERY_HIDE | QUERY_JOIN);
}

int tasks_get_by_id_ex(struct sandbox_call *call)
{
    return get_many(call, QUERY_JOIN);
}

static bool in_projects(const json_t *task, const json_t *projects)
{
    const char *project = sandbox_get_str(task, "project");
    size_t i;
    json_t *id;
    json_array_foreach (projects, i, id) {
        if (project && strcmp(project, json_string_value(id)) == 0)
            return true;
    }
    return json_array_size(projects) == 0;
}

int tasks_get_types(struct sandbox_call *call)
{
    json_t *seen = json_object(), *list = json_array(), *task;
    const char *id;
    json_object_foreach (call->sb->tasks, id, task) {
        json_t *type = json_object_get(task, "type");
        if (!in_projects(task, json_object_get(call->body, "projects")) ||
            json_object_get(seen, json_string_value(type)))
            continue;
        json_object_set(seen, json_string_value(type), type);
        json_array_append(list, type);
    }
    json_decref(seen);
    return json_object_set_new(call->data, "types", list);
}

/* The clone's execution: the source's without its queue and its output, with the overrides. */
static json_t *clone_execution(struct sandbox_call *call, const json_t *source)
{
    json_t *execution = json_deep_copy(json_object_get(source, "execution"));
    json_t *overrides = json_object_get(call->body, "execution_overrides");
    const char *name;
    json_t *value;
    json_object_foreach (overrides, name, value) {
        bool elsewhere = strcmp(name, "model") == 0 || strcmp(name, "docker_cmd") == 0 ||
                         strcmp(name, "parameters") == 0 || strcmp(name, "configuration") == 0 ||
                         strcmp(name, "artifacts") == 0;
        if (!elsewhere)
            json_object_set_new(execution, name, json_deep_copy(value));
    }
    json_object_del(execution, "queue");
    json_t *artifacts = json_object_get(execution, "artifacts");
    void *next;
    json_object_foreach_safe(artifacts, next, name, value)
    {
        const char *mode = sandbox_get_str(value, "mode");
        if (!mode || strcmp(mode, "output") == 0)
            json_object_del(artifacts, name);
    }
    return execution;
}

static json_t *clone_input_models(struct sandbox_call *call, const json_t *source)
{
    json_t *given = json_object_get(call->body, "new_task_input_models");
    const char *model = sandbox_get_str(call->body, "execution_overrides.model");
    json_t *list = json_array_size(given) > 0 ? json_deep_copy(given) : NULL;
    if (!list && model)
        list = json_pack("[{s:s, s:s}]", "name", "Input Model", "model", model);
    if (!list)
        return json_deep_copy(sandbox_get(source, "models.input"));
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        json_object_set_new(item, "updated", sandbox_now(call));
    return list;
}

/* What the body says under one name, else the source's value, as a copy; into fields. */
static void take(struct sandbox_call *call, const json_t *source, json_t *fields,
                 const char *body_name, const char *field)
{
    json_t *value = json_object_get(call->body, body_name);
    bool given = json_is_object(value)   ? json_object_size(value) > 0
                 : json_is_array(value)  ? json_array_size(value) > 0
                 : json_is_string(value) ? json_string_length(value) > 0
                                         : false;
    if (!given)
        value = json_object_get(source, field);
    if (value)
        json_object_set_new(fields, field, json_deep_copy(value));
}

static json_t *clone_fields(struct sandbox_call *call, const json_t *source)
{
    json_t *fields = json_object();
    take(call, source, fields, "new_task_name", "name");
    take(call, source, fields, "new_task_comment", "comment");
    take(call, source, fields, "new_task_project", "project");
    take(call, source, fields, "new_task_tags", "tags");
    take(call, source, fields, "new_task_hyperparams", "hyperparams");
    take(call, source, fields, "new_task_configuration", "configuration");
    take(call, source, fields, "new_task_container", "container");
    take(call, source, fields, "", "type");
    take(call, source, fields, "", "script");
    const char *docker = sandbox_get_str(call->body, "execution_overrides.docker_cmd");
    if (docker && !json_object_get(call->body, "new_task_container")) {
        size_t image = strcspn(docker, " ");
        json_t *container = json_object();
        json_object_set_new(container, "image", json_stringn(docker, image));
        json_object_set_new(container, "arguments",
                            json_string(docker[image] ? docker + image + 1 : ""));
        json_object_set_new(fields, "container", container);
    }
    bool own_tags = json_array_size(json_object_get(call->body, "new_task_system_tags")) > 0;
    take(call, source, fields, "new_task_system_tags", "system_tags");
    if (!own_tags) {
        tags_remove(json_object_get(fields, "system_tags"), "development");
        tags_remove(json_object_get(fields, "system_tags"), "archived");
    }
    const char *parent = sandbox_str(call, "new_task_parent");
    const char *old = sandbox_get_str(source, "parent");
    if (!parent)
        parent = old && strncmp(old, "__DELETED__", 11) != 0 ? old : id_of(source);
    json_object_set_new(fields, "parent", json_string(parent));
    json_object_set_new(fields, "execution", clone_execution(call, source));
    sandbox_set(fields, "models.input", clone_input_models(call, source));
    json_t *destination = sandbox_get(source, "output.destination");
    if (destination)
        sandbox_set(fields, "output.destination", json_incref(destination));
    return fields;
}

static int clone_into_new_project(struct sandbox_call *call, json_t *task)
{
    const char *name = sandbox_str(call, "new_project_name");
    if (!name || sandbox_str(call, "new_task_project"))
        return 0;
    const char *project = projects_find_or_create(call, name, "");
    if (!project)
        return -1;
    json_object_set_new(task, "project", json_string(project));
    return json_object_set_new(call->data, "new_project",
                               json_pack("{s:s, s:s}", "id", project, "name", name));
}

int tasks_clone(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    json_t *source = json_object_get(call->sb->tasks, id);
    if (!source)
        return sandbox_fail(call, 400, SUB_INVALID_TASK, "Invalid task id: id=%s", id);
    json_t *fields = clone_fields(call, source);
    if (json_string_length(json_object_get(fields, "name")) < 3) {
        json_decref(fields);
        return sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                            "Data validation error: name=String value is too short");
    }
    json_t *task = task_fields_new(call, fields);
    json_decref(fields);
    bool all = sandbox_flag(call, "validate_references", false);
    if (task_check_references(call, task, all || sandbox_str(call, "new_task_parent"),
                              all || sandbox_str(call, "new_task_project"),
                              all || json_object_get(call->body, "new_task_input_models")) != 0 ||
        clone_into_new_project(call, task) != 0) {
        json_decref(task);
        return -1;
    }
    return store(call, task);
}
