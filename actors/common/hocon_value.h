/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to the HOCON reader: what stands in a row becomes one value. */
#ifndef DROVER_COMMON_HOCON_VALUE_H
#define DROVER_COMMON_HOCON_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "strbuf.h"

/* Texts in a row are joined with the blanks between them, objects merged, arrays appended. */
struct hocon_row { /* starts as {0}; hocon_row_free */
    json_t *json;  /* an object or array, or a scalar as long as it stands alone */
    struct dr_strbuf text;
    int texts;      /* how many pieces are in `text` */
    bool bare;      /* its only piece is unquoted: may be a number, boolean or null */
    bool undefined; /* a ${?name} without a value was in the row */
};

/* Both return false if a text and an object or array stand in one row, or an object and an array.
 * `blanks` is what stood before the piece. hocon_row_add_json takes the reference. */
bool hocon_row_add_text(struct hocon_row *row, const char *blanks, size_t blanks_len,
                        const char *text, size_t len, bool quoted);
bool hocon_row_add_json(struct hocon_row *row, const char *blanks, size_t blanks_len,
                        json_t *value);

/* The value; NULL if the row is empty. The caller owns it. */
json_t *hocon_row_value(struct hocon_row *row);

void hocon_row_free(struct hocon_row *row);

/* Puts `value` (reference taken) under `name`; two objects are merged, all else is replaced. */
void hocon_merge(json_t *object, const char *name, json_t *value);

/* Length of the number at the start of `text`: [+-]?(\d*\.\d+|\d+(\.\d+)?)([eE][+-]?\d+)?; or 0. */
size_t hocon_number_len(const char *text, size_t len);

/* How deep a tree nests (a scalar: 0), and how much memory its copy takes, roughly. */
void hocon_measure(const json_t *tree, int *depth, size_t *size);

#endif
