/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that wait for their answer: a map by request id, each with a deadline. A timeout is an
 * ordinary answer that says "unknown" (P28).
 */
#pragma once
#include "drover/actor.h"

struct dr_pending;

struct dr_waiting {
    char *request; /* id */
    char *to;
    int64_t deadline_ms;
    dr_answer_fn answer;
    void *arg;
    enum dr_type type; /* of the request */
};

struct dr_pending *dr_pending_new(void);
void dr_pending_free(struct dr_pending **pending);

/* Adds one; copies request and to. The id must not be waiting already. */
void dr_pending_add(struct dr_pending *pending, const struct dr_waiting *waiting);

/* Takes out the one of this id; 0, or -1 when none waits. The caller frees it by
 * dr_waiting_clear(). */
int dr_pending_take(struct dr_pending *pending, const char *request, struct dr_waiting *out);

/* Takes out one whose deadline is at or before now_ms; 0, or -1 when there is none. */
int dr_pending_expired(struct dr_pending *pending, int64_t now_ms, struct dr_waiting *out);

/* The earliest deadline, or -1 when nothing waits. */
int64_t dr_pending_next_ms(const struct dr_pending *pending);

size_t dr_pending_count(const struct dr_pending *pending);
void dr_waiting_clear(struct dr_waiting *waiting);
