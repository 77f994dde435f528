/* SPDX-License-Identifier: Apache-2.0 */
/* What machines cost, what was spent, and the limits of it (P13). */
#include "txn.h"

void handle_money_get(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}

void handle_costs_get(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}

void handle_ledger_adopt(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}
