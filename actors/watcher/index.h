/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a list a text stands: for who looks up hundreds in lists of hundreds. Pure. */
#ifndef DROVER_WATCHER_INDEX_H
#define DROVER_WATCHER_INDEX_H

#include <stddef.h>
#include <uthash.h>

#include "drover/message.h"

#define INDEX_NONE SIZE_MAX

struct index_entry {
    size_t place;
    UT_hash_handle hh;
};

struct index {
    struct index_entry *table, *entries;
    size_t room, count;
};

/* For at most `room` texts. Free with index_free(). */
struct index index_new(size_t room);
void index_free(struct index *index);

/* The text is borrowed. The first of equal ones stands; an empty one is nowhere. */
void index_add(struct index *index, const char *text, size_t place);
/* INDEX_NONE: nowhere. */
size_t index_find(const struct index *index, const char *text);

/* Of the machines, by instance id; of the slots, by worker. rows may be NULL. */
struct index index_instances(const struct dr_ledger_state *rows);
struct index index_slots(const struct dr_ledger_state *rows);

#endif
