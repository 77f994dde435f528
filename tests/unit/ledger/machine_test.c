/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static bool seen(struct fixture *f, const char *machine, const char *instance, const char *word)
{
    return ask(f, MACHINE_SEEN, machine_seen, .machine = machine, .instance_id = instance,
               .word = word, .sentence = "the list says so");
}

static bool drain(struct fixture *f, const char *machine, const char *mode)
{
    return ask(f, MACHINE_DRAIN, machine_drain, .machine = machine, .mode = mode, .reason = "idle",
               .sentence = "idle for 15 min");
}

static const char *up(struct fixture *f, const char *instance)
{
    const char *id = fixture_boot(f, "cpu", instance);
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = id, .worker = "drover:test:cpu:i"));
    return id;
}

static void the_whole_life(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    struct dr_machine_row row = fixture_machine(f, id);
    assert_string_equal(row.state, "up");
    assert_int_equal(row.up_us, f->now_us);
    assert_true(drain(f, id, "idle"));
    row = fixture_machine(f, id);
    assert_string_equal(row.state, "draining");
    assert_string_equal(row.drain_mode, "idle");
    assert_string_equal(row.drain_reason, "idle");
    assert_string_equal(row.cause, "idle for 15 min");
    assert_true(ask(f, DRAIN_ANSWERED, drain_answered, .machine = id, .answer = "done"));
    row = fixture_machine(f, id);
    assert_int_equal(row.drain_acked_us, f->now_us);
    assert_true(ask(f, MACHINE_TERMINATE, machine_terminate, .machine = id, .version = row.version,
                    .sentence = "acknowledged"));
    assert_string_equal(fixture_machine(f, id).state, "terminating");
    assert_true(seen(f, id, "i-1", "ended"));
    assert_int_equal(f->events, 2); /* the machine, its key */
    row = fixture_machine(f, id);
    assert_string_equal(row.state, "gone");
    assert_non_null(strstr(row.cause, "as planned"));
    assert_int_equal(row.ended_us, f->now_us);
    assert_string_equal(fixture_key(f, row.attempt).state, "revoking");
}

static void absence_ends_nothing(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(seen(f, id, "i-1", "absent"));
    assert_string_equal(fixture_machine(f, id).state, "absent");
    assert_true(seen(f, id, "i-1", "present"));
    assert_string_equal(fixture_machine(f, id).state, "up");
    assert_true(drain(f, id, "after-task"));
    assert_true(seen(f, id, "i-1", "absent"));
    assert_true(seen(f, id, "i-1", "present"));
    assert_string_equal(fixture_machine(f, id).state, "draining");
    const char *young = fixture_boot(f, "cpu", "i-2");
    assert_true(seen(f, young, "i-2", "absent"));
    assert_true(seen(f, young, "i-2", "present"));
    assert_string_equal(fixture_machine(f, young).state, "booting");
}

static void an_end_of_its_own(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(seen(f, id, "i-1", "ended"));
    assert_string_equal(fixture_machine(f, id).state, "gone");
    assert_non_null(strstr(fixture_machine(f, id).cause, "by itself"));
    assert_true(seen(f, id, "i-1", "ended"));
    assert_int_equal(f->events, 0);
}

