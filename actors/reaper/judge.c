/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <stdio.h>
#include <string.h>

#include "drover/assert.h"

/* An end that rests on what pictures show needs pictures that may be believed. */
static bool sure(const struct judge_facts *f)
{
    return f->settled && !f->quiet;
}

/* What is kept may still be a leak: nobody is known to need that. */
static bool kept_surplus(const struct judge_facts *f)
{
    return f->kept && f->surplus;
}

static bool stray_unregistered(const struct judge_facts *f)
{
    return sure(f) && f->adopted && !kept_surplus(f) && !f->listed && f->cloud_present &&
           f->in_state_ms >= f->adopt_grace_ms && f->settled_ms >= f->adopt_grace_ms;
}

static bool idle_now(const struct judge_facts *f)
{
    return f->listed && !f->busy && f->picture_newer;
}

/* One that works is kept until it is idle (P25). */
static bool stray_idle(const struct judge_facts *f)
{
    return sure(f) && f->adopted && !kept_surplus(f) && idle_now(f) && !f->waiting;
}

/* The server must have been well during its whole spin-up, or its worker had no way to be seen. */
static bool never_registered(const struct judge_facts *f)
{
    return sure(f) && !f->registered && !f->listed && f->cloud_present &&
           f->alive_ms >= f->boot_timeout_ms && f->settled_ms >= f->boot_timeout_ms;
}

static bool silent(const struct judge_facts *f)
{
    return sure(f) && f->registered && f->cloud_present && f->unreported_ms >= f->silent_ms &&
           f->settled_ms >= f->silent_ms;
}

static bool too_old(const struct judge_facts *f)
{
    return sure(f) && !f->kept && f->max_life_ms > 0 && f->alive_ms >= f->max_life_ms;
}

/* P14: who cannot be asked must have been idle in two pictures far apart. */
static bool idle_twice(const struct judge_facts *f)
{
    return idle_now(f) && f->idle_span_ms >= f->unguarded_gap_ms;
}

static bool long_idle(const struct judge_facts *f)
{
    return sure(f) && !f->kept && idle_now(f) && !f->waiting && f->idle_ms >= f->idle_timeout_ms &&
           (!f->unguarded || idle_twice(f));
}

static bool acked(const struct judge_facts *f)
{
    return f->acked;
}

/* No acknowledgement comes, and no picture knows better than the machine. */
static bool unfit(const struct judge_facts *f)
{
    return f->unfit != NULL;
}

static bool nobody_there(const struct judge_facts *f)
{
    return sure(f) && !f->registered && !f->listed && f->mode == JUDGE_NOW && f->cloud_present &&
           (f->never_registered || f->adopted);
}

static bool now_deadline(const struct judge_facts *f)
{
    return sure(f) && f->mode == JUDGE_NOW && f->in_state_ms >= f->ack_ms + f->kill_ms;
}

/* after-task counts from when it fell idle: the guard ends it as its task ends. */
static bool idle_deadline(const struct judge_facts *f)
{
    return sure(f) && !f->unguarded && f->mode != JUDGE_NOW && f->in_state_ms >= f->ack_ms &&
           f->picture_decides && f->listed && !f->busy &&
           (f->mode == JUDGE_IDLE || f->idle_ms >= f->ack_ms);
}

/* Its agent still takes tasks while it drains; one that came in is waited for. */
static bool unguarded(const struct judge_facts *f)
{
    return sure(f) && f->unguarded && f->mode != JUDGE_NOW && idle_twice(f);
}

static bool long_absent(const struct judge_facts *f)
{
    return f->in_state_ms >= f->silent_ms;
}

#define IN(state) (1u << JUDGE_##state)

