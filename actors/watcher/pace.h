/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the server is asked: slower when it is slow or says so, within a call budget where it
 * counts calls, fast while something waits or boots. Also what people are told of it. Pure. */
#ifndef DROVER_WATCHER_PACE_H
#define DROVER_WATCHER_PACE_H

#include "clearml.h"
#include "drover/config.h"

enum server_state {
    SERVER_OK,
    SERVER_SLOW,
    SERVER_DOWN,
    SERVER_WRONG_KEY,
    SERVER_BROKEN,
    SERVER_STATES
};

struct pace {
    int64_t tick_ms;        /* as configured */
    int64_t tick_max_ms;    /* slower than this the rules cannot be kept */
    int64_t workers_ms;     /* period of the workers' picture as configured */
    int64_t workers_max_ms; /* likewise */
    double calls_per_ms;    /* the budget's; 0: none */
    double saved;           /* calls that may be made beyond the steady rate */
    int64_t counted;        /* calls seen so far */
    int64_t counted_ms;
    enum server_state state;
    enum clearml_class cls; /* of the answer that the sentence is about */
    int64_t since_us;
    char sentence[400];
    int failures;          /* in a row */
    int64_t latency_ms;    /* smoothed */
    int64_t not_before_ms; /* CLOCK_BOOTTIME: no call before this */
};

void pace_init(struct pace *pace, const struct dr_cfg_clearml *clearml,
               const struct dr_cfg_timing *timing, int64_t now_ms);

/* The smallest calls_per_month with which the rules' intervals can be kept. */
int64_t pace_smallest_budget(const struct dr_cfg_timing *timing);

/* An answer of a picture's call arrived. True when state or sentence changed: tell people. */
bool pace_answer(struct pace *pace, const struct clearml_answer *answer, int64_t now_ms,
                 int64_t now_us);

/* `calls` were made since start: what the budget lost and regained. */
void pace_count(struct pace *pace, int64_t calls, int64_t now_ms);

/* There is a budget and nothing is left beyond the steady rate: what can wait waits. */
bool pace_is_tight(const struct pace *pace);

/* Time from one tick's begin to the next; `active`: something waits, boots or ends. */
int64_t pace_tick_ms(const struct pace *pace, bool active);
int64_t pace_workers_ms(const struct pace *pace, bool active);

const char *pace_state_name(enum server_state state);

#endif
