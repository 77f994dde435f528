/* SPDX-License-Identifier: Apache-2.0 */
/* A task's parameters and configuration objects: read, edited, deleted. */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <string.h>
#include <strings.h>

/* All tasks of the list exist; else 400/101. */
static int check_tasks(struct sandbox_call *call, const json_t *ids)
{
    size_t i;
    json_t *id;
    json_array_foreach (ids, i, id) {
        if (!json_object_get(call->sb->tasks, json_string_value(id)))
            return sandbox_fail(call, 400, SUB_INVALID_TASK, "Invalid task id: ids=(%s)",
                                json_string_value(id));
    }
    return 0;
}

/* The values of a map, sorted by its keys. A new array of copies. */
static json_t *sorted_values(json_t *map)
{
    json_t *names = json_array(), *values = json_array(), *value;
    const char *name;
    json_object_foreach (map, name, value)
        json_array_append_new(names, json_string(name));
    sort_strings(names);
    size_t i;
    json_t *key;
    json_array_foreach (names, i, key)
        json_array_append_new(values, json_deep_copy(json_object_get(map, json_string_value(key))));
    json_decref(names);
    return values;
}

int tasks_get_hyper_params(struct sandbox_call *call)
{
    json_t *ids = json_object_get(call->body, "tasks"), *out = json_array(), *id;
    json_object_set_new(call->data, "params", out);
    if (check_tasks(call, ids) != 0)
        return -1;
    size_t i;
    json_array_foreach (ids, i, id) {
        json_t *task = json_object_get(call->sb->tasks, json_string_value(id));
        json_t *sections = sorted_values(json_object_get(task, "hyperparams"));
        json_t *all = json_array(), *section;
        size_t s;
        json_array_foreach (sections, s, section) {
            json_t *params = sorted_values(section);
            json_array_extend(all, params);
            json_decref(params);
        }
        json_decref(sections);
        json_array_append_new(out, json_pack("{s:O, s:o}", "task", id, "hyperparams", all));
    }
    return 0;
}

static int bad_item(struct sandbox_call *call, const char *list, const char *field)
{
    return sandbox_fail(call, 400, SUB_VALIDATION,
                        "Validation error (error for field '%s': error for field '%s': a text is "
                        "needed.)",
                        list, field);
}

/* Every item has these texts, needed ones at least one letter long. */
static int check_items(struct sandbox_call *call, const char *list, const char *const needed[],
                       const char *const filled[])
{
    json_t *items = json_object_get(call->body, list), *item;
    if (json_array_size(items) == 0)
        return bad_item(call, list, "0");
    size_t i;
    json_array_foreach (items, i, item) {
        for (const char *const *name = needed; *name; name++) {
            if (!json_is_string(json_object_get(item, *name)))
                return bad_item(call, list, *name);
        }
        for (const char *const *name = filled; *name; name++) {
            if (json_string_length(json_object_get(item, *name)) == 0)
                return bad_item(call, list, *name);
        }
        static const char *const optional[] = {"type", "description"};
        for (size_t o = 0; o < 2; o++) {
            json_t *value = json_object_get(item, optional[o]);
            if (value && !json_is_string(value) && !json_is_null(value))
                return bad_item(call, list, optional[o]);
        }
    }
    return 0;
}

/* "Properties" in any case means the section properties. True if nothing else is named. */
static bool only_properties(json_t *items)
{
    bool all = true;
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item) {
        bool is = strcasecmp(sandbox_get_str(item, "section"), "properties") == 0;
        if (is)
            json_object_set_new(item, "section", json_string("properties"));
        all = all && is;
    }
    return all;
}

/* One item as it is stored: the known fields that are not null. */
static json_t *stored_item(const json_t *item, bool section)
{
    static const char *const names[] = {"section", "name", "value", "type", "description"};
    json_t *out = json_object();
    for (size_t i = section ? 0 : 1; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(item, names[i]);
        if (json_is_string(value))
            json_object_set(out, names[i], value);
    }
    return out;
}

static bool mode_is(const struct sandbox_call *call, const char *name, const char *mode)
{
    const char *text = sandbox_str(call, name);
    return text && strcmp(text, mode) == 0;
}

