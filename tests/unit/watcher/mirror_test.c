/* SPDX-License-Identifier: Apache-2.0 */
/* P29: rows from events on top of snapshots, with events lost, late and twice. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mirror.h"

static enum mirror_word key(struct mirror *mirror, const char *id, const char *state, int64_t seq)
{
    char copy[32];
    snprintf(copy, sizeof copy, "%s", id); /* nothing of it is borrowed */
    struct dr_key_changed event = {.seq = seq, .key = {.id = copy, .state = state}};
    enum mirror_word word = mirror_hear(mirror, DR_KEY_CHANGED, &event);
    memset(copy, '?', sizeof copy - 1);
    return word;
}

static enum mirror_word machine(struct mirror *mirror, const char *state, int64_t ended_us,
                                int64_t seq)
{
    struct dr_machine_changed event = {
        .seq = seq, .machine = {.id = "m1", .state = state, .ended_us = ended_us}};
    return mirror_hear(mirror, DR_MACHINE_CHANGED, &event);
}

static enum mirror_word attempt(struct mirror *mirror, int64_t seq)
{
    return mirror_hear(mirror, DR_ATTEMPT_CHANGED, &(struct dr_attempt_changed){.seq = seq});
}

/* One machine m1 and one key k1. */
static void take(struct mirror *mirror, const char *machine_state, const char *key_state,
                 int64_t seq)
{
    struct dr_machine_row machines[] = {{.id = "m1", .state = machine_state}};
    struct dr_key_row keys[] = {{.id = "k1", .state = key_state}};
    mirror_take(mirror, &(struct dr_ledger_state){
                            .seq = seq, .machines = {machines, 1}, .keys = {keys, 1}});
}

static const char *key_state(const struct mirror *mirror, const char *id)
{
    const struct dr_ledger_state *rows = mirror_rows(mirror);
    const char *found = "none";
    for (size_t i = 0; i < rows->keys.count; i++)
        if (strcmp(rows->keys.items[i].id, id) == 0) {
            assert_string_equal(found, "none"); /* each row once */
            found = rows->keys.items[i].state;
        }
    return found;
}

static const char *machine_state(const struct mirror *mirror)
{
    assert_int_equal(mirror_rows(mirror)->machines.count, 1);
    return mirror_rows(mirror)->machines.items[0].state;
}

static void an_event_changes_its_row_and_adds_new_ones(void **state)
{
    (void)state;
    struct mirror mirror;
    mirror_init(&mirror);
    assert_null(mirror_rows(&mirror));
    take(&mirror, "wanted", "intended", 10);
    assert_int_equal(key(&mirror, "k1", "minted", 11), MIRROR_SHOWN);
    assert_int_equal(machine(&mirror, "launching", 0, 12), MIRROR_SHOWN);
    assert_string_equal(key_state(&mirror, "k1"), "minted");
    assert_string_equal(machine_state(&mirror), "launching");
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "new%d", i);
        assert_int_equal(key(&mirror, id, "intended", 13 + i), MIRROR_SHOWN);
    }
    assert_int_equal(mirror_rows(&mirror)->keys.count, 101);
    assert_string_equal(key_state(&mirror, "new0"), "intended");
    assert_string_equal(key_state(&mirror, "new99"), "intended");
    struct dr_recovery_changed recovery = {.seq = 113,
                                           .recovery = {.id = "r1", .step = "stop", .task = "t"}};
    assert_int_equal(mirror_hear(&mirror, DR_RECOVERY_CHANGED, &recovery), MIRROR_SHOWN);
    assert_string_equal(mirror_rows(&mirror)->recoveries.items[0].step, "stop");
    mirror_free(&mirror);
}

