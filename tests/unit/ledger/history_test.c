/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask the ledger about the past: changes, which task ran where, names of tasks. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define DAY_US (24LL * 3600 * 1000000)

/* ---- history.get ---------------------------------------------------------------------------- */
static const struct dr_history *history(struct fixture *f, struct dr_history_get get)
{
    fixture_ask_as(f, "console", DR_HISTORY_GET, &get, NULL);
    assert_int_equal(f->type, DR_HISTORY);
    return f->body;
}

static size_t count_kind(const struct dr_history *list, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < list->rows.count; i++)
        n += strcmp(list->rows.items[i].kind, kind) == 0;
    return n;
}

static void newest_first_and_page_by_page(void **state)
{
    struct fixture *f = *state;
    fixture_boot(f, "cpu", "i-1");
    const struct dr_history *all = history(f, (struct dr_history_get){0});
    int64_t total = fixture_count(f, "SELECT count(*) FROM history");
    assert_int_equal(all->rows.count, total);
    assert_int_equal(all->rows.items[0].seq, core_seq(f->ledger));
    int64_t before = 0, seen = 0;
    for (;;) {
        const struct dr_history *page =
            history(f, (struct dr_history_get){.before_seq = before, .limit = 2});
        if (page->rows.count == 0)
            break;
        assert_true(page->rows.count <= 2);
        for (size_t i = 0; i < page->rows.count; i++) {
            assert_true(before == 0 || page->rows.items[i].seq < before);
            before = page->rows.items[i].seq;
            seen++;
        }
    }
    assert_int_equal(seen, total);
    f->now_us += DAY_US;
    assert_int_equal(history(f, (struct dr_history_get){.since_us = f->now_us - 1000})->rows.count,
                     0);
}

static void a_machine_brings_its_attempts_and_keys(void **state)
{
    struct fixture *f = *state;
    const char *mine = fixture_boot(f, "cpu", "i-1");
    fixture_boot(f, "cpu", "i-2");
    struct dr_machine_row row = fixture_machine(f, mine);
    struct dr_key_row key = fixture_key(f, row.attempt);
    for (int later = 0; later < 2; later++) {
        const struct dr_history *list = history(f, (struct dr_history_get){.id = mine});
        assert_int_equal(count_kind(list, "machine"), 4); /* wanted, launching, sent, booting */
        assert_int_equal(count_kind(list, "attempt"), 4); /* opened, keyed, committed, closed */
        assert_true(count_kind(list, "key") >= 2);
        for (size_t i = 0; i < list->rows.count; i++) {
            const char *id = list->rows.items[i].id;
            assert_true(strcmp(id, mine) == 0 || strcmp(id, row.attempt) == 0 ||
                        strcmp(id, key.id) == 0);
        }
        assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = mine, .instance_id = "i-1",
                        .word = later ? "ended" : "present", .sentence = "listed"));
        if (!later) /* the attempt's own row is forgotten, its lines are not */
            store_run(core_store(f->ledger), "DELETE FROM attempt WHERE id=?", "s", row.attempt);
    }
    assert_int_equal(
        history(f, (struct dr_history_get){.id = mine, .kind = "key"})->rows.items[0].kind[0], 'k');
}

static void by_hand_is_what_people_did(void **state)
{
    struct fixture *f = *state;
    const char *id = fixture_boot(f, "cpu", "i-1");
    assert_true(ask(f, MACHINE_DRAIN, machine_drain, .machine = id, .mode = "now", .reason = "hand",
                    .sentence = "drained by hand", .by = "anna"));
    const struct dr_history *list = history(f, (struct dr_history_get){.by_hand = true});
    assert_int_equal(list->rows.count, 1);
    assert_string_equal(list->rows.items[0].by, "anna");
    assert_string_equal(list->rows.items[0].id, id);
    assert_string_equal(list->rows.items[0].to, "draining");
    assert_string_equal(list->rows.items[0].corr, "corr");
}

