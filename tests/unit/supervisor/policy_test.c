/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <cmocka.h>

#include "drover/exit.h"

#define NOW 1000000
#define MAX_MS 60000

static struct policy_verdict decide(int64_t lived_ms, int failures, int exit_code, bool guards)
{
    const struct policy_history history = {.started_ms = NOW - lived_ms, .failures = failures};
    return policy_decide(&history, exit_code, guards, MAX_MS, NOW);
}

static void the_first_restart_is_at_once(void **state)
{
    (void)state;
    static const int codes[] = {-1, DR_EXIT_OK, 1, DR_EXIT_RETRY, 139};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        for (int guards = 0; guards < 2; guards++) {
            struct policy_verdict verdict = decide(0, 0, codes[i], guards);
            assert_int_equal(verdict.restart_ms, NOW);
            assert_int_equal(verdict.failures, 1);
            assert_false(verdict.alarm);
        }
    }
}

static void short_lives_wait_longer_and_longer(void **state)
{
    (void)state;
    static const int64_t waits[] = {0,    100,   200,   400,   800,   1600, 3200,
                                    6400, 12800, 25600, 51200, 60000, 60000};
    for (int failures = 0; failures < (int)(sizeof waits / sizeof *waits); failures++) {
        struct policy_verdict verdict = decide(5000, failures, 1, true);
        assert_int_equal(verdict.restart_ms - NOW, waits[failures]);
        assert_int_equal(verdict.failures, failures + 1);
        assert_int_equal(verdict.alarm, failures + 1 >= POLICY_ALARM_FAILURES);
    }
}

static void nobody_waits_longer_than_the_limit_and_guards_are_never_given_up(void **state)
{
    (void)state;
    for (int guards = 0; guards < 2; guards++) {
        struct policy_verdict verdict = decide(0, INT32_MAX - 1, -1, guards);
        assert_int_equal(verdict.restart_ms - NOW, MAX_MS);
        assert_true(verdict.alarm);
    }
    const struct policy_history history = {.started_ms = NOW, .failures = 3};
    assert_int_equal(policy_decide(&history, 1, true, 150, NOW).restart_ms - NOW, 150);
    assert_int_equal(policy_decide(&history, 1, true, 50, NOW).restart_ms - NOW, 50);
}

static void a_good_life_wipes_the_slate(void **state)
{
    (void)state;
    struct policy_verdict just_short = decide(POLICY_GOOD_LIFE_MS, 9, 1, true);
    struct policy_verdict long_enough = decide(POLICY_GOOD_LIFE_MS + 1, 9, 1, true);
    assert_int_equal(just_short.failures, 10);
    assert_true(just_short.restart_ms > NOW);
    assert_int_equal(long_enough.failures, 1);
    assert_int_equal(long_enough.restart_ms, NOW);
    assert_false(long_enough.alarm);
}

static void a_wrong_configuration_is_tried_slowly_or_not_at_all(void **state)
{
    (void)state;
    struct policy_verdict guard = decide(0, 0, DR_EXIT_CONFIG, true);
    struct policy_verdict other = decide(0, 0, DR_EXIT_CONFIG, false);
    assert_int_equal(guard.restart_ms - NOW, POLICY_SLOW_MS);
    assert_true(guard.alarm);
    assert_true(other.restart_ms == POLICY_NEVER);
    assert_true(other.alarm);
    assert_int_equal(decide(POLICY_GOOD_LIFE_MS + 1, 5, DR_EXIT_CONFIG, true).failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_restart_is_at_once),
        cmocka_unit_test(short_lives_wait_longer_and_longer),
        cmocka_unit_test(nobody_waits_longer_than_the_limit_and_guards_are_never_given_up),
        cmocka_unit_test(a_good_life_wipes_the_slate),
        cmocka_unit_test(a_wrong_configuration_is_tried_slowly_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
