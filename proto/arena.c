/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 4000

struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct dr_arena {
    struct chunk *first;
};

struct dr_arena *dr_arena_new(void)
{
    return calloc(1, sizeof(struct dr_arena));
}

void dr_arena_free(struct dr_arena **arena)
{
    if (*arena == NULL)
        return;
    for (struct chunk *chunk = (*arena)->first, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(*arena);
    *arena = NULL;
}

void *dr_arena_alloc(struct dr_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;
    struct chunk *chunk = arena->first;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = calloc(1, sizeof *chunk + room);
        if (chunk == NULL)
            return NULL;
        chunk->size = room;
        chunk->next = arena->first;
        arena->first = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

char *dr_arena_text(struct dr_arena *arena, const char *text, size_t len)
{
    char *copy = dr_arena_alloc(arena, len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}
