/* SPDX-License-Identifier: Apache-2.0 */
/* Reader for clearml.conf: the part of HOCON (https://github.com/lightbend/config/blob/main/
 * HOCON.md) that clearml-init, the SDK and the agent write and document. Understood: comments
 * (# and //), root braces left out, `:` `=` or a bare `{`, dotted keys, merging of objects, `+=`,
 * unquoted, quoted and triple-quoted strings, numbers, booleans, null, arrays, commas or newlines,
 * ${path} and ${?path} from the file's earlier keys and then from the environment, concatenation of
 * values. `include` is refused. A substitution sees what stands above it in the file. */
#ifndef DROVER_COMMON_HOCON_H
#define DROVER_COMMON_HOCON_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

#define DR_HOCON_MAX_SIZE ((size_t)4 << 20)
#define DR_HOCON_MAX_DEPTH 64

/* A value of the environment, or NULL. `getenv` fits through dr_hocon_getenv. */
typedef const char *dr_hocon_lookup_fn(void *arg, const char *name);

const char *dr_hocon_getenv(void *unused, const char *name);

/* Parses `text` into an object that the caller owns; NULL on error, with place and sentence, which
 * begins with `file` (a name for people, not opened). No lookup: the environment is empty. */
json_t *dr_hocon_parse(const char *file, const char *text, size_t len, dr_hocon_lookup_fn *lookup,
                       void *arg, struct dr_error *error);

#endif
