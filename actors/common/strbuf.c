/* SPDX-License-Identifier: Apache-2.0 */
#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* Room for `len` more bytes and a NUL. Not realloc: that would leave a copy behind unwiped. */
static void reserve(struct dr_strbuf *buf, size_t len)
{
    size_t wanted = buf->len + len + 1;
    DR_ASSERT(wanted > len);
    if (wanted <= buf->capacity)
        return;
    size_t capacity = buf->capacity ? buf->capacity : 128;
    while (capacity < wanted)
        capacity *= 2;
    char *data = malloc(capacity);
    DR_ASSERT(data != NULL);
    if (buf->data) {
        memcpy(data, buf->data, buf->len);
        explicit_bzero(buf->data, buf->capacity);
        free(buf->data);
    }
    buf->data = data;
    buf->capacity = capacity;
}

void dr_strbuf_add(struct dr_strbuf *buf, const void *bytes, size_t len)
{
    reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void dr_strbuf_add_text(struct dr_strbuf *buf, const char *text)
{
    dr_strbuf_add(buf, text, strlen(text));
}

void dr_strbuf_printf(struct dr_strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    DR_ASSERT(len >= 0);
    reserve(buf, (size_t)len);
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void dr_strbuf_free(struct dr_strbuf *buf)
{
    if (buf->data) {
        explicit_bzero(buf->data, buf->capacity);
        free(buf->data);
    }
    *buf = (struct dr_strbuf){0};
}
