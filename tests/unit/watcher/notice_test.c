/* SPDX-License-Identifier: Apache-2.0 */
/* What machines say of themselves (P21): heard in the tick's list of queues, told to the ledger
 * until its rows show it, taken away when the machine is gone. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "fake_port.h"
#include "notice.h"

#define SPOT "spot interruption at 12:00"
#define ITEM(instance, value)                                           \
    "\"drover.notice." instance "\":{\"key\":\"drover.notice." instance \
    "\",\"type\":\"str\",\"value\":\"" value "\"}"
#define LIST(items) "{\"queues\":[{\"id\":\"q1\",\"name\":\"cpu\",\"metadata\":{" items "}}]}"

struct bench {
    struct fake fake;
    struct dr_machine_row machine;
    struct dr_ledger_state rows;
    struct claims claims;
    struct drain drain;
};

static struct dr_machine_row machine_in(const char *state, const char *mode, const char *reason)
{
    return (struct dr_machine_row){.id = "m1",
                                   .state = state,
                                   .drain_mode = mode,
                                   .drain_reason = reason,
                                   .drain_queue = "q1",
                                   .instance_id = "i-1",
                                   .state_since_us = 5};
}

static void begin(struct bench *b, struct dr_machine_row machine)
{
    memset(b, 0, sizeof *b);
    fake_init(&b->fake);
    b->machine = machine;
    b->rows = (struct dr_ledger_state){.seq = 1, .machines = {&b->machine, 1}};
    b->claims = (struct claims){.port = &b->fake.port, .rows = &b->rows};
    drain_init(&b->drain, &b->claims, 5000);
}

static void end(struct bench *b)
{
    fake_stop(&b->fake);
    drain_free(&b->drain);
    claims_free(&b->claims);
    fake_free(&b->fake);
}

static void hear(struct bench *b, const char *text)
{
    json_t *data = json_loads(text, 0, NULL);
    assert_non_null(data);
    notice_hear(&b->drain, data);
    json_decref(data);
}

static void every_case(void **state)
{
    (void)state;
    static const struct {
        const char *what, *state, *mode, *reason, *list;
        enum dr_type asked; /* DR_NONE: nothing */
    } rows[] = {
        {"booting, unfit", "booting", "", "", LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")),
         DR_MACHINE_UNFIT},
        {"up, unfit", "up", "", "", LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")), DR_MACHINE_UNFIT},
        {"absent, unfit", "absent", "", "", LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")),
         DR_MACHINE_UNFIT},
        {"drains for something else, unfit", "draining", "now", "never-registered",
         LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")), DR_MACHINE_UNFIT},
        {"drains as unfit", "draining", "now", "unfit", LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")),
         DR_NONE},
        {"terminating, unfit", "terminating", "now", "unfit", LIST(ITEM("i-1", "unfit: x")),
         DR_NONE},
        {"gone, unfit", "gone", "now", "unfit", LIST(ITEM("i-1", "unfit: x")), DR_NONE},
        {"booting, noticed", "booting", "", "", LIST(ITEM("i-1", SPOT)), DR_MACHINE_DRAIN},
        {"up, noticed", "up", "", "", LIST(ITEM("i-1", SPOT)), DR_MACHINE_DRAIN},
        {"absent, noticed", "absent", "", "", LIST(ITEM("i-1", SPOT)), DR_MACHINE_DRAIN},
        {"was unfit, and is absent", "absent", "now", "unfit",
         LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")), DR_NONE},
        {"was noticed, and is absent", "absent", "now", "notice", LIST(ITEM("i-1", SPOT)), DR_NONE},
        {"drains gently, noticed", "draining", "after-task", "age", LIST(ITEM("i-1", SPOT)),
         DR_MACHINE_DRAIN},
        {"drains now, noticed", "draining", "now", "hand", LIST(ITEM("i-1", SPOT)), DR_NONE},
        {"terminating, noticed", "terminating", "idle", "idle", LIST(ITEM("i-1", SPOT)), DR_NONE},
        {"gone, noticed", "gone", "", "", LIST(ITEM("i-1", SPOT)), DR_NONE},
        {"a list, as old versions have it", "up", "", "",
         "{\"queues\":[{\"id\":\"q1\",\"metadata\":[{\"key\":\"drover.notice.i-1\",\"value\":"
         "\"" SPOT "\"}]}]}",
         DR_MACHINE_DRAIN},
        {"another machine's", "up", "", "", LIST(ITEM("i-10", SPOT)), DR_NONE},
        {"in another queue", "up", "", "",
         "{\"queues\":[{\"id\":\"q2\",\"metadata\":{" ITEM("i-1", SPOT) "}}]}", DR_NONE},
        {"nothing said", "up", "", "", LIST(""), DR_NONE},
        {"no metadata at all", "up", "", "", "{\"queues\":[{\"id\":\"q1\"}]}", DR_NONE},
        {"an empty word", "up", "", "", LIST(ITEM("i-1", "")), DR_NONE},
        {"a word that only begins like it", "up", "", "", LIST(ITEM("i-1", "unfitting")),
         DR_MACHINE_DRAIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        begin(&b, machine_in(rows[i].state, rows[i].mode, rows[i].reason));
        hear(&b, rows[i].list);
        enum dr_type asked = b.fake.ask_count == 0 ? DR_NONE : b.fake.asks[0].type;
        if (asked != rows[i].asked || b.fake.ask_count > 1 || b.fake.call_count > 0)
            fail_msg("%s", rows[i].what);
        end(&b);
    }
}

static void an_unbound_machine_waits_for_its_name(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, machine_in("launching", "", ""));
    b.machine.instance_id = "";
    hear(&b, LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")));
    assert_int_equal(b.fake.ask_count, 0);
    b.machine = machine_in("booting", "", "");
    hear(&b, LIST(ITEM("i-1", "unfit: 3 of 4 GPUs")));
    const struct dr_machine_unfit *unfit = fake_asked(&b.fake, DR_MACHINE_UNFIT);
    assert_string_equal(unfit->machine, "m1");
    assert_string_equal(unfit->sentence, "3 of 4 GPUs");
    assert_non_null(strstr(b.fake.log, "3 of 4 GPUs"));
    end(&b);
}

static void it_is_said_until_the_rows_show_it(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, machine_in("up", "", ""));
    hear(&b, LIST(ITEM("i-1", SPOT)));
    hear(&b, LIST(ITEM("i-1", SPOT)));
    assert_int_equal(b.fake.ask_count, 1); /* one at a time */
    const struct dr_machine_drain *drain = fake_asked(&b.fake, DR_MACHINE_DRAIN);
    assert_string_equal(drain->mode, "now");
    assert_string_equal(drain->reason, "notice");
    assert_string_equal(drain->sentence, "the cloud announced its end: " SPOT);
    fake_ack(&b.fake, DR_MACHINE_DRAIN, false, "unavailable", 0, NULL);
    fake_sleep(&b.fake, 10000);
    hear(&b, LIST(ITEM("i-1", SPOT)));
    fake_ack(&b.fake, DR_MACHINE_DRAIN, true, "", 2, NULL);
    hear(&b, LIST(ITEM("i-1", SPOT)));
    assert_int_equal(b.fake.ask_count, 0); /* done, and these rows are older */
    b.machine = machine_in("draining", "now", "notice");
    b.rows.seq = 2;
    hear(&b, LIST(ITEM("i-1", SPOT)));
    assert_int_equal(b.fake.ask_count, 0);
    const char *first = strstr(b.fake.log, "the cloud announced the end of i-1: " SPOT);
    assert_non_null(first);
    assert_null(strstr(first + 1, "the cloud announced the end")); /* a person is told once */
    end(&b);
}

static void a_long_word_is_cut_between_characters(void **state)
{
    (void)state;
    struct bench b;
    char list[1400], word[1000] = "unfit: x";
    while (strlen(word) < 900)
        strcat(word, "ü"); /* two bytes each, so that the limit falls into one */
    snprintf(list, sizeof list,
             "{\"queues\":[{\"id\":\"q1\",\"metadata\":[{\"key\":"
             "\"drover.notice.i-1\",\"value\":\"%s\"}]}]}",
             word);
    begin(&b, machine_in("booting", "", ""));
    hear(&b, list);
    const struct dr_machine_unfit *unfit = fake_asked(&b.fake, DR_MACHINE_UNFIT);
    assert_int_equal(strlen(unfit->sentence), 299);
    assert_memory_equal(unfit->sentence + 297, "ü", 2);
    end(&b);
}

/* Flag and answer may never have been written: the word alone is taken away too, but only then. */
static void it_is_taken_away_when_the_machine_is_gone(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, machine_in("booting", "", ""));
    drain_step(&b.drain, 1000); /* the look after a start finds nothing */
    fake_answer(&b.fake, "queues.get_all", LIST(""));
    hear(&b, LIST(ITEM("i-1", "unfit: x")));
    fake_ack(&b.fake, DR_MACHINE_UNFIT, true, "", 2, NULL);
    b.machine = machine_in("terminating", "now", "unfit");
    b.rows.seq = 3;
    fake_sleep(&b.fake, 20000);
    drain_step(&b.drain, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST(ITEM("i-1", "unfit: x")));
    assert_int_equal(b.fake.call_count, 0);
    b.machine = machine_in("gone", "now", "unfit");
    b.rows.seq = 4;
    fake_sleep(&b.fake, 1000);
    drain_step(&b.drain, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST(ITEM("i-1", "unfit: x")));
    assert_string_equal(fake_body(&b.fake), "{\"keys\":[\"drover.drain.i-1\",\"drover.ack.i-1\","
                                            "\"drover.notice.i-1\"],\"queue\":\"q1\"}");
    fake_answer(&b.fake, "queues.delete_metadata", "{}");
    end(&b);
}

/* A leftover flag is taken off a booting machine; its word stays until the ledger has it. */
static void a_leftover_flag_takes_no_word_with_it(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, machine_in("booting", "", ""));
    drain_step(&b.drain, 1000);
    fake_answer(&b.fake, "queues.get_all",
                LIST("\"drover.drain.i-1\":{\"value\":\"idle\"}," ITEM("i-1", "unfit: x")));
    assert_string_equal(fake_body(&b.fake),
                        "{\"keys\":[\"drover.drain.i-1\",\"drover.ack.i-1\"],\"queue\":\"q1\"}");
    end(&b);
}

