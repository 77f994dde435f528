/* SPDX-License-Identifier: Apache-2.0 */
/* P20: the agent's pop is a GET that its HTTP library repeats, so that one lost reply takes several
 * tasks out of a queue and starts one. What is `queued` but stood in no queue in every healthy
 * picture for a while is put back. So is what was missed like that and then started by the last
 * word of an agent that was gone by then. Runs always, also for healthy machines. Pure. */
#ifndef DROVER_WATCHER_ORPHAN_H
#define DROVER_WATCHER_ORPHAN_H

#include "recovery.h"

struct missing {
    char *task;
    char changed[64]; /* the state that it is missed in */
    int64_t since_ms; /* CLOCK_BOOTTIME of the first sweep that missed it so */
    bool seen;
    UT_hash_handle hh;
};

struct orphan {
    const struct dr_cfg_root *root;
    struct recovery *recovery;
    bool running;
    int64_t swept_ms; /* last sweep began; 0: none yet */
    int64_t whole_ms; /* last whole sweep; a gap between them starts all counts anew */
    int page;
    struct missing *table;
};

void orphan_init(struct orphan *orphan, struct recovery *recovery, const struct dr_cfg_root *root);
void orphan_free(struct orphan *orphan);
void orphan_step(struct orphan *orphan);

#endif
