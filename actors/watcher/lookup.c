/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"

#include <stdlib.h>

#include "drover/assert.h"

struct lookup lookup_new(size_t room)
{
    struct lookup lookup = {.room = room, .texts = calloc(room + 1, sizeof *lookup.texts)};
    DR_ASSERT(lookup.texts != NULL);
    return lookup;
}

void lookup_free(struct lookup *lookup)
{
    dr_index_free(&lookup->index);
    free(lookup->texts);
    *lookup = (struct lookup){0};
}

static const char *text_of(const void *of, size_t place)
{
    return ((const struct lookup *)of)->texts[place];
}

void lookup_add(struct lookup *lookup, const char *text, size_t place)
{
    DR_ASSERT(place < lookup->room);
    lookup->texts[place] = text;
    dr_index_add(&lookup->index, text, place);
}

size_t lookup_find(const struct lookup *lookup, const char *text)
{
    return dr_index_find(&lookup->index, text, text_of, lookup);
}

struct lookup lookup_machines(const struct dr_ledger_state *rows)
{
    struct lookup lookup = lookup_new(rows == NULL ? 0 : rows->machines.count);
    for (size_t i = 0; i < lookup.room; i++)
        lookup_add(&lookup, rows->machines.items[i].id, i);
    return lookup;
}

struct lookup lookup_instances(const struct dr_ledger_state *rows)
{
    struct lookup lookup = lookup_new(rows == NULL ? 0 : rows->machines.count);
    for (size_t i = 0; i < lookup.room; i++)
        lookup_add(&lookup, rows->machines.items[i].instance_id, i);
    return lookup;
}

struct lookup lookup_slots(const struct dr_ledger_state *rows)
{
    struct lookup lookup = lookup_new(rows == NULL ? 0 : rows->slots.count);
    for (size_t i = 0; i < lookup.room; i++)
        lookup_add(&lookup, rows->slots.items[i].worker, i);
    return lookup;
}

struct lookup lookup_objects(const json_t *list)
{
    struct lookup lookup = lookup_new(json_array_size(list));
    for (size_t i = 0; i < lookup.room; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(list, i), "id"));
        lookup_add(&lookup, id == NULL ? "" : id, i);
    }
    return lookup;
}
