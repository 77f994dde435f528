/* SPDX-License-Identifier: Apache-2.0 */
/* projects.*: a tree by names ("lab/nets"), where every document knows its parent and its path. */
#include "data.h"
#include "errors.h"
#include "handlers.h"
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_NAME = 3 };

/* --- names and places -------------------------------------------------------------------------*/

/* "a // b/" → "a/b": each part stripped, empty ones dropped. malloc'd. */
static char *clean_name(const char *name)
{
    char *out = calloc(1, strlen(name) + 1);
    size_t n = 0;
    while (out && *name) {
        size_t size = strcspn(name, "/");
        const char *from = name;
        const char *to = name + size;
        name += size + (name[size] == '/');
        if (size == 0)
            continue;
        while (from < to && *from == ' ')
            from++;
        while (to > from && to[-1] == ' ')
            to--;
        if (n > 0)
            out[n++] = '/';
        memcpy(out + n, from, (size_t)(to - from));
        n += (size_t)(to - from);
        out[n] = '\0';
    }
    return out;
}

static const char *base_of(const char *name)
{
    if (!name)
        return "";
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static json_t *find_by_name(struct sandbox_call *call, const char *name)
{
    const char *id;
    json_t *doc;
    json_object_foreach (call->sb->projects, id, doc)
        if (strcmp(sandbox_get_str(doc, "name"), name) == 0)
            return doc;
    return NULL;
}

static bool is_below(const json_t *project, const char *ancestor)
{
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(project, "path"), i, id)
        if (strcmp(json_string_value(id), ancestor) == 0)
            return true;
    return false;
}

/* A new project under its parent, which is made too if it must be. name is clean. */
static json_t *add_project(struct sandbox_call *call, const char *name)
{
    if (strlen(base_of(name)) < MIN_NAME) {
        sandbox_fail(call, 400, SUB_VALIDATION, "Validation error (Project name cannot be blank)");
        return NULL;
    }
    json_t *parent = NULL;
    size_t location = (size_t)(base_of(name) - name);
    if (location > 1) {
        char *above = strndup(name, location - 1);
        parent = above ? project_ensure(call, above, NULL) : NULL;
        free(above);
        if (!parent)
            return NULL;
        json_object_set_new(parent, "last_update", sandbox_now(call));
    }
    struct sandbox_id id = sandbox_new_id(call->sb);
    json_t *path = parent ? json_copy(json_object_get(parent, "path")) : json_array();
    if (parent)
        json_array_append(path, json_object_get(parent, "id"));
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:[], s:[], s:o, s:i, s:o}", "id", id.text,
                  "company", call->company, "user", call->user_id, "name", name, "basename",
                  base_of(name), "description", "", "created", sandbox_now(call), "tags",
                  "system_tags", "last_update", sandbox_now(call), "featured", 9999, "path", path);
    if (parent)
        json_object_set(doc, "parent", json_object_get(parent, "id"));
    json_object_set_new(call->sb->projects, id.text, doc);
    sandbox_changed(call->sb);
    return doc;
}

json_t *project_ensure(struct sandbox_call *call, const char *name, bool *created)
{
    char *clean = clean_name(name);
    json_t *doc = NULL;
    if (created)
        *created = false;
    if (!clean || !*clean) {
        sandbox_fail(call, 400, SUB_INVALID_PROJECT_NAME, "Invalid project name: name=%s", name);
    } else if (!(doc = find_by_name(call, clean))) {
        doc = add_project(call, clean);
        if (created)
            *created = doc != NULL;
    }
    free(clean);
    return doc;
}

const char *projects_find_or_create(struct sandbox_call *call, const char *name,
                                    const char *description)
{
    bool created;
    json_t *doc = project_ensure(call, name, &created);
    if (created && description)
        json_object_set_new(doc, "description", json_string(description));
    return sandbox_get_str(doc, "id");
}

