/* SPDX-License-Identifier: Apache-2.0
 *
 * What the driver has to know before it starts anything: whose account this is (P4), what the
 * configured types are made of, and the root devices of their images. Asked at the start, after a
 * reload, and, for the account, whenever the keys are others than before.
 */
#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"
#include "log.h"

#define AGAIN_FIRST_MS 2000
#define AGAIN_MOST_MS 60000
#define TYPES_MAX 100

static void ask_next(struct aws *aws);

static int on_timer(zloop_t *loop, int timer, void *arg)
{
    struct aws *aws = arg;
    (void)loop;
    (void)timer;
    aws->facts.timer = -1;
    ask_next(aws);
    return 0;
}

static void again_later(struct aws *aws, const char *sentence)
{
    struct aws_facts *facts = &aws->facts;
    int64_t wait_ms = AGAIN_FIRST_MS << (facts->failures < 5 ? facts->failures : 5);
    facts->failures++;
    dr_log_merged(DR_LOG_ERROR, NULL, "no machine of account %s can be started yet: %s",
                  aws->account->name, sentence);
    if (facts->timer < 0)
        facts->timer =
            zloop_timer(aws->loop, (size_t)(wait_ms < AGAIN_MOST_MS ? wait_ms : AGAIN_MOST_MS), 1,
                        on_timer, aws);
}

/* A right that lacks is not waited for: what it would have told stays unknown. Keys that lack are:
 * nothing works without, and others may be found. */
static bool goes_without(struct aws *aws, const struct aws_reply *reply, const char *loss)
{
    const struct aws_error *error = &reply->error;
    bool right = error->kind == AWS_REFUSED && error->code[0] && !aws_error_of_keys(error);
    if (!right && error->kind != AWS_NOT_FOUND && error->kind != AWS_BAD_REQUEST)
        return false;
    dr_log(DR_LOG_WARNING, NULL, "account %s: %s: %s", aws->account->name, loss,
           reply->error.sentence);
    return true;
}

/* ---- whose account -------------------------------------------------------------------------- */
static void on_identity(void *arg, const struct aws_reply *reply)
{
    struct aws *aws = arg;
    struct aws_facts *facts = &aws->facts;
    struct aws_identity who;
    struct dr_error error;
    if (reply->error.kind != AWS_OK) {
        again_later(aws, reply->error.sentence);
        return;
    }
    if (!aws_read_identity(reply->body, reply->len, &who, &error)) {
        again_later(aws, error.text);
        return;
    }
    snprintf(facts->identity, sizeof facts->identity, "aws:%s:%s", who.account, aws->region);
    snprintf(facts->identity_key, sizeof facts->identity_key, "%s", reply->access_key);
    snprintf(facts->arn, sizeof facts->arn, "%s", who.arn);
    dr_log(DR_LOG_INFO, NULL, "account %s is AWS account %s in %s, as %s (%s)", aws->account->name,
           who.account, aws->region, who.arn, aws_creds_source(aws->creds));
    ask_next(aws);
}

static void ask_identity(struct aws *aws)
{
    struct dr_strbuf body = {0};
    aws_begin(&body, "GetCallerIdentity", AWS_STS_VERSION);
    aws_call(aws->caller, AWS_GET_CALLER_IDENTITY, body.data, body.len, 0, on_identity, aws);
    dr_strbuf_free(&body);
}

/* ---- types ---------------------------------------------------------------------------------- */
static bool ours(const struct aws *aws, const struct dr_cfg_type *type)
{
    return strcmp(type->account, aws->account->name) == 0;
}

static void on_sizes(void *arg, const struct aws_reply *reply)
{
    struct aws *aws = arg;
    struct dr_error error = {0};
    if (reply->error.kind == AWS_BAD_REQUEST && !aws->facts.types_alone) {
        aws->facts.types_alone = true;
        aws->facts.type_at = 0;
        aws_sizes_free(&aws->facts.sizes);
        ask_next(aws);
        return;
    }
    bool without = reply->error.kind != AWS_OK &&
                   goes_without(aws, reply, "the GPUs of its types are not known");
    if (reply->error.kind != AWS_OK && !without) {
        again_later(aws, reply->error.sentence);
        return;
    }
    if (!aws->facts.types_alone)
        aws_sizes_free(&aws->facts.sizes);
    if (!without && !aws_read_types(reply->body, reply->len, &aws->facts.sizes, &error)) {
        again_later(aws, error.text);
        return;
    }
    aws->facts.type_at++;
    aws->facts.sizes_known = !aws->facts.types_alone;
    ask_next(aws);
}

static size_t next_alone(struct aws *aws, const char **type)
{
    const struct dr_cfg_type_list *all = &aws->config->machine_types;
    size_t *at = &aws->facts.type_at;
    while (*at < all->count && (!ours(aws, &all->items[*at]) || !all->items[*at].instance_type[0]))
        (*at)++;
    *type = *at < all->count ? all->items[*at].instance_type : "";
    return *at < all->count;
}

