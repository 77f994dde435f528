/* SPDX-License-Identifier: Apache-2.0 */
#include "calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drover/assert.h"

#define ZONES "/usr/share/zoneinfo/"
#define DAY_S INT64_C(86400)
#define SECOND_US INT64_C(1000000)
#define STEP_S INT64_C(900)
#define REACH_S (26 * INT64_C(3600)) /* no zone is further from UTC */

static bool is_utc(const char *zone)
{
    return strcmp(zone, "UTC") == 0;
}

static bool good_name(const char *zone)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+-/";
    size_t len = strlen(zone);
    return len >= 1 && len <= 63 && strspn(zone, letters) == len && *zone != '/';
}

bool dr_calendar_known(const char *zone)
{
    char path[128], magic[4] = "";
    if (is_utc(zone))
        return true;
    if (!good_name(zone))
        return false;
    snprintf(path, sizeof path, ZONES "%s", zone);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool good = fread(magic, 1, 4, file) == 4 && memcmp(magic, "TZif", 4) == 0;
    fclose(file);
    return good;
}

/* ---- the zone, for a while ------------------------------------------------------------------ */
struct stay {
    char *before; /* TZ as it was; NULL: not set */
};

static struct stay enter(const char *zone)
{
    const char *tz = getenv("TZ");
    struct stay stay = {.before = tz == NULL ? NULL : strdup(tz)};
    char name[80];
    snprintf(name, sizeof name, ":%s", dr_calendar_known(zone) ? zone : "UTC");
    DR_ASSERT(setenv("TZ", is_utc(name + 1) ? "UTC0" : name, 1) == 0);
    tzset();
    return stay;
}

static void leave(struct stay stay)
{
    if (stay.before != NULL)
        DR_ASSERT(setenv("TZ", stay.before, 1) == 0);
    else
        DR_ASSERT(unsetenv("TZ") == 0);
    free(stay.before);
    tzset();
}

/* ---- dates as numbers ----------------------------------------------------------------------- */
struct date {
    int64_t year, month; /* month: 1 to 12 */
};

/* Days since 1970-01-01: http://howardhinnant.github.io/date_algorithms.html, days_from_civil. */
static int64_t days_from(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct tm local(int64_t t_s)
{
    struct tm tm;
    time_t t = (time_t)t_s;
    DR_ASSERT(localtime_r(&t, &tm) != NULL);
    return tm;
}

/* The date that the local clock shows, as days since 1970. */
static int64_t shown(int64_t t_s)
{
    struct tm tm = local(t_s);
    return days_from(tm.tm_year + INT64_C(1900), tm.tm_mon + 1, tm.tm_mday);
}

/* The first second at which the local clock shows this date or a later one. */
static int64_t start_of(int64_t day)
{
    int64_t low = day * DAY_S - REACH_S;
    while (shown(low + STEP_S) < day)
        low += STEP_S;
    int64_t high = low + STEP_S; /* shown(low) < day <= shown(high) */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (shown(middle) < day)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The day whose window the second is in: the date shown, but where the clock was put back over
 * midnight. */
static int64_t day_of(int64_t t_s)
{
    int64_t day = shown(t_s);
    while (start_of(day + 1) <= t_s)
        day++;
    return day;
}

static int64_t floor_s(int64_t t_us)
{
    return t_us / SECOND_US - (t_us % SECOND_US < 0);
}

struct dr_calendar_window dr_calendar_day(const char *zone, int64_t t_us)
{
    struct stay stay = enter(zone);
    int64_t day = day_of(floor_s(t_us));
    struct dr_calendar_window window = {start_of(day) * SECOND_US, start_of(day + 1) * SECOND_US};
    leave(stay);
    return window;
}

static struct date month_of(int64_t day)
{
    time_t t = (time_t)(day * DAY_S);
    struct tm tm;
    DR_ASSERT(gmtime_r(&t, &tm) != NULL);
    return (struct date){tm.tm_year + INT64_C(1900), tm.tm_mon + 1};
}

struct dr_calendar_window dr_calendar_month(const char *zone, int64_t t_us)
{
    struct stay stay = enter(zone);
    struct date month = month_of(day_of(floor_s(t_us)));
    struct date next = {month.year + (month.month == 12), month.month % 12 + 1};
    struct dr_calendar_window window = {start_of(days_from(month.year, month.month, 1)) * SECOND_US,
                                        start_of(days_from(next.year, next.month, 1)) * SECOND_US};
    leave(stay);
    return window;
}

const char *dr_calendar_text(const char *zone, int64_t t_us, char *buffer, size_t size)
{
    struct stay stay = enter(zone);
    struct tm tm = local(floor_s(t_us));
    char text[32] = "";
    DR_ASSERT(strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm) > 0);
    leave(stay);
    snprintf(buffer, size, "%s", text);
    return buffer;
}
