/* SPDX-License-Identifier: Apache-2.0
 *
 * RunInstances, built in boto3's shape, so that extra_configurations can be merged over it.
 */
#include "run.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "drover/assert.h"
#include "extra.h"
#include "json.h"
#include "request.h"
#include "userdata.h"

static void set(json_t *object, const char *name, json_t *value)
{
    DR_ASSERT(value && json_object_set_new(object, name, value) == 0);
}

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value[0])
        set(object, name, json_string(value));
}

static json_t *texts(const struct dr_strs *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

/* ---- where ---------------------------------------------------------------------------------- */
bool aws_offering(const struct dr_cfg_type *type, size_t n, char *out, size_t size)
{
    const struct dr_strs *places =
        type->subnet_ids.count > 0 ? &type->subnet_ids : &type->availability_zones;
    if (n >= (places->count > 0 ? places->count : 1))
        return false;
    snprintf(out, size, "%s/%s/%s", type->instance_type,
             places->count > 0 ? places->items[n] : "any", type->spot ? "spot" : "on-demand");
    return true;
}

/* The place of an offering that the type still has; NULL when the configuration has moved on. */
static const char *place_of(const struct dr_cfg_type *type, const char *offering)
{
    char known[160];
    for (size_t n = 0; aws_offering(type, n, known, sizeof known); n++) {
        if (strcmp(known, offering) == 0)
            return type->subnet_ids.count > 0           ? type->subnet_ids.items[n]
                   : type->availability_zones.count > 0 ? type->availability_zones.items[n]
                                                        : "";
    }
    return NULL;
}

/* EC2 takes a subnet and groups either at the top or in an interface, and only an interface can say
 * whether it gets a public address. */
static void add_network(json_t *request, const struct dr_cfg_type *type, const char *place)
{
    const char *subnet = type->subnet_ids.count > 0 ? place : "";
    json_t *into = request;
    if (type->subnet_ids.count == 0 && place[0])
        set(request, "Placement", json_pack("{s:s}", "AvailabilityZone", place));
    if (strcmp(type->public_ip, "subnet") != 0) {
        into = json_pack("{s:i, s:b, s:b}", "DeviceIndex", 0, "AssociatePublicIpAddress",
                         strcmp(type->public_ip, "yes") == 0, "DeleteOnTermination", 1);
        set(request, "NetworkInterfaces", json_pack("[o]", into));
    }
    set_text(into, "SubnetId", subnet);
    if (type->security_group_ids.count > 0)
        set(into, into == request ? "SecurityGroupIds" : "Groups",
            texts(&type->security_group_ids));
}

/* ---- disk, role, market --------------------------------------------------------------------- */
static void add_disk(json_t *request, const struct dr_cfg_type *type, const char *device)
{
    json_t *ebs = json_object();
    if (type->ebs_snapshot_id[0]) {
        set_text(ebs, "SnapshotId", type->ebs_snapshot_id);
    } else {
        set(ebs, "VolumeSize", json_integer(type->ebs_volume_size));
        set_text(ebs, "VolumeType", type->ebs_volume_type);
        if (type->ebs_iops > 0)
            set(ebs, "Iops", json_integer(type->ebs_iops));
        if (type->ebs_throughput > 0)
            set(ebs, "Throughput", json_integer(type->ebs_throughput));
    }
    if (type->ebs_encrypted || type->ebs_kms_key_id[0])
        set(ebs, "Encrypted", json_true());
    set_text(ebs, "KmsKeyId", type->ebs_kms_key_id);
    set(ebs, "DeleteOnTermination", json_true());
    set(request, "BlockDeviceMappings",
        json_pack("[{s:s, s:o}]", "DeviceName", device, "Ebs", ebs));
}

static void add_spot(json_t *request, const struct dr_cfg_type *type)
{
    json_t *options = json_pack("{s:s, s:s}", "SpotInstanceType", "one-time",
                                "InstanceInterruptionBehavior", "terminate");
    set_text(options, "MaxPrice", type->spot_max_price);
    set(request, "InstanceMarketOptions",
        json_pack("{s:s, s:o}", "MarketType", "spot", "SpotOptions", options));
}

/* ---- tags ----------------------------------------------------------------------------------- */
static bool tagged(const struct dr_cfg_type *type, const char *kind)
{
    for (size_t i = 0; i < type->tag_resources.count; i++) {
        if (strcmp(type->tag_resources.items[i], kind) == 0)
            return true;
    }
    return type->tag_resources.count == 0 &&
           (strcmp(kind, "instance") == 0 || strcmp(kind, "volume") == 0);
}

static void add_tag(json_t *tags, const char *key, const char *value)
{
    DR_ASSERT(json_array_append_new(tags, json_pack("{s:s, s:s}", "Key", key, "Value", value)) ==
              0);
}

static json_t *tags_of(const struct driver_request *request, const char *kind)
{
    const struct dr_cfg_type *type = request->type;
    json_t *tags = json_array();
    char name[256];
    bool named = false;
    snprintf(name, sizeof name, "drover-%s-%s", request->deployment, type->name);
    for (size_t i = 0; tagged(type, kind) && i < type->tags.count; i++) {
        const char *tag = type->tags.items[i], *equals = strchr(tag, '=');
        char key[4 * 128 + 1];
        snprintf(key, sizeof key, "%.*s", (int)(equals - tag), tag);
        named = named || strcmp(key, "Name") == 0;
        add_tag(tags, key, equals + 1);
    }
    if (!named)
        add_tag(tags, "Name", name);
    add_tag(tags, "drover-deployment", request->deployment);
    add_tag(tags, "drover-attempt", request->attempt);
    add_tag(tags, "drover-ledger", request->ledger_id);
    return tags;
}

static void add_tags(json_t *object, const struct driver_request *request)
{
    static const char *const kinds[] = {"instance", "volume", "network-interface",
                                        "spot-instances-request"};
    json_t *specs = json_array();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool always = i < 2; /* without them no machine and no disk could be called ours */
        bool spot_only = i == 3;
        if ((always || tagged(request->type, kinds[i])) && (!spot_only || request->type->spot))
            json_array_append_new(specs, json_pack("{s:s, s:o}", "ResourceType", kinds[i], "Tags",
                                                   tags_of(request, kinds[i])));
    }
    set(object, "TagSpecifications", specs);
}

