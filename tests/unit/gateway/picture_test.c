/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages are shown, by docs/gateway.md: phases, counts, queue figures, and which changes
 * are told. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flock.h"

static int64_t number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text(json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "" : value;
}

static void every_state_has_its_phase(void **nothing)
{
    (void)nothing;
    static const struct {
        const char *state, *phase;
        int64_t idle_since_us;
    } rows[] = {
        {"wanted", "waiting", 0},       {"launching", "booting", 0},
        {"booting", "booting", 0},      {"up", "running", 0},
        {"up", "idle", NOW_US},         {"draining", "draining", 0},
        {"terminating", "draining", 0}, {"absent", "draining", 0},
        {"failed", "failed", 0},        {"gone", "ended", 0},
        {"cancelled", "ended", 0},      {"draining", "draining", NOW_US},
    };
    struct flock *flock = flock_new(NULL);
    char ids[sizeof rows / sizeof rows[0]][8];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(ids[i], sizeof ids[i], "m%zu", i);
        flock_machine(flock, ids[i], "small", rows[i].state)->idle_since_us = rows[i].idle_since_us;
    }
    flock_all(flock);
    flock_settle(flock);
    json_t *state = flock_state(flock);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(text(flock_in(state, "machines", "id", ids[i]), "phase"),
                            rows[i].phase);
    json_t *counts = json_object_get(state, "counts");
    assert_int_equal(number(counts, "booting"), 2);
    assert_int_equal(number(counts, "running"), 1);
    assert_int_equal(number(counts, "idle"), 1);
    assert_int_equal(number(counts, "draining"), 4);
    assert_int_equal(number(counts, "failed"), 1);
    assert_int_equal(number(counts, "waiting"), 0); /* of tasks, not of machines */
    json_decref(state);
    flock_done(flock);
}

static void a_machine_names_its_tasks_and_queues(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    struct dr_machine_row *row = flock_machine(flock, "m1", "big", "up");
    row->price_usd_micros = 3600000;
    flock_worker(flock, "w0", row, "t0")->slot = 0;
    flock_worker(flock, "w1", row, "")->slot = 1;
    flock_all(flock);
    flock_settle(flock);
    struct dr_task_row name = {.id = "t0", .name = "train \"it\""};
    flock_take(flock, DR_TASKS_KNOWN,
               &(struct dr_tasks_known){.tasks = {.items = &name, .count = 1}});
    flock_settle(flock);
    json_t *machine = flock_last(flock, "machine");
    assert_non_null(machine);
    assert_int_equal(number(machine, "busy"), 1);
    json_t *task = json_array_get(json_object_get(machine, "tasks"), 0);
    assert_string_equal(text(task, "id"), "t0");
    assert_string_equal(text(task, "name"), "train \"it\"");
    json_t *names = json_object_get(machine, "queue_names");
    assert_int_equal(json_array_size(names), 2);
    assert_string_equal(json_string_value(json_array_get(names, 1)), "gpu");
    assert_int_equal(number(machine, "spent_usd_micros"), 80000); /* 80 s at $3.60 an hour */
    assert_null(json_object_get(machine, "ended_us"));
    flock_done(flock);
}

