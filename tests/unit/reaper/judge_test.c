/* SPDX-License-Identifier: Apache-2.0
 *
 * Every rule against every state, and every fact that a rule rests on taken away from it.
 */
#include "judge.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* A machine of which nothing needs to be done. */
static struct judge_facts quiet_life(enum judge_state state)
{
    return (struct judge_facts){
        .state = state,
        .in_state_ms = 1000,
        .settled = true,
        .settled_ms = 1000,
        .cloud_present = true,
        .picture_newer = true,
        .registered = true,
        .listed = true,
        .busy = true,
        .idle_ms = -1,
        .alive_ms = 1000,
        .idle_timeout_ms = 60000,
        .boot_timeout_ms = 120000,
        .silent_ms = 900000,
        .adopt_grace_ms = 30000,
        .ack_ms = 50000,
        .kill_ms = 10000,
        .idle_span_ms = -1,
        .unguarded_gap_ms = 60000,
    };
}

static void idle(struct judge_facts *f, int64_t ms)
{
    f->busy = false;
    f->idle_ms = ms;
}

static void unseen(struct judge_facts *f)
{
    f->registered = f->listed = f->busy = false;
    f->idle_ms = -1;
}

/* The least that makes a rule hold. */
static struct judge_facts made_for(enum judge_rule rule, enum judge_state state)
{
    struct judge_facts f = quiet_life(state);
    switch (rule) {
    case JUDGE_STRAY_UNREGISTERED:
        f.adopted = true;
        f.in_state_ms = f.settled_ms = f.adopt_grace_ms;
        unseen(&f);
        break;
    case JUDGE_STRAY_IDLE:
        f.adopted = true;
        idle(&f, 0);
        break;
    case JUDGE_NEVER_REGISTERED:
        unseen(&f);
        f.alive_ms = f.settled_ms = f.boot_timeout_ms;
        break;
    case JUDGE_SILENT:
        f.unreported_ms = f.settled_ms = f.silent_ms;
        break;
    case JUDGE_TOO_OLD:
        f.max_life_ms = f.alive_ms;
        break;
    case JUDGE_LONG_IDLE:
        idle(&f, f.idle_timeout_ms);
        break;
    case JUDGE_ACKED:
        f.acked = true;
        break;
    case JUDGE_UNFIT:
        f.unfit = "3 of 4 GPUs";
        break;
    case JUDGE_NOBODY_THERE:
        unseen(&f);
        f.mode = JUDGE_NOW;
        f.never_registered = true;
        break;
    case JUDGE_NOW_DEADLINE:
        f.mode = JUDGE_NOW;
        f.in_state_ms = f.ack_ms + f.kill_ms;
        break;
    case JUDGE_IDLE_DEADLINE:
        f.mode = JUDGE_IDLE;
        f.in_state_ms = f.ack_ms;
        f.picture_decides = true;
        idle(&f, 0);
        break;
    case JUDGE_UNGUARDED:
        f.unguarded = true;
        f.mode = JUDGE_IDLE;
        idle(&f, f.unguarded_gap_ms - 1); /* or it would be long idle where it is up */
        f.idle_span_ms = f.unguarded_gap_ms;
        break;
    case JUDGE_SILENT_DRAINING:
        f.mode = JUDGE_IDLE;
        f.unreported_ms = f.settled_ms = f.silent_ms;
        break;
    case JUDGE_UNREGISTERED_DRAINING:
        f.mode = JUDGE_IDLE;
        unseen(&f);
        f.alive_ms = f.settled_ms = f.boot_timeout_ms;
        break;
    case JUDGE_LONG_ABSENT:
    case JUDGE_LONG_TERMINATING:
        f.in_state_ms = f.silent_ms;
        break;
    case JUDGE_KEEP:
    case JUDGE_RULES:
        break;
    }
    return f;
}

#define K JUDGE_KEEP

