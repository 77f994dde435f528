/* SPDX-License-Identifier: Apache-2.0 */
/* ClearML keys of machines (P10, P22): intended with the attempt, minted by the watcher, revoked
 * when the attempt's last machine is gone. The secret is here only sealed, and only while the
 * attempt is open. */
#include <string.h>

#include "txn.h"

/* The attempt waits for its key no longer. */
static void attempt_keyed(struct txn *txn, const char *id)
{
    struct dr_attempt_row attempt;
    if (!store_get(txn->store, TABLE_ATTEMPT, id, txn->pool, &attempt) ||
        strcmp(attempt.state, "opened") != 0)
        return;
    attempt.state = "keyed";
    change_attempt(txn, &attempt, "opened");
}

static void minted(struct txn *txn, const struct dr_key_settle *settle, struct dr_key_row *key)
{
    bool same = strcmp(key->access_key, settle->access_key) == 0;
    if (!txn_valid_id(txn, "access_key", settle->access_key))
        return;
    if (strcmp(key->state, "revoked") == 0 || (*key->access_key != '\0' && !same)) {
        txn_refuse(txn, "conflict", "key %s is %s%s: revoke the one just minted", key->id,
                   key->state, *key->access_key != '\0' ? " with another access key" : "");
        return;
    }
    if (same) {
        txn_done(txn, pool_one(txn->pool, key->id), "key %s was settled before", key->id);
        return;
    }
    if (settle->sealed.len == 0) {
        txn_refuse(txn, "bad-request", "a minted key comes with its sealed secret");
        return;
    }
    const char *from = key->state;
    bool wanted = strcmp(from, "intended") == 0;
    key->access_key = pool_text(txn->pool, settle->access_key);
    key->state = wanted ? "minted" : key->state; /* too late: it stays revoking, now by name */
    key->settled_us = txn->now_us;
    change_key(txn, key, from);
    if (wanted) {
        store_run(txn->store, "UPDATE \"key\" SET secret=? WHERE id=?", "bs", settle->sealed,
                  key->id);
        attempt_keyed(txn, key->attempt);
    }
    txn_done(txn, pool_one(txn->pool, key->id), "key %s is %s", key->id, key->state);
}

static void revoked(struct txn *txn, struct dr_key_row *key)
{
    if (strcmp(key->state, "revoking") != 0 && strcmp(key->state, "revoked") != 0) {
        txn_refuse(txn, "conflict", "key %s is %s: its machines may still need it", key->id,
                   key->state);
        return;
    }
    if (strcmp(key->state, "revoking") == 0) {
        key->state = "revoked";
        key->settled_us = txn->now_us;
        change_key(txn, key, "revoking");
    }
    txn_done(txn, pool_one(txn->pool, key->id), "key %s is revoked", key->id);
}

void handle_key_settle(struct txn *txn, const void *body)
{
    const struct dr_key_settle *settle = body;
    struct dr_key_row key;
    if (!store_get(txn->store, TABLE_KEY, settle->key, txn->pool, &key))
        txn_refuse(txn, "not-found", "there is no key %s", settle->key);
    else if (strcmp(settle->state, "minted") == 0)
        minted(txn, settle, &key);
    else if (strcmp(settle->state, "revoked") == 0)
        revoked(txn, &key);
    else
        txn_refuse(txn, "bad-request", "a key is settled as minted or revoked, not \"%s\"",
                   settle->state);
}

void key_release(struct txn *txn, const char *attempt)
{
    int64_t closed = store_int(
        txn->store, "SELECT count(*) FROM attempt WHERE id=? AND state='closed'", "s", attempt);
    int64_t live = store_int(txn->store,
                             "SELECT count(*) FROM machine WHERE attempt=? AND instance_id<>''"
                             " AND state NOT IN ('cancelled','gone','failed')",
                             "s", attempt);
    if (closed == 0 || live > 0)
        return;
    struct dr_key_row_list keys;
    store_list(txn->store, TABLE_KEY, txn->pool, &keys,
               "attempt=? AND state IN ('intended','minted')", "s", attempt);
    for (size_t i = 0; i < keys.count; i++) {
        struct dr_key_row key = keys.items[i];
        const char *from = key.state;
        key.state = "revoking";
        change_key(txn, &key, from);
    }
}
