/* SPDX-License-Identifier: Apache-2.0 */
/* P3: what begins a settling, and what does not. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "settle.h"

#define S INT64_C(1000000)
static const struct dr_cfg_timing timing = {.settle_gap_ms = 60000, .settle_ms = 600000};

struct flock_row {
    const char *state;
    int64_t up_s, ended_s;
};

static struct dr_ledger_state flock(const struct flock_row *in, size_t count,
                                    struct dr_machine_row *machines, struct dr_slot_row *slots,
                                    char names[][24])
{
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "w%zu", i);
        machines[i] = (struct dr_machine_row){.id = names[i],
                                              .state = in[i].state,
                                              .instance_id = names[i],
                                              .up_us = in[i].up_s * S,
                                              .ended_us = in[i].ended_s * S};
        slots[i] = (struct dr_slot_row){.worker = names[i], .machine = names[i]};
    }
    return (struct dr_ledger_state){.machines = {machines, count}, .slots = {slots, count}};
}

static char words[200];

static enum settle_turn look(struct settle *settle, const struct dr_ledger_state *rows,
                             int64_t at_s, const char *const *names, size_t count)
{
    struct dr_worker_view list[64] = {0};
    int64_t reports[64] = {0};
    words[0] = '\0';
    for (size_t i = 0; i < count; i++)
        list[i].id = names[i];
    struct workers workers = {.list = list, .report_us = reports, .count = count};
    return settle_picture(settle, &workers, rows,
                          (struct when){.boot_ms = at_s * 1000, .wall_us = at_s * S}, words,
                          sizeof words);
}

static void gaps(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t gap_s;
        struct flock_row machine;
        enum settle_turn turn;
    } table[] = {
        {"a machine was up when it began", 61, {"up", 500, 0}, SETTLE_BEGAN},
        {"as long as allowed", 60, {"up", 500, 0}, SETTLE_SAME},
        {"nothing was up yet", 5000, {"booting", 0, 0}, SETTLE_SAME},
        {"it came up during the gap", 5000, {"up", 1100, 0}, SETTLE_SAME},
        {"it had ended before", 5000, {"gone", 500, 900}, SETTLE_SAME},
        {"it ended during the gap", 5000, {"gone", 500, 1100}, SETTLE_BEGAN},
    };
    for (int restarted = 0; restarted < 2; restarted++)
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            struct dr_machine_row machines[1];
            struct dr_slot_row slots[1];
            char names[1][24];
            struct dr_ledger_state rows = flock(&table[i].machine, 1, machines, slots, names);
            rows.slots.count = 0;
            struct settle settle = {0};
            settle_init(&settle, &timing);
            if (restarted) /* the ledger remembers across a restart */
                rows.healthy_us = 1000 * S;
            settle_restore(&settle, &rows, (struct when){1000 * 1000, 1000 * S});
            if (!restarted)
                assert_int_equal(look(&settle, &rows, 1000, NULL, 0), SETTLE_SAME);
            enum settle_turn turn = look(&settle, &rows, 1000 + table[i].gap_s, NULL, 0);
            if (turn != table[i].turn)
                fail_msg("%s (restarted: %d)", table[i].what, restarted);
            /* Whose absence it was is not known after a start: the server is not accused. */
            if (turn == SETTLE_BEGAN)
                assert_non_null(strstr(words, restarted ? "Drover has just begun to look"
                                                        : "the server gave no healthy picture"));
            settle_free(&settle);
        }
}