/* What comes of the facts made for a rule (row) in each state. */
static void test_every_cell(void **unused)
{
    static const enum judge_rule expected[JUDGE_RULES][JUDGE_STATES] = {
        [JUDGE_STRAY_UNREGISTERED] = {K, JUDGE_STRAY_UNREGISTERED, JUDGE_STRAY_UNREGISTERED, K, K,
                                      K},
        [JUDGE_STRAY_IDLE] = {K, JUDGE_STRAY_IDLE, JUDGE_STRAY_IDLE, K, K, K},
        [JUDGE_NEVER_REGISTERED] = {K, JUDGE_NEVER_REGISTERED, K, JUDGE_UNREGISTERED_DRAINING, K,
                                    K},
        [JUDGE_SILENT] = {K, K, JUDGE_SILENT, JUDGE_SILENT_DRAINING, K, K},
        [JUDGE_TOO_OLD] = {K, K, JUDGE_TOO_OLD, K, K, K},
        [JUDGE_LONG_IDLE] = {K, K, JUDGE_LONG_IDLE, K, K, K},
        [JUDGE_ACKED] = {K, K, K, JUDGE_ACKED, K, K},
        [JUDGE_UNFIT] = {K, K, K, JUDGE_UNFIT, K, K},
        [JUDGE_NOBODY_THERE] = {K, K, K, JUDGE_NOBODY_THERE, K, K},
        [JUDGE_NOW_DEADLINE] = {K, K, K, JUDGE_NOW_DEADLINE, K, K},
        [JUDGE_IDLE_DEADLINE] = {K, K, K, JUDGE_IDLE_DEADLINE, K, K},
        [JUDGE_UNGUARDED] = {K, K, K, JUDGE_UNGUARDED, K, K},
        [JUDGE_SILENT_DRAINING] = {K, K, JUDGE_SILENT, JUDGE_SILENT_DRAINING, K, K},
        [JUDGE_UNREGISTERED_DRAINING] = {K, JUDGE_NEVER_REGISTERED, K, JUDGE_UNREGISTERED_DRAINING,
                                         K, K},
        [JUDGE_LONG_ABSENT] = {K, K, K, K, JUDGE_LONG_ABSENT, JUDGE_LONG_TERMINATING},
        [JUDGE_LONG_TERMINATING] = {K, K, K, K, JUDGE_LONG_ABSENT, JUDGE_LONG_TERMINATING},
    };
    (void)unused;
    for (int rule = JUDGE_KEEP; rule < JUDGE_RULES; rule++) {
        for (int state = 0; state < JUDGE_STATES; state++) {
            struct judge_facts f = made_for((enum judge_rule)rule, (enum judge_state)state);
            enum judge_rule is = judge(&f).rule;
            if (is != expected[rule][state])
                fail_msg("facts for rule %d in state %d: rule %d, expected %d", rule, state, is,
                         expected[rule][state]);
        }
    }
}

static void test_deeds(void **unused)
{
    static const struct {
        enum judge_rule rule;
        enum judge_state state;
        enum judge_deed deed;
        const char *mode, *reason;
    } rows[] = {
        {JUDGE_STRAY_UNREGISTERED, JUDGE_BOOTING, JUDGE_DRAIN, "now", "leak"},
        {JUDGE_STRAY_IDLE, JUDGE_UP, JUDGE_DRAIN, "idle", "leak"},
        {JUDGE_NEVER_REGISTERED, JUDGE_BOOTING, JUDGE_DRAIN, "now", "never-registered"},
        {JUDGE_SILENT, JUDGE_UP, JUDGE_DRAIN, "now", "silent"},
        {JUDGE_TOO_OLD, JUDGE_UP, JUDGE_DRAIN, "after-task", "age"},
        {JUDGE_LONG_IDLE, JUDGE_UP, JUDGE_DRAIN, "idle", "idle"},
        {JUDGE_ACKED, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_UNFIT, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_NOBODY_THERE, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_NOW_DEADLINE, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_IDLE_DEADLINE, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_UNGUARDED, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_SILENT_DRAINING, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_UNREGISTERED_DRAINING, JUDGE_DRAINING, JUDGE_TERMINATE, "", ""},
        {JUDGE_LONG_ABSENT, JUDGE_ABSENT, JUDGE_TELL, "", ""},
        {JUDGE_LONG_TERMINATING, JUDGE_TERMINATING, JUDGE_TELL, "", ""},
    };
    (void)unused;
    assert_int_equal(sizeof rows / sizeof *rows, JUDGE_RULES - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct judge_facts f = made_for(rows[i].rule, rows[i].state);
        struct judge_verdict verdict = judge(&f);
        char sentence[256];
        assert_int_equal(verdict.deed, rows[i].deed);
        assert_string_equal(verdict.mode, rows[i].mode);
        assert_string_equal(verdict.reason, rows[i].reason);
        judge_sentence(verdict.rule, &f, sentence, sizeof sentence);
        assert_true(strlen(sentence) > 20 && strlen(sentence) < sizeof sentence - 1);
        assert_null(strchr(sentence, '%'));
    }
}