bool project_holds(struct sandbox_call *call, const json_t *doc, const json_t *projects,
                   bool subprojects)
{
    if (!projects || json_array_size(projects) == 0)
        return true;
    const char *own = sandbox_get_str(doc, "project");
    const json_t *project = json_object_get(call->sb->projects, own ? own : "");
    size_t i;
    json_t *id;
    json_array_foreach (projects, i, id) {
        const char *text = json_string_value(id);
        if (text ? own && (strcmp(own, text) == 0 || (subprojects && is_below(project, text)))
                 : !own)
            return true;
    }
    return false;
}

json_t *project_expand_query(struct sandbox_call *call, const json_t *query)
{
    json_t *out = json_copy((json_t *)(uintptr_t)query);
    const json_t *asked = json_object_get(query, "project");
    if (!json_is_true(json_object_get(query, "include_subprojects")) || !asked ||
        json_is_null(asked))
        return out;
    json_t *ids =
        json_is_array(asked) ? json_copy((json_t *)(uintptr_t)asked) : json_pack("[O]", asked);
    size_t given = json_array_size(ids);
    const char *id;
    json_t *project;
    json_object_foreach (call->sb->projects, id, project)
        for (size_t i = 0; i < given; i++) {
            const char *above = json_string_value(json_array_get(ids, i));
            if (above && is_below(project, above))
                json_array_append_new(ids, json_string(id));
        }
    json_object_set_new(out, "project", ids);
    return out;
}

/* --- lists of tags ----------------------------------------------------------------------------*/

static int compare_strings(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

json_t *sorted_strings(const json_t *list)
{
    size_t n = json_array_size(list);
    json_t **items = calloc(n + 1, sizeof(json_t *));
    json_t *out = json_array();
    size_t used = 0;
    for (size_t i = 0; items && i < n; i++)
        if (json_is_string(json_array_get(list, i)))
            items[used++] = json_array_get(list, i);
    if (items)
        qsort(items, used, sizeof(json_t *), compare_strings);
    for (size_t i = 0; i < used; i++)
        json_array_append(out, items[i]);
    free(items);
    return out;
}

static json_t *project_tags(struct sandbox_call *call, const json_t *rows, const char *field,
                            const json_t *projects)
{
    json_t *seen = json_object();
    const char *id;
    json_t *doc, *tag;
    size_t i;
    json_object_foreach ((json_t *)(uintptr_t)rows, id, doc)
        if (project_holds(call, doc, projects, false))
            json_array_foreach (json_object_get(doc, field), i, tag)
                json_object_set(seen, json_string_value(tag), tag);
    json_t *list = json_array();
    json_object_foreach (seen, id, tag)
        json_array_append(list, tag);
    json_t *out = sorted_strings(list);
    json_decref(list);
    json_decref(seen);
    return out;
}

static int answer_tags(struct sandbox_call *call, const json_t *rows)
{
    const json_t *projects = json_object_get(call->body, "projects");
    json_object_set_new(call->data, "tags", project_tags(call, rows, "tags", projects));
    if (sandbox_flag(call, "include_system", false))
        json_object_set_new(call->data, "system_tags",
                            project_tags(call, rows, "system_tags", projects));
    return 0;
}

int projects_get_task_tags(struct sandbox_call *call)
{
    return answer_tags(call, call->sb->tasks);
}

int projects_get_model_tags(struct sandbox_call *call)
{
    return answer_tags(call, call->sb->models);
}

int projects_get_project_tags(struct sandbox_call *call)
{
    answer_tags(call, call->sb->projects);
    if (!json_object_get(call->data, "system_tags"))
        json_object_set_new(call->data, "system_tags", json_array());
    return 0;
}

/* --- reading ----------------------------------------------------------------------------------*/

/* Outsiders cannot ask for a path; a parent means any depth, unless the search is shallow. */
static json_t *adjusted(struct sandbox_call *call)
{
    json_t *query = json_copy(call->body);
    json_object_del(query, "path");
    json_t *parent = json_object_get(query, "parent");
    if (sandbox_flag(call, "shallow_search", false)) {
        if (!parent)
            json_object_set_new(query, "parent", json_pack("[n]"));
    } else if (parent) {
        json_object_set(query, "path", parent);
        json_object_del(query, "parent");
    }
    return query;
}

static int answer_projects(struct sandbox_call *call, unsigned flags)
{
    json_t *query = adjusted(call);
    json_t *found = query_run(call, &query_projects, query, flags | QUERY_HIDE);
    json_decref(query);
    if (!found)
        return -1;
    size_t i;
    json_t *doc;
    if ((flags & QUERY_JOIN) && sandbox_flag(call, "search_hidden", false))
        json_array_foreach (found, i, doc) {
            const char *id = sandbox_get_str(doc, "id");
            json_t *tags = sandbox_get(json_object_get(call->sb->projects, id), "system_tags");
            size_t k;
            json_t *tag;
            json_array_foreach (tags, k, tag)
                if (strcmp(json_string_value(tag), "hidden") == 0)
                    json_object_set_new(doc, "hidden", json_true());
        }
    return json_object_set_new(call->data, "projects", found);
}

int projects_get_all(struct sandbox_call *call)
{
    return answer_projects(call, 0);
}

int projects_get_all_ex(struct sandbox_call *call)
{
    return answer_projects(call, QUERY_JOIN);
}

/* The server's words for an unknown project name no company. */
static json_t *wanted_project(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "project");
    json_t *doc = json_object_get(call->sb->projects, id);
    if (!doc)
        sandbox_fail(call, 400, SUB_INVALID_PROJECT, "Invalid project id: id=%s", id);
    return doc;
}

