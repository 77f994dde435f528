/* SPDX-License-Identifier: Apache-2.0 */
/* history.get: changes, as they are kept. */
#include "txn.h"

void handle_history_get(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}