static void a_queue_counts_what_works_for_it(void **nothing)
{
    (void)nothing;
    static const struct dr_queue_task waiting[] = {{"a", 111}, {"b", 222}, {"c", 333}};
    struct flock *flock = flock_new(NULL);
    struct dr_machine_row *busy = flock_machine(flock, "m1", "big", "up");
    struct dr_machine_row *leaving = flock_machine(flock, "m2", "small", "draining");
    flock_machine(flock, "m3", "small", "booting");
    flock_worker(flock, "w0", busy, "t0");
    flock_worker(flock, "w1", busy, "");
    flock_worker(flock, "w2", leaving, ""); /* idle, but no task may go there */
    flock_wait(flock, "cpu", waiting, 3);
    flock->reasons[flock->reason_count++] =
        (struct dr_reason_view){"cpu", "", "booting", "3 tasks wait"};
    flock_all(flock);
    flock_settle(flock);
    json_t *state = flock_state(flock), *cpu = flock_in(state, "queues", "name", "cpu");
    assert_int_equal(number(cpu, "waiting"), 3);
    assert_int_equal(number(cpu, "oldest_us"), 111);
    assert_int_equal(number(cpu, "running"), 1);
    assert_int_equal(number(cpu, "booting"), 1);
    /* Its cap of 5 leaves room for 2 machines, both small (2 of 4 used); and one slot is idle. */
    assert_int_equal(number(cpu, "available"), 3);
    /* 4 small ones and 1 big one of 2 slots. */
    assert_int_equal(number(cpu, "max"), 6);
    assert_string_equal(text(cpu, "verdict"), "booting");
    assert_string_equal(text(cpu, "sentence"), "3 tasks wait");
    json_t *gpu = flock_in(state, "queues", "name", "gpu");
    assert_null(json_object_get(gpu, "waiting"));
    assert_int_equal(number(gpu, "available"), 3); /* 1 idle slot, 1 more machine of 2 slots */
    assert_int_equal(number(json_object_get(state, "counts"), "waiting"), 3);
    json_decref(state);
    flock_done(flock);
}

static void without_a_cap_there_is_no_max(void **nothing)
{
    (void)nothing;
    struct flock *flock =
        flock_new("deployment: test\nclearml: {api_server: 'https://api.example.org'}\n"
                  "accounts: [{name: here, driver: local}]\n"
                  "machine_types: [{name: small, account: here}]\n"
                  "queues: [{name: cpu, types: [small]}]\n");
    flock_all(flock);
    flock_settle(flock);
    json_t *state = flock_state(flock), *cpu = flock_in(state, "queues", "name", "cpu");
    assert_null(json_object_get(cpu, "max"));
    assert_string_equal(text(json_object_get(state, "server"), "web"), "https://app.example.org");
    json_decref(state);
    flock_done(flock);
}

static void only_what_changed_is_told(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    struct dr_machine_row *one = flock_machine(flock, "m1", "small", "booting");
    flock_machine(flock, "m2", "small", "booting");
    flock_all(flock);
    flock_settle(flock);
    assert_int_equal(flock_told(flock, "machine"), 2);
    assert_int_equal(flock_told(flock, "queue"), 2);
    flock_all(flock);
    flock->now_us += 1000000;
    flock_settle(flock);
    assert_int_equal(flock->told_count, 0);
    one->state = "up";
    one->version++;
    flock_row(flock, one, "booting");
    flock_settle(flock);
    assert_int_equal(flock_told(flock, "machine"), 1);
    assert_string_equal(text(flock_last(flock, "machine"), "phase"), "running");
    assert_int_equal(flock_told(flock, "counts"), 1);
    assert_int_equal(flock_told(flock, "queue"), 1); /* cpu: booting; gpu has nothing of it */
    assert_string_equal(text(flock_last(flock, "queue"), "name"), "cpu");
    flock_done(flock);
}

static void what_a_person_paused_is_told(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    flock_all(flock);
    flock_settle(flock);
    struct dr_pause_changed changed = {.seq = ++flock->seq,
                                       .pause = {.queue = "gpu", .since_us = 5, .by = "ada"}};
    flock_take(flock, DR_PAUSE_CHANGED, &changed);
    flock_settle(flock);
    assert_int_equal(json_array_size(flock_last(flock, "pauses")), 1);
    json_t *queue = flock_last(flock, "queue");
    assert_string_equal(text(queue, "name"), "gpu");
    assert_string_equal(text(json_object_get(queue, "paused"), "by"), "ada");
    changed.seq = ++flock->seq;
    changed.pause.since_us = 0;
    flock_take(flock, DR_PAUSE_CHANGED, &changed);
    flock_settle(flock);
    assert_int_equal(json_array_size(flock_last(flock, "pauses")), 0);
    assert_null(json_object_get(flock_last(flock, "queue"), "paused"));
    flock_done(flock);
}

