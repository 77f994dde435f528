/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <string.h>

#include "fixture.h"

static bool open_one(struct fixture *f, const char *machine, const char *task, const char *changed)
{
    return ask(f, RECOVERY_OPEN, recovery_open,
               .recovery = {.machine = machine,
                            .task = task,
                            .queue = "q",
                            .status_changed = changed,
                            .kind = "running",
                            .mode = "continue",
                            .note = "seen last 5 s before the end"});
}

static bool to(struct fixture *f, const char *id, int64_t version, const char *step)
{
    return ask(f, RECOVERY_STEP, recovery_step, .recovery = id, .version = version, .step = step,
               .note = "n");
}

static void a_recovery_is_opened_once(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_boot(f, "cpu", "i-1");
    assert_true(open_one(f, machine, "t", "c1"));
    assert_int_equal(f->events, 1);
    assert_int_equal(f->ack.ids.items[0][0], 'r');
    assert_false(open_one(f, machine, "t", "c1"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_true(open_one(f, machine, "t", "c2"));
    assert_true(open_one(f, "", "t", "c1")); /* an orphan */
    assert_false(open_one(f, "", "t", "c1"));
    assert_false(open_one(f, "m0", "t", "c1"));
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(open_one(f, "", "", "c1"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, RECOVERY_OPEN, recovery_open,
                     .recovery = {.task = "t", .queue = "q", .kind = "lost", .mode = "reset"}));
    assert_string_equal(fixture_code(f), "bad-request");
}

static void steps_go_forward_only(void **state)
{
    struct fixture *f = *state;
    assert_true(open_one(f, "", "t", "c"));
    const char *id = f->ack.ids.items[0];
    assert_true(to(f, id, 1, "stopped"));
    assert_false(to(f, id, 1, "enqueued"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_true(to(f, id, 2, "enqueued"));
    assert_true(to(f, id, 2, "enqueued")); /* the same again */
    assert_int_equal(f->events, 0);
    assert_false(to(f, id, 0, "stopped"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_false(to(f, id, 0, "sideways"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_true(to(f, id, 0, "done"));
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM recovery WHERE settled_us<>0"), 1);
    assert_false(to(f, id, 0, "dropped"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_false(to(f, "r0", 0, "done"));
    assert_string_equal(fixture_code(f), "not-found");
}

static void what_is_dropped_is_over(void **state)
{
    struct fixture *f = *state;
    assert_true(open_one(f, "", "t", "c"));
    const char *id = f->ack.ids.items[0];
    assert_true(to(f, id, 1, "dropped"));
    assert_false(to(f, id, 0, "enqueued"));
    assert_string_equal(fixture_code(f), "conflict");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_recovery_is_opened_once),
        T(steps_go_forward_only),
        T(what_is_dropped_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
