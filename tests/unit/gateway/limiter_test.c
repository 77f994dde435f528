/* SPDX-License-Identifier: Apache-2.0 */
/* Five wrong passwords a minute: then one waits, for as long as the fifth before is in the window.
 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "limiter.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1700000000) * S)

static int setup(void **state)
{
    *state = limiter_new();
    return 0;
}

static int teardown(void **state)
{
    limiter_free((struct limiter **)state);
    return 0;
}

static void fail_times(struct limiter *limiter, const char *key, int times, int64_t from_us)
{
    for (int i = 0; i < times; i++)
        limiter_failed(limiter, key, from_us + i * S);
}

static void test_fifth_closes(void **state)
{
    struct limiter *limiter = *state;
    fail_times(limiter, "ann", 4, T0);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 4 * S), 0);
    limiter_failed(limiter, "ann", T0 + 4 * S);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 4 * S), 56);
}

static void test_window_moves(void **state)
{
    struct limiter *limiter = *state;
    fail_times(limiter, "ann", 5, T0);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 59 * S), 1);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 60 * S - 1), 1);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 60 * S), 0);
    /* One more try, and the second of the five counts. */
    limiter_failed(limiter, "ann", T0 + 60 * S);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 60 * S), 1);
    assert_int_equal(limiter_wait_s(limiter, "ann", T0 + 61 * S), 0);
}

static void test_keys_are_apart(void **state)
{
    struct limiter *limiter = *state;
    fail_times(limiter, "user ann", 5, T0);
    assert_true(limiter_wait_s(limiter, "user ann", T0 + 5 * S) > 0);
    assert_int_equal(limiter_wait_s(limiter, "10.0.0.1", T0 + 5 * S), 0);
    assert_int_equal(limiter_wait_s(limiter, "user anna", T0 + 5 * S), 0);
    fail_times(limiter, "10.0.0.1", 5, T0);
    assert_true(limiter_wait_s(limiter, "10.0.0.1", T0 + 5 * S) > 0);
}

static void test_success_forgets_one(void **state)
{
    struct limiter *limiter = *state;
    fail_times(limiter, "user ann", 5, T0);
    fail_times(limiter, "10.0.0.1", 5, T0);
    limiter_succeeded(limiter, "user ann");
    assert_int_equal(limiter_wait_s(limiter, "user ann", T0 + 5 * S), 0);
    assert_true(limiter_wait_s(limiter, "10.0.0.1", T0 + 5 * S) > 0);
    limiter_succeeded(limiter, "nobody");
    assert_true(limiter_wait_s(limiter, "10.0.0.1", T0 + 5 * S) > 0);
}

/* Who tries ten thousand names takes no more memory than 4,096, and the newest stay known. */
static void test_oldest_is_forgotten(void **state)
{
    struct limiter *limiter = *state;
    char key[32];
    fail_times(limiter, "first", 5, T0);
    fail_times(limiter, "later", 5, T0 + 10 * S);
    for (int i = 0; i < 4095; i++) {
        snprintf(key, sizeof key, "name %d", i);
        limiter_failed(limiter, key, T0 + 20 * S + i);
    }
    assert_int_equal(limiter_wait_s(limiter, "first", T0 + 21 * S), 0);
    assert_true(limiter_wait_s(limiter, "later", T0 + 21 * S) > 0);
}

static const char *address(const char *peer)
{
    static char key[LIMITER_ADDRESS_SIZE];
    limiter_address(peer, key);
    return key;
}

static void test_a_host_has_one_address(void **nothing)
{
    (void)nothing;
    assert_string_equal(address("192.0.2.7"), "192.0.2.7");
    assert_string_equal(address("2001:db8:1:2::7"), "2001:db8:1:2::/64");
    assert_string_equal(address("2001:db8:1:2:ffff:ffff:ffff:ffff"), "2001:db8:1:2::/64");
    assert_string_equal(address("2001:db8:1:3::7"), "2001:db8:1:3::/64");
    assert_string_equal(address("::ffff:192.0.2.7"), "::ffff:192.0.2.7");
    assert_string_equal(address("fe80::1%eth0"), "fe80::/64");
    assert_string_equal(address(""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fifth_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_success_forgets_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oldest_is_forgotten, setup, teardown),
        cmocka_unit_test(test_a_host_has_one_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
