/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_impl.h"
#include "drover/assert.h"
#include "utf8.h"

/* ---- shared --------------------------------------------------------------------------------- */
struct aws_xml *answer_open(const char *action, const char *body, size_t len,
                            struct dr_error *error)
{
    struct aws_xml *root = aws_xml_parse(body, len, error);
    size_t at = strlen(action);
    if (root &&
        (strncmp(root->name, action, at) != 0 || strcmp(root->name + at, "Response") != 0)) {
        dr_error_set(error, "%s was answered with <%.60s>, which is not its answer", action,
                     root->name);
        aws_xml_free(root);
        return NULL;
    }
    return root;
}

bool answer_copy(const struct aws_xml *node, const char *path, char *out, size_t size)
{
    const char *text = aws_xml_text(node, path);
    size_t len = strlen(text);
    bool fits = len < size;
    memcpy(out, text, fits ? len : 0);
    out[fits ? len : 0] = '\0';
    return fits;
}

void answer_cut(const struct aws_xml *node, const char *path, char *out, size_t size)
{
    const char *text = aws_xml_text(node, path);
    size_t len = strlen(text), used = 0;
    while (used < len) {
        size_t step = dr_utf8_char(text + used, len - used);
        if (step == 0 || used + step >= size)
            break;
        used += step;
    }
    memcpy(out, text, used);
    out[used] = '\0';
}

const struct aws_xml *answer_items(const struct aws_xml *node, const char *set)
{
    return aws_xml_child(aws_xml_child(node, set), "item");
}

bool answer_token(const struct aws_xml *root, char out[1024], struct dr_error *error)
{
    return answer_copy(root, "nextToken", out, 1024) ||
           dr_error_set(error, "the answer's nextToken is longer than any that AWS gives");
}

int64_t answer_int(const struct aws_xml *node, const char *path, int64_t fallback)
{
    const char *text = aws_xml_text(node, path);
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return text[0] && !*end && errno == 0 ? value : fallback;
}

void *answer_grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count == *capacity) {
        *capacity = count ? count * 2 : 16;
        items = reallocarray(items, *capacity, size);
        DR_ASSERT(items);
    }
    memset((char *)items + count * size, 0, size);
    return items;
}

/* Days since 1970 of a date of the Gregorian calendar (Hinnant, days_from_civil). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t aws_time_us(const char *text)
{
    unsigned year, month, day, hour, minute, second;
    int used = 0;
    if (strspn(text, "0123456789-T:") < 19 ||
        /* NOLINTNEXTLINE(cert-err34-c): four digits are in range */
        sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u%n", &year, &month, &day, &hour, &minute, &second,
               &used) != 6 ||
        used != 19)
        return -1;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        second > 60)
        return -1;
    int64_t us = 0, unit = 100000;
    const char *at = text + 19;
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
            us += (*at - '0') * unit;
    }
    if (strcmp(at, "Z") != 0)
        return -1;
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600LL + minute * 60LL + second;
    return seconds * 1000000 + us;
}

/* ---- instances ------------------------------------------------------------------------------ */
/* The code's low byte decides, the high one is AWS's own business; the name where there is none. */
static void read_state(const struct aws_xml *item, char out[24])
{
    static const struct {
        int64_t code;
        const char *name;
    } states[] = {{0, "pending"},     {16, "running"},  {32, "shutting-down"},
                  {48, "terminated"}, {64, "stopping"}, {80, "stopped"}};
    int64_t code = answer_int(item, "instanceState/code", -1);
    for (size_t i = 0; code >= 0 && i < sizeof states / sizeof *states; i++) {
        if ((code & 0xff) == states[i].code) {
            snprintf(out, 24, "%s", states[i].name);
            return;
        }
    }
    answer_cut(item, "instanceState/name", out, 24);
}

