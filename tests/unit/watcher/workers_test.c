/* SPDX-License-Identifier: Apache-2.0 */
/* Time stamps, worker ids, the workers' answer, what the ledger is told of slots. */
#include <cmocka.h>
#include <string.h>

#include "fake_port.h"
#include "slots.h"
#include "stamp.h"
#include "workers.h"

#define WALL INT64_C(1800000000000000) /* 2027-01-15T08:00:00Z, as fake_init() sets it */

static void stamps_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-02T00:00:00.5", INT64_C(86400500000)},
        {"2027-01-15T08:00:00.000001+00:00", WALL + 1},
        {"2027-01-15T08:00:00Z", WALL},
        {"2027-01-15T10:00:00+02:00", WALL},
        {"2027-01-15 08:00:00.123456789", WALL + 123456},
        {"2024-02-29T00:00:00", INT64_C(1709164800000000)},
        {NULL, 0},
        {"", 0},
        {"2027-01-15", 0},
        {"2027-13-15T08:00:00", 0},
        {"2027-01-15T08:00:00+2", 0},
        {"yesterday", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (stamp_us(rows[i].text) != rows[i].us)
            fail_msg("%s", rows[i].text);
}

static void a_date_header_only_says_at_least(void **state)
{
    (void)state;
    struct server_clock clock = {0};
    server_clock_learn(&clock, 0, WALL);
    assert_int_equal(server_clock_theirs(&clock, WALL), WALL);
    server_clock_learn(&clock, WALL + 5000000, WALL + 900000); /* 5 s ahead, cut by 0.9 s */
    server_clock_learn(&clock, WALL + 6000000, WALL + 1000000);
    server_clock_learn(&clock, WALL + 6000000, WALL + 1500000);
    assert_int_equal(server_clock_theirs(&clock, WALL), WALL + 5000000);
    assert_int_equal(server_clock_ours(&clock, WALL + 5000000), WALL);
    server_clock_learn(&clock, WALL, WALL); /* somebody set a clock */
    assert_int_equal(server_clock_theirs(&clock, WALL), WALL);
}

static void ids_are_split_never_compared_by_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        const char *instance; /* NULL: not ours */
        int64_t slot;
    } rows[] = {
        {"drover:local:small:i-1", "i-1", 0},
        {"drover:local:small:i-10", "i-10", 0},
        {"drover:local:small:i-1:gpu3", "i-1", 3},
        {"drover:local:small:i-1:dgpu0,1", "i-1", 0},
        {"drover:local:small:i-1:cpu2", "i-1", 2},
        {"drover:local:small:i-1:gpu", NULL, 0},
        {"drover:local:small:i-1:tpu1", NULL, 0},
        {"drover:local:small:i-1:gpu1:x", NULL, 0},
        {"drover:local:small:", NULL, 0},
        {"drover::small:i-1", NULL, 0},
        {"drover:local:i-1", NULL, 0},
        {"drover2:local:small:i-1", NULL, 0},
        {"drover", NULL, 0},
        {"office-pc:gpu0", NULL, 0},
        {"", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worker_name name;
        bool ours = worker_parse(rows[i].id, "drover", &name);
        if (ours != (rows[i].instance != NULL))
            fail_msg("%s", rows[i].id);
        if (ours) {
            assert_string_equal(name.instance, rows[i].instance);
            assert_int_equal(name.slot, rows[i].slot);
        }
    }
}

static const struct dr_machine_row machines[] = {
    {.id = "m2", .state = "up", .instance_id = "i-10"},
    {.id = "m1", .state = "booting", .instance_id = "i-1"},
};
static const struct dr_slot_row slot_rows[] = {
    {.worker = "drover:local:small:i-10",
     .machine = "m2",
     .task = "t9",
     .busy = false,
     .seen_us = 7,
     .idle_since_us = WALL - 60000000},
};
static const struct dr_ledger_state rows = {
    .seq = 5, .machines = {machines, 2}, .slots = {slot_rows, 1}};

