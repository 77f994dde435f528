/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_WATCHER_TOKEN_H
#define DROVER_WATCHER_TOKEN_H

#include <stdint.h>

#define TOKEN_LIFE_UNKNOWN_MS (INT64_C(3600) * 1000)

/* How long a token of auth.login (a JWT, RFC 7519; it is not verified, it is ours to present) lives
 * from its issue, in milliseconds: exp - iat, so that neither clock matters; where iat is missing,
 * exp - now. TOKEN_LIFE_UNKNOWN_MS if it says nothing readable. At least 1,000. Pure. */
int64_t token_life_ms(const char *token, int64_t now_wall_us);

#endif
