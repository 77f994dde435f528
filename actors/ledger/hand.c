/* SPDX-License-Identifier: Apache-2.0 */
/* What a person asks for: each is an intent with who and when. */
#include "txn.h"

void handle_machine_keep(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}

void handle_launch_pause(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}

void handle_hand_note(struct txn *txn, const void *body)
{
    (void)body;
    txn_refuse(txn, "unavailable", "not built yet");
}
