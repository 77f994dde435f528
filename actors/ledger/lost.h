/* SPDX-License-Identifier: Apache-2.0 */
/* Another ledger's machines under our name (P25): they block until a person says that it is lost.
 */
#ifndef DROVER_LEDGER_LOST_H
#define DROVER_LEDGER_LOST_H

#include "txn.h"

/* Whether this is another ledger's id, and whether a person has said that that one is lost. */
bool lost_is_foreign(struct txn *txn, const char *ledger_id);
bool lost_is_adopted(struct txn *txn, const char *ledger_id);

/* Blocks all starting and ending, in words; refuses the request and keeps the block. */
void lost_block(struct txn *txn, const struct dr_machine_found *found);

#endif
