/* SPDX-License-Identifier: Apache-2.0 */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

struct dr_index_slot {
    uint64_t hash;
    size_t place; /* + 1; 0: free */
};

void dr_index_clear(struct dr_index *index)
{
    if (index->used > 0)
        memset(index->slots, 0, index->room * sizeof *index->slots);
    index->used = 0;
}

void dr_index_free(struct dr_index *index)
{
    free(index->slots);
    *index = (struct dr_index){0};
}

static uint64_t hash_of(const char *key)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * 1099511628211u;
    return h ^ h >> 32; /* the low bits choose the slot */
}

static void insert(struct dr_index *index, struct dr_index_slot slot)
{
    size_t at = slot.hash & (index->room - 1);
    while (index->slots[at].place != 0)
        at = (at + 1) & (index->room - 1);
    index->slots[at] = slot;
    index->used++;
}

static void grow(struct dr_index *index)
{
    struct dr_index old = *index;
    index->room = old.room == 0 ? 64 : old.room * 2;
    index->used = 0;
    index->slots = calloc(index->room, sizeof *index->slots);
    DR_ASSERT(index->slots != NULL);
    /* From just after a free slot, so that equal keys keep their order. */
    size_t start = 0;
    while (start < old.room && old.slots[start].place != 0)
        start++;
    for (size_t i = 0; i < old.room; i++) {
        const struct dr_index_slot *slot = &old.slots[(start + i) & (old.room - 1)];
        if (slot->place != 0)
            insert(index, *slot);
    }
    free(old.slots);
}

void dr_index_add(struct dr_index *index, const char *key, size_t place)
{
    if (*key == '\0')
        return;
    if (index->used * 2 >= index->room)
        grow(index);
    insert(index, (struct dr_index_slot){hash_of(key), place + 1});
}

size_t dr_index_find(const struct dr_index *index, const char *key, dr_index_key_fn key_of,
                     const void *of)
{
    if (*key == '\0' || index->used == 0)
        return DR_INDEX_NONE;
    uint64_t hash = hash_of(key);
    for (size_t at = hash & (index->room - 1); index->slots[at].place != 0;
         at = (at + 1) & (index->room - 1)) {
        const struct dr_index_slot *slot = &index->slots[at];
        if (slot->hash == hash && strcmp(key_of(of, slot->place - 1), key) == 0)
            return slot->place - 1;
    }
    return DR_INDEX_NONE;
}