static void vanishing(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t known, vanish, ending;
        enum settle_turn turn;
    } table[] = {
        {"one of one", 1, 1, 0, SETTLE_SAME},
        {"two of two", 2, 2, 0, SETTLE_SAME},
        {"three of three", 3, 3, 0, SETTLE_BEGAN},
        {"three of fifteen is 20 %", 15, 3, 0, SETTLE_SAME},
        {"three of fourteen", 14, 3, 0, SETTLE_BEGAN},
        {"ten of fifty", 50, 10, 0, SETTLE_SAME},
        {"eleven of fifty", 50, 11, 0, SETTLE_BEGAN},
        {"ten that we end ourselves", 12, 10, 10, SETTLE_SAME},
        {"eight that we end and three more of four", 12, 11, 8, SETTLE_BEGAN},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct flock_row in[64];
        struct dr_machine_row machines[64];
        struct dr_slot_row slots[64];
        char names[64][24];
        const char *ids[64];
        for (size_t k = 0; k < table[i].known; k++)
            in[k] = (struct flock_row){k < table[i].ending ? "terminating" : "up", 10, 0};
        struct dr_ledger_state rows = flock(in, table[i].known, machines, slots, names);
        for (size_t k = 0; k < table[i].known; k++)
            ids[k] = names[k];
        struct settle settle = {0};
        settle_init(&settle, &timing);
        assert_int_equal(look(&settle, &rows, 100, ids, table[i].known), SETTLE_SAME);
        enum settle_turn turn =
            look(&settle, &rows, 130, ids + table[i].vanish, table[i].known - table[i].vanish);
        if (turn != table[i].turn)
            fail_msg("%s", table[i].what);
        settle_free(&settle);
    }
}

static void they_count_together_within_a_minute(void **state)
{
    (void)state;
    struct flock_row in[4] = {{"up", 1, 0}, {"up", 1, 0}, {"up", 1, 0}, {"up", 1, 0}};
    struct dr_machine_row machines[4];
    struct dr_slot_row slots[4];
    char names[4][24];
    struct dr_ledger_state rows = flock(in, 4, machines, slots, names);
    const char *ids[] = {"w0", "w1", "w2", "w3"};
    struct settle settle = {0};
    settle_init(&settle, &timing);
    look(&settle, &rows, 100, ids, 4);
    assert_int_equal(look(&settle, &rows, 110, ids, 2), SETTLE_SAME);
    assert_int_equal(look(&settle, &rows, 140, ids, 1), SETTLE_BEGAN);
    assert_true(settle_runs(&settle, (struct when){700 * 1000, 0}));
    /* the same ones do not begin it again; it ends in time */
    for (int64_t at = 180; at < 740; at += 40)
        assert_int_equal(look(&settle, &rows, at, ids, 1), SETTLE_SAME);
    assert_int_equal(look(&settle, &rows, 741, ids, 1), SETTLE_ENDED);
    /* one at a time, each in a minute of its own, is no outage */
    look(&settle, &rows, 780, ids, 4);
    assert_int_equal(look(&settle, &rows, 830, ids, 2), SETTLE_SAME);
    assert_int_equal(look(&settle, &rows, 880, ids, 2), SETTLE_SAME);
    assert_int_equal(look(&settle, &rows, 895, ids, 0), SETTLE_SAME);
    settle_free(&settle);
}

static void a_restart_neither_forgets_nor_prolongs(void **state)
{
    (void)state;
    struct flock_row in[4] = {{"up", 1, 0}, {"up", 1, 0}, {"up", 1, 0}, {"gone", 1, 2}};
    struct dr_machine_row machines[4];
    struct dr_slot_row slots[4];
    char names[4][24];
    struct dr_ledger_state rows = flock(in, 4, machines, slots, names);
    rows.healthy_us = 1000 * S;
    rows.settling_until_us = 1300 * S;
    struct settle settle = {0};
    settle_init(&settle, &timing);
    settle_restore(&settle, &rows, (struct when){5000, 1010 * S});
    assert_true(settle_runs(&settle, (struct when){5000 + 289000, 0}));
    assert_false(settle_runs(&settle, (struct when){5000 + 290000, 0}));
    settle_free(&settle);
    /* a wall clock far back must not settle longer than a settling lasts */
    settle_init(&settle, &timing);
    settle_restore(&settle, &rows, (struct when){5000, 0});
    assert_false(settle_runs(&settle, (struct when){5000 + 600000, 0}));
    settle_free(&settle);
    /* the three machines that were up are known to the successor: all gone is an outage */
    settle_init(&settle, &timing);
    rows.settling_until_us = 0;
    settle_restore(&settle, &rows, (struct when){1010 * 1000, 1010 * S});
    assert_int_equal(look(&settle, &rows, 1011, NULL, 0), SETTLE_BEGAN);
    settle_free(&settle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps),
        cmocka_unit_test(vanishing),
        cmocka_unit_test(they_count_together_within_a_minute),
        cmocka_unit_test(a_restart_neither_forgets_nor_prolongs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
