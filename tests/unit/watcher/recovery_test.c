/* SPDX-License-Identifier: Apache-2.0 */
/* P17, P18 and P20: whole runs of recoveries, and orphans. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_port.h"
#include "orphan.h"
#include "recovery.h"

#define WALL INT64_C(1800000000000000) /* 2027-01-15T08:00:00 */

static const struct dr_cfg_queue queue_cfg[] = {
    {.name = "cpu", .recovery = "continue", .recovery_limit = 2}};
static const struct dr_cfg_root root = {
    .worker_prefix = "drover",
    .clearml = {.tick_ms = 1000, .timeout_ms = 10000},
    .queues = {queue_cfg, 1},
    .timing = {.queue_reread_ms = 15000,
               .workers_period_ms = 15000,
               .worker_proof_ms = 90000,
               .fresh_queues_ms = 15000,
               .settle_gap_ms = 60000,
               .settle_ms = 600000,
               .popped_still_ms = 300000,
               .orphan_ms = 300000},
};
static const char *const queue_ids[] = {"qc"};

struct bench {
    struct fake fake;
    struct dr_machine_row machine, before; /* `before` is no row unless a test says so */
    struct dr_slot_row slot;
    struct dr_recovery_row recoveries[4];
    struct dr_ledger_state rows;
    struct claims claims;
    struct picture picture;
    struct recovery recovery;
    struct orphan orphan;
};

static void setup(struct bench *b, const char *state)
{
    memset(b, 0, sizeof *b);
    fake_init(&b->fake);
    b->machine = (struct dr_machine_row){.id = "m1",
                                         .state = state,
                                         .instance_id = "i-1",
                                         .drain_mode = "",
                                         .drain_queue = "",
                                         .for_queue = "qc",
                                         .queues = {queue_ids, 1},
                                         .launched_us = WALL - 900000000,
                                         .up_us = WALL - 800000000,
                                         .state_since_us = WALL - 60000000,
                                         .ended_us = strcmp(state, "gone") == 0 ? WALL : 0};
    b->slot = (struct dr_slot_row){
        .worker = "drover:local:small:i-1", .machine = "m1", .task = "t1", .busy = true};
    b->rows = (struct dr_ledger_state){.seq = 1,
                                       .blocked = "",
                                       .machines = {&b->machine, 1},
                                       .slots = {&b->slot, 1},
                                       .recoveries = {b->recoveries, 0}};
    b->claims = (struct claims){.port = &b->fake.port, .rows = &b->rows};
    picture_init(&b->picture, &b->fake.port, &root, &b->claims);
    recovery_init(&b->recovery, &b->claims, &b->picture, &root);
    orphan_init(&b->orphan, &b->recovery, &root);
}

static void teardown(struct bench *b)
{
    fake_stop(&b->fake);
    orphan_free(&b->orphan);
    recovery_free(&b->recovery);
    picture_free(&b->picture);
    claims_free(&b->claims);
    fake_free(&b->fake);
}

/* A whole picture: `entries` wait in cpu, `workers` are listed. */
static void look(struct bench *b, int64_t ms, const char *entries, const char *checks,
                 const char *workers)
{
    static int64_t moved;
    char text[1024];
    fake_sleep(&b->fake, ms);
    picture_step(&b->picture, true, 0);
    while (b->fake.call_count > 0) {
        if (strcmp(fake_next(&b->fake), "workers.get_all") == 0) {
            snprintf(text, sizeof text, "{\"workers\":[%s]}", workers);
            fake_answer(&b->fake, "workers.get_all", text);
        } else if (strcmp(fake_next(&b->fake), "workers.unregister") == 0) {
            fake_answer(&b->fake, "workers.unregister", "{}"); /* a later report lists it again */
        } else if (strcmp(fake_next(&b->fake), "tasks.get_all") == 0) {
            snprintf(text, sizeof text, "{\"tasks\":[%s]}", checks);
            fake_answer(&b->fake, "tasks.get_all", text);
        } else if (strstr(fake_body(&b->fake), "entries") != NULL) {
            snprintf(text, sizeof text, "{\"queues\":[{\"id\":\"qc\",\"entries\":[%s]}]}", entries);
            fake_answer(&b->fake, "queues.get_all", text);
        } else {
            snprintf(text, sizeof text,
                     "{\"queues\":[{\"id\":\"qc\",\"name\":\"cpu\",\"last_update\":\"%lld\"}]}",
                     (long long)++moved);
            fake_answer(&b->fake, "queues.get_all", text);
        }
    }
    while (b->fake.ask_count > 0 &&
           (b->fake.asks[0].type == DR_HEALTH_MARK || b->fake.asks[0].type == DR_SLOTS_OBSERVED))
        fake_ack(&b->fake, b->fake.asks[0].type, true, "", 0, NULL);
}

