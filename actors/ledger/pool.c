/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include "drover/assert.h"

#define BLOCK_SIZE 16384

struct pool_block {
    struct pool_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct pool_block *add_block(struct pool *pool, size_t len)
{
    size_t size = len > BLOCK_SIZE ? len : BLOCK_SIZE;
    struct pool_block *block = calloc(1, sizeof *block + size);
    DR_ASSERT(block != NULL);
    block->size = size;
    block->next = pool->blocks;
    pool->blocks = block;
    return block;
}

void *pool_alloc(struct pool *pool, size_t len)
{
    size_t rounded = (len + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    DR_ASSERT(rounded >= len);
    struct pool_block *block = pool->blocks;
    if (block == NULL || block->size - block->used < rounded)
        block = add_block(pool, rounded);
    void *out = block->bytes + block->used;
    block->used += rounded;
    return out;
}

const char *pool_text(struct pool *pool, const char *text)
{
    if (text == NULL || *text == '\0')
        return "";
    size_t len = strlen(text) + 1;
    return memcpy(pool_alloc(pool, len), text, len);
}

struct dr_bin pool_bytes(struct pool *pool, const void *bytes, size_t len)
{
    struct dr_bin out = {.len = len};
    if (len > 0)
        out.bytes = memcpy(pool_alloc(pool, len), bytes, len);
    return out;
}

struct dr_strs pool_strs(struct pool *pool, const struct dr_strs *list)
{
    const char **items = pool_alloc(pool, (list->count + 1) * sizeof *items);
    for (size_t i = 0; i < list->count; i++)
        items[i] = pool_text(pool, list->items[i]);
    return (struct dr_strs){.items = items, .count = list->count};
}

const char *pool_printf(struct pool *pool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    DR_ASSERT(len >= 0);
    const char *out = pool_text(pool, text);
    free(text);
    return out;
}

struct dr_strs pool_one(struct pool *pool, const char *text)
{
    const char **items = pool_alloc(pool, sizeof *items);
    items[0] = text;
    return (struct dr_strs){.items = items, .count = 1};
}

void pool_free(struct pool *pool)
{
    while (pool->blocks != NULL) {
        struct pool_block *block = pool->blocks;
        pool->blocks = block->next;
        explicit_bzero(block->bytes, block->used);
        free(block);
    }
}
