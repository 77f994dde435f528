/* SPDX-License-Identifier: Apache-2.0 */
/* What more than one actor says to people in the same words. Pure. */
#ifndef DROVER_WORDS_H
#define DROVER_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "drover/message.h"

/* "2026-01-31 14:05 UTC" of microseconds since 1970 (and before: "-"). At least 32 bytes. */
#define DR_DATE_ROOM 32
const char *dr_date_text(int64_t wall_us, char out[DR_DATE_ROOM]);

/* "no machine starts for queue gpu since 2026-01-31 14:05 UTC: paused by anna (a move); `drover
 * resume gpu`". Cut to size. */
const char *dr_pause_text(const struct dr_pause_row *pause, char *out, size_t size);
#define DR_PAUSE_ROOM 1536

#endif
