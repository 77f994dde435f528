/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a machine goes: a table of rules over what is known of it. Pure; knows no message.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum judge_state {
    JUDGE_OTHER, /* wanted, launching, over, or a word of a later version: not the reaper's */
    JUDGE_BOOTING,
    JUDGE_UP,
    JUDGE_DRAINING,
    JUDGE_ABSENT,
    JUDGE_TERMINATING,
    JUDGE_STATES
};

enum judge_mode { JUDGE_NO_MODE, JUDGE_IDLE, JUDGE_AFTER_TASK, JUDGE_NOW };

/* Durations are in milliseconds of CLOCK_BOOTTIME and end at this moment. */
struct judge_facts {
    enum judge_state state;
    int64_t in_state_ms;

    /* what may be believed (P3, P5, P8) */
    bool settled;         /* fresh pictures of a healthy server that is not settling */
    int64_t settled_ms;   /* without a break for this long */
    bool quiet;           /* after a clock jump: no ends */
    bool cloud_present;   /* a fresh list shows it alive */
    bool picture_newer;   /* the workers' picture was asked for after the last change of state */
    bool picture_decides; /* and after the drain's deadline (P14) */

    /* the machine */
    bool adopted, surplus; /* not started by this ledger; surplus: it carries an attempt of ours */
    bool unguarded;        /* taken over from another autoscaler: nobody there answers a drain */
    bool registered;       /* its worker was seen, ever */
    bool listed;           /* a worker of it is in the newest picture */
    bool busy;             /* and has a task */
    int64_t idle_ms;       /* all its slots are idle; -1 when busy or not known */
    int64_t
        idle_span_ms; /* from the picture that first showed it idle to the newest; -1 likewise */
    bool waiting;     /* a queue that it serves has waiting work, or is not known not to (P16) */
    int64_t alive_ms; /* since it was launched */
    int64_t unreported_ms; /* since its last report, settled time only */
    bool kept;             /* a person keeps it from ending as idle, old or one too many */
    bool acked;
    enum judge_mode mode;
    bool never_registered; /* drained because its worker was never seen */
    const char *unfit;     /* drained because it said that it is not what was promised: its words */

    /* limits */
    int64_t idle_timeout_ms, boot_timeout_ms, max_life_ms; /* max_life 0: none */
    int64_t silent_ms, adopt_grace_ms, ack_ms, kill_ms;    /* ack: 2 polls + grace (P14) */
    int64_t unguarded_gap_ms;
};

enum judge_rule {
    JUDGE_KEEP,
    JUDGE_STRAY_UNREGISTERED, /* adopted, and no worker of it is seen */
    JUDGE_STRAY_IDLE,         /* adopted, with an idle worker */
    JUDGE_NEVER_REGISTERED,
    JUDGE_SILENT,
    JUDGE_TOO_OLD,
    JUDGE_LONG_IDLE,
    JUDGE_ACKED,         /* draining: the guard said done */
    JUDGE_UNFIT,         /* draining by its own word: it started nothing and switches itself off */
    JUDGE_NOBODY_THERE,  /* draining, and there never was a guard to ask */
    JUDGE_NOW_DEADLINE,  /* draining now: the deadline passed without acknowledgement */
    JUDGE_IDLE_DEADLINE, /* draining: no acknowledgement, and a newer picture shows it idle */
    JUDGE_UNGUARDED,     /* draining, nobody there to ask, and pictures far apart show it idle */
    JUDGE_SILENT_DRAINING,
    JUDGE_UNREGISTERED_DRAINING, /* draining, and its worker never came in time */
    JUDGE_LONG_ABSENT,
    JUDGE_LONG_TERMINATING,
    JUDGE_RULES
};

enum judge_deed { JUDGE_NOTHING, JUDGE_DRAIN, JUDGE_TERMINATE, JUDGE_TELL };

struct judge_verdict {
    enum judge_rule rule;
    enum judge_deed deed;
    const char *mode, *reason; /* of a drain; static */
};

/* The first rule of the table that holds. */
struct judge_verdict judge(const struct judge_facts *facts);

/* Why, in words, into out. */
void judge_sentence(enum judge_rule rule, const struct judge_facts *facts, char *out, size_t size);

enum judge_state judge_state_of(const char *word);
enum judge_mode judge_mode_of(const char *word);
