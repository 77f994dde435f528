/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to the HOCON reader: its characters, comments, strings and errors. */
#ifndef DROVER_COMMON_HOCON_LEX_H
#define DROVER_COMMON_HOCON_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "strbuf.h"

struct hocon_text {
    const char *file, *text;
    size_t len, at;
    struct dr_error *error;
};

/* The byte `ahead` of where we are; -1 past the end. */
int hocon_peek(const struct hocon_text *in, size_t ahead);

bool hocon_starts(const struct hocon_text *in, const char *word);

/* Sets the error with file, line and column of byte `at`. Always false. Never quotes a value: the
 * file holds secrets. */
bool hocon_fail_at(const struct hocon_text *in, size_t at, const char *what);
bool hocon_fail(const struct hocon_text *in, const char *what);

/* Spaces and tabs. */
void hocon_skip_blanks(struct hocon_text *in);

/* A `#` or `//` comment begins here. */
bool hocon_at_comment(const struct hocon_text *in);

/* Blanks, newlines and comments; with `commas`, these too. */
void hocon_skip_space(struct hocon_text *in, bool commas);

/* A value ends here: end, newline, comma, closing bracket or comment. */
bool hocon_at_end_of_value(const struct hocon_text *in);

/* "..." or, with three quotes, a raw text over many lines; appended to `out`. */
bool hocon_take_quoted(struct hocon_text *in, struct dr_strbuf *out);

/* Length of the unquoted text from here to the next character with a meaning; 0 if there is none.
 * As ClearML's own reader does, `:` and `//` within a text belong to it: http://host:8008. */
size_t hocon_unquoted_len(const struct hocon_text *in);

/* Whole UTF-8 without NUL, or an error at the first byte that is not. */
bool hocon_check_utf8(struct hocon_text *in);

#endif
