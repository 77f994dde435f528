/* SPDX-License-Identifier: Apache-2.0 */
/* Recoveries step by step (P18): stop, reset if asked for, enqueue, move to front. Each step reads
 * the task first, so that it can be done again after a crash or a lost reply, and each is recorded
 * before the next. Pure. */
#ifndef DROVER_WATCHER_STEPS_H
#define DROVER_WATCHER_STEPS_H

#include "picture.h"
#include "task.h"

struct steps {
    struct claims *claims;
    struct picture *picture;
    int64_t fresh_ms; /* what writes must rest on pictures no older than this (P5) */
};

/* Takes up every open recovery whose last step is recorded. */
void steps_step(struct steps *steps);

/* What to do next for a recovery, seeing its task as it is now. */
enum step_action {
    STEP_WAIT,    /* preconditions do not hold, or cannot be told, at the moment */
    STEP_RECORD,  /* it is done already: record `step` */
    STEP_DROP,    /* the task is somebody else's by now: record `dropped` */
    STEP_STOP,    /* tasks.stopped */
    STEP_RESET,   /* tasks.reset */
    STEP_ENQUEUE, /* tasks.enqueue */
    STEP_FRONT,   /* queues.move_task_to_front */
    STEP_REMOVE,  /* it started while it was put back: queues.remove_task */
    STEP_ACTIONS
};
struct step_plan {
    enum step_action action;
    const char *step; /* to be recorded when it is done */
    const char *why;  /* for people */
};
/* Whether a live worker has the task. What only the workers' list says may be a dead one's last
 * word: that is waited for, until the report is old or the task's own record has it. */
enum run { RUN_NONE, RUN_SAID, RUN_SURE };

struct step_plan step_judge(const struct dr_recovery_row *row, const struct task *task,
                            bool in_queue, enum run run, bool trusted);

#endif
