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

/* ---- machine.keep --------------------------------------------------------------------------- */
static bool keep(struct fixture *f, const char *machine, int64_t until_us)
{
    return ask(f, MACHINE_KEEP, machine_keep, .machine = machine, .until_us = until_us,
               .by = "anna");
}

static void a_machine_is_kept_and_let_go(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    int64_t until = f->now_us + 3600LL * 1000000;
    struct dr_machine_row before = fixture_machine(f, id);
    assert_true(keep(f, id, until));
    struct dr_machine_row row = fixture_machine(f, id);
    assert_int_equal(row.keep_until_us, until);
    assert_int_equal(row.version, before.version + 1);
    assert_string_equal(row.cause, before.cause); /* why it is up did not change */
    assert_string_equal(row.state, "up");
    assert_int_equal(f->events, 2);
    assert_true(keep(f, id, until)); /* the same again is no news */
    assert_int_equal(f->events, 0);
    assert_true(keep(f, id, 0));
    assert_int_equal(fixture_machine(f, id).keep_until_us, 0);
    assert_int_equal(
        fixture_count(
            f, "SELECT count(*) FROM history WHERE \"by\"='anna' AND"
               " kind='machine' AND \"to\"='kept' AND cause LIKE 'kept until 2023-11-14 %UTC'"),
        1);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE \"by\"='anna' AND"
                                      " cause='kept no longer'"),
                     1);
    fixture_reopen(f);
}

static void only_what_stays_can_be_kept(void **state)
{
    struct fixture *f = *state;
    int64_t hour = 3600LL * 1000000;
    const char *id = up(f, "i-1");
    assert_false(keep(f, id, f->now_us - 1));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, MACHINE_KEEP, machine_keep, .machine = id, .until_us = f->now_us + hour));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(keep(f, "m-none", f->now_us + hour));
    assert_string_equal(fixture_code(f), "not-found");
    assert_true(drain(f, id, "idle", "idle", ""));
    assert_false(keep(f, id, f->now_us + hour));
    assert_string_equal(fixture_code(f), "conflict");
    assert_non_null(strstr(f->ack.sentence, "idle"));
    assert_true(keep(f, id, 0)); /* that asks nothing of it */
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1",
                    .word = "ended", .sentence = "terminated"));
    assert_false(keep(f, id, f->now_us + hour));
    assert_string_equal(fixture_code(f), "conflict");
    const char *wanted = fixture_want(f, "cpu");
    assert_false(keep(f, wanted, f->now_us + hour));
    assert_string_equal(fixture_code(f), "conflict");
}

/* ---- launch.pause --------------------------------------------------------------------------- */
static bool pauses(struct fixture *f, const char *queue, bool paused, const char *by)
{
    return ask(f, LAUNCH_PAUSE, launch_pause, .queue = queue, .paused = paused,
               .sentence = paused ? "a move" : "", .by = by);
}

static bool wants(struct fixture *f, const char *type, const char *queue, const char *name)
{
    struct dr_strs queues = strcmp(type, "cpu") == 0 ? STRS("q-fast", "q-slow") : STRS("q-far");
    return ask(f, MACHINE_WANT, machine_want, .type = type, .queue = queue, .queue_name = name,
               .count = 1, .plan_seq = core_seq(f->ledger), .queues = queues, .reason = "waits");
}

static void nothing_is_wanted_for_a_paused_queue(void **state)
{
    struct fixture *f = *state;
    assert_true(pauses(f, "fast", true, "anna"));
    assert_int_equal(f->events, 2);
    assert_int_equal(f->event_types[1], DR_PAUSE_CHANGED);
    assert_false(wants(f, "cpu", "q-fast", "fast"));
    assert_string_equal(fixture_code(f), "refused");
    assert_string_equal(f->ack.sentence,
                        "no machine starts for queue fast since 2023-11-14 22:13 UTC: paused by "
                        "anna (a move); `drover resume fast`");
    assert_true(wants(f, "cpu", "q-slow", "slow")); /* of the same type, for another queue */
    fixture_reopen(f);
    assert_false(wants(f, "cpu", "q-fast", "fast"));
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .account = "");
    assert_int_equal(f->state.pauses.count, 1);
    assert_string_equal(f->state.pauses.items[0].queue, "fast");
    assert_string_equal(f->state.pauses.items[0].by, "anna");
    assert_true(pauses(f, "fast", false, "bob"));
    assert_int_equal(f->events, 2);
    assert_true(wants(f, "cpu", "q-fast", "fast"));
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .account = "");
    assert_int_equal(f->state.pauses.count, 0);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE kind='pause' AND"
                                      " id='fast' AND \"to\"='resumed' AND \"by\"='bob'"),
                     1);
}

