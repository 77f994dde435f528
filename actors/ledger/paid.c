/* SPDX-License-Identifier: Apache-2.0 */
#include "paid.h"

__extension__ typedef __int128 wide;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t paid_for(int64_t rate_usd_micros, int64_t us)
{
    if (us <= 0 || rate_usd_micros <= 0)
        return 0;
    return (int64_t)((wide)rate_usd_micros * us / PAID_HOUR_US);
}

int64_t paid_until(const struct paid *paid, int64_t now_us)
{
    if (paid->from_us == 0)
        return 0;
    int64_t lived_us = (paid->to_us == 0 ? now_us : paid->to_us) - paid->from_us;
    int64_t seconds = (most(lived_us, 0) + PAID_SECOND_US - 1) / PAID_SECOND_US;
    return paid->from_us + most(seconds * PAID_SECOND_US, PAID_LEAST_US);
}

/* Paid from its launch up to a moment. */
static int64_t up_to(const struct paid *paid, int64_t end_us, int64_t moment_us)
{
    return paid_for(paid->rate_usd_micros, least(end_us, moment_us) - paid->from_us);
}

int64_t paid_between(const struct paid *paid, int64_t now_us, int64_t from_us, int64_t until_us)
{
    int64_t end_us = paid_until(paid, now_us);
    if (end_us == 0 || until_us <= from_us)
        return 0;
    return up_to(paid, end_us, until_us) - up_to(paid, end_us, from_us);
}

int64_t paid_ahead(const struct paid *paid, int64_t life_us, int64_t now_us, int64_t until_us)
{
    life_us = most(life_us, PAID_LEAST_US);
    if (paid->from_us == 0)
        return paid_for(paid->rate_usd_micros, least(life_us, until_us - now_us));
    if (paid->to_us != 0)
        return 0;
    int64_t lives = most(now_us - paid->from_us, 0) / life_us + 1; /* begun ones */
    int64_t end_us = paid->from_us + lives * life_us;
    return most(up_to(paid, end_us, until_us) - up_to(paid, paid_until(paid, now_us), until_us), 0);
}

int64_t paid_share(int64_t whole, int64_t weight_before, int64_t weight, int64_t all)
{
    if (all <= 0)
        return 0;
    return (int64_t)((wide)whole * (weight_before + weight) / all) -
           (int64_t)((wide)whole * weight_before / all);
}
