/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives as long as one turn of the loop: rows read, replies and events made. All of it
 * is freed at once. Out of memory ends the process (DR_ASSERT). */
#ifndef DROVER_LEDGER_POOL_H
#define DROVER_LEDGER_POOL_H

#include "drover/schema.h"

struct pool_block;
struct pool { /* starts as {0} */
    struct pool_block *blocks;
};

/* Zeroed bytes, aligned for anything. */
void *pool_alloc(struct pool *pool, size_t len);

/* Copies. NULL counts as "". */
const char *pool_text(struct pool *pool, const char *text);
struct dr_bin pool_bytes(struct pool *pool, const void *bytes, size_t len);
struct dr_strs pool_strs(struct pool *pool, const struct dr_strs *list);
const char *pool_printf(struct pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A list of one text, which is borrowed. */
struct dr_strs pool_one(struct pool *pool, const char *text);

/* Frees everything. Back to {0}. Bytes are wiped: sealed secrets pass through here. */
void pool_free(struct pool *pool);

#endif
