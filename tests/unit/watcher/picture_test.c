/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the pictures: which calls are made, what is published of their answers. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_port.h"
#include "picture.h"

static const struct dr_cfg_queue two_queues[] = {{.name = "cpu"}, {.name = "g.p+u"}};
static const struct dr_cfg_root root = {
    .worker_prefix = "drover",
    .clearml = {.tick_ms = 1000, .timeout_ms = 10000},
    .queues = {two_queues, 2},
    .timing = {.queue_reread_ms = 15000,
               .workers_period_ms = 15000,
               .worker_proof_ms = 90000,
               .fresh_queues_ms = 15000,
               .settle_gap_ms = 60000,
               .settle_ms = 600000},
};

struct bench {
    struct fake fake;
    struct claims claims;
    struct picture picture;
    struct dr_ledger_state rows;
};

static void setup(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    fake_init(&bench->fake);
    bench->claims = (struct claims){.port = &bench->fake.port, .rows = &bench->rows};
    picture_init(&bench->picture, &bench->fake.port, &root, &bench->claims);
}

static void teardown(struct bench *bench)
{
    fake_stop(&bench->fake);
    picture_free(&bench->picture);
    claims_free(&bench->claims);
    fake_free(&bench->fake);
}

static void step(struct bench *bench, int64_t ms)
{
    fake_sleep(&bench->fake, ms);
    picture_step(&bench->picture, false, bench->fake.calls_made);
}

static const struct dr_queues_observed *queues_said(struct bench *bench)
{
    return bench->fake.said[DR_QUEUES_OBSERVED].value;
}

#define LIST(cpu_moved, gpu_moved)                                              \
    "{\"queues\":[{\"id\":\"qc\",\"name\":\"cpu\",\"last_update\":\"" cpu_moved \
    "\"},{\"id\":\"qg\",\"name\":\"g.p+u\",\"last_update\":\"" gpu_moved        \
    "\"},{\"id\":\"qx\",\"name\":\"CPU\",\"last_update\":\"9\"}]}"
#define ENTRIES(cpu, gpu) \
    "{\"queues\":[{\"id\":\"qc\",\"entries\":[" cpu "]},{\"id\":\"qg\",\"entries\":[" gpu "]}]}"
#define ENTRY(task) "{\"task\":\"" task "\",\"added\":\"2027-01-15T07:59:00\"}"
#define TASK(task, status) "{\"id\":\"" task "\",\"status\":\"" status "\"}"

/* The first tick: workers, list, entries and checks, with one task waiting in cpu. */
static void first_tick(struct bench *bench)
{
    step(bench, 0);
    fake_answer(&bench->fake, "queues.get_all", LIST("1", "1"));
    fake_answer(&bench->fake, "workers.get_all", "{\"workers\":[]}");
    fake_answer(&bench->fake, "queues.get_all", ENTRIES(ENTRY("t1"), ""));
    fake_answer(&bench->fake, "tasks.get_all", "{\"tasks\":[" TASK("t1", "queued") "]}");
    fake_ack(&bench->fake, DR_HEALTH_MARK, true, "", 0, NULL);
}

static void a_tick_asks_little(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    step(&b, 0);
    assert_string_equal(fake_body(&b.fake),
                        "{\"name\":\"^(cpu|g\\\\.p\\\\+u)$\",\"only_fields\":[\"id\",\"name\","
                        "\"last_update\",\"metadata\"],\"page\":0,\"page_size\":500}");
    fake_answer(&b.fake, "queues.get_all", LIST("1", "1"));
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    assert_string_equal(fake_body(&b.fake), "{\"id\":[\"qc\",\"qg\"],\"only_fields\":[\"id\","
                                            "\"entries\"],\"page\":0,\"page_size\":500}");
    fake_answer(&b.fake, "queues.get_all", ENTRIES("", ""));
    assert_int_equal(b.fake.call_count, 0); /* nothing waits: no task is looked at */
    assert_int_equal(b.fake.said_count[DR_QUEUES_OBSERVED], 1);
    assert_int_equal(b.fake.said_count[DR_WORKERS_OBSERVED], 1);
    assert_int_equal(b.fake.said_count[DR_SERVER_CHANGED], 1);
    assert_int_equal(queues_said(&b)->queues.count, 2);
    assert_string_equal(queues_said(&b)->queues.items[1].id, "qg");

    int64_t before = b.fake.calls_made; /* ten quiet minutes */
    for (int i = 0; i < 600; i++) {
        step(&b, 1000);
        while (b.fake.call_count > 0)
            if (strcmp(fake_next(&b.fake), "workers.get_all") == 0)
                fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
            else if (strstr(fake_body(&b.fake), "entries") != NULL)
                fake_answer(&b.fake, "queues.get_all", ENTRIES("", ""));
            else
                fake_answer(&b.fake, "queues.get_all", LIST("1", "1"));
        while (b.fake.ask_count > 0)
            fake_ack(&b.fake, DR_HEALTH_MARK, true, "", 0, NULL);
    }
    assert_in_range(b.fake.calls_made - before, 600, 660); /* at most 1.1 a tick */
    assert_int_equal(b.fake.said_count[DR_QUEUES_OBSERVED], 601);
    teardown(&b);
}

