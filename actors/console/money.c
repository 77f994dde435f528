/* SPDX-License-Identifier: Apache-2.0 */
/* What a flock costs, in one line. */
#include "money.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pick.h"

/* " of $ 20.00" where a limit of all for that window is set. */
static const char *limit_of(const struct dr_money *money, const char *window, char *out,
                            size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < money->limits.count; i++) {
        const struct dr_limit_view *limit = &money->limits.items[i];
        char text[32];
        if (strcmp(limit->scope, "all") == 0 && strcmp(limit->window, window) == 0 &&
            limit->max_usd_micros > 0)
            snprintf(out, size, " of %s", pick_usd_text(limit->max_usd_micros, text));
    }
    return out;
}

/* What is known of a sum; where nothing is, while machines of no price live, it is not 0. */
static const char *known(int64_t usd_micros, long long unpriced, char *out, size_t size)
{
    char text[32];
    bool unknown = usd_micros == 0 && unpriced > 0;
    snprintf(out, size, "%s", unknown ? "?" : pick_usd_text(usd_micros, text));
    return out;
}

/* The first limit that what runs has passed: it was lowered, or its window turned. */
static const struct dr_limit_view *passed(const struct dr_money *money)
{
    for (size_t i = 0; i < money->limits.count; i++) {
        const struct dr_limit_view *limit = &money->limits.items[i];
        if (limit->max_usd_micros > 0 &&
            limit->spent_usd_micros + limit->reserved_usd_micros > limit->max_usd_micros)
            return limit;
    }
    return NULL;
}

static void add_passed(const struct dr_limit_view *limit, char *out, size_t size)
{
    char max[32];
    size_t len = strlen(out);
    snprintf(out + len, size - len,
             " · what runs passes the limit of %s a%s %s%s%s: nothing more starts",
             pick_usd_text(limit->max_usd_micros, max), *limit->window == 'h' ? "n" : "",
             limit->window, *limit->name == '\0' ? "" : " of ", limit->name);
}

void money_line(const struct dr_money *money, char *out, size_t size)
{
    char rate[48], today[48], month[48], of_hour[48], of_day[48], of_month[48];
    long long unpriced = money->unpriced;
    int len = snprintf(out, size, "%s/h%s · %s today%s · %s this month%s",
                       known(money->rate_usd_micros, unpriced, rate, sizeof rate),
                       limit_of(money, "hour", of_hour, sizeof of_hour),
                       known(money->today_usd_micros, unpriced, today, sizeof today),
                       limit_of(money, "day", of_day, sizeof of_day),
                       known(money->month_usd_micros, unpriced, month, sizeof month),
                       limit_of(money, "month", of_month, sizeof of_month));
    if (unpriced > 0 && len > 0 && (size_t)len < size)
        snprintf(out + len, size - (size_t)len, " · %lld machine%s, price unknown", unpriced,
                 unpriced == 1 ? "" : "s");
    const struct dr_limit_view *over = passed(money);
    if (over != NULL)
        add_passed(over, out, size);
}
