/* SPDX-License-Identifier: Apache-2.0
 *
 * What the driver asks before it starts anything, over calls that this test answers.
 */
#include <cmocka.h>
#include <czmq.h>
#include <stdio.h>
#include <string.h>

#include "aws.h"

#define CALLS_MAX 16

static struct {
    struct aws aws;
    struct dr_cfg_account account;
    struct dr_cfg_type types[3];
    struct dr_cfg_root config;
    struct {
        enum aws_action action;
        char *body;
        aws_reply_fn done;
    } calls[CALLS_MAX];
    size_t count;
} now;

void aws_call(struct aws_caller *caller, enum aws_action action, const char *body, size_t len,
              size_t instances, aws_reply_fn done, void *arg)
{
    (void)caller;
    (void)instances;
    assert_true(now.count < CALLS_MAX && arg == &now.aws);
    now.calls[now.count].action = action;
    now.calls[now.count].body = strndup(body, len);
    now.calls[now.count++].done = done;
}

const char *aws_creds_source(const struct aws_creds *creds)
{
    (void)creds;
    return "the test";
}

/* To the newest call. */
static void reply(enum aws_kind kind, const char *code, const char *body)
{
    struct aws_reply reply = {
        .error = {.kind = kind}, .body = body, .len = strlen(body), .access_key = "AKIA1"};
    snprintf(reply.error.code, sizeof reply.error.code, "%s", code);
    now.calls[now.count - 1].done(&now.aws, &reply);
}

static bool asks(enum aws_action action, const char *text)
{
    return now.calls[now.count - 1].action == action && strstr(now.calls[now.count - 1].body, text);
}

static void type_of(struct dr_cfg_type *type, const char *instance_type, const char *account)
{
    *type = (struct dr_cfg_type){.name = instance_type,
                                 .account = account,
                                 .instance_type = instance_type,
                                 .ami_id = "resolve:ssm:/an/alias"};
}

static int set_up(void **state)
{
    (void)state;
    memset(&now, 0, sizeof now);
    now.account.name = "cloud";
    type_of(&now.types[0], "g5.xlarge", "cloud");
    type_of(&now.types[1], "g5.elsewhere", "another");
    type_of(&now.types[2], "g5.12xlarge", "cloud");
    now.config.machine_types.items = now.types;
    now.config.machine_types.count = 3;
    now.aws.loop = zloop_new();
    now.aws.config = &now.config;
    now.aws.account = &now.account;
    now.aws.facts.timer = -1;
    facts_again(&now.aws);
    reply(AWS_OK, "",
          "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account>"
          "</GetCallerIdentityResult></GetCallerIdentityResponse>");
    assert_true(asks(AWS_DESCRIBE_TYPES, "g5.xlarge") && asks(AWS_DESCRIBE_TYPES, "g5.12xlarge"));
    return 0;
}

static int tear_down(void **state)
{
    zloop_t *loop = now.aws.loop;
    (void)state;
    facts_free(&now.aws);
    for (size_t i = 0; i < now.count; i++)
        free(now.calls[i].body);
    zloop_destroy(&loop);
    return 0;
}

#define TYPES(items)                                         \
    "<DescribeInstanceTypesResponse><instanceTypeSet>" items \
    "</instanceTypeSet></DescribeInstanceTypesResponse>"
#define GPUS(type, count)                                                           \
    "<item><instanceType>" type "</instanceType><gpuInfo><gpus><item><count>" count \
    "</count></item></gpus></gpuInfo></item>"

static bool ready(void)
{
    return facts_identity(&now.aws)[0] != '\0';
}

static void test_types(void **state)
{
    (void)state;
    assert_false(ready());
    reply(AWS_OK, "", TYPES(GPUS("g5.xlarge", "1") GPUS("g5.12xlarge", "4")));
    assert_true(ready());
    assert_int_equal(facts_gpus(&now.aws, &now.types[0]), 1);
    assert_int_equal(facts_gpus(&now.aws, &now.types[2]), 4);
}

/* A type that does not exist fails the question for all of them. */
static void test_one_unknown_type_hides_no_other(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        reply(AWS_BAD_REQUEST, "InvalidInstanceType", "");
        assert_true(asks(AWS_DESCRIBE_TYPES, "g5.xlarge"));
        assert_false(asks(AWS_DESCRIBE_TYPES, "g5.12xlarge"));
        reply(AWS_BAD_REQUEST, "InvalidInstanceType", "");
        assert_true(asks(AWS_DESCRIBE_TYPES, "g5.12xlarge"));
        assert_false(ready());
        reply(AWS_OK, "", TYPES(GPUS("g5.12xlarge", "4")));
        assert_true(ready());
        assert_int_equal(facts_gpus(&now.aws, &now.types[0]), 0);
        assert_int_equal(facts_gpus(&now.aws, &now.types[2]), 4);
        facts_again(&now.aws); /* as after a reload */
        assert_true(asks(AWS_DESCRIBE_TYPES, "g5.xlarge"));
        assert_true(asks(AWS_DESCRIBE_TYPES, "g5.12xlarge"));
    }
}

/* A right that lacks is gone without; keys that lack are waited for. */
static void test_what_is_gone_without(void **state)
{
    static const struct {
        enum aws_kind kind;
        const char *code;
        bool without;
    } cells[] = {
        {AWS_REFUSED, "UnauthorizedOperation", true}, {AWS_REFUSED, "", false},
        {AWS_REFUSED, "InvalidClientTokenId", false}, {AWS_REFUSED, "AuthFailure", false},
        {AWS_STALE, "ExpiredToken", false},           {AWS_THROTTLED, "Throttling", false},
        {AWS_UNKNOWN, "InternalError", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        void *none = NULL;
        if (i > 0) {
            tear_down(&none);
            set_up(&none);
        }
        reply(cells[i].kind, cells[i].code, "");
        assert_int_equal(ready(), cells[i].without);
        assert_int_equal(now.aws.facts.timer >= 0, !cells[i].without); /* asked again */
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types),
        TEST(test_one_unknown_type_hides_no_other),
        TEST(test_what_is_gone_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
