/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include "drover/exit.h"

/* 0, 100 ms, 200 ms, 400 ms … */
static int64_t backoff_ms(int failures, int64_t max_ms)
{
    int64_t wait_ms = POLICY_FIRST_BACKOFF_MS;
    if (failures <= 1)
        return 0;
    for (int i = 2; i < failures && wait_ms < max_ms; i++)
        wait_ms *= 2;
    return wait_ms < max_ms ? wait_ms : max_ms;
}

struct policy_verdict policy_decide(const struct policy_history *history, int exit_code,
                                    bool guards, int64_t backoff_max_ms, int64_t now_ms)
{
    bool good_life = now_ms - history->started_ms > POLICY_GOOD_LIFE_MS;
    struct policy_verdict verdict = {.failures = good_life ? 1 : history->failures + 1};
    if (exit_code == DR_EXIT_CONFIG) {
        verdict.restart_ms = guards ? now_ms + POLICY_SLOW_MS : POLICY_NEVER;
        verdict.alarm = true;
        return verdict;
    }
    verdict.restart_ms = now_ms + backoff_ms(verdict.failures, backoff_max_ms);
    verdict.alarm = verdict.failures >= POLICY_ALARM_FAILURES;
    return verdict;
}
