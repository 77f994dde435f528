/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "import.h"

bool import_is_gcp(const struct import *im)
{
    const char *cloud = json_string_value(json_object_get(im->hyper, "cloud_provider"));
    const json_t *resources = json_object_get(im->conf, "resource_configurations");
    const char *key;
    json_t *value;
    if (cloud && strcasecmp(cloud, "gcp") == 0)
        return true;
    json_object_foreach (im->hyper, key, value) {
        if (strncmp(key, "gcp_", 4) == 0)
            return true;
    }
    json_object_foreach ((json_t *)resources, key, value) {
        if (json_object_get(value, "machine_type") && !json_object_get(value, "instance_type"))
            return true;
    }
    return false;
}

static void say(struct import *im, const char *path, const json_t *fields)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)fields, key, value) {
        const char *field = import_printf(im, "%s.%s", path, key);
        if (json_is_object(value))
            say(im, field, value);
        else if (!json_is_null(value))
            import_warn(im, field, value,
                        "Drover has no driver for Google Cloud yet: not carried over");
    }
}

void import_gcp(struct import *im)
{
    say(im, "hyper_params", im->hyper);
    say(im, "configurations", im->conf);
}
