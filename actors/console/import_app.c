/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms of the hosted apps. How their export is nested is documented nowhere, so nesting does
 * not matter: fields are known by their names, be it the form's label or the task's parameter, and
 * a list whose entries name a queue is the list of resources. Names and labels: clearml-docs,
 * webapp/applications/apps_aws_autoscaler.md and apps_gcp_autoscaler.md.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "drover/assert.h"
#include "import.h"

#define DEPTH_MAX 12

struct rename {
    const char *was, *is;
};

static const struct rename general[] = {
    {"aws_access_key_id", "cloud_credentials_key"},
    {"access_key_id", "cloud_credentials_key"},
    {"aws_key", "cloud_credentials_key"},
    {"aws_secret_access_key", "cloud_credentials_secret"},
    {"secret_access_key", "cloud_credentials_secret"},
    {"aws_secret", "cloud_credentials_secret"},
    {"aws_session_token", "cloud_credentials_token"},
    {"aws_region", "cloud_credentials_region"},
    {"region", "cloud_credentials_region"},
    {"use_iam_role", "use_credentials_chain"},
    {"git_username", "git_user"},
    {"git_password", "git_pass"},
    {"git_token", "git_pass"},
    {"git_personal_access_token", "git_pass"},
    {"base_docker_image", "default_docker_image"},
    {"docker_image", "default_docker_image"},
    {"max_idle_time", "max_idle_time_min"},
    {"polling_interval", "polling_interval_time_min"},
    {"max_spin_up_time", "max_spin_up_time_min"},
    {"worker_prefix", "workers_prefix"},
    {"init_script", "extra_vm_bash_script"},
    {"additional_clearml_configuration", "extra_clearml_conf"},
    {"additional_clearml_conf", "extra_clearml_conf"},
    {"clearml_configuration", "extra_clearml_conf"},
    {"custom_configuration", "extra_clearml_conf"},
    {"name", "instance_name"},
    {"app_instance_name", "instance_name"},
};

static const struct rename resource[] = {
    {"name", "resource_name"},
    {"gpu_machine_name", "resource_name"},
    {"instance_name", "resource_name"},
    {"num_instances_max", "num_instances"},
    {"max_instances", "num_instances"},
    {"max_num_of_instances", "num_instances"},
    {"max_number_of_instances", "num_instances"},
    {"maximum_instances", "num_instances"},
    {"queue", "queue_name"},
    {"monitored_queue", "queue_name"},
    {"monitored_queue_name", "queue_name"},
    {"ec2_type", "instance_type"},
    {"spot", "is_spot"},
    {"use_spot_instance", "is_spot"},
    {"use_spot_instances", "is_spot"},
    {"run_in_cpu_mode", "cpu_only"},
    {"cpu_mode", "cpu_only"},
    {"ami", "ami_id"},
    {"ebs_device", "ebs_device_name"},
    {"ec2_tags", "tags"},
    {"amazon_key_pair", "key_name"},
    {"key_pair", "key_name"},
    {"security_group_id", "security_group_ids"},
    {"security_groups", "security_group_ids"},
    {"vpc_subnet_id", "subnet_id"},
    {"subnet_ids", "subnet_id"},
    {"iam_instance_profile_arn", "iam_arn"},
    {"iam_instance_profile_name", "iam_name"},
    {"custom_launch_specification", "extra_configurations"},
    {"launch_specification", "extra_configurations"},
    {"spot_price", "spot_max_price"},
    {"max_spot_price", "spot_max_price"},
    {"regular_instance_rollback_timeout_min", "regular_instance_rollback_timeout"},
    {"spot_instance_blackout_period_min", "spot_instance_blackout_period"},
};

/* "AWS Access Key ID" and "awsAccessKeyId": aws_access_key_id. */
static void snake(const char *key, char *out, size_t size)
{
    size_t len = 0;
    char before = '_';
    for (; *key && len + 2 < size; before = *key++) {
        unsigned char c = (unsigned char)*key;
        bool hump = isupper(c) && islower((unsigned char)before);
        if ((hump || !isalnum(c)) && len > 0 && out[len - 1] != '_')
            out[len++] = '_';
        if (isalnum(c))
            out[len++] = (char)tolower(c);
    }
    while (len > 0 && out[len - 1] == '_')
        len--;
    out[len] = '\0';
}

const char *import_canonical(const char *key, char *out, size_t size, bool in_resource)
{
    const struct rename *table = in_resource ? resource : general;
    size_t count =
        in_resource ? sizeof resource / sizeof *resource : sizeof general / sizeof *general;
    snake(key, out, size);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(out, table[i].was) == 0)
            return table[i].is;
    }
    return out;
}

static bool one_of(const char *key, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(key, *words) == 0)
            return true;
    }
    return false;
}

/* ---- resources ------------------------------------------------------------------------------- */
static json_t *renamed(const json_t *entry)
{
    char name[128];
    const char *key;
    json_t *value, *out = json_object();
    DR_ASSERT(out);
    json_object_foreach ((json_t *)entry, key, value)
        json_object_set(out, import_canonical(key, name, sizeof name, true), value);
    return out;
}

