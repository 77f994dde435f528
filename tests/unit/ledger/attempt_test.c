/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static void opens_with_its_key_intent(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    const char *id = fixture_open(f, machine);
    assert_int_equal(f->events, 3); /* attempt, key, machine */
    assert_int_equal(f->ack.ids.count, 2);
    struct dr_attempt_row attempt = fixture_attempt(f, id);
    assert_int_equal(strlen(id), 21);
    assert_int_equal(id[0], 'a');
    assert_string_equal(attempt.state, "opened");
    assert_string_equal(attempt.machines.items[0], machine);
    assert_int_equal(attempt.ordinal, 1);
    struct dr_key_row key = fixture_key(f, id);
    assert_string_equal(key.state, "intended");
    char label[64];
    snprintf(label, sizeof label, "drover:test:%s", key.id);
    assert_string_equal(key.label, label);
    assert_int_equal(key.seal_pk.len, 32);
    struct dr_machine_row row = fixture_machine(f, machine);
    assert_string_equal(row.state, "launching");
    assert_string_equal(row.attempt, id);
    assert_string_equal(row.offering, "small");
    assert_int_equal(row.launched_us, 0);
}

/* Where it is asked, in the cloud's own words (P4); another try may be asked elsewhere. */
static void open_keeps_whose_machine_it_will_be(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    f->identity = "aws:1:eu-west-1";
    const char *first = fixture_open(f, machine);
    assert_string_equal(fixture_attempt(f, first).identity, "aws:1:eu-west-1");
    assert_string_equal(fixture_machine(f, machine).identity, "aws:1:eu-west-1");
    assert_true(fixture_close(f, first, "never-sent", NULL));
    f->identity = "aws:1:eu-north-1";
    const char *second = fixture_open(f, machine);
    assert_string_equal(fixture_attempt(f, first).identity, "aws:1:eu-west-1");
    assert_string_equal(fixture_attempt(f, second).identity, "aws:1:eu-north-1");
    assert_string_equal(fixture_machine(f, machine).identity, "aws:1:eu-north-1");
}

static void nothing_opens_namelessly_beside_named_machines(void **state)
{
    struct fixture *f = *state;
    const char *early = fixture_boot(f, "cpu", "i-1"); /* nobody has a name yet: fine */
    f->identity = "aws:1:eu-west-1";
    const char *named = fixture_boot(f, "cpu", "i-2");
    const char *next = fixture_want(f, "cpu");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(next), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_string_equal(fixture_machine(f, next).state, "wanted");
    assert_string_equal(fixture_machine(f, early).identity, "");
    const char *elsewhere = fixture_want(f, "far"); /* another account is not concerned */
    assert_true(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(elsewhere), .account = "away",
                    .seal_pk = SEAL_PK));
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = named, .instance_id = "i-2",
                    .word = "ended", .identity = f->identity));
    assert_true(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(next), .account = "home",
                    .seal_pk = SEAL_PK));
}

static void one_open_attempt_per_machine(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    fixture_open(f, machine);
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(machine), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "conflict");
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM attempt"), 1);
}

static void open_checks_what_it_is_given(void **state)
{
    struct fixture *f = *state;
    const char *cpu = fixture_want(f, "cpu");
    const char *gpu = fixture_want(f, "gpu");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .account = "home", .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(cpu), .account = "home",
                     .seal_pk = BYTES("short")));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(cpu, gpu), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(cpu, cpu), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(cpu), .account = "away",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS("m00"), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "not-found");
    struct dr_attempt_open foreign = {.machines = STRS(cpu), .account = "home", .seal_pk = SEAL_PK};
    assert_false(fixture_ask_as(f, "provisioner:away", DR_ATTEMPT_OPEN, &foreign, NULL));
    assert_string_equal(fixture_code(f), "refused");
    assert_string_equal(fixture_machine(f, cpu).state, "wanted");
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM attempt"), 0);
}