/* In the order in which they are asked. */
static const struct {
    unsigned states;
    bool (*holds)(const struct judge_facts *facts);
    enum judge_deed deed;
    const char *mode, *reason;
} RULES[JUDGE_RULES] = {
    [JUDGE_STRAY_UNREGISTERED] = {IN(BOOTING) | IN(UP), stray_unregistered, JUDGE_DRAIN, "now",
                                  "leak"},
    [JUDGE_STRAY_IDLE] = {IN(BOOTING) | IN(UP), stray_idle, JUDGE_DRAIN, "idle", "leak"},
    [JUDGE_NEVER_REGISTERED] = {IN(BOOTING), never_registered, JUDGE_DRAIN, "now",
                                "never-registered"},
    [JUDGE_SILENT] = {IN(UP), silent, JUDGE_DRAIN, "now", "silent"},
    [JUDGE_TOO_OLD] = {IN(UP), too_old, JUDGE_DRAIN, "after-task", "age"},
    [JUDGE_LONG_IDLE] = {IN(UP), long_idle, JUDGE_DRAIN, "idle", "idle"},
    [JUDGE_ACKED] = {IN(DRAINING), acked, JUDGE_TERMINATE, "", ""},
    [JUDGE_UNFIT] = {IN(DRAINING), unfit, JUDGE_TERMINATE, "", ""},
    [JUDGE_NOBODY_THERE] = {IN(DRAINING), nobody_there, JUDGE_TERMINATE, "", ""},
    [JUDGE_NOW_DEADLINE] = {IN(DRAINING), now_deadline, JUDGE_TERMINATE, "", ""},
    [JUDGE_IDLE_DEADLINE] = {IN(DRAINING), idle_deadline, JUDGE_TERMINATE, "", ""},
    [JUDGE_UNGUARDED] = {IN(DRAINING), unguarded, JUDGE_TERMINATE, "", ""},
    [JUDGE_SILENT_DRAINING] = {IN(DRAINING), silent, JUDGE_TERMINATE, "", ""},
    [JUDGE_UNREGISTERED_DRAINING] = {IN(DRAINING), never_registered, JUDGE_TERMINATE, "", ""},
    [JUDGE_LONG_ABSENT] = {IN(ABSENT), long_absent, JUDGE_TELL, "", ""},
    [JUDGE_LONG_TERMINATING] = {IN(TERMINATING), long_absent, JUDGE_TELL, "", ""},
};

struct judge_verdict judge(const struct judge_facts *facts)
{
    for (int i = JUDGE_KEEP + 1; i < JUDGE_RULES; i++) {
        if (!(RULES[i].states & (1u << facts->state)) || !RULES[i].holds(facts))
            continue;
        struct judge_verdict verdict = {(enum judge_rule)i, RULES[i].deed, RULES[i].mode,
                                        RULES[i].reason};
        if (facts->surplus && strcmp(verdict.reason, "leak") == 0)
            verdict.reason = "surplus";
        return verdict;
    }
    return (struct judge_verdict){JUDGE_KEEP, JUDGE_NOTHING, "", ""};
}

/* "what: whose", cut between characters when there is no room. */
static void join(const char *what, const char *whose, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "%s: %s", what, whose);
    if (len < size)
        return;
    for (len = size - 1; len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0x80;)
        len--;
    out[len > 0 ? len - 1 : 0] = '\0';
}

