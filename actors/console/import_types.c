/* SPDX-License-Identifier: Apache-2.0
 *
 * resource_configurations as machine types. Which field ClearML looks at, and what it takes when
 * there is none: clearml 2.1.12, automation/aws_driver.py, spin_up_worker().
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "import.h"

struct resource {
    const char *name, *path;
    json_t *from, *type;
};

static void set(json_t *into, const char *key, const char *text)
{
    if (text && *text)
        DR_ASSERT(json_object_set_new(into, key, json_string(text)) == 0);
}

static void set_list(json_t *into, const char *key, json_t *list)
{
    if (json_array_size(list) > 0)
        DR_ASSERT(json_object_set(into, key, list) == 0);
}

static const char *text(struct import *im, const struct resource *r, const char *key)
{
    return import_take_text(im, r->from, r->path, key);
}

/* ---- place ----------------------------------------------------------------------------------- */
/* "eu-west-1b": eu-west-1. Zones of other forms, as local ones, do not tell. */
static const char *region_of(struct import *im, const char *zone)
{
    size_t len = strlen(zone), dashes = 0;
    for (const char *at = zone; *at; at++)
        dashes += *at == '-';
    bool plain = len > 3 && dashes >= 2 && dashes <= 3 && islower((unsigned char)zone[len - 1]) &&
                 isdigit((unsigned char)zone[len - 2]) && !isdigit((unsigned char)zone[0]) &&
                 zone[len - 3] == '-';
    return plain ? import_printf(im, "%.*s", (int)len - 1, zone) : "";
}

static void place(struct import *im, const struct resource *r)
{
    json_t *subnets = import_take_list(im, r->from, r->path, "subnet_id");
    json_t *zones = import_take_list(im, r->from, r->path, "availability_zone");
    const char *zone = json_string_value(json_array_get(zones, 0));
    set(r->type, "account", import_account(im, zone ? region_of(im, zone) : ""));
    set_list(r->type, "subnet_ids", subnets);
    if (json_array_size(subnets) == 0)
        set_list(r->type, "availability_zones", zones);
    else if (zone)
        import_note(im, import_printf(im, "%s.availability_zone", r->path),
                    json_array_get(zones, 0), "is not used beside subnet_id, here as there");
    if (json_array_size(subnets) == 0 && !zone)
        import_note(im, r->path, NULL,
                    "names neither subnet_id nor availability_zone: ClearML would not start it, "
                    "Drover lets EC2 choose");
    set_list(r->type, "security_group_ids",
             import_take_list(im, r->from, r->path, "security_group_ids"));
}

/* ---- disk ------------------------------------------------------------------------------------ */
static void disk(struct import *im, const struct resource *r)
{
    const char *device = text(im, r, "ebs_device_name");
    const char *snapshot = text(im, r, "ebs_snapshot_id");
    bool sized = json_object_get(r->from, "ebs_volume_size") != NULL;
    int64_t size = import_take_int(im, r->from, r->path, "ebs_volume_size", 1, 65536, 80);
    const char *kind = text(im, r, "ebs_volume_type");
    set(r->type, "ebs_device_name", device);
    if (*device && *snapshot) {
        set(r->type, "ebs_snapshot_id", snapshot);
        return;
    }
    json_object_set_new(r->type, "ebs_volume_size", json_integer(size));
    set(r->type, "ebs_volume_type", kind);
    if (*snapshot)
        import_warn(im, import_printf(im, "%s.ebs_snapshot_id", r->path), NULL,
                    "is not used without ebs_device_name by ClearML: not carried over");
    if (!*device && sized)
        import_note(im, import_printf(im, "%s.ebs_volume_size", r->path), NULL,
                    "is not used without ebs_device_name by ClearML; here it sizes the image's own "
                    "root disk");
    else if (!*device)
        import_warn(im, import_printf(im, "%s.ebs_device_name", r->path), NULL,
                    "is not given: ClearML keeps the disk that the image has, Drover makes it %lld "
                    "GiB. If the image is larger, set ebs_volume_size",
                    (long long)size);
}

/* ---- market ---------------------------------------------------------------------------------- */
static bool market(struct import *im, const struct resource *r)
{
    bool spot = import_take_bool(im, r->from, r->path, "is_spot");
    const char *price = text(im, r, "spot_max_price");
    bool rollback = import_take_bool(im, r->from, r->path, "regular_instance_rollback");
    json_t *after = import_take(im, r->from, "regular_instance_rollback_timeout");
    const char *field = import_printf(im, "%s.spot_instance_blackout_period", r->path);
    const char *pause = import_take_minutes(im, r->from, r->path, "spot_instance_blackout_period",
                                            100, 3600 * 1000);
    if (!spot)
        return false;
    json_object_set_new(r->type, "spot", json_true());
    set(r->type, "spot_max_price", price);
    if (pause) {
        json_object_set_new(im->out, "timing", json_pack("{s:s}", "capacity_hold", pause));
        import_note(im, field, NULL,
                    "is timing.capacity_hold %s: a place without capacity is left alone so long, "
                    "doubling while it stays so; for all machine types",
                    pause);
    }
    if (rollback && after)
        import_note(im, import_printf(im, "%s.regular_instance_rollback_timeout", r->path), after,
                    "Drover does not wait: it takes the regular machine in the same pass in which "
                    "spot has none left");
    return rollback;
}