int projects_get_by_id(struct sandbox_call *call)
{
    const json_t *doc = wanted_project(call);
    return doc ? json_object_set_new(call->data, "project", json_deep_copy(doc)) : -1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(sandbox_get_str(*(json_t *const *)a, "name"),
                  sandbox_get_str(*(json_t *const *)b, "name"));
}

int projects_get_task_parents(struct sandbox_call *call)
{
    const json_t *projects = json_object_get(call->body, "projects");
    bool subs = sandbox_flag(call, "include_subprojects", true);
    json_t *ids = json_array();
    const char *id;
    json_t *task;
    json_object_foreach (call->sb->tasks, id, task) {
        json_t *parent = json_object_get(task, "parent");
        if (json_is_string(parent) && project_holds(call, task, projects, subs))
            json_array_append(ids, parent);
    }
    json_t *found = json_array();
    if (json_array_size(ids) > 0) {
        json_t *query =
            json_pack("{s:O, s:[s, s, s]}", "id", ids, "only_fields", "id", "name", "project.name");
        if (sandbox_str(call, "task_name"))
            json_object_set(query, "name", json_object_get(call->body, "task_name"));
        json_decref(found);
        found = query_run(call, &query_tasks, query, QUERY_JOIN);
        json_decref(query);
    }
    json_decref(ids);
    if (!found)
        return -1;
    size_t n = json_array_size(found);
    json_t **rows = calloc(n + 1, sizeof(json_t *));
    json_t *sorted = json_array();
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = json_array_get(found, i);
    if (rows)
        qsort(rows, n, sizeof(json_t *), compare_names);
    for (size_t i = 0; rows && i < n; i++)
        json_array_append(sorted, rows[i]);
    free(rows);
    json_decref(found);
    return json_object_set_new(call->data, "parents", sorted);
}

/* --- changing ---------------------------------------------------------------------------------*/

/* What create and update take, from body into fields. */
static int take_fields(struct sandbox_call *call, json_t *fields)
{
    static const char *const names[] = {"description", "tags", "system_tags",
                                        "default_output_destination"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(call->body, names[i]);
        if (!value || json_is_null(value))
            continue;
        bool list = strstr(names[i], "tags") != NULL;
        if (list ? !json_is_array(value) : !json_is_string(value))
            return sandbox_fail(call, 400, SUB_FIELDS_VALUE,
                                "Invalid value for fields (expecting %s): field=%s",
                                list ? "list" : "str", names[i]);
        json_object_set_new(fields, names[i], list ? sorted_strings(value) : json_deep_copy(value));
    }
    return 0;
}

