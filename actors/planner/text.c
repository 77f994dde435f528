/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

void *text_alloc(struct dr_arena *arena, size_t size)
{
    void *out = dr_arena_alloc(arena, size + 1);
    DR_ASSERT(out != NULL);
    return out;
}

const char *text_copy(struct dr_arena *arena, const char *text)
{
    const char *out = dr_arena_text(arena, text, strlen(text));
    DR_ASSERT(out != NULL);
    return out;
}

const char *text_printf(struct dr_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    DR_ASSERT(vasprintf(&text, format, args) >= 0);
    va_end(args);
    const char *out = text_copy(arena, text);
    free(text);
    return out;
}

const char *text_count(struct dr_arena *arena, long long count, const char *noun)
{
    return text_printf(arena, "%lld %s%s", count, noun, count == 1 ? "" : "s");
}

/* Days since 1970 to a date, by counting eras of 400 years: a core includes no time.h. */
static void civil(long long days, long long *year, long long *month, long long *day)
{
    days += 719468; /* from 0000-03-01 */
    long long era = days / 146097;
    long long of_era = days % 146097;
    long long year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long long of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    long long shifted = (5 * of_year + 2) / 153; /* months from March */
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

const char *text_time(struct dr_arena *arena, long long wall_us)
{
    long long seconds = wall_us / 1000000, year, month, day;
    long long of_day = seconds % 86400;
    civil(seconds / 86400, &year, &month, &day);
    return text_printf(arena, "%04lld-%02lld-%02lld %02lld:%02lld:%02lld UTC", year, month, day,
                       of_day / 3600, of_day / 60 % 60, of_day % 60);
}