/* The configuration was lowered between the want and the attempt (P12). */
static void open_checks_the_caps_again(void **state)
{
    struct fixture *f = *state;
    static const char lower[] = "deployment: test\n"
                                "clearml: {api_server: 'http://127.0.0.1:1'}\n"
                                "accounts: [{name: home, driver: local}]\n"
                                "machine_types: [{name: cpu, account: home, max_machines: 1}]\n"
                                "queues: [{name: fast, types: [cpu]}]\n";
    const char *first = fixture_want(f, "cpu");
    fixture_want(f, "cpu");
    fixture_reconfigure(f, lower);
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(first), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "capped");
    assert_non_null(strstr(f->ack.sentence, "may have 1 machines (max_machines) and has 2"));
}

static void commit_needs_the_key_and_keeps_the_bytes(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    const char *id = fixture_open(f, machine);
    assert_false(ask(f, ATTEMPT_COMMIT, attempt_commit, .attempt = id, .body = BYTES("body")));
    assert_string_equal(fixture_code(f), "conflict");
    fixture_commit_attempt(f, id);
    assert_string_equal(fixture_attempt(f, id).state, "committed");
    assert_true(fixture_machine(f, machine).launched_us > 0);
    /* The same again is fine and changes nothing, other bytes are not (P10). */
    int64_t seq = core_seq(f->ledger);
    assert_true(ask(f, ATTEMPT_COMMIT, attempt_commit, .attempt = id, .body = BYTES("body")));
    assert_false(ask(f, ATTEMPT_COMMIT, attempt_commit, .attempt = id, .body = BYTES("b0dy")));
    assert_string_equal(fixture_code(f), "conflict");
    assert_int_equal(core_seq(f->ledger), seq);
    ask(f, ATTEMPT_FETCH, attempt_fetch, .attempt = id);
    assert_int_equal(f->type, DR_ATTEMPT_FULL);
    assert_int_equal(f->full.body.len, 4);
    assert_memory_equal(f->full.body.bytes, "body", 4);
    assert_memory_equal(f->full.key_sealed.bytes, "sealed secret", 13);
    assert_string_equal(f->full.access_key, f->full.attempt.key);
    assert_int_equal(f->full.machines.count, 1);
    assert_string_equal(f->full.machines.items[0].id, machine);
}

static void launched_binds_and_erases(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_boot(f, "cpu", "i-1");
    struct dr_machine_row row = fixture_machine(f, machine);
    assert_string_equal(row.state, "booting");
    assert_string_equal(row.instance_id, "i-1");
    struct dr_attempt_row attempt = fixture_attempt(f, row.attempt);
    assert_string_equal(attempt.state, "closed");
    assert_string_equal(attempt.outcome, "launched");
    assert_int_equal(attempt.closed_us, f->now_us);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM attempt WHERE body IS NOT NULL"), 0);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM \"key\" WHERE secret IS NOT NULL"), 0);
    assert_string_equal(fixture_key(f, row.attempt).state, "minted");
    /* The same answer again: no second binding. */
    assert_true(fixture_close(f, row.attempt, "launched", "i-1"));
    assert_int_equal(f->events, 0);
    assert_false(fixture_close(f, row.attempt, "refused", NULL));
    assert_string_equal(fixture_code(f), "conflict");
}

static const char *open_batch(struct fixture *f, const char *ids[3])
{
    assert_true(fixture_try_want(f, "cpu", 3, NULL));
    for (int i = 0; i < 3; i++)
        ids[i] = f->ack.ids.items[i];
    assert_true(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(ids[0], ids[1], ids[2]),
                    .account = "home", .offering = "small", .seal_pk = SEAL_PK));
    const char *attempt = f->ack.ids.items[0];
    fixture_commit_attempt(f, attempt);
    return attempt;
}

