/* SPDX-License-Identifier: Apache-2.0 */
/* What people call the tasks that the pictures show, waiting or running: read from the server once
 * for each, and told to the ledger, which remembers. One call a tick at most, of at most NAMES_MAX
 * tasks, and none while the server is slow: names can wait. Pure. */
#ifndef DROVER_WATCHER_NAMES_H
#define DROVER_WATCHER_NAMES_H

#include "picture.h"

#define NAMES_MAX 100

struct named {
    char *task;
    struct dr_record row;  /* struct dr_task_row, as the ledger has it; value NULL: not known */
    int64_t seen_ms;       /* it was last in a picture */
    int64_t not_before_ms; /* it could not be had: not asked for before */
    UT_hash_handle hh;
};

struct names {
    const struct picture *picture;
    const struct port *port;
    bool restoring, restored; /* what the ledger knows was asked for; and came */
    bool running;
    int64_t whole;    /* picture->whole when it was last looked at */
    int64_t swept_ms; /* what is in no picture any more was last forgotten */
    struct named *table;
};

void names_init(struct names *names, const struct port *port, const struct picture *picture);
void names_free(struct names *names);

/* What the ledger knows (tasks.get); NULL: it did not say. */
void names_restore(struct names *names, const struct dr_tasks *known);

/* The ledger may be another one: what it knows is asked anew. */
void names_doubt(struct names *names);

/* When its name was read, by our wall clock, be it by an earlier life; INT64_MAX: never. */
int64_t names_known_since_us(const struct names *names, const char *task);

void names_step(struct names *names);

#endif