int tasks_edit_hyper_params(struct sandbox_call *call)
{
    static const char *const needed[] = {"section", "name", "value", NULL};
    static const char *const filled[] = {"section", "name", NULL};
    json_t *items = json_object_get(call->body, "hyperparams");
    if (check_items(call, "hyperparams", needed, filled) != 0)
        return -1;
    bool light = only_properties(items);
    json_t *task = task_for_update(call, sandbox_flag(call, "force", false), light);
    if (!task)
        return -1;
    json_t *params = json_object_get(task, "hyperparams");
    bool all = mode_is(call, "replace_hyperparams", "all");
    bool by_section = mode_is(call, "replace_hyperparams", "section");
    json_t *cleared = json_object();
    if (all)
        json_object_clear(params);
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item) {
        const char *name = sandbox_get_str(item, "section");
        json_t *section = json_object_get(params, name);
        if (!section || (by_section && !json_object_get(cleared, name))) {
            section = json_object();
            json_object_set_new(params, name, section);
        }
        json_object_set_new(cleared, name, json_true());
        json_object_set_new(section, sandbox_get_str(item, "name"), stored_item(item, true));
    }
    json_decref(cleared);
    sandbox_touch_task(call, task, !light);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int tasks_delete_hyper_params(struct sandbox_call *call)
{
    static const char *const needed[] = {"section", NULL};
    json_t *items = json_object_get(call->body, "hyperparams");
    if (check_items(call, "hyperparams", needed, needed) != 0)
        return -1;
    bool light = only_properties(items);
    json_t *task = task_for_update(call, sandbox_flag(call, "force", false), light);
    if (!task)
        return -1;
    json_t *params = json_object_get(task, "hyperparams");
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item) {
        const char *section = sandbox_get_str(item, "section");
        const char *name = sandbox_get_str(item, "name");
        if (name && *name)
            json_object_del(json_object_get(params, section), name);
        else
            json_object_del(params, section);
    }
    sandbox_touch_task(call, task, !light);
    return json_object_set_new(call->data, "deleted", json_integer(1));
}

static bool named(const json_t *names, const json_t *value)
{
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name) {
        if (json_equal(name, json_object_get(value, "name")))
            return true;
    }
    return json_array_size(names) == 0;
}

int tasks_get_configurations(struct sandbox_call *call)
{
    json_t *ids = json_object_get(call->body, "tasks"), *out = json_array(), *id;
    json_object_set_new(call->data, "configurations", out);
    if (check_tasks(call, ids) != 0)
        return -1;
    size_t i;
    json_array_foreach (ids, i, id) {
        json_t *task = json_object_get(call->sb->tasks, json_string_value(id));
        json_t *list = sorted_values(json_object_get(task, "configuration"));
        for (size_t k = json_array_size(list); k-- > 0;) {
            if (!named(json_object_get(call->body, "names"), json_array_get(list, k)))
                json_array_remove(list, k);
        }
        json_array_append_new(out, json_pack("{s:O, s:o}", "task", id, "configuration", list));
    }
    return 0;
}

/* Tasks that are unknown, or have none, do not appear. */
int tasks_get_configuration_names(struct sandbox_call *call)
{
    json_t *ids = json_object_get(call->body, "tasks"), *out = json_array(), *id;
    bool skip_empty = sandbox_flag(call, "skip_empty", true);
    size_t i;
    json_array_foreach (ids, i, id) {
        json_t *task = json_object_get(call->sb->tasks, json_string_value(id));
        json_t *names = json_array(), *item;
        const char *name;
        json_object_foreach (task ? json_object_get(task, "configuration") : NULL, name, item) {
            if (!skip_empty || json_string_length(json_object_get(item, "value")) > 0)
                json_array_append_new(names, json_string(name));
        }
        sort_strings(names);
        if (json_array_size(names) > 0)
            json_array_append_new(out, json_pack("{s:O, s:O}", "task", id, "names", names));
        json_decref(names);
    }
    return json_object_set_new(call->data, "configurations", out);
}

int tasks_edit_configuration(struct sandbox_call *call)
{
    static const char *const needed[] = {"name", "value", NULL};
    static const char *const filled[] = {"name", NULL};
    if (check_items(call, "configuration", needed, filled) != 0)
        return -1;
    json_t *task = task_for_update(call, sandbox_flag(call, "force", false), false);
    if (!task)
        return -1;
    json_t *configuration = json_object_get(task, "configuration");
    if (sandbox_flag(call, "replace_configuration", false))
        json_object_clear(configuration);
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(call->body, "configuration"), i, item)
        json_object_set_new(configuration, sandbox_get_str(item, "name"), stored_item(item, false));
    sandbox_touch_task(call, task, true);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int tasks_delete_configuration(struct sandbox_call *call)
{
    json_t *task = task_for_update(call, sandbox_flag(call, "force", false), false);
    if (!task)
        return -1;
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(call->body, "configuration"), i, name)
        json_object_del(json_object_get(task, "configuration"), json_string_value(name));
    sandbox_touch_task(call, task, true);
    return json_object_set_new(call->data, "deleted", json_integer(1));
}
