/* SPDX-License-Identifier: Apache-2.0 */
#include "growth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drover/assert.h"

#define TURNS 15 /* the middle one counts */
#define TEXT 96
#define EACH (GROWTH_QUEUES / GROWTH_TYPES)

struct growth_text {
    struct growth_text *next;
    char text[TEXT];
};

void *growth_room(size_t count, size_t size)
{
    void *out = calloc(count, size);
    DR_ASSERT(out != NULL);
    return out;
}

const char *growth_text(struct growth_flock *flock, const char *format, ...)
{
    struct growth_text *text = growth_room(1, sizeof *text);
    va_list args;
    va_start(args, format);
    vsnprintf(text->text, TEXT, format, args);
    va_end(args);
    text->next = flock->texts;
    flock->texts = text;
    return text->text;
}

static const char *const types[GROWTH_TYPES] = {"t0",  "t1",  "t2",  "t3",  "t4",  "t5",  "t6",
                                                "t7",  "t8",  "t9",  "t10", "t11", "t12", "t13",
                                                "t14", "t15", "t16", "t17", "t18", "t19"};

struct dr_config *growth_config(void)
{
    char *text = growth_room(1, 65536), *at = text;
    at += sprintf(at, "deployment: bench\nclearml:\n  api_server: http://127.0.0.1:8008\n"
                      "  credentials_file: /dev/null\nmax_machines: 100000\naccounts:\n"
                      "  - {name: here, driver: local, max_machines: 100000}\nmachine_types:\n");
    for (int i = 0; i < GROWTH_TYPES; i++)
        at += sprintf(at, "  - {name: %s, account: here, max_machines: 100000}\n", types[i]);
    at += sprintf(at, "queues:\n");
    for (int i = 0; i < GROWTH_QUEUES; i++)
        at += sprintf(at, "  - {name: q%d, types: [%s]}\n", i, types[i / EACH]);
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse(text, strlen(text), "bench.yaml", &errors);
    for (size_t i = 0; config == NULL && i < errors.count; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    DR_ASSERT(config != NULL);
    free(text);
    return config;
}

static void fill(struct growth_flock *flock, size_t i)
{
    size_t type = i % GROWTH_TYPES;
    struct dr_strs listens = {&flock->queue_ids[type * EACH], EACH};
    const char *machine = growth_text(flock, "m-%06zu-abcdef012345", i);
    const char *instance = growth_text(flock, "i-%06zu-abcdef012345", i);
    const char *worker = growth_text(flock, "drover:bench:%s:%s", types[type], instance);
    const char *task = growth_text(flock, "busy-%06zu-abcdef012345", i);
    flock->machines[i] = (struct dr_machine_row){.id = machine,
                                                 .version = 1,
                                                 .type = types[type],
                                                 .account = "here",
                                                 .state = "up",
                                                 .cause = "",
                                                 .drain_mode = "",
                                                 .drain_reason = "",
                                                 .for_queue = listens.items[0],
                                                 .queues = listens,
                                                 .drain_queue = listens.items[0],
                                                 .attempt = "",
                                                 .instance_id = instance,
                                                 .offering = "",
                                                 .identity = "",
                                                 .slots = 1,
                                                 .up_us = 1};
    flock->workers[i] = (struct dr_worker_view){.id = worker,
                                                .instance_id = instance,
                                                .ours = true,
                                                .queues = listens,
                                                .task = task,
                                                .proven = true};
    flock->instances[i] = (struct dr_instance_view){.instance_id = instance,
                                                    .state = "present",
                                                    .cloud_state = "running",
                                                    .machine = machine,
                                                    .attempt = "",
                                                    .notice = ""};
    flock->slots[i] = (struct dr_slot_row){.machine = machine, .worker = worker, .task = task};
}

struct growth_flock *growth_flock_new(size_t count)
{
    struct growth_flock *flock = growth_room(1, sizeof *flock);
    flock->count = count;
    flock->machines = growth_room(count, sizeof *flock->machines);
    flock->workers = growth_room(count, sizeof *flock->workers);
    flock->instances = growth_room(count, sizeof *flock->instances);
    flock->slots = growth_room(count, sizeof *flock->slots);
    for (size_t q = 0; q < GROWTH_QUEUES; q++)
        flock->queue_ids[q] = growth_text(flock, "queue-%06zu-abcdef012345", q);
    for (size_t i = 0; i < count; i++)
        fill(flock, i);
    return flock;
}

void growth_flock_free(struct growth_flock *flock)
{
    while (flock->texts != NULL) {
        struct growth_text *next = flock->texts->next;
        free(flock->texts);
        flock->texts = next;
    }
    free(flock->machines);
    free(flock->workers);
    free(flock->instances);
    free(flock->slots);
    free(flock);
}

struct dr_ledger_state growth_rows(const struct growth_flock *flock, int64_t seq)
{
    return (struct dr_ledger_state){.seq = seq,
                                    .ledger_id = "l",
                                    .deployment = "bench",
                                    .blocked = "",
                                    .machines = {flock->machines, flock->count},
                                    .slots = {flock->slots, flock->count}};
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of this process only: a busy host does not count. */
static double middle_us(void (*act)(void *), void *arg)
{
    double us[TURNS];
    for (int i = 0; i < TURNS; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        act(arg);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        us[i] = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
    }
    qsort(us, TURNS, sizeof *us, by_size);
    return us[TURNS / 2];
}

static void copy_rows(void *arg)
{
    struct dr_ledger_state rows = growth_rows(arg, 1);
    struct dr_record copy;
    DR_ASSERT(dr_record_copy(&dr_desc_ledger_state, &rows, &copy) == 0);
    dr_record_free(&copy);
}

void growth_run(const struct growth *growth)
{
    static const size_t sizes[] = {250, 1000, 4000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct growth_flock *flock = growth_flock_new(sizes[s]);
        void *world = growth->make(flock);
        double times = (double)sizes[s] / (double)sizes[0];
        double floor = middle_us(copy_rows, flock);
        for (size_t a = 0; a < growth->count; a++) {
            struct growth_act *act = &growth->acts[a];
            double us = middle_us(act->act, world);
            act->first = s == 0 ? us : act->first;
            printf("{\"name\": \"%s.%s\", \"machines\": %zu, \"value\": %.3f, \"unit\": \"ms\", "
                   "\"floor\": %.3f, \"ratio\": %.1f, \"growth\": %.2f, \"goal\": 2}\n",
                   growth->name, act->name, sizes[s], us / 1e3, floor / 1e3, us / floor,
                   us / act->first / times);
            fflush(stdout);
        }
        growth->drop(world);
        growth_flock_free(flock);
    }
}
