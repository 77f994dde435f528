/* SPDX-License-Identifier: Apache-2.0 */
/* The shell's part of costs_job.h: questions wait for one another here, and are answered. */
#ifndef DROVER_LEDGER_COSTS_SHELL_H
#define DROVER_LEDGER_COSTS_SHELL_H

#include "core.h"
#include "drover/actor.h"

struct costs_shell;

/* Asked of a message that had to wait. */
typedef void (*costs_shell_ask_fn)(struct dr_actor *actor, const struct dr_message *message);

/* Where the database cannot be opened twice, costs.get is answered in the loop: that is logged. */
struct costs_shell *costs_shell_new(struct dr_actor *actor, struct ledger *ledger, const char *path,
                                    costs_shell_ask_fn ask);
void costs_shell_free(struct costs_shell **shell);

/* Whether it keeps this request until the answer before it is there. */
bool costs_shell_holds(struct costs_shell *shell, const struct dr_message *message);

/* After each turn: takes the question that was asked in it. */
void costs_shell_turn(struct costs_shell *shell);

#endif
