/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of answers share.
 */
#pragma once
#include "answer.h"
#include "xml.h"

/* The root, if it is what `action` answers; NULL with a sentence. */
struct aws_xml *answer_open(const char *action, const char *body, size_t len,
                            struct dr_error *error);

/* Text at a path into a bounded buffer; false (and "") when it does not fit. */
bool answer_copy(const struct aws_xml *node, const char *path, char *out, size_t size);

/* Of words for people: cut between characters. */
void answer_cut(const struct aws_xml *node, const char *path, char *out, size_t size);

/* The first <item> at a path of sets, or NULL; go on with aws_xml_again(). */
const struct aws_xml *answer_items(const struct aws_xml *node, const char *set);

/* nextToken; false with a sentence when it is longer than any that AWS gives. */
bool answer_token(const struct aws_xml *root, char out[1024], struct dr_error *error);

/* A whole number, or `fallback` when it is none. */
int64_t answer_int(const struct aws_xml *node, const char *path, int64_t fallback);

/* Room for one more item of `size` bytes in a growing array; the item is zeroed. */
void *answer_grow(void *items, size_t count, size_t *capacity, size_t size);