#define TASK(status, more)                                                                   \
    "{\"id\":\"t1\",\"name\":\"job\",\"status\":\"" status                                   \
    "\",\"status_changed\":\"2027-01-15T07:59:00\",\"last_update\":\"2027-01-15T07:59:30\"," \
    "\"last_worker\":\"drover:local:small:i-1\",\"execution\":{\"queue\":\"qc\"},"           \
    "\"runtime\":{\"_exec_agent_hostname\":\"i-1\"}" more "}"
#define PULLED                                                                            \
    "{\"id\":\"t1\",\"name\":\"job\",\"status\":\"in_progress\","                         \
    "\"status_message\":\"pulled by agent\",\"status_changed\":\"2027-01-15T08:00:01\","  \
    "\"last_update\":\"2027-01-15T08:00:01\",\"last_worker\":\"drover:local:small:i-1\"," \
    "\"execution\":{\"queue\":\"qc\"},\"runtime\":{\"_exec_agent_hostname\":\"i-1\"}}"
#define TASKS(list) "{\"tasks\":[" list "]}"
#define QUEUE(entries) "{\"queues\":[{\"id\":\"qc\",\"entries\":[" entries "]}]}"

/* The three queries of a machine that is judged, with the task in the second answer. */
static void answer_queries(struct bench *b, const char *task)
{
    char text[1024];
    assert_non_null(strstr(fake_body(&b->fake), "\"runtime._exec_agent_hostname\":\"i-1\""));
    fake_answer(&b->fake, "tasks.get_all", TASKS(""));
    assert_non_null(strstr(fake_body(&b->fake), "\"id\":[\"t1\"]"));
    snprintf(text, sizeof text, TASKS("%s"), task);
    fake_answer(&b->fake, "tasks.get_all", text);
    assert_non_null(strstr(fake_body(&b->fake), "\"execution.queue\":[\"qc\"]"));
    assert_non_null(strstr(fake_body(&b->fake), "\"status\":[\"in_progress\"]"));
    fake_answer(&b->fake, "tasks.get_all", TASKS(""));
}