static void the_word_is_about_that_instance(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_false(seen(f, id, "i-10", "ended"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_false(seen(f, id, "i-1", "vanished"));
    assert_string_equal(fixture_code(f), "bad-request");
    struct dr_machine_seen other = {.machine = id, .instance_id = "i-1", .word = "ended"};
    assert_false(fixture_ask_as(f, "provisioner:away", DR_MACHINE_SEEN, &other, NULL));
    assert_string_equal(fixture_code(f), "refused");
    assert_string_equal(fixture_machine(f, id).state, "up");
}

/* The wrong profile lists nothing and says so of every machine (P4). */
static void only_its_own_accounts_word_ends_it(void **state)
{
    struct fixture *f = *state;
    f->identity = "aws:1:eu-west-1";
    const char *id = up(f, "i-1");
    struct dr_machine_row before = fixture_machine(f, id);
    static const char *const others[] = {"aws:2:eu-west-1", ""};
    for (int i = 0; i < 2; i++) {
        assert_false(ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1",
                         .word = "ended", .identity = others[i]));
        assert_string_equal(fixture_code(f), "refused");
        assert_non_null(strstr(f->ack.sentence, "\"aws:1:eu-west-1\""));
        char named[32];
        snprintf(named, sizeof named, "\"%s\"", others[i]);
        assert_non_null(strstr(f->ack.sentence, named));
        assert_int_equal(f->events, 0);
        assert_int_equal(fixture_machine(f, id).version, before.version);
    }
    /* Absence ends nothing anyway. */
    assert_true(seen(f, id, "i-1", "absent"));
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1",
                    .word = "ended", .identity = "aws:1:eu-west-1"));
    assert_string_equal(fixture_machine(f, id).state, "gone");
}

static void drains_of_what_is_not_up(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_want(f, "cpu");
    assert_true(drain(f, id, "now"));
    assert_string_equal(fixture_machine(f, id).state, "cancelled");
    const char *launching = fixture_want(f, "cpu");
    fixture_open(f, launching);
    assert_false(drain(f, launching, "now"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_non_null(strstr(f->ack.sentence, "its launch is under way"));
    const char *booting = fixture_boot(f, "cpu", "i-1");
    assert_true(drain(f, booting, "now"));
    assert_string_equal(fixture_machine(f, booting).state, "draining");
}

static void a_stronger_drain_wins(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_true(drain(f, id, "after-task"));
    assert_true(drain(f, id, "idle"));
    assert_int_equal(f->events, 0);
    assert_string_equal(fixture_machine(f, id).drain_mode, "after-task");
    assert_true(drain(f, id, "now"));
    assert_int_equal(f->events, 1);
    assert_string_equal(fixture_machine(f, id).drain_mode, "now");
    assert_false(drain(f, id, "gently"));
    assert_string_equal(fixture_code(f), "bad-request");
    assert_false(
        ask(f, MACHINE_DRAIN, machine_drain, .machine = id, .mode = "now", .reason = "mood"));
    assert_string_equal(fixture_code(f), "bad-request");
}

static void a_refused_drain_is_up_again(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_false(ask(f, DRAIN_ANSWERED, drain_answered, .machine = id, .answer = "done"));
    assert_string_equal(fixture_code(f), "conflict");
    assert_true(drain(f, id, "idle"));
    assert_true(ask(f, DRAIN_ANSWERED, drain_answered, .machine = id, .answer = "refused"));
    struct dr_machine_row row = fixture_machine(f, id);
    assert_string_equal(row.state, "up");
    assert_string_equal(row.drain_mode, "");
    assert_string_equal(row.drain_reason, "");
    assert_false(ask(f, DRAIN_ANSWERED, drain_answered, .machine = id, .answer = "maybe"));
    assert_string_equal(fixture_code(f), "bad-request");
}

static void nothing_skips_draining(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    assert_false(ask(f, MACHINE_TERMINATE, machine_terminate, .machine = id));
    assert_string_equal(fixture_code(f), "conflict");
    assert_true(drain(f, id, "now"));
    assert_false(ask(f, MACHINE_TERMINATE, machine_terminate, .machine = id, .version = 1));
    assert_string_equal(fixture_code(f), "conflict");
    assert_non_null(strstr(f->ack.sentence, "read it again"));
}

static void idle_is_all_slots(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    struct dr_slot_row two[2] = {{.worker = "w0", .machine = id, .idle_since_us = 100},
                                 {.worker = "w1", .machine = id, .task = "t", .busy = true}};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {two, 2}));
    assert_int_equal(fixture_machine(f, id).idle_since_us, 0);
    struct dr_slot_row left = {.worker = "w1", .machine = id, .idle_since_us = 200};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&left, 1}));
    assert_int_equal(fixture_machine(f, id).idle_since_us, 200);
    assert_int_equal(f->events, 1);
    /* The task stays on record (P17). */
    struct dr_slot_row row;
    assert_true(store_get(core_store(f->ledger), TABLE_SLOT, "w1", &f->kept, &row));
    assert_string_equal(row.task, "t");
    assert_false(row.busy);
    struct dr_slot_row busy = {.worker = "w0", .machine = id, .task = "u", .busy = true};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&busy, 1}));
    assert_int_equal(fixture_machine(f, id).idle_since_us, 0);
    struct dr_slot_row lost = {.worker = "w9", .machine = "m0"};
    assert_false(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&lost, 1}));
    assert_string_equal(fixture_code(f), "not-found");
    /* The worker of a machine that is gone is listed for a while: no news. */
    assert_true(seen(f, id, "i-1", "ended"));
    int64_t seq = core_seq(f->ledger);
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&left, 1}));
    assert_int_equal(core_seq(f->ledger), seq);
}

