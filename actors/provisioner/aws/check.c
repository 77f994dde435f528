/* SPDX-License-Identifier: Apache-2.0
 *
 * A configured type, judged without asking AWS. Fields are named as in drover.yaml.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "run.h"
#include "utf8.h"

#define TAGS_MAX 50
#define TAGS_OURS 5 /* Name and drover-deployment, -attempt, -ledger, -machine */
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256

static bool bad(const struct dr_cfg_type *type, const char *field, struct dr_error *error,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

static bool bad(const struct dr_cfg_type *type, const char *field, struct dr_error *error,
                const char *format, ...)
{
    char text[288];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return dr_error_set(error, "machine_types[%s].%s: %s", type->name, field, text);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- what and where ------------------------------------------------------------------------- */
static bool check_what(const struct dr_cfg_type *type, struct dr_error *error)
{
    if (!type->instance_type[0])
        return bad(type, "instance_type", error, "it must be given, e.g. g5.xlarge");
    if (strlen(type->instance_type) > 40 || strchr(type->instance_type, '/'))
        return bad(type, "instance_type", error, "%.60s is no instance type", type->instance_type);
    if (!type->ami_id[0])
        return bad(type, "ami_id", error,
                   "it must be given: an image of the region, ami-..., or resolve:ssm:/path");
    if (!begins(type->ami_id, "ami-") && !begins(type->ami_id, "resolve:ssm:"))
        return bad(type, "ami_id", error, "%.60s is neither ami-... nor resolve:ssm:/path",
                   type->ami_id);
    const char *profile = type->iam_instance_profile;
    if (begins(profile, "arn:") && !strstr(profile, ":instance-profile/"))
        return bad(type, "iam_instance_profile", error,
                   "%.100s is not an instance profile (of a role, give the name: the profile is "
                   "mostly called as its role)",
                   profile);
    return true;
}

static bool check_ids(const struct dr_cfg_type *type, const char *field, const struct dr_strs *ids,
                      const char *prefix, struct dr_error *error)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (!begins(ids->items[i], prefix) || strlen(ids->items[i]) > 60 ||
            strchr(ids->items[i], '/'))
            return bad(type, field, error, "\"%.60s\" is no id of the form %s...", ids->items[i],
                       prefix);
    }
    return true;
}

static bool check_where(const struct dr_cfg_type *type, struct dr_error *error)
{
    const struct dr_strs *zones = &type->availability_zones;
    if (zones->count > 0 && type->subnet_ids.count > 0)
        return bad(type, "availability_zones", error,
                   "not beside subnet_ids: a subnet lies in one zone");
    for (size_t i = 0; i < zones->count; i++) {
        if (!zones->items[i][0] || strlen(zones->items[i]) > 60 || strchr(zones->items[i], '/'))
            return bad(type, "availability_zones", error, "\"%.60s\" is no zone, e.g. eu-west-1a",
                       zones->items[i]);
    }
    return check_ids(type, "subnet_ids", &type->subnet_ids, "subnet-", error) &&
           check_ids(type, "security_group_ids", &type->security_group_ids, "sg-", error);
}

/* https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotMarketOptions.html */
static bool check_price(const struct dr_cfg_type *type, struct dr_error *error)
{
    const char *price = type->spot_max_price;
    size_t len = strlen(price);
    if (len == 0)
        return true;
    bool number = len < 16 && strspn(price, "0123456789.") == len &&
                  strchr(price, '.') == strrchr(price, '.') && strcmp(price, ".") != 0;
    if (!number)
        return bad(type, "spot_max_price", error, "%.40s is no price: dollars per hour, e.g. 0.35",
                   price);
    return strtod(price, NULL) > 0.001 ||
           bad(type, "spot_max_price", error,
               "EC2 takes prices above 0.001 only; leave it empty for the on-demand price");
}