static void a_task_goes_back_to_its_queue(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "terminating");
    look(&b, 0, "", "", "");
    recovery_step(&b.recovery);
    assert_int_equal(b.fake.call_count, 0); /* its end is not confirmed */
    b.machine.state = "gone";
    b.machine.ended_us = WALL;
    look(&b, 3000, "", "", "");
    recovery_step(&b.recovery);
    answer_queries(&b, TASK("in_progress", ""));
    const struct dr_recovery_open *open = fake_asked(&b.fake, DR_RECOVERY_OPEN);
    assert_string_equal(open->recovery.task, "t1");
    assert_string_equal(open->recovery.machine, "m1");
    assert_string_equal(open->recovery.queue, "qc");
    assert_string_equal(open->recovery.kind, "running");
    assert_string_equal(open->recovery.mode, "continue");
    assert_string_equal(open->recovery.status_changed, "2027-01-15T07:59:00");
    fake_ack(&b.fake, DR_RECOVERY_OPEN, true, "", 2, "r1");
    b.recovery.endings->judged = true; /* the second judging comes below */

    b.recoveries[0] = (struct dr_recovery_row){.id = "r1",
                                               .version = 1,
                                               .machine = "m1",
                                               .task = "t1",
                                               .queue = "qc",
                                               .status_changed = "2027-01-15T07:59:00",
                                               .kind = "running",
                                               .mode = "continue",
                                               .step = "intended",
                                               .note = ""};
    b.rows.recoveries.count = 1;
    b.rows.seq = 2;
    recovery_step(&b.recovery);
    recovery_step(&b.recovery); /* one at a time for a row */
    assert_int_equal(b.fake.call_count, 1);
    fake_answer(&b.fake, "tasks.get_all", TASKS(TASK("in_progress", "")));
    fake_answer(&b.fake, "queues.get_all", QUEUE(""));
    assert_non_null(strstr(fake_body(&b.fake), "\"status_reason\":\"drover:recover:r1\""));
    assert_null(strstr(fake_body(&b.fake), "force")); /* what was completed stays so */
    fake_fail(&b.fake, "tasks.stopped", CLEARML_TIMEOUT, 0, "no answer"); /* it went through */
    look(&b, 2000, "", "", "");
    recovery_step(&b.recovery);
    fake_answer(&b.fake, "tasks.get_all",
                TASKS(TASK("stopped", ",\"status_reason\":\"drover:recover:r1\"")));
    fake_answer(&b.fake, "queues.get_all", QUEUE(""));
    const struct dr_recovery_step *step = fake_asked(&b.fake, DR_RECOVERY_STEP);
    assert_string_equal(step->step, "stopped");
    assert_int_equal(step->version, 1);
    fake_ack(&b.fake, DR_RECOVERY_STEP, true, "", 3, NULL);
    recovery_step(&b.recovery);
    assert_int_equal(b.fake.call_count, 0); /* the rows at hand are older than that */

    b.recoveries[0].step = "stopped";
    b.recoveries[0].version = 2;
    b.rows.seq = 3;
    recovery_step(&b.recovery);
    fake_answer(&b.fake, "tasks.get_all",
                TASKS(TASK("stopped", ",\"status_reason\":\"drover:recover:r1\"")));
    fake_answer(&b.fake, "queues.get_all", QUEUE(""));
    assert_non_null(strstr(fake_body(&b.fake), "\"queue\":\"qc\""));
    assert_null(strstr(fake_body(&b.fake), "force"));
    fake_fail(&b.fake, "tasks.enqueue", CLEARML_REFUSED, 706, "already queued");
    step = fake_asked(&b.fake, DR_RECOVERY_STEP);
    assert_string_equal(step->step, "enqueued");
    fake_ack(&b.fake, DR_RECOVERY_STEP, true, "", 4, NULL);

    b.recoveries[0].step = "enqueued";
    b.rows.seq = 4;
    recovery_step(&b.recovery);
    fake_answer(&b.fake, "tasks.get_all",
                TASKS(TASK("queued", ",\"status_reason\":\"drover:recover:r1\"")));
    fake_answer(&b.fake, "queues.get_all", QUEUE("{\"task\":\"t0\"},{\"task\":\"t1\"}"));
    fake_answer(&b.fake, "queues.move_task_to_front", "{\"position\":0}");
    step = fake_asked(&b.fake, DR_RECOVERY_STEP);
    assert_string_equal(step->step, "done");
    fake_ack(&b.fake, DR_RECOVERY_STEP, true, "", 5, NULL);

    b.recoveries[0].step = "done";
    b.recoveries[0].settled_us = WALL;
    b.rows.seq = 5;
    look(&b, 3000, "", "", "");
    b.recovery.endings->judged = false;
    recovery_step(&b.recovery); /* once more, for the ledger's word: nothing is left to do */
    answer_queries(&b, TASK("in_progress", ""));
    assert_int_equal(b.fake.ask_count, 0);
    /* A machine that waited for it pulled it a second after the first one's end. */
    look(&b, 3000, "", "", "");
    b.recovery.endings->judged = false;
    recovery_step(&b.recovery);
    answer_queries(&b, PULLED);
    assert_int_equal(b.fake.ask_count, 0);
    look(&b, 3000, "", "", "");
    recovery_step(&b.recovery);
    assert_int_equal(b.fake.call_count, 0);
    teardown(&b);
}

