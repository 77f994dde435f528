/* SPDX-License-Identifier: Apache-2.0 */
#include "calendar.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600)
#define US INT64_C(1000000)

/* Moments are seconds since 1970, as `date -u +%s` tells them. */
struct window {
    const char *zone;
    int64_t at_s, from_s;
    int64_t hours; /* until the window's end */
};

static void windows_are(const struct window *rows, size_t count,
                        struct dr_calendar_window (*window)(const char *, int64_t))
{
    for (size_t i = 0; i < count; i++) {
        struct dr_calendar_window got = window(rows[i].zone, rows[i].at_s * US);
        if (got.from_us != rows[i].from_s * US ||
            got.until_us - got.from_us != rows[i].hours * HOUR * US)
            fail_msg("row %zu, %s: from %lld, %lld s", i, rows[i].zone,
                     (long long)(got.from_us / US), (long long)((got.until_us - got.from_us) / US));
    }
}

static void days_are_as_long_as_they_are(void **state)
{
    (void)state;
    static const struct window rows[] = {
        {"UTC", 1774699199, 1774656000, 24},                   /* 2026-03-28 11:59:59 */
        {"UTC", 1774656000, 1774656000, 24},                   /* its first second */
        {"Europe/Berlin", 1774742399, 1774738800, 23},         /* 2026-03-29 00:59:59 */
        {"Europe/Berlin", 1774738799, 1774652400, 24},         /* 2026-03-28 23:59:59 */
        {"Europe/Berlin", 1774821600 - 1, 1774738800, 23},     /* 2026-03-29 23:59:59 */
        {"Europe/Berlin", 1774821600, 1774821600, 24},         /* 2026-03-30 00:00 */
        {"Europe/Berlin", 1792890000, 1792879200, 25},         /* 2026-10-25 02:00, second time */
        {"America/New_York", 1793523600, 1793505600, 25},      /* 2026-11-01 01:00 */
        {"Asia/Kolkata", 1774722600, 1774722600, 24},          /* 2026-03-29 00:00 +5:30 */
        {"Africa/Cairo", 1777000000, 1776981600, 23},          /* 2026-04-24: midnight is skipped */
        {"America/Havana", 1793505600 + 4200, 1793505600, 25}, /* 2026-11-01: 00:xx comes twice */
        {"No/Such_Zone", 1774699199, 1774656000, 24},          /* counts as UTC */
    };
    windows_are(rows, sizeof rows / sizeof *rows, dr_calendar_day);
}

static void months_are_as_long_as_they_are(void **state)
{
    (void)state;
    static const struct window rows[] = {
        {"UTC", 1774656000, 1772323200, 31 * 24},               /* March 2026 */
        {"Europe/Berlin", 1774656000, 1772319600, 31 * 24 - 1}, /* loses an hour */
        {"Europe/Berlin", 1792890000, 1790805600, 31 * 24 + 1}, /* October gains one */
        {"Europe/Berlin", 1709250000, 1709247600, 31 * 24 - 1},
        {"UTC", 1709164800, 1706745600, 29 * 24},                /* February 2024 */
        {"UTC", 1798761599, 1796083200, 31 * 24},                /* the last second of 2026 */
        {"Pacific/Kiritimati", 1798711200, 1798711200, 31 * 24}, /* 2027-01-01 +14 */
    };
    windows_are(rows, sizeof rows / sizeof *rows, dr_calendar_month);
}

/* Wherever one looks: the moment is in its window, and the next begins where it ends. */
static void windows_follow_one_another(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin",  "America/St_Johns",    "Asia/Beirut",
                                        "Pacific/Apia",   "Australia/Lord_Howe", "Africa/Cairo",
                                        "America/Havana", "America/Sao_Paulo",   "UTC"};
    for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
        int64_t t_us =
            INT64_C(1293840000) * US; /* 2011: St John's changed at 00:01, Apia lost a day */
        int64_t end_us = t_us + 365 * 24 * HOUR * US;
        for (int n = 0; t_us < end_us; n++) {
            struct dr_calendar_window day = dr_calendar_day(zones[z], t_us);
            assert_true(day.from_us == t_us || n == 0);
            assert_true(day.until_us > t_us && day.until_us - day.from_us <= 26 * HOUR * US);
            struct dr_calendar_window same = dr_calendar_day(zones[z], day.until_us - 1);
            assert_int_equal(same.from_us, day.from_us);
            struct dr_calendar_window month = dr_calendar_month(zones[z], t_us);
            assert_true(month.from_us <= t_us && t_us < month.until_us);
            assert_true(month.from_us <= day.from_us && day.until_us <= month.until_us);
            t_us = day.until_us;
        }
    }
}

static void zones_are_known_or_not(void **state)
{
    (void)state;
    assert_true(dr_calendar_known("UTC"));
    assert_true(dr_calendar_known("Europe/Berlin"));
    static const char *const wrong[] = {"",          "Berlin",         "Europe/Berlni",
                                        "../passwd", "/etc/passwd",    "Europe",
                                        "tzdata.zi", "Europe/Berlin ", "CET-1CEST"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (dr_calendar_known(wrong[i]))
            fail_msg("%s", wrong[i]);
    }
}

static void the_environment_is_left_as_it_was(void **state)
{
    char text[32];
    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    assert_string_equal(dr_calendar_text("Europe/Berlin", 1774742399 * US, text, sizeof text),
                        "2026-03-29 00:59");
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    unsetenv("TZ");
    assert_string_equal(dr_calendar_text("UTC", 1774742399 * US, text, 11), "2026-03-28");
    assert_null(getenv("TZ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_as_long_as_they_are),
        cmocka_unit_test(months_are_as_long_as_they_are),
        cmocka_unit_test(windows_follow_one_another),
        cmocka_unit_test(zones_are_known_or_not),
        cmocka_unit_test(the_environment_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
