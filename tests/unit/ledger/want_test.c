/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static void a_want_becomes_a_row(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_want(f, "cpu");
    assert_int_equal(strlen(id), 17);
    assert_int_equal(id[0], 'm');
    assert_int_equal(f->events, 1);
    struct dr_machine_row row = fixture_machine(f, id);
    assert_string_equal(row.state, "wanted");
    assert_string_equal(row.type, "cpu");
    assert_string_equal(row.account, "home");
    assert_string_equal(row.for_queue, "q-fast");
    assert_string_equal(row.drain_queue, "q-fast");
    assert_int_equal(row.queues.count, 2);
    assert_string_equal(row.queues.items[1], "q-slow");
    assert_string_equal(row.cause, "1 task waits");
    assert_int_equal(row.version, 1);
    assert_int_equal(row.slots, 1);
    assert_int_equal(row.created_us, f->now_us);
    assert_int_equal(row.state_since_us, f->now_us);
    assert_int_equal(f->ack.seq, core_seq(f->ledger));
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE \"to\"='wanted'"
                                      " AND corr='corr'"),
                     1);
}

static void caps_refuse_whole(void **state)
{
    struct fixture *f = *state;
    assert_false(fixture_try_want(f, "cpu", 5, NULL));
    assert_string_equal(fixture_code(f), "capped");
    assert_non_null(strstr(f->ack.sentence, "machine type cpu may have 4"));
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 0);
    assert_int_equal(f->events, 0);
    assert_true(fixture_try_want(f, "cpu", 4, NULL));
    assert_false(fixture_try_want(f, "gpu", 2, NULL));
    assert_non_null(strstr(f->ack.sentence, "queue slow may have 5"));
    assert_true(fixture_try_want(f, "gpu", 1, NULL));
    assert_true(fixture_try_want(f, "far", 2, NULL));
    assert_false(fixture_try_want(f, "far", 1, NULL));
    assert_int_equal(fixture_count(f, "SELECT used FROM cap WHERE scope='queue' AND name='slow'"),
                     5);
}

static void what_ended_frees_its_cap(void **state)
{
    struct fixture *f = *state;
    assert_true(fixture_try_want(f, "cpu", 4, NULL));
    const char *id = f->ack.ids.items[2];
    assert_false(fixture_try_want(f, "cpu", 1, NULL));
    assert_true(ask(f, MACHINE_CANCEL, machine_cancel, .machine = id, .reason = "not needed"));
    assert_string_equal(fixture_machine(f, id).state, "cancelled");
    assert_true(fixture_try_want(f, "cpu", 1, NULL));
}

static void a_stale_plan_is_refused(void **state)
{
    struct fixture *f = *state;
    int64_t before = core_seq(f->ledger);
    const char *id = fixture_want(f, "cpu");
    struct dr_machine_want again = {.type = "cpu",
                                    .queue = "q-fast",
                                    .count = 1,
                                    .plan_seq = before,
                                    .queues = STRS("q-fast", "q-slow")};
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &again, NULL));
    assert_string_equal(fixture_code(f), "stale");
    /* Another type that serves a queue of that machine: stale too. */
    struct dr_machine_want other = {
        .type = "gpu", .queue = "q-slow", .count = 1, .plan_seq = before, .queues = STRS("q-slow")};
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &other, NULL));
    assert_string_equal(fixture_code(f), "stale");
    /* One that has nothing to do with it is not. */
    struct dr_machine_want far = {
        .type = "far", .queue = "q-far", .count = 1, .plan_seq = before, .queues = STRS("q-far")};
    assert_true(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &far, NULL));
    (void)id;
}

/* A slot that turns busy raises the sequence but changes no supply. */
static void a_busy_slot_makes_no_plan_stale(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_boot(f, "cpu", "i-1");
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = id, .worker = "w"));
    int64_t planned = core_seq(f->ledger);
    struct dr_slot_row slot = {.worker = "w", .machine = id, .idle_since_us = 5};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&slot, 1}));
    assert_true(core_seq(f->ledger) > planned);
    struct dr_machine_want want = {.type = "cpu",
                                   .queue = "q-fast",
                                   .count = 1,
                                   .plan_seq = planned,
                                   .queues = STRS("q-fast", "q-slow")};
    assert_true(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, NULL));
}

static void bad_requests(void **state)
{
    struct fixture *f = *state;
    int64_t seq = core_seq(f->ledger);
    assert_false(fixture_try_want(f, "cpu", 0, NULL));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, MACHINE_WANT, machine_want, .type = "nope", .queue = "q", .count = 1));
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(ask(f, MACHINE_WANT, machine_want, .type = "cpu", .queue = "q-x", .count = 1,
                     .queues = STRS("q-fast")));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, MACHINE_WANT, machine_want, .type = "cpu", .queue = "a\nb", .count = 1,
                     .queues = STRS("a\nb")));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, MACHINE_CANCEL, machine_cancel, .machine = "m0"));
    assert_string_equal(fixture_code(f), "not-found");
    assert_int_equal(core_seq(f->ledger), seq);
}

