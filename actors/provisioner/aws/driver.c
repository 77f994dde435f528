/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver for Amazon EC2: one process per account and region.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "drover/assert.h"
#include "log.h"

/* EC2 keeps a token for at least 24 h after the end of what it started. */
#define HONOURS_MS (24 * 3600 * 1000LL)
#define LOG_PERIOD_MS 60000
#define BATCH_MAX 100

static void aws_close(void *self)
{
    struct aws *aws = self;
    endings_free(aws);
    facts_free(aws);
    notices_free(aws);
    aws_caller_free(aws->caller);
    aws_creds_free(aws->creds);
    free(aws);
}

/* Credentials, connections and facts for an account as it is configured now. */
static bool connect_account(struct aws *aws, struct dr_error *error)
{
    aws_region(aws->account, NULL, aws->region, sizeof aws->region);
    if (!aws->region[0])
        return dr_error_set(error,
                            "account %s has no region: set accounts[].region, e.g. eu-west-1",
                            aws->account->name);
    struct aws_creds_setup setup = {
        .loop = aws->loop,
        .account = aws->account,
        .region = aws->region,
        .reread_ms = aws->config->timing.keys_reread_ms,
    };
    aws->creds = aws_creds_new(&setup, error);
    if (!aws->creds)
        return false;
    struct aws_caller_setup calls = {
        .loop = aws->loop, .account = aws->account, .creds = aws->creds, .region = aws->region};
    aws->caller = aws_caller_new(&calls);
    return true;
}

/* Said at once, not only when the first machine is wanted. */
static void check_types(const struct aws *aws)
{
    for (size_t i = 0; i < aws->config->machine_types.count; i++) {
        const struct dr_cfg_type *type = &aws->config->machine_types.items[i];
        struct dr_error error;
        if (strcmp(type->account, aws->account->name) == 0 && !aws_check_type(type, &error))
            dr_log(DR_LOG_ERROR, NULL, "no machine of type %s can be started: %s", type->name,
                   error.text);
    }
}

static void *aws_open(const struct driver_setup *setup, struct dr_error *error)
{
    struct aws *aws = calloc(1, sizeof *aws);
    DR_ASSERT(aws);
    aws->loop = setup->loop;
    aws->config = setup->config;
    aws->account = setup->account;
    aws->ending_timer = aws->facts.timer = -1;
    snprintf(aws->deployment, sizeof aws->deployment, "%s", setup->deployment);
    if (!connect_account(aws, error)) {
        aws_close(aws);
        return NULL;
    }
    check_types(aws);
    facts_again(aws);
    return aws;
}

static bool same_account(const struct dr_cfg_account *a, const struct dr_cfg_account *b)
{
    return strcmp(a->region, b->region) == 0 &&
           strcmp(a->credentials_file, b->credentials_file) == 0 &&
           strcmp(a->profile, b->profile) == 0 && strcmp(a->role_arn, b->role_arn) == 0 &&
           strcmp(a->external_id, b->external_id) == 0 && strcmp(a->endpoint, b->endpoint) == 0 &&
           strcmp(a->sts_endpoint, b->sts_endpoint) == 0 && strcmp(a->ca_file, b->ca_file) == 0 &&
           a->timeout_ms == b->timeout_ms;
}

static bool aws_configure(void *self, const struct dr_cfg_root *config,
                          const struct dr_cfg_account *account)
{
    struct aws *aws = self;
    if (!same_account(aws->account, account))
        return false;
    aws->config = config;
    aws->account = account;
    check_types(aws);
    facts_again(aws); /* types and images may be others */
    return true;
}

static bool aws_build(void *self, const struct driver_request *request, struct dr_strbuf *body,
                      struct dr_error *error)
{
    const struct aws *aws = self;
    return aws_run_instances(request, facts_root_device(aws, request->type->ami_id), body, error);
}

const struct driver_ops driver_aws = {
    .name = "aws",
    .batch_max = BATCH_MAX,
    .honours_ms = HONOURS_MS,
    .lists_lag = true,
    .log_period_ms = LOG_PERIOD_MS,
    .id_source = BOOT_ID_AWS_IMDSV2,
    .power_off = BOOT_POWER_SHUTDOWN,
    .open = aws_open,
    .close = aws_close,
    .configure = aws_configure,
    .identity = facts_identity,
    .offering = aws_offering,
    .gpus = facts_gpus,
    .build = aws_build,
    .launch = aws_launch,
    .list = aws_list_all,
    .describe = aws_describe_one,
    .terminate = aws_terminate_one,
    .tag = aws_tag_one,
    .console = aws_console_of,
    .probe = aws_probe,
    .take_over = aws_take_over,
};
