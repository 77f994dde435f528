/* SPDX-License-Identifier: Apache-2.0
 *
 * What the driver makes of AWS's answers: its own files over calls that this test answers.
 */
#include <cmocka.h>
#include <czmq.h>
#include <stdio.h>
#include <string.h>

#include "aws.h"

#define CALLS_MAX 32

/* ---- the calls, as the driver makes them ------------------------------------------------------
 */
struct asked {
    enum aws_action action;
    char *body;
    aws_reply_fn done;
    void *arg;
};

static struct {
    struct aws aws;
    struct asked calls[CALLS_MAX];
    size_t count;
    size_t answers;
    enum driver_class class;
    char instances[256]; /* "i-1 i-2 ": of the last answer or list */
    char identity[64];
} now;

void aws_call(struct aws_caller *caller, enum aws_action action, const char *body, size_t len,
              size_t instances, aws_reply_fn done, void *arg)
{
    (void)caller;
    (void)instances;
    assert_true(now.count < CALLS_MAX);
    now.calls[now.count++] =
        (struct asked){.action = action, .body = strndup(body, len), .done = done, .arg = arg};
}

void aws_call_with(struct aws_caller *caller, const char *access_key, enum aws_action action,
                   const char *body, size_t len, size_t instances, aws_reply_fn done, void *arg)
{
    (void)access_key;
    aws_call(caller, action, body, len, instances, done, arg);
}

const char *facts_identity(void *self)
{
    const struct aws *aws = self;
    return aws->facts.asking ? "" : aws->facts.identity;
}

const char *facts_doubt(struct aws *aws, const char *access_key)
{
    (void)aws;
    (void)access_key;
    return NULL;
}

static void reply(size_t n, enum aws_kind kind, const char *code, const char *body)
{
    struct aws_reply reply = {.error = {.kind = kind}, .body = body, .len = strlen(body)};
    reply.access_key = "";
    snprintf(reply.error.code, sizeof reply.error.code, "%s", code);
    now.calls[n].done(now.calls[n].arg, &reply);
}

static int set_up(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    now.aws.loop = zloop_new();
    now.aws.ending_timer = -1;
    snprintf(now.aws.facts.identity, sizeof now.aws.facts.identity, "aws:1:eu");
    return 0;
}

static int tear_down(void **state)
{
    zloop_t *loop = now.aws.loop;
    (void)state;
    endings_free(&now.aws);
    notices_free(&now.aws);
    for (size_t i = 0; i < now.count; i++)
        free(now.calls[i].body);
    zloop_destroy(&loop);
    return 0;
}

/* ---- starting ---------------------------------------------------------------------------------
 */
static void on_done(void *arg, const char *id, const struct driver_answer *answer)
{
    size_t used = 0;
    (void)arg;
    (void)id;
    now.answers++;
    now.class = answer->class;
    now.instances[0] = '\0';
    for (size_t i = 0; i < answer->instance_count; i++)
        used += (size_t)snprintf(now.instances + used, sizeof now.instances - used, "%s ",
                                 answer->instances[i]);
}

#define ITEM(id, code)                                                                          \
    "<item><instanceId>" id "</instanceId><instanceState><code>" code "</code></instanceState>" \
    "</item>"
#define LIST(items)                                                         \
    "<DescribeInstancesResponse><reservationSet><item><instancesSet>" items \
    "</instancesSet></item></reservationSet></DescribeInstancesResponse>"

static void launch(void)
{
    static const char body[] = "Action=RunInstances&MaxCount=2";
    aws_launch(&now.aws, "a1", body, strlen(body), on_done, NULL);
}

/* One of many that a token started has ended: the others run, and are not started again. */
static void test_dead_token_of_a_batch(void **state)
{
    (void)state;
    launch();
    reply(0, AWS_TOKEN_DEAD, "IdempotentInstanceTerminated", "");
    assert_int_equal(now.answers, 0);
    assert_int_equal(now.count, 2);
    assert_int_equal(now.calls[1].action, AWS_DESCRIBE_INSTANCES);
    assert_non_null(strstr(now.calls[1].body, "drover-attempt"));
    reply(1, AWS_OK, "", LIST(ITEM("i-1", "48") ITEM("i-2", "16")));
    assert_int_equal(now.class, DRIVER_OK);
    assert_string_equal(now.instances, "i-1 i-2 ");
}

