/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending machines, many in one call. One id that EC2 does not know, or that these credentials may
 * not end, fails the whole call and ends none: then each is asked for alone. The engine asks again
 * and again; what is still under way is not asked for twice, or new ends would wait behind old
 * ones.
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

struct aws_batch {
    struct aws_batch *next;
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
    while (aws->batches) {
        struct aws_batch *next = aws->batches->next;
        free_list(aws->batches->endings);
        free(aws->batches);
        aws->batches = next;
    }
}

static bool holds(const struct aws_ending *ending, const char *instance)
{
    for (; ending; ending = ending->next) {
        if (strcmp(ending->instance, instance) == 0)
            return true;
    }
    return false;
}

static bool under_way(const struct aws *aws, const char *instance)
{
    const struct aws_batch *batch = aws->batches;
    while (batch && !holds(batch->endings, instance))
        batch = batch->next;
    return batch || holds(aws->endings, instance);
}

static void unlink_batch(struct aws_batch *batch)
{
    struct aws_batch **at = &batch->aws->batches;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
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

/* What one machine alone may be the reason for. */
static bool is_of_one(const struct aws_error *error)
{
    return error->kind == AWS_NOT_FOUND || error->kind == AWS_PROTECTED ||
           error->kind == AWS_BAD_REQUEST || strcmp(error->code, "UnauthorizedOperation") == 0;
}

static void on_reply(void *arg, const struct aws_reply *reply)
{
    struct aws_batch *batch = arg;
    struct driver_answer answer = aws_answer_of(&reply->error);
    /* Already gone is what was asked for; one that is too young to be known is asked for again. */
    if (reply->error.kind == AWS_NOT_FOUND)
        answer = (struct driver_answer){.class = DRIVER_OK, .sentence = ""};
    unlink_batch(batch);
    if (batch->count > 1 && is_of_one(&reply->error)) {
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
    struct aws_batch *batch = calloc(1, sizeof *batch);
    size_t i = 0;
    DR_ASSERT(batch && count <= BATCH_MAX);
    *batch =
        (struct aws_batch){.next = aws->batches, .aws = aws, .endings = endings, .count = count};
    aws->batches = batch;
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
    if (under_way(aws, instance)) {
        struct driver_answer asked = {.class = DRIVER_OK, .sentence = ""};
        done(arg, instance, &asked);
        return;
    }
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