static void nothing_is_put_back_while_settling(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "gone");
    b.machine.up_us = WALL - 800000000;
    b.machine.ended_us = WALL - 10000000;
    b.rows.healthy_us = WALL - 70000000; /* a minute without a picture, while it was up */
    look(&b, 0, "", "", "");
    assert_true(picture_settling(&b.picture));
    recovery_step(&b.recovery);
    orphan_step(&b.orphan);
    assert_int_equal(b.fake.call_count, 0);
    teardown(&b);
}

static void a_machine_eater_is_marked(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "gone");
    for (size_t i = 0; i < 2; i++)
        b.recoveries[i] = (struct dr_recovery_row){.id = "r",
                                                   .machine = i == 0 ? "m7" : "m8",
                                                   .task = "t1",
                                                   .status_changed = "before",
                                                   .step = "done",
                                                   .settled_us = 1};
    b.rows.recoveries.count = 2;
    look(&b, 0, "", "", "");
    recovery_step(&b.recovery);
    answer_queries(&b, TASK("in_progress", ""));
    const struct dr_recovery_open *open = fake_asked(&b.fake, DR_RECOVERY_OPEN);
    assert_string_equal(open->recovery.mode, "never");
    assert_non_null(strstr(b.fake.log, "it was running when 2 machines ended before"));
    teardown(&b);
}

#define WORKER(id, time) \
    "{\"id\":\"" id "\",\"last_report_time\":\"2027-01-15T" time "\",\"task\":{\"id\":\"t1\"}}"
#define REPORTED(by, time) \
    ",\"last_worker\":\"" by "\",\"last_worker_report\":\"2027-01-15T" time "\""

/* The machine is judged again and again; the seconds until a recovery is opened, or -1. */
static int opened_after(struct bench *b, const char *task, const char *workers)
{
    for (int s = 0; s <= 200; s++) {
        look(b, s == 0 ? 0 : 1000, "", "", workers);
        recovery_step(&b->recovery);
        if (b->fake.call_count > 0)
            answer_queries(b, task);
        if (b->fake.ask_count > 0)
            return s;
    }
    return -1;
}

static void what_another_runs_is_left_alone(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "gone");
    assert_int_equal(opened_after(&b, TASK("in_progress", REPORTED("office", "08:00:08")),
                                  WORKER("office", "08:00:08")),
                     -1);
    assert_true(b.recovery.endings->judged);
    teardown(&b);
}

/* The list alone does not say that a worker lives: its word is waited for. */
static void what_another_is_only_said_to_run_is_put_back(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "gone");
    assert_in_range(opened_after(&b, TASK("in_progress", ""), WORKER("office", "07:59:58")), 88,
                    125);
    teardown(&b);
}

/* The task ran on m0, whose last report waited at the server's door and listed its worker anew; it
 * was put back and ran on m1, which is gone as well. */
static void setup_two_ends(struct bench *b)
{
    setup(b, "gone");
    b->before = b->machine;
    b->before.id = "m0";
    b->before.instance_id = "i-0";
    b->before.ended_us = WALL - 50000000;
    b->rows.machines.count = 2; /* `machine` and `before` lie one after the other */
}

static void a_dead_machines_worker_runs_nothing(void **state)
{
    (void)state;
    struct bench b;
    setup_two_ends(&b);
    b.recovery.since_us = WALL - 40000000; /* m0 was judged */
    assert_int_equal(
        opened_after(&b, TASK("in_progress", ""), WORKER("drover:local:small:i-0", "07:59:58")), 0);
    assert_string_equal(
        ((const struct dr_recovery_open *)fake_asked(&b.fake, DR_RECOVERY_OPEN))->recovery.machine,
        "m1");
    teardown(&b);
}

/* What becomes of an open recovery: the next call after task and queue were read, or the step that
 * is recorded. */
