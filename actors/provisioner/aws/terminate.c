/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending machines, many in one call. One id that EC2 does not know fails the whole call and ends
 * none: then each is asked for alone.
 */
#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"

#define GATHER_MS 20
#define BATCH_MAX 100

struct aws_ending {
    struct aws_ending *next;
    char instance[AWS_ID];
    driver_done_fn done;
    void *arg;
};

struct batch {
    struct aws *aws;
    struct aws_ending *endings;
    size_t count;
};

static void free_list(struct aws_ending *ending)
{
    while (ending) {
        struct aws_ending *next = ending->next;
        free(ending);
        ending = next;
    }
}

void endings_free(struct aws *aws)
{
    if (aws->ending_timer >= 0)
        zloop_timer_end(aws->loop, aws->ending_timer);
    aws->ending_timer = -1;
    free_list(aws->endings);
    aws->endings = NULL;
}

static void send_batch(struct aws *aws, struct aws_ending *endings, size_t count);

static void one_by_one(struct aws *aws, struct aws_ending *endings)
{
    while (endings) {
        struct aws_ending *next = endings->next;
        endings->next = NULL;
        send_batch(aws, endings, 1);
        endings = next;
    }
}

static void on_reply(void *arg, const struct aws_reply *reply)
{
    struct batch *batch = arg;
    struct driver_answer answer = aws_answer_of(&reply->error);
    /* Already gone is what was asked for; one that is too young to be known is asked for again. */
    if (reply->error.kind == AWS_NOT_FOUND)
        answer = (struct driver_answer){.class = DRIVER_OK, .sentence = ""};
    if (reply->error.kind != AWS_OK && batch->count > 1 &&
        (reply->error.kind == AWS_NOT_FOUND || reply->error.kind == AWS_PROTECTED ||
         reply->error.kind == AWS_BAD_REQUEST)) {
        one_by_one(batch->aws, batch->endings);
    } else {
        for (struct aws_ending *ending = batch->endings; ending; ending = ending->next)
            ending->done(ending->arg, ending->instance, &answer);
        free_list(batch->endings);
    }
    free(batch);
}

static void send_batch(struct aws *aws, struct aws_ending *endings, size_t count)
{
    const char *instances[BATCH_MAX];
    struct dr_strbuf body = {0};
    struct batch *batch = calloc(1, sizeof *batch);
    size_t i = 0;
    DR_ASSERT(batch && count <= BATCH_MAX);
    *batch = (struct batch){.aws = aws, .endings = endings, .count = count};
    for (struct aws_ending *ending = endings; ending; ending = ending->next)
        instances[i++] = ending->instance;
    DR_ASSERT(i == count);
    aws_terminate(instances, count, &body);
    aws_call(aws->caller, AWS_TERMINATE_INSTANCES, body.data, body.len, count, on_reply, batch);
    dr_strbuf_free(&body);
}

static int on_gathered(zloop_t *loop, int timer, void *arg)
{
    struct aws *aws = arg;
    (void)loop;
    (void)timer;
    aws->ending_timer = -1;
    while (aws->endings) {
        struct aws_ending *first = aws->endings, *last = first;
        size_t count = 1;
        for (; last->next && count < BATCH_MAX; count++)
            last = last->next;
        aws->endings = last->next;
        last->next = NULL;
        send_batch(aws, first, count);
    }
    return 0;
}

void aws_terminate_one(void *self, const char *instance, driver_done_fn done, void *arg)
{
    struct aws *aws = self;
    struct aws_ending *ending = calloc(1, sizeof *ending);
    DR_ASSERT(ending);
    snprintf(ending->instance, sizeof ending->instance, "%s", instance);
    ending->done = done;
    ending->arg = arg;
    ending->next = aws->endings;
    aws->endings = ending;
    if (aws->ending_timer < 0)
        aws->ending_timer = zloop_timer(aws->loop, GATHER_MS, 1, on_gathered, aws);
}