static void up_only_with_an_instance(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_want(f, "cpu");
    assert_false(ask(f, MACHINE_UP, machine_up, .machine = id, .worker = "w"));
    assert_string_equal(fixture_code(f), "conflict");
    const char *again = up(f, "i-1");
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = again, .worker = "w"));
    assert_int_equal(f->events, 0);
}

static bool found(struct fixture *f, const char *instance, const char *attempt,
                  const char *ledger_id)
{
    return ask(f, MACHINE_FOUND, machine_found, .account = "home",
               .instance = {.instance_id = instance,
                            .attempt = attempt,
                            .ledger_id = ledger_id,
                            .state = "present",
                            .launched_us = 77},
               .identity = "aws:1:eu-west-1");
}

static void a_tombstones_surplus_is_adopted_and_drained(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    const char *attempt = fixture_machine(f, id).attempt;
    assert_true(found(f, "i-2", attempt, core_ledger_id(f->ledger)));
    struct dr_machine_row row = fixture_machine(f, f->ack.ids.items[0]);
    assert_string_equal(row.state, "draining");
    assert_string_equal(row.drain_reason, "surplus");
    assert_string_equal(row.drain_mode, "now");
    assert_string_equal(row.type, "cpu");
    assert_string_equal(row.drain_queue, "q-fast");
    assert_int_equal(row.launched_us, 77);
    assert_string_equal(row.identity, "aws:1:eu-west-1");
    assert_true(row.adopted);
    /* It counts: with the bound one, two of four. */
    assert_false(fixture_try_want(f, "cpu", 3, NULL));
    assert_string_equal(fixture_code(f), "capped");
    /* Found once more: the same row. */
    assert_true(found(f, "i-2", attempt, core_ledger_id(f->ledger)));
    assert_int_equal(f->events, 0);
    assert_string_equal(f->ack.ids.items[0], row.id);
}

static void a_forgotten_attempts_machine_is_adopted_and_judged_later(void **state)
{
    struct fixture *f = *state;
    assert_true(found(f, "i-5", "a00", core_ledger_id(f->ledger)));
    struct dr_machine_row row = fixture_machine(f, f->ack.ids.items[0]);
    assert_string_equal(row.state, "booting");
    assert_true(row.adopted);
    f->identity = row.identity;
    const char *open = fixture_open(f, fixture_want(f, "cpu"));
    assert_false(found(f, "i-6", open, core_ledger_id(f->ledger)));
    assert_string_equal(fixture_code(f), "conflict");
    assert_false(ask(f, MACHINE_FOUND, machine_found, .account = "home",
                     .instance = {.instance_id = "i-7", .state = "ended"}));
    assert_string_equal(fixture_code(f), "bad-request");
}

static bool taken_over(struct fixture *f, const char *instance, const char *type)
{
    return ask(f, MACHINE_FOUND, machine_found, .account = "home",
               .instance = {.instance_id = instance, .type = type, .state = "present"});
}

