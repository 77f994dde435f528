/* SPDX-License-Identifier: Apache-2.0 */
/* What a person's words mean. Pure. */
#pragma once
#include <stdint.h>

#include "drover/message.h"

enum pick { PICK_ONE, PICK_NONE, PICK_MANY };

/* The machine of this row id or instance id; else the only live one, else the only one, of which
 * either begins so. */
enum pick pick_machine(const struct dr_ledger_state *state, const char *word,
                       const struct dr_machine_row **out);

/* Either id of the machine begins so. */
bool pick_begins(const struct dr_machine_row *machine, const char *word);

/* "90s", "15m", "2h", "3d" and sums of them ("1h30m"), in milliseconds; -1: it is none. */
int64_t pick_span_ms(const char *text);

/* "12", "12.5", "0.000001" dollars in micro-dollars; -1: it is none. */
int64_t pick_usd_micros(const char *text);

/* "$ 1.05", with up to four digits below ten cents ("$ 0.0416"), and "$ 1,204" from 1,000 on.
 * out holds 32 bytes. */
const char *pick_usd_text(int64_t usd_micros, char *out);

/* The machine's state is over: gone, cancelled or failed. */
bool pick_is_over(const struct dr_machine_row *machine);