static void ask_sizes(struct aws *aws)
{
    const char *types[TYPES_MAX];
    size_t count = 0;
    struct dr_strbuf body = {0};
    if (aws->facts.types_alone)
        count = next_alone(aws, &types[0]);
    for (size_t i = 0; i < aws->config->machine_types.count && count < TYPES_MAX; i++) {
        const struct dr_cfg_type *type = &aws->config->machine_types.items[i];
        bool known = aws->facts.types_alone || !ours(aws, type) || !type->instance_type[0];
        for (size_t j = 0; j < count && !known; j++)
            known = strcmp(types[j], type->instance_type) == 0;
        if (!known)
            types[count++] = type->instance_type;
    }
    aws->facts.sizes_known = count == 0;
    if (count == 0) {
        ask_next(aws);
        return;
    }
    aws_types(types, count, &body);
    aws_call(aws->caller, AWS_DESCRIBE_TYPES, body.data, body.len, 0, on_sizes, aws);
    dr_strbuf_free(&body);
}

unsigned facts_gpus(void *self, const struct dr_cfg_type *type)
{
    const struct aws *aws = self;
    if (type->cpu_only)
        return 0;
    for (size_t i = 0; i < aws->facts.sizes.count; i++) {
        if (strcmp(aws->facts.sizes.items[i].type, type->instance_type) == 0)
            return aws->facts.sizes.items[i].gpus;
    }
    return 0;
}

/* ---- images --------------------------------------------------------------------------------- */
/* The images of the account's types, each once; those that an alias names are looked up by EC2
 * itself. */
static void collect_images(struct aws *aws)
{
    struct aws_facts *facts = &aws->facts;
    free(facts->images);
    facts->image_count = facts->image_asked = 0;
    facts->images = calloc(aws->config->machine_types.count + 1, sizeof *facts->images);
    DR_ASSERT(facts->images);
    for (size_t i = 0; i < aws->config->machine_types.count; i++) {
        const struct dr_cfg_type *type = &aws->config->machine_types.items[i];
        bool known = !ours(aws, type) || strncmp(type->ami_id, "ami-", 4) != 0;
        for (size_t j = 0; j < facts->image_count && !known; j++)
            known = strcmp(facts->images[j].ami, type->ami_id) == 0;
        if (!known)
            snprintf(facts->images[facts->image_count++].ami, sizeof facts->images->ami, "%s",
                     type->ami_id);
    }
}

static void on_image(void *arg, const struct aws_reply *reply)
{
    struct aws *aws = arg;
    struct aws_facts *facts = &aws->facts;
    struct aws_image image = {.root_device = ""};
    struct dr_error error;
    if (reply->error.kind != AWS_OK &&
        !goes_without(aws, reply, "an image's root device is not known")) {
        again_later(aws, reply->error.sentence);
        return;
    }
    if (reply->error.kind == AWS_OK && !aws_read_image(reply->body, reply->len, &image, &error))
        dr_log(DR_LOG_WARNING, NULL, "account %s: image %s: %s", aws->account->name,
               facts->images[facts->image_asked].ami, error.text);
    struct aws_image_fact *fact = &facts->images[facts->image_asked++];
    snprintf(fact->root_device, sizeof fact->root_device, "%s", image.root_device);
    ask_next(aws);
}

static void ask_image(struct aws *aws)
{
    struct dr_strbuf body = {0};
    aws_image(aws->facts.images[aws->facts.image_asked].ami, &body);
    aws_call(aws->caller, AWS_DESCRIBE_IMAGES, body.data, body.len, 0, on_image, aws);
    dr_strbuf_free(&body);
}

const char *facts_root_device(const struct aws *aws, const char *ami)
{
    for (size_t i = 0; i < aws->facts.image_count; i++) {
        if (strcmp(aws->facts.images[i].ami, ami) == 0)
            return aws->facts.images[i].root_device;
    }
    return "";
}

/* ---- all of it ------------------------------------------------------------------------------ */
static void ask_next(struct aws *aws)
{
    struct aws_facts *facts = &aws->facts;
    facts->asking = true;
    if (!facts->identity[0]) {
        ask_identity(aws);
    } else if (!facts->sizes_known) {
        ask_sizes(aws);
    } else if (facts->image_asked < facts->image_count) {
        ask_image(aws);
    } else {
        facts->asking = false;
        facts->failures = 0;
        if (facts->again)
            facts_again(aws);
    }
}

/* Not amid a round: its answers have to find the lists that they were asked for. */
void facts_again(struct aws *aws)
{
    struct aws_facts *facts = &aws->facts;
    facts->again = facts->asking;
    if (facts->asking)
        return;
    facts->sizes_known = facts->types_alone = false;
    collect_images(aws);
    ask_next(aws);
}

void facts_free(struct aws *aws)
{
    if (aws->facts.timer >= 0)
        zloop_timer_end(aws->loop, aws->facts.timer);
    aws_sizes_free(&aws->facts.sizes);
    free(aws->facts.images);
    aws->facts = (struct aws_facts){.timer = -1};
}

const char *facts_identity(void *self)
{
    const struct aws *aws = self;
    return aws->facts.asking ? "" : aws->facts.identity;
}

const char *facts_doubt(struct aws *aws, const char *access_key)
{
    struct aws_facts *facts = &aws->facts;
    if (!facts->identity[0])
        return "it is not known yet whose account the credentials are of";
    if (!access_key[0] || strcmp(access_key, facts->identity_key) == 0)
        return NULL;
    facts->identity[0] = '\0';
    if (!facts->asking)
        ask_next(aws);
    return "the credentials are other ones than before: first it is asked whose they are";
}