static void an_ended_machine_is_shown_for_an_hour(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    struct dr_machine_row *row = flock_machine(flock, "m1", "small", "up");
    flock_all(flock);
    flock_settle(flock);
    row->state = "gone";
    row->ended_us = NOW_US;
    flock_row(flock, row, "terminating");
    flock_settle(flock);
    assert_string_equal(text(flock_last(flock, "machine"), "phase"), "ended");
    flock->now_us = NOW_US + PICTURE_ENDED_US - 1;
    flock_settle(flock);
    assert_non_null(picture_machine(flock->picture, "m1"));
    flock->now_us++;
    flock_settle(flock);
    assert_null(picture_machine(flock->picture, "m1"));
    flock_done(flock);
}

static void an_old_snapshot_does_not_undo_an_event(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    struct dr_machine_row *row = flock_machine(flock, "m1", "small", "booting");
    flock->seq = 4;
    flock_ledger(flock);
    struct dr_machine_row now = *row;
    now.state = "up";
    flock_row(flock, &now, "booting"); /* seq 5 */
    flock->seq = 4;
    flock_ledger(flock); /* was on its way meanwhile: says booting, as of 4 */
    assert_string_equal(picture_machine(flock->picture, "m1")->state, "up");
    flock->seq = 6;
    flock->machine_count = 0;
    flock_settle(flock);
    flock_ledger(flock); /* as of 6 there is no such machine */
    assert_null(picture_machine(flock->picture, "m1"));
    assert_string_equal(text(flock_last(flock, "machine"), "phase"), "ended");
    flock_done(flock);
}

static void the_stream_says_what_is_missing(void **nothing)
{
    (void)nothing;
    static const char *const sentences[] = {"The watcher does not answer."};
    struct flock *flock = flock_new(NULL);
    picture_missing(flock->picture, &(struct dr_strs){.items = sentences, .count = 1});
    flock_settle(flock);
    json_t *told = flock_last(flock, "missing");
    assert_true(json_is_false(json_object_get(told, "ready")));
    assert_int_equal(json_array_size(json_object_get(told, "missing")), 1);
    picture_missing(flock->picture, &(struct dr_strs){0});
    flock_settle(flock);
    assert_true(json_is_true(json_object_get(flock_last(flock, "missing"), "ready")));
    flock_done(flock);
}

static void say(struct flock *flock, const char *words, const char *level, const char *machine)
{
    struct dr_log_line line = {
        .actor = "planner", .level = level, .text = words, .machine = machine, .t_us = NOW_US};
    flock_take(flock, DR_LOG_LINE, &line);
}

static json_t *activity(struct flock *flock, struct picture_filter filter, int64_t *next)
{
    struct dr_strbuf out = {0};
    dr_strbuf_add_text(&out, "[");
    *next = picture_activity(flock->picture, &filter, ",", &out);
    dr_strbuf_add_text(&out, "]");
    json_t *list = json_loads(out.data, 0, NULL);
    dr_strbuf_free(&out);
    assert_non_null(list);
    return list;
}

static void activity_is_bounded_paged_and_filtered(void **nothing)
{
    (void)nothing;
    int64_t next;
    char words[32];
    struct flock *flock = flock_new(NULL);
    for (int i = 1; i <= PICTURE_ACTIVITY_MAX + 10; i++) {
        snprintf(words, sizeof words, "line %d\xff", i);
        say(flock, words, i % 100 == 0 ? "warning" : "info", i % 100 == 0 ? "m1" : "");
    }
    json_t *list = activity(flock, (struct picture_filter){.limit = 3}, &next);
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(text(json_array_get(list, 0), "text"), "line 2010\xef\xbf\xbd");
    assert_int_equal(next, PICTURE_REMEMBERED_MAX + 2008);
    json_decref(list);
    list = activity(
        flock, (struct picture_filter){.before = PICTURE_REMEMBERED_MAX + 14, .limit = 9}, &next);
    assert_int_equal(json_array_size(list), 3); /* 13, 12, 11: the first ten are gone */
    assert_int_equal(next, 0);
    json_decref(list);
    list = activity(flock, (struct picture_filter){.level = "warning", .machine = "m1"}, &next);
    assert_int_equal(json_array_size(list), 20);
    json_decref(list);
    list = activity(flock, (struct picture_filter){.text = "LINE 1999"}, &next);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    flock_done(flock);
}

