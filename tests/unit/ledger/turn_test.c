/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit, repeated requests, full disks. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static struct dr_machine_want want_cpu(struct fixture *f)
{
    static const char *const queues[] = {"q-fast", "q-slow"};
    return (struct dr_machine_want){.type = "cpu",
                                    .queue = "q-fast",
                                    .count = 1,
                                    .plan_seq = core_seq(f->ledger) + 100,
                                    .queues = {queues, 2}};
}

static void nothing_goes_out_before_the_commit(void **state)
{
    struct fixture *f = *state;
    struct dr_machine_want want = want_cpu(f);
    int64_t before = core_seq(f->ledger);
    fixture_queue(f, "planner", DR_MACHINE_WANT, &want, "one");
    fixture_queue(f, "planner", DR_MACHINE_WANT, &want, "two");
    struct dr_machine_want many = want;
    many.count = 9;
    fixture_queue(f, "planner", DR_MACHINE_WANT, &many, "three");
    struct dr_ledger_snapshot snapshot = {.account = ""};
    fixture_queue(f, "planner", DR_LEDGER_SNAPSHOT, &snapshot, "four");
    assert_int_equal(core_seq(f->ledger), before); /* of the last commit */
    fixture_commit(f);
    assert_int_equal(f->result, CORE_COMMITTED);
    assert_int_equal(f->events, 2); /* of the two that were done; the third was undone alone */
    assert_int_equal(core_seq(f->ledger), before + 2);
    assert_int_equal(f->state.machines.count, 2);
    assert_int_equal(f->state.seq, before + 2);
    fixture_commit(f);
    assert_int_equal(f->result, CORE_IDLE);
}

static void a_repeated_request_gets_the_same_answer(void **state)
{
    struct fixture *f = *state;
    struct dr_machine_want want = want_cpu(f);
    assert_true(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, "one"));
    char id[32];
    snprintf(id, sizeof id, "%s", f->ack.ids.items[0]);
    int64_t seq = f->ack.seq;
    fixture_reopen(f); /* nothing in memory is relied on */
    fixture_want(f, "cpu");
    assert_true(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, "one"));
    assert_int_equal(f->events, 0);
    assert_string_equal(f->ack.ids.items[0], id);
    assert_int_equal(f->ack.seq, seq);
    assert_true(*f->ack.sentence != '\0');
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 2);
    /* In one turn too. */
    fixture_queue(f, "planner", DR_MACHINE_WANT, &want, "five");
    fixture_queue(f, "planner", DR_MACHINE_WANT, &want, "five");
    fixture_commit(f);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 3);
}

static void a_refusal_is_repeated_too(void **state)
{
    struct fixture *f = *state;
    struct dr_machine_want want = want_cpu(f);
    want.count = 9;
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, "one"));
    assert_string_equal(fixture_code(f), "capped");
    want.count = 1;
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, "one"));
    assert_string_equal(fixture_code(f), "capped");
    /* Another's request of the same id is another request. */
    assert_true(fixture_ask_as(f, "planner:b", DR_MACHINE_WANT, &want, "one"));
    struct dr_machine_cancel cancel = {.machine = f->ack.ids.items[0], .reason = "r"};
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_CANCEL, &cancel, "one"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_CANCEL, &cancel, ""));
    assert_string_equal(fixture_code(f), "bad-request");
}

static void stored_answers_last_a_day(void **state)
{
    struct fixture *f = *state;
    struct dr_machine_want want = want_cpu(f);
    assert_true(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, "one"));
    core_prune(f->ledger, f->now_us + 23LL * 3600 * 1000000, false);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM request"), 1);
    core_prune(f->ledger, f->now_us + 25LL * 3600 * 1000000, false);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM request"), 0);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history"), 1);
}

static void tombstones_last_two_days_and_as_long_as_needed(void **state)
{
    struct fixture *f = *state;
    const char *live = fixture_boot(f, "cpu", "i-1");
    const char *gone = fixture_boot(f, "cpu", "i-2");
    assert_true(
        ask(f, MACHINE_SEEN, machine_seen, .machine = gone, .instance_id = "i-2", .word = "ended"));
    struct dr_key_row key = fixture_key(f, fixture_machine(f, gone).attempt);
    assert_true(ask(f, KEY_SETTLE, key_settle, .key = key.id, .state = "revoked"));
    core_prune(f->ledger, f->now_us + 47LL * 3600 * 1000000, false);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM attempt"), 2);
    core_prune(f->ledger, f->now_us + 49LL * 3600 * 1000000, false);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM attempt"), 1);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM \"key\""), 1);
    assert_string_equal(fixture_attempt(f, fixture_machine(f, live).attempt).state, "closed");
}

