/* SPDX-License-Identifier: Apache-2.0 */
/* What workers of ours do, told to the ledger when it changes: slots busy or idle since when, and
 * machines whose worker is there (P8, P24). Pure. */
#ifndef DROVER_WATCHER_SLOTS_H
#define DROVER_WATCHER_SLOTS_H

#include "claims.h"
#include "stamp.h"
#include "workers.h"

struct slot_memory {
    char *worker;
    bool busy;
    int64_t idle_since_us;
    bool seen;     /* by the newest picture */
    bool restored; /* idle_since_us is the ledger's: it may have worked while nobody watched */
    UT_hash_handle hh;
};

struct slots {
    struct slot_memory *table;
};

/* Fills the views' idle_since_us, from memory or from the ledger's rows: the first reading that
 * showed the worker idle, which is never earlier than the truth. */
void slots_remember(struct slots *slots, struct workers *workers,
                    const struct dr_ledger_state *rows);

/* Asks, once for each slot that a new watcher finds idle, when its machine's newest task ended: it
 * may have worked while no watcher lived (P8). */
void slots_ask_last(struct slots *slots, struct claims *claims, const struct workers *workers,
                    const struct server_clock *clock);

/* Tells the ledger: slots that changed, machines that are up. */
void slots_tell(struct claims *claims, const struct workers *workers);

/* Takes workers of machines that are gone off the server's list, where they would stand for 600 s:
 * their machines ended without a word. */
void slots_unregister(struct claims *claims, const struct workers *workers);

void slots_free(struct slots *slots);

#endif
