/* SPDX-License-Identifier: Apache-2.0 */
/* struct ledger, for core.c, turn.c and change.c only. */
#ifndef DROVER_LEDGER_PRIVATE_H
#define DROVER_LEDGER_PRIVATE_H

#include "money_clock.h"
#include "txn.h"

struct ledger {
    struct store *store;
    const struct dr_cfg_root *config;
    core_random_fn random;
    int64_t seq;        /* of the turn under way */
    int64_t seq_stored; /* of the last commit */
    char id[40];
    bool full;
    struct money_clock clock;
    int64_t money_stood_us;  /* at the last commit */
    int64_t money_stored_us; /* as the database has it */
    int64_t ahead_stored_us; /* likewise, of the wall */
    struct spend *spend;
    bool costs_aside;                /* costs.get leaves its question here */
    struct costs_question *question; /* NULL: none */
    char error[320];

    /* the turn */
    bool open;
    bool failed;
    struct pool pool;
    struct core_out *outs;
    size_t out_count, out_room;
};

void turn_out(struct ledger *ledger, struct core_out out);

#endif
