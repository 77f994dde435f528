/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of records, by descriptor, straight into a buffer: what the pages are told is made often.
 * Empty texts, zeros, false and empty lists are left out (docs/gateway.md) unless `whole`. Pure. */
#ifndef DROVER_GATEWAY_COMPACT_H
#define DROVER_GATEWAY_COMPACT_H

#include "drover/message.h"
#include "strbuf.h"

/* A quoted text; bytes that are no UTF-8 show as U+FFFD. NULL: "". */
void compact_text(struct dr_strbuf *buf, const char *text);

/* `"key":` with a comma before it unless it is the first of its object. */
void compact_key(struct dr_strbuf *buf, const char *key);
void compact_str(struct dr_strbuf *buf, const char *key, const char *value); /* left out: "" */
void compact_int(struct dr_strbuf *buf, const char *key, int64_t value);     /* left out: 0 */
void compact_number(struct dr_strbuf *buf, const char *key, int64_t value);  /* always there */
void compact_strs(struct dr_strbuf *buf, const char *key, const struct dr_strs *values);

/* The members of a record, without its braces. */
void compact_fields(struct dr_strbuf *buf, const struct dr_desc *desc, const void *record,
                    bool whole);

/* {…} of a record, [{…}, …] of a list. */
void compact_record(struct dr_strbuf *buf, const struct dr_desc *desc, const void *record,
                    bool whole);
void compact_records(struct dr_strbuf *buf, const struct dr_desc *desc, const void *items,
                     size_t count, bool whole);

#endif
