/* SPDX-License-Identifier: Apache-2.0 */
#include "bill.h"

#include <stdio.h>

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY_S INT64_C(86400)

const char *const bill_zone_names[BILL_ZONES] = {"UTC", "Europe/Berlin", "America/New_York",
                                                 "Asia/Kolkata"};

/* ---- dates, counted up year by year ---------------------------------------------------------- */
static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static int64_t day_number(int year, int month, int day)
{
    int64_t days = day - 1;
    for (int y = 1970; y < year; y++)
        days += month_days(y, 2) == 29 ? 366 : 365;
    for (int m = 1; m < month; m++)
        days += month_days(year, m);
    return days;
}

static void date_of(int64_t days, int *year, int *month)
{
    *year = 1970;
    *month = 1;
    while (days >= month_days(*year, *month)) {
        days -= month_days(*year, *month);
        *year += *month == 12;
        *month = *month % 12 + 1;
    }
}

/* 1970-01-01 was a Thursday. 0: Sunday. */
static int weekday(int64_t days)
{
    return (int)((days + 4) % 7);
}

static int64_t sunday_from(int64_t days)
{
    while (weekday(days) != 0)
        days++;
    return days;
}

static int64_t offset_s(enum bill_zone zone, int64_t t_s)
{
    int year, month;
    date_of(t_s / DAY_S, &year, &month);
    switch (zone) {
    case BILL_BERLIN: { /* the last Sundays of March and October, 01:00 UTC */
        int64_t from = sunday_from(day_number(year, 3, 25)) * DAY_S + 3600;
        int64_t until = sunday_from(day_number(year, 10, 25)) * DAY_S + 3600;
        return t_s >= from && t_s < until ? 7200 : 3600;
    }
    case BILL_NEW_YORK: { /* the second Sunday of March, the first of November, 02:00 local */
        int64_t from = sunday_from(day_number(year, 3, 8)) * DAY_S + 7 * 3600;
        int64_t until = sunday_from(day_number(year, 11, 1)) * DAY_S + 6 * 3600;
        return t_s >= from && t_s < until ? -4 * 3600 : -5 * 3600;
    }
    case BILL_KOLKATA:
        return 5 * 3600 + 1800;
    default:
        return 0;
    }
}

static int64_t midnight_us(enum bill_zone zone, int64_t days)
{
    int64_t guess_s = days * DAY_S - offset_s(zone, days * DAY_S);
    return (days * DAY_S - offset_s(zone, guess_s)) * SECOND;
}

static int64_t local_day(enum bill_zone zone, int64_t t_us)
{
    int64_t t_s = t_us / SECOND;
    return (t_s + offset_s(zone, t_s)) / DAY_S;
}

struct bill_window bill_day(enum bill_zone zone, int64_t t_us)
{
    int64_t day = local_day(zone, t_us);
    return (struct bill_window){midnight_us(zone, day), midnight_us(zone, day + 1)};
}

struct bill_window bill_month(enum bill_zone zone, int64_t t_us)
{
    int year, month;
    date_of(local_day(zone, t_us), &year, &month);
    int64_t first = day_number(year, month, 1);
    return (struct bill_window){midnight_us(zone, first),
                                midnight_us(zone, first + month_days(year, month))};
}

/* ---- money ------------------------------------------------------------------------------------
 */
static double hours(int64_t us)
{
    return us > 0 ? (double)us / (double)HOUR : 0;
}

/* By the second, for a minute at least. */
static int64_t billed_until(const struct bill_machine *machine, int64_t now_us)
{
    int64_t end = machine->end_us != 0 && machine->end_us < now_us ? machine->end_us : now_us;
    int64_t seconds = (end - machine->start_us + SECOND - 1) / SECOND;
    return machine->start_us + (seconds < 60 ? 60 : seconds) * SECOND;
}

static double cost(const struct bill_machine *machine, int64_t now_us, int64_t from_us,
                   int64_t until_us)
{
    if (machine->start_us == 0)
        return 0;
    int64_t end = billed_until(machine, now_us), begin = machine->start_us;
    begin = begin > from_us ? begin : from_us;
    end = end < until_us ? end : until_us;
    return machine->rate * hours(end - begin);
}

double bill_spent(const struct bill *bill, int64_t now_us, int64_t from_us, int64_t until_us)
{
    double sum = bill->lost_us >= from_us && bill->lost_us < until_us ? bill->lost : 0;
    for (int i = 0; i < bill->count; i++)
        sum += cost(&bill->machines[i], now_us, from_us, until_us);
    return sum;
}

