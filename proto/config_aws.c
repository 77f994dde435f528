/* SPDX-License-Identifier: Apache-2.0 */
#include "config_aws.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_value.h"

#define TAGS_MAX 50
#define TAGS_OURS 5 /* Name and drover-deployment, -attempt, -ledger, -machine */
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256

__attribute__((format(printf, 3, 4))) static bool bad(const struct cfg_judge *judge,
                                                      const char *field, const char *format, ...)
{
    char text[288];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    judge->fault(judge->arg, field, text);
    return false;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- what and where ------------------------------------------------------------------------- */
static bool check_size(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    if (!type->instance_type[0])
        return bad(judge, "instance_type", "it must be given, e.g. g5.xlarge");
    if (strlen(type->instance_type) > 40 || strpbrk(type->instance_type, "/ "))
        return bad(judge, "instance_type", "%.60s is no instance type", type->instance_type);
    return true;
}

static bool check_image(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    if (!type->ami_id[0])
        return bad(judge, "ami_id",
                   "it must be given: an image of the region, ami-..., or resolve:ssm:/path");
    if (!begins(type->ami_id, "ami-") && !begins(type->ami_id, "resolve:ssm:"))
        return bad(judge, "ami_id", "%.60s is neither ami-... nor resolve:ssm:/path", type->ami_id);
    return true;
}

static bool check_profile(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    const char *profile = type->iam_instance_profile;
    if (begins(profile, "arn:") && !strstr(profile, ":instance-profile/"))
        return bad(judge, "iam_instance_profile",
                   "%.100s is not an instance profile (of a role, give the name: the profile is "
                   "mostly called as its role)",
                   profile);
    return true;
}

static bool check_ids(const struct cfg_judge *judge, const char *field, const struct dr_strs *ids,
                      const char *prefix)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (!begins(ids->items[i], prefix) || strlen(ids->items[i]) > 60 ||
            strchr(ids->items[i], '/'))
            return bad(judge, field, "\"%.60s\" is no id of the form %s...", ids->items[i], prefix);
    }
    return true;
}

static bool check_zones(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    const struct dr_strs *zones = &type->availability_zones;
    if (zones->count > 0 && type->subnet_ids.count > 0)
        return bad(judge, "availability_zones", "not beside subnet_ids: a subnet lies in one zone");
    for (size_t i = 0; i < zones->count; i++) {
        if (!zones->items[i][0] || strlen(zones->items[i]) > 60 || strpbrk(zones->items[i], "/ "))
            return bad(judge, "availability_zones", "\"%.60s\" is no zone, e.g. eu-west-1a",
                       zones->items[i]);
    }
    return true;
}

static bool check_networks(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    bool fine = check_ids(judge, "subnet_ids", &type->subnet_ids, "subnet-");
    return check_ids(judge, "security_group_ids", &type->security_group_ids, "sg-") && fine;
}

/* https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotMarketOptions.html */
static bool check_price(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    const char *price = type->spot_max_price;
    size_t len = strlen(price);
    if (len == 0)
        return true;
    bool number = len < 16 && strspn(price, "0123456789.") == len &&
                  strchr(price, '.') == strrchr(price, '.') && strcmp(price, ".") != 0;
    if (!number)
        return bad(judge, "spot_max_price", "%.40s is no price: dollars per hour, e.g. 0.35",
                   price);
    return strtod(price, NULL) > 0.001 ||
           bad(judge, "spot_max_price",
               "EC2 takes prices above 0.001 only; leave it empty for the on-demand price");
}

