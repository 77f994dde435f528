/* SPDX-License-Identifier: Apache-2.0
 *
 * Every cell of the attempt's table, written a second time, and what must hold of any such table.
 */
#include "attempt.h"

#include <cmocka.h>
#include <string.h>

static const char *const STATES = " WPCSZLXD"; /* one letter a state, in the enum's order */

/* One line a state, one word an event: next state's letter and the action's, "--" for nothing.
 * P prepare, C commit, S send, l r n f a: close launched refused never-sent forgotten again,
 * p poll, b back off, h hold, A alarm, F forget. */
static const char *const EXPECTED[ATTEMPT_STATES][ATTEMPT_EVENTS] = {
    [ATTEMPT_WAITING] = {"PP", "PP", "Ln", "DF", "--", "--", "--", "--", "--", "--", "--",
                         "--", "--", "--", "--", "--", "--", "--", "--", "--", "--"},
    [ATTEMPT_PREPARING] = {"--", "--", "--", "DF", "Wp", "CC", "Ln", "SS", "XA", "Wb", "--",
                           "--", "--", "--", "--", "--", "--", "--", "--", "--", "--"},
    [ATTEMPT_COMMITTING] = {"--", "--", "--", "--", "--", "--", "--", "--", "--", "--", "SS",
                            "Wb", "Wb", "--", "--", "--", "--", "--", "--", "--", "--"},
    [ATTEMPT_SENDING] = {"--", "--", "--", "--", "--", "--", "--", "--", "--", "--", "--",
                         "--", "--", "Ll", "Lr", "Zb", "Zh", "--", "--", "--", "--"},
    [ATTEMPT_PAUSED] = {"--", "SS", "--", "DF", "--", "--", "--", "--", "--", "--", "--",
                        "--", "--", "--", "--", "--", "--", "--", "--", "--", "--"},
    [ATTEMPT_CLOSING] = {"--", "La", "--", "DF", "--", "--", "--", "--", "--", "--", "--",
                         "--", "--", "--", "--", "--", "--", "DF", "Lb", "Wb", "--"},
    [ATTEMPT_STUCK] = {"--", "--", "--", "DF", "--", "--", "--", "--", "--", "--", "--",
                       "--", "--", "--", "--", "--", "--", "--", "--", "--", "Lf"},
    [ATTEMPT_CLOSED] = {"--", "--", "--", "--", "--", "--", "--", "--", "--", "--", "--",
                        "--", "--", "--", "--", "--", "--", "--", "--", "--", "--"},
};
static const char ACTIONS[ATTEMPT_ACTIONS] = {
    [ATTEMPT_DO_NOTHING] = '-',
    [ATTEMPT_DO_PREPARE] = 'P',
    [ATTEMPT_DO_COMMIT] = 'C',
    [ATTEMPT_DO_SEND] = 'S',
    [ATTEMPT_DO_CLOSE_LAUNCHED] = 'l',
    [ATTEMPT_DO_CLOSE_REFUSED] = 'r',
    [ATTEMPT_DO_CLOSE_NEVER_SENT] = 'n',
    [ATTEMPT_DO_CLOSE_FORGOTTEN] = 'f',
    [ATTEMPT_DO_CLOSE_AGAIN] = 'a',
    [ATTEMPT_DO_POLL] = 'p',
    [ATTEMPT_DO_BACK_OFF] = 'b',
    [ATTEMPT_DO_HOLD] = 'h',
    [ATTEMPT_DO_ALARM] = 'A',
    [ATTEMPT_DO_FORGET] = 'F',
};

static void test_every_cell(void **unused)
{
    (void)unused;
    for (int state = ATTEMPT_WAITING; state < ATTEMPT_STATES; state++) {
        for (int event = 0; event < ATTEMPT_EVENTS; event++) {
            struct attempt_cell cell =
                attempt_step((enum attempt_state)state, (enum attempt_event)event);
            char is[3] = {cell.next == ATTEMPT_SAME ? '-' : STATES[cell.next], ACTIONS[cell.action],
                          '\0'};
            if (strcmp(is, EXPECTED[state][event]) != 0)
                fail_msg("%s, event %d: %s, expected %s",
                         attempt_state_name((enum attempt_state)state), event, is,
                         EXPECTED[state][event]);
        }
    }
}

/* Nothing leaves before the ledger has acked the body, or has shown it (P10). */
static void test_only_committed_bytes_are_sent(void **unused)
{
    (void)unused;
    for (int state = ATTEMPT_WAITING; state < ATTEMPT_STATES; state++) {
        for (int event = 0; event < ATTEMPT_EVENTS; event++) {
            struct attempt_cell cell =
                attempt_step((enum attempt_state)state, (enum attempt_event)event);
            assert_int_equal(cell.action == ATTEMPT_DO_SEND, cell.next == ATTEMPT_SENDING);
            if (cell.action == ATTEMPT_DO_SEND)
                assert_true(event == ATTEMPT_COMMIT_OK || event == ATTEMPT_READABLE ||
                            (state == ATTEMPT_PAUSED && event == ATTEMPT_DUE));
        }
    }
}

/* What may have been sent is never called never-sent (P26). */
static void test_sent_is_never_called_never_sent(void **unused)
{
    (void)unused;
    static const enum attempt_state sent[] = {ATTEMPT_COMMITTING, ATTEMPT_SENDING, ATTEMPT_PAUSED,
                                              ATTEMPT_STUCK};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        for (int event = 0; event < ATTEMPT_EVENTS; event++)
            assert_int_not_equal(attempt_step(sent[i], (enum attempt_event)event).action,
                                 ATTEMPT_DO_CLOSE_NEVER_SENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_only_committed_bytes_are_sent),
        cmocka_unit_test(test_sent_is_never_called_never_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
