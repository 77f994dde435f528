/* SPDX-License-Identifier: Apache-2.0 */
/* The fence's other half (P14): a machine's drain flag in the metadata of one of its queues, and
 * what its guard answers there. The flag is written until it is read back; flag and answer are
 * taken away after a refusal and after the machine's end. Pure.
 *
 *   drover.drain.INSTANCE   idle | after-task | now      ours
 *   drover.ack.INSTANCE     done | refused               the guard's
 *   drover.notice.INSTANCE  see notice.h                 the guard's (P21)
 */
#ifndef DROVER_WATCHER_DRAIN_H
#define DROVER_WATCHER_DRAIN_H

#include "claims.h"

/* What we know of the flag of one machine beyond its row. */
struct drain_memory {
    char *instance;
    int64_t written_for_us; /* state_since_us of the drain that the flag was written for; 0: none */
    int64_t deleted_ms;     /* the guard must have seen it gone before it is written anew */
    bool noticed;           /* a person was told of the notice */
    UT_hash_handle hh;
};

struct drain {
    struct claims *claims;
    int64_t poll_ms; /* how often guards look */
    bool reading;
    int64_t read_ms;  /* last reading began; 0: none yet */
    size_t left;      /* keys of machines with rows in the last reading */
    int64_t read_seq; /* rows at the last reading */
    struct drain_memory *table;
};

void drain_init(struct drain *drain, struct claims *claims, int64_t poll_ms);
void drain_free(struct drain *drain);

/* What is known of this instance's keys; made if it is not there. */
struct drain_memory *drain_remember(struct drain *drain, const char *instance);

/* period_ms: how often to look while a machine drains. */
void drain_step(struct drain *drain, int64_t period_ms);

/* What one machine's keys ask for; `memory` may be empty. Pure in itself: tests enumerate it. */
enum drain_action {
    DRAIN_NOTHING,
    DRAIN_WRITE, /* set the flag to the row's mode */
    DRAIN_DONE,  /* tell the ledger */
    DRAIN_REFUSED,
    DRAIN_DELETE, /* take flag and answer away */
};
enum drain_action drain_judge(const struct dr_machine_row *machine, const char *flag,
                              const char *ack, const struct drain_memory *memory, int64_t now_ms,
                              int64_t poll_ms);

#endif