/* ---- disk ----------------------------------------------------------------------------------- */
static bool check_disk(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    const char *kind = type->ebs_volume_type;
    bool provisioned = strcmp(kind, "io1") == 0 || strcmp(kind, "io2") == 0;
    bool gp3 = strcmp(kind, "gp3") == 0;
    if (type->ebs_snapshot_id[0]) {
        if (!begins(type->ebs_snapshot_id, "snap-"))
            return bad(judge, "ebs_snapshot_id", "\"%.60s\" is no id of the form snap-...",
                       type->ebs_snapshot_id);
        if (type->ebs_iops > 0 || type->ebs_throughput > 0)
            return bad(judge, type->ebs_iops > 0 ? "ebs_iops" : "ebs_throughput",
                       "not beside ebs_snapshot_id, which decides size and type of the disk");
        return true;
    }
    if (!kind[0])
        return bad(judge, "ebs_volume_type", "it must be given, e.g. gp3");
    if (provisioned && type->ebs_iops == 0)
        return bad(judge, "ebs_iops", "ebs_volume_type %s needs it", kind);
    if (type->ebs_iops > 0 && !provisioned && !gp3)
        return bad(judge, "ebs_iops", "ebs_volume_type %.20s has none to choose: io1, io2, gp3",
                   kind);
    if (type->ebs_throughput > 0 && !gp3)
        return bad(judge, "ebs_throughput",
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

static bool check_tag(const struct dr_cfg_type *type, size_t index, const struct cfg_judge *judge)
{
    const char *tag = type->tags.items[index], *equals = strchr(tag, '=');
    size_t len = equals ? (size_t)(equals - tag) : 0;
    if (len == 0)
        return bad(judge, "tags", "\"%.60s\" is not KEY=VALUE", tag);
    if (strncasecmp(tag, "aws:", 4) == 0)
        return bad(judge, "tags", "%.60s: keys that begin with aws: are Amazon's own", tag);
    if (begins(tag, "drover-"))
        return bad(judge, "tags", "%.60s: keys that begin with drover- are Drover's own", tag);
    if (characters(tag, len) > TAG_KEY_MAX)
        return bad(judge, "tags", "the key %.40s... is longer than %d characters", tag,
                   TAG_KEY_MAX);
    if (characters(equals + 1, strlen(equals + 1)) > TAG_VALUE_MAX)
        return bad(judge, "tags", "the value of %.*s is longer than %d characters",
                   (int)(len < 60 ? len : 60), tag, TAG_VALUE_MAX);
    for (size_t i = 0; i < index; i++) {
        if (strncmp(type->tags.items[i], tag, len + 1) == 0)
            return bad(judge, "tags", "the key %.*s is there twice", (int)(len < 60 ? len : 60),
                       tag);
    }
    return true;
}

static bool check_tags(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    if (type->tags.count > TAGS_MAX - TAGS_OURS)
        return bad(judge, "tags", "EC2 takes %d at most, and %d are Drover's own", TAGS_MAX,
                   TAGS_OURS);
    for (size_t i = 0; i < type->tags.count; i++) {
        if (!check_tag(type, i, judge))
            return false;
    }
    return true;
}

static bool check_tag_resources(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    static const char words[] = "instance|volume|network-interface|spot-instances-request";
    for (size_t i = 0; i < type->tag_resources.count; i++) {
        const char *kind = type->tag_resources.items[i];
        if (!cfg_value_is_word(words, kind))
            return bad(judge, "tag_resources",
                       "%.60s is none of instance, volume, network-interface, "
                       "spot-instances-request",
                       kind);
    }
    return true;
}

/* Which fields of it go is judged where the request is built. Blanks alone are as good as nothing.
 */
static bool check_extra(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    const char *text = type->extra_configurations;
    json_error_t error = {0};
    if (!text[strspn(text, " \t\r\n")])
        return true;
    json_t *extra = json_loads(text, 0, &error);
    bool object = json_is_object(extra), json = extra != NULL;
    json_decref(extra);
    if (!json)
        return bad(judge, "extra_configurations", "not JSON: %.160s (line %d, column %d)",
                   error.text, error.line, error.column);
    return object ||
           bad(judge, "extra_configurations", "it must be an object: {\"NetworkInterfaces\": ...}");
}

/* ---- all of it ------------------------------------------------------------------------------ */
bool cfg_aws_judge(const struct dr_cfg_type *type, const struct cfg_judge *judge)
{
    static bool (*const checks[])(const struct dr_cfg_type *, const struct cfg_judge *) = {
        check_size,  check_image, check_profile, check_zones,         check_networks,
        check_price, check_disk,  check_tags,    check_tag_resources, check_extra};
    bool fine = true;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        fine = checks[i](type, judge) && fine;
    return fine;
}

bool cfg_aws_judge_account(const struct dr_cfg_account *account, const struct cfg_judge *judge)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const struct {
        const char *field, *text, *begin, *other, *what;
    } begun[] = {
        {"role_arn", account->role_arn,
         "arn:", "arn:", "no ARN of a role: arn:aws:iam::...:role/..."},
        {"endpoint", account->endpoint, "https://", "http://", "no address, e.g. https://..."},
        {"sts_endpoint", account->sts_endpoint, "https://", "http://",
         "no address, e.g. https://..."},
    };
    bool fine = true;
    if (account->region[strspn(account->region, letters)])
        fine = bad(judge, "region", "%.60s is no region, e.g. eu-west-1", account->region);
    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++)
        if (*begun[i].text && !begins(begun[i].text, begun[i].begin) &&
            !begins(begun[i].text, begun[i].other))
            fine = bad(judge, begun[i].field, "%.100s is %s", begun[i].text, begun[i].what);
    return fine;
}
