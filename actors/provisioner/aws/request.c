/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdio.h>
#include <string.h>

#define PAGE "1000" /* the most that EC2 gives at once */

/* Everything but A-Za-z0-9-_.~ is escaped (https://docs.aws.amazon.com/ec2/latest/devguide/). */
static void encode(struct dr_strbuf *body, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    while (*text) {
        size_t len = strspn(text, plain);
        dr_strbuf_add(body, text, len);
        text += len;
        if (*text)
            dr_strbuf_printf(body, "%%%02X", (unsigned char)*text++);
    }
}

void aws_begin(struct dr_strbuf *body, const char *action, const char *version)
{
    dr_strbuf_printf(body, "Action=%s&Version=%s", action, version);
}

void aws_field(struct dr_strbuf *body, const char *name, const char *value)
{
    dr_strbuf_add_text(body, "&");
    encode(body, name);
    dr_strbuf_add_text(body, "=");
    encode(body, value);
}

void aws_field_int(struct dr_strbuf *body, const char *name, long long value)
{
    dr_strbuf_printf(body, "&%s=%lld", name, value);
}

void aws_field_bool(struct dr_strbuf *body, const char *name, bool value)
{
    aws_field(body, name, value ? "true" : "false");
}

/* Name.1, Name.2 ... */
static void fields(struct dr_strbuf *body, const char *name, const char *const *values,
                   size_t count)
{
    char numbered[64];
    for (size_t i = 0; i < count; i++) {
        snprintf(numbered, sizeof numbered, "%s.%zu", name, i + 1);
        aws_field(body, numbered, values[i]);
    }
}

static void page(struct dr_strbuf *body, const char *token)
{
    aws_field(body, "MaxResults", PAGE);
    if (token[0])
        aws_field(body, "NextToken", token);
}

static void list_by(const char *filter, const char *value, const char *token,
                    struct dr_strbuf *body)
{
    aws_begin(body, "DescribeInstances", AWS_EC2_VERSION);
    aws_field(body, "Filter.1.Name", filter);
    aws_field(body, "Filter.1.Value.1", value);
    page(body, token);
}

void aws_list(const char *deployment, const char *token, struct dr_strbuf *body)
{
    list_by("tag:drover-deployment", deployment, token, body);
}

void aws_list_attempt(const char *attempt, const char *token, struct dr_strbuf *body)
{
    list_by("tag:drover-attempt", attempt, token, body);
}

void aws_describe(const char *const *instances, size_t count, struct dr_strbuf *body)
{
    aws_begin(body, "DescribeInstances", AWS_EC2_VERSION);
    fields(body, "InstanceId", instances, count);
}

void aws_terminate(const char *const *instances, size_t count, struct dr_strbuf *body)
{
    aws_begin(body, "TerminateInstances", AWS_EC2_VERSION);
    fields(body, "InstanceId", instances, count);
    aws_field_bool(body, "SkipOsShutdown", true);
}

void aws_tag(const char *instance, const char *key, const char *value, struct dr_strbuf *body)
{
    aws_begin(body, "CreateTags", AWS_EC2_VERSION);
    aws_field(body, "ResourceId.1", instance);
    aws_field(body, "Tag.1.Key", key);
    aws_field(body, "Tag.1.Value", value);
}

void aws_console(const char *instance, bool latest, struct dr_strbuf *body)
{
    aws_begin(body, "GetConsoleOutput", AWS_EC2_VERSION);
    aws_field(body, "InstanceId", instance);
    if (latest)
        aws_field_bool(body, "Latest", true);
}

void aws_types(const char *const *types, size_t count, struct dr_strbuf *body)
{
    aws_begin(body, "DescribeInstanceTypes", AWS_EC2_VERSION);
    fields(body, "InstanceType", types, count);
}

void aws_offerings(const char *const *types, size_t count, const char *token,
                   struct dr_strbuf *body)
{
    aws_begin(body, "DescribeInstanceTypeOfferings", AWS_EC2_VERSION);
    aws_field(body, "LocationType", "availability-zone");
    if (count > 0) {
        aws_field(body, "Filter.1.Name", "instance-type");
        fields(body, "Filter.1.Value", types, count);
    }
    page(body, token);
}

void aws_spot_requests(const char *const *requests, size_t count, struct dr_strbuf *body)
{
    aws_begin(body, "DescribeSpotInstanceRequests", AWS_EC2_VERSION);
    if (count == 0)
        return;
    /* Not by id: one that is too young to be known would hide what is said of all the others. */
    aws_field(body, "Filter.1.Name", "spot-instance-request-id");
    fields(body, "Filter.1.Value", requests, count);
}

void aws_image(const char *image, struct dr_strbuf *body)
{
    aws_begin(body, "DescribeImages", AWS_EC2_VERSION);
    aws_field(body, "ImageId.1", image);
}

bool aws_dry_run(const char *body, struct dr_strbuf *out)
{
    /* An & stands between fields only. The boot script holds secrets, and EC2 judges a trial
     * without it as well. */
    const char *secret = strstr(body, "&UserData=");
    const char *rest = secret ? secret + 1 + strcspn(secret + 1, "&") : "";
    if (strncmp(body, "Action=RunInstances&", 20) != 0 || strstr(body, "&DryRun="))
        return false;
    dr_strbuf_add(out, body, secret ? (size_t)(secret - body) : strlen(body));
    dr_strbuf_add_text(out, rest);
    aws_field_bool(out, "DryRun", true);
    return true;
}