int projects_create(struct sandbox_call *call)
{
    if (!sandbox_str(call, "name"))
        return fail_required(call, "name");
    json_t *fields = json_object();
    char *name = clean_name(sandbox_str(call, "name"));
    json_t *doc = NULL;
    if (!name || !*name)
        sandbox_fail(call, 400, SUB_INVALID_PROJECT_NAME, "Invalid project name: name=%s",
                     sandbox_str(call, "name"));
    else if (find_by_name(call, name))
        sandbox_fail(call, 400, SUB_NOT_UNIQUE,
                     "Project with the same name already exists: name=%s, company=%s", name,
                     call->company);
    else if (take_fields(call, fields) == 0)
        doc = add_project(call, name);
    if (doc) {
        json_object_update(doc, fields);
        json_object_set(call->data, "id", json_object_get(doc, "id"));
    }
    free(name);
    json_decref(fields);
    return doc ? 0 : -1;
}

/* Gives a project and everything below it the new name. */
static void rename_tree(struct sandbox_call *call, json_t *project, const char *name)
{
    char *old = strdup(sandbox_get_str(project, "name"));
    const char *id;
    json_t *doc;
    json_object_foreach (call->sb->projects, id, doc) {
        if (!old || !is_below(doc, sandbox_get_str(project, "id")))
            continue;
        const char *rest = sandbox_get_str(doc, "name") + strlen(old);
        json_object_set_new(doc, "name", json_sprintf("%s%s", name, rest));
    }
    free(old);
    json_object_set_new(project, "name", json_string(name));
    json_object_set_new(project, "basename", json_string(base_of(name)));
}

static int rename_project(struct sandbox_call *call, json_t *doc, json_t *fields)
{
    const char *asked = sandbox_str(call, "name");
    if (!asked)
        return 0;
    char *name = clean_name(asked);
    const char *old = sandbox_get_str(doc, "name");
    int rc = 0;
    if (!name || !*name)
        rc = sandbox_fail(call, 400, SUB_INVALID_PROJECT_NAME, "Invalid project name: name=%s",
                          asked);
    else if (base_of(name) - name != base_of(old) - old ||
             strncmp(name, old, (size_t)(base_of(name) - name)) != 0)
        rc = sandbox_fail(call, 400, SUB_PROJECT_LOCATION,
                          "Cannot update project location. Use projects.move instead: name=%s",
                          name);
    else if (strlen(base_of(name)) < MIN_NAME)
        rc = sandbox_fail(call, 400, SUB_VALIDATION,
                          "Validation error (Project name cannot be blank)");
    if (rc == 0) {
        rename_tree(call, doc, name);
        json_object_set_new(fields, "name", json_string(asked));
    }
    free(name);
    return rc;
}

int projects_update(struct sandbox_call *call)
{
    json_t *doc = wanted_project(call);
    json_t *fields = json_object();
    int rc = doc ? take_fields(call, fields) : -1;
    if (rc == 0)
        rc = rename_project(call, doc, fields);
    if (rc == 0) {
        json_object_update(doc, fields);
        json_object_set_new(doc, "last_update", sandbox_now(call));
        json_object_set(call->data, "fields", fields);
        json_object_set_new(call->data, "updated", json_integer(1));
        sandbox_changed(call->sb);
    }
    json_decref(fields);
    return rc;
}

/* --- deleting ---------------------------------------------------------------------------------*/

static bool is_archived(const json_t *doc)
{
    size_t i;
    json_t *tag;
    json_array_foreach (json_object_get(doc, "system_tags"), i, tag)
        if (strcmp(json_string_value(tag), "archived") == 0)
            return true;
    return false;
}

static bool has_live(struct sandbox_call *call, const json_t *rows, const json_t *projects)
{
    const char *id;
    json_t *doc;
    json_object_foreach ((json_t *)(uintptr_t)rows, id, doc)
        if (project_holds(call, doc, projects, false) && !is_archived(doc))
            return true;
    return false;
}

static void collect_artifacts(const json_t *task, json_t *urls)
{
    const char *key;
    json_t *artifact;
    json_object_foreach (sandbox_get(task, "execution.artifacts"), key, artifact) {
        json_t *uri = json_object_get(artifact, "uri");
        const char *mode = sandbox_get_str(artifact, "mode");
        if (json_string_length(uri) > 0 && (!mode || strcmp(mode, "output") == 0))
            json_array_append(urls, uri);
    }
}

