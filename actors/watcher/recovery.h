/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks whose machine ended (P17): found, judged, and opened as recoveries, which steps.h carries
 * out. A machine is judged once its end is confirmed, and again until nothing of it is undecided.
 * Pure. */
#ifndef DROVER_WATCHER_RECOVERY_H
#define DROVER_WATCHER_RECOVERY_H

#include "judge.h"
#include "picture.h"
#include "steps.h"

/* A machine on its way out, or ended and not yet judged to the end. */
struct ending {
    char *machine;
    int64_t decided_us; /* when its end was decided, as far as this watcher saw it */
    int64_t next_ms;    /* CLOCK_BOOTTIME of the next judging */
    bool ended;         /* and that is confirmed */
    bool judged;        /* nothing is left to say */
    bool listed;        /* its row is still there */
    UT_hash_handle hh;
};

struct recovery {
    const struct dr_cfg_root *root;
    struct claims *claims;
    struct picture *picture;
    struct steps steps;
    struct ending *endings;
    int64_t since_us; /* machines that ended before were judged by an earlier life */
    char *running;    /* machine that is being judged; NULL: none */
    json_t *found;    /* its candidates so far, by task id */
    int asked;        /* how many of the queries are done */
};

void recovery_init(struct recovery *recovery, struct claims *claims, struct picture *picture,
                   const struct dr_cfg_root *root);
void recovery_free(struct recovery *recovery);
/* What the ledger remembers of an earlier life, before this one changes it. Once. */
void recovery_restore(struct recovery *recovery, const struct dr_ledger_state *rows);
void recovery_step(struct recovery *recovery);
bool recovery_busy(const struct recovery *recovery);

/* Writes the intent to put a task back (or to mark it); by verdict and by the queue's settings.
 * machine NULL: an orphan on a healthy machine. */
void recovery_open(struct recovery *recovery, const struct dr_machine_row *machine,
                   const struct task *task, enum verdict verdict, const char *why);

/* True when the list shows a worker with the task that reported lately and may live: none of this
 * instance ("": of any), nor of a machine whose end is confirmed, whose worker stays listed. */
bool recovery_is_run(const struct picture *picture, const char *task, const char *but_instance);

#endif
