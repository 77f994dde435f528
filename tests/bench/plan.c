/* SPDX-License-Identifier: Apache-2.0 */
/* How the planner's time grows with the machines: rows, workers and waiting tasks of a flock are
 * shown to its core, one machine changes, and it plans. JSON lines; the floor of each is to copy
 * the same rows once (dr_record_copy), in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"
#include "drover/assert.h"

#define QUEUES 200
#define TASKS_PER_MACHINE 20
#define TURNS 15 /* the middle one counts */
#define NAME 64

struct flock {
    size_t count;
    struct dr_config *config;
    struct planner *planner;
    struct now now;
    struct dr_machine_row *machines;
    struct dr_worker_view *workers;
    struct dr_queue_view *queues;
    struct dr_queue_task *tasks;
    char (*names)[NAME];
    size_t named;
    const char *queue_ids[QUEUES];
    int64_t seq;
};

static void *room(size_t count, size_t size)
{
    void *out = calloc(count, size);
    DR_ASSERT(out != NULL);
    return out;
}

static const char *name(struct flock *flock, const char *what, size_t i)
{
    char *out = flock->names[flock->named++];
    snprintf(out, NAME, "%s-%06zu-abcdef012345", what, i);
    return out;
}

/* A type for each ten queues. */
static void configure(struct flock *flock)
{
    char *text = room(1, 65536), *at = text;
    at += sprintf(at, "deployment: bench\nclearml:\n  api_server: http://127.0.0.1:8008\n"
                      "  credentials_file: /dev/null\nmax_machines: 100000\naccounts:\n"
                      "  - {name: here, driver: local, max_machines: 100000}\nmachine_types:\n");
    for (int i = 0; i < QUEUES / 10; i++)
        at += sprintf(at, "  - {name: t%d, account: here, max_machines: 100000}\n", i);
    at += sprintf(at, "queues:\n");
    for (int i = 0; i < QUEUES; i++)
        at += sprintf(at, "  - {name: q%d, types: [t%d], max_machines: 100000}\n", i, i / 10);
    struct dr_config_errors errors;
    flock->config = dr_config_parse(text, strlen(text), "bench.yaml", &errors);
    for (size_t i = 0; flock->config == NULL && i < errors.count; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    DR_ASSERT(flock->config != NULL);
    free(text);
    flock->planner = planner_new(dr_config_root(flock->config));
}

static void fill_queues(struct flock *flock)
{
    size_t each = flock->count * TASKS_PER_MACHINE / QUEUES, next = 0;
    const struct dr_cfg_root *root = dr_config_root(flock->config);
    for (size_t q = 0; q < QUEUES; q++) {
        flock->queue_ids[q] = name(flock, "queue", q);
        struct dr_queue_view *view = &flock->queues[q];
        *view = (struct dr_queue_view){.id = flock->queue_ids[q],
                                       .name = root->queues.items[q].name,
                                       .known = true,
                                       .fresh = true,
                                       .waiting = {&flock->tasks[next], each}};
        for (size_t i = 0; i < each; i++, next++)
            flock->tasks[next].task = name(flock, "task", next);
    }
}

static void fill_machines(struct flock *flock)
{
    const struct dr_cfg_root *root = dr_config_root(flock->config);
    for (size_t i = 0; i < flock->count; i++) {
        size_t type = i % (QUEUES / 10);
        struct dr_strs listens = {&flock->queue_ids[type * 10], 10};
        const char *instance = name(flock, "i", i);
        flock->machines[i] = (struct dr_machine_row){.id = name(flock, "m", i),
                                                     .version = 1,
                                                     .type = root->machine_types.items[type].name,
                                                     .account = "here",
                                                     .state = "up",
                                                     .cause = "",
                                                     .drain_mode = "",
                                                     .drain_reason = "",
                                                     .for_queue = listens.items[0],
                                                     .queues = listens,
                                                     .drain_queue = "",
                                                     .attempt = "",
                                                     .instance_id = instance,
                                                     .offering = "",
                                                     .slots = 1,
                                                     .up_us = 1};
        flock->workers[i] = (struct dr_worker_view){.id = name(flock, "worker", i),
                                                    .instance_id = instance,
                                                    .ours = true,
                                                    .queues = listens,
                                                    .task = name(flock, "busy", i),
                                                    .proven = true};
    }
}

static struct flock *flock_new(size_t count)
{
    struct flock *flock = room(1, sizeof *flock);
    flock->count = count;
    flock->machines = room(count, sizeof *flock->machines);
    flock->workers = room(count, sizeof *flock->workers);
    flock->queues = room(QUEUES, sizeof *flock->queues);
    flock->tasks = room(count * TASKS_PER_MACHINE, sizeof *flock->tasks);
    flock->names = room(count * (TASKS_PER_MACHINE + 4) + QUEUES, NAME);
    flock->now = (struct now){.boot_ms = 1000000, .wall_us = 1700000000000000};
    flock->seq = 1;
    configure(flock);
    fill_queues(flock);
    fill_machines(flock);
    return flock;
}

static void flock_free(struct flock *flock)
{
    planner_free(&flock->planner);
    dr_config_free(flock->config);
    free(flock->machines);
    free(flock->workers);
    free(flock->queues);
    free(flock->tasks);
    free(flock->names);
    free(flock);
}

static void take(struct flock *flock, enum dr_type type, const void *body)
{
    planner_take(flock->planner, dr_row_by_type(type), body, flock->now);
}

static struct dr_ledger_state rows_of(struct flock *flock)
{
    return (struct dr_ledger_state){.seq = ++flock->seq,
                                    .ledger_id = "l",
                                    .deployment = "bench",
                                    .blocked = "",
                                    .machines = {flock->machines, flock->count}};
}

static void show_rows(struct flock *flock)
{
    struct dr_ledger_state rows = rows_of(flock);
    take(flock, DR_LEDGER_STATE, &rows);
}

static void show_workers(struct flock *flock)
{
    struct dr_workers_observed picture = {.sent_ms = ++flock->now.boot_ms,
                                          .workers = {flock->workers, flock->count}};
    take(flock, DR_WORKERS_OBSERVED, &picture);
}

static void show_queues(struct flock *flock)
{
    struct dr_queues_observed picture = {.sent_ms = ++flock->now.boot_ms,
                                         .queues = {flock->queues, QUEUES}};
    for (size_t i = 0; i < QUEUES; i++)
        flock->queues[i].read_ms = picture.sent_ms;
    take(flock, DR_QUEUES_OBSERVED, &picture);
}

static void change(struct flock *flock)
{
    struct dr_machine_changed event = {
        .seq = ++flock->seq, .from = "", .machine = flock->machines[flock->count - 1]};
    take(flock, DR_MACHINE_CHANGED, &event);
}

static void plan(struct flock *flock)
{
    size_t count;
    planner_plan(flock->planner, flock->now, &count);
}

static void copy_rows(struct flock *flock)
{
    struct dr_ledger_state rows = rows_of(flock);
    struct dr_record copy;
    DR_ASSERT(dr_record_copy(&dr_desc_ledger_state, &rows, &copy) == 0);
    dr_record_free(&copy);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle_us(struct flock *flock, void (*act)(struct flock *))
{
    double us[TURNS];
    for (int i = 0; i < TURNS; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        act(flock);
        clock_gettime(CLOCK_MONOTONIC, &b);
        us[i] = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
    }
    qsort(us, TURNS, sizeof *us, by_size);
    return us[TURNS / 2];
}

struct measure {
    const char *name;
    void (*act)(struct flock *);
    double first;
};

int main(void)
{
    static const size_t sizes[] = {250, 1000, 4000};
    struct measure measures[] = {{"rows", show_rows, 0},
                                 {"queues", show_queues, 0},
                                 {"workers", show_workers, 0},
                                 {"change", change, 0},
                                 {"plan", plan, 0}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct flock *flock = flock_new(sizes[s]);
        double times = (double)sizes[s] / (double)sizes[0];
        double floor = middle_us(flock, copy_rows);
        for (size_t m = 0; m < sizeof measures / sizeof *measures; m++) {
            double us = middle_us(flock, measures[m].act);
            measures[m].first = s == 0 ? us : measures[m].first;
            printf("{\"name\": \"plan.%s\", \"machines\": %zu, \"value\": %.3f, \"unit\": \"ms\", "
                   "\"floor\": %.3f, \"ratio\": %.1f, \"growth\": %.2f, \"goal\": 2}\n",
                   measures[m].name, sizes[s], us / 1e3, floor / 1e3, us / floor,
                   us / measures[m].first / times);
        }
        flock_free(flock);
    }
    return 0;
}
