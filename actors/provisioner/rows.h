/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core_impl.h"

enum machine_state rows_state(const char *word);

/* Takes a row that is newer than ours. NULL if it is not this account's, or is over. */
struct prov_machine *rows_machine(struct prov_core *core, const struct dr_machine_row *row,
                                  int64_t now_ms, struct prov_effects *out);

void rows_snapshot(struct prov_core *core, const struct dr_ledger_state *state, int64_t now_ms,
                   struct prov_effects *out);

/* The attempt of that id, made (waiting, not due) where it is not known yet. */
struct prov_attempt *rows_new_attempt(struct prov_core *core, const char *id,
                                      struct dr_strs machines, int64_t now_ms);
void rows_fill_attempt(struct prov_attempt *attempt, const struct dr_attempt_row *row);
void rows_free_attempt(struct prov_attempt *attempt);
void rows_drop_attempt(struct prov_core *core, struct prov_attempt *attempt);