static void a_pause_of_all_is_apart_from_those_of_queues(void **state)
{
    struct fixture *f = *state;
    assert_true(pauses(f, "far", true, "anna"));
    assert_true(pauses(f, "", true, "bob"));
    assert_false(wants(f, "cpu", "q-fast", "fast"));
    assert_non_null(strstr(f->ack.sentence, "paused by bob (a move); `drover resume`"));
    assert_true(pauses(f, "far", false, "anna"));
    assert_non_null(strstr(f->ack.sentence, "paused by bob"));
    assert_true(pauses(f, "far", true, "anna"));
    assert_true(pauses(f, "", false, "bob"));
    assert_non_null(strstr(f->ack.sentence, "far"));
    assert_true(wants(f, "cpu", "q-fast", "fast"));
    assert_false(wants(f, "far", "q-far", "far"));
}

/* What was wanted before the pause waits, and starts after it. */
static void no_attempt_opens_for_a_paused_queue(void **state)
{
    struct fixture *f = *state;
    assert_true(wants(f, "cpu", "q-fast", "fast"));
    const char *id = f->ack.ids.items[0];
    assert_true(pauses(f, "fast", true, "anna"));
    fixture_reopen(f);
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(id), .account = "home",
                     .offering = "small", .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "refused");
    assert_string_equal(fixture_machine(f, id).state, "wanted");
    assert_true(pauses(f, "fast", false, "anna"));
    fixture_open(f, id);
}

/* A machine whose launch was under way comes: its attempt closes as ever. */
static void what_was_sent_is_taken_in(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_want(f, "cpu");
    const char *attempt = fixture_open(f, id);
    fixture_commit_attempt(f, attempt);
    assert_true(pauses(f, "", true, "anna"));
    assert_true(fixture_close(f, attempt, "launched", "i-1"));
    assert_string_equal(fixture_machine(f, id).state, "booting");
    assert_true(drain(f, id, "now", "hand", "anna")); /* ends are not paused */
}

static void a_pause_is_of_a_queue_that_there_is(void **state)
{
    struct fixture *f = *state;
    assert_false(pauses(f, "none", true, "anna"));
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(pauses(f, "none", false, "anna"));
    assert_string_equal(fixture_code(f), "not-found");
    assert_false(pauses(f, "fast", true, ""));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(ask(f, LAUNCH_PAUSE, launch_pause, .queue = "fast", .paused = true, .by = "anna",
                     .sentence = "two\nlines"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_true(pauses(f, "far", true, "anna"));
    fixture_reconfigure(f, "deployment: test\n"
                           "clearml: {api_server: 'http://127.0.0.1:1'}\n"
                           "accounts: [{name: home, driver: local}]\n"
                           "machine_types: [{name: cpu, account: home}]\n"
                           "queues: [{name: fast, types: [cpu]}]\n");
    assert_true(pauses(f, "far", false, "anna")); /* it is gone, and can still be resumed */
    assert_true(pauses(f, "fast", false, "anna"));
    assert_int_equal(f->events, 0); /* nothing was paused */
}

static void a_pause_said_again_keeps_its_time(void **state)
{
    struct fixture *f = *state;
    assert_true(pauses(f, "fast", true, "anna"));
    int64_t since = fixture_count(f, "SELECT since_us FROM pause");
    assert_true(pauses(f, "fast", true, "anna"));
    assert_int_equal(f->events, 0);
    assert_true(pauses(f, "fast", true, "bob"));
    assert_int_equal(f->events, 2);
    assert_int_equal(fixture_count(f, "SELECT since_us FROM pause WHERE \"by\"='bob'"), since);
}

/* ---- hand.note ------------------------------------------------------------------------------ */
static bool note(struct fixture *f, const char *kind, const char *id, const char *done)
{
    return ask(f, HAND_NOTE, hand_note, .kind = kind, .id = id, .done = done,
               .sentence = "queue gpu: max_machines 2 to 4", .by = "anna");
}

static void a_note_is_a_line_of_history(void **state)
{
    struct fixture *f = *state;
    assert_true(note(f, "config", "drover.yaml", "applied"));
    assert_int_equal(f->events, 1);
    assert_int_equal(f->event_types[0], DR_HAND_RECORDED);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE kind='config' AND"
                                      " id='drover.yaml' AND \"to\"='applied' AND \"by\"='anna'"
                                      " AND cause LIKE 'queue gpu%'"),
                     1);
    assert_false(note(f, "machine", "m1", "ended"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(note(f, "login", "anna\n", "refused"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(note(f, "token", "t1", "two words"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_drain_by_hand_says_who),
        T(a_drain_that_nobody_asked_for_names_nobody),
        T(a_person_has_a_name_and_drains_by_hand),
        T(a_machine_is_kept_and_let_go),
        T(only_what_stays_can_be_kept),
        T(nothing_is_wanted_for_a_paused_queue),
        T(a_pause_of_all_is_apart_from_those_of_queues),
        T(no_attempt_opens_for_a_paused_queue),
        T(what_was_sent_is_taken_in),
        T(a_pause_is_of_a_queue_that_there_is),
        T(a_pause_said_again_keeps_its_time),
        T(a_note_is_a_line_of_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