static void what_the_ledger_remembers_comes_before(void **nothing)
{
    (void)nothing;
    int64_t next;
    struct dr_history_row rows[] = {
        {.t_us = NOW_US + 1, .kind = "machine", .id = "m3", .from = "", .to = "wanted"},
        {.t_us = NOW_US - 1, .kind = "machine", .id = "m1", .from = "up", .to = "up"},
        {.t_us = NOW_US - 1, .kind = "machine", .id = "m2", .from = "up", .to = "gone"},
        {.t_us = NOW_US - 2, .kind = "pause", .id = "gpu", .from = "", .to = "paused", .by = "ada"},
    };
    struct dr_history history = {.rows = {.items = rows, .count = 4}};
    struct dr_record decoded;
    struct flock *flock = flock_new(NULL);
    say(flock, "first word of this life", "info", "");
    assert_int_equal(dr_record_copy(&dr_desc_history, &history, &decoded), 0);
    picture_remember(flock->picture, decoded.value);
    picture_remember(flock->picture, decoded.value);
    dr_record_free(&decoded);
    json_t *list = activity(flock, (struct picture_filter){.limit = 0}, &next);
    assert_int_equal(json_array_size(list), 3); /* m3 is told by its event, m1 changed nothing */
    assert_string_equal(text(json_array_get(list, 0), "text"), "first word of this life");
    assert_string_equal(text(json_array_get(list, 1), "machine"), "m2");
    assert_string_equal(text(json_array_get(list, 2), "by"), "ada");
    assert_string_equal(text(json_array_get(list, 2), "kind"), "hand");
    json_decref(list);
    list = activity(flock, (struct picture_filter){.limit = 2}, &next);
    json_decref(list);
    list = activity(flock, (struct picture_filter){.before = next}, &next);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    flock_done(flock);
}

static void a_verdict_that_changed_is_activity(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    flock->reasons[flock->reason_count++] = (struct dr_reason_view){"cpu", "", "bought", "x"};
    flock_plan(flock);
    flock->reasons[0].sentence = "y";
    flock_plan(flock);
    assert_int_equal(flock_told(flock, "activity"), 0);
    flock->reasons[0] = (struct dr_reason_view){"cpu", "", "capped", "at its cap of 5"};
    flock_plan(flock);
    json_t *line = flock_last(flock, "activity");
    assert_string_equal(text(line, "kind"), "plan");
    assert_string_equal(text(line, "queue"), "cpu");
    assert_string_equal(text(line, "text"), "cpu: at its cap of 5");
    flock_done(flock);
}

static void a_booting_machine_says_when_its_task_starts(void **nothing)
{
    (void)nothing;
    struct flock *flock = flock_new(NULL);
    struct dr_machine_row *up = flock_machine(flock, "m1", "small", "up");
    up->up_us = up->launched_us + 30000000;
    struct dr_machine_row *boots = flock_machine(flock, "m2", "small", "booting");
    flock_all(flock);
    flock_settle(flock);
    assert_int_equal(picture_expected_us(flock->picture, "id-cpu", 0),
                     boots->launched_us + 30000000);
    assert_int_equal(picture_expected_us(flock->picture, "id-cpu", 1), 0);
    assert_int_equal(picture_expected_us(flock->picture, "id-gpu", 0), 0);
    flock_done(flock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_its_phase),
        cmocka_unit_test(a_machine_names_its_tasks_and_queues),
        cmocka_unit_test(a_queue_counts_what_works_for_it),
        cmocka_unit_test(without_a_cap_there_is_no_max),
        cmocka_unit_test(only_what_changed_is_told),
        cmocka_unit_test(what_a_person_paused_is_told),
        cmocka_unit_test(an_ended_machine_is_shown_for_an_hour),
        cmocka_unit_test(an_old_snapshot_does_not_undo_an_event),
        cmocka_unit_test(the_stream_says_what_is_missing),
        cmocka_unit_test(activity_is_bounded_paged_and_filtered),
        cmocka_unit_test(what_the_ledger_remembers_comes_before),
        cmocka_unit_test(a_verdict_that_changed_is_activity),
        cmocka_unit_test(a_booting_machine_says_when_its_task_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
