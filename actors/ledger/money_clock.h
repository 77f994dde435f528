/* SPDX-License-Identifier: Apache-2.0 */
/* Money's clock, pure. It follows the wall clock forwards and never runs backwards: a clock that is
 * set back re-opens no window and shortens no machine's life. While the wall is behind, money's
 * clock runs on by what the wall shows to have passed; at half of that while no machine lives, so
 * that the wall comes up with it. A silence of more than an hour counts as a step of the wall: then
 * it only stays where it was. */
#ifndef DROVER_LEDGER_MONEY_CLOCK_H
#define DROVER_LEDGER_MONEY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct money_clock {
    int64_t wall_us;  /* last reading; 0: none yet */
    int64_t money_us; /* what it was taken for */
};

#define MONEY_CLOCK_SILENCE_US (3600 * INT64_C(1000000))

/* Whether the wall is behind: only then it matters whether a machine lives. */
bool money_clock_ahead(const struct money_clock *clock, int64_t wall_us);

void money_clock_read(struct money_clock *clock, int64_t wall_us, bool living);

#endif
