/* SPDX-License-Identifier: Apache-2.0
 *
 * What EC2 lists: all pages or nothing (P1), and the notices of spot machines (P21).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"
#include "drover/clock.h"

#define NOTICES_EVERY_MS 15000
#define SPOT_CHUNK 200

struct aws_notice {
    struct aws_notice *next;
    char instance[AWS_ID];
    const char *sentence; /* static */
};

struct listing {
    struct aws *aws;
    char instance[AWS_ID]; /* asked for by id; else "" */
    char attempt[96];      /* asked for by attempt; else "" */
    struct aws_instances got;
    size_t spot_at; /* first of `got` whose spot request was not asked for */
    int64_t sent_ms;
    driver_listed_fn done;
    void *arg;
};

void notices_free(struct aws *aws)
{
    while (aws->notices) {
        struct aws_notice *next = aws->notices->next;
        free(aws->notices);
        aws->notices = next;
    }
}

static const char *notice_of(const struct aws *aws, const char *instance)
{
    for (const struct aws_notice *notice = aws->notices; notice; notice = notice->next) {
        if (strcmp(notice->instance, instance) == 0)
            return notice->sentence;
    }
    return "";
}

static void finish(struct listing *listing, const struct driver_list *list)
{
    listing->done(listing->arg, list);
    aws_instances_free(&listing->got);
    free(listing);
}

static void fail(struct listing *listing, enum driver_class class, const char *sentence)
{
    struct driver_list list = {.class = class,
                               .sentence = sentence,
                               .identity = listing->aws->facts.identity,
                               .sent_ms = listing->sent_ms};
    finish(listing, &list);
}

static const char *state_word(const char *state)
{
    if (strcmp(state, "terminated") == 0)
        return "ended";
    /* A stopped machine is still there, and its disk is billed. */
    static const char *const present[] = {"pending", "running", "shutting-down", "stopping",
                                          "stopped"};
    for (size_t i = 0; i < sizeof present / sizeof *present; i++) {
        if (strcmp(state, present[i]) == 0)
            return "present";
    }
    return "unknown";
}

/* "terminated: it switched itself off"; the view's text, cut to fit. */
static void say_state(const struct aws_instance *instance, char *out, size_t size)
{
    const char *words =
        instance->reason_code[0] ? aws_state_reason_words(instance->reason_code) : "";
    snprintf(out, size, "%s%s%s", instance->state, words[0] ? ": " : "", words);
}

static void answer(struct listing *listing)
{
    size_t count = listing->got.count;
    struct dr_instance_view *views = calloc(count + 1, sizeof *views);
    char(*states)[320] = calloc(count + 1, sizeof *states);
    DR_ASSERT(views && states);
    for (size_t i = 0; i < count; i++) {
        const struct aws_instance *got = &listing->got.items[i];
        say_state(got, states[i], sizeof states[i]);
        views[i] = (struct dr_instance_view){
            .instance_id = got->id,
            .attempt = got->attempt,
            .machine = got->machine,
            .ledger_id = got->ledger,
            .type = got->taken_as,
            .state = state_word(got->state),
            .cloud_state = states[i],
            .notice = notice_of(listing->aws, got->id),
            .launched_us = got->launched_us,
        };
    }
    struct driver_list list = {.ok = true,
                               .sentence = "",
                               .identity = listing->aws->facts.identity,
                               .sent_ms = listing->sent_ms,
                               .instances = views,
                               .count = count};
    finish(listing, &list);
    free(views);
    free(states);
}

/* ---- spot ----------------------------------------------------------------------------------- */
static void keep_notice(void *arg, const struct aws_spot_request *request)
{
    struct aws *aws = arg;
    const char *sentence = aws_spot_notice(request->status);
    if (!sentence || !request->instance[0] || notice_of(aws, request->instance)[0])
        return;
    struct aws_notice *notice = calloc(1, sizeof *notice);
    DR_ASSERT(notice);
    snprintf(notice->instance, sizeof notice->instance, "%s", request->instance);
    notice->sentence = sentence;
    notice->next = aws->notices;
    aws->notices = notice;
}

static void spot_step(struct listing *listing);

static void on_spot(void *arg, const struct aws_reply *reply)
{
    struct listing *listing = arg;
    char next[1024];
    struct dr_error error;
    /* What fails here hides a notice, not a machine: the guard on it sees the notice as well. */
    if (reply->error.kind == AWS_OK)
        aws_read_spot_requests(reply->body, reply->len, keep_notice, listing->aws, next, &error);
    spot_step(listing);
}

