/* SPDX-License-Identifier: Apache-2.0
 *
 * Every call that the driver makes, declared once: its bucket, and the right that it needs. The
 * smallest policy (docs/clouds/aws.md) and `drover check` come from this table; a call that is not
 * in it cannot be made.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "../bucket.h"
#include "strbuf.h"

enum aws_action {
    AWS_RUN_INSTANCES,
    AWS_DESCRIBE_INSTANCES,
    AWS_TERMINATE_INSTANCES,
    AWS_CREATE_TAGS,
    AWS_GET_CONSOLE_OUTPUT,
    AWS_DESCRIBE_SPOT_REQUESTS,
    AWS_DESCRIBE_TYPES,
    AWS_DESCRIBE_OFFERINGS,
    AWS_DESCRIBE_IMAGES,
    AWS_GET_CALLER_IDENTITY,
    AWS_ACTIONS
};

/* EC2 counts calls per account and region; these are its published buckets. */
enum aws_bucket {
    AWS_BUCKET_READ,
    AWS_BUCKET_RUN,
    AWS_BUCKET_TERMINATE,
    AWS_BUCKET_TAG,
    AWS_BUCKET_CONSOLE,
    AWS_BUCKET_STS,
    AWS_BUCKET_RUN_INSTANCES,       /* counted in instances */
    AWS_BUCKET_TERMINATE_INSTANCES, /* counted in instances */
    AWS_BUCKETS
};

struct aws_action_row {
    const char *name;
    const char *service; /* ec2 or sts: whom it is signed for */
    enum aws_bucket bucket;
    const char *right;     /* "ec2:RunInstances"; NULL: needs none */
    const char *condition; /* JSON of the policy's Condition, or NULL; %s is the deployment */
    const char *why;       /* for a person who grants it */
};

const struct aws_action_row *aws_action_row(enum aws_action action);
void aws_buckets_init(struct dr_bucket buckets[AWS_BUCKETS], int64_t now_ms);

/* The smallest policy that lets the driver work for this deployment, as JSON to paste.
 * instance_profile: also the right to hand machines a role. */
void aws_policy(const char *deployment, bool instance_profile, struct dr_strbuf *out);
