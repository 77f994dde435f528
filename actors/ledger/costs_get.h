/* SPDX-License-Identifier: Apache-2.0 */
/* costs.get in two steps: the question, which knows the time and the calendar, and its answer,
 * which only reads rows. So the answer may be worked out beside the loop, on a snapshot of the
 * database (costs_job.h): over a month of 50,000 machines it takes a third of a second. */
#ifndef DROVER_LEDGER_COSTS_GET_H
#define DROVER_LEDGER_COSTS_GET_H

#include <stdatomic.h>

#include "costs.h"
#include "store.h"

struct costs_question {
    struct pool pool; /* all that it refers to */
    const char *to, *request, *corr;
    enum costs_by by;
    const char *only; /* a machine, else a task; "": all */
    int64_t now_us;   /* of money's clock */
    int64_t from_us, until_us;
    struct costs_window *windows; /* in order */
    size_t window_count;
};

/* An empty one, which the caller fills; costs_question_free() frees it. */
struct costs_question *costs_question_new(void);
void costs_question_free(struct costs_question **question);

/* Reads what the store shows; rows come from the pool. NULL: `stop` was set meanwhile. */
struct dr_costs *costs_answer(struct store *store, struct pool *pool,
                              const struct costs_question *question, const atomic_bool *stop);

#endif
