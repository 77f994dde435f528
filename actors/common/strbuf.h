/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text buffer. `data` is always NUL-terminated once anything was added. Out of memory
 * ends the process (DR_ASSERT). */
#ifndef DROVER_COMMON_STRBUF_H
#define DROVER_COMMON_STRBUF_H

#include <stddef.h>

struct dr_strbuf { /* starts as {0} */
    char *data;
    size_t len;
    size_t capacity;
};

void dr_strbuf_add(struct dr_strbuf *buf, const void *bytes, size_t len);
void dr_strbuf_add_text(struct dr_strbuf *buf, const char *text);
void dr_strbuf_printf(struct dr_strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees the memory after wiping it: what grew in here may have been a secret. Back to {0}. */
void dr_strbuf_free(struct dr_strbuf *buf);

#endif