/* ---- work ----------------------------------------------------------------------------------- */
static const char *up(struct fixture *f, const char *type, const char *instance)
{
    const char *id = fixture_boot(f, type, instance);
    assert_true(ask(f, MACHINE_UP, machine_up, .machine = id, .worker = "w"));
    return id;
}

static void slot(struct fixture *f, const char *machine, const char *worker, const char *task,
                 int64_t t_us)
{
    bool busy = *task != '\0';
    struct dr_slot_row row = {.worker = worker,
                              .machine = machine,
                              .task = task,
                              .busy = busy,
                              .seen_us = busy ? t_us : 0,
                              .idle_since_us = busy ? 0 : t_us};
    assert_true(ask(f, SLOTS_OBSERVED, slots_observed, .slots = {&row, 1}));
}

static const struct dr_work *work(struct fixture *f, struct dr_work_get get)
{
    fixture_ask_as(f, "console", DR_WORK_GET, &get, NULL);
    assert_int_equal(f->type, DR_WORK);
    return f->body;
}

static void is_work(const struct dr_work_row *row, const char *task, int64_t from_us, int64_t to_us)
{
    assert_string_equal(row->task, task);
    assert_int_equal(row->from_us, from_us);
    assert_int_equal(row->to_us, to_us);
}

static void a_task_is_on_a_machine_from_picture_to_picture(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "gpu", "i-1");
    int64_t t = f->now_us;
    slot(f, id, "w:gpu0", "t1", t);
    slot(f, id, "w:gpu1", "t2", t);
    slot(f, id, "w:gpu0", "t1", t); /* again, in another life too */
    fixture_reopen(f);
    slot(f, id, "w:gpu0", "t1", t + 10);
    slot(f, id, "w:gpu0", "t3", t + 20); /* without a picture in between */
    slot(f, id, "w:gpu0", "", t + 30);
    slot(f, id, "w:gpu0", "", t + 40);
    const struct dr_work *all = work(f, (struct dr_work_get){.machine = id});
    assert_int_equal(all->rows.count, 3);
    is_work(&all->rows.items[0], "t3", t + 20, t + 30);
    is_work(&work(f, (struct dr_work_get){.task = "t1"})->rows.items[0], "t1", t, t + 20);
    is_work(&work(f, (struct dr_work_get){.task = "t2"})->rows.items[0], "t2", t, 0);
    slot(f, id, "w:gpu0", "t1", t + 50); /* it came back */
    assert_int_equal(work(f, (struct dr_work_get){.task = "t1"})->rows.count, 2);
    assert_int_equal(work(f, (struct dr_work_get){.since_us = t + 45})->rows.count, 2);
    assert_int_equal(work(f, (struct dr_work_get){.limit = 1})->rows.count, 1);
}

static void the_machines_end_ends_what_ran(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "gpu", "i-1");
    slot(f, id, "w:gpu0", "t1", f->now_us);
    slot(f, id, "w:gpu1", "t2", f->now_us);
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1",
                    .word = "ended", .sentence = "terminated"));
    int64_t end = fixture_machine(f, id).ended_us;
    const struct dr_work *all = work(f, (struct dr_work_get){.machine = id});
    assert_int_equal(all->rows.count, 2);
    assert_int_equal(all->rows.items[0].to_us, end);
    assert_int_equal(all->rows.items[1].to_us, end);
    slot(f, id, "w:gpu0", "t1", f->now_us); /* still listed for a while */
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM work WHERE to_us=0"), 0);
}

static void a_clock_that_is_off_makes_no_nonsense(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "cpu", "i-1");
    slot(f, id, "w", "t1", f->now_us + DAY_US);
    slot(f, id, "w", "", f->now_us - DAY_US);
    const struct dr_work_row *row = &work(f, (struct dr_work_get){.task = "t1"})->rows.items[0];
    assert_true(row->from_us <= f->now_us);
    assert_int_equal(row->to_us, row->from_us);
}

