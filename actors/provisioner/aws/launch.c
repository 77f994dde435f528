/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting machines. The token in the body makes a repetition harmless; only what a token started
 * that AWS says was used for another body, or whose machine has ended, has to be looked up: of many
 * that it started one may have ended, and the others live.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"

struct launching {
    struct aws *aws;
    char attempt[96];
    struct aws_error error; /* that made it look */
    driver_done_fn done;
    void *arg;
};

struct driver_answer aws_answer_of(const struct aws_error *error)
{
    return (struct driver_answer){
        .class = aws_class_of(error->kind),
        .sentence = error->kind == AWS_OK ? "" : error->sentence,
        .retry_after_ms = error->retry_after_ms,
        .aside_ms = aws_aside_ms(error->kind),
    };
}

static void finish(struct launching *launching, const struct driver_answer *answer)
{
    launching->done(launching->arg, launching->attempt, answer);
    free(launching);
}

static void unknown(struct launching *launching, const char *sentence)
{
    struct driver_answer answer = {.class = DRIVER_UNKNOWN, .sentence = sentence};
    finish(launching, &answer);
}

static void started(struct launching *launching, const struct aws_reply *reply)
{
    struct aws_instances instances = {0};
    struct dr_error error = {0};
    if (!aws_read_instances(reply->body, reply->len, &instances, &error) || instances.count == 0) {
        aws_instances_free(&instances);
        unknown(launching, error.text[0] ? error.text : "RunInstances answered with no instance");
        return;
    }
    const char **ids = calloc(instances.count, sizeof *ids);
    DR_ASSERT(ids);
    for (size_t i = 0; i < instances.count; i++)
        ids[i] = instances.items[i].id;
    struct driver_answer answer = {
        .class = DRIVER_OK, .sentence = "", .instances = ids, .instance_count = instances.count};
    finish(launching, &answer);
    free(ids);
    aws_instances_free(&instances);
}

static void none_found(struct launching *launching)
{
    struct driver_answer answer = aws_answer_of(&launching->error);
    if (launching->error.kind == AWS_TOKEN_DEAD)
        finish(launching, &answer);
    else
        unknown(launching, "AWS says that this attempt's token was used with another request, and "
                           "lists no machine of it");
}

static bool all_ended(const struct driver_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->instances[i].state, "ended") != 0)
            return false;
    }
    return true;
}

static void on_looked_up(void *arg, const struct driver_list *list)
{
    struct launching *launching = arg;
    if (!list->ok) {
        unknown(launching, list->sentence);
        return;
    }
    if (list->count == 0 || (launching->error.kind == AWS_TOKEN_DEAD && all_ended(list))) {
        none_found(launching);
        return;
    }
    const char **ids = calloc(list->count, sizeof *ids);
    DR_ASSERT(ids);
    for (size_t i = 0; i < list->count; i++)
        ids[i] = list->instances[i].instance_id;
    struct driver_answer answer = {
        .class = DRIVER_OK, .sentence = "", .instances = ids, .instance_count = list->count};
    finish(launching, &answer);
    free(ids);
}

static void on_reply(void *arg, const struct aws_reply *reply)
{
    struct launching *launching = arg;
    facts_doubt(launching->aws, reply->access_key); /* asks whose new keys are */
    if (reply->error.kind == AWS_OK) {
        started(launching, reply);
    } else if (reply->error.kind == AWS_TOKEN_MISMATCH || reply->error.kind == AWS_TOKEN_DEAD) {
        launching->error = reply->error;
        aws_list_of_attempt(launching->aws, launching->attempt, on_looked_up, launching);
    } else {
        struct driver_answer answer = aws_answer_of(&reply->error);
        finish(launching, &answer);
    }
}

/* As the body says: the bytes are kept, their meaning is not. */
static size_t count_of(const char *body)
{
    const char *max = strstr(body, "&MaxCount=");
    long count = max ? strtol(max + strlen("&MaxCount="), NULL, 10) : 1;
    return count > 0 ? (size_t)count : 1;
}

void aws_launch(void *self, const char *attempt, const char *body, size_t len, driver_done_fn done,
                void *arg)
{
    struct aws *aws = self;
    struct launching *launching = calloc(1, sizeof *launching);
    DR_ASSERT(launching);
    launching->aws = aws;
    launching->done = done;
    launching->arg = arg;
    snprintf(launching->attempt, sizeof launching->attempt, "%s", attempt);
    if (facts_identity(aws)[0] == '\0') {
        unknown(launching, "it is not known yet whose account the credentials are of");
        return;
    }
    aws_call_with(aws->caller, aws->facts.identity_key, AWS_RUN_INSTANCES, body, len,
                  count_of(body), on_reply, launching);
}
