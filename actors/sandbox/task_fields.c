/* SPDX-License-Identifier: Apache-2.0 */
/* Between what clients send of a task and what is stored of it. */
#include "errors.h"
#include "tasks.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const task_types[] = {"training",    "testing", "inference",  "data_processing",
                                         "application", "monitor", "controller", "report",
                                         "optimizer",   "service", "qc",         "custom"};

/* What may be set: by tasks.create, by tasks.edit, by tasks.update. */
static const struct {
    const char *name;
    json_type type;
    bool create, edit, update;
} settable[] = {
    {"name", JSON_STRING, true, true, true},
    {"tags", JSON_ARRAY, true, true, true},
    {"system_tags", JSON_ARRAY, true, true, true},
    {"type", JSON_STRING, true, true, false},
    {"comment", JSON_STRING, true, true, true},
    {"parent", JSON_STRING, true, true, false},
    {"project", JSON_STRING, true, true, true},
    {"models", JSON_OBJECT, true, true, false},
    {"container", JSON_OBJECT, true, true, false},
    {"execution", JSON_OBJECT, true, true, false},
    {"hyperparams", JSON_OBJECT, true, true, false},
    {"configuration", JSON_OBJECT, true, true, false},
    {"script", JSON_OBJECT, true, true, false},
    {"runtime", JSON_OBJECT, true, true, false},
    {"status", JSON_STRING, false, true, false},
    {"status_message", JSON_STRING, false, false, true},
};

void task_artifact_id(const char *key, const char *mode, char out[64])
{
    snprintf(out, 64, "%s_%.16s", sandbox_md5(key).text, mode ? mode : "output");
}

static json_t *stripped(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    return json_stringn(text, n);
}

/* A list of artifacts becomes a map by key and mode. */
static void store_artifacts(json_t *execution)
{
    json_t *list = json_object_get(execution, "artifacts");
    if (!json_is_array(list))
        return;
    json_t *map = json_object();
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        const char *key = sandbox_get_str(item, "key");
        if (!key)
            continue;
        char id[64];
        task_artifact_id(key, sandbox_get_str(item, "mode"), id);
        if (!json_object_get(item, "mode"))
            json_object_set_new(item, "mode", json_string("output"));
        if (!json_object_get(item, "display_data"))
            json_object_set_new(item, "display_data", json_array());
        json_object_set(map, id, item);
    }
    json_object_set_new(execution, "artifacts", map);
}

static void store_models(struct sandbox_call *call, json_t *models)
{
    static const char *const kinds[] = {"input", "output"};
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(models, kinds[k]), i, item)
            json_object_set_new(item, "updated", sandbox_now(call));
    }
}

static void strip_script(json_t *script)
{
    static const char *const names[] = {"binary",      "repository",  "tag",        "branch",
                                        "version_num", "entry_point", "working_dir"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = sandbox_get_str(script, names[i]);
        if (text)
            json_object_set_new(script, names[i], stripped(text));
    }
}

static int check_tags(struct sandbox_call *call, const json_t *tags)
{
    size_t i;
    json_t *tag;
    json_array_foreach (tags, i, tag) {
        if (!json_is_string(tag))
            return sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                                "Data validation error: tags=StringField only accepts string "
                                "values");
        if (strncmp(json_string_value(tag), "__$", 3) == 0)
            return sandbox_fail(call, 400, SUB_FIELDS_VALUE,
                                "Invalid value for fields (unsupported tag prefix): values=%s",
                                json_string_value(tag));
    }
    return 0;
}

static int check_item(struct sandbox_call *call, const char *field, const json_t *item)
{
    const char *const needed[] = {"name", "value", "section"};
    for (size_t i = 0; i < (strcmp(field, "hyperparams") == 0 ? 3 : 2); i++) {
        if (!json_is_string(json_object_get(item, needed[i])))
            return sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                                "Data validation error: %s=%s: a text is needed", field, needed[i]);
    }
    return 0;
}

static int check_params(struct sandbox_call *call, const json_t *fields)
{
    const char *section, *name;
    json_t *params, *item;
    json_object_foreach (json_object_get(fields, "hyperparams"), section, params) {
        json_object_foreach (params, name, item) {
            if (check_item(call, "hyperparams", item) != 0)
                return -1;
        }
    }
    json_object_foreach (json_object_get(fields, "configuration"), name, item) {
        if (check_item(call, "configuration", item) != 0)
            return -1;
    }
    return 0;
}

static int check_values(struct sandbox_call *call, json_t *fields)
{
    const char *name = sandbox_get_str(fields, "name");
    if (name) {
        json_object_set_new(fields, "name", stripped(name));
        if (json_string_length(json_object_get(fields, "name")) < 3)
            return sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                                "Data validation error: name=String value is too short");
    }
    const char *type = sandbox_get_str(fields, "type");
    bool known = type == NULL;
    for (size_t i = 0; !known && i < sizeof task_types / sizeof *task_types; i++)
        known = strcmp(type, task_types[i]) == 0;
    if (!known)
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (error for field 'type'. value '%s' not found)",
                            type);
    static const char *const lists[] = {"tags", "system_tags"};
    for (size_t i = 0; i < 2; i++) {
        json_t *tags = json_object_get(fields, lists[i]);
        if (check_tags(call, tags) != 0)
            return -1;
        sort_strings(tags);
    }
    return check_params(call, fields);
}

