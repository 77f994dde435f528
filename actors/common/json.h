/* SPDX-License-Identifier: Apache-2.0 */
/* What jansson lacks: limits on what strangers send, and getters by dotted path whose errors a
 * person understands. Building is done with json_pack. Nothing here blocks. */
#ifndef DROVER_COMMON_JSON_H
#define DROVER_COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define DR_JSON_MAX_DEPTH 64
#define DR_JSON_MAX_SIZE ((size_t)64 << 20)

/* Parses one JSON object or array. NULL on error, with line, column and sentence in `error` (may be
 * NULL). The text needs no NUL. Deeper than DR_JSON_MAX_DEPTH or larger than DR_JSON_MAX_SIZE is
 * an error found before anything is allocated. The caller owns the result (json_decref). */
json_t *dr_json_parse(const char *text, size_t len, struct dr_error *error);

/* The same with limits of the caller's. */
json_t *dr_json_parse_limited(const char *text, size_t len, size_t max_size, int max_depth,
                              struct dr_error *error);

/* The value at a dotted path ("data.queues.0.name": a number steps into an array), borrowed from
 * `root`; NULL if a step is missing. JSON null counts as missing. `root` may be NULL. */
json_t *dr_json_get(const json_t *root, const char *path);

/* Typed getters. Missing: `fallback`, no error. Present with another type: `fallback`, and `error`
 * (may be NULL) says so; an error that is already set is kept, so that one check after several
 * getters reports the first (start with an empty struct dr_error). Strings are borrowed. */
const char *dr_json_str(const json_t *root, const char *path, const char *fallback,
                        struct dr_error *error);
int64_t dr_json_int(const json_t *root, const char *path, int64_t fallback, struct dr_error *error);
double dr_json_num(const json_t *root, const char *path, double fallback, struct dr_error *error);
bool dr_json_bool(const json_t *root, const char *path, bool fallback, struct dr_error *error);
json_t *dr_json_array(const json_t *root, const char *path, struct dr_error *error);
json_t *dr_json_object(const json_t *root, const char *path, struct dr_error *error);

/* Compact text with keys in their own order; the caller frees it (dr_json_free_text). */
char *dr_json_text(const json_t *value);

/* Wipes and frees a text of dr_json_text: a request body may carry a secret. NULL is fine. */
void dr_json_free_text(char *text);

#endif