/* ---- names ---------------------------------------------------------------------------------- */
static void described(struct fixture *f, const char *id, const char *name, const char *queue)
{
    struct dr_task_row row = {
        .id = id, .name = name, .project = "vision", .user = "Anna", .queue = queue};
    assert_true(ask(f, TASKS_DESCRIBED, tasks_described, .tasks = {&row, 1}));
    assert_int_equal(f->events, 1);
    assert_int_equal(f->event_types[0], DR_TASKS_KNOWN);
}

static const struct dr_tasks *tasks(struct fixture *f, struct dr_strs ids)
{
    struct dr_tasks_get get = {.ids = ids};
    fixture_ask_as(f, "console", DR_TASKS_GET, &get, NULL);
    assert_int_equal(f->type, DR_TASKS);
    return f->body;
}

static void tasks_have_names(void **state)
{
    struct fixture *f = *state;
    int64_t seq = core_seq(f->ledger);
    described(f, "t1", "train", "fast");
    described(f, "t1", "train 2\n", ""); /* renamed, and it runs: it waited in fast last */
    described(f, "t2", "other", "slow");
    assert_int_equal(core_seq(f->ledger), seq); /* a name makes no plan stale */
    const struct dr_tasks *list = tasks(f, STRS("t1", "t-none"));
    assert_int_equal(list->tasks.count, 1);
    assert_string_equal(list->tasks.items[0].name, "train 2 ");
    assert_string_equal(list->tasks.items[0].queue, "fast");
    assert_string_equal(list->tasks.items[0].project, "vision");
    list = tasks(f, (struct dr_strs){0});
    assert_int_equal(list->tasks.count, 2);
    assert_string_equal(list->tasks.items[0].id, "t2"); /* the newest first */
    const char *id = up(f, "cpu", "i-1");
    slot(f, id, "w", "t1", f->now_us);
    assert_string_equal(work(f, (struct dr_work_get){0})->tasks.items[0].name, "train 2 ");
}

static void a_long_name_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char name[700];
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "\u00e4", 3);
    memmove(name + 1, name, sizeof name - 2); /* the 500th byte is inside a character */
    name[0] = 'x';
    name[sizeof name - 1] = '\0';
    described(f, "t1", name, "fast");
    const char *kept = tasks(f, STRS("t1"))->tasks.items[0].name;
    assert_int_equal(strlen(kept), 499);
    assert_int_equal(strncmp(kept, name, 499), 0);
}

static void names_are_forgotten_when_nothing_ran_for_long(void **state)
{
    struct fixture *f = *state;
    const char *id = up(f, "gpu", "i-1");
    described(f, "t-old", "old", "");
    described(f, "t-ran", "ran", "");
    described(f, "t-runs", "runs", "");
    slot(f, id, "w:gpu0", "t-runs", f->now_us);
    f->now_us += 89 * DAY_US;
    slot(f, id, "w:gpu1", "t-ran", f->now_us);
    slot(f, id, "w:gpu1", "", f->now_us);
    assert_true(ask(f, MACHINE_KEEP, machine_keep, .machine = id, .by = "anna",
                    .until_us = f->now_us + DAY_US)); /* what lives has a history */
    described(f, "t-new", "new", "");
    f->now_us += 2 * DAY_US;
    assert_int_equal(core_prune(f->ledger, f->now_us, false), CORE_COMMITTED);
    assert_int_equal(tasks(f, STRS("t-old"))->tasks.count, 0);
    assert_int_equal(tasks(f, STRS("t-ran", "t-runs", "t-new"))->tasks.count, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(newest_first_and_page_by_page),
        T(a_machine_brings_its_attempts_and_keys),
        T(by_hand_is_what_people_did),
        T(a_task_is_on_a_machine_from_picture_to_picture),
        T(the_machines_end_ends_what_ran),
        T(a_clock_that_is_off_makes_no_nonsense),
        T(tasks_have_names),
        T(a_long_name_is_cut_between_characters),
        T(names_are_forgotten_when_nothing_ran_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