json_t *task_fields_read(struct sandbox_call *call, const json_t *source, enum task_fields_use use,
                         const json_t *previous)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < sizeof settable / sizeof *settable; i++) {
        bool taken = use == TASK_CREATE ? settable[i].create
                     : use == TASK_EDIT ? settable[i].edit
                                        : settable[i].update;
        json_t *value = json_object_get(source, settable[i].name);
        if (!taken || !value || json_is_null(value))
            continue;
        if (json_typeof(value) != settable[i].type) {
            sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                         "Data validation error: %s has the wrong type", settable[i].name);
            json_decref(fields);
            return NULL;
        }
        json_object_set_new(fields, settable[i].name, json_deep_copy(value));
    }
    const char *dest = sandbox_get_str(source, "output_dest");
    if (dest && use != TASK_UPDATE) {
        json_t *output =
            previous ? json_deep_copy(json_object_get(previous, "output")) : json_object();
        json_object_set_new(output, "destination", json_string(dest));
        json_object_set_new(fields, "output", output);
    }
    store_models(call, json_object_get(fields, "models"));
    task_legacy_store(call, fields, previous);
    store_artifacts(json_object_get(fields, "execution"));
    strip_script(json_object_get(fields, "script"));
    if (check_values(call, fields) != 0) {
        json_decref(fields);
        return NULL;
    }
    return fields;
}

json_t *task_fields_new(struct sandbox_call *call, const json_t *fields)
{
    struct sandbox_id id = sandbox_new_id(call->sb);
    json_t *task = json_pack(
        "{s:s, s:s, s:s, s:s, s:[], s:o, s:{}, s:{s:i, s:{}, s:{}, s:{}, s:{}}, s:[], s:[],"
        " s:{s:s, s:s, s:s, s:{}}, s:o, s:o, s:i, s:{}, s:[], s:{}, s:{}, s:{}, s:{},"
        " s:{s:[], s:[]}, s:{}, s:s}",
        "id", id.text, "company", call->company, "user", call->user_id, "status", "created",
        "report_assets", "created", sandbox_now(call), "output", "execution", "test_split", 0,
        "parameters", "model_desc", "model_labels", "artifacts", "tags", "system_tags", "script",
        "binary", "python", "repository", "", "entry_point", "", "requirements", "last_update",
        sandbox_now(call), "last_change", sandbox_now(call), "last_iteration", 0, "last_metrics",
        "unique_metrics", "metric_stats", "hyperparams", "configuration", "runtime", "models",
        "input", "output", "container", "last_changed_by", call->user_id);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)fields, name, value) {
        json_t *into = json_object_get(task, name);
        bool embedded = strcmp(name, "execution") == 0 || strcmp(name, "script") == 0 ||
                        strcmp(name, "models") == 0;
        if (embedded)
            json_object_update(into, value);
        else
            json_object_set(task, name, value);
    }
    return task;
}

static int by_key(const void *a, const void *b)
{
    const char *x = sandbox_get_str(*(json_t *const *)a, "key");
    const char *y = sandbox_get_str(*(json_t *const *)b, "key");
    return strcmp(x ? x : "", y ? y : "");
}

static json_t *artifact_list(json_t *map)
{
    size_t n = json_object_size(map), used = 0;
    json_t **items = calloc(n + 1, sizeof *items);
    json_t *list = json_array(), *item;
    const char *id;
    if (!items)
        return list;
    json_object_foreach (map, id, item)
        items[used++] = item;
    /* Equal keys keep their order: insertion sort, for there are few. */
    for (size_t i = 1; i < used; i++) {
        for (size_t j = i; j > 0 && by_key(&items[j - 1], &items[j]) > 0; j--) {
            item = items[j];
            items[j] = items[j - 1];
            items[j - 1] = item;
        }
    }
    for (size_t i = 0; i < used; i++)
        json_array_append(list, items[i]);
    free(items);
    return list;
}

void task_fields_answer(const struct sandbox_call *call, json_t *doc)
{
    json_t *artifacts = sandbox_get(doc, "execution.artifacts");
    if (json_is_object(artifacts))
        sandbox_set(doc, "execution.artifacts", artifact_list(artifacts));
    sort_strings(json_object_get(doc, "tags"));
    sort_strings(json_object_get(doc, "system_tags"));
    task_legacy_answer(call, doc);
}

static int missing_reference(struct sandbox_call *call, int subcode, const char *what,
                             const char *id)
{
    return sandbox_fail(call, 400, subcode, "Invalid %s id: id=%s", what, id);
}

int task_check_references(struct sandbox_call *call, const json_t *task, bool parent, bool project,
                          bool models)
{
    const char *id = sandbox_get_str(task, "parent");
    if (parent && id && *id && strncmp(id, "__DELETED__", 11) != 0 &&
        !json_object_get(call->sb->tasks, id))
        return missing_reference(call, SUB_INVALID_TASK, "task", id);
    id = sandbox_get_str(task, "project");
    if (project && id && *id && !json_object_get(call->sb->projects, id))
        return missing_reference(call, SUB_INVALID_PROJECT, "project", id);
    size_t i;
    json_t *item;
    json_array_foreach (models ? sandbox_get(task, "models.input") : NULL, i, item) {
        id = sandbox_get_str(item, "model");
        if (id && !json_object_get(call->sb->models, id))
            return missing_reference(call, SUB_INVALID_MODEL, "model", id);
    }
    return 0;
}
