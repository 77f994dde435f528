/* SPDX-License-Identifier: Apache-2.0 */
/* history.get: changes, as they are kept. */
#include "txn.h"

#define ROWS_USUAL 200
#define ROWS_MAX 1000

#define MATCHES "(?1='' OR kind=?1) AND (?2=0 OR seq<?2) AND t_us>=?3 AND (?4=0 OR \"by\"<>'')"
#define NEWEST " ORDER BY seq DESC LIMIT ?5"

/* A machine's attempts and keys: attempt.open wrote their first lines in one go with the machine's.
 * The rows themselves are forgotten long before the history is. */
#define OPENED_WITH                                                                       \
    "SELECT other.id FROM history mine JOIN history other ON other.t_us=mine.t_us"        \
    " AND other.corr=mine.corr AND other.kind IN ('attempt','key') AND other.\"from\"=''" \
    " WHERE mine.id=?6 AND mine.kind='machine' AND mine.\"to\"='launching'"

void handle_history_get(struct txn *txn, const void *body)
{
    const struct dr_history_get *get = body;
    struct dr_history *out = pool_alloc(txn->pool, sizeof *out);
    int64_t limit = get->limit <= 0 ? ROWS_USUAL : get->limit;
    limit = limit > ROWS_MAX ? ROWS_MAX : limit;
    int64_t by_hand = get->by_hand;
    if (*get->id == '\0')
        store_list(txn->store, TABLE_HISTORY, txn->pool, &out->rows, MATCHES NEWEST, "siiii",
                   get->kind, get->before_seq, get->since_us, by_hand, limit);
    else
        store_list(txn->store, TABLE_HISTORY, txn->pool, &out->rows,
                   "(id=?6 OR id IN (" OPENED_WITH ")) AND " MATCHES NEWEST, "siiiis", get->kind,
                   get->before_seq, get->since_us, by_hand, limit, get->id);
    txn_reply(txn, DR_HISTORY, out);
}