/* The database may not grow: as a full disk, by SQLite's own bound. */
static void a_full_disk_answers_unavailable(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_boot(f, "cpu", "i-1");
    struct store *store = core_store(f->ledger);
    char reason[4001];
    memset(reason, 'x', 4000);
    reason[4000] = '\0';
    for (int i = 0; i < 40; i++) { /* history to be pruned */
        const char *machine = fixture_want(f, "cpu");
        assert_true(ask(f, MACHINE_CANCEL, machine_cancel, .machine = machine, .reason = reason));
    }
    int64_t seq = core_seq(f->ledger);
    store_bound_pages(store, store_pages(store));
    int refused = 0;
    struct dr_machine_want want = want_cpu(f);
    want.reason = reason;
    want.plan_seq = INT64_MAX;
    while (fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, NULL) && ++refused < 4)
        seq = core_seq(f->ledger);
    assert_int_equal(f->result, CORE_FULL);
    assert_string_equal(fixture_code(f), "unavailable");
    assert_int_equal(f->events, 0);
    assert_int_equal(core_seq(f->ledger), seq);
    assert_int_equal(fixture_count(f, "SELECT value FROM meta WHERE name='seq'"), seq);
    /* Room is made as the shell does it; nothing is launched, ends go on. */
    core_set_full(f->ledger, true);
    f->now_us += 2LL * 3600 * 1000000;
    assert_int_equal(core_prune(f->ledger, f->now_us, true), CORE_COMMITTED);
    assert_false(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, NULL));
    assert_string_equal(fixture_code(f), "unavailable");
    assert_non_null(strstr(f->ack.sentence, "full"));
    assert_true(ask(f, MACHINE_DRAIN, machine_drain, .machine = id, .mode = "now", .reason = "idle",
                    .sentence = "idle"));
    assert_true(ask(f, MACHINE_TERMINATE, machine_terminate, .machine = id));
    assert_true(
        ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1", .word = "ended"));
    store_bound_pages(store, 0);
    core_set_full(f->ledger, false);
    fixture_want(f, "cpu");
}

/* One request that fails takes its whole turn along: nobody is told what did not happen. */
static void a_failed_turn_is_withdrawn_whole(void **state)
{
    struct fixture *f = *state;
    struct store *store = core_store(f->ledger);
    struct dr_machine_want want = want_cpu(f);
    fixture_queue(f, "planner", DR_MACHINE_WANT, &want, "one");
    store_run(store, "INSERT INTO no_such_table VALUES(1)", "");
    fixture_queue(f, "planner", DR_MACHINE_WANT, &want, "two");
    fixture_commit(f);
    assert_int_equal(f->result, CORE_FAILED);
    assert_string_equal(fixture_code(f), "unavailable");
    assert_int_equal(f->events, 0);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 0);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM request"), 0);
    assert_true(fixture_ask_as(f, "planner", DR_MACHINE_WANT, &want, "one"));
    assert_int_equal(f->ack.seq, 1); /* the sequence took no part in it either */
}

static void a_request_for_another_is_refused(void **state)
{
    struct fixture *f = *state;
    struct dr_picture_get get = {.workers = true};
    fixture_ask_as(f, "planner", DR_PICTURE_GET, &get, NULL);
    assert_string_equal(fixture_code(f), "bad-request");
}

static void a_renamed_deployment_waits_for_its_machines(void **state)
{
    struct fixture *f = *state;
    static const char renamed[] = "deployment: other\n"
                                  "clearml: {api_server: 'http://127.0.0.1:1'}\n";
    char err[400];
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse(renamed, strlen(renamed), "t", &errors);
    dr_config_errors_free(&errors);
    assert_non_null(config);
    const char *id = fixture_boot(f, "cpu", "i-1");
    assert_false(core_reconfigure(f->ledger, dr_config_root(config), f->now_us, err, sizeof err));
    assert_non_null(strstr(err, "renamed from test to other while 1 machines"));
    assert_true(
        ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1", .word = "ended"));
    fixture_reconfigure(f, renamed);
    dr_config_free(config);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(nothing_goes_out_before_the_commit),
        T(a_repeated_request_gets_the_same_answer),
        T(a_refusal_is_repeated_too),
        T(stored_answers_last_a_day),
        T(tombstones_last_two_days_and_as_long_as_needed),
        T(a_full_disk_answers_unavailable),
        T(a_failed_turn_is_withdrawn_whole),
        T(a_request_for_another_is_refused),
        T(a_renamed_deployment_waits_for_its_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
