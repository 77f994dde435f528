/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "http.h"
#include "seal.h"

#define SKEW_TOLD_MS 60000 /* a Date header has whole seconds, and travels */

struct call {
    struct call *next;
    struct aws_caller *caller;
    enum aws_action action;
    char *body;
    size_t len, instances;
    bool renewed; /* keys were fetched anew for it once already */
    bool waiting; /* for tokens; else for keys or an answer */
    char access_key[160];
    char only_key[160]; /* "": any */
    aws_reply_fn done;
    void *arg;
};

struct aws_caller {
    zloop_t *loop;
    struct dr_http *http;
    struct aws_creds *creds;
    char ec2[320], sts[320], ec2_scope[96], sts_scope[96];
    struct dr_bucket buckets[AWS_BUCKETS];
    struct call *calls; /* oldest first */
    int timer;          /* -1: none */
    int64_t skew_ms;
};

static void pump(struct aws_caller *caller);

struct aws_caller *aws_caller_new(const struct aws_caller_setup *setup)
{
    struct aws_caller *caller = calloc(1, sizeof *caller);
    DR_ASSERT(caller);
    struct dr_http_options options = {
        .timeout_ms = (long)setup->account->timeout_ms,
        .ca_file = setup->account->ca_file[0] ? setup->account->ca_file : NULL,
    };
    caller->loop = setup->loop;
    caller->creds = setup->creds;
    caller->http = dr_http_new(setup->loop, &options);
    caller->timer = -1;
    aws_endpoint("ec2", setup->region, setup->account->endpoint, caller->ec2, sizeof caller->ec2);
    aws_endpoint("sts", setup->region, setup->account->sts_endpoint, caller->sts,
                 sizeof caller->sts);
    snprintf(caller->ec2_scope, sizeof caller->ec2_scope, "aws:amz:%s:ec2", setup->region);
    snprintf(caller->sts_scope, sizeof caller->sts_scope, "aws:amz:%s:sts", setup->region);
    aws_buckets_init(caller->buckets, dr_boottime_ms());
    return caller;
}

static void call_free(struct call *call)
{
    dr_wipe_free(call->body, call->len);
    free(call);
}

void aws_caller_free(struct aws_caller *caller)
{
    if (!caller)
        return;
    if (caller->timer >= 0)
        zloop_timer_end(caller->loop, caller->timer);
    dr_http_destroy(&caller->http);
    while (caller->calls) {
        struct call *next = caller->calls->next;
        call_free(caller->calls);
        caller->calls = next;
    }
    free(caller);
}

int64_t aws_caller_skew_ms(const struct aws_caller *caller)
{
    return caller->skew_ms;
}

static void unlink_call(struct call *call)
{
    struct call **at = &call->caller->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
}

/* The callback may make calls of its own: the call is out of the list by then. */
static void finish(struct call *call, const struct aws_reply *reply)
{
    unlink_call(call);
    call->done(call->arg, reply);
    call_free(call);
}

static void learn_skew(struct aws_caller *caller, const struct dr_http_answer *answer)
{
    int64_t theirs_us = dr_http_date_us(answer->date);
    if (theirs_us < 0)
        return;
    int64_t skew_ms = (answer->received_wall_us - theirs_us) / 1000;
    caller->skew_ms = skew_ms > SKEW_TOLD_MS || skew_ms < -SKEW_TOLD_MS ? skew_ms : 0;
}

static void send_call(struct call *call);

static void on_answer(void *arg, const struct dr_http_answer *answer)
{
    struct call *call = arg;
    struct aws_caller *caller = call->caller;
    const struct aws_action_row *row = aws_action_row(call->action);
    struct aws_reply reply = {.body = answer->body,
                              .len = answer->body_len,
                              .sent_ms = answer->sent_ms,
                              .access_key = call->access_key};
    learn_skew(caller, answer);
    aws_error_read(row->name, answer, caller->skew_ms, &reply.error);
    if (reply.error.kind == AWS_THROTTLED)
        dr_bucket_drain(&caller->buckets[row->bucket], dr_boottime_ms());
    if (aws_error_of_keys(&reply.error))
        aws_creds_refused(caller->creds);
    if (reply.error.kind == AWS_STALE && !call->renewed) {
        call->renewed = true;
        send_call(call);
        return;
    }
    finish(call, &reply);
}

