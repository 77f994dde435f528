/* SPDX-License-Identifier: Apache-2.0 */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

struct index index_new(size_t room)
{
    struct index index = {.room = room, .entries = calloc(room + 1, sizeof *index.entries)};
    DR_ASSERT(index.entries != NULL);
    return index;
}

void index_free(struct index *index)
{
    HASH_CLEAR(hh, index->table);
    free(index->entries);
    *index = (struct index){0};
}

static struct index_entry *find(const struct index *index, const char *text)
{
    struct index_entry *entry;
    HASH_FIND_STR(index->table, text, entry);
    return entry;
}

void index_add(struct index *index, const char *text, size_t place)
{
    if (text[0] == '\0' || find(index, text) != NULL)
        return;
    DR_ASSERT(index->count < index->room);
    struct index_entry *entry = &index->entries[index->count++];
    entry->place = place;
    HASH_ADD_KEYPTR(hh, index->table, text, strlen(text), entry);
}

size_t index_find(const struct index *index, const char *text)
{
    const struct index_entry *entry = find(index, text);
    return entry == NULL ? INDEX_NONE : entry->place;
}

struct index index_instances(const struct dr_ledger_state *rows)
{
    struct index index = index_new(rows == NULL ? 0 : rows->machines.count);
    for (size_t i = 0; i < index.room; i++)
        index_add(&index, rows->machines.items[i].instance_id, i);
    return index;
}

struct index index_slots(const struct dr_ledger_state *rows)
{
    struct index index = index_new(rows == NULL ? 0 : rows->slots.count);
    for (size_t i = 0; i < index.room; i++)
        index_add(&index, rows->slots.items[i].worker, i);
    return index;
}
