/* SPDX-License-Identifier: Apache-2.0 */
#include "attempt.h"

#include "drover/assert.h"

#define CELL(event, next_state, what) [ATTEMPT_##event] = {ATTEMPT_##next_state, ATTEMPT_DO_##what}

static const struct attempt_cell TABLE[ATTEMPT_STATES][ATTEMPT_EVENTS] =
    {
        /* Not sent yet: whatever goes wrong costs a look at the row, and the attempt may end. */
        [ATTEMPT_WAITING] =
            {
                CELL(NEWS, PREPARING, PREPARE),
                CELL(DUE, PREPARING, PREPARE),
                CELL(UNWANTED, CLOSING, CLOSE_NEVER_SENT),
                CELL(GONE, CLOSED, FORGET),
            },
        [ATTEMPT_PREPARING] =
            {
                CELL(GONE, CLOSED, FORGET),
                CELL(UNKEYED, WAITING, POLL),
                CELL(BUILT, COMMITTING, COMMIT),
                CELL(UNBUILDABLE, CLOSING, CLOSE_NEVER_SENT),
                CELL(READABLE, SENDING, SEND),
                CELL(UNREADABLE, STUCK, ALARM),
                CELL(UNPREPARED, WAITING, BACK_OFF),
            },
        /* Whether the ledger has the body is only known by its answer or by the row. */
        [ATTEMPT_COMMITTING] =
            {
                CELL(COMMIT_OK, SENDING, SEND),
                CELL(COMMIT_UNKNOWN, WAITING, BACK_OFF),
                CELL(COMMIT_REFUSED, WAITING, BACK_OFF),
            },
        /* Only the cloud's definite answer leads out of here (P26). */
        [ATTEMPT_SENDING] =
            {
                CELL(LAUNCHED, CLOSING, CLOSE_LAUNCHED),
                CELL(REFUSED, CLOSING, CLOSE_REFUSED),
                CELL(UNANSWERED, PAUSED, BACK_OFF),
                CELL(HELD, PAUSED, HOLD),
            },
        [ATTEMPT_PAUSED] =
            {
                CELL(DUE, SENDING, SEND),
                CELL(GONE, CLOSED, FORGET),
            },
        [ATTEMPT_CLOSING] =
            {
                CELL(DUE, CLOSING, CLOSE_AGAIN),
                CELL(GONE, CLOSED, FORGET),
                CELL(CLOSE_OK, CLOSED, FORGET),
                CELL(CLOSE_UNKNOWN, CLOSING, BACK_OFF),
                CELL(CLOSE_REFUSED, WAITING, BACK_OFF),
            },
        [ATTEMPT_STUCK] =
            {
                CELL(GONE, CLOSED, FORGET),
                CELL(FORGOTTEN, CLOSING, CLOSE_FORGOTTEN),
            },
};

struct attempt_cell attempt_step(enum attempt_state state, enum attempt_event event)
{
    DR_ASSERT(state > ATTEMPT_SAME && state < ATTEMPT_STATES);
    DR_ASSERT(event < ATTEMPT_EVENTS);
    return TABLE[state][event];
}

const char *attempt_state_name(enum attempt_state state)
{
    static const char *const names[ATTEMPT_STATES] = {
        [ATTEMPT_SAME] = "same",           [ATTEMPT_WAITING] = "waiting",
        [ATTEMPT_PREPARING] = "preparing", [ATTEMPT_COMMITTING] = "committing",
        [ATTEMPT_SENDING] = "sending",     [ATTEMPT_PAUSED] = "paused",
        [ATTEMPT_CLOSING] = "closing",     [ATTEMPT_STUCK] = "stuck",
        [ATTEMPT_CLOSED] = "closed",
    };
    return names[state];
}