/* ---- disk ----------------------------------------------------------------------------------- */
static bool check_disk(const struct dr_cfg_type *type, struct dr_error *error)
{
    const char *kind = type->ebs_volume_type;
    bool provisioned = strcmp(kind, "io1") == 0 || strcmp(kind, "io2") == 0;
    bool gp3 = strcmp(kind, "gp3") == 0;
    if (type->ebs_snapshot_id[0]) {
        if (!begins(type->ebs_snapshot_id, "snap-"))
            return bad(type, "ebs_snapshot_id", error, "\"%.60s\" is no id of the form snap-...",
                       type->ebs_snapshot_id);
        if (type->ebs_iops > 0 || type->ebs_throughput > 0)
            return bad(type, type->ebs_iops > 0 ? "ebs_iops" : "ebs_throughput", error,
                       "not beside ebs_snapshot_id, which decides size and type of the disk");
        return true;
    }
    if (!kind[0])
        return bad(type, "ebs_volume_type", error, "it must be given, e.g. gp3");
    if (provisioned && type->ebs_iops == 0)
        return bad(type, "ebs_iops", error, "ebs_volume_type %s needs it", kind);
    if (type->ebs_iops > 0 && !provisioned && !gp3)
        return bad(type, "ebs_iops", error,
                   "ebs_volume_type %.20s has none to choose: io1, io2, gp3", kind);
    if (type->ebs_throughput > 0 && !gp3)
        return bad(type, "ebs_throughput", error,
                   "ebs_volume_type %.20s has none to choose: only gp3 has", kind);
    return true;
}

/* ---- tags ----------------------------------------------------------------------------------- */
static size_t characters(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static bool check_tag(const struct dr_cfg_type *type, size_t index, struct dr_error *error)
{
    const char *tag = type->tags.items[index], *equals = strchr(tag, '=');
    size_t len = equals ? (size_t)(equals - tag) : 0;
    if (len == 0)
        return bad(type, "tags", error, "\"%.60s\" is not KEY=VALUE", tag);
    if (strncasecmp(tag, "aws:", 4) == 0)
        return bad(type, "tags", error, "%.60s: keys that begin with aws: are Amazon's own", tag);
    if (begins(tag, "drover-"))
        return bad(type, "tags", error, "%.60s: keys that begin with drover- are Drover's own",
                   tag);
    if (characters(tag, len) > TAG_KEY_MAX)
        return bad(type, "tags", error, "the key %.40s... is longer than %d characters", tag,
                   TAG_KEY_MAX);
    if (characters(equals + 1, strlen(equals + 1)) > TAG_VALUE_MAX)
        return bad(type, "tags", error, "the value of %.*s is longer than %d characters",
                   (int)(len < 60 ? len : 60), tag, TAG_VALUE_MAX);
    for (size_t i = 0; i < index; i++) {
        if (strncmp(type->tags.items[i], tag, len + 1) == 0)
            return bad(type, "tags", error, "the key %.*s is there twice",
                       (int)(len < 60 ? len : 60), tag);
    }
    return true;
}

static bool check_tags(const struct dr_cfg_type *type, struct dr_error *error)
{
    static const char *const kinds[] = {"instance", "volume", "network-interface",
                                        "spot-instances-request"};
    if (type->tags.count > TAGS_MAX - TAGS_OURS)
        return bad(type, "tags", error, "EC2 takes %d at most, and %d are Drover's own", TAGS_MAX,
                   TAGS_OURS);
    for (size_t i = 0; i < type->tags.count; i++) {
        if (!check_tag(type, i, error))
            return false;
    }
    for (size_t i = 0; i < type->tag_resources.count; i++) {
        const char *kind = type->tag_resources.items[i];
        bool known = false;
        for (size_t j = 0; j < sizeof kinds / sizeof *kinds; j++)
            known = known || strcmp(kind, kinds[j]) == 0;
        if (!known)
            return bad(type, "tag_resources", error,
                       "%.60s is none of instance, volume, network-interface, "
                       "spot-instances-request",
                       kind);
    }
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------ */
bool run_check(const struct dr_cfg_type *type, struct dr_error *error)
{
    return check_what(type, error) && check_where(type, error) && check_price(type, error) &&
           check_disk(type, error) && check_tags(type, error);
}

bool aws_check_type(const struct dr_cfg_type *type, struct dr_error *error)
{
    char offering[160];
    struct dr_strbuf body = {0};
    if (!run_check(type, error) || !aws_offering(type, 0, offering, sizeof offering))
        return false;
    /* Whatever extra_configurations holds is judged by using it; a device is only known to AWS. */
    struct driver_request request = {.attempt = "check",
                                     .count = 1,
                                     .type = type,
                                     .offering = offering,
                                     .deployment = "check",
                                     .ledger_id = "check",
                                     .user_data = ""};
    bool fine = aws_run_instances(&request, "/dev/xvda", &body, error);
    dr_strbuf_free(&body);
    return fine;
}
