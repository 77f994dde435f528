/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <stdlib.h>

#include "drover/assert.h"

static const struct dr_reason_view *at(const struct reasons *reasons, size_t place)
{
    const struct dr_plan_decided *plan = reasons->plan.value;
    return &plan->reasons.items[place];
}

static const char *queue_at(const void *of, size_t place)
{
    return at(of, place)->queue;
}

static const char *task_at(const void *of, size_t place)
{
    return at(of, place)->task;
}

static size_t first_of(const struct reasons *reasons, const char *queue)
{
    return dr_index_find(&reasons->by_queue, queue, queue_at, reasons);
}

void reasons_take(struct reasons *reasons, const struct dr_plan_decided *plan)
{
    struct dr_record fresh;
    int rc = dr_record_copy(&dr_desc_plan_decided, plan, &fresh);
    DR_ASSERT(rc == 0);
    dr_record_free(&reasons->plan);
    reasons->plan = fresh;
    dr_index_clear(&reasons->by_queue);
    free(reasons->next);
    reasons->next = calloc(plan->reasons.count + 1, sizeof *reasons->next);
    size_t *last = calloc(plan->reasons.count + 1, sizeof *last); /* by the first of its queue */
    DR_ASSERT(reasons->next != NULL && last != NULL);
    for (size_t i = 0; i < plan->reasons.count; i++) {
        size_t first = first_of(reasons, queue_at(reasons, i));
        reasons->next[i] = DR_INDEX_NONE;
        if (first == DR_INDEX_NONE)
            dr_index_add(&reasons->by_queue, queue_at(reasons, i), first = i);
        else
            reasons->next[last[first]] = i;
        last[first] = i;
    }
    free(last);
}

void reasons_free(struct reasons *reasons)
{
    dr_record_free(&reasons->plan);
    dr_index_free(&reasons->by_queue);
    free(reasons->next);
    *reasons = (struct reasons){0};
}

void reasons_of_queue(const struct reasons *reasons, const char *queue, struct queue_reasons *out)
{
    dr_index_clear(&out->by_task);
    out->of = reasons;
    out->whole = NULL;
    out->tasks = 0;
    for (size_t i = first_of(reasons, queue); i != DR_INDEX_NONE; i = reasons->next[i]) {
        const char *task = task_at(reasons, i);
        if (task[0] == '\0')
            out->whole = at(reasons, i);
        out->tasks += task[0] != '\0';
        dr_index_add(&out->by_task, task, i);
    }
}

void queue_reasons_free(struct queue_reasons *reasons)
{
    dr_index_free(&reasons->by_task);
}

const struct dr_reason_view *reason_of_task(const struct queue_reasons *reasons, const char *task)
{
    size_t place = dr_index_find(&reasons->by_task, task, task_at, reasons->of);
    return place == DR_INDEX_NONE ? NULL : at(reasons->of, place);
}
