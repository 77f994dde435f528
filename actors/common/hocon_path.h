/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to the HOCON reader: dotted names, and ${what stands for the value of one}. */
#ifndef DROVER_COMMON_HOCON_PATH_H
#define DROVER_COMMON_HOCON_PATH_H

#include "hocon.h"
#include "hocon_lex.h"
#include "hocon_value.h"

struct hocon_parser {
    struct hocon_text in;
    json_t *root; /* what was read so far */
    dr_hocon_lookup_fn *lookup;
    void *arg;
    int depth;     /* of braces, brackets and dotted names around us */
    size_t copied; /* by all substitutions so far */
};

/* A dotted name, taken apart: "a.\"b.c\".d" has three. */
struct hocon_path {
    char *name[DR_HOCON_MAX_DEPTH];
    int count;
};

/* Reads a dotted name up to its end. hocon_path_free also after an error. */
bool hocon_path_parse(struct hocon_parser *parser, struct hocon_path *path);
void hocon_path_free(struct hocon_path *path);

/* Reads ${name} or ${?name} and adds a copy of its value to the row. */
bool hocon_substitute(struct hocon_parser *parser, struct hocon_row *row, const char *blanks,
                      size_t blanks_len);

#endif
