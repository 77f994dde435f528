/* SPDX-License-Identifier: Apache-2.0 */
/* Which task ran where, and what people call it. */
#include "txn.h"

void handle_work_get(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}

void handle_tasks_get(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}

void handle_tasks_described(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}
