/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include <stdio.h>
#include <string.h>

#define MONTH_MS (30.0 * 86400 * 1000)
#define HOUR_MS (3600.0 * 1000)
#define DOWN_MAX_MS 15000
#define WRONG_KEY_TICKS 60
#define WRONG_KEY_MAX_MS 60000

/* Launches need queues no older than fresh_queues, and a slot counts by a report no older than
 * worker_proof: ticks may stretch to twice the one, the workers' picture to two thirds of the
 * other. */
static int64_t tick_max(const struct dr_cfg_timing *timing)
{
    return 2 * timing->fresh_queues_ms;
}

static int64_t workers_max(const struct dr_cfg_timing *timing)
{
    return timing->worker_proof_ms * 2 / 3;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t pace_smallest_budget(const struct dr_cfg_timing *timing)
{
    double busy = 2.0 / (double)tick_max(timing) + 1.0 / (double)workers_max(timing);
    return (int64_t)(MONTH_MS * busy * 1.1 + 0.5); /* a tenth for keys, flags, what is put back */
}

void pace_init(struct pace *pace, const struct dr_cfg_clearml *clearml,
               const struct dr_cfg_timing *timing, int64_t now_ms)
{
    memset(pace, 0, sizeof *pace);
    pace->tick_ms = clearml->tick_ms;
    pace->tick_max_ms = max64(tick_max(timing), clearml->tick_ms);
    pace->workers_ms = timing->workers_period_ms;
    pace->workers_max_ms = max64(workers_max(timing), timing->workers_period_ms);
    pace->calls_per_ms = (double)clearml->calls_per_month / MONTH_MS;
    pace->counted_ms = now_ms;
}

void pace_count(struct pace *pace, int64_t calls, int64_t now_ms)
{
    double hour = pace->calls_per_ms * HOUR_MS;
    pace->saved += pace->calls_per_ms * (double)(now_ms - pace->counted_ms);
    pace->saved -= (double)(calls - pace->counted);
    if (pace->saved > hour) /* never more than an hour's worth at once */
        pace->saved = hour;
    pace->counted = calls;
    pace->counted_ms = now_ms;
}

bool pace_is_tight(const struct pace *pace)
{
    return pace->calls_per_ms > 0 && pace->saved < 1;
}

/* A server that takes long is left three times as long in peace. */
static int64_t base_tick(const struct pace *pace)
{
    return min64(max64(pace->tick_ms, 3 * pace->latency_ms), pace->tick_max_ms);
}

int64_t pace_tick_ms(const struct pace *pace, bool active)
{
    double base = (double)base_tick(pace);
    if (pace->calls_per_ms == 0)
        return (int64_t)base;
    /* A call a tick, one more for the entries behind demand, the workers every second tick. */
    double steady = (active ? 2.5 : 1.5) / pace->calls_per_ms;
    double tick = active ? steady : steady / 0.6; /* idle hours save for busy ones */
    double share = pace->saved / (pace->calls_per_ms * HOUR_MS / 2);
    if (active && share > 0) {
        share = share > 1 ? 1 : share;
        tick = 1 / (1 / steady + (1 / base - 1 / steady) * share * share);
    } else if (share < 0) {
        tick *= 1 - 8 * share;
    }
    return min64(max64((int64_t)tick, (int64_t)base), pace->tick_max_ms);
}

int64_t pace_workers_ms(const struct pace *pace, bool active)
{
    int64_t tick = pace_tick_ms(pace, active);
    /* Beside each look into the queues: a worker that popped a task since is seen at work, and not
     * as a machine that is still to come for the tasks that wait. */
    if (active && pace->calls_per_ms == 0)
        return tick;
    int64_t period = pace->calls_per_ms == 0 ? pace->workers_ms : 2 * tick;
    return min64(max64(period, tick), pace->workers_max_ms);
}

const char *pace_state_name(enum server_state state)
{
    static const char *const names[SERVER_STATES] = {
        [SERVER_OK] = "ok",         [SERVER_SLOW] = "slow",
        [SERVER_DOWN] = "down",     [SERVER_WRONG_KEY] = "wrong-key",
        [SERVER_BROKEN] = "broken",
    };
    return names[state];
}

static enum server_state state_of(const struct pace *pace, enum clearml_class cls)
{
    static const enum server_state states[CLEARML_CLASSES] = {
        [CLEARML_OK] = SERVER_OK,
        [CLEARML_REFUSED] = SERVER_BROKEN, /* of a picture's call: this is no server we know */
        [CLEARML_WRONG_KEY] = SERVER_WRONG_KEY,
        [CLEARML_BUSY] = SERVER_SLOW,
        [CLEARML_SERVER] = SERVER_DOWN,
        [CLEARML_UNREACHABLE] = SERVER_DOWN,
        [CLEARML_TIMEOUT] = SERVER_DOWN,
        [CLEARML_TLS] = SERVER_BROKEN,
        [CLEARML_NOT_API] = SERVER_BROKEN,
    };
    int64_t slow_ms = pace->state == SERVER_SLOW ? pace->tick_ms : 2 * pace->tick_ms;
    if (cls == CLEARML_OK && 3 * pace->latency_ms > slow_ms)
        return SERVER_SLOW;
    return states[cls];
}

static int64_t wait_after(const struct pace *pace, const struct clearml_answer *answer)
{
    if (answer->cls == CLEARML_OK)
        return 0;
    if (answer->cls == CLEARML_WRONG_KEY)
        return min64(WRONG_KEY_TICKS * pace->tick_ms, WRONG_KEY_MAX_MS);
    int doublings = pace->failures > 6 ? 6 : pace->failures;
    int64_t wait = min64(pace->tick_ms << doublings, max64(DOWN_MAX_MS, pace->tick_ms));
    return max64(wait, answer->retry_after_ms);
}

static void describe(struct pace *pace, const struct clearml_answer *answer)
{
    if (answer->cls != CLEARML_OK)
        snprintf(pace->sentence, sizeof pace->sentence, "%s", answer->sentence);
    else if (pace->state == SERVER_SLOW)
        snprintf(pace->sentence, sizeof pace->sentence,
                 "the ClearML server answers, but slowly: it is asked less often");
    else
        snprintf(pace->sentence, sizeof pace->sentence, "the ClearML server answers");
}

bool pace_answer(struct pace *pace, const struct clearml_answer *answer, int64_t now_ms,
                 int64_t now_us)
{
    bool ok = answer->cls == CLEARML_OK;
    pace->failures = ok ? 0 : pace->failures + 1;
    if (ok) {
        int64_t latency = answer->recv_ms - answer->sent_ms;
        pace->latency_ms = (3 * pace->latency_ms + latency) / 4;
    }
    pace->not_before_ms = now_ms + wait_after(pace, answer);
    enum server_state before = pace->state;
    pace->state = state_of(pace, answer->cls);
    bool same = pace->since_us != 0 && pace->state == before;
    if (same && (ok || pace->cls == answer->cls)) {
        if (!ok)
            describe(pace, answer); /* shown where people look; not worth telling again */
        return false;
    }
    pace->since_us = same ? pace->since_us : now_us;
    pace->cls = answer->cls;
    describe(pace, answer);
    return true;
}