/* ---- each fact taken away ------------------------------------------------------------------- */
enum flip {
    UNSETTLED,
    QUIET,
    SETTLED_SHORT,
    CLOUD_GONE,
    OLD_PICTURE,
    UNDECIDED_PICTURE,
    BUSY,
    UNLISTED,
    LISTED,
    REGISTERED,
    WAITING,
    STATE_SHORT,
    IDLE_SHORT,
    SPAN_SHORT,
    LIFE_SHORT,
    REPORTED,
    NO_MAX_LIFE,
    KEPT,
    KEPT_SURPLUS,
    FLIPS
};

static void take_away(struct judge_facts *f, enum flip flip)
{
    switch (flip) {
    case UNSETTLED:
        f->settled = false;
        break;
    case QUIET:
        f->quiet = true;
        break;
    case SETTLED_SHORT:
        f->settled_ms--;
        break;
    case CLOUD_GONE:
        f->cloud_present = false;
        break;
    case OLD_PICTURE:
        f->picture_newer = false;
        break;
    case UNDECIDED_PICTURE:
        f->picture_decides = false;
        break;
    case BUSY:
        f->listed = f->busy = true;
        f->idle_ms = f->idle_span_ms = -1;
        break;
    case UNLISTED:
        f->listed = false;
        break;
    case LISTED:
        f->listed = true;
        break;
    case REGISTERED:
        f->registered = true;
        break;
    case WAITING:
        f->waiting = true;
        break;
    case STATE_SHORT:
        f->in_state_ms--;
        break;
    case IDLE_SHORT:
        f->idle_ms--;
        break;
    case SPAN_SHORT:
        f->idle_span_ms--;
        break;
    case LIFE_SHORT:
        f->alive_ms--;
        break;
    case REPORTED:
        f->unreported_ms--;
        break;
    case NO_MAX_LIFE:
        f->max_life_ms = 0;
        break;
    case KEPT_SURPLUS:
        f->surplus = true;
        f->kept = true;
        break;
    case KEPT:
        f->kept = true;
        break;
    case FLIPS:
        break;
    }
}

#define B(flip) (1u << (flip))

