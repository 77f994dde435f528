/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that go by themselves: what the machine says of itself (unfit) and what the cloud
 * announces (P21), by the guard or from outside. */
#include <cmocka.h>
#include <string.h>

#include "fixture.h"

static const char *up(struct fixture *f, const char *instance)
{
    const char *id = fixture_boot(f, "cpu", instance);
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = id, .worker = "w"));
    return id;
}

static bool unfit(struct fixture *f, const char *machine)
{
    return ask(f, MACHINE_UNFIT, machine_unfit, .machine = machine, .sentence = "3 of 4 GPUs");
}

static bool noticed(struct fixture *f, const char *machine)
{
    return ask(f, MACHINE_SEEN, machine_seen, .machine = machine,
               .instance_id = fixture_machine(f, machine).instance_id, .word = "noticed",
               .sentence = "marked-for-termination");
}

static bool passed_on(struct fixture *f, const char *machine)
{
    struct dr_machine_drain drain = {.machine = machine,
                                     .mode = "now",
                                     .reason = "notice",
                                     .sentence = "marked-for-termination"};
    return fixture_ask_as(f, "watcher", DR_MACHINE_DRAIN, &drain, NULL);
}

static void drains(struct fixture *f, const char *machine, const char *reason, const char *cause)
{
    struct dr_machine_row row = fixture_machine(f, machine);
    assert_string_equal(row.state, "draining");
    assert_string_equal(row.drain_mode, "now");
    assert_string_equal(row.drain_reason, reason);
    assert_string_equal(row.cause, cause);
}

static void unfit_drains_and_keeps_its_words(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_boot(f, "cpu", "i-1");
    assert_true(unfit(f, id));
    assert_int_equal(f->events, 1);
    drains(f, id, "unfit", "3 of 4 GPUs");
    assert_int_equal(fixture_machine(f, id).up_us, 0);
    assert_true(unfit(f, id)); /* repeated: harmless */
    assert_int_equal(f->events, 0);
    assert_true(ask(f, MACHINE_TERMINATE, machine_terminate, .machine = id,
                    .sentence = "it is not what was promised: 3 of 4 GPUs"));
    assert_true(unfit(f, id));
    assert_int_equal(f->events, 0);
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1",
                    .word = "ended", .sentence = "terminated"));
    struct dr_machine_row row = fixture_machine(f, id);
    assert_string_equal(row.state, "gone");
    assert_string_equal(row.drain_reason, "unfit");
    assert_non_null(strstr(row.cause, "3 of 4 GPUs"));
    assert_non_null(strstr(row.cause, "terminated"));
    assert_true(unfit(f, id));
    assert_int_equal(f->events, 0);
}

/* What it says of itself is truer than what it was to go for; nothing else replaces that. */
static void unfit_replaces_other_reasons(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(ask(f, MACHINE_DRAIN, machine_drain, .machine = id, .mode = "now",
                    .reason = "never-registered", .sentence = "its worker was never seen"));
    assert_true(unfit(f, id));
    assert_int_equal(f->events, 1);
    drains(f, id, "unfit", "3 of 4 GPUs");
    assert_true(noticed(f, id));
    assert_true(passed_on(f, id));
    assert_int_equal(f->events, 0);
    drains(f, id, "unfit", "3 of 4 GPUs");
}

static void a_notice_drains_now(void **state)
{
    struct fixture *f = *state;
    static bool (*const words[])(struct fixture *, const char *) = {noticed, passed_on};
    for (int i = 0; i < 2; i++) {
        const char *id = i == 0 ? up(f, "i-1") : fixture_boot(f, "cpu", "i-2");
        assert_true(words[i](f, id));
        assert_int_equal(f->events, 1);
        drains(f, id, "notice", "marked-for-termination");
        int64_t version = fixture_machine(f, id).version;
        assert_true(noticed(f, id));
        assert_true(passed_on(f, id));
        assert_int_equal(fixture_machine(f, id).version, version);
        assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = id,
                        .instance_id = i == 0 ? "i-1" : "i-2", .word = "ended"));
        assert_true(noticed(f, id)); /* late */
        assert_int_equal(f->events, 0);
    }
}

static void a_notice_hurries_a_gentle_drain(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(ask(f, MACHINE_DRAIN, machine_drain, .machine = id, .mode = "after-task",
                    .reason = "age", .sentence = "it is old"));
    assert_true(noticed(f, id));
    drains(f, id, "notice", "marked-for-termination");
}

static void both_reach_a_machine_that_no_list_shows(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(
        ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1", .word = "absent"));
    assert_true(passed_on(f, id));
    drains(f, id, "notice", "marked-for-termination");
}

static void neither_touches_what_has_no_instance(void **state)
{
    struct fixture *f = *state;
    const char *wanted = fixture_want(f, "cpu");
    const char *launching = fixture_want(f, "cpu");
    fixture_commit_attempt(f, fixture_open(f, launching));
    const char *ids[] = {wanted, launching};
    for (int i = 0; i < 2; i++) {
        const char *before = fixture_machine(f, ids[i]).state;
        assert_false(unfit(f, ids[i]));
        assert_string_equal(fixture_code(f), "conflict");
        assert_false(passed_on(f, ids[i]));
        assert_string_equal(fixture_code(f), "conflict");
        assert_false(ask(f, MACHINE_SEEN, machine_seen, .machine = ids[i], .instance_id = "",
                         .word = "noticed"));
        assert_string_equal(fixture_code(f), "conflict");
        assert_string_equal(fixture_machine(f, ids[i]).state, before);
    }
    assert_false(unfit(f, "m00"));
    assert_string_equal(fixture_code(f), "not-found");
}

static void another_accounts_notice_is_no_word(void **state)
{
    struct fixture *f = *state;
    f->identity = "aws:1:eu-west-1";
    const char *id = up(f, "i-1");
    assert_false(noticed(f, id));
    assert_string_equal(fixture_code(f), "refused");
    assert_string_equal(fixture_machine(f, id).state, "up");
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1",
                    .word = "noticed", .identity = "aws:1:eu-west-1"));
    assert_string_equal(fixture_machine(f, id).state, "draining");
}

static void the_watcher_drains_for_nothing_else(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    struct dr_machine_drain drain = {.machine = id, .mode = "now", .reason = "idle"};
    assert_false(fixture_ask_as(f, "watcher", DR_MACHINE_DRAIN, &drain, NULL));
    assert_string_equal(fixture_code(f), "refused");
    drain.reason = "unfit"; /* has a request of its own */
    assert_false(fixture_ask_as(f, "watcher", DR_MACHINE_DRAIN, &drain, NULL));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_string_equal(fixture_machine(f, id).state, "up");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(unfit_drains_and_keeps_its_words),
        T(unfit_replaces_other_reasons),
        T(a_notice_drains_now),
        T(a_notice_hurries_a_gentle_drain),
        T(both_reach_a_machine_that_no_list_shows),
        T(neither_touches_what_has_no_instance),
        T(another_accounts_notice_is_no_word),
        T(the_watcher_drains_for_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
