/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The regular expressions that clients send are Python's (the server compiles them with `re` and
 * hands them to its database). They are translated to POSIX extended expressions, which covers what
 * the SDK, the agent and the web page send. Look-around assertions are refused as malformed. */
struct pattern;

/* Compiles `text`; NULL when it is malformed, then `error` says why. Free with pattern_free. */
struct pattern *pattern_new(const char *text, bool ignore_case, char *error, size_t error_size);

/* Searches (does not anchor), as re.search does. */
bool pattern_matches(const struct pattern *pattern, const char *subject);

/* NULL is allowed. */
void pattern_free(struct pattern *pattern);
