/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.snapshot: the rows that still matter, as of one sequence (P29). */
#include "ledger_private.h"
#include "txn.h"

#define LIVE "ended_us=0" /* not cancelled, gone or failed; has an index */

void handle_ledger_snapshot(struct txn *txn, const void *body)
{
    const struct dr_ledger_snapshot *asked = body;
    const char *account = asked->account;
    int64_t recent = txn->now_us - TXN_TOMBSTONE_US;
    /* Ended machines younger than this are listed too. */
    int64_t ended = asked->ended ? recent : INT64_MAX;
    struct store *store = txn->store;
    struct dr_ledger_state *state = pool_alloc(txn->pool, sizeof *state);
    store_list(store, TABLE_MACHINE, txn->pool, &state->machines,
               "(?1='' OR account=?1) AND (" LIVE " OR ended_us>?2) ORDER BY created_us, id", "si",
               account, ended);
    store_list(store, TABLE_ATTEMPT, txn->pool, &state->attempts,
               "(?1='' OR account=?1) AND (state<>'closed' OR closed_us>?2)"
               " ORDER BY opened_us, id",
               "si", account, recent);
    store_list(store, TABLE_KEY, txn->pool, &state->keys,
               "(?1='' OR attempt IN (SELECT id FROM attempt WHERE account=?1))"
               " AND (state<>'revoked' OR settled_us>?2) ORDER BY created_us, id",
               "si", account, txn->now_us - TXN_HOUR_US);
    store_list(store, TABLE_SLOT, txn->pool, &state->slots,
               "machine IN (SELECT id FROM machine WHERE (?1='' OR account=?1)"
               " AND (" LIVE " OR ended_us>?2))"
               " OR machine IN (SELECT machine FROM recovery WHERE settled_us=0) ORDER BY worker",
               "si", account, ended);
    store_list(store, TABLE_RECOVERY, txn->pool, &state->recoveries,
               "settled_us=0 OR settled_us>? ORDER BY created_us, id", "i", recent);
    store_list(store, TABLE_PAUSE, txn->pool, &state->pauses, "1 ORDER BY queue", "");
    state->seq = txn->ledger->seq;
    state->ledger_id = core_ledger_id(txn->ledger);
    state->deployment = pool_text(txn->pool, txn->config->deployment);
    state->blocked = txn_blocked(txn);
    state->healthy_us = meta_int(store, "healthy_us");
    state->settling_until_us = meta_int(store, "settling_until_us");
    txn_reply(txn, DR_LEDGER_STATE, state);
}