static bool is_resources(const json_t *list)
{
    json_t *first = json_array_get(list, 0);
    if (!json_is_object(first))
        return false;
    json_t *entry = renamed(first);
    bool queued =
        json_object_get(entry, "queue_name") &&
        (json_object_get(entry, "instance_type") || json_object_get(entry, "machine_type") ||
         json_object_get(entry, "num_instances") || json_object_get(entry, "ami_id"));
    json_decref(entry);
    return queued;
}

static json_t *object_at(json_t *parent, const char *key)
{
    json_t *child = json_object_get(parent, key);
    if (!json_is_object(child)) {
        child = json_object();
        DR_ASSERT(child && json_object_set_new(parent, key, child) == 0);
    }
    return child;
}

/* Its name among the resources, which two of a form may share. */
static const char *resource_name(struct import *im, const json_t *resources, const json_t *entry,
                                 size_t index)
{
    const char *given = json_string_value(json_object_get(entry, "resource_name"));
    const char *name = given && *given ? given : import_printf(im, "resource%zu", index + 1);
    if (!json_object_get(resources, name))
        return name;
    const char *other = import_printf(im, "%s-%zu", name, index + 1);
    import_note(im, "resource_name", NULL, "two resources are called %.60s: the second is %.60s",
                name, other);
    return other;
}

static void add_resources(struct import *im, const json_t *list)
{
    json_t *resources = object_at(im->conf, "resource_configurations");
    json_t *queues = object_at(im->conf, "queues"), *item;
    size_t i;
    json_array_foreach (list, i, item) {
        json_t *entry = renamed(item);
        const char *name = resource_name(im, resources, entry, i);
        const char *queue = json_string_value(json_object_get(entry, "queue_name"));
        json_t *most = json_object_get(entry, "num_instances");
        if (queue && *queue) {
            json_t *served = json_object_get(queues, queue);
            if (!served)
                json_object_set_new(queues, queue, served = json_array());
            json_array_append_new(served,
                                  json_pack("[s,o]", name, most ? json_incref(most) : json_null()));
        } else {
            import_warn(im, name, NULL, "names no queue: no machine of it will start");
        }
        json_object_del(entry, "resource_name");
        json_object_del(entry, "queue_name");
        json_object_del(entry, "num_instances");
        json_object_set_new(resources, name, entry);
    }
}

/* ---- the form -------------------------------------------------------------------------------- */
static bool gather(struct import *im, const json_t *node, int depth);

static bool field(struct import *im, const char *key, json_t *value, int depth)
{
    static const char *const conf[] = {"extra_vm_bash_script", "extra_clearml_conf",
                                       "extra_trains_conf", NULL};
    static const char *const hyper[] = {"cloud_credentials_key",
                                        "cloud_credentials_secret",
                                        "cloud_credentials_token",
                                        "cloud_credentials_region",
                                        "use_credentials_chain",
                                        "use_iam_instance_profile",
                                        "iam_arn",
                                        "iam_name",
                                        "git_user",
                                        "git_pass",
                                        "default_docker_image",
                                        "max_idle_time_min",
                                        "polling_interval_time_min",
                                        "max_spin_up_time_min",
                                        "workers_prefix",
                                        "cloud_provider",
                                        "tags",
                                        "gcp_project_id",
                                        "gcp_zone",
                                        NULL};
    char snaked[128];
    const char *name = import_canonical(key, snaked, sizeof snaked, false);
    json_t *inner = json_object_get(value, "value");
    if (inner && !json_is_object(inner))
        value = inner;
    if (json_is_string(value) && strchr("[{", *json_string_value(value))) {
        const char *text = json_string_value(value);
        json_t *tree = *text ? json_loads(text, 0, NULL) : NULL;
        bool found = tree && gather(im, tree, depth + 1);
        json_decref(tree);
        if (found)
            return true;
    }
    if (json_is_object(value) || json_is_array(value)) {
        bool found = gather(im, value, depth + 1); /* its unknown fields are kept there */
        if (found || !one_of(name, hyper))
            return found;
    }
    if (one_of(name, conf))
        return json_object_set(im->conf, name, value) == 0;
    json_object_set(im->hyper, name, value);
    return one_of(name, hyper);
}

/* True if anything in it is an autoscaler's. */
static bool gather(struct import *im, const json_t *node, int depth)
{
    bool found = false;
    const char *key;
    size_t i;
    json_t *value;
    if (depth > DEPTH_MAX)
        return false;
    if (is_resources(node)) {
        add_resources(im, node);
        return true;
    }
    json_object_foreach ((json_t *)node, key, value)
        found = field(im, key, value, depth) || found;
    json_array_foreach (node, i, value) {
        const char *name = json_string_value(json_object_get(value, "name"));
        json_t *inner = json_object_get(value, "value");
        found =
            (name && inner ? field(im, name, inner, depth) : gather(im, value, depth + 1)) || found;
    }
    return found;
}

bool import_app(struct import *im, const json_t *tree)
{
    return gather(im, tree, 0);
}