static void the_newer_row_stands(void **state)
{
    (void)state;
    struct mirror mirror;
    mirror_init(&mirror);
    assert_int_equal(key(&mirror, "k2", "minted", 12), MIRROR_SHOWN); /* before the first rows */
    take(&mirror, "wanted", "intended", 10);
    assert_string_equal(key_state(&mirror, "k2"), "minted");
    assert_int_equal(key(&mirror, "k1", "minted", 10), MIRROR_OLD); /* the rows are newer */
    assert_string_equal(key_state(&mirror, "k1"), "intended");
    assert_int_equal(key(&mirror, "k1", "revoking", 14), MIRROR_SHOWN);
    assert_int_equal(key(&mirror, "k1", "minted", 13), MIRROR_OLD); /* late */
    assert_int_equal(key(&mirror, "k1", "minted", 14), MIRROR_OLD); /* twice */
    assert_string_equal(key_state(&mirror, "k1"), "revoking");
    take(&mirror, "wanted", "minted", 13); /* asked for before it was heard */
    assert_string_equal(key_state(&mirror, "k1"), "revoking");
    take(&mirror, "wanted", "revoked", 15);
    assert_string_equal(key_state(&mirror, "k1"), "revoked");
    assert_string_equal(key_state(&mirror, "k2"), "none");
    mirror_free(&mirror);
}

/* Writes are not repeated before the rows show them: seq may not say more than is shown. */
static void a_lost_event_holds_the_sequence_back(void **state)
{
    (void)state;
    struct mirror mirror;
    mirror_init(&mirror);
    take(&mirror, "wanted", "intended", 10);
    assert_int_equal(attempt(&mirror, 11), MIRROR_SHOWN);
    assert_int_equal(mirror_rows(&mirror)->seq, 11);
    key(&mirror, "k1", "minted", 13); /* 12 is lost */
    key(&mirror, "k2", "intended", 14);
    assert_string_equal(key_state(&mirror, "k1"), "minted");
    assert_int_equal(mirror_rows(&mirror)->seq, 10);
    take(&mirror, "wanted", "intended", 11); /* and not in these rows either */
    assert_int_equal(mirror_rows(&mirror)->seq, 11);
    take(&mirror, "launching", "intended", 12);
    assert_int_equal(mirror_rows(&mirror)->seq, 14); /* now nothing is missing */
    assert_string_equal(key_state(&mirror, "k1"), "minted");
    take(&mirror, "launching", "minted", 20);
    assert_int_equal(mirror_rows(&mirror)->seq, 20);
    mirror_free(&mirror);
}

static void a_machines_end_comes_with_its_slots(void **state)
{
    (void)state;
    struct mirror mirror;
    mirror_init(&mirror);
    take(&mirror, "terminating", "minted", 10);
    assert_int_equal(machine(&mirror, "gone", 1, 11), MIRROR_FETCH);
    assert_string_equal(machine_state(&mirror), "terminating");
    assert_int_equal(key(&mirror, "k1", "revoking", 12), MIRROR_SHOWN);
    assert_int_equal(mirror_rows(&mirror)->seq, 10); /* 11 is not shown */
    take(&mirror, "gone", "minted", 11);
    assert_string_equal(machine_state(&mirror), "gone");
    assert_int_equal(mirror_rows(&mirror)->seq, 12);
    mirror_free(&mirror);
}

/* A ledger that was put back from a copy counts from lower on. */
static void in_doubt_the_next_rows_stand(void **state)
{
    (void)state;
    struct mirror mirror;
    mirror_init(&mirror);
    take(&mirror, "wanted", "intended", 100);
    key(&mirror, "k1", "minted", 101);
    mirror_doubt(&mirror);
    assert_string_equal(key_state(&mirror, "k1"), "minted"); /* until then */
    assert_int_equal(key(&mirror, "k3", "intended", 52), MIRROR_SHOWN);
    take(&mirror, "wanted", "intended", 51);
    assert_string_equal(key_state(&mirror, "k1"), "intended");
    assert_string_equal(key_state(&mirror, "k3"), "intended");
    assert_int_equal(mirror_rows(&mirror)->seq, 52);
    mirror_free(&mirror);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_changes_its_row_and_adds_new_ones),
        cmocka_unit_test(the_newer_row_stands),
        cmocka_unit_test(a_lost_event_holds_the_sequence_back),
        cmocka_unit_test(a_machines_end_comes_with_its_slots),
        cmocka_unit_test(in_doubt_the_next_rows_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
