/* SPDX-License-Identifier: Apache-2.0 */
/* Never two writes of the same kind at once for one row, and none again before the rows at hand
 * show the last one: each write holds a claim on its key until then. Pure. */
#ifndef DROVER_WATCHER_CLAIMS_H
#define DROVER_WATCHER_CLAIMS_H

#include <uthash.h>

#include "port.h"

struct claim {
    char *key; /* "up:MACHINE", "slots" ... */
    bool running;
    int64_t seq;           /* rows older than this do not show the write yet */
    int64_t not_before_ms; /* CLOCK_BOOTTIME: a failed one is not tried before */
    UT_hash_handle hh;
};

struct claims {
    const struct port *port;
    const struct dr_ledger_state *rows; /* the newest; NULL: none yet */
    struct claim *table;
    int64_t owed_seq, owed_ms; /* a write's changes, told by events; since when they are awaited */
    bool rows_stale;           /* `rows` may lack what no event will tell: fetch them */
    bool slots_told;           /* the same, without haste */
};

#define CLAIM_RETRY_MS 1000

/* True: nobody holds `key`; now the caller does, until claim_settle(). */
bool claim_take(struct claims *claims, const char *key);

/* seq: of the ledger's ack, 0 when nothing was written; again_ms: not before so many from now. */
void claim_settle(struct claims *claims, const char *key, int64_t seq, int64_t again_ms);

/* After a request to the ledger: unless it was done (ack is NULL: nobody knows), the rows at hand
 * are not what they seem. */
void claim_weigh(struct claims *claims, const struct dr_ack *ack);

/* True when `rows` do not show, long after it, a write whose events should have come. */
bool claims_overdue(const struct claims *claims);

/* Takes the claim, sends the request to the ledger and settles the claim by its answer; a refusal
 * is logged. False: somebody holds the key. */
bool claim_ask(struct claims *claims, const char *key, enum dr_type type, const void *body);

/* Forgets what holds nothing back any more. */
void claims_sweep(struct claims *claims);
void claims_free(struct claims *claims);

#endif
