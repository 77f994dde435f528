/* SPDX-License-Identifier: Apache-2.0
 *
 * queues as ClearML has them, {queue: [[resource, most], ...]}: the order is that of choice, `most`
 * counts the resource's machines.
 */
#include <string.h>

#include "drover/assert.h"
#include "import.h"

#define MOST 100000

struct entry {
    const char *queue, *field, *resource;
    int64_t most;
};

static json_t *type_of(struct import *im, const char *name)
{
    json_t *types = json_object_get(im->out, "machine_types"), *type;
    size_t i;
    json_array_foreach (types, i, type) {
        if (strcmp(json_string_value(json_object_get(type, "name")), name) == 0)
            return type;
    }
    return NULL;
}

static int64_t cap_of(const json_t *object)
{
    return json_integer_value(json_object_get(object, "max_machines"));
}

static void add_cap(json_t *object, int64_t more)
{
    int64_t sum = cap_of(object) + more;
    json_object_set_new(object, "max_machines", json_integer(sum > MOST ? MOST : sum));
}

/* [resource, most], or {resource: most} as some write it. */
static bool read_entry(struct import *im, const json_t *item, struct entry *out)
{
    json_t *most = json_array_get(item, 1);
    out->resource = json_string_value(json_array_get(item, 0));
    if (json_is_object(item) && json_object_size(item) == 1) {
        void *only = json_object_iter((json_t *)item);
        out->resource = json_object_iter_key(only);
        most = json_object_iter_value(only);
    }
    if (!out->resource)
        import_warn(im, out->field, item, "must be a resource and a number: not carried over");
    else if (!json_object_get(im->names, out->resource))
        import_warn(im, out->field, NULL,
                    "names resource %.60s, which resource_configurations does not have: not "
                    "carried over",
                    out->resource);
    else if (!import_number(most, &out->most) || out->most > MOST)
        import_warn(im, out->field, most,
                    "must say how many machines %.60s may have: not carried over, for no number "
                    "would be no limit here",
                    out->resource);
    else if (out->most <= 0)
        import_note(im, out->field, most,
                    "%.60s may have no machine for this queue: left out, for here 0 would be no "
                    "limit",
                    out->resource);
    else
        return true;
    return false;
}

static bool has(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

/* A resource with a second type for when spot has none left: both together are `most`. */
static void serve(struct import *im, json_t *queue, const struct entry *entry)
{
    json_t *types = json_object_get(queue, "types"), *name;
    json_t *names = json_object_get(im->names, entry->resource);
    size_t i;
    const char *first = json_string_value(json_array_get(names, 0));
    if (has(types, first)) {
        import_warn(im, entry->field, NULL, "%.60s stands here twice: the first counts",
                    entry->resource);
        return;
    }
    if (cap_of(type_of(im, first)) > 0) {
        import_warn(im, entry->field, NULL,
                    "%.60s serves several queues, which ClearML refuses: here it may, with as many "
                    "machines as they have together, and each queue with as many as it names",
                    entry->resource);
    }
    json_array_foreach (names, i, name) {
        json_array_append(types, name);
        add_cap(type_of(im, json_string_value(name)), entry->most);
    }
    if (i > 1)
        json_object_set_new(queue, "capped", json_true());
    add_cap(queue, entry->most);
}

static void one(struct import *im, const char *name, const json_t *list)
{
    json_t *queue = json_pack("{s:s,s:[]}", "name", name, "types"), *item;
    size_t i;
    json_array_foreach (list, i, item) {
        struct entry entry = {.queue = name, .field = import_printf(im, "queues.%s[%zu]", name, i)};
        if (read_entry(im, item, &entry))
            serve(im, queue, &entry);
    }
    if (json_array_size(json_object_get(queue, "types")) == 0) {
        import_warn(im, import_printf(im, "queues.%s", name), NULL,
                    "no machine may serve it: not carried over");
        json_decref(queue);
        return;
    }
    json_array_append_new(json_object_get(im->out, "queues"), queue);
}

static size_t uses(const json_t *queues, const char *type)
{
    size_t i, count = 0;
    json_t *queue;
    json_array_foreach (queues, i, queue)
        count += has(json_object_get(queue, "types"), type);
    return count;
}

/* Where a queue's machines are its own, their types' caps say all. */
static void drop_needless_caps(const json_t *queues)
{
    size_t i, t;
    json_t *queue, *type;
    json_array_foreach (queues, i, queue) {
        bool needed = json_is_true(json_object_get(queue, "capped"));
        json_array_foreach (json_object_get(queue, "types"), t, type)
            needed = needed || uses(queues, json_string_value(type)) > 1;
        if (!needed)
            json_object_del(queue, "max_machines");
    }
    json_array_foreach (queues, i, queue)
        json_object_del(queue, "capped");
}

static void tell_unused(struct import *im)
{
    json_t *types = json_object_get(im->out, "machine_types"), *type;
    size_t i;
    json_array_foreach (types, i, type) {
        if (cap_of(type) == 0)
            import_note(im,
                        import_printf(im, "resource_configurations.%s",
                                      json_string_value(json_object_get(type, "name"))),
                        NULL, "no queue names it: no machine of it will start, here as there");
    }
}

void import_queues(struct import *im)
{
    json_t *queues = import_take(im, im->conf, "queues"), *list;
    const char *name;
    json_object_set_new(im->out, "queues", json_array());
    json_object_foreach (queues, name, list)
        one(im, name, list);
    if (json_object_size(queues) == 0)
        import_warn(im, "configurations.queues", NULL, "is empty: nothing will be served");
    drop_needless_caps(json_object_get(im->out, "queues"));
    tell_unused(im);
}
