/* SPDX-License-Identifier: Apache-2.0 */
/* The waiting tasks of each configured queue, in the order in which queues are served, and what
 * became of them in a plan. */
#pragma once
#include "evicted.h"
#include "match.h"
#include "state.h"

struct demand {
    const struct dr_cfg_queue *queue;
    const struct dr_queue_view *view; /* NULL: never seen */
    const char *id;                   /* "" while the server has no such queue */
    const char **tasks;               /* waiting, oldest first; then the evicted ones */
    int64_t waiting;                  /* of both kinds */
    const char **losing;              /* the machines of the last `evicted_count` tasks */
    int64_t evicted_count;
    bool fresh; /* read recently enough to launch for (P5) */

    /* filled by matching and buying */
    int64_t served[SUPPLY_KINDS];
    int64_t unmet;
    const char *verdict; /* of the unmet: capped blocked paused no-type settling stale */
    const char *why;     /* in words */
};

struct demands {
    struct demand *items;
    size_t count;
    struct dr_index by_id; /* freed by whoever holds the demands */
};

/* By priority, then by the file's order. Borrows from state; lives in the arena. */
void demand_list(struct dr_arena *arena, const struct state *state,
                 const struct evictions *evictions, struct now now, struct demands *out);

/* The machine that the i-th task loses; NULL: it waits in the queue. */
const char *demand_loses(const struct demand *demand, size_t i);

/* Marks, one bool a queue, which of them appear in a list of queue ids. */
const bool *demand_mark(struct dr_arena *arena, const struct demands *demands,
                        const struct dr_strs *ids);
