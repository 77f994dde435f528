/* SPDX-License-Identifier: Apache-2.0 */
/* ClearML keys for the machines (P22). The server saves a user's whole list of keys at once, so
 * that two mints at a time destroy each other's, and the user's: everything here goes one after the
 * other. A key that was minted but not recorded (a lost reply, a crash) is found by its label and
 * revoked, for its secret is lost. Pure. */
#ifndef DROVER_WATCHER_KEYS_H
#define DROVER_WATCHER_KEYS_H

#include "claims.h"

enum keys_phase {
    KEYS_IDLE,
    KEYS_LOOKING,  /* the list, to find what bears the row's label */
    KEYS_REVOKING, /* one that bears it */
    KEYS_MINTING,
    KEYS_PROVING,   /* a login with the new key, and the list again: is it still in it? */
    KEYS_RECORDING, /* the ledger is told */
    KEYS_SWEEPING,  /* the list, to find labels of ours that no row needs */
};

struct fresh_key {
    char *id;
    UT_hash_handle hh;
};

struct keys {
    struct claims *claims;
    int64_t sweep_ms; /* labels without a row, or with one that ended, are left alone that long */
    enum keys_phase phase;
    bool minting; /* the running row is intended, else it is to be revoked */
    char *key;    /* row, while not idle */
    char *label;
    char *access, *secret; /* of the key just minted */
    struct dr_bin seal_pk; /* owned copy */
    int proofs_left;       /* answers that KEYS_PROVING waits for */
    int64_t again_ms;      /* why it failed says after how long it is tried again; 0: it did not */
    struct fresh_key *fresh;
    int64_t began_ms;      /* CLOCK_BOOTTIME of the first step */
    int64_t not_before_ms; /* after a failure */
    bool swept;
};

void keys_init(struct keys *keys, struct claims *claims, int64_t sweep_ms);
void keys_free(struct keys *keys);

/* Nobody can have made the key of this row before: what bears its label need not be looked for when
 * it is taken up the first time. */
void keys_fresh(struct keys *keys, const char *id);

/* Takes up the next row that wants something, if nothing runs. */
void keys_step(struct keys *keys);

/* True while a row waits for us. */
bool keys_busy(const struct keys *keys);

#endif
