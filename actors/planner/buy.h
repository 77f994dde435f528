/* SPDX-License-Identifier: Apache-2.0 */
/* What the unmet rest of each queue buys: its types in order, within every cap as far as the
 * planner sees (the ledger decides). */
#pragma once
#include "orders.h"
#include "supply.h"

struct buy {
    const struct dr_cfg_type *type;
    const struct demand *demand;
    int64_t count;
    struct dr_strs tasks; /* the waiting tasks that it is for */
    bool later;           /* a want of this type goes first: asked for after its answer */
};

struct buys {
    struct buy *items;
    size_t count;
    int64_t machines; /* in all */
};

/* A person's pause in words, as the ledger says it. */
const char *pause_words(struct dr_arena *arena, const struct dr_pause_row *pause);

/* Fills the demands' unmet, verdict and why, and lists what is to be asked for. Adds the slots of
 * what is under way and of what is bought to the match. */
void buy_all(struct dr_arena *arena, const struct state *state, struct orders *orders,
             struct demands *demands, struct match *match, struct now now, struct buys *out);