static void only_an_unstarted_row_is_cancelled(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_want(f, "cpu");
    assert_false(
        ask(f, MACHINE_CANCEL, machine_cancel, .machine = id, .version = 7, .reason = "r"));
    assert_string_equal(fixture_code(f), "conflict");
    fixture_open(f, id);
    assert_false(ask(f, MACHINE_CANCEL, machine_cancel, .machine = id, .reason = "r"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_string_equal(fixture_machine(f, id).state, "launching");
}

/* Launches a machine for task t that does nothing and ends. */
static void launch_in_vain(struct fixture *f, int n)
{
    char instance[16];
    snprintf(instance, sizeof instance, "i-%d", n);
    assert_true(fixture_try_want(f, "cpu", 1, "t"));
    const char *machine = f->ack.ids.items[0];
    const char *attempt = fixture_open(f, machine);
    fixture_commit_attempt(f, attempt);
    assert_true(fixture_close(f, attempt, "launched", instance));
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = machine, .instance_id = instance,
                    .word = "ended"));
}

static void a_task_has_three_launches(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        launch_in_vain(f, i);
    assert_false(fixture_try_want(f, "cpu", 1, "t"));
    assert_string_equal(fixture_code(f), "capped");
    assert_int_equal(f->ack.ids.count, 1);
    assert_string_equal(f->ack.ids.items[0], "t");
    assert_true(fixture_try_want(f, "cpu", 1, "other"));
    /* A person mended something and reloaded. */
    f->now_us += 1000;
    fixture_reconfigure(f, fixture_config);
    assert_true(fixture_try_want(f, "cpu", 1, "t"));
}

static void a_machine_that_worked_was_no_runaway(void **state)
{
    struct fixture *f = *state;
    launch_in_vain(f, 0);
    launch_in_vain(f, 1);
    assert_true(fixture_try_want(f, "cpu", 1, "t"));
    const char *machine = f->ack.ids.items[0];
    const char *attempt = fixture_open(f, machine);
    fixture_commit_attempt(f, attempt);
    assert_true(fixture_close(f, attempt, "launched", "i-9"));
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = machine, .worker = "w"));
    struct dr_slot_row slot = {.worker = "w", .machine = machine, .task = "another", .busy = true};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&slot, 1}));
    assert_true(fixture_try_want(f, "cpu", 1, "t"));
}

static void the_breaker_stops_a_runaway(void **state)
{
    struct fixture *f = *state;
    /* 20 machines launched for no task at all. */
    for (int i = 0; i < 20; i++) {
        char instance[16];
        snprintf(instance, sizeof instance, "j-%d", i);
        const char *machine = fixture_boot(f, "cpu", instance);
        assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = machine, .instance_id = instance,
                        .word = "ended"));
    }
    assert_false(fixture_try_want(f, "cpu", 1, NULL));
    assert_string_equal(fixture_code(f), "capped");
    assert_non_null(strstr(f->ack.sentence, "20 machines of type cpu"));
    assert_true(fixture_try_want(f, "far", 1, NULL));
    f->now_us += 25LL * 3600 * 1000000;
    assert_true(fixture_try_want(f, "cpu", 1, NULL));
}

static void an_account_has_its_hour(void **state)
{
    struct fixture *f = *state;
    static const char yaml[] = "deployment: test\n"
                               "clearml: {api_server: 'http://127.0.0.1:1'}\n"
                               "accounts: [{name: home, driver: local, launches_per_hour: 2}]\n"
                               "machine_types: [{name: cpu, account: home}]\n"
                               "queues: [{name: fast, types: [cpu]}]\n";
    fixture_reconfigure(f, yaml);
    assert_false(fixture_try_want(f, "cpu", 3, NULL));
    assert_string_equal(fixture_code(f), "capped");
    const char *machine = fixture_want(f, "cpu");
    for (int i = 0; i < 3; i++) { /* nothing was launched where there was no room */
        const char *attempt = fixture_open(f, machine);
        fixture_commit_attempt(f, attempt);
        assert_true(fixture_close(f, attempt, "refused", NULL));
    }
    f->now_us += 1000000;
    assert_true(ask(f, MACHINE_CANCEL, machine_cancel, .machine = machine));
    fixture_boot(f, "cpu", "i-1");
    fixture_boot(f, "cpu", "i-2");
    assert_false(fixture_try_want(f, "cpu", 1, NULL));
    assert_non_null(strstr(f->ack.sentence, "launches_per_hour"));
    f->now_us += 3601LL * 1000000;
    assert_true(fixture_try_want(f, "cpu", 1, NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_want_becomes_a_row),
        T(caps_refuse_whole),
        T(what_ended_frees_its_cap),
        T(a_stale_plan_is_refused),
        T(a_busy_slot_makes_no_plan_stale),
        T(bad_requests),
        T(only_an_unstarted_row_is_cancelled),
        T(a_task_has_three_launches),
        T(a_machine_that_worked_was_no_runaway),
        T(the_breaker_stops_a_runaway),
        T(an_account_has_its_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