static void on_keys(void *arg, const struct aws_keys *keys, const char *sentence)
{
    struct call *call = arg;
    struct aws_caller *caller = call->caller;
    const struct aws_action_row *row = aws_action_row(call->action);
    bool sts = strcmp(row->service, "sts") == 0;
    if (!keys) {
        struct aws_reply reply = {.error = {.kind = AWS_REFUSED}, .body = "", .access_key = ""};
        snprintf(reply.error.sentence, sizeof reply.error.sentence, "%s", sentence);
        finish(call, &reply);
        return;
    }
    snprintf(call->access_key, sizeof call->access_key, "%s", keys->access_key);
    if (call->only_key[0] && strcmp(call->only_key, call->access_key) != 0) {
        struct aws_reply reply = {.error = {.kind = AWS_UNKNOWN,
                                            .sentence = "the credentials are other ones than "
                                                        "before: nothing is sent before it is "
                                                        "known whose they are"},
                                  .body = "",
                                  .access_key = call->access_key};
        finish(call, &reply);
        return;
    }
    struct dr_strbuf token = {0};
    dr_strbuf_printf(&token, "X-Amz-Security-Token: %s", keys->session_token);
    const char *headers[] = {"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
                             keys->session_token[0] ? token.data : NULL, NULL};
    struct dr_http_request request = {
        .method = "POST",
        .url = sts ? caller->sts : caller->ec2,
        .headers = headers,
        .body = call->body,
        .body_len = call->len,
        .user = keys->access_key,
        .password = keys->secret_key,
        .aws_sigv4 = sts ? caller->sts_scope : caller->ec2_scope,
        .cookie = call,
    };
    dr_http_send(caller->http, &request, on_answer, call);
    dr_strbuf_free(&token);
}

static void send_call(struct call *call)
{
    aws_creds_get(call->caller->creds, on_keys, call);
}

/* The bucket that counts instances, where a call has one. */
static struct dr_bucket *second_bucket(struct aws_caller *caller, const struct call *call)
{
    if (call->action == AWS_RUN_INSTANCES)
        return &caller->buckets[AWS_BUCKET_RUN_INSTANCES];
    if (call->action == AWS_TERMINATE_INSTANCES)
        return &caller->buckets[AWS_BUCKET_TERMINATE_INSTANCES];
    return NULL;
}

/* Milliseconds until a call may go out; its tokens are taken when that is now. */
static int64_t take_tokens(struct aws_caller *caller, const struct call *call, int64_t now_ms)
{
    struct dr_bucket *calls = &caller->buckets[aws_action_row(call->action)->bucket];
    struct dr_bucket *instances = second_bucket(caller, call);
    int64_t wait = dr_bucket_wait_ms(calls, 1, now_ms);
    if (instances) {
        int64_t more = dr_bucket_wait_ms(instances, (double)call->instances, now_ms);
        wait = more > wait ? more : wait;
    }
    if (wait > 0)
        return wait;
    dr_bucket_take(calls, 1, now_ms);
    if (instances)
        dr_bucket_take(instances, (double)call->instances, now_ms);
    return 0;
}

static int on_timer(zloop_t *loop, int timer, void *arg)
{
    struct aws_caller *caller = arg;
    (void)loop;
    (void)timer;
    caller->timer = -1;
    pump(caller);
    return 0;
}

static struct call *next_ready(struct aws_caller *caller, int64_t *wait_ms)
{
    bool held[AWS_BUCKETS] = {false}; /* an older call waits there: nobody overtakes it */
    int64_t now_ms = dr_boottime_ms();
    *wait_ms = -1;
    for (struct call *call = caller->calls; call; call = call->next) {
        enum aws_bucket bucket = aws_action_row(call->action)->bucket;
        if (!call->waiting || held[bucket])
            continue;
        int64_t wait = take_tokens(caller, call, now_ms);
        if (wait == 0)
            return call;
        held[bucket] = true;
        *wait_ms = *wait_ms < 0 || wait < *wait_ms ? wait : *wait_ms;
    }
    return NULL;
}

static void pump(struct aws_caller *caller)
{
    struct call *call;
    int64_t wait_ms;
    while ((call = next_ready(caller, &wait_ms))) {
        call->waiting = false;
        send_call(call); /* may finish it at once, and with it bring new ones */
    }
    if (caller->timer >= 0)
        zloop_timer_end(caller->loop, caller->timer);
    caller->timer = -1;
    if (wait_ms >= 0)
        caller->timer = zloop_timer(caller->loop, (size_t)wait_ms + 1, 1, on_timer, caller);
}

void aws_call(struct aws_caller *caller, enum aws_action action, const char *body, size_t len,
              size_t instances, aws_reply_fn done, void *arg)
{
    aws_call_with(caller, "", action, body, len, instances, done, arg);
}

void aws_call_with(struct aws_caller *caller, const char *access_key, enum aws_action action,
                   const char *body, size_t len, size_t instances, aws_reply_fn done, void *arg)
{
    struct call *call = calloc(1, sizeof *call);
    DR_ASSERT(call);
    *call = (struct call){.caller = caller,
                          .action = action,
                          .len = len,
                          .instances = instances,
                          .waiting = true,
                          .done = done,
                          .arg = arg};
    snprintf(call->only_key, sizeof call->only_key, "%s", access_key);
    call->body = malloc(len + 1);
    DR_ASSERT(call->body);
    memcpy(call->body, body, len);
    call->body[len] = '\0';
    struct call **at = &caller->calls;
    while (*at)
        at = &(*at)->next;
    *at = call;
    pump(caller);
}