static void test_dead_token(void **state)
{
    static const char *const lists[] = {LIST(""), LIST(ITEM("i-1", "48") ITEM("i-2", "48"))};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        launch();
        reply(now.count - 1, AWS_TOKEN_DEAD, "IdempotentInstanceTerminated", "");
        reply(now.count - 1, AWS_OK, "", lists[i]);
        assert_int_equal(now.answers, i + 1);
        assert_int_equal(now.class, DRIVER_OTHER); /* definite: a new attempt */
    }
    launch();
    reply(now.count - 1, AWS_TOKEN_DEAD, "IdempotentInstanceTerminated", "");
    reply(now.count - 1, AWS_THROTTLED, "RequestLimitExceeded", "");
    assert_int_equal(now.class, DRIVER_UNKNOWN);
}

/* ---- lists ------------------------------------------------------------------------------------
 */
static void on_listed(void *arg, const struct driver_list *list)
{
    (void)arg;
    now.answers += list->ok;
    snprintf(now.identity, sizeof now.identity, "%s", list->identity);
}

/* What is asked anew after a reload is not needed to say whose word a list is. */
static void test_list_while_types_are_asked_for(void **state)
{
    (void)state;
    now.aws.facts.asking = true;
    aws_list_all(&now.aws, on_listed, NULL);
    reply(0, AWS_OK, "", LIST(ITEM("i-1", "48")));
    assert_int_equal(now.answers, 1);
    assert_string_equal(now.identity, "aws:1:eu");
}

/* ---- ends -------------------------------------------------------------------------------------
 */
static int is_sent(zloop_t *loop, int timer, void *arg)
{
    (void)loop;
    (void)timer;
    return now.count == *(const size_t *)arg ? -1 : 0;
}

static void until_calls(size_t count)
{
    int timer = zloop_timer(now.aws.loop, 1, 0, is_sent, &count);
    zloop_start(now.aws.loop);
    zloop_timer_end(now.aws.loop, timer);
}

static void end(const char *instance)
{
    aws_terminate_one(&now.aws, instance, on_done, NULL);
}

static void test_one_without_the_right_holds_up_none(void **state)
{
    static const struct {
        enum aws_kind kind;
        const char *code;
        size_t more;
    } cells[] = {
        {AWS_REFUSED, "UnauthorizedOperation", 2},
        {AWS_NOT_FOUND, "InvalidInstanceID.NotFound", 2},
        {AWS_PROTECTED, "OperationNotPermitted", 2},
        {AWS_REFUSED, "AuthFailure", 0},
        {AWS_REFUSED, "", 0}, /* no keys */
        {AWS_THROTTLED, "RequestLimitExceeded", 0},
        {AWS_OK, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        size_t before = now.count, answers = now.answers;
        end("i-1");
        end("i-2");
        until_calls(before + 1);
        reply(before, cells[i].kind, cells[i].code, "");
        assert_int_equal(now.count, before + 1 + cells[i].more);
        for (size_t n = before + 1; n < now.count; n++)
            reply(n, cells[i].kind, cells[i].code, ""); /* alone: no more calls */
        assert_int_equal(now.count, before + 1 + cells[i].more);
        assert_int_equal(now.answers, answers + 2);
    }
}

/* The engine asks every few seconds; a queue of old ends would hold up new ones. */
static void test_what_is_under_way_is_not_asked_for_twice(void **state)
{
    (void)state;
    end("i-1");
    end("i-1");
    assert_int_equal(now.answers, 1); /* asked for already */
    assert_int_equal(now.class, DRIVER_OK);
    until_calls(1);
    end("i-1");
    end("i-2");
    assert_int_equal(now.answers, 2);
    until_calls(2);
    assert_null(strstr(now.calls[1].body, "i-1"));
    reply(0, AWS_THROTTLED, "RequestLimitExceeded", "");
    end("i-1"); /* again, now that it is answered */
    until_calls(3);
    assert_non_null(strstr(now.calls[2].body, "i-1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dead_token_of_a_batch),
        TEST(test_dead_token),
        TEST(test_list_while_types_are_asked_for),
        TEST(test_one_without_the_right_holds_up_none),
        TEST(test_what_is_under_way_is_not_asked_for_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
