/* SPDX-License-Identifier: Apache-2.0
 *
 * When a process that ended is started again. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define POLICY_FIRST_BACKOFF_MS 100
#define POLICY_GOOD_LIFE_MS 60000 /* a life longer than this wipes the slate */
#define POLICY_SLOW_MS 60000      /* between tries of one that says its configuration is wrong */
#define POLICY_ALARM_FAILURES 5   /* from this many short lives in a row on a person is told */
#define POLICY_NEVER INT64_MAX

struct policy_history {
    int64_t started_ms; /* of the life that ended now */
    int failures;       /* short lives in a row before it */
};

struct policy_verdict {
    int64_t restart_ms; /* when; POLICY_NEVER: not before the configuration changes */
    int failures;       /* what history->failures becomes */
    bool alarm;
};

/* exit_code: as waitid() has it, -1 for a signal, for one that was late or silent, and for one that
 * could not be started. guards: it is never given up (P30). All times on one clock. */
struct policy_verdict policy_decide(const struct policy_history *history, int exit_code,
                                    bool guards, int64_t backoff_max_ms, int64_t now_ms);