/* The next chunk of spot requests, or the answer when there is none left. */
static void spot_step(struct listing *listing)
{
    const char *requests[SPOT_CHUNK];
    size_t count = 0;
    for (; listing->spot_at < listing->got.count && count < SPOT_CHUNK; listing->spot_at++) {
        const struct aws_instance *got = &listing->got.items[listing->spot_at];
        if (got->spot_request[0] && strcmp(state_word(got->state), "present") == 0)
            requests[count++] = got->spot_request;
    }
    if (count == 0) {
        answer(listing);
        return;
    }
    struct dr_strbuf body = {0};
    aws_spot_requests(requests, count, &body);
    aws_call(listing->aws->caller, AWS_DESCRIBE_SPOT_REQUESTS, body.data, body.len, 0, on_spot,
             listing);
    dr_strbuf_free(&body);
}

static void whole(struct listing *listing)
{
    struct aws *aws = listing->aws;
    int64_t now_ms = dr_boottime_ms();
    bool due = !aws->notices_ms || now_ms - aws->notices_ms >= NOTICES_EVERY_MS;
    if (!listing->instance[0] && !listing->attempt[0] && due) {
        aws->notices_ms = now_ms;
        notices_free(aws);
        spot_step(listing);
    } else {
        answer(listing);
    }
}

/* ---- pages ---------------------------------------------------------------------------------- */
static void ask(struct listing *listing);

static void missing(struct listing *listing)
{
    struct dr_instance_view view = {.instance_id = listing->instance,
                                    .attempt = "",
                                    .machine = "",
                                    .ledger_id = "",
                                    .type = "",
                                    .state = "missing",
                                    .cloud_state = "EC2 does not know it",
                                    .notice = ""};
    struct driver_list list = {.ok = true,
                               .sentence = "",
                               .identity = listing->aws->facts.identity,
                               .sent_ms = listing->sent_ms,
                               .instances = &view,
                               .count = 1};
    finish(listing, &list);
}

static void on_page(void *arg, const struct aws_reply *reply)
{
    struct listing *listing = arg;
    struct dr_error error = {0};
    if (!listing->sent_ms)
        listing->sent_ms = reply->sent_ms;
    bool unknown_id = reply->error.kind == AWS_NOT_FOUND && listing->instance[0];
    const char *doubt = facts_doubt(listing->aws, reply->access_key);
    if (reply->error.kind != AWS_OK && !unknown_id) {
        fail(listing, aws_class_of(reply->error.kind), reply->error.sentence);
    } else if (doubt) {
        fail(listing, DRIVER_UNKNOWN, doubt);
    } else if (unknown_id) {
        missing(listing);
    } else if (!aws_read_instances(reply->body, reply->len, &listing->got, &error)) {
        fail(listing, DRIVER_UNKNOWN, error.text);
    } else if (listing->got.next_token[0]) {
        ask(listing);
    } else if (listing->instance[0] && listing->got.count == 0) {
        missing(listing);
    } else {
        whole(listing);
    }
}

static void ask(struct listing *listing)
{
    struct dr_strbuf body = {0};
    const char *instances[] = {listing->instance};
    if (listing->instance[0])
        aws_describe(instances, 1, &body);
    else if (listing->attempt[0])
        aws_list_attempt(listing->attempt, listing->got.next_token, &body);
    else
        aws_list(listing->aws->deployment, listing->got.next_token, &body);
    aws_call(listing->aws->caller, AWS_DESCRIBE_INSTANCES, body.data, body.len, 0, on_page,
             listing);
    dr_strbuf_free(&body);
}

static void start(struct aws *aws, const char *instance, const char *attempt, driver_listed_fn done,
                  void *arg)
{
    struct listing *listing = calloc(1, sizeof *listing);
    DR_ASSERT(listing);
    listing->aws = aws;
    listing->done = done;
    listing->arg = arg;
    snprintf(listing->instance, sizeof listing->instance, "%s", instance);
    snprintf(listing->attempt, sizeof listing->attempt, "%s", attempt);
    ask(listing);
}

void aws_list_all(void *self, driver_listed_fn done, void *arg)
{
    start(self, "", "", done, arg);
}

void aws_describe_one(void *self, const char *instance, driver_listed_fn done, void *arg)
{
    start(self, instance, "", done, arg);
}

void aws_list_of_attempt(struct aws *aws, const char *attempt, driver_listed_fn done, void *arg)
{
    start(aws, "", attempt, done, arg);
}
