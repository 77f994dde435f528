/* SPDX-License-Identifier: Apache-2.0
 *
 * Paid for and never used: from a machine's launch to its end (or now, while it is on its way out),
 * when no worker of it was ever seen. Derived from its row, never added up. Pure.
 */
#pragma once
#include <stdint.h>

#include "drover/message.h"

/* 0: none. */
int64_t waste_us(const struct dr_machine_row *machine, int64_t now_us);

/* A dr_ledger_state as dr_json() does it, with `wasted_s` in each machine that has some; the caller
 * frees. */
char *waste_json(const struct dr_ledger_state *state, int64_t now_us);