static const char *goes_on(const char *task, const char *workers)
{
    static char found[64];
    struct bench b;
    setup_two_ends(&b);
    b.recovery.since_us = WALL + 1; /* both were judged */
    b.recoveries[0] = (struct dr_recovery_row){.id = "r1",
                                               .version = 1,
                                               .machine = "m1",
                                               .task = "t1",
                                               .queue = "qc",
                                               .status_changed = "2027-01-15T07:59:00",
                                               .kind = "running",
                                               .mode = "continue",
                                               .step = "intended",
                                               .note = ""};
    b.rows.recoveries.count = 1;
    look(&b, 0, "", "", workers);
    recovery_step(&b.recovery);
    char text[1024];
    snprintf(text, sizeof text, TASKS("%s"), task);
    fake_answer(&b.fake, "tasks.get_all", text);
    fake_answer(&b.fake, "queues.get_all", QUEUE(""));
    snprintf(found, sizeof found, "%s", fake_next(&b.fake));
    if (b.fake.ask_count > 0)
        snprintf(found, sizeof found, "%s",
                 ((const struct dr_recovery_step *)fake_asked(&b.fake, DR_RECOVERY_STEP))->step);
    teardown(&b);
    return found;
}

static void only_a_living_worker_ends_a_recovery(void **state)
{
    (void)state;
    static const char dead[] = WORKER("drover:local:small:i-0", "07:59:58");
    static const char office[] = WORKER("office", "07:59:58");
    assert_string_equal(goes_on(TASK("in_progress", ""), ""), "tasks.stopped");
    assert_string_equal(goes_on(TASK("in_progress", ""), dead), "tasks.stopped");
    assert_string_equal(goes_on(TASK("in_progress", ""), office), "");
    assert_string_equal(goes_on(TASK("in_progress", REPORTED("office", "08:00:05")), ""),
                        "dropped");
    assert_string_equal(
        goes_on(TASK("in_progress", REPORTED("drover:local:small:i-0", "08:00:05")), dead),
        "tasks.stopped");
}

#define MISSED                                                                                     \
    "{\"id\":\"t9\",\"name\":\"job\",\"status\":\"queued\",\"status_changed\":\"2027-01-15T07:59:" \
    "59\","                                                                                        \
    "\"last_update\":\"2027-01-15T07:59:59\",\"execution\":{\"queue\":\"qc\"}}"

static void an_orphan_is_put_back_after_a_while(void **state)
{
    (void)state;
    struct bench b;
    setup(&b, "up");
    int sweeps = 0;
    for (int i = 0; i <= 320 && b.fake.ask_count == 0; i++) {
        look(&b, 1000, "", "", "");
        orphan_step(&b.orphan);
        if (b.fake.call_count == 0)
            continue;
        sweeps++;
        assert_non_null(strstr(fake_body(&b.fake), "\"status\":[\"queued\""));
        fake_answer(&b.fake, "tasks.get_all", TASKS(MISSED));
    }
    assert_int_equal(sweeps, 6); /* one a minute, and the last after 300 s */
    const struct dr_recovery_open *open = fake_asked(&b.fake, DR_RECOVERY_OPEN);
    assert_string_equal(open->recovery.task, "t9");
    assert_string_equal(open->recovery.machine, "");
    assert_string_equal(open->recovery.kind, "popped");
    teardown(&b);
}

#define LATE(message, host)                                                                    \
    "{\"id\":\"t9\",\"name\":\"job\",\"status\":\"in_progress\",\"status_message\":\"" message \
    "\",\"status_changed\":\"2027-01-15T08:02:00\",\"last_update\":\"2027-01-15T08:02:00\","   \
    "\"execution\":{\"queue\":\"qc\"},\"runtime\":{" host "}}"

/* The word of its start comes in the third minute. Returns after how many more seconds the task is
 * put back; 0: never. */