static void a_batch_binds_in_order(void **state)
{
    struct fixture *f = *state;
    const char *ids[3];
    const char *attempt = open_batch(f, ids);
    assert_true(ask(f, ATTEMPT_CLOSE, attempt_close, .attempt = attempt, .outcome = "launched",
                    .instances = STRS("i-b", "i-a")));
    assert_string_equal(fixture_machine(f, ids[0]).instance_id, "i-b");
    assert_string_equal(fixture_machine(f, ids[1]).instance_id, "i-a");
    struct dr_machine_row left = fixture_machine(f, ids[2]);
    assert_string_equal(left.state, "wanted");
    assert_int_equal(left.launched_us, 0);
    /* The key lives as long as one of them does. */
    for (int i = 0; i < 2; i++) {
        assert_string_equal(fixture_key(f, attempt).state, "minted");
        assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = ids[i],
                        .instance_id = i == 0 ? "i-b" : "i-a", .word = "ended"));
    }
    assert_string_equal(fixture_key(f, attempt).state, "revoking");
}

static void an_instance_is_bound_once(void **state)
{
    struct fixture *f = *state;
    fixture_boot(f, "cpu", "i-1");
    const char *machine = fixture_want(f, "cpu");
    const char *attempt = fixture_open(f, machine);
    fixture_commit_attempt(f, attempt);
    assert_false(fixture_close(f, attempt, "launched", "i-1"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_string_equal(fixture_attempt(f, attempt).state, "committed");
    assert_string_equal(fixture_machine(f, machine).state, "launching");
}

/* The second pair cannot be: the first is undone with it. */
static void a_batch_binds_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    const char *ids[3];
    fixture_boot(f, "far", "i-1");
    fixture_boot(f, "cpu", "i-2");
    const char *attempt = open_batch(f, ids);
    int64_t seq = core_seq(f->ledger);
    assert_false(ask(f, ATTEMPT_CLOSE, attempt_close, .attempt = attempt, .outcome = "launched",
                     .instances = STRS("i-1", "i-2")));
    assert_string_equal(fixture_code(f), "conflict");
    assert_int_equal(f->events, 0);
    assert_int_equal(core_seq(f->ledger), seq);
    assert_string_equal(fixture_machine(f, ids[0]).state, "launching");
    assert_string_equal(fixture_machine(f, ids[0]).instance_id, "");
    /* An id is unique within its account: i-1 is another's in another. */
    assert_true(ask(f, ATTEMPT_CLOSE, attempt_close, .attempt = attempt, .outcome = "launched",
                    .instances = STRS("i-1", "i-3", "i-4")));
}

static void refused_goes_back_to_wanted_and_fails_after_five(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    for (int i = 1; i <= 5; i++) {
        assert_string_equal(fixture_machine(f, machine).state, "wanted");
        const char *attempt = fixture_open(f, machine);
        assert_int_equal(fixture_attempt(f, attempt).ordinal, i);
        fixture_commit_attempt(f, attempt);
        assert_true(fixture_close(f, attempt, "refused", NULL));
        assert_string_equal(fixture_key(f, attempt).state, "revoking");
    }
    struct dr_machine_row row = fixture_machine(f, machine);
    assert_string_equal(row.state, "failed");
    assert_non_null(strstr(row.cause, "given up after 5 attempts"));
    assert_non_null(strstr(row.cause, "the cloud's answer"));
}

/* Six zones without room are no reason to give a row up. */
static void want_of_room_is_no_try(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    for (int i = 0; i < 7; i++) {
        const char *attempt = fixture_open(f, machine);
        fixture_commit_attempt(f, attempt);
        assert_true(ask(f, ATTEMPT_CLOSE, attempt_close, .attempt = attempt, .outcome = "refused",
                        .excused = true, .sentence = "no room"));
        assert_string_equal(fixture_machine(f, machine).state, "wanted");
        assert_string_equal(fixture_machine(f, machine).cause, "refused: no room");
    }
}

static void give_up_fails_at_once(void **state)
{
    struct fixture *f = *state;
    const char *machine = fixture_want(f, "cpu");
    const char *attempt = fixture_open(f, machine);
    fixture_commit_attempt(f, attempt);
    assert_true(ask(f, ATTEMPT_CLOSE, attempt_close, .attempt = attempt, .outcome = "refused",
                    .give_up = true, .sentence = "no such image"));
    assert_string_equal(fixture_machine(f, machine).state, "failed");
    assert_string_equal(fixture_machine(f, machine).cause, "refused: no such image");
}

struct close_row {
    const char *state; /* of the attempt */
    const char *outcome;
    const char *instance;
    const char *code;
};
static const struct close_row close_rows[] = {
    {"opened", "never-sent", NULL, ""},
    {"opened", "refused", NULL, "conflict"},
    {"opened", "launched", "i", "conflict"},
    {"opened", "cloud-forgot", NULL, "conflict"},
    {"keyed", "never-sent", NULL, ""},
    {"keyed", "refused", NULL, "conflict"},
    {"keyed", "launched", "i", "conflict"},
    {"keyed", "cloud-forgot", NULL, "conflict"},
    {"committed", "never-sent", NULL, "conflict"},
    {"committed", "refused", NULL, ""},
    {"committed", "launched", "i", ""},
    {"committed", "cloud-forgot", NULL, ""},
    {"committed", "launched", NULL, "bad-request"},
    {"committed", "refused", "i", "bad-request"},
    {"committed", "vanished", NULL, "bad-request"},
    {"committed", "launched", "i 1", "bad-request"},
};

static void every_close(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof close_rows / sizeof close_rows[0]; i++) {
        const struct close_row *row = &close_rows[i];
        const char *machine = fixture_want(f, "far");
        const char *attempt = fixture_open(f, machine);
        if (strcmp(row->state, "committed") == 0)
            fixture_commit_attempt(f, attempt);
        else if (strcmp(row->state, "keyed") == 0)
            assert_true(ask(f, KEY_SETTLE, key_settle, .key = fixture_key(f, attempt).id,
                            .state = "minted", .access_key = "ak", .sealed = BYTES("s")));
        assert_string_equal(fixture_attempt(f, attempt).state, row->state);
        fixture_close(f, attempt, row->outcome, row->instance);
        if (strcmp(fixture_code(f), row->code) != 0)
            fail_msg("%s %s: \"%s\", not \"%s\"", row->state, row->outcome, f->ack.code, row->code);
        /* Make room for the next. */
        if (*row->code != '\0')
            fixture_close(f, attempt,
                          strcmp(row->state, "committed") == 0 ? "refused" : "never-sent", NULL);
        if (strcmp(fixture_machine(f, machine).state, "wanted") == 0)
            assert_true(ask(f, MACHINE_CANCEL, machine_cancel, .machine = machine));
        else
            assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = machine, .instance_id = "i",
                            .word = "ended"));
    }
}

static void a_missing_attempt(void **state)
{
    struct fixture *f = *state;
    ask(f, ATTEMPT_FETCH, attempt_fetch, .attempt = "a0");
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(fixture_close(f, "a0", "refused", NULL));
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(ask(f, ATTEMPT_COMMIT, attempt_commit, .attempt = "a0", .body = BYTES("b")));
    assert_string_equal(fixture_code(f), "not-found");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(opens_with_its_key_intent),
        T(open_keeps_whose_machine_it_will_be),
        T(nothing_opens_namelessly_beside_named_machines),
        T(one_open_attempt_per_machine),
        T(open_checks_what_it_is_given),
        T(open_checks_the_caps_again),
        T(commit_needs_the_key_and_keeps_the_bytes),
        T(launched_binds_and_erases),
        T(a_batch_binds_in_order),
        T(an_instance_is_bound_once),
        T(a_batch_binds_whole_or_not_at_all),
        T(refused_goes_back_to_wanted_and_fails_after_five),
        T(want_of_room_is_no_try),
        T(give_up_fails_at_once),
        T(every_close),
        T(a_missing_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
