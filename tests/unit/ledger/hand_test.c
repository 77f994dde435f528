/* SPDX-License-Identifier: Apache-2.0 */
/* What a person asks for, with who and when. */
#include <cmocka.h>
#include <string.h>

#include "fixture.h"

static const char *up(struct fixture *f, const char *instance)
{
    const char *id = fixture_boot(f, "cpu", instance);
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = id, .worker = "w"));
    return id;
}

static bool drain(struct fixture *f, const char *machine, const char *mode, const char *reason,
                  const char *by)
{
    return ask(f, MACHINE_DRAIN, machine_drain, .machine = machine, .mode = mode, .reason = reason,
               .sentence = "drained by hand", .by = by);
}

static void a_drain_by_hand_says_who(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(drain(f, id, "after-task", "hand", "anna"));
    assert_int_equal(f->events, 2);
    assert_int_equal(f->event_types[0], DR_HAND_RECORDED);
    assert_int_equal(f->event_types[1], DR_MACHINE_CHANGED);
    assert_string_equal(fixture_machine(f, id).drain_reason, "hand");
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE \"by\"='anna'"
                                      " AND kind='machine' AND \"from\"='up'"
                                      " AND \"to\"='draining' AND corr='corr'"),
                     1);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE \"by\"<>''"), 1);
}

static void a_drain_that_nobody_asked_for_names_nobody(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(drain(f, id, "idle", "idle", ""));
    assert_int_equal(f->events, 1);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE \"by\"<>''"), 0);
}

static void a_person_has_a_name_and_drains_by_hand(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    static const char *const names[] = {"an na", "anna\n", "\x7f"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(drain(f, id, "now", "hand", names[i]));
        assert_string_equal(fixture_code(f), "bad-request");
    }
    assert_false(drain(f, id, "now", "idle", "anna"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_string_equal(fixture_machine(f, id).state, "up");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_drain_by_hand_says_who),
        T(a_drain_that_nobody_asked_for_names_nobody),
        T(a_person_has_a_name_and_drains_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
