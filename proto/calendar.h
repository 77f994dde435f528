/* SPDX-License-Identifier: Apache-2.0
 *
 * Days and months of a time zone. Times are microseconds since 1970 (wall clock).
 *
 * A zone is one of the system's zone files (/usr/share/zoneinfo, package tzdata), read by the C
 * library: during a call TZ of this process's environment names it, and stands as before after it.
 * So nothing may use the environment or local time in another thread meanwhile.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dr_calendar_window {
    int64_t from_us, until_us; /* [from, until) */
};

/* "UTC" always is; else whether the system has a file of this name. */
bool dr_calendar_known(const char *zone);

/* The calendar day, or month, that the moment falls in. A day begins with the first moment that
 * its local clock shows its date, or a later one: windows follow one another without a gap, also
 * where midnight is skipped or comes twice; a day of 23 or 25 hours is as long as it is. An unknown
 * zone counts as UTC. */
struct dr_calendar_window dr_calendar_day(const char *zone, int64_t t_us);
struct dr_calendar_window dr_calendar_month(const char *zone, int64_t t_us);

/* "2026-11-25 14:30" of the local clock there, "2026-11-25" with room for 11 bytes only. */
const char *dr_calendar_text(const char *zone, int64_t t_us, char *buffer, size_t size);
