/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of EC2's calls, as form fields in a fixed order. Pure: the same input gives the same bytes
 * (P10). Field names and rules: EC2 API 2016-11-15.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "../driver.h"
#include "strbuf.h"

#define AWS_EC2_VERSION "2016-11-15"
#define AWS_STS_VERSION "2011-06-15"
#define AWS_USER_DATA_MAX 16384

/* A body under construction: "Action=…&Version=…". */
void aws_begin(struct dr_strbuf *body, const char *action, const char *version);
/* "&Name=value", percent-encoded. */
void aws_field(struct dr_strbuf *body, const char *name, const char *value);
void aws_field_int(struct dr_strbuf *body, const char *name, long long value);
void aws_field_bool(struct dr_strbuf *body, const char *name, bool value);

/* The n-th offering of a type: "g5.xlarge/eu-west-1a/spot", the place being a zone, a subnet or
 * "any". False beyond the last. */
bool aws_offering(const struct dr_cfg_type *type, size_t n, char *out, size_t size);

/* RunInstances, 1 to request->count machines: fields of the type, Drover's tags (drover-deployment,
 * drover-attempt, drover-ledger, Name) on instance and volume, user data gzipped (mtime 0) and in
 * base64, ClientToken the attempt, IMDSv2 required, shutdown terminates; extra_configurations
 * merged over it. root_device: the image's, "" if not known. False with a sentence that names the
 * field: user data over 16,384 bytes, JSON that cannot be read, a field of boto3 that does not
 * exist or that Drover needs for itself, … */
bool aws_run_instances(const struct driver_request *request, const char *root_device,
                       struct dr_strbuf *body, struct dr_error *error);

/* A body as aws_run_instances made it, as a preflight: with DryRun, and without the secrets. */
bool aws_dry_run(const char *body, struct dr_strbuf *out);

/* Everything of a configured type that can be judged without asking AWS; false with a sentence. */
bool aws_check_type(const struct dr_cfg_type *type, struct dr_error *error);

/* DescribeInstances by our deployment's tag, or by id; a page after `token` ("" : the first). */
void aws_list(const char *deployment, const char *token, struct dr_strbuf *body);
void aws_list_attempt(const char *attempt, const char *token, struct dr_strbuf *body);
void aws_describe(const char *const *instances, size_t count, struct dr_strbuf *body);
/* The OS is not asked to shut down: the guard did what was to be done (P15). */
void aws_terminate(const char *const *instances, size_t count, struct dr_strbuf *body);
void aws_tag(const char *instance, const char *key, const char *value, struct dr_strbuf *body);
void aws_console(const char *instance, bool latest, struct dr_strbuf *body);
void aws_types(const char *const *types, size_t count, struct dr_strbuf *body);
void aws_offerings(const char *const *types, size_t count, const char *token,
                   struct dr_strbuf *body);
void aws_spot_requests(const char *const *requests, size_t count, struct dr_strbuf *body);
void aws_image(const char *image, struct dr_strbuf *body);
