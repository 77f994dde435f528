/* SPDX-License-Identifier: Apache-2.0
 *
 * Gaps in event streams, and requests that wait.
 */
#include <cmocka.h>
#include <string.h>

#include "pending.h"
#include "sequence.h"

static int64_t note(struct dr_sequence *sequence, const char *type, const char *boot, int64_t seq,
                    bool *reborn)
{
    struct dr_envelope env = {.type = type, .source = "ledger", .boot = boot, .seq = seq};
    return dr_sequence_note(sequence, &env, reborn);
}

static void gaps_are_per_topic_and_life(void **state)
{
    (void)state;
    struct dr_sequence *sequence = dr_sequence_new();
    bool reborn;
    assert_int_equal(note(sequence, "a", "x", 5, &reborn), 0); /* the first tells nothing */
    assert_int_equal(note(sequence, "b", "x", 9, &reborn), 0); /* another topic counts alone */
    assert_int_equal(note(sequence, "a", "x", 6, &reborn), 0);
    assert_int_equal(note(sequence, "a", "x", 9, &reborn), 2);
    assert_false(reborn);
    assert_int_equal(note(sequence, "a", "x", 9, &reborn), 0); /* a double is no gap */
    assert_int_equal(note(sequence, "a", "y", 1, &reborn), 0);
    assert_true(reborn);
    assert_int_equal(note(sequence, "a", "z", 4, &reborn), 3);
    assert_true(reborn);
    dr_sequence_free(&sequence);
    assert_null(sequence);
}

static void pending_is_taken_once(void **state)
{
    (void)state;
    struct dr_pending *pending = dr_pending_new();
    struct dr_waiting got;
    assert_int_equal(dr_pending_next_ms(pending), -1);
    dr_pending_add(pending, &(struct dr_waiting){.request = (char[]){"r1"},
                                                 .to = (char[]){"ledger"},
                                                 .deadline_ms = 50});
    dr_pending_add(pending, &(struct dr_waiting){.request = (char[]){"r2"},
                                                 .to = (char[]){"ledger"},
                                                 .deadline_ms = 20});
    assert_int_equal(dr_pending_next_ms(pending), 20);
    assert_int_equal(dr_pending_expired(pending, 19, &got), -1);
    assert_int_equal(dr_pending_expired(pending, 20, &got), 0);
    assert_string_equal(got.request, "r2");
    dr_waiting_clear(&got);
    assert_int_equal(dr_pending_take(pending, "r2", &got), -1);
    assert_int_equal(dr_pending_take(pending, "r1", &got), 0);
    dr_waiting_clear(&got);
    assert_int_equal(dr_pending_count(pending), 0);
    dr_pending_free(&pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_per_topic_and_life),
        cmocka_unit_test(pending_is_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
