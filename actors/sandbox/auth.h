/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* Who is asking, by the Authorization header (Basic key pair, Bearer token) or else the cookie
 * clearml_token_basic. Sets user, user_id and company of the call; 0, or -1 with its error set. */
int sandbox_authenticate(struct sandbox_call *call);

/* A key pair for user; key and secret may be NULL: drawn. Returns the document (borrowed). */
json_t *sandbox_add_credentials(struct sandbox *sb, const char *user, const char *key,
                                const char *secret, const char *label);
