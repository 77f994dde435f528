/* SPDX-License-Identifier: Apache-2.0 */
#include "stamp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <stddef.h>

#define SECOND_US INT64_C(1000000)
/* A Date is up to a second behind its truth, and an answer travels: further off is a new clock. */
#define NEW_CLOCK_US (2 * SECOND_US)

/* Days since 1970-01-01 of a date of the Gregorian calendar (March-based years, 400-year eras). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Reads `digits` digits and then one of `then` ('\0' there means: anything may follow). */
static bool number(const char **at, int digits, char then, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (**at - '0');
    }
    if (then == '\0')
        return true;
    if (**at != then)
        return false;
    (*at)++;
    return true;
}

static int64_t fraction_us(const char **at)
{
    int64_t us = 0;
    int64_t unit = SECOND_US / 10;
    if (**at != '.')
        return 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        us += (**at - '0') * unit;
    return us;
}

static bool zone_us(const char *at, int64_t *us)
{
    *us = 0;
    if (*at == '\0' || (*at == 'Z' && at[1] == '\0'))
        return true;
    if (*at != '+' && *at != '-')
        return false;
    int64_t sign = *at == '-' ? -1 : 1;
    int64_t hours, minutes;
    at++;
    if (!number(&at, 2, ':', &hours) || !number(&at, 2, '\0', &minutes) || *at != '\0')
        return false;
    *us = sign * (hours * 3600 + minutes * 60) * SECOND_US;
    return true;
}

int64_t stamp_us(const char *text)
{
    int64_t year, month, day, hour, minute, second, zone;
    if (text == NULL)
        return 0;
    if (!number(&text, 4, '-', &year) || !number(&text, 2, '-', &month) ||
        !number(&text, 2, '\0', &day) || (*text != 'T' && *text != ' '))
        return 0;
    text++;
    if (!number(&text, 2, ':', &hour) || !number(&text, 2, ':', &minute) ||
        !number(&text, 2, '\0', &second) || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    int64_t us = fraction_us(&text);
    if (!zone_us(text, &zone))
        return 0;
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return seconds * SECOND_US + us - zone;
}

void server_clock_learn(struct server_clock *clock, int64_t date_us, int64_t wall_us)
{
    if (date_us == 0)
        return;
    int64_t seen = date_us - wall_us;
    bool new_clock = clock->known == 0 || llabs(seen - clock->offset_us) > NEW_CLOCK_US;
    if (new_clock || seen > clock->offset_us)
        clock->offset_us = seen;
    clock->known++;
}

int64_t server_clock_theirs(const struct server_clock *clock, int64_t wall_us)
{
    return wall_us + clock->offset_us;
}

int64_t server_clock_ours(const struct server_clock *clock, int64_t server_us)
{
    return server_us == 0 ? 0 : server_us - clock->offset_us;
}
