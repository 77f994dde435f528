/* SPDX-License-Identifier: Apache-2.0
 *
 * Where AWS credentials come from, in the order of AWS's own tools, and their renewal ahead of
 * expiry. Needs the loop; never blocks for longer than reading a small file. Secrets appear in no
 * sentence.
 *
 *  1 credentials_file of the account            5 ~/.aws/credentials, then ~/.aws/config
 *  2 AWS_ACCESS_KEY_ID …                        6 container (ECS, EKS pod identity)
 *  3 a profile's role_arn (AssumeRole)          7 instance metadata (IMDSv2)
 *  4 web identity (AssumeRoleWithWebIdentity)   and on top, where set: the account's role_arn
 *
 * Temporary ones are renewed from 15 minutes before they expire, and must be by 10; an expired
 * answer of the metadata service stays in use and is asked for again.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "drover/config.h"
#include "error.h"

struct _zloop_t;
struct aws_creds;

struct aws_keys {
    const char *access_key, *secret_key;
    const char *session_token; /* "" for long-lived keys */
};

struct aws_creds_setup {
    struct _zloop_t *loop;                /* borrowed */
    const struct dr_cfg_account *account; /* copied as far as needed */
    const char *region;                   /* for STS; copied */
    const char *home;                     /* NULL: $HOME */
    int64_t reread_ms; /* refused keys are fetched anew at most this often; 0: each time */
};

/* NULL with a sentence when the configuration itself is wrong. */
struct aws_creds *aws_creds_new(const struct aws_creds_setup *setup, struct dr_error *error);
void aws_creds_free(struct aws_creds *creds);

/* Calls back once with keys, at once if there are fresh ones, later if they have to be fetched; or
 * with NULL and a sentence that says every source that was tried and why it gave none. Keys live
 * for the call only. */
typedef void (*aws_creds_fn)(void *arg, const struct aws_keys *keys, const char *sentence);
void aws_creds_get(struct aws_creds *creds, aws_creds_fn done, void *arg);

/* The keys were refused: the next get fetches anew (once in reread_ms at most). */
void aws_creds_refused(struct aws_creds *creds);

/* Where they came from, in words without secrets: "profile train of /home/u/.aws/credentials". */
const char *aws_creds_source(const struct aws_creds *creds);

/* Region as configured, of the environment, or of the profile; "" if none says. Blocks on a small
 * file. */
void aws_region(const struct dr_cfg_account *account, const char *home, char *out, size_t size);

/* "https://ec2.eu-west-1.amazonaws.com/": an override, or the region's partition decides. service:
 * ec2, sts, ssm. */
void aws_endpoint(const char *service, const char *region, const char *override, char *out,
                  size_t size);
