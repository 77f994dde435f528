/* SPDX-License-Identifier: Apache-2.0
 *
 * extra_configurations over Drover's own request, without losing what Drover promises.
 */
#include <string.h>

#include "drover/assert.h"
#include "extra.h"
#include "json.h"

/* Refused: any value (only NULL), or any but this one. All else is the user's to say. */
static const struct reserved {
    const char *path, *only, *why;
} RESERVED[] = {
    {"MinCount", NULL, "the queues decide how many machines there are: set max_machines"},
    {"MaxCount", NULL, "the queues decide how many machines there are: set max_machines"},
    {"ClientToken", NULL, "Drover's own keeps a repeated request from starting a second machine"},
    {"UserData", NULL, "the boot script is there: use init_script"},
    {"DryRun", NULL, "it would start nothing: `drover check` tries a launch"},
    {"ImageId", NULL, "it has a field of its own: ami_id"},
    {"InstanceType", NULL, "it has a field of its own: instance_type"},
    {"InstanceInitiatedShutdownBehavior", "terminate",
     "a machine that switches itself off must be gone, not stopped with its disk billed"},
    {"DisableApiTermination", "false", "Drover could not end the machine"},
    {"MetadataOptions.HttpEndpoint", "enabled",
     "the machine learns its own id and its spot notice there"},
    {"InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time",
     "a persistent request would start machines that nobody asked for"},
    {"InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate",
     "a machine that is taken must be gone, not stopped with its disk billed"},
};

static bool is_value(const json_t *value, const char *wanted)
{
    if (json_is_string(value))
        return strcmp(json_string_value(value), wanted) == 0;
    return json_is_false(value) && strcmp(wanted, "false") == 0;
}

static bool check_tags(const json_t *extra, struct dr_error *error)
{
    const json_t *specs = json_object_get(extra, "TagSpecifications");
    size_t i, j;
    const json_t *spec, *tag;
    if (specs && !json_is_array(specs))
        return dr_error_set(error, "TagSpecifications must be a list: [ ... ]");
    json_array_foreach (specs, i, spec) {
        const json_t *tags = json_object_get(spec, "Tags");
        json_array_foreach (tags, j, tag) {
            const char *key = json_string_value(json_object_get(tag, "Key"));
            if (key && strncmp(key, "drover-", 7) == 0)
                return dr_error_set(error,
                                    "TagSpecifications[%zu].Tags[%zu] sets %.60s: Drover knows "
                                    "its machines by its tags drover-*",
                                    i, j, key);
        }
    }
    return true;
}

static bool check_reserved(const json_t *extra, struct dr_error *error)
{
    for (size_t i = 0; i < sizeof RESERVED / sizeof *RESERVED; i++) {
        const struct reserved *reserved = &RESERVED[i];
        const json_t *value = dr_json_get(extra, reserved->path);
        if (!value || (reserved->only && is_value(value, reserved->only)))
            continue;
        return dr_error_set(error, "%s cannot be %s: %s", reserved->path,
                            reserved->only ? "another one" : "set", reserved->why);
    }
    return check_tags(extra, error);
}

/* ---- tags are added ------------------------------------------------------------------------- */
static json_t *same(json_t *list, const char *key, const json_t *of)
{
    const char *wanted = json_string_value(json_object_get(of, key));
    size_t i;
    json_t *one;
    json_array_foreach (list, i, one) {
        const char *is = json_string_value(json_object_get(one, key));
        if (wanted && is && strcmp(wanted, is) == 0)
            return one;
    }
    return NULL;
}

/* A resource type may have one specification only, a key one value: the user's. */
static void add_tags(json_t *request, json_t *specs)
{
    json_t *ours = json_object_get(request, "TagSpecifications"), *spec, *tag;
    size_t i, j;
    if (!ours) {
        ours = json_array();
        json_object_set_new(request, "TagSpecifications", ours);
    }
    json_array_foreach (specs, i, spec) {
        json_t *known = same(ours, "ResourceType", spec);
        json_t *tags = json_object_get(spec, "Tags"), *into = json_object_get(known, "Tags");
        if (!json_is_array(tags) || !json_is_array(into)) {
            json_array_append(ours, spec);
            continue;
        }
        json_array_foreach (tags, j, tag) {
            json_t *old = same(into, "Key", tag);
            if (old)
                json_object_update(old, tag);
            else
                json_array_append(into, tag);
        }
    }
}

/* ---- where the network is said -------------------------------------------------------------- */
/* EC2 takes a subnet and groups at the top or in an interface, not in both. */
static void lift(json_t *request)
{
    json_t *ours = json_array_get(json_object_get(request, "NetworkInterfaces"), 0);
    json_t *subnet = json_object_get(ours, "SubnetId"), *groups = json_object_get(ours, "Groups");
    if (subnet)
        json_object_set(request, "SubnetId", subnet);
    if (groups)
        json_object_set(request, "SecurityGroupIds", groups);
}

static void give(json_t *interface, const char *name, json_t *value, bool over)
{
    if (value && (over || !json_object_get(interface, name)))
        json_object_set(interface, name, value);
}

static void sink(json_t *request, bool over)
{
    json_t *interfaces = json_object_get(request, "NetworkInterfaces"), *interface;
    size_t i;
    json_array_foreach (interfaces, i, interface) {
        if (json_object_get(interface, "NetworkInterfaceId"))
            continue; /* one that exists has both already */
        give(interface, "SubnetId", json_object_get(request, "SubnetId"), over);
        give(interface, "Groups", json_object_get(request, "SecurityGroupIds"), over);
        give(interface, "DeleteOnTermination", json_true(), false);
    }
    json_object_del(request, "SubnetId");
    json_object_del(request, "SecurityGroupIds");
}

static void merge_network(json_t *request, json_t *extra)
{
    bool ours = json_object_get(request, "NetworkInterfaces");
    json_t *theirs = json_object_get(extra, "NetworkInterfaces");
    json_t *is_public =
        json_incref(dr_json_get(request, "NetworkInterfaces.0.AssociatePublicIpAddress"));
    if (theirs && ours)
        lift(request);
    json_object_update_recursive(request, extra);
    if (theirs || ours)
        sink(request, !theirs);
    if (theirs && json_array_size(theirs) == 1) /* EC2 lets one interface alone be public */
        give(json_array_get(json_object_get(request, "NetworkInterfaces"), 0),
             "AssociatePublicIpAddress", is_public, false);
    json_decref(is_public);
}

bool aws_merge_extra(json_t *request, const json_t *extra, struct dr_error *error)
{
    if (!json_is_object(extra))
        return dr_error_set(error, "it must be an object: { ... }");
    if (!check_reserved(extra, error))
        return false;
    json_t *copy = json_deep_copy(extra);
    DR_ASSERT(copy);
    json_t *specs = json_incref(json_object_get(copy, "TagSpecifications"));
    json_object_del(copy, "TagSpecifications");
    merge_network(request, copy);
    if (specs)
        add_tags(request, specs);
    json_decref(specs);
    json_decref(copy);
    return true;
}