double bill_slack(const struct bill *bill)
{
    double sum = 0;
    for (int i = 0; i < bill->count; i++) {
        const struct bill_machine *machine = &bill->machines[i];
        sum += 0.000002 +
               (machine->slack_us > 0 ? machine->rate * hours(machine->slack_us + 61 * SECOND) : 0);
    }
    return sum;
}

static double reserved(const struct bill *bill, const struct bill_machine *machine, int64_t now_us,
                       int64_t until_us)
{
    int64_t life = machine->type < 0 ? bill->horizon_us : bill->life_us[machine->type];
    int64_t end = now_us + life;
    if (machine->state == BILL_LAUNCHED && bill->stepped)
        return 0;
    if (machine->state == BILL_LAUNCHED) {
        end = machine->said_us + life;
        while (end <= now_us)
            end += life;
    }
    return machine->rate * hours((end < until_us ? end : until_us) - now_us);
}

static bool counts(const struct bill_machine *machine, int type, int queue)
{
    return (type < 0 || machine->type == type) &&
           (queue < 0 || (machine->queues >> queue & 1) != 0);
}

/* One scope's three limits. type and queue: -1 for no matter which. */
static const char *passed(const struct bill *bill, const struct bill_budget *budget, int type,
                          int queue, int64_t now_us, const struct bill_window windows[2],
                          enum bill_rows rows, int self)
{
    static char text[160];
    double rate = 0, sums[2] = {0, 0};
    for (int w = 0; w < 2 && type < 0 && queue < 0; w++)
        sums[w] = bill->lost_us >= windows[w].from_us && bill->lost_us < windows[w].until_us
                      ? bill->lost
                      : 0;
    for (int i = 0; i < bill->count; i++) {
        const struct bill_machine *machine = &bill->machines[i];
        bool lives = machine->state == BILL_LAUNCHED || i == self ||
                     (machine->state == BILL_OPEN && rows != BILL_ROWS_LAUNCHED) ||
                     (machine->state == BILL_WANTED && rows == BILL_ROWS_WANTED);
        if (!counts(machine, type, queue))
            continue;
        rate += lives ? machine->rate : 0;
        for (int w = 0; w < 2; w++) {
            sums[w] += cost(machine, now_us, windows[w].from_us,
                            lives && now_us < windows[w].until_us ? now_us : windows[w].until_us);
            sums[w] += lives ? reserved(bill, machine, now_us, windows[w].until_us) : 0;
        }
    }
    double eps = 0.000004 * (bill->count + 1);
    const double is[] = {rate, sums[0], sums[1]},
                 may[] = {budget->hour, budget->day, budget->month};
    static const char *const names[] = {"hour", "day", "month"};
    for (int i = 0; i < 3; i++) {
        if (may[i] <= 0 || is[i] <= may[i] + eps)
            continue;
        snprintf(text, sizeof text, "%f would pass %f a %s (type %d, queue %d)", is[i], may[i],
                 names[i], type, queue);
        return text;
    }
    return NULL;
}

const char *bill_passed(const struct bill *bill, int64_t now_us,
                        const struct bill_window windows[2], int type, unsigned queues,
                        enum bill_rows rows, int self)
{
    const char *what = passed(bill, &bill->all, -1, -1, now_us, windows, rows, self);
    if (what == NULL && type >= 0)
        what = passed(bill, &bill->type[type], type, -1, now_us, windows, rows, self);
    for (int i = 0; what == NULL && i < BILL_QUEUES; i++) {
        if ((queues >> i & 1) != 0)
            what = passed(bill, &bill->queue[i], -1, i, now_us, windows, rows, self);
    }
    return what;
}

static bool set(const struct bill_budget *budget)
{
    return budget->hour > 0 || budget->day > 0 || budget->month > 0;
}

bool bill_limited(const struct bill *bill, int type, unsigned queues)
{
    bool limited = set(&bill->all) || (type >= 0 && set(&bill->type[type]));
    for (int i = 0; i < BILL_QUEUES; i++)
        limited = limited || ((queues >> i & 1) != 0 && set(&bill->queue[i]));
    return limited;
}

bool bill_unknown(const struct bill *bill, int type, unsigned queues)
{
    for (int i = 0; i < bill->count; i++) {
        const struct bill_machine *machine = &bill->machines[i];
        if (machine->state != BILL_LAUNCHED || machine->rate > 0)
            continue;
        bool under =
            set(&bill->all) || (type >= 0 && machine->type == type && set(&bill->type[type]));
        for (int q = 0; q < BILL_QUEUES; q++)
            under = under || ((queues & machine->queues) >> q & 1 && set(&bill->queue[q]));
        if (under)
            return true;
    }
    return false;
}
