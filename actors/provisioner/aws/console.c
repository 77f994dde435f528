/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine's console, and the tag that ties it to its row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"

struct reading {
    struct aws *aws;
    char instance[AWS_ID];
    bool latest;
    driver_console_fn done;
    void *arg;
};

static void ask(struct reading *reading);

static void on_console(void *arg, const struct aws_reply *reply)
{
    struct reading *reading = arg;
    char *bytes = NULL;
    size_t len = 0;
    struct dr_error error;
    if (reading->latest && strcmp(reply->error.code, "UnsupportedOperation") == 0) {
        reading->latest = false; /* only machines on Nitro have a live console */
        ask(reading);
        return;
    }
    if (reply->error.kind == AWS_OK &&
        !aws_read_console(reply->body, reply->len, &bytes, &len, &error))
        bytes = NULL;
    reading->done(reading->arg, reading->instance, bytes ? bytes : "", bytes ? len : 0);
    free(bytes);
    free(reading);
}

static void ask(struct reading *reading)
{
    struct dr_strbuf body = {0};
    aws_console(reading->instance, reading->latest, &body);
    aws_call(reading->aws->caller, AWS_GET_CONSOLE_OUTPUT, body.data, body.len, 0, on_console,
             reading);
    dr_strbuf_free(&body);
}

void aws_console_of(void *self, const char *instance, driver_console_fn done, void *arg)
{
    struct reading *reading = calloc(1, sizeof *reading);
    DR_ASSERT(reading);
    reading->aws = self;
    reading->latest = true;
    reading->done = done;
    reading->arg = arg;
    snprintf(reading->instance, sizeof reading->instance, "%s", instance);
    ask(reading);
}

struct tagging {
    char instance[AWS_ID];
    driver_done_fn done;
    void *arg;
};

static void on_tagged(void *arg, const struct aws_reply *reply)
{
    struct tagging *tagging = arg;
    struct driver_answer answer = aws_answer_of(&reply->error);
    tagging->done(tagging->arg, tagging->instance, &answer);
    free(tagging);
}

void aws_tag_one(void *self, const char *instance, const char *machine, driver_done_fn done,
                 void *arg)
{
    struct aws *aws = self;
    struct dr_strbuf body = {0};
    struct tagging *tagging = calloc(1, sizeof *tagging);
    DR_ASSERT(tagging);
    tagging->done = done;
    tagging->arg = arg;
    snprintf(tagging->instance, sizeof tagging->instance, "%s", instance);
    aws_tag(instance, "drover-machine", machine, &body);
    aws_call(aws->caller, AWS_CREATE_TAGS, body.data, body.len, 0, on_tagged, tagging);
    dr_strbuf_free(&body);
}
