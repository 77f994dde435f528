/* SPDX-License-Identifier: Apache-2.0 */
/* What the newest plan says of queues and of tasks that wait in them. Pure. */
#ifndef DROVER_WATCHER_REASONS_H
#define DROVER_WATCHER_REASONS_H

#include "drover/message.h"
#include "index.h"

struct reasons {
    struct dr_record plan;    /* struct dr_plan_decided */
    struct dr_index by_queue; /* the first of each queue's */
    size_t *next;             /* of each: the next one of its queue */
};

/* Copied. */
void reasons_take(struct reasons *reasons, const struct dr_plan_decided *plan);
void reasons_free(struct reasons *reasons);

/* Those of one queue. Free once; the memory serves one queue after the other. */
struct queue_reasons {
    const struct reasons *of;
    struct dr_index by_task;
    const struct dr_reason_view *whole; /* of the queue itself; NULL: there is none */
    size_t tasks;                       /* that have a reason of their own */
};

void reasons_of_queue(const struct reasons *reasons, const char *queue, struct queue_reasons *out);
void queue_reasons_free(struct queue_reasons *reasons);
/* The task's own; NULL: there is none. */
const struct dr_reason_view *reason_of_task(const struct queue_reasons *reasons, const char *task);

#endif