static void read_tags(const struct aws_xml *item, struct aws_instance *out)
{
    const struct {
        const char *key;
        char *value;
    } ours[] = {{"drover-attempt", out->attempt},
                {"drover-machine", out->machine},
                {"drover-ledger", out->ledger},
                {"drover-deployment", out->deployment},
                {"drover-type", out->taken_as}};
    for (const struct aws_xml *tag = answer_items(item, "tagSet"); tag; tag = aws_xml_again(tag)) {
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
            /* One that does not fit is not of our making: left empty. */
            if (strcmp(aws_xml_text(tag, "key"), ours[i].key) == 0)
                answer_copy(tag, "value", ours[i].value, sizeof out->attempt);
        }
    }
}

static bool read_instance(const struct aws_xml *item, struct aws_instance *out,
                          struct dr_error *error)
{
    if (!answer_copy(item, "instanceId", out->id, sizeof out->id) || !out->id[0])
        return dr_error_set(error, "EC2's answer holds a machine without an id");
    read_state(item, out->state);
    answer_cut(item, "instanceType", out->type, sizeof out->type);
    answer_cut(item, "placement/availabilityZone", out->zone, sizeof out->zone);
    answer_copy(item, "clientToken", out->client_token, sizeof out->client_token);
    answer_copy(item, "spotInstanceRequestId", out->spot_request, sizeof out->spot_request);
    out->spot = strcmp(aws_xml_text(item, "instanceLifecycle"), "spot") == 0;
    answer_cut(item, "stateReason/code", out->reason_code, sizeof out->reason_code);
    answer_cut(item, "stateReason/message", out->reason, sizeof out->reason);
    int64_t launched_us = aws_time_us(aws_xml_text(item, "launchTime"));
    out->launched_us = launched_us > 0 ? launched_us : 0;
    out->launch_index = answer_int(item, "amiLaunchIndex", 0);
    read_tags(item, out);
    return true;
}

static bool read_set(const struct aws_xml *reservation, struct aws_instances *out,
                     struct dr_error *error)
{
    const struct aws_xml *item = answer_items(reservation, "instancesSet");
    for (; item; item = aws_xml_again(item)) {
        out->items = answer_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        if (!read_instance(item, &out->items[out->count], error))
            return false;
        out->count++;
    }
    return true;
}

static int by_index(const void *a, const void *b)
{
    const struct aws_instance *left = a, *right = b;
    if (left->launch_index != right->launch_index)
        return left->launch_index < right->launch_index ? -1 : 1;
    return strcmp(left->id, right->id); /* so that it is the same each time */
}

static bool read_launch(const struct aws_xml *root, struct aws_instances *out,
                        struct dr_error *error)
{
    size_t before = out->count;
    if (!read_set(root, out, error))
        return false;
    if (out->count > before)
        qsort(out->items + before, out->count - before, sizeof *out->items, by_index);
    return true;
}

static bool read_list(const struct aws_xml *root, struct aws_instances *out, struct dr_error *error)
{
    const struct aws_xml *reservation = answer_items(root, "reservationSet");
    for (; reservation; reservation = aws_xml_again(reservation)) {
        if (!read_set(reservation, out, error))
            return false;
    }
    return true;
}

bool aws_read_instances(const char *body, size_t len, struct aws_instances *out,
                        struct dr_error *error)
{
    struct aws_xml *root = aws_xml_parse(body, len, error);
    bool read = false;
    out->next_token[0] = '\0';
    if (!root)
        return false;
    if (strcmp(root->name, "RunInstancesResponse") == 0)
        read = read_launch(root, out, error);
    else if (strcmp(root->name, "DescribeInstancesResponse") == 0)
        read = read_list(root, out, error) && answer_token(root, out->next_token, error);
    else
        dr_error_set(error, "EC2 answered with <%.60s>, which is no list of machines", root->name);
    aws_xml_free(root);
    return read;
}

void aws_instances_free(struct aws_instances *instances)
{
    free(instances->items);
    *instances = (struct aws_instances){0};
}