static void test_every_fact_counts(void **unused)
{
    static const unsigned needed[JUDGE_RULES] = {
        [JUDGE_STRAY_UNREGISTERED] = B(UNSETTLED) | B(QUIET) | B(SETTLED_SHORT) | B(CLOUD_GONE) |
                                     B(BUSY) | B(LISTED) | B(STATE_SHORT) | B(KEPT_SURPLUS),
        [JUDGE_STRAY_IDLE] = B(UNSETTLED) | B(QUIET) | B(OLD_PICTURE) | B(BUSY) | B(UNLISTED) |
                             B(WAITING) | B(KEPT_SURPLUS),
        [JUDGE_NEVER_REGISTERED] = B(UNSETTLED) | B(QUIET) | B(SETTLED_SHORT) | B(CLOUD_GONE) |
                                   B(BUSY) | B(LISTED) | B(REGISTERED) | B(LIFE_SHORT),
        [JUDGE_SILENT] = B(UNSETTLED) | B(QUIET) | B(SETTLED_SHORT) | B(CLOUD_GONE) | B(REPORTED),
        [JUDGE_TOO_OLD] =
            B(UNSETTLED) | B(QUIET) | B(LIFE_SHORT) | B(NO_MAX_LIFE) | B(KEPT) | B(KEPT_SURPLUS),
        [JUDGE_LONG_IDLE] = B(UNSETTLED) | B(QUIET) | B(OLD_PICTURE) | B(BUSY) | B(UNLISTED) |
                            B(WAITING) | B(IDLE_SHORT) | B(KEPT) | B(KEPT_SURPLUS),
        [JUDGE_ACKED] = 0, /* what is acknowledged is ended whatever else is known */
        [JUDGE_UNFIT] = 0, /* it knows best, and nothing runs there */
        [JUDGE_NOBODY_THERE] =
            B(UNSETTLED) | B(QUIET) | B(CLOUD_GONE) | B(BUSY) | B(LISTED) | B(REGISTERED),
        [JUDGE_NOW_DEADLINE] = B(UNSETTLED) | B(QUIET) | B(STATE_SHORT),
        [JUDGE_IDLE_DEADLINE] =
            B(UNSETTLED) | B(QUIET) | B(UNDECIDED_PICTURE) | B(BUSY) | B(UNLISTED) | B(STATE_SHORT),
        [JUDGE_UNGUARDED] =
            B(UNSETTLED) | B(QUIET) | B(OLD_PICTURE) | B(BUSY) | B(UNLISTED) | B(SPAN_SHORT),
        [JUDGE_SILENT_DRAINING] =
            B(UNSETTLED) | B(QUIET) | B(SETTLED_SHORT) | B(CLOUD_GONE) | B(REPORTED),
        [JUDGE_UNREGISTERED_DRAINING] = B(UNSETTLED) | B(QUIET) | B(SETTLED_SHORT) | B(CLOUD_GONE) |
                                        B(BUSY) | B(LISTED) | B(REGISTERED) | B(LIFE_SHORT),
        [JUDGE_LONG_ABSENT] = B(STATE_SHORT),
        [JUDGE_LONG_TERMINATING] = B(STATE_SHORT),
    };
    static const enum judge_state states[JUDGE_RULES] = {
        [JUDGE_STRAY_UNREGISTERED] = JUDGE_BOOTING,
        [JUDGE_STRAY_IDLE] = JUDGE_UP,
        [JUDGE_NEVER_REGISTERED] = JUDGE_BOOTING,
        [JUDGE_SILENT] = JUDGE_UP,
        [JUDGE_TOO_OLD] = JUDGE_UP,
        [JUDGE_LONG_IDLE] = JUDGE_UP,
        [JUDGE_ACKED] = JUDGE_DRAINING,
        [JUDGE_UNFIT] = JUDGE_DRAINING,
        [JUDGE_NOBODY_THERE] = JUDGE_DRAINING,
        [JUDGE_NOW_DEADLINE] = JUDGE_DRAINING,
        [JUDGE_IDLE_DEADLINE] = JUDGE_DRAINING,
        [JUDGE_UNGUARDED] = JUDGE_DRAINING,
        [JUDGE_SILENT_DRAINING] = JUDGE_DRAINING,
        [JUDGE_UNREGISTERED_DRAINING] = JUDGE_DRAINING,
        [JUDGE_LONG_ABSENT] = JUDGE_ABSENT,
        [JUDGE_LONG_TERMINATING] = JUDGE_TERMINATING,
    };
    (void)unused;
    for (int rule = JUDGE_KEEP + 1; rule < JUDGE_RULES; rule++) {
        for (int flip = 0; flip < FLIPS; flip++) {
            struct judge_facts f = made_for((enum judge_rule)rule, states[rule]);
            take_away(&f, (enum flip)flip);
            bool holds = judge(&f).rule == (enum judge_rule)rule;
            if (holds != !(needed[rule] & B(flip)))
                fail_msg("rule %d without fact %d: %s", rule, flip, holds ? "holds" : "does not");
        }
    }
}

/* ---- histories ------------------------------------------------------------------------------ */
/* A stray that works is kept until it is idle (P25). */
static void test_busy_stray_is_kept(void **unused)
{
    (void)unused;
    struct judge_facts f = made_for(JUDGE_STRAY_IDLE, JUDGE_UP);
    f.busy = true;
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
}