/* It is a machine of its type like any other, but for what says who started it. */
static void what_was_taken_over_counts_as_its_type(void **state)
{
    struct fixture *f = *state;
    assert_true(taken_over(f, "i-5", "cpu"));
    struct dr_machine_row row = fixture_machine(f, f->ack.ids.items[0]);
    assert_string_equal(row.state, "booting");
    assert_string_equal(row.type, "cpu");
    assert_string_equal(row.attempt, "");
    assert_true(row.adopted);
    assert_non_null(strstr(row.cause, "taken over from another autoscaler"));
    assert_true(taken_over(f, "i-6", "cpu"));
    assert_false(fixture_try_want(f, "cpu", 3, NULL)); /* two of four */
    assert_string_equal(fixture_code(f), "capped");
    assert_true(taken_over(f, "i-7", "no-such-type"));
    assert_string_equal(fixture_machine(f, f->ack.ids.items[0]).type, "");
}

static void another_ledgers_machine_blocks_all(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    const char *wanted = fixture_want(f, "cpu");
    assert_true(drain(f, id, "idle"));
    assert_false(found(f, "i-9", "a00", "l-another"));
    assert_string_equal(fixture_code(f), "refused");
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 2);
    assert_false(fixture_try_want(f, "cpu", 1, NULL));
    assert_string_equal(fixture_code(f), "refused");
    assert_non_null(strstr(f->ack.sentence, "another ledger's id"));
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(wanted), .account = "home",
                     .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "refused");
    assert_false(ask(f, MACHINE_TERMINATE, machine_terminate, .machine = id));
    assert_string_equal(fixture_code(f), "refused");
    assert_false(drain(f, wanted, "now"));
    assert_string_equal(fixture_code(f), "refused");
    fixture_reopen(f);
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .account = "");
    assert_int_equal(f->type, DR_LEDGER_STATE);
    assert_non_null(strstr(f->state.blocked, "i-9"));
}

static void a_snapshot_shows_what_matters(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "i-1");
    const char *gone = up(f, "i-2");
    struct dr_slot_row slots[2] = {{.worker = "w1", .machine = id},
                                   {.worker = "w2", .machine = gone}};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {slots, 2}));
    assert_true(seen(f, gone, "i-2", "ended"));
    assert_true(ask(f, HEALTH_MARK, health_mark, .healthy_us = 5, .settling_until_us = 6));
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .account = "");
    assert_int_equal(f->state.machines.count, 1);
    assert_string_equal(f->state.machines.items[0].id, id);
    assert_int_equal(f->state.attempts.count, 2);
    assert_int_equal(f->state.keys.count, 2);
    assert_int_equal(f->state.slots.count, 1);
    assert_int_equal(f->state.healthy_us, 5);
    assert_int_equal(f->state.settling_until_us, 6);
    assert_int_equal(f->state.seq, core_seq(f->ledger));
    assert_string_equal(f->state.deployment, "test");
    assert_string_equal(f->state.ledger_id, core_ledger_id(f->ledger));
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .ended = true);
    assert_int_equal(f->state.machines.count, 2);
    assert_int_equal(f->state.slots.count, 2);
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .account = "away");
    assert_int_equal(f->state.machines.count, 0);
    assert_int_equal(f->state.keys.count, 0);
    f->now_us += 49LL * 3600 * 1000000;
    ask(f, LEDGER_SNAPSHOT, ledger_snapshot, .ended = true);
    assert_int_equal(f->state.machines.count, 1);
    assert_int_equal(f->state.attempts.count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(the_whole_life),
        T(absence_ends_nothing),
        T(an_end_of_its_own),
        T(the_word_is_about_that_instance),
        T(only_its_own_accounts_word_ends_it),
        T(drains_of_what_is_not_up),
        T(a_stronger_drain_wins),
        T(a_refused_drain_is_up_again),
        T(nothing_skips_draining),
        T(idle_is_all_slots),
        T(up_only_with_an_instance),
        T(a_tombstones_surplus_is_adopted_and_drained),
        T(a_forgotten_attempts_machine_is_adopted_and_judged_later),
        T(what_was_taken_over_counts_as_its_type),
        T(another_ledgers_machine_blocks_all),
        T(a_snapshot_shows_what_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