static void demand_is_read_again_in_each_tick(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    first_tick(&b);
    assert_int_equal(queues_said(&b)->queues.items[0].waiting.count, 1);
    assert_int_equal(queues_said(&b)->changed.count, 2);
    step(&b, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST("1", "1")); /* clear_queue moves nothing */
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    fake_answer(&b.fake, "queues.get_all", ENTRIES("", ""));
    assert_int_equal(queues_said(&b)->queues.items[0].waiting.count, 0);
    assert_int_equal(queues_said(&b)->changed.count, 1);
    assert_string_equal(queues_said(&b)->changed.items[0], "cpu");
    teardown(&b);
}

#define OLD(task) "{\"task\":\"" task "\",\"added\":\"2027-01-15T07:50:00\"}"

static void what_does_not_wait_is_no_demand(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    step(&b, 0);
    fake_answer(&b.fake, "queues.get_all", LIST("1", "1"));
    fake_answer(&b.fake, "workers.get_all",
                "{\"workers\":["
                "{\"id\":\"alive\",\"last_report_time\":\"2027-01-15T07:59:55\","
                "\"task\":{\"id\":\"run\"}},"
                "{\"id\":\"before\",\"last_report_time\":\"2027-01-15T07:58:59\","
                "\"task\":{\"id\":\"again\"}},"
                "{\"id\":\"dead\",\"last_report_time\":\"2027-01-15T07:55:00\","
                "\"task\":{\"id\":\"lost\"}}]}");
    fake_answer(&b.fake, "queues.get_all",
                ENTRIES(ENTRY("t1") "," ENTRY("run") "," OLD("lost") "," ENTRY("aborted") "," ENTRY(
                            "deleted") "," ENTRY("again"),
                        ""));
    assert_string_equal(fake_body(&b.fake),
                        "{\"id\":[\"t1\",\"run\",\"lost\",\"aborted\",\"deleted\",\"again\"],"
                        "\"only_fields\":[\"id\",\"status\"],\"page\":0,\"page_size\":500,"
                        "\"search_hidden\":true}");
    fake_answer(
        &b.fake, "tasks.get_all",
        "{\"tasks\":[" TASK("t1", "queued") "," TASK("run", "queued") "," TASK(
            "lost", "queued") "," TASK("aborted", "stopped") "," TASK("again", "queued") "]}");
    const struct dr_queue_view *cpu = &queues_said(&b)->queues.items[0];
    assert_int_equal(cpu->waiting.count, 3);
    assert_string_equal(cpu->waiting.items[0].task, "t1");
    assert_string_equal(cpu->waiting.items[1].task, "lost");  /* its worker is long silent */
    assert_string_equal(cpu->waiting.items[2].task, "again"); /* put back after that report */
    assert_true(cpu->waiting.items[0].added_us > 0 && cpu->fresh);
    teardown(&b);
}

static void a_last_update_that_goes_back_is_a_change(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    step(&b, 0);
    fake_answer(&b.fake, "queues.get_all", LIST("5", "5"));
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    fake_answer(&b.fake, "queues.get_all", ENTRIES("", ""));
    step(&b, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST("5", "4"));
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}"); /* one may have become free */
    fake_answer(&b.fake, "queues.get_all", ENTRIES("", ENTRY("t1")));
    fake_answer(&b.fake, "tasks.get_all", "{\"tasks\":[" TASK("t1", "queued") "]}");
    assert_int_equal(queues_said(&b)->queues.items[1].waiting.count, 1);
    teardown(&b);
}

static void half_a_tick_is_no_picture(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    first_tick(&b);
    step(&b, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST("2", "1"));
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    fake_fail(&b.fake, "queues.get_all", CLEARML_TIMEOUT, 0, "no answer within 10 s");
    assert_int_equal(b.fake.said_count[DR_QUEUES_OBSERVED], 1); /* nothing new was published */
    const struct dr_server_changed *server = b.fake.said[DR_SERVER_CHANGED].value;
    assert_string_equal(server->state, "down");
    assert_string_equal(server->sentence, "no answer within 10 s");
    assert_non_null(strstr(b.fake.log, "error: no answer within 10 s"));
    step(&b, 1000);
    assert_int_equal(b.fake.call_count, 0); /* it is left in peace for a while */
    step(&b, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST("2", "1"));
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    assert_non_null(strstr(fake_body(&b.fake), "qc")); /* still unread, so it is read now */
    fake_answer(&b.fake, "queues.get_all", ENTRIES(ENTRY("t1") "," ENTRY("t2"), ""));
    fake_fail(&b.fake, "tasks.get_all", CLEARML_SERVER, 0, "error 500");
    assert_int_equal(b.fake.said_count[DR_QUEUES_OBSERVED], 1);
    struct dr_picture newest;
    picture_said(&b.picture, true, 9, &newest);
    assert_int_equal(newest.queues.queues.items[0].waiting.count, 1); /* the last whole one */
    teardown(&b);
}