#define WORKERS                                                                                   \
    "{\"workers\":["                                                                              \
    "{\"id\":\"drover:local:small:i-1\",\"last_activity_time\":\"2027-01-15T07:59:50\","          \
    "\"queues\":[{\"id\":\"q1\"},{\"id\":\"q2\"}],\"task\":{\"id\":\"t1\"}},"                     \
    "{\"id\":\"drover:local:small:i-10\",\"last_report_time\":\"2027-01-15T07:50:00\","           \
    "\"queues\":[{\"id\":\"q1\"}]},"                                                              \
    "{\"id\":\"drover:local:small:i-77\",\"last_report_time\":\"2027-01-15T08:00:00\","           \
    "\"queues\":[]},"                                                                             \
    "{\"id\":\"office\",\"register_time\":\"2027-01-15T07:59:59\",\"queues\":[{\"id\":\"q2\"}]}," \
    "{\"id\":\"office\",\"last_report_time\":\"2027-01-15T07:00:00\",\"queues\":[],"              \
    "\"task\":{\"id\":\"old\"}}]}"

static void read_workers(struct workers *out, const char *json)
{
    struct server_clock clock = {0};
    const char *wrong = NULL;
    json_t *data = json_loads(json, 0, NULL);
    assert_non_null(data);
    assert_true(workers_read(data, "drover", &rows, &clock, 1000000, WALL, 90000, out, &wrong));
    json_decref(data);
}

static void the_answer_becomes_views(void **state)
{
    (void)state;
    struct workers workers;
    read_workers(&workers, WORKERS);
    assert_int_equal(workers.count, 4); /* the twin of `office` with the older report is gone */
    const struct dr_worker_view *one = workers_find(&workers, "drover:local:small:i-1");
    assert_true(one->ours && one->proven);
    assert_string_equal(one->instance_id, "i-1");
    assert_string_equal(one->task, "t1");
    assert_int_equal(one->queues.count, 2);
    assert_string_equal(one->queues.items[1], "q2");
    assert_int_equal(one->report_age_ms, 10000);
    const struct dr_worker_view *ten = workers_find(&workers, "drover:local:small:i-10");
    assert_true(ten->ours && !ten->proven); /* ten minutes silent: an idle slot without proof */
    assert_string_equal(ten->instance_id, "i-10");
    assert_false(workers_find(&workers, "drover:local:small:i-77")->ours); /* no row has it */
    const struct dr_worker_view *office = workers_find(&workers, "office");
    assert_true(!office->ours && office->proven);
    assert_string_equal(office->task, "");
    workers_free(&workers);
}

static void half_an_answer_is_no_answer(void **state)
{
    (void)state;
    static const char *const answers[] = {"{}", "{\"workers\":{}}", "{\"workers\":[{}]}",
                                          "{\"workers\":[{\"id\":\"a\"},{\"id\":\"\"}]}"};
    for (size_t i = 0; i < 4; i++) {
        struct workers workers;
        struct server_clock clock = {0};
        const char *wrong = NULL;
        json_t *data = json_loads(answers[i], 0, NULL);
        assert_false(workers_read(data, "drover", &rows, &clock, 1, WALL, 90000, &workers, &wrong));
        assert_non_null(wrong);
        assert_int_equal(workers.count, 0);
        json_decref(data);
    }
}