void judge_sentence(enum judge_rule rule, const struct judge_facts *f, char *out, size_t size)
{
    static const char *const words[JUDGE_RULES] = {
        [JUDGE_KEEP] = "it stays",
        [JUDGE_STRAY_UNREGISTERED] = "this ledger did not start it and no worker of it is seen",
        [JUDGE_STRAY_IDLE] = "this ledger did not start it and it is idle",
        [JUDGE_NEVER_REGISTERED] = "its worker was never seen, %lld s after its launch (limit "
                                   "%lld s), while the server was well",
        [JUDGE_SILENT] = "its worker has not reported for %lld s (limit %lld s) while the server "
                         "was well",
        [JUDGE_TOO_OLD] = "it is %lld s old (max_life %lld s)",
        [JUDGE_LONG_IDLE] = "idle for %lld s (limit %lld s) and no queue that it serves has "
                            "waiting tasks",
        [JUDGE_ACKED] = "its guard acknowledged: nothing runs there any more",
        [JUDGE_UNFIT] = "it is not what was promised, and nothing runs there",
        [JUDGE_NOBODY_THERE] = "its worker was never seen, so there is no guard to ask",
        [JUDGE_NOW_DEADLINE] = "no acknowledgement within %lld s (limit %lld s) of a drain that "
                               "does not wait for tasks",
        [JUDGE_IDLE_DEADLINE] = "no acknowledgement within %lld s (limit %lld s), and a picture "
                                "taken after that shows it idle",
        [JUDGE_UNGUARDED] = "taken over from another autoscaler, it has no guard that could be "
                            "asked; pictures %lld s apart (least %lld s) show it idle",
        [JUDGE_SILENT_DRAINING] = "no acknowledgement, and its worker has not reported for %lld s "
                                  "(limit %lld s)",
        [JUDGE_UNREGISTERED_DRAINING] = "no acknowledgement, and its worker was never seen, %lld s "
                                        "after its launch (limit %lld s)",
        [JUDGE_LONG_ABSENT] = "the cloud has not listed it for %lld s (limit %lld s) and does not "
                              "say that it ended: look at the account by hand",
        [JUDGE_LONG_TERMINATING] = "the cloud was asked to end it %lld s ago (limit %lld s) and it "
                                   "still lives: look at the account by hand",
    };
    const int64_t numbers[JUDGE_RULES][2] = {
        [JUDGE_NEVER_REGISTERED] = {f->alive_ms, f->boot_timeout_ms},
        [JUDGE_SILENT] = {f->unreported_ms, f->silent_ms},
        [JUDGE_TOO_OLD] = {f->alive_ms, f->max_life_ms},
        [JUDGE_LONG_IDLE] = {f->idle_ms, f->idle_timeout_ms},
        [JUDGE_NOW_DEADLINE] = {f->in_state_ms, f->ack_ms + f->kill_ms},
        [JUDGE_IDLE_DEADLINE] = {f->in_state_ms, f->ack_ms},
        [JUDGE_UNGUARDED] = {f->idle_span_ms, f->unguarded_gap_ms},
        [JUDGE_SILENT_DRAINING] = {f->unreported_ms, f->silent_ms},
        [JUDGE_UNREGISTERED_DRAINING] = {f->alive_ms, f->boot_timeout_ms},
        [JUDGE_LONG_ABSENT] = {f->in_state_ms, f->silent_ms},
        [JUDGE_LONG_TERMINATING] = {f->in_state_ms, f->silent_ms},
    };
    DR_ASSERT(rule < JUDGE_RULES && words[rule]);
    if (rule == JUDGE_UNFIT) {
        join(words[rule], f->unfit, out, size);
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    snprintf(out, size, words[rule], (long long)(numbers[rule][0] / 1000),
             (long long)(numbers[rule][1] / 1000));
#pragma GCC diagnostic pop
}

enum judge_state judge_state_of(const char *word)
{
    static const char *const names[JUDGE_STATES] = {
        [JUDGE_BOOTING] = "booting",         [JUDGE_UP] = "up",
        [JUDGE_DRAINING] = "draining",       [JUDGE_ABSENT] = "absent",
        [JUDGE_TERMINATING] = "terminating",
    };
    for (int i = JUDGE_BOOTING; i < JUDGE_STATES; i++) {
        if (strcmp(names[i], word) == 0)
            return (enum judge_state)i;
    }
    return JUDGE_OTHER;
}

enum judge_mode judge_mode_of(const char *word)
{
    static const char *const names[] = {"", "idle", "after-task", "now"};
    for (int i = JUDGE_IDLE; i <= JUDGE_NOW; i++) {
        if (strcmp(names[i], word) == 0)
            return (enum judge_mode)i;
    }
    return JUDGE_NO_MODE;
}
