/* SPDX-License-Identifier: Apache-2.0 */
/* Why each queue, and each task, has what it has: in words, with the numbers. */
#pragma once
#include "buy.h"

/* Tasks listed apart per queue, where their verdict is not the queue's. */
#define REASONS_TASKS_MAX 100

struct warning { /* what a person should look at; said once while it lasts */
    const char *queue;
    const char *sentence;
};

struct reasons {
    struct dr_reason_view_list list;
    struct warning *warnings;
    size_t warning_count;
};

void reasons_all(struct dr_arena *arena, const struct state *state, const struct orders *orders,
                 const struct demands *demands, const struct supply *supply,
                 const struct buys *buys, struct now now, struct reasons *out);

/* Of one task, wherever it waits; false: no queue of ours has it. */
bool reasons_task(struct dr_arena *arena, const struct orders *orders,
                  const struct demands *demands, const char *task, struct now now,
                  struct dr_reason_view *out);