/* ---- the rest of a resource ------------------------------------------------------------------ */
static void extra(struct import *im, const struct resource *r)
{
    json_t *value = import_take(im, r->from, "extra_configurations"), *tree = NULL;
    const char *field = import_printf(im, "%s.extra_configurations", r->path);
    struct dr_error error = {0};
    if (json_is_string(value)) {
        const char *given = json_string_value(value);
        tree = import_parse(field, given, strlen(given), &error);
    } else if (json_is_object(value)) {
        tree = json_incref(value);
    }
    if (json_is_object(tree) && json_object_size(tree) > 0) {
        char *json = json_dumps(tree, JSON_COMPACT);
        set(r->type, "extra_configurations", json);
        free(json);
    } else if (value && !json_is_object(tree)) {
        import_warn(im, field, NULL, "must be a mapping as boto3 takes it%s%s: not carried over",
                    *error.text ? ": " : "", error.text);
    }
    json_decref(tree);
}

static void tags(struct import *im, const struct resource *r)
{
    json_t *list = json_array(), *shared = json_object_get(im->common, "tags"), *tag;
    json_t *own = import_take_list(im, r->from, r->path, "tags");
    size_t i;
    json_array_extend(list, shared);
    json_array_foreach (own, i, tag) {
        const char *word = json_string_value(tag), *is = strchr(word, '=');
        if (is && is != word)
            json_array_append(list, tag);
        else
            import_warn(im, import_printf(im, "%s.tags", r->path), tag,
                        "must be KEY=VALUE: not carried over");
    }
    set_list(r->type, "tags", list);
    json_decref(list);
}

static void profile(struct import *im, const struct resource *r)
{
    const char *arn = text(im, r, "iam_arn"), *name = text(im, r, "iam_name");
    set(r->type, "iam_instance_profile", *arn ? arn : name);
}

static const char *size_of(struct import *im, const struct resource *r)
{
    const char *size = text(im, r, "instance_type");
    if (!*size)
        import_warn(im, import_printf(im, "%s.instance_type", r->path), NULL,
                    "is missing: without it no machine starts");
    return size;
}

/* A name that no other type has. */
static const char *type_name(struct import *im, const char *resource, const char *suffix)
{
    char base[64];
    import_name(resource, "machine", base);
    const char *name = import_printf(im, "%.40s%s", base, suffix);
    json_t *types = json_object_get(im->out, "machine_types"), *type;
    for (size_t n = 2, i = 0; i < json_array_size(types); i++) {
        type = json_array_get(types, i);
        if (strcmp(json_string_value(json_object_get(type, "name")), name) != 0)
            continue;
        name = import_printf(im, "%.40s%s-%zu", base, suffix, n++);
        i = (size_t)-1; /* once more from the first */
    }
    if (!*suffix && strcmp(name, resource) != 0)
        import_note(im, import_printf(im, "resource_configurations.%s", resource), NULL,
                    "is called %s here: names are letters, digits, `.`, `_` and `-`", name);
    return name;
}

/* What the spot machine is, but to be had always. */
static void regular(struct import *im, const struct resource *r, json_t *names)
{
    json_t *type = json_deep_copy(r->type);
    const char *name = type_name(im, r->name, "-regular");
    json_object_del(type, "spot");
    json_object_del(type, "spot_max_price");
    set(type, "name", name);
    json_array_append_new(json_object_get(im->out, "machine_types"), type);
    json_array_append_new(names, json_string(name));
    import_note(im, import_printf(im, "%s.regular_instance_rollback", r->path), NULL,
                "is a machine type of its own, %s, which the queue names after the spot one", name);
}

static void one(struct import *im, const char *name, json_t *given)
{
    struct resource r = {.name = name,
                         .path = import_printf(im, "resource_configurations.%s", name),
                         .from = json_deep_copy(given),
                         .type = json_object()};
    const char *mine = type_name(im, name, "");
    json_t *names = json_pack("[s]", mine);
    set(r.type, "name", mine);
    place(im, &r);
    set(r.type, "instance_type", size_of(im, &r));
    json_object_update(r.type, im->common);
    json_object_del(r.type, "tags");
    set(r.type, "ami_id", text(im, &r, "ami_id"));
    disk(im, &r);
    set(r.type, "key_name", text(im, &r, "key_name"));
    tags(im, &r);
    profile(im, &r);
    bool cpu = import_take_bool(im, r.from, r.path, "cpu_only");
    json_object_set_new(r.type, "cpu_only", json_boolean(cpu));
    if (import_take_bool(im, r.from, r.path, "enable_monitoring"))
        json_object_set_new(r.type, "enable_monitoring", json_true());
    extra(im, &r);
    bool rollback = market(im, &r);
    json_array_append(json_object_get(im->out, "machine_types"), r.type);
    if (rollback)
        regular(im, &r, names);
    import_leftovers(im, r.path, r.from);
    json_object_set_new(im->names, name, names);
    json_decref(r.type);
    json_decref(r.from);
}

void import_types(struct import *im)
{
    json_t *resources = import_take(im, im->conf, "resource_configurations"), *given;
    const char *name;
    json_object_set_new(im->out, "machine_types", json_array());
    json_object_foreach (resources, name, given) {
        if (json_is_object(given))
            one(im, name, given);
        else
            import_warn(im, import_printf(im, "resource_configurations.%s", name), NULL,
                        "must be a mapping: not carried over");
    }
    if (json_object_size(resources) == 0)
        import_warn(im, "configurations.resource_configurations", NULL,
                    "is empty: there is no machine that could be started");
}
