/* SPDX-License-Identifier: Apache-2.0 */
/* A machine's life as a table of states and events (P24). Pure. The state follows the cloud; the
 * one exception is `up`, which the watcher asks for. Every end passes through draining. */
#ifndef DROVER_LEDGER_LIFECYCLE_H
#define DROVER_LEDGER_LIFECYCLE_H

#include <stdbool.h>

enum machine_state {
    STATE_NONE, /* no row yet */
    STATE_WANTED,
    STATE_CANCELLED,
    STATE_LAUNCHING,
    STATE_BOOTING,
    STATE_UP,
    STATE_DRAINING,
    STATE_ABSENT,
    STATE_TERMINATING,
    STATE_GONE,
    STATE_FAILED,
    STATE_COUNT
};

enum machine_event {
    EVENT_WANT,         /* the planner asks for it */
    EVENT_CANCEL,       /* nobody needs it any more */
    EVENT_OPEN,         /* an attempt to start it was opened */
    EVENT_REFUSED,      /* that attempt closed without an instance for it */
    EVENT_BOUND,        /* the cloud named its instance (or one was found and adopted) */
    EVENT_UP,           /* its worker was seen */
    EVENT_SEEN_PRESENT, /* the cloud's list shows it again */
    EVENT_SEEN_ABSENT,  /* a trusted list does not show it (P4: that is no end) */
    EVENT_ENDED,        /* the cloud said by id that it is gone */
    EVENT_DRAIN,        /* it is to go */
    EVENT_DOOMED,       /* it goes, by its own word (unfit) or the cloud's (P21) */
    EVENT_ACK_DONE,     /* its guard stopped the agent and says so */
    EVENT_ACK_REFUSED,  /* its guard found a task running */
    EVENT_TERMINATE,    /* it is to be ended in the cloud now */
    EVENT_GIVE_UP,      /* it cannot be started */
    EVENT_COUNT
};

enum lifecycle_verdict {
    LIFECYCLE_REFUSE, /* the event makes no sense in this state */
    LIFECYCLE_STAY,   /* fine, and the state stays */
    LIFECYCLE_MOVE,   /* to `next` */
    LIFECYCLE_RESUME, /* to where it was before it was absent: see lifecycle_resume() */
};

struct lifecycle_cell {
    enum lifecycle_verdict verdict;
    enum machine_state next; /* of MOVE */
};

struct lifecycle_cell lifecycle_step(enum machine_state state, enum machine_event event);

/* Where a machine goes that was absent and is listed again. */
enum machine_state lifecycle_resume(bool draining, bool was_up);

/* "booting"; "" for STATE_NONE. */
const char *lifecycle_state_name(enum machine_state state);

/* False if it is no state's name. */
bool lifecycle_state_parse(const char *name, enum machine_state *state);

/* What a refusal says after "machine X is STATE: ": why this event cannot be, and what to do. */
const char *lifecycle_refusal(enum machine_state state, enum machine_event event);

/* It counts for caps (P12): everything except cancelled, gone and failed. */
bool lifecycle_counts(enum machine_state state);

/* Its life is over: cancelled, gone or failed. */
bool lifecycle_ended(enum machine_state state);

#endif
