/* SPDX-License-Identifier: Apache-2.0 */
/* P14: the drain flag, written until read back, answered, and taken away again. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "drain.h"
#include "fake_port.h"

static void every_case(void **state)
{
    (void)state;
    static const struct {
        const char *what, *state, *mode, *flag, *ack;
        int64_t since_us, written_for_us, deleted_ms, acked_us;
        enum drain_action action;
    } rows[] = {
        {"new drain", "draining", "idle", "", "", 5, 0, 0, 0, DRAIN_WRITE},
        {"written, unanswered", "draining", "idle", "idle", "", 5, 5, 0, 0, DRAIN_NOTHING},
        {"after a restart", "draining", "idle", "idle", "", 5, 0, 0, 0, DRAIN_NOTHING},
        {"done", "draining", "idle", "idle", "done", 5, 5, 0, 0, DRAIN_DONE},
        {"done and told", "draining", "idle", "idle", "done", 5, 5, 0, 9, DRAIN_NOTHING},
        {"done, flag gone", "draining", "now", "", "done", 5, 5, 0, 0, DRAIN_DONE},
        {"refused", "draining", "idle", "idle", "refused", 5, 5, 0, 0, DRAIN_REFUSED},
        {"refused, after a restart", "draining", "idle", "idle", "refused", 5, 0, 0, 0,
         DRAIN_REFUSED},
        {"refused before, now asked harder", "draining", "now", "idle", "refused", 5, 5, 0, 0,
         DRAIN_DELETE},
        {"asked harder", "draining", "now", "idle", "", 5, 5, 0, 0, DRAIN_WRITE},
        {"the refusal of the drain before", "draining", "idle", "idle", "refused", 6, 5, 0, 0,
         DRAIN_DELETE},
        {"the flag of the drain before", "draining", "idle", "idle", "", 6, 5, 0, 0, DRAIN_DELETE},
        {"a stray refusal", "draining", "idle", "", "refused", 5, 0, 0, 0, DRAIN_DELETE},
        {"the guard has not seen it gone", "draining", "idle", "", "", 6, 0, 97000, 0,
         DRAIN_NOTHING},
        {"the guard has seen it gone", "draining", "idle", "", "", 6, 0, 94000, 0, DRAIN_WRITE},
        {"up again", "up", "", "idle", "refused", 7, 5, 0, 0, DRAIN_DELETE},
        {"up", "up", "", "", "", 7, 0, 0, 0, DRAIN_NOTHING},
        {"booting", "booting", "", "now", "", 7, 0, 0, 0, DRAIN_DELETE},
        {"on its way out", "terminating", "idle", "idle", "done", 7, 5, 0, 0, DRAIN_NOTHING},
        {"perhaps away", "absent", "idle", "idle", "", 7, 5, 0, 0, DRAIN_NOTHING},
        {"gone", "gone", "idle", "idle", "done", 7, 5, 0, 0, DRAIN_DELETE},
        {"gone without answer", "gone", "now", "now", "", 7, 5, 0, 0, DRAIN_DELETE},
        {"gone and clean", "gone", "", "", "", 7, 0, 0, 0, DRAIN_NOTHING},
        {"failed", "failed", "", "now", "", 7, 0, 0, 0, DRAIN_DELETE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dr_machine_row machine = {.state = rows[i].state,
                                         .drain_mode = rows[i].mode,
                                         .state_since_us = rows[i].since_us,
                                         .drain_acked_us = rows[i].acked_us};
        struct drain_memory memory = {.written_for_us = rows[i].written_for_us,
                                      .deleted_ms = rows[i].deleted_ms};
        if (drain_judge(&machine, rows[i].flag, rows[i].ack, &memory, 100000, 5000) !=
            rows[i].action)
            fail_msg("%s", rows[i].what);
    }
}

#define META(keys) "{\"queues\":[{\"id\":\"q1\",\"metadata\":" keys "}]}"
#define KEY(kind, value)                                                                           \
    "\"drover." kind ".i-1\":{\"key\":\"drover." kind ".i-1\",\"type\":\"str\",\"value\":\"" value \
    "\"}"

static void the_whole_way(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    struct dr_machine_row machines[] = {
        {.id = "m1",
         .state = "draining",
         .drain_mode = "idle",
         .drain_queue = "q1",
         .instance_id = "i-1",
         .state_since_us = 5},
        {.id = "m2", .state = "up", .drain_queue = "q1", .instance_id = "i-10"},
        {.id = "m3", .state = "wanted", .drain_queue = "q1"}};
    for (size_t i = 0; i < 3; i++) {
        machines[i].drain_mode = machines[i].drain_mode == NULL ? "" : machines[i].drain_mode;
        machines[i].instance_id = machines[i].instance_id == NULL ? "" : machines[i].instance_id;
    }
    struct dr_ledger_state rows = {.seq = 1, .machines = {machines, 3}};
    struct claims claims = {.port = &fake.port, .rows = &rows};
    struct drain drain;
    drain_init(&drain, &claims, 5000);
    drain_step(&drain, 1000);
    assert_string_equal(fake_body(&fake), "{\"id\":[\"q1\"],\"only_fields\":[\"id\",\"metadata\"],"
                                          "\"page\":0,\"page_size\":500}");
    fake_answer(&fake, "queues.get_all", META("[]")); /* as old versions say "none" */
    assert_string_equal(fake_body(&fake),
                        "{\"metadata\":[{\"key\":\"drover.drain.i-1\",\"type\":\"str\","
                        "\"value\":\"idle\"}],\"queue\":\"q1\"}");
    fake_fail(&fake, "queues.add_or_update_metadata", CLEARML_TIMEOUT, 0, "no answer");
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all", META("{}")); /* the write was lost: again */
    fake_answer(&fake, "queues.add_or_update_metadata", "{\"updated\":1}");
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all", META("{" KEY("drain", "idle") "}"));
    assert_int_equal(fake.call_count + fake.ask_count, 0);
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all",
                META("{" KEY("drain", "idle") "," KEY("ack", "refused") "}"));
    const struct dr_drain_answered *answered = fake_asked(&fake, DR_DRAIN_ANSWERED);
    assert_string_equal(answered->machine, "m1");
    assert_string_equal(answered->answer, "refused");
    fake_ack(&fake, DR_DRAIN_ANSWERED, true, "", 2, NULL);
    machines[0].state = "up";
    machines[0].drain_mode = "";
    rows.seq = 2;
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all",
                META("[{\"key\":\"drover.drain.i-1\",\"value\":\"idle\"},"
                     "{\"key\":\"drover.ack.i-1\",\"value\":\"refused\"}]"));
    assert_string_equal(fake_body(&fake), "{\"keys\":[\"drover.drain.i-1\",\"drover.ack.i-1\"],"
                                          "\"queue\":\"q1\"}");
    fake_answer(&fake, "queues.delete_metadata", "{\"updated\":1}");
    /* drained anew at once: the guard must first have seen the flag gone */
    machines[0] = (struct dr_machine_row){.id = "m1",
                                          .state = "draining",
                                          .drain_mode = "now",
                                          .drain_queue = "q1",
                                          .instance_id = "i-1",
                                          .state_since_us = 9};
    rows.seq = 3;
    for (int i = 0; i < 5; i++) {
        fake_sleep(&fake, 1000);
        drain_step(&drain, 1000);
        fake_answer(&fake, "queues.get_all", META("{}"));
        assert_int_equal(fake.call_count, 0);
    }
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all", META("{}"));
    fake_answer(&fake, "queues.add_or_update_metadata", "{}");
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all",
                META("{" KEY("drain", "now") "," KEY("ack", "done") "," KEY(
                    "notice", "spot interruption at 12:00") "}"));
    assert_non_null(strstr(fake.log, "the cloud announced the end of i-1: spot interruption"));
    fake_ack(&fake, DR_DRAIN_ANSWERED, true, "", 4, NULL);
    /* and gone: nothing of it stays at the server */
    machines[0].state = "gone";
    rows.seq = 5;
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all", META("{" KEY("drain", "now") "," KEY("ack", "done") "}"));
    assert_string_equal(fake_body(&fake), "{\"keys\":[\"drover.drain.i-1\",\"drover.ack.i-1\","
                                          "\"drover.notice.i-1\"],\"queue\":\"q1\"}");
    fake_answer(&fake, "queues.delete_metadata", "{}");
    rows.seq = 6;
    fake_sleep(&fake, 1000);
    drain_step(&drain, 1000);
    fake_answer(&fake, "queues.get_all", META("{}"));
    rows.seq = 7;
    fake_sleep(&fake, 60000);
    drain_step(&drain, 1000);
    assert_int_equal(fake.call_count, 0); /* quiet costs nothing */
    fake_stop(&fake);
    drain_free(&drain);
    claims_free(&claims);
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(the_whole_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
