/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle.h"

#include <string.h>

#include "drover/assert.h"

#define STAY                      \
    {                             \
        .verdict = LIFECYCLE_STAY \
    }
#define TO(state)                                        \
    {                                                    \
        .verdict = LIFECYCLE_MOVE, .next = STATE_##state \
    }
#define RESUME                      \
    {                               \
        .verdict = LIFECYCLE_RESUME \
    }

/* A cell that is not written refuses. */
static const struct lifecycle_cell table[STATE_COUNT][EVENT_COUNT] = {
    [STATE_NONE] = {[EVENT_WANT] = TO(WANTED), [EVENT_BOUND] = TO(BOOTING)},
    [STATE_WANTED] = {[EVENT_CANCEL] = TO(CANCELLED),
                      [EVENT_OPEN] = TO(LAUNCHING),
                      [EVENT_DRAIN] = TO(CANCELLED),
                      [EVENT_GIVE_UP] = TO(FAILED)},
    [STATE_CANCELLED] = {[EVENT_CANCEL] = STAY, [EVENT_DRAIN] = STAY},
    [STATE_LAUNCHING] =
        {[EVENT_REFUSED] = TO(WANTED), [EVENT_BOUND] = TO(BOOTING), [EVENT_GIVE_UP] = TO(FAILED)},
    [STATE_BOOTING] = {[EVENT_BOUND] = STAY,
                       [EVENT_UP] = TO(UP),
                       [EVENT_SEEN_PRESENT] = STAY,
                       [EVENT_SEEN_ABSENT] = TO(ABSENT),
                       [EVENT_ENDED] = TO(GONE),
                       [EVENT_DRAIN] = TO(DRAINING),
                       [EVENT_DOOMED] = TO(DRAINING)},
    [STATE_UP] = {[EVENT_BOUND] = STAY,
                  [EVENT_UP] = STAY,
                  [EVENT_SEEN_PRESENT] = STAY,
                  [EVENT_SEEN_ABSENT] = TO(ABSENT),
                  [EVENT_ENDED] = TO(GONE),
                  [EVENT_DRAIN] = TO(DRAINING),
                  [EVENT_DOOMED] = TO(DRAINING),
                  [EVENT_ACK_REFUSED] = STAY},
    [STATE_DRAINING] = {[EVENT_BOUND] = STAY,
                        [EVENT_UP] = STAY,
                        [EVENT_SEEN_PRESENT] = STAY,
                        [EVENT_SEEN_ABSENT] = TO(ABSENT),
                        [EVENT_ENDED] = TO(GONE),
                        [EVENT_DRAIN] = STAY,
                        [EVENT_DOOMED] = STAY,
                        [EVENT_ACK_DONE] = STAY,
                        [EVENT_ACK_REFUSED] = TO(UP),
                        [EVENT_TERMINATE] = TO(TERMINATING)},
    [STATE_ABSENT] = {[EVENT_BOUND] = STAY,
                      [EVENT_UP] = STAY,
                      [EVENT_SEEN_PRESENT] = RESUME,
                      [EVENT_SEEN_ABSENT] = STAY,
                      [EVENT_ENDED] = TO(GONE),
                      [EVENT_DRAIN] = TO(DRAINING),
                      [EVENT_DOOMED] = TO(DRAINING),
                      [EVENT_ACK_DONE] = STAY},
    [STATE_TERMINATING] = {[EVENT_BOUND] = STAY,
                           [EVENT_UP] = STAY,
                           [EVENT_SEEN_PRESENT] = STAY,
                           [EVENT_SEEN_ABSENT] = STAY,
                           [EVENT_ENDED] = TO(GONE),
                           [EVENT_DRAIN] = STAY,
                           [EVENT_DOOMED] = STAY,
                           [EVENT_ACK_DONE] = STAY,
                           [EVENT_ACK_REFUSED] = STAY,
                           [EVENT_TERMINATE] = STAY},
    [STATE_GONE] = {[EVENT_SEEN_ABSENT] = STAY,
                    [EVENT_ENDED] = STAY,
                    [EVENT_DRAIN] = STAY,
                    [EVENT_DOOMED] = STAY,
                    [EVENT_ACK_DONE] = STAY,
                    [EVENT_ACK_REFUSED] = STAY,
                    [EVENT_TERMINATE] = STAY},
    [STATE_FAILED] = {[EVENT_CANCEL] = STAY, [EVENT_DRAIN] = STAY, [EVENT_GIVE_UP] = STAY},
};

static const char *const state_names[STATE_COUNT] = {
    [STATE_NONE] = "",
    [STATE_WANTED] = "wanted",
    [STATE_CANCELLED] = "cancelled",
    [STATE_LAUNCHING] = "launching",
    [STATE_BOOTING] = "booting",
    [STATE_UP] = "up",
    [STATE_DRAINING] = "draining",
    [STATE_ABSENT] = "absent",
    [STATE_TERMINATING] = "terminating",
    [STATE_GONE] = "gone",
    [STATE_FAILED] = "failed",
};

static const char *const refusals[EVENT_COUNT] = {
    [EVENT_WANT] = "it exists already",
    [EVENT_CANCEL] = "only a wanted machine that no attempt is starting can be cancelled; drain it",
    [EVENT_OPEN] = "only a wanted machine can be started",
    [EVENT_REFUSED] = "no launch of it is under way",
    [EVENT_BOUND] = "no launch of it is under way",
    [EVENT_UP] = "it has no live instance",
    [EVENT_SEEN_PRESENT] = "it has no live instance by the ledger; the instance needs a look",
    [EVENT_SEEN_ABSENT] = "it has no live instance",
    [EVENT_ENDED] = "it has no instance that could have ended",
    [EVENT_DRAIN] = "its launch is under way; drain it once the cloud has answered",
    [EVENT_DOOMED] = "it has no instance yet whose end could be near",
    [EVENT_ACK_DONE] = "it is not draining",
    [EVENT_ACK_REFUSED] = "it is not draining",
    [EVENT_TERMINATE] = "every end passes through draining; drain it first",
    [EVENT_GIVE_UP] = "it was started already",
};

struct lifecycle_cell lifecycle_step(enum machine_state state, enum machine_event event)
{
    DR_ASSERT(state < STATE_COUNT && event < EVENT_COUNT);
    return table[state][event];
}

enum machine_state lifecycle_resume(bool draining, bool was_up)
{
    if (draining)
        return STATE_DRAINING;
    return was_up ? STATE_UP : STATE_BOOTING;
}

const char *lifecycle_state_name(enum machine_state state)
{
    DR_ASSERT(state < STATE_COUNT);
    return state_names[state];
}

bool lifecycle_state_parse(const char *name, enum machine_state *state)
{
    for (int i = STATE_WANTED; i < STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *state = (enum machine_state)i;
            return true;
        }
    }
    return false;
}

const char *lifecycle_refusal(enum machine_state state, enum machine_event event)
{
    DR_ASSERT(lifecycle_step(state, event).verdict == LIFECYCLE_REFUSE);
    return refusals[event];
}

bool lifecycle_ended(enum machine_state state)
{
    return state == STATE_CANCELLED || state == STATE_GONE || state == STATE_FAILED;
}

bool lifecycle_counts(enum machine_state state)
{
    return state != STATE_NONE && !lifecycle_ended(state);
}