static void the_ledger_is_told_what_changed(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    struct claims claims = {.port = &fake.port, .rows = &rows};
    struct slots slots = {0};
    struct workers workers;
    read_workers(&workers, WORKERS);
    slots_remember(&slots, &workers, &rows);
    /* idle since before this watcher lived, as the ledger remembers */
    assert_int_equal(workers_find(&workers, "drover:local:small:i-10")->idle_since_us,
                     WALL - 60000000);
    assert_int_equal(workers_find(&workers, "office")->idle_since_us, WALL);
    slots_tell(&claims, &workers);
    const struct dr_machine_up *up = fake_asked(&fake, DR_MACHINE_UP);
    assert_string_equal(up->machine, "m1");
    slots_tell(&claims, &workers); /* both writes are under way: neither is doubled */
    assert_int_equal(fake.ask_count, 2);
    fake_ack(&fake, DR_MACHINE_UP, true, "", 6, NULL);
    const struct dr_slots_observed *observed = fake_asked(&fake, DR_SLOTS_OBSERVED);
    assert_int_equal(observed->slots.count, 1);
    assert_string_equal(observed->slots.items[0].task, "t1");
    assert_true(observed->slots.items[0].busy);
    assert_int_equal(observed->slots.items[0].idle_since_us, 0);
    fake_ack(&fake, DR_SLOTS_OBSERVED, true, "", 7, NULL);
    assert_true(claims.slots_told);
    slots_tell(&claims, &workers); /* the rows at hand are older than the acks */
    assert_int_equal(fake.ask_count, 0);
    workers_free(&workers);

    static const struct dr_slot_row now_rows[] = {
        {.worker = "drover:local:small:i-1", .machine = "m1", .task = "t1", .busy = true}};
    struct dr_ledger_state later = rows;
    later.seq = 7;
    later.slots = (struct dr_slot_row_list){now_rows, 1};
    claims.rows = &later;
    read_workers(&workers, "{\"workers\":[{\"id\":\"drover:local:small:i-1\",\"queues\":[],"
                           "\"last_report_time\":\"2027-01-15T08:00:00\"}]}");
    slots_remember(&slots, &workers, &later);
    slots_tell(&claims, &workers);
    fake_ack(&fake, DR_MACHINE_UP, false, "conflict", 7, NULL);
    observed = fake_asked(&fake, DR_SLOTS_OBSERVED);
    assert_false(observed->slots.items[0].busy);
    assert_string_equal(observed->slots.items[0].task, "t1"); /* stays, for the recovery */
    assert_int_equal(observed->slots.items[0].idle_since_us, WALL);
    assert_non_null(strstr(fake.log, "the ledger refused machine.up"));
    workers_free(&workers);
    fake_stop(&fake);
    slots_free(&slots);
    claims_free(&claims);
    fake_free(&fake);
}

/* P8: what a slot did while no watcher lived is asked once, of the server's own record. */
static void work_that_nobody_watched_counts(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int64_t idle_since_us;
    } cases[] = {
        {"{\"tasks\":[{\"id\":\"t1\",\"last_update\":\"2027-01-15T07:59:30\"}]}", WALL - 30000000},
        {"{\"tasks\":[{\"id\":\"t1\",\"last_update\":\"2027-01-15T07:00:00\"}]}", WALL - 60000000},
        {"{\"tasks\":[]}", WALL - 60000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake;
        fake_init(&fake);
        struct claims claims = {.port = &fake.port, .rows = &rows};
        struct slots slots = {0};
        struct server_clock clock = {0};
        struct workers workers;
        read_workers(&workers, WORKERS);
        slots_remember(&slots, &workers, &rows);
        slots_ask_last(&slots, &claims, &workers, &clock);
        slots_ask_last(&slots, &claims, &workers, &clock);
        assert_int_equal(fake.call_count, 1); /* only i-10: the ledger knew it idle */
        assert_non_null(strstr(fake_body(&fake), "\"runtime._exec_agent_hostname\":\"i-10\""));
        fake_answer(&fake, "tasks.get_all", cases[i].answer);
        slots_remember(&slots, &workers, &rows);
        assert_int_equal(workers_find(&workers, "drover:local:small:i-10")->idle_since_us,
                         cases[i].idle_since_us);
        fake_sleep(&fake, 2000);
        slots_ask_last(&slots, &claims, &workers, &clock);
        assert_int_equal(fake.call_count, 0);
        slots_tell(&claims, &workers);
        fake_ack(&fake, DR_MACHINE_UP, true, "", 6, NULL);
        const struct dr_slots_observed *told = fake_asked(&fake, DR_SLOTS_OBSERVED);
        assert_int_equal(told->slots.count, i == 0 ? 2 : 1);
        fake_stop(&fake);
        workers_free(&workers);
        slots_free(&slots);
        claims_free(&claims);
        fake_free(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_are_read),
        cmocka_unit_test(a_date_header_only_says_at_least),
        cmocka_unit_test(ids_are_split_never_compared_by_prefix),
        cmocka_unit_test(the_answer_becomes_views),
        cmocka_unit_test(half_an_answer_is_no_answer),
        cmocka_unit_test(the_ledger_is_told_what_changed),
        cmocka_unit_test(work_that_nobody_watched_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
