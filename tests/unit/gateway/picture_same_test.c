/* SPDX-License-Identifier: Apache-2.0 */
/* However it came to it: after any sequence of events and snapshots the state is the one that a
 * fresh picture makes of the last snapshots; and what was told, put together, is that state too. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flock.h"

#define ROUNDS 200
#define STEPS 120

struct dice {
    uint64_t state;
};

static size_t roll(struct dice *dice, size_t sides)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice->state >> 33) % sides;
}

static const char *const states[] = {"wanted",      "launching", "booting", "up",   "draining",
                                     "terminating", "absent",    "failed",  "gone", "cancelled"};
static const char *const task_ids[] = {"", "t1", "t2", "t3", "t4"};
static const struct dr_queue_task tasks[] = {{"a", 11}, {"b", 12}, {"c", 13}, {"d", 14}};
static char machine_ids[40][8];

static void new_machine(struct flock *flock, struct dice *dice)
{
    if (flock->machine_count == 40)
        return;
    const char *id = machine_ids[flock->machine_count];
    struct dr_machine_row *row =
        flock_machine(flock, id, roll(dice, 2) ? "small" : "big", "wanted");
    row->price_usd_micros = (int64_t)roll(dice, 3) * 500000;
    flock_row(flock, row, "");
}

static void move_machine(struct flock *flock, struct dice *dice)
{
    if (flock->machine_count == 0)
        return;
    struct dr_machine_row *row = &flock->machines[roll(dice, flock->machine_count)];
    const char *from = row->state;
    row->state = states[roll(dice, sizeof states / sizeof states[0])];
    row->state_since_us = flock->now_us;
    row->instance_id = strcmp(row->state, "wanted") == 0 ? "" : row->id;
    row->launched_us = *row->instance_id == '\0' ? 0 : NOW_US;
    row->ended_us = dr_view_lives(row) ? 0 : flock->now_us;
    row->idle_since_us = roll(dice, 2) ? flock->now_us : 0;
    row->version++;
    if (roll(dice, 5) == 0) {
        flock->seq++; /* its event was lost: a snapshot must tell */
        flock_ledger(flock);
        return;
    }
    flock_row(flock, row, from);
}

static void see_workers(struct flock *flock, struct dice *dice)
{
    flock->worker_count = 0;
    for (size_t i = 0; i < flock->machine_count; i++) {
        if (*flock->machines[i].instance_id == '\0' || roll(dice, 3) == 0)
            continue;
        struct dr_worker_view *worker =
            flock_worker(flock, flock->machines[i].id, &flock->machines[i],
                         task_ids[roll(dice, sizeof task_ids / sizeof task_ids[0])]);
        worker->ours = roll(dice, 6) != 0;
        worker->proven = roll(dice, 6) != 0;
    }
    struct dr_workers_observed seen = {
        .workers = {.items = flock->workers, .count = flock->worker_count}};
    flock_take(flock, DR_WORKERS_OBSERVED, &seen);
}

static void see_queues(struct flock *flock, struct dice *dice)
{
    for (size_t i = 0; i < flock->queue_count; i++) {
        size_t first = roll(dice, 4);
        flock->queues[i].known = roll(dice, 8) != 0;
        flock_wait(flock, flock->queues[i].name, tasks + first, roll(dice, 5 - first));
    }
    struct dr_queues_observed seen = {
        .queues = {.items = flock->queues, .count = flock->queue_count}};
    flock_take(flock, DR_QUEUES_OBSERVED, &seen);
}

static void plan(struct flock *flock, struct dice *dice)
{
    static const char *const verdicts[] = {"served", "booting", "capped"};
    flock->reason_count = 0;
    for (size_t i = 0; i < flock->queue_count; i++)
        if (roll(dice, 2))
            flock->reasons[flock->reason_count++] = (struct dr_reason_view){
                flock->queues[i].name, roll(dice, 4) ? "" : "a", verdicts[roll(dice, 3)], "why"};
    struct dr_plan_decided decided = {
        .reasons = {.items = flock->reasons, .count = flock->reason_count}};
    flock_take(flock, DR_PLAN_DECIDED, &decided);
}

static void pause_one(struct flock *flock, struct dice *dice)
{
    static const char *const queues[] = {"", "cpu", "gpu"};
    struct dr_pause_row row = {
        .queue = queues[roll(dice, 3)], .since_us = roll(dice, 2) ? flock->now_us : 0, .by = "ada"};
    size_t kept = 0;
    for (size_t i = 0; i < flock->pause_count; i++)
        if (strcmp(flock->pauses[i].queue, row.queue) != 0)
            flock->pauses[kept++] = flock->pauses[i];
    flock->pause_count = kept;
    if (row.since_us != 0)
        flock->pauses[flock->pause_count++] = row;
    struct dr_pause_changed changed = {.seq = ++flock->seq, .pause = row};
    flock_take(flock, DR_PAUSE_CHANGED, &changed);
}

static void name_tasks(struct flock *flock, struct dice *dice)
{
    struct dr_task_row rows[] = {{.id = "t1", .name = roll(dice, 2) ? "one" : "eins"},
                                 {.id = "t2", .name = "two"}};
    struct dr_tasks_known known = {.tasks = {.items = rows, .count = 2}};
    flock_take(flock, DR_TASKS_KNOWN, &known);
}

static void pass_time(struct flock *flock, struct dice *dice)
{
    flock->now_us += (int64_t)roll(dice, 900) * 1000000;
}