/* Deletes the documents of these projects; their URLs go into urls. Returns how many. */
static json_int_t delete_rows(struct sandbox_call *call, json_t *rows, const json_t *projects,
                              json_t *urls)
{
    json_int_t count = 0;
    const char *id;
    json_t *doc;
    void *next;
    json_object_foreach_safe(rows, next, id, doc)
    {
        if (!project_holds(call, doc, projects, false))
            continue;
        json_t *uri = json_object_get(doc, "uri");
        if (json_string_length(uri) > 0)
            json_array_append(urls, uri);
        collect_artifacts(doc, urls);
        events_forget(call->sb, id);
        json_object_del(rows, id);
        count++;
    }
    return count;
}

/* References into what was deleted, from documents that stay, are dropped. */
static void forget(json_t *rows, const char *field, const json_t *gone_from)
{
    const char *id;
    json_t *doc;
    json_object_foreach (rows, id, doc) {
        const char *to = sandbox_get_str(doc, field);
        if (to && !json_object_get(gone_from, to))
            json_object_del(doc, field);
    }
}

static json_t *delete_contents(struct sandbox_call *call, const json_t *ids)
{
    struct sandbox *sb = call->sb;
    json_t *model_urls = json_array();
    json_t *artifact_urls = json_array();
    json_int_t models = delete_rows(call, sb->models, ids, model_urls);
    json_int_t tasks = delete_rows(call, sb->tasks, ids, artifact_urls);
    forget(sb->tasks, "parent", sb->tasks);
    forget(sb->models, "task", sb->tasks);
    json_t *out =
        json_pack("{s:i, s:I, s:I, s:{s:o, s:o, s:[]}}", "disassociated_tasks", 0, "deleted_models",
                  models, "deleted_tasks", tasks, "urls", "model_urls", sorted_strings(model_urls),
                  "artifact_urls", sorted_strings(artifact_urls), "event_urls");
    json_decref(model_urls);
    json_decref(artifact_urls);
    return out;
}

static json_t *disassociate(struct sandbox_call *call, const json_t *ids)
{
    json_int_t tasks = 0;
    json_t *const rows[] = {call->sb->tasks, call->sb->models};
    for (int i = 0; i < 2; i++) {
        const char *id;
        json_t *doc;
        json_object_foreach (rows[i], id, doc)
            if (project_holds(call, doc, ids, false)) {
                json_object_del(doc, "project");
                tasks += i == 0;
            }
    }
    return json_pack("{s:I, s:i, s:i, s:n}", "disassociated_tasks", tasks, "deleted_models", 0,
                     "deleted_tasks", 0, "urls");
}

int projects_delete(struct sandbox_call *call)
{
    const json_t *project = wanted_project(call);
    if (!project)
        return -1;
    const char *root = sandbox_str(call, "project");
    json_t *ids = json_pack("[s]", root);
    const char *id;
    json_t *doc;
    json_object_foreach (call->sb->projects, id, doc)
        if (is_below(doc, root))
            json_array_append_new(ids, json_string(id));
    int rc = 0;
    if (!sandbox_flag(call, "force", false)) {
        if (has_live(call, call->sb->tasks, ids))
            rc = sandbox_fail(call, 400, SUB_PROJECT_HAS_TASKS,
                              "Project has associated tasks (use force=true): id=%s", root);
        else if (has_live(call, call->sb->models, ids))
            rc = sandbox_fail(call, 400, SUB_PROJECT_HAS_MODELS,
                              "Project has associated models (use force=true): id=%s", root);
    }
    if (rc == 0) {
        json_object_update_new(call->data, sandbox_flag(call, "delete_contents", false)
                                               ? delete_contents(call, ids)
                                               : disassociate(call, ids));
        size_t i;
        json_array_foreach (ids, i, doc)
            json_object_del(call->sb->projects, json_string_value(doc));
        json_object_set_new(call->data, "deleted", json_integer((json_int_t)i));
        sandbox_changed(call->sb);
    }
    json_decref(ids);
    return rc;
}
