/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <stdio.h>

/* Days since 1970 to a date, by counting eras of 400 years: a core includes no time.h. */
static void civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = days / 146097;
    int64_t of_era = days % 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153; /* months from March */
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

const char *dr_date_text(int64_t wall_us, char out[DR_DATE_ROOM])
{
    int64_t seconds = wall_us / 1000000, year, month, day;
    if (wall_us < 0)
        return "-";
    civil(seconds / 86400, &year, &month, &day);
    snprintf(out, DR_DATE_ROOM, "%04d-%02d-%02d %02d:%02d UTC", (int)(year % 10000), (int)month,
             (int)day, (int)(seconds % 86400 / 3600), (int)(seconds / 60 % 60));
    return out;
}

const char *dr_pause_text(const struct dr_pause_row *pause, char *out, size_t size)
{
    char since[DR_DATE_ROOM];
    bool all = *pause->queue == '\0', why = *pause->sentence != '\0';
    snprintf(out, size, "no machine starts%s%s since %s: paused by %s%s%s%s; `drover resume%s%s`",
             all ? "" : " for queue ", pause->queue, dr_date_text(pause->since_us, since),
             pause->by, why ? " (" : "", pause->sentence, why ? ")" : "", all ? "" : " ",
             pause->queue);
    return out;
}
