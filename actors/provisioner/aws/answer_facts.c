/* SPDX-License-Identifier: Apache-2.0
 *
 * What EC2 tells about types, zones, images and spot requests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_impl.h"

/* ---- types ---------------------------------------------------------------------------------- */
/* Shares of a GPU are counted in logicalGpuCount (count is 0 there), and the machine shows as many.
 * Only NVIDIA's count: what the machine must show is what nvidia-smi shows. */
static void read_gpus(const struct aws_xml *item, struct aws_size *out)
{
    const struct aws_xml *gpu = answer_items(aws_xml_child(item, "gpuInfo"), "gpus");
    for (; gpu; gpu = aws_xml_again(gpu)) {
        const char *maker = aws_xml_text(gpu, "manufacturer");
        int64_t whole = answer_int(gpu, "count", 0), shares = answer_int(gpu, "logicalGpuCount", 0);
        int64_t count = whole > shares ? whole : shares;
        if (maker[0] && strcasecmp(maker, "NVIDIA") != 0)
            continue;
        out->gpus += count < 1 ? 1 : count > 1024 ? 1024 : (unsigned)count;
        if (!out->gpu_name[0])
            answer_cut(gpu, "name", out->gpu_name, sizeof out->gpu_name);
    }
}

static void read_classes(const struct aws_xml *item, struct aws_size *out)
{
    const struct aws_xml *one = answer_items(item, "supportedUsageClasses");
    for (; one; one = aws_xml_again(one)) {
        out->spot = out->spot || strcmp(one->text, "spot") == 0;
        out->on_demand = out->on_demand || strcmp(one->text, "on-demand") == 0;
    }
}

static void read_architectures(const struct aws_xml *item, struct aws_size *out)
{
    const struct aws_xml *one =
        answer_items(aws_xml_child(item, "processorInfo"), "supportedArchitectures");
    for (; one; one = aws_xml_again(one)) {
        size_t used = strlen(out->architectures);
        if (used + strlen(one->text) + 2 <= sizeof out->architectures)
            snprintf(out->architectures + used, sizeof out->architectures - used, "%s%s",
                     used ? " " : "", one->text);
    }
}

bool aws_read_types(const char *body, size_t len, struct aws_sizes *out, struct dr_error *error)
{
    struct aws_xml *root = answer_open("DescribeInstanceTypes", body, len, error);
    out->next_token[0] = '\0';
    if (!root)
        return false;
    const struct aws_xml *item = answer_items(root, "instanceTypeSet");
    for (; item; item = aws_xml_again(item)) {
        out->items = answer_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        struct aws_size *size = &out->items[out->count++];
        int64_t vcpus = answer_int(item, "vCpuInfo/defaultVCpus", 0);
        answer_copy(item, "instanceType", size->type, sizeof size->type);
        size->vcpus = vcpus > 0 && vcpus < 1 << 20 ? (unsigned)vcpus : 0;
        size->memory_mib = answer_int(item, "memoryInfo/sizeInMiB", 0);
        read_gpus(item, size);
        read_classes(item, size);
        read_architectures(item, size);
    }
    bool read = answer_token(root, out->next_token, error);
    aws_xml_free(root);
    return read;
}

void aws_sizes_free(struct aws_sizes *sizes)
{
    free(sizes->items);
    *sizes = (struct aws_sizes){0};
}

bool aws_read_offerings(const char *body, size_t len,
                        void (*each)(void *arg, const char *type, const char *zone), void *arg,
                        char next_token[1024], struct dr_error *error)
{
    struct aws_xml *root = answer_open("DescribeInstanceTypeOfferings", body, len, error);
    next_token[0] = '\0';
    if (!root)
        return false;
    bool read = answer_token(root, next_token, error);
    const struct aws_xml *item = read ? answer_items(root, "instanceTypeOfferingSet") : NULL;
    for (; item; item = aws_xml_again(item))
        each(arg, aws_xml_text(item, "instanceType"), aws_xml_text(item, "location"));
    aws_xml_free(root);
    return read;
}

/* ---- spot requests -------------------------------------------------------------------------- */
bool aws_read_spot_requests(const char *body, size_t len,
                            void (*each)(void *arg, const struct aws_spot_request *request),
                            void *arg, char next_token[1024], struct dr_error *error)
{
    struct aws_xml *root = answer_open("DescribeSpotInstanceRequests", body, len, error);
    next_token[0] = '\0';
    if (!root)
        return false;
    bool read = answer_token(root, next_token, error);
    const struct aws_xml *item = read ? answer_items(root, "spotInstanceRequestSet") : NULL;
    for (; item; item = aws_xml_again(item)) {
        struct aws_spot_request request = {0};
        answer_copy(item, "spotInstanceRequestId", request.id, sizeof request.id);
        answer_copy(item, "instanceId", request.instance, sizeof request.instance);
        answer_copy(item, "state", request.state, sizeof request.state);
        answer_copy(item, "status/code", request.status, sizeof request.status);
        each(arg, &request);
    }
    aws_xml_free(root);
    return read;
}

/* https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html. The first two come
 * with the notice, while the machine still runs for two minutes. */
const char *aws_spot_notice(const char *status)
{
    static const struct {
        const char *status, *sentence;
    } notices[] = {
        {"instance-terminated-no-capacity", "EC2 takes it back: no spot capacity is left there"},
        {"marked-for-termination", "EC2 takes it back (spot)"},
        {"marked-for-stop", "EC2 stops it (spot)"},
        {"instance-terminated-by-price", "EC2 takes it back: spot costs more than spot_max_price"},
        {"instance-terminated-by-service", "EC2 takes it back (spot)"},
        {"instance-terminated-by-schedule", "EC2 takes it back: its time is over (spot)"},
        {"instance-terminated-capacity-oversubscribed",
         "EC2 takes it back: too many ask for spot machines there"},
        {"instance-terminated-launch-group-constraint", "EC2 takes it back (spot)"},
        {"instance-stopped-by-price", "EC2 stops it: spot costs more than spot_max_price"},
        {"instance-stopped-no-capacity", "EC2 stops it: no spot capacity is left there"},
        {"instance-stopped-capacity-oversubscribed",
         "EC2 stops it: too many ask for spot machines there"},
    };
    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++) {
        if (strcmp(status, notices[i].status) == 0)
            return notices[i].sentence;
    }
    return NULL;
}

/* ---- images --------------------------------------------------------------------------------- */
bool aws_read_image(const char *body, size_t len, struct aws_image *out, struct dr_error *error)
{
    struct aws_xml *root = answer_open("DescribeImages", body, len, error);
    *out = (struct aws_image){0};
    if (!root)
        return false;
    const struct aws_xml *item = answer_items(root, "imagesSet");
    answer_copy(item, "imageId", out->id, sizeof out->id);
    answer_copy(item, "rootDeviceName", out->root_device, sizeof out->root_device);
    answer_copy(item, "architecture", out->architecture, sizeof out->architecture);
    answer_copy(item, "imageState", out->state, sizeof out->state);
    aws_xml_free(root);
    return out->id[0] || dr_error_set(error, "EC2 knows no such image in this region, or it is not "
                                             "shared with this account: check ami_id");
}
