/* SPDX-License-Identifier: Apache-2.0 */
/* What older clients say otherwise. Parameters and configuration once stood in execution, one model
 * and the container too; the documents hold them where they are now. */
#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void store_legacy_item(json_t *into, const char *section, const char *name,
                              const json_t *value)
{
    char *text = json_is_string(value) ? strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY);
    json_t *item =
        json_pack("{s:s, s:s, s:s}", "name", name, "type", "legacy", "value", text ? text : "");
    free(text);
    if (!section) {
        json_object_set_new(into, name, item);
        return;
    }
    json_object_set_new(item, "section", json_string(section));
    json_t *params = json_object_get(into, section);
    if (!params) {
        params = json_object();
        json_object_set_new(into, section, params);
    }
    json_object_set_new(params, name, item);
}

static void drop_legacy(json_t *params)
{
    const char *name;
    json_t *item;
    void *next;
    json_object_foreach_safe(params, next, name, item)
    {
        const char *type = sandbox_get_str(item, "type");
        if (type && strcmp(type, "legacy") == 0)
            json_object_del(params, name);
    }
}

/* Removes what an old client once wrote; sections that this empties go too. */
static bool drop_legacy_sections(json_t *sections)
{
    bool dropped = false;
    const char *name;
    json_t *params;
    void *next;
    json_object_foreach_safe(sections, next, name, params)
    {
        size_t before = json_object_size(params);
        drop_legacy(params);
        dropped = dropped || json_object_size(params) < before;
        if (before > 0 && json_object_size(params) == 0)
            json_object_del(sections, name);
    }
    return dropped;
}

/* Old clients put parameters into execution.parameters and configuration into
 * execution.model_desc; they are kept in hyperparams and configuration, marked "legacy". */
static void store_legacy(json_t *fields, const json_t *previous, const char *old, bool sections)
{
    const char *target = sections ? "hyperparams" : "configuration";
    json_t *execution = json_object_get(fields, "execution");
    json_t *legacy = json_object_get(execution, old);
    if (!json_is_object(legacy))
        return;
    json_t *into = json_object_get(fields, target);
    json_t *before = previous ? json_object_get(previous, target) : NULL;
    json_t *fresh = into ? json_incref(into) : before ? json_deep_copy(before) : json_object();
    bool dropped = false;
    if (!into && sections)
        dropped = drop_legacy_sections(fresh);
    else if (!into)
        drop_legacy(fresh);
    const char *name;
    json_t *value;
    json_object_foreach (legacy, name, value) {
        const char *slash = strncmp(name, "TF_DEFINE/", 10) == 0 ? name + 10 : NULL;
        store_legacy_item(fresh,
                          !sections ? NULL
                          : slash   ? "TF_DEFINE"
                                    : "Args",
                          sections && slash ? slash : name, value);
    }
    if (json_object_size(legacy) > 0 || dropped)
        json_object_set_new(fields, target, fresh);
    else
        json_decref(fresh);
    json_object_del(execution, old);
}

/* What clients below 2.13 say otherwise: one model in execution, the container as one text. */
static void store_old_models(struct sandbox_call *call, json_t *fields)
{
    if (call->requested >= SANDBOX_VERSION(2, 13))
        return;
    json_t *execution = json_object_get(fields, "execution");
    const char *model = sandbox_get_str(execution, "model");
    if (model) {
        json_t *list = json_array();
        if (*model)
            json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", "Input Model", "model",
                                                  model, "updated", sandbox_now(call)));
        sandbox_set(fields, "models.input", list);
        json_object_del(execution, "model");
    }
    const char *docker = sandbox_get_str(execution, "docker_cmd");
    if (docker) {
        size_t image = strcspn(docker, " ");
        sandbox_set(fields, "container.image", json_stringn(docker, image));
        sandbox_set(fields, "container.arguments",
                    json_string(docker[image] ? docker + image + 1 : ""));
        json_object_del(execution, "docker_cmd");
    }
}

static void answer_legacy(json_t *doc)
{
    const char *section, *name;
    json_t *params, *item;
    json_object_foreach (json_object_get(doc, "hyperparams"), section, params) {
        json_object_foreach (params, name, item) {
            const char *type = sandbox_get_str(item, "type");
            if (!type || strcmp(type, "legacy") != 0)
                continue;
            json_t *execution = json_object_get(doc, "execution");
            json_t *into = json_object_get(execution, "parameters");
            if (!into) {
                into = json_object();
                sandbox_set(doc, "execution.parameters", into);
            }
            char full[1024];
            bool define = strcmp(section, "TF_DEFINE") == 0;
            snprintf(full, sizeof full, "%s%s", define ? "TF_DEFINE/" : "", name);
            json_object_set(into, full, json_object_get(item, "value"));
        }
    }
}

static void answer_old_models(json_t *doc)
{
    json_t *input = json_array_get(sandbox_get(doc, "models.input"), 0);
    json_t *outputs = sandbox_get(doc, "models.output");
    size_t n = json_array_size(outputs);
    if (input && json_object_get(input, "model"))
        sandbox_set(doc, "execution.model", json_incref(json_object_get(input, "model")));
    json_t *output = n > 0 ? json_array_get(outputs, n - 1) : NULL;
    if (output && json_object_get(output, "model"))
        sandbox_set(doc, "output.model", json_incref(json_object_get(output, "model")));
    const char *image = sandbox_get_str(doc, "container.image");
    const char *arguments = sandbox_get_str(doc, "container.arguments");
    if (!image || !*image)
        return;
    bool more = arguments && *arguments;
    sandbox_set(doc, "execution.docker_cmd",
                json_sprintf("%s%s%s", image, more ? " " : "", more ? arguments : ""));
}

void task_legacy_store(struct sandbox_call *call, json_t *fields, const json_t *previous)
{
    store_old_models(call, fields);
    store_legacy(fields, previous, "parameters", true);
    store_legacy(fields, previous, "model_desc", false);
}

void task_legacy_answer(const struct sandbox_call *call, json_t *doc)
{
    if (call->requested < SANDBOX_VERSION(2, 13))
        answer_old_models(doc);
    if (call->requested < SANDBOX_VERSION(2, 9))
        answer_legacy(doc);
}