static void broken_answers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *list, *entries, *says;
    } rows[] = {
        {"{\"queues\":7}", NULL, "queues.get_all gave no list of queues"},
        {"{\"queues\":[{\"name\":\"cpu\"}]}", NULL, "queues.get_all gave no list of queues"},
        {LIST("1", "1"), "{\"queues\":[{\"id\":\"qc\",\"entries\":7}]}",
         "queues.get_all gave no list of entries"},
        {LIST("1", "1"), "{\"queues\":[{\"id\":\"qc\",\"entries\":[{}]}]}",
         "queues.get_all gave no list of entries"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench b;
        setup(&b);
        step(&b, 0);
        fake_answer(&b.fake, "queues.get_all", rows[i].list);
        fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
        if (rows[i].entries != NULL)
            fake_answer(&b.fake, "queues.get_all", rows[i].entries);
        assert_non_null(strstr(b.fake.log, rows[i].says));
        assert_int_equal(b.fake.said_count[DR_QUEUES_OBSERVED], 0);
        assert_false(b.picture.tick_runs);
        teardown(&b);
    }
}

static void an_unknown_queue_is_said_once_and_picked_up(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    for (int i = 0; i < 3; i++) {
        step(&b, 1000);
        fake_answer(&b.fake, "queues.get_all",
                    "{\"queues\":[{\"id\":\"qc\",\"name\":\"cpu\",\"last_update\":\"1\"}]}");
        if (strcmp(fake_next(&b.fake), "workers.get_all") == 0)
            fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
        if (i == 0)
            fake_answer(&b.fake, "queues.get_all", "{\"queues\":[{\"id\":\"qc\",\"entries\":[]}]}");
    }
    assert_false(queues_said(&b)->queues.items[1].known);
    const char *first = strstr(b.fake.log, "the server has no queue named 'g.p+u'");
    assert_non_null(first);
    assert_null(strstr(first + 40, "no queue named"));
    step(&b, 1000);
    fake_answer(&b.fake, "queues.get_all", LIST("1", "1"));
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    fake_answer(&b.fake, "queues.get_all", ENTRIES("", ENTRY("t7")));
    fake_answer(&b.fake, "tasks.get_all", "{\"tasks\":[" TASK("t7", "queued") "]}");
    assert_true(queues_said(&b)->queues.items[1].known);
    assert_int_equal(queues_said(&b)->queues.items[1].waiting.count, 1);
    assert_non_null(strstr(b.fake.log, "queue 'g.p+u' is there now"));
    /* deleted and made anew under the same name: other entries, though last_update is equal */
    step(&b, 1000);
    fake_answer(&b.fake, "queues.get_all",
                "{\"queues\":[{\"id\":\"q2\",\"name\":\"g.p+u\",\"last_update\":\"1\"},"
                "{\"id\":\"qc\",\"name\":\"cpu\",\"last_update\":\"1\"}]}");
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    fake_answer(&b.fake, "queues.get_all",
                "{\"queues\":[{\"id\":\"q2\",\"entries\":[]},{\"id\":\"qc\",\"entries\":[]}]}");
    assert_int_equal(queues_said(&b)->queues.items[1].waiting.count, 0);
    teardown(&b);
}

static void health_is_marked(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    step(&b, 0);
    fake_answer(&b.fake, "queues.get_all", "{\"queues\":[]}");
    fake_answer(&b.fake, "workers.get_all", "{\"workers\":[]}");
    const struct dr_health_mark *mark = fake_asked(&b.fake, DR_HEALTH_MARK);
    assert_int_equal(mark->healthy_us, b.fake.now.wall_us);
    assert_int_equal(mark->settling_until_us, 0);
    assert_true(picture_fresh(&b.picture, 15000));
    fake_sleep(&b.fake, 15001);
    assert_false(picture_fresh(&b.picture, 15000));
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_asks_little),
        cmocka_unit_test(demand_is_read_again_in_each_tick),
        cmocka_unit_test(what_does_not_wait_is_no_demand),
        cmocka_unit_test(a_last_update_that_goes_back_is_a_change),
        cmocka_unit_test(half_a_tick_is_no_picture),
        cmocka_unit_test(broken_answers_are_named),
        cmocka_unit_test(an_unknown_queue_is_said_once_and_picked_up),
        cmocka_unit_test(health_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