static void settle(struct flock *flock, struct dice *dice)
{
    (void)dice;
    picture_flush(flock->picture, flock->now_us);
}

/* A page: what it was told, by the keys that it keeps it under. */
static void page_take(json_t *page, const char *event, json_t *data)
{
    const char *key = strcmp(event, "machine") == 0 ? "id" : "name";
    if (strcmp(event, "machine") == 0 || strcmp(event, "queue") == 0)
        json_object_set(json_object_get(page, event), json_string_value(json_object_get(data, key)),
                        data);
    else
        json_object_set(page, event, data);
}

static void same(json_t *a, json_t *b, const char *what, size_t round)
{
    if (json_equal(a, b))
        return;
    char *x = json_dumps(a, JSON_SORT_KEYS | JSON_ENCODE_ANY),
         *y = json_dumps(b, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    print_message("round %zu, %s:\n%s\n%s\n", round, what, x, y);
    free(x);
    free(y);
    fail();
}

/* spent_usd_micros runs with time: a page counts it on by itself. */
static void without_cost(json_t *machine)
{
    json_object_del(machine, "spent_usd_micros");
}

static void page_is(json_t *page, json_t *state, size_t round)
{
    size_t i;
    json_t *item;
    static const char *const parts[] = {"counts", "pauses", "server"};
    for (size_t p = 0; p < 3; p++) {
        json_t *told = json_object_get(page, parts[p]);
        if (told != NULL)
            same(told, json_object_get(state, parts[p]), parts[p], round);
    }
    json_array_foreach (json_object_get(state, "queues"), i, item)
        same(json_object_get(json_object_get(page, "queue"),
                             json_string_value(json_object_get(item, "name"))),
             item, "queue told", round);
    json_array_foreach (json_object_get(state, "machines"), i, item) {
        json_t *told = json_object_get(json_object_get(page, "machine"),
                                       json_string_value(json_object_get(item, "id")));
        json_t *a = json_deep_copy(told), *b = json_deep_copy(item);
        without_cost(a);
        without_cost(b);
        same(a, b, "machine told", round);
        json_decref(a);
        json_decref(b);
    }
}

static void hand_over(struct flock *from, struct flock *to)
{
    memcpy(to->machines, from->machines, sizeof to->machines);
    memcpy(to->workers, from->workers, sizeof to->workers);
    memcpy(to->reasons, from->reasons, sizeof to->reasons);
    memcpy(to->pauses, from->pauses, sizeof to->pauses);
    to->machine_count = from->machine_count;
    to->worker_count = from->worker_count;
    to->reason_count = from->reason_count;
    to->pause_count = from->pause_count;
    to->now_us = from->now_us;
    to->seq = from->seq;
    for (size_t i = 0; i < to->queue_count; i++) {
        to->queues[i].known = from->queues[i].known;
        to->queues[i].waiting = from->queues[i].waiting;
    }
}

static void compare(struct flock *flock, json_t *page, struct dr_task_row *names, size_t round)
{
    struct flock *fresh = flock_new(NULL);
    static const char *const live[] = {"activity", "as_of"};
    hand_over(flock, fresh);
    flock_all(fresh);
    struct dr_tasks known = {.tasks = {.items = names, .count = 2}};
    flock_take(fresh, DR_TASKS, &known);
    picture_flush(fresh->picture, fresh->now_us);
    json_t *a = flock_state(flock), *b = flock_state(fresh);
    page_is(page, a, round);
    for (size_t i = 0; i < 2; i++) { /* what happened, and when it was heard of */
        json_object_del(a, live[i]);
        json_object_del(b, live[i]);
    }
    same(a, b, "state", round);
    json_decref(a);
    json_decref(b);
    flock_done(fresh);
}

static void play(size_t round)
{
    static void (*const steps[])(struct flock *, struct dice *) = {
        new_machine, move_machine, move_machine, move_machine, see_workers, see_queues,
        plan,        pause_one,    name_tasks,   pass_time,    settle,
    };
    struct dice dice = {round * 977 + 1};
    struct flock *flock = flock_new(NULL);
    json_t *page = json_pack("{s:{},s:{}}", "machine", "queue");
    flock_all(flock);
    name_tasks(flock, &dice);
    for (size_t i = 0; i < STEPS; i++)
        steps[roll(&dice, sizeof steps / sizeof steps[0])](flock, &dice);
    /* The names that it was told last. */
    struct dr_task_row names[2];
    memcpy(names, (struct dr_task_row[]){{.id = "t1"}, {.id = "t2"}}, sizeof names);
    for (size_t i = 0; i < 2; i++)
        names[i] = *picture_name(flock->picture, names[i].id);
    /* The server's word comes with the first picture only here. */
    picture_flush(flock->picture, flock->now_us);
    for (size_t i = 0; i < flock->told_count; i++)
        page_take(page, flock->told[i].event, flock->told[i].data);
    assert_true(flock->told_count < sizeof flock->told / sizeof flock->told[0]);
    compare(flock, page, names, round);
    json_decref(page);
    flock_done(flock);
}

static void any_way_leads_to_the_same_state(void **nothing)
{
    (void)nothing;
    for (size_t i = 0; i < 40; i++)
        snprintf(machine_ids[i], sizeof machine_ids[i], "m%zu", i);
    for (size_t round = 0; round < ROUNDS; round++)
        play(round);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_way_leads_to_the_same_state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
