/* SPDX-License-Identifier: Apache-2.0 */
/* What was paid for what, pure. A machine's cost in a window falls into three parts:
 *   boot  from its launch to its first registered worker, shared by all its tasks alike;
 *   run   under running tasks: a task pays one slot's part of the machine while it runs;
 *   idle  the rest, shared by its tasks in proportion to how long they ran there in all.
 * Parts are rounded so that they add up to the whole, to the micro-dollar. A machine that never ran
 * a task has nobody to pay for it. */
#ifndef DROVER_LEDGER_COSTS_H
#define DROVER_LEDGER_COSTS_H

#include "drover/message.h"
#include "paid.h"
#include "pool.h"

enum costs_by {
    COSTS_QUEUE,
    COSTS_TYPE,
    COSTS_PROJECT,
    COSTS_USER,
    COSTS_TASK,
    COSTS_MACHINE,
    COSTS_DAY,
    COSTS_BYS
};

/* False if it is none of "queue", "type" ... */
bool costs_by_parse(const char *word, enum costs_by *by);

/* A window and what it is called; without a grouping by day there is one. */
struct costs_window {
    int64_t from_us, until_us;
    const char *day;
};

/* A task on the machine. Times are of money's clock; to_us 0: it runs. */
struct costs_work {
    const char *task;
    int64_t from_us, to_us;
};

struct costs_machine {
    const char *id, *type, *queue, *queue_name;
    struct paid paid;
    int64_t up_us; /* 0: never */
    int64_t slots;
    const struct costs_work *works;
    size_t work_count;
};

/* What people call a task; texts "" when nobody knows. */
typedef struct dr_task_row (*costs_task_fn)(void *arg, const char *task);

struct costs; /* lives in its pool */

/* only_task: what concerns this task alone; "": all. Texts are borrowed for the life of costs. */
struct costs *costs_new(struct pool *pool, enum costs_by by, int64_t now_us, const char *only_task,
                        costs_task_fn task, void *arg);
void costs_add(struct costs *costs, const struct costs_window *window,
               const struct costs_machine *machine);
/* An amount of which nobody knows what it was for. */
void costs_add_lost(struct costs *costs, const struct costs_window *window, int64_t usd_micros);

#define COSTS_ROWS_MAX 1000

/* Dearest first, at most COSTS_ROWS_MAX: the last one then holds all others. */
struct dr_cost_row_list costs_rows(struct costs *costs, int64_t *unattributed_usd_micros);

#endif
