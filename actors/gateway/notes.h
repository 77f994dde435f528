/* SPDX-License-Identifier: Apache-2.0 */
/* What people did outside the ledger, on its way into the ledger's history. Each row lies in a file
 * until the ledger has it: neither a ledger that is away nor a gateway that is killed loses one.
 * Each carries a request id of its own: none is written twice. */
#ifndef DROVER_GATEWAY_NOTES_H
#define DROVER_GATEWAY_NOTES_H

#include "drover/actor.h"

struct notes;

/* dir: STATE_DIR/gateway; what lies there from an earlier life is told first. actor NULL (first
 * start): they are kept for the gateway that follows. */
struct notes *notes_new(struct dr_actor *actor, const char *dir);
void notes_free(struct notes **notes);

/* Copies the note. Blocks on the disk. */
void notes_add(struct notes *notes, const struct dr_hand_note *note);

/* Each second: asks again for what the ledger has not taken yet. */
void notes_tick(struct notes *notes);

#endif
