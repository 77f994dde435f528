/* SPDX-License-Identifier: Apache-2.0 */
/* P17: what becomes of a task whose machine ended. One table, no side effects. */
#ifndef DROVER_WATCHER_JUDGE_H
#define DROVER_WATCHER_JUDGE_H

#include "task.h"
#include "workers.h"

enum verdict {
    VERDICT_LEAVE,        /* not this machine's, or nothing is to be done: final */
    VERDICT_WAIT,         /* cannot be said yet */
    VERDICT_POPPED,       /* taken out of its queue and never started: enqueue only */
    VERDICT_RUNNING,      /* it ran when the machine ended: stop, enqueue */
    VERDICT_STOPPED,      /* stopped or failed by the end itself: enqueue */
    VERDICT_FINISH_ABORT, /* its user had asked to stop it: stop, and leave it there */
    VERDICT_SAY,          /* never put back, but a person should know */
    VERDICTS
};

struct judge_case {
    const struct task *task;
    const struct dr_machine_row *machine; /* its end is confirmed: ended_us is set */
    const struct dr_ledger_state *rows;   /* to know the other machines */
    const char *prefix;                   /* of our worker ids */
    bool put_back;                        /* for this machine's end it was put back already */
    bool seen_with;     /* the ledger saw the task as a current task of this machine */
    bool in_queue;      /* the newest picture has it waiting in a queue */
    bool run_elsewhere; /* the list of workers shows a living one, not this machine's, with it */
    int64_t decided_us; /* when the end was decided or first known */
    int64_t now_us;
    int64_t still_ms; /* a task never seen on its machine must have stood still this long */
    int64_t proof_ms; /* who did not report for so long does not live */
};

/* `words` (of `len` bytes) gets the reason, for people. */
enum verdict judge_task(const struct judge_case *given, char *words, size_t len);

/* By the task's own record, somebody reported it after `since_us` whose machine is not known to be
 * gone. */
bool judge_is_reported(const struct task *task, const struct dr_ledger_state *rows,
                       const char *prefix, int64_t since_us);

/* Times of two clocks, one of them read in whole seconds, are only compared with this slack. */
#define JUDGE_SLACK_US INT64_C(2000000)

#endif
