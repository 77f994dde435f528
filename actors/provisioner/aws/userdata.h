/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot script as EC2 hands it to a machine: gzip, which cloud-init unpacks, in base64. Pure:
 * the same script gives the same bytes (P10).
 */
#pragma once
#include <stdbool.h>

#include "../driver.h"

/* Appends base64. False with a sentence that says by how much it is too big, and what is. */
bool aws_user_data(const struct driver_request *request, struct dr_strbuf *out,
                   struct dr_error *error);
