/* SPDX-License-Identifier: Apache-2.0 */
#include "money_clock.h"

bool money_clock_ahead(const struct money_clock *clock, int64_t wall_us)
{
    return clock->money_us > wall_us;
}

void money_clock_read(struct money_clock *clock, int64_t wall_us, bool living)
{
    int64_t passed_us = clock->wall_us == 0 ? 0 : wall_us - clock->wall_us;
    clock->wall_us = wall_us;
    if (passed_us < 0 || passed_us > MONEY_CLOCK_SILENCE_US)
        passed_us = 0;
    clock->money_us += living ? passed_us : passed_us / 2;
    if (clock->money_us < wall_us)
        clock->money_us = wall_us;
}