/* The whole core: the word comes with the one call that a tick makes anyway. */
static void it_costs_no_call(void **state)
{
    (void)state;
    static const struct dr_cfg_queue queue = {
        .name = "cpu", .recovery = "continue", .recovery_limit = 3};
    static const struct dr_cfg_root root = {
        .worker_prefix = "drover",
        .clearml = {.tick_ms = 1000, .timeout_ms = 10000},
        .queues = {&queue, 1},
        .timing = {.queue_reread_ms = 15000,
                   .workers_period_ms = 15000,
                   .worker_proof_ms = 90000,
                   .fresh_queues_ms = 15000,
                   .settle_gap_ms = 60000,
                   .settle_ms = 600000,
                   .popped_still_ms = 300000,
                   .orphan_ms = 300000,
                   .drain_poll_ms = 5000,
                   .key_sweep_ms = 600000},
    };
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    struct dr_machine_row machine = machine_in("up", "", "");
    machine.id = "m1";
    struct dr_ledger_state rows = {
        .seq = 1, .deployment = "d", .blocked = "", .ledger_id = "l", .machines = {&machine, 1}};
    machine.type = machine.account = machine.cause = machine.attempt = machine.offering = "";
    machine.for_queue = machine.identity = "";
    watcher_rows(&watcher, &rows);
    watcher_step(&watcher, fake.calls_made);
    fake_answer(&fake, "queues.get_all", LIST(ITEM("i-1", SPOT)));
    int64_t made = fake.calls_made;
    watcher_step(&watcher, fake.calls_made);
    assert_int_equal(fake.calls_made, made);
    bool asked = false;
    for (size_t i = 0; i < fake.ask_count; i++)
        asked = asked || fake.asks[i].type == DR_MACHINE_DRAIN;
    assert_true(asked);
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(an_unbound_machine_waits_for_its_name),
        cmocka_unit_test(it_is_said_until_the_rows_show_it),
        cmocka_unit_test(a_long_word_is_cut_between_characters),
        cmocka_unit_test(it_is_taken_away_when_the_machine_is_gone),
        cmocka_unit_test(a_leftover_flag_takes_no_word_with_it),
        cmocka_unit_test(it_costs_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
