/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a list a text stands: for who looks up hundreds in lists of hundreds. Pure. */
#ifndef DROVER_WATCHER_LOOKUP_H
#define DROVER_WATCHER_LOOKUP_H

#include <jansson.h>

#include "drover/message.h"
#include "index.h"

struct lookup {
    struct dr_index index;
    const char **texts; /* by place, borrowed */
    size_t room;
};

/* For places below `room`. Free with lookup_free(). */
struct lookup lookup_new(size_t room);
void lookup_free(struct lookup *lookup);

/* The text is borrowed. The first of equal ones stands; an empty one is nowhere. */
void lookup_add(struct lookup *lookup, const char *text, size_t place);
/* DR_INDEX_NONE: nowhere. */
size_t lookup_find(const struct lookup *lookup, const char *text);

/* Of the machines, by id or instance id; of the slots, by worker. rows may be NULL. */
struct lookup lookup_machines(const struct dr_ledger_state *rows);
struct lookup lookup_instances(const struct dr_ledger_state *rows);
struct lookup lookup_slots(const struct dr_ledger_state *rows);
/* Of the objects in a list of the server's, by their id. */
struct lookup lookup_objects(const json_t *list);

#endif
