/* SPDX-License-Identifier: Apache-2.0 */
/* Every cell of the table, written out a second time in another form. */
#include "lifecycle.h"

#include <cmocka.h>
#include <string.h>

/* One row a state, one word an event, in the order of the enum:
 * want cancel open refused bound up present absent ended drain doomed done refused terminate
 * give-up.
 * "-" refuses, "=" stays, "<" resumes. */
static const char *const expected[STATE_COUNT][EVENT_COUNT] = {
    [STATE_NONE] = {"wanted", "-", "-", "-", "booting", "-", "-", "-", "-", "-", "-", "-", "-", "-",
                    "-"},
    [STATE_WANTED] = {"-", "cancelled", "launching", "-", "-", "-", "-", "-", "-", "cancelled", "-",
                      "-", "-", "-", "failed"},
    [STATE_CANCELLED] = {"-", "=", "-", "-", "-", "-", "-", "-", "-", "=", "-", "-", "-", "-", "-"},
    [STATE_LAUNCHING] = {"-", "-", "-", "wanted", "booting", "-", "-", "-", "-", "-", "-", "-", "-",
                         "-", "failed"},
    [STATE_BOOTING] = {"-", "-", "-", "-", "=", "up", "=", "absent", "gone", "draining", "draining",
                       "-", "-", "-", "-"},
    [STATE_UP] = {"-", "-", "-", "-", "=", "=", "=", "absent", "gone", "draining", "draining", "-",
                  "=", "-", "-"},
    [STATE_DRAINING] = {"-", "-", "-", "-", "=", "=", "=", "absent", "gone", "=", "=", "=", "up",
                        "terminating", "-"},
    [STATE_ABSENT] = {"-", "-", "-", "-", "=", "=", "<", "=", "gone", "draining", "draining", "=",
                      "-", "-", "-"},
    [STATE_TERMINATING] = {"-", "-", "-", "-", "=", "=", "=", "=", "gone", "=", "=", "=", "=", "=",
                           "-"},
    [STATE_GONE] = {"-", "-", "-", "-", "-", "-", "-", "=", "=", "=", "=", "=", "=", "=", "-"},
    [STATE_FAILED] = {"-", "=", "-", "-", "-", "-", "-", "-", "-", "=", "-", "-", "-", "-", "="},
};

static void every_cell(void **state)
{
    (void)state;
    for (int s = 0; s < STATE_COUNT; s++) {
        for (int e = 0; e < EVENT_COUNT; e++) {
            struct lifecycle_cell cell =
                lifecycle_step((enum machine_state)s, (enum machine_event)e);
            static const char *const words[] = {
                [LIFECYCLE_REFUSE] = "-", [LIFECYCLE_STAY] = "=", [LIFECYCLE_RESUME] = "<"};
            const char *got = cell.verdict == LIFECYCLE_MOVE ? lifecycle_state_name(cell.next)
                                                             : words[cell.verdict];
            if (strcmp(got, expected[s][e]) != 0)
                fail_msg("state %d event %d: %s, not %s", s, e, got, expected[s][e]);
        }
    }
}

static void every_refusal_has_words(void **state)
{
    (void)state;
    for (int s = 0; s < STATE_COUNT; s++) {
        for (int e = 0; e < EVENT_COUNT; e++) {
            enum machine_state from = (enum machine_state)s;
            enum machine_event event = (enum machine_event)e;
            if (lifecycle_step(from, event).verdict == LIFECYCLE_REFUSE)
                assert_true(strlen(lifecycle_refusal(from, event)) > 10);
        }
    }
}

/* Every end passes through draining: nothing else leads to terminating (P24). */
static void only_draining_terminates(void **state)
{
    (void)state;
    for (int s = 0; s < STATE_COUNT; s++) {
        for (int e = 0; e < EVENT_COUNT; e++) {
            struct lifecycle_cell cell =
                lifecycle_step((enum machine_state)s, (enum machine_event)e);
            if (cell.verdict == LIFECYCLE_MOVE && cell.next == STATE_TERMINATING)
                assert_int_equal(s, STATE_DRAINING);
            if (cell.verdict == LIFECYCLE_MOVE && cell.next == STATE_GONE)
                assert_int_equal(e, EVENT_ENDED);
        }
    }
}

static void what_ended_stays_ended(void **state)
{
    (void)state;
    for (int s = 0; s < STATE_COUNT; s++) {
        if (!lifecycle_ended((enum machine_state)s))
            continue;
        assert_false(lifecycle_counts((enum machine_state)s));
        for (int e = 0; e < EVENT_COUNT; e++) {
            struct lifecycle_cell cell =
                lifecycle_step((enum machine_state)s, (enum machine_event)e);
            assert_true(cell.verdict == LIFECYCLE_REFUSE || cell.verdict == LIFECYCLE_STAY);
        }
    }
}

static void names_go_both_ways(void **state)
{
    (void)state;
    enum machine_state back;
    for (int s = STATE_WANTED; s < STATE_COUNT; s++) {
        assert_true(lifecycle_state_parse(lifecycle_state_name((enum machine_state)s), &back));
        assert_int_equal(back, s);
    }
    assert_false(lifecycle_state_parse("", &back));
    assert_false(lifecycle_state_parse("idle", &back));
}

static void absent_returns_to_where_it_was(void **state)
{
    (void)state;
    assert_int_equal(lifecycle_resume(false, false), STATE_BOOTING);
    assert_int_equal(lifecycle_resume(false, true), STATE_UP);
    assert_int_equal(lifecycle_resume(true, true), STATE_DRAINING);
    assert_int_equal(lifecycle_resume(true, false), STATE_DRAINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell),
        cmocka_unit_test(every_refusal_has_words),
        cmocka_unit_test(only_draining_terminates),
        cmocka_unit_test(what_ended_stays_ended),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(absent_returns_to_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