/* Nobody there acknowledges: no deadline counts, only two pictures far apart (P14). */
static void test_unguarded_is_idle_twice(void **unused)
{
    (void)unused;
    struct judge_facts f = made_for(JUDGE_LONG_IDLE, JUDGE_UP);
    f.unguarded = true;
    f.idle_span_ms = f.unguarded_gap_ms - 1;
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
    f.idle_span_ms++;
    assert_int_equal(judge(&f).rule, JUDGE_LONG_IDLE);
    f = made_for(JUDGE_IDLE_DEADLINE, JUDGE_DRAINING);
    f.unguarded = true;
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
    f.mode = JUDGE_AFTER_TASK;
    f.idle_span_ms = f.unguarded_gap_ms;
    assert_int_equal(judge(&f).rule, JUDGE_UNGUARDED);
    f.mode = JUDGE_NOW; /* by hand: its deadline is as any other's */
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
    f.in_state_ms = f.ack_ms + f.kill_ms;
    assert_int_equal(judge(&f).rule, JUDGE_NOW_DEADLINE);
}

/* What it said is the evidence, whole or cut between characters. */
static void test_unfit_in_its_own_words(void **unused)
{
    (void)unused;
    struct judge_facts f = made_for(JUDGE_UNFIT, JUDGE_DRAINING);
    char sentence[64], longer[200] = "";
    judge_sentence(JUDGE_UNFIT, &f, sentence, sizeof sentence);
    assert_non_null(strstr(sentence, ": 3"));
    while (strlen(longer) < 150)
        strcat(longer, "ü");
    f.unfit = longer;
    for (size_t size = 56; size <= sizeof sentence; size++) {
        judge_sentence(JUDGE_UNFIT, &f, sentence, size);
        size_t len = strlen(sentence);
        assert_true(len + 4 > size);
        assert_int_equal((unsigned char)sentence[len - 1] & 0xc0, len > 53 ? 0x80 : 0);
    }
}

static void test_surplus_is_named(void **unused)
{
    (void)unused;
    struct judge_facts f = made_for(JUDGE_STRAY_IDLE, JUDGE_UP);
    f.surplus = true;
    assert_string_equal(judge(&f).reason, "surplus");
}

/* An age drain of a machine that works waits for its task, however long. */
static void test_after_task_waits(void **unused)
{
    (void)unused;
    struct judge_facts f = made_for(JUDGE_IDLE_DEADLINE, JUDGE_DRAINING);
    f.mode = JUDGE_AFTER_TASK;
    f.in_state_ms = 100 * f.ack_ms;
    f.busy = true;
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
    idle(&f, f.ack_ms - 1); /* the guard still has time to answer */
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
    idle(&f, f.ack_ms);
    assert_int_equal(judge(&f).rule, JUDGE_IDLE_DEADLINE);
}

/* Whoever drained a booting machine by hand: it may have a guard, so the deadline is waited for. */
static void test_hand_drain_of_a_booting_machine(void **unused)
{
    (void)unused;
    struct judge_facts f = made_for(JUDGE_NOBODY_THERE, JUDGE_DRAINING);
    f.never_registered = false;
    assert_int_equal(judge(&f).rule, JUDGE_KEEP);
    f.in_state_ms = f.ack_ms + f.kill_ms;
    assert_int_equal(judge(&f).rule, JUDGE_NOW_DEADLINE);
}

static void test_words(void **unused)
{
    (void)unused;
    assert_int_equal(judge_state_of("up"), JUDGE_UP);
    assert_int_equal(judge_state_of("terminating"), JUDGE_TERMINATING);
    assert_int_equal(judge_state_of("wanted"), JUDGE_OTHER);
    assert_int_equal(judge_state_of("gone"), JUDGE_OTHER);
    assert_int_equal(judge_mode_of("after-task"), JUDGE_AFTER_TASK);
    assert_int_equal(judge_mode_of("now"), JUDGE_NOW);
    assert_int_equal(judge_mode_of(""), JUDGE_NO_MODE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_deeds),
        cmocka_unit_test(test_every_fact_counts),
        cmocka_unit_test(test_busy_stray_is_kept),
        cmocka_unit_test(test_unguarded_is_idle_twice),
        cmocka_unit_test(test_unfit_in_its_own_words),
        cmocka_unit_test(test_surplus_is_named),
        cmocka_unit_test(test_after_task_waits),
        cmocka_unit_test(test_hand_drain_of_a_booting_machine),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
