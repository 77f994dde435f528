/* SPDX-License-Identifier: Apache-2.0 */
#include "actions.h"

#include "drover/assert.h"

#define OURS "{\"StringEquals\": {\"aws:ResourceTag/drover-deployment\": \"%s\"}}"
#define AT_LAUNCH                                                  \
    "{\"StringEquals\": {\"ec2:CreateAction\": \"RunInstances\", " \
    "\"aws:RequestTag/drover-deployment\": \"%s\"}}"

static const struct aws_action_row ROWS[AWS_ACTIONS] = {
    [AWS_RUN_INSTANCES] = {"RunInstances", "ec2", AWS_BUCKET_RUN, "ec2:RunInstances", NULL,
                           "starts machines"},
    [AWS_DESCRIBE_INSTANCES] = {"DescribeInstances", "ec2", AWS_BUCKET_READ,
                                "ec2:DescribeInstances", NULL, "lists its machines"},
    [AWS_TERMINATE_INSTANCES] = {"TerminateInstances", "ec2", AWS_BUCKET_TERMINATE,
                                 "ec2:TerminateInstances", OURS,
                                 "ends machines, those of this deployment only"},
    [AWS_CREATE_TAGS] = {"CreateTags", "ec2", AWS_BUCKET_TAG, "ec2:CreateTags", OURS,
                         "writes the row of the ledger on a machine"},
    [AWS_GET_CONSOLE_OUTPUT] = {"GetConsoleOutput", "ec2", AWS_BUCKET_CONSOLE,
                                "ec2:GetConsoleOutput", OURS, "shows why a machine did not boot"},
    [AWS_DESCRIBE_SPOT_REQUESTS] = {"DescribeSpotInstanceRequests", "ec2", AWS_BUCKET_READ,
                                    "ec2:DescribeSpotInstanceRequests", NULL,
                                    "sees that a spot machine will be taken"},
    [AWS_DESCRIBE_TYPES] = {"DescribeInstanceTypes", "ec2", AWS_BUCKET_READ,
                            "ec2:DescribeInstanceTypes", NULL,
                            "knows how many GPUs a machine must show"},
    [AWS_DESCRIBE_OFFERINGS] = {"DescribeInstanceTypeOfferings", "ec2", AWS_BUCKET_READ,
                                "ec2:DescribeInstanceTypeOfferings", NULL,
                                "checks which zones sell a type"},
    [AWS_DESCRIBE_IMAGES] = {"DescribeImages", "ec2", AWS_BUCKET_READ, "ec2:DescribeImages", NULL,
                             "knows an image's root device"},
    [AWS_GET_CALLER_IDENTITY] = {"GetCallerIdentity", "sts", AWS_BUCKET_STS, NULL, NULL,
                                 "knows which account it works in"},
};

const struct aws_action_row *aws_action_row(enum aws_action action)
{
    DR_ASSERT(action < AWS_ACTIONS);
    return &ROWS[action];
}

/* https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html: request buckets of
 * filtered and paged reads, of RunInstances and of TerminateInstances, and their resource buckets.
 * What has no row there is a mutating action of the default bucket. */
void aws_buckets_init(struct dr_bucket buckets[AWS_BUCKETS], int64_t now_ms)
{
    static const struct {
        double burst, per_second;
    } rates[AWS_BUCKETS] = {
        [AWS_BUCKET_READ] = {100, 20},          [AWS_BUCKET_RUN] = {5, 2},
        [AWS_BUCKET_TERMINATE] = {100, 5},      [AWS_BUCKET_TAG] = {100, 10},
        [AWS_BUCKET_CONSOLE] = {50, 5},         [AWS_BUCKET_STS] = {100, 50},
        [AWS_BUCKET_RUN_INSTANCES] = {1000, 2}, [AWS_BUCKET_TERMINATE_INSTANCES] = {1000, 20},
    };
    for (size_t i = 0; i < AWS_BUCKETS; i++)
        dr_bucket_init(&buckets[i], rates[i].burst, rates[i].per_second, now_ms);
}

static void statement(struct dr_strbuf *out, const char *deployment, const char *sid,
                      const char *right, const char *condition, bool more)
{
    dr_strbuf_printf(out, "    {\n      \"Sid\": \"%s\",\n      \"Effect\": \"Allow\",\n", sid);
    dr_strbuf_printf(out, "      \"Action\": \"%s\",\n      \"Resource\": \"*\"", right);
    if (condition) {
        dr_strbuf_add_text(out, ",\n      \"Condition\": ");
        for (const char *c = condition; *c; c++) {
            if (c[0] == '%' && c[1] == 's') {
                dr_strbuf_add_text(out, deployment);
                c++;
            } else {
                dr_strbuf_add(out, c, 1);
            }
        }
    }
    dr_strbuf_printf(out, "\n    }%s\n", more ? "," : "");
}

void aws_policy(const char *deployment, bool instance_profile, struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n");
    for (size_t i = 0; i < AWS_ACTIONS; i++) {
        if (ROWS[i].right)
            statement(out, deployment, ROWS[i].name, ROWS[i].right, ROWS[i].condition, true);
    }
    statement(out, deployment, "TagAtLaunch", "ec2:CreateTags", AT_LAUNCH, true);
    if (instance_profile)
        statement(out, deployment, "PassRole", "iam:PassRole",
                  "{\"StringEquals\": {\"iam:PassedToService\": \"ec2.amazonaws.com\"}}", true);
    /* For images by alias (resolve:ssm:...). */
    statement(out, deployment, "ResolveImage", "ssm:GetParameters", NULL, true);
    statement(out, deployment, "FirstSpotUse", "iam:CreateServiceLinkedRole",
              "{\"StringEquals\": {\"iam:AWSServiceName\": \"spot.amazonaws.com\"}}", false);
    dr_strbuf_add_text(out, "  ]\n}\n");
}
