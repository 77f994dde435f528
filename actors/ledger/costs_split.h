/* SPDX-License-Identifier: Apache-2.0 */
/* One machine's cost in one window, split among its tasks (costs.h says how). Pure. */
#ifndef DROVER_LEDGER_COSTS_SPLIT_H
#define DROVER_LEDGER_COSTS_SPLIT_H

#include "costs.h"

struct split_share {
    const char *task;
    int64_t run_us;          /* machine time: a slot's part of the time */
    int64_t run, boot, idle; /* micro-dollars */
    int64_t weight;          /* time that it ran there in all */
};

struct split {
    struct split_share *shares; /* one for each task that ever ran there */
    size_t count;
    struct split_share nobody; /* boot and idle of a machine without tasks */
};

struct split split_machine(struct pool *pool, const struct costs_machine *machine,
                           const struct costs_window *window, int64_t now_us);

#endif
