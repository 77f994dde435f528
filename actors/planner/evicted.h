/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks whose machine the cloud is taking (P21). Each is demand for a replacement at once, from the
 * notice until it waits in a queue again, runs elsewhere or will not come back; then it is ordinary
 * demand or none, never both. Read from the ledger's slots, so that a restart finds them again. */
#pragma once
#include "state.h"

/* After the machine's end its task is back in a queue within a minute or two, or stays away. */
#define EVICTED_GONE_MS 300000

struct evicted {
    char *task, *machine, *instance;
    char *queue;      /* id of the queue that it is demand of: the one that wanted its machine */
    int64_t since_ms; /* noted; only newer pictures tell what became of it */
    int64_t gone_ms;  /* its machine's end was seen; 0: it lives */
    bool over;        /* no demand any more */
};

struct evictions {
    struct evicted *items;
    size_t count;
};

void evicted_free(struct evictions *evictions);

/* The cloud takes this machine: it drains, is gone from the list or terminates for that reason. */
bool evicted_leaves(const struct dr_machine_row *row);

/* Notes the tasks of such machines; `state` has taken the rows already. */
void evicted_take_rows(struct evictions *evictions, const struct state *state,
                       const struct dr_ledger_state *rows, struct now now);

/* What has become of them by now. */
void evicted_look(struct evictions *evictions, const struct state *state, struct now now);