static int late_start(const char *state, bool missed, const char *task, const char *workers,
                      bool waits)
{
    const char *entry = "{\"task\":\"t9\",\"added\":\"2027-01-15T07:59:59\"}";
    struct bench b;
    int result = 0;
    setup(&b, state);
    for (int i = 0; i <= 720 && result == 0; i++) {
        b.picture.settle.gap_ms = INT64_MAX;
        look(&b, 1000, i >= 130 && waits ? entry : "", "{\"id\":\"t9\",\"status\":\"in_progress\"}",
             i < 130 ? "" : workers);
        orphan_step(&b.orphan);
        if (b.fake.call_count > 0)
            fake_answer(&b.fake, "tasks.get_all",
                        i >= 130 ? task
                        : missed ? TASKS(MISSED)
                                 : TASKS(""));
        if (b.fake.call_count > 0) { /* first out of the queue: it would be no demand there */
            fake_answer(&b.fake, "queues.remove_task", "{\"removed\":1}");
            waits = false;
        }
        if (b.fake.ask_count > 0) {
            const struct dr_recovery_open *open = fake_asked(&b.fake, DR_RECOVERY_OPEN);
            assert_false(waits);
            assert_string_equal(open->recovery.kind, "running");
            result = i - 130;
        }
    }
    teardown(&b);
    return result;
}

static void a_dead_agents_late_word_starts_nothing(void **state)
{
    (void)state;
    static const char late[] = TASKS(LATE("pulled by agent", ""));
    static const char runs[] =
        "{\"id\":\"office\",\"last_report_time\":\"2027-01-15T08:20:00\",\"task\":{\"id\":\"t9\"}}";
    assert_in_range(late_start("gone", true, late, "", false), 300, 420);
    assert_in_range(late_start("gone", true, late, "", true), 301, 480);
    assert_int_equal(late_start("gone", false, late, "", false),
                     0); /* nothing ties it to a dead one */
    assert_int_equal(late_start("up", true, late, "", false), 0); /* none of ours is gone */
    assert_int_equal(late_start("gone", true, late, runs, false), 0);
    assert_int_equal(late_start("gone", true, TASKS(LATE("launch by agent", "")), "", false), 0);
    assert_int_equal(late_start("gone", true,
                                TASKS(LATE("pulled by agent", "\"_exec_agent_hostname\":\"h\"")),
                                "", false),
                     0);
}

static void what_stood_in_a_queue_meanwhile_is_none(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        struct bench b;
        setup(&b, what == 1 ? "wanted" : "up");
        if (what == 1)
            b.machine.up_us = 0; /* no machine of ours listened */
        for (int i = 0; i <= 420; i++) {
            bool waits = what == 0 && i == 190; /* seen waiting once */
            bool runs = what == 2;
            b.picture.settle.gap_ms = INT64_MAX; /* settling would hide the case */
            if (what == 3 && i == 150)
                fake_sleep(&b.fake, 200000); /* nobody looked for a while */
            look(&b, 1000, waits ? "{\"task\":\"t9\",\"added\":\"2027-01-15T07:59:59\"}" : "",
                 "{\"id\":\"t9\",\"status\":\"queued\"}",
                 runs ? "{\"id\":\"office\",\"last_report_time\":\"2027-01-15T08:20:00\","
                        "\"task\":{\"id\":\"t9\"}}"
                      : "");
            if (waits) /* the sweep comes just then */
                b.orphan.swept_ms = 1;
            orphan_step(&b.orphan);
            if (b.fake.call_count > 0)
                fake_answer(&b.fake, "tasks.get_all", TASKS(MISSED));
            if (b.fake.ask_count > 0)
                fail_msg("case %d after %d s", what, i);
        }
        teardown(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_goes_back_to_its_queue),
        cmocka_unit_test(nothing_is_put_back_while_settling),
        cmocka_unit_test(a_machine_eater_is_marked),
        cmocka_unit_test(what_another_runs_is_left_alone),
        cmocka_unit_test(what_another_is_only_said_to_run_is_put_back),
        cmocka_unit_test(a_dead_machines_worker_runs_nothing),
        cmocka_unit_test(only_a_living_worker_ends_a_recovery),
        cmocka_unit_test(an_orphan_is_put_back_after_a_while),
        cmocka_unit_test(what_stood_in_a_queue_meanwhile_is_none),
        cmocka_unit_test(a_dead_agents_late_word_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