/* ---- all of it ------------------------------------------------------------------------------ */
static json_t *build(const struct driver_request *request, const char *place, const char *device)
{
    const struct dr_cfg_type *type = request->type;
    json_t *object =
        json_pack("{s:s, s:s, s:i, s:I}", "ImageId", type->ami_id, "InstanceType",
                  type->instance_type, "MinCount", 1, "MaxCount", (json_int_t)request->count);
    DR_ASSERT(object);
    set_text(object, "ClientToken", request->attempt);
    set_text(object, "KeyName", type->key_name);
    add_network(object, type, place);
    if (device[0])
        add_disk(object, type, device);
    const char *profile = type->iam_instance_profile;
    if (profile[0])
        set(object, "IamInstanceProfile",
            json_pack("{s:s}", strncmp(profile, "arn:", 4) == 0 ? "Arn" : "Name", profile));
    if (type->spot)
        add_spot(object, type);
    if (type->enable_monitoring)
        set(object, "Monitoring", json_pack("{s:b}", "Enabled", 1));
    /* Two hops: a container on the machine reaches the service through a bridge. */
    set(object, "MetadataOptions",
        json_pack("{s:s, s:i, s:s}", "HttpTokens", "required", "HttpPutResponseHopLimit", 2,
                  "HttpEndpoint", "enabled"));
    set(object, "InstanceInitiatedShutdownBehavior", json_string("terminate"));
    add_tags(object, request);
    return object;
}

static bool in_extra(const struct dr_cfg_type *type, struct dr_error *error)
{
    char what[sizeof error->text];
    snprintf(what, sizeof what, "%s", error->text);
    return dr_error_set(error, "machine_types[%s].extra_configurations: %s", type->name, what);
}

/* *extra NULL: there is none. */
static bool read_extra(const struct dr_cfg_type *type, json_t **extra, struct dr_error *error)
{
    const char *text = type->extra_configurations;
    *extra = NULL;
    if (text[strspn(text, " \t\r\n")] == '\0')
        return true;
    *extra = dr_json_parse(text, strlen(text), error);
    return *extra || in_extra(type, error);
}

static bool device_of(const struct dr_cfg_type *type, const json_t *extra, const char *root_device,
                      const char **device, struct dr_error *error)
{
    *device = type->ebs_device_name[0] ? type->ebs_device_name : root_device;
    /* A guess could be wrong, and would add a second disk beside the image's small one. */
    if (!*device[0] && !json_object_get(extra, "BlockDeviceMappings"))
        return dr_error_set(
            error,
            "machine_types[%s].ebs_device_name: it is not known what image %.60s calls its root "
            "disk: set it (Ubuntu: /dev/sda1, Amazon Linux and Debian: /dev/xvda)%s",
            type->name, type->ami_id,
            strncmp(type->ami_id, "ami-", 4) == 0 ? ", or grant ec2:DescribeImages" : "");
    return true;
}

static bool assemble(const struct driver_request *request, const char *place, const json_t *extra,
                     const char *device, struct dr_strbuf *body, struct dr_error *error)
{
    struct dr_strbuf secret = {0};
    json_t *object = build(request, place, device);
    aws_begin(body, "RunInstances", AWS_EC2_VERSION);
    bool fine =
        (!extra || aws_merge_extra(object, extra, error)) && aws_flatten(object, body, error);
    json_decref(object);
    if (!fine)
        return in_extra(request->type, error);
    fine = request->user_data_len == 0 || aws_user_data(request, &secret, error);
    if (fine && secret.len > 0)
        aws_field(body, "UserData", secret.data);
    dr_strbuf_free(&secret);
    return fine;
}

bool aws_run_instances(const struct driver_request *request, const char *root_device,
                       struct dr_strbuf *body, struct dr_error *error)
{
    const struct dr_cfg_type *type = request->type;
    const char *place = place_of(type, request->offering), *device;
    struct dr_error local = {0};
    json_t *extra = NULL;
    error = error ? error : &local;
    DR_ASSERT(body->len == 0 && request->count > 0);
    if (!place)
        return dr_error_set(error, "machine_types[%s]: %.100s is not offered (any more)",
                            type->name, request->offering);
    bool fine = run_check(type, error) && read_extra(type, &extra, error) &&
                device_of(type, extra, root_device, &device, error) &&
                assemble(request, place, extra, device, body, error);
    json_decref(extra);
    if (!fine)
        dr_strbuf_free(body);
    return fine;
}
