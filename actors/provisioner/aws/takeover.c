/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances that another autoscaler started become this deployment's: looked at by id, then tagged
 * in one call, so that lists show them as ours or not at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"

struct taking {
    struct aws *aws;
    const struct driver_takeover *items; /* borrowed until done */
    size_t count, at;
    bool failed;
    driver_found_fn found;
    driver_done_fn done;
    void *arg;
};

static void look(struct taking *taking);

static void say(struct taking *taking, bool ok, const char *sentence, const char *grant)
{
    struct driver_finding finding = {
        .ok = ok, .what = taking->items[taking->at].instance, .sentence = sentence, .grant = grant};
    taking->failed = taking->failed || !ok;
    taking->found(taking->arg, &finding);
    taking->at++;
    look(taking);
}

static void on_tagged(void *arg, const struct aws_reply *reply)
{
    struct taking *taking = arg;
    char sentence[160];
    snprintf(sentence, sizeof sentence, "is taken over as machine type %.80s",
             taking->items[taking->at].type->name);
    if (reply->error.kind == AWS_OK)
        say(taking, true, sentence, "");
    else
        say(taking, false, reply->error.sentence,
            reply->error.kind == AWS_REFUSED ? "ec2:CreateTags" : "");
}

static void tag(struct taking *taking)
{
    const struct driver_takeover *item = &taking->items[taking->at];
    struct dr_strbuf body = {0};
    aws_tag(item->instance, "drover-deployment", taking->aws->deployment, &body);
    aws_field(&body, "Tag.2.Key", "drover-type");
    aws_field(&body, "Tag.2.Value", item->type->name);
    aws_call(taking->aws->caller, AWS_CREATE_TAGS, body.data, body.len, 0, on_tagged, taking);
    dr_strbuf_free(&body);
}

/* Whose it is and what it is: only what is certainly meant is touched. */
static void judge(struct taking *taking, const struct aws_instance *got)
{
    const struct driver_takeover *item = &taking->items[taking->at];
    char sentence[320];
    bool alive = strcmp(got->state, "running") == 0 || strcmp(got->state, "pending") == 0;
    if (strcmp(got->id, item->instance) != 0 || !alive) {
        snprintf(sentence, sizeof sentence, "is left: EC2 says that it is %.20s", got->state);
        say(taking, false, sentence, "");
    } else if (strcmp(got->type, item->type->instance_type) != 0) {
        snprintf(sentence, sizeof sentence,
                 "is left: it is a %.47s, and machine type %.63s is %.47s", got->type,
                 item->type->name, item->type->instance_type);
        say(taking, false, sentence, "");
    } else if (got->deployment[0] && strcmp(got->deployment, taking->aws->deployment) != 0) {
        snprintf(sentence, sizeof sentence, "is left: it is of Drover's deployment %.95s",
                 got->deployment);
        say(taking, false, sentence, "");
    } else if (got->deployment[0]) {
        say(taking, true, "is this deployment's already", "");
    } else {
        tag(taking);
    }
}

static void on_described(void *arg, const struct aws_reply *reply)
{
    struct taking *taking = arg;
    struct aws_instances got = {0};
    struct dr_error error = {0};
    if (reply->error.kind == AWS_NOT_FOUND)
        say(taking, false, "is left: EC2 does not know it in this account and region", "");
    else if (reply->error.kind != AWS_OK)
        say(taking, false, reply->error.sentence,
            reply->error.kind == AWS_REFUSED ? "ec2:DescribeInstances" : "");
    else if (!aws_read_instances(reply->body, reply->len, &got, &error))
        say(taking, false, error.text, "");
    else if (got.count != 1)
        say(taking, false, "is left: EC2 does not show it in this account and region", "");
    else
        judge(taking, &got.items[0]);
    aws_instances_free(&got);
}

static void look(struct taking *taking)
{
    struct dr_strbuf body = {0};
    if (taking->at == taking->count) {
        struct driver_answer answer = {.class = taking->failed ? DRIVER_OTHER : DRIVER_OK,
                                       .sentence = ""};
        taking->done(taking->arg, "", &answer);
        free(taking);
        return;
    }
    aws_describe(&(const char *){taking->items[taking->at].instance}, 1, &body);
    aws_call(taking->aws->caller, AWS_DESCRIBE_INSTANCES, body.data, body.len, 0, on_described,
             taking);
    dr_strbuf_free(&body);
}

void aws_take_over(void *self, const struct driver_takeover *items, size_t count,
                   driver_found_fn found, driver_done_fn done, void *arg)
{
    struct taking *taking = calloc(1, sizeof *taking);
    DR_ASSERT(taking);
    *taking = (struct taking){
        .aws = self, .items = items, .count = count, .found = found, .done = done, .arg = arg};
    look(taking);
}
