/* SPDX-License-Identifier: Apache-2.0
 *
 * boto3's names to the wire's, for `extra_configurations`, and any nested request in boto3's shape
 * to form fields. Pure.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "error.h"
#include "strbuf.h"

/* Appends a run_instances request in boto3's shape as form fields, sorted as the object is.
 * False with a sentence that names the path of what cannot be sent (null, a number with a fraction
 * where none is, an empty object …). */
bool aws_flatten(const json_t *request, struct dr_strbuf *body, struct dr_error *error);

/* Merges `extra` over `request` as ClearML's own autoscaler does: objects deeply, all else
 * replaced, but TagSpecifications are added. False when it sets what Drover needs for itself. */
bool aws_merge_extra(json_t *request, const json_t *extra, struct dr_error *error);
