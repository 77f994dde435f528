/* SPDX-License-Identifier: Apache-2.0 */
/* One sentence for a person about what went wrong, as every reader in this room returns it. */
#ifndef DROVER_COMMON_ERROR_H
#define DROVER_COMMON_ERROR_H

#include <stdbool.h>

struct dr_error {
    int line;       /* where in the text that was read, from 1; 0: no place */
    int column;     /* in bytes, from 1; 0: no place */
    char text[384]; /* a whole sentence: what, where (file, field), what to do; never a secret */
};

/* Writes the sentence and clears the place. `error` may be NULL. Always returns false, so that a
 * reader can `return dr_error_set(...)`. A sentence that is too long ends in "...". */
bool dr_error_set(struct dr_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with a place in the text. */
bool dr_error_set_at(struct dr_error *error, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
