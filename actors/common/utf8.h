/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DROVER_COMMON_UTF8_H
#define DROVER_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character (RFC 3629) at the start of `text`, of which `len` may be read; 0 if
 * it is none: overlong, a surrogate, beyond U+10FFFF, cut off, or len is 0. */
size_t dr_utf8_char(const char *text, size_t len);

/* The length of the UTF-8 text that `len` bytes begin with: up to the first that is none, or is
 * NUL. */
size_t dr_utf8_span(const char *text, size_t len);

/* Writes `code` as UTF-8; returns its length, or 0 for what is no character (a surrogate ...). */
size_t dr_utf8_put(char out[4], unsigned code);

#endif
