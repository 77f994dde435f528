/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in a tree an autoscaler's configuration is. Facts: clearml 2.1.12,
 * automation/auto_scaler.py and aws_driver.py; examples/services/aws-autoscaler/aws_autoscaler.py
 * (the wizard's file has hyper_params and configurations; its task keeps the former in the
 * hyperparameter section General and the latter, as JSON, in the configuration object General).
 */
#include <stdio.h>
#include <string.h>

#include "drover/assert.h"
#include "import.h"

static bool has_object(const json_t *tree, const char *key)
{
    return json_is_object(json_object_get(tree, key));
}

static void put(json_t *into, const char *key, json_t *value)
{
    DR_ASSERT(json_object_set(into, key, value) == 0);
}

static void put_all(json_t *into, const json_t *from)
{
    if (json_is_object(from))
        DR_ASSERT(json_object_update(into, (json_t *)from) == 0);
}

/* ---- tasks ----------------------------------------------------------------------------------- */
/* {section: {name: {value}}}; a name alone, whatever its section. */
static void take_hyperparams(struct import *im, const json_t *sections)
{
    const char *section, *name;
    json_t *params, *param;
    json_object_foreach ((json_t *)sections, section, params)
        json_object_foreach (params, name, param) {
            json_t *value = json_object_get(param, "value");
            const char *last = strrchr(name, '/');
            put(im->hyper, last ? last + 1 : name, value ? value : param);
        }
}

/* {"General/git_user": "..."} of servers before hyperparams. */
static void take_parameters(struct import *im, const json_t *parameters)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)parameters, name, value) {
        const char *last = strrchr(name, '/');
        put(im->hyper, last ? last + 1 : name, value);
    }
}

/* One configuration object: General holds all of them, a hosted app's hold one each. */
static bool take_object(struct import *im, const char *name, const char *text, json_t *apps)
{
    static const char *const texts[] = {"extra_vm_bash_script", "extra_clearml_conf",
                                        "extra_trains_conf", "init_script"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(name, texts[i]) == 0)
            return json_object_set_new(im->conf, name, json_string(text)) == 0;
    }
    char where[200];
    struct dr_error error = {0};
    snprintf(where, sizeof where, "configuration object %.100s", name);
    json_t *tree = import_parse(where, text, strlen(text), &error);
    if (!tree) {
        import_warn(im, name, NULL, "%s: not carried over", error.text);
        return false;
    }
    if (has_object(tree, "hyper_params"))
        put_all(im->hyper, json_object_get(tree, "hyper_params"));
    if (has_object(tree, "configurations"))
        put_all(im->conf, json_object_get(tree, "configurations"));
    else if (strcmp(name, "General") == 0 || has_object(tree, "queues"))
        put_all(im->conf, tree);
    else
        put(apps, name, tree);
    json_decref(tree);
    return true;
}

static void take_objects(struct import *im, const json_t *objects)
{
    const char *name;
    json_t *object, *apps = json_object();
    json_object_foreach ((json_t *)objects, name, object) {
        json_t *value = json_object_get(object, "value");
        const char *text = json_string_value(value ? value : object);
        if (text && *text)
            take_object(im, name, text, apps);
    }
    if (json_object_size(apps) > 0)
        im->app = import_app(im, apps) || im->app;
    json_decref(apps);
}

static void take_task(struct import *im, const json_t *task)
{
    const char *id = json_string_value(json_object_get(task, "id"));
    const char *status = json_string_value(json_object_get(task, "status"));
    snprintf(im->task, sizeof im->task, "%s", id ? id : "");
    im->running = status && (strcmp(status, "in_progress") == 0 || strcmp(status, "queued") == 0);
    take_parameters(im, json_object_get(json_object_get(task, "execution"), "parameters"));
    take_hyperparams(im, json_object_get(task, "hyperparams"));
    take_objects(im, json_object_get(task, "configuration"));
    /* The hosted app's workers carry the first letters of its task before the prefix. */
    const char *prefix = json_string_value(json_object_get(im->hyper, "workers_prefix"));
    if (im->app && prefix && *im->task)
        json_object_set_new(im->hyper, "workers_prefix", json_sprintf("%.4s_%s", im->task, prefix));
}

/* ---- all ------------------------------------------------------------------------------------- */
/* trains, the former name, has fields of its own; what they say is the same. */
static void modernise(struct import *im)
{
    json_t *old = json_object_get(im->conf, "extra_trains_conf");
    json_t *now = json_object_get(im->conf, "extra_clearml_conf");
    const char *first = json_string_value(old), *then = json_string_value(now);
    if (first && *first)
        json_object_set_new(
            im->conf, "extra_clearml_conf",
            json_sprintf("%s%s%s", first, then && *then ? "\n" : "", then ? then : ""));
    json_object_del(im->conf, "extra_trains_conf");
}

/* Names of older scripts and of the forms. Two of one meaning: the one that is right already. */
static void rename_hyper(struct import *im)
{
    json_t *all = json_deep_copy(im->hyper), *value;
    const char *key;
    char snaked[128];
    json_object_foreach (all, key, value) {
        const char *name = import_canonical(key, snaked, sizeof snaked, false);
        if (name == snaked || json_object_get(im->hyper, name))
            continue;
        put(im->hyper, name, value);
        json_object_del(im->hyper, key);
    }
    json_decref(all);
}

static bool is_drover(const json_t *tree)
{
    return json_object_get(tree, "deployment") &&
           (json_object_get(tree, "machine_types") || json_object_get(tree, "accounts") ||
            has_object(tree, "clearml"));
}

static bool is_task(const json_t *tree)
{
    const json_t *hyper = json_object_get(tree, "hyperparams");
    return json_is_object(hyper) || has_object(json_object_get(tree, "execution"), "parameters") ||
           (json_object_get(tree, "id") && has_object(tree, "configuration"));
}

enum import_kind import_shape(struct import *im, const json_t *tree)
{
    bool found = true;
    if (is_drover(tree))
        return IMPORT_DROVER;
    if (has_object(tree, "hyper_params") || has_object(tree, "configurations")) {
        put_all(im->hyper, json_object_get(tree, "hyper_params"));
        put_all(im->conf, json_object_get(tree, "configurations"));
    } else if (is_task(tree)) {
        take_task(im, tree);
        found = json_object_size(im->hyper) + json_object_size(im->conf) > 0;
    } else if (has_object(tree, "queues") || has_object(tree, "resource_configurations")) {
        put_all(im->conf, tree);
    } else {
        found = im->app = import_app(im, tree);
    }
    if (found && json_is_array(json_object_get(im->conf, "resource_configurations"))) {
        json_t *list = json_pack("{s:O}", "resource_configurations",
                                 json_object_get(im->conf, "resource_configurations"));
        json_object_del(im->conf, "resource_configurations");
        im->app = import_app(im, list);
        json_decref(list);
    }
    rename_hyper(im);
    modernise(im);
    return found ? IMPORT_CLEARML : IMPORT_UNKNOWN;
}
