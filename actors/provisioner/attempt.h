/* SPDX-License-Identifier: Apache-2.0
 *
 * An attempt's way from its row to its definite answer (P9, P10, P26), as a table. Pure.
 *
 *   waiting    for the watcher to mint its key, or to look again after a failure
 *   preparing  the row is fetched; its sealed parts are opened, or its body is built
 *   committing the exact body is on its way into the row; nothing was sent before that is acked
 *   sending    the cloud is asked
 *   paused     the answer is unknown, or the account is refused: the same bytes go out later
 *   closing    a definite answer is on its way into the row
 *   stuck      a committed body cannot be opened: what carries the id is ended, until the cloud can
 *              no longer honour it
 *   closed     done; kept for a while, so that its instances are not taken for strangers
 */
#pragma once

enum attempt_state {
    ATTEMPT_SAME, /* in the table: no change */
    ATTEMPT_WAITING,
    ATTEMPT_PREPARING,
    ATTEMPT_COMMITTING,
    ATTEMPT_SENDING,
    ATTEMPT_PAUSED,
    ATTEMPT_CLOSING,
    ATTEMPT_STUCK,
    ATTEMPT_CLOSED,
    ATTEMPT_STATES
};

enum attempt_event {
    ATTEMPT_NEWS,           /* the row or its key changed */
    ATTEMPT_DUE,            /* the time that an action set has come */
    ATTEMPT_UNWANTED,       /* none of its rows waits for a machine any more */
    ATTEMPT_GONE,           /* the ledger has it closed, or does not know it */
    ATTEMPT_UNKEYED,        /* prepared: no key yet */
    ATTEMPT_BUILT,          /* prepared: here is a fresh body */
    ATTEMPT_UNBUILDABLE,    /* prepared: no body can be made; sentence says why */
    ATTEMPT_READABLE,       /* prepared: here is the committed body */
    ATTEMPT_UNREADABLE,     /* prepared: the committed body cannot be opened */
    ATTEMPT_UNPREPARED,     /* the row could not be fetched */
    ATTEMPT_COMMIT_OK,      /* the ledger holds the body */
    ATTEMPT_COMMIT_UNKNOWN, /* no answer */
    ATTEMPT_COMMIT_REFUSED,
    ATTEMPT_LAUNCHED,   /* the cloud: started */
    ATTEMPT_REFUSED,    /* the cloud: definitely not */
    ATTEMPT_UNANSWERED, /* the cloud: not known */
    ATTEMPT_HELD,       /* not sent: no request of this account is, for now (gate.c) */
    ATTEMPT_CLOSE_OK,
    ATTEMPT_CLOSE_UNKNOWN,
    ATTEMPT_CLOSE_REFUSED,
    ATTEMPT_FORGOTTEN, /* the cloud can no longer honour it, and lists nothing of it */
    ATTEMPT_EVENTS
};

enum attempt_action {
    ATTEMPT_DO_NOTHING,
    ATTEMPT_DO_PREPARE,
    ATTEMPT_DO_COMMIT,
    ATTEMPT_DO_SEND,
    ATTEMPT_DO_CLOSE_LAUNCHED,
    ATTEMPT_DO_CLOSE_REFUSED,
    ATTEMPT_DO_CLOSE_NEVER_SENT,
    ATTEMPT_DO_CLOSE_FORGOTTEN,
    ATTEMPT_DO_CLOSE_AGAIN, /* with what was decided before */
    ATTEMPT_DO_POLL,        /* be due after the polling period */
    ATTEMPT_DO_BACK_OFF,    /* be due after a while that grows with each time */
    ATTEMPT_DO_HOLD,        /* be due when requests are let through again */
    ATTEMPT_DO_ALARM,       /* tell a person that the body cannot be opened */
    ATTEMPT_DO_FORGET,      /* wipe its body */
    ATTEMPT_ACTIONS
};

struct attempt_cell {
    enum attempt_state next;
    enum attempt_action action;
};

/* What happens; {SAME, NOTHING} where the event means nothing in that state. */
struct attempt_cell attempt_step(enum attempt_state state, enum attempt_event event);

const char *attempt_state_name(enum attempt_state state);
