/* SPDX-License-Identifier: Apache-2.0 */
/* The core as a whole: it waits for rows, looks before it acts, and tries a server that is down
 * with its pictures only. */
#include <cmocka.h>
#include <string.h>

#include "core.h"
#include "fake_port.h"

static const struct dr_cfg_queue queues[] = {
    {.name = "cpu", .recovery = "continue", .recovery_limit = 3}};
static const struct dr_cfg_root root = {
    .worker_prefix = "drover",
    .clearml = {.tick_ms = 1000, .timeout_ms = 10000},
    .queues = {queues, 1},
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
static const uint8_t public_key[32] = {1};
static const struct dr_key_row key = {.id = "k1",
                                      .state = "intended",
                                      .label = "drover:d:k1",
                                      .access_key = "",
                                      .seal_pk = {public_key, 32}};

static struct dr_ledger_state rows_with(size_t keys)
{
    struct dr_ledger_state rows = {.seq = 1, .deployment = "d", .blocked = "", .ledger_id = "l"};
    rows.keys = (struct dr_key_row_list){&key, keys};
    return rows;
}

static void step(struct fake *fake, struct watcher *watcher, int64_t ms)
{
    fake_sleep(fake, ms);
    watcher_step(watcher, fake->calls_made);
}

static void rows_come_first_then_pictures_then_deeds(void **state)
{
    (void)state;
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    step(&fake, &watcher, 0);
    assert_int_equal(fake.fetches, 1);
    assert_int_equal(fake.call_count, 0); /* what is to be done is not known yet */
    watcher_rows(&watcher, NULL);
    step(&fake, &watcher, 100);
    assert_int_equal(fake.fetches, 2);
    struct dr_ledger_state rows = rows_with(1);
    watcher_rows(&watcher, &rows);
    step(&fake, &watcher, 10);
    assert_int_equal(fake.call_count, 2); /* the two pictures, and no mint without them */
    fake_fail(&fake, "queues.get_all", CLEARML_UNREACHABLE, 0, "no connection");
    fake_fail(&fake, "workers.get_all", CLEARML_UNREACHABLE, 0, "no connection");
    step(&fake, &watcher, 1000);
    assert_int_equal(fake.call_count, 0);
    step(&fake, &watcher, 4000);
    fake_answer(&fake, "queues.get_all", "{\"queues\":[]}");
    fake_answer(&fake, "workers.get_all", "{\"workers\":[]}");
    step(&fake, &watcher, 10);
    assert_string_equal(fake_next(&fake), "auth.get_credentials");
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

static void rows_are_fetched_when_something_changed_and_anyway(void **state)
{
    (void)state;
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    struct dr_ledger_state rows = rows_with(0);
    step(&fake, &watcher, 0);
    fake_sleep(&fake, 50); /* a large ledger */
    watcher_rows(&watcher, &rows);
    watcher_gap(&watcher);
    step(&fake, &watcher, 100);
    assert_int_equal(fake.fetches, 1); /* it is left in peace four times as long */
    step(&fake, &watcher, 100);
    assert_int_equal(fake.fetches, 2);
    watcher_gap(&watcher);
    step(&fake, &watcher, 1000);
    assert_int_equal(fake.fetches, 2); /* one at a time */
    watcher_rows(&watcher, &rows);
    fake_stop(&fake);
    step(&fake, &watcher, 4900);
    assert_int_equal(fake.fetches, 3); /* what changed meanwhile */
    watcher_rows(&watcher, &rows);
    assert_int_equal(watcher_wake_ms(&watcher), -1); /* a look that is not answered yet */
    step(&fake, &watcher, 4900);
    assert_int_equal(fake.fetches, 3);
    step(&fake, &watcher, 200);
    assert_int_equal(fake.fetches, 4); /* an event may have been lost */
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

static void a_new_configuration_keeps_what_is_known(void **state)
{
    (void)state;
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    struct dr_ledger_state rows = rows_with(0);
    watcher_rows(&watcher, &rows);
    step(&fake, &watcher, 0);
    fake_answer(&fake, "queues.get_all",
                "{\"queues\":[{\"id\":\"qc\",\"name\":\"cpu\",\"last_update\":\"1\"}]}");
    static const struct dr_cfg_queue more[] = {{.name = "gpu", .recovery = "continue"},
                                               {.name = "cpu", .recovery = "continue"}};
    struct dr_cfg_root changed = root;
    changed.queues = (struct dr_cfg_queue_list){more, 2};
    watcher_reconfigure(&watcher, &changed); /* amid a tick */
    fake_answer(&fake, "workers.get_all", "{\"workers\":[]}");
    fake_answer(&fake, "queues.get_all", "{\"queues\":[{\"id\":\"qc\",\"entries\":[]}]}");
    step(&fake, &watcher, 1000);
    fake_answer(&fake, "queues.get_all",
                "{\"queues\":[{\"id\":\"qc\",\"name\":\"cpu\",\"last_update\":\"1\"},"
                "{\"id\":\"qg\",\"name\":\"gpu\",\"last_update\":\"1\"}]}");
    fake_answer(&fake, "workers.get_all", "{\"workers\":[]}");
    while (fake.call_count > 0 && strcmp(fake_next(&fake), "queues.get_all") == 0)
        fake_answer(&fake, "queues.get_all",
                    "{\"queues\":[{\"id\":\"qc\",\"entries\":[]},{\"id\":\"qg\",\"entries\":[]}]}");
    const struct dr_queues_observed *said = fake.said[DR_QUEUES_OBSERVED].value;
    assert_int_equal(said->queues.count, 2);
    assert_string_equal(said->queues.items[0].name, "gpu");
    assert_true(said->queues.items[0].known);
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

static void hear_key(struct watcher *watcher, const char *state, int64_t seq)
{
    struct dr_key_changed event = {.seq = seq, .key = key};
    event.key.state = state;
    watcher_hear(watcher, DR_KEY_CHANGED, &event);
}

static void look(struct fake *fake)
{
    fake_answer(fake, "queues.get_all", "{\"queues\":[]}");
    fake_answer(fake, "workers.get_all", "{\"workers\":[]}");
    fake_ack(fake, DR_HEALTH_MARK, true, "", 1, NULL);
}

/* However many rows there are: a key that is asked for is made from its event alone. */
static void what_an_event_tells_is_not_fetched(void **state)
{
    (void)state;
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    struct dr_ledger_state rows = rows_with(0);
    step(&fake, &watcher, 0);
    watcher_rows(&watcher, &rows);
    step(&fake, &watcher, 10);
    look(&fake);
    hear_key(&watcher, "intended", 2);
    assert_int_equal(watcher_wake_ms(&watcher), 1000); /* the next look */
    step(&fake, &watcher, 500);
    assert_string_equal(fake_next(&fake), "auth.create_credentials"); /* nobody made it before */
    fake_answer(&fake, "auth.create_credentials",
                "{\"credentials\":{\"access_key\":\"AK\",\"secret_key\":\"SK\"}}");
    fake_answer(&fake, "auth.get_credentials",
                "{\"credentials\":[{\"access_key\":\"AK\",\"label\":\"drover:d:k1\"}]}");
    fake_answer(&fake, "prove", "{}");
    fake_ack(&fake, DR_KEY_SETTLE, true, "", 4, NULL);
    hear_key(&watcher, "minted", 3);
    watcher_hear(&watcher, DR_ATTEMPT_CHANGED, &(struct dr_attempt_changed){.seq = 4});
    step(&fake, &watcher, 300);
    assert_int_equal(fake.fetches, 1);
    assert_int_equal(fake.call_count, 0);
    hear_key(&watcher, "revoking", 5); /* at once: the rows show all that was written */
    step(&fake, &watcher, 1);
    assert_string_equal(fake_next(&fake), "auth.get_credentials");
    assert_int_equal(fake.fetches, 1);
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

static void a_key_from_before_is_looked_for_first(void **state)
{
    (void)state;
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    struct dr_ledger_state rows = rows_with(0);
    hear_key(&watcher, "intended", 2); /* while another watcher may still have lived */
    step(&fake, &watcher, 0);
    watcher_rows(&watcher, &rows);
    step(&fake, &watcher, 10);
    look(&fake);
    step(&fake, &watcher, 10);
    assert_string_equal(fake_next(&fake), "auth.get_credentials");
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

static void a_write_whose_events_do_not_come_is_looked_up(void **state)
{
    (void)state;
    struct fake fake;
    struct watcher watcher;
    fake_init(&fake);
    watcher_init(&watcher, &fake.port, &root);
    struct dr_ledger_state rows = rows_with(1);
    step(&fake, &watcher, 0);
    watcher_rows(&watcher, &rows);
    static const struct dr_machine_drain drain = {.machine = "m1"};
    assert_true(claim_ask(&watcher.claims, "m1", DR_MACHINE_DRAIN, &drain));
    fake_ack(&fake, DR_MACHINE_DRAIN, true, "", 2, NULL);
    step(&fake, &watcher, 199);
    assert_int_equal(fake.fetches, 1);
    step(&fake, &watcher, 1);
    assert_int_equal(fake.fetches, 2);
    rows.seq = 2;
    watcher_rows(&watcher, &rows);
    assert_true(claim_ask(&watcher.claims, "m1", DR_MACHINE_DRAIN, &drain));
    fake_ack(&fake, DR_MACHINE_DRAIN, false, "conflict", 2, NULL);
    step(&fake, &watcher, 100);
    assert_int_equal(fake.fetches, 3); /* the rows were not what they seemed */
    watcher_rows(&watcher, &rows);
    static const struct dr_slots_observed slots = {0};
    assert_true(claim_ask(&watcher.claims, "slots", DR_SLOTS_OBSERVED, &slots));
    fake_ack(&fake, DR_SLOTS_OBSERVED, true, "", 2, NULL);
    step(&fake, &watcher, 900);
    assert_int_equal(fake.fetches, 3);
    step(&fake, &watcher, 100);
    assert_int_equal(fake.fetches, 4); /* of slots there is no event, and there is no haste */
    fake_stop(&fake);
    watcher_free(&watcher);
    fake_free(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_first_then_pictures_then_deeds),
        cmocka_unit_test(rows_are_fetched_when_something_changed_and_anyway),
        cmocka_unit_test(what_an_event_tells_is_not_fetched),
        cmocka_unit_test(a_key_from_before_is_looked_for_first),
        cmocka_unit_test(a_write_whose_events_do_not_come_is_looked_up),
        cmocka_unit_test(a_new_configuration_keeps_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
