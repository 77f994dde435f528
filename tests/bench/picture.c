/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_picture: what the dashboard's picture costs with 1,000 machines, 200 queues and 20,000
 * waiting tasks: the whole state, a reading of the queues in which nothing and in which two queues
 * changed, a machine's change. Floor: dr_json() of the same machines and queues.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drover/assert.h"
#include "picture.h"

#define MACHINES 1000
#define QUEUES 200
#define TASKS 100 /* a queue */
#define ROUNDS 50
#define NOW_US INT64_C(1800000000000000)

static struct dr_machine_row machines[MACHINES];
static struct dr_worker_view workers[MACHINES];
static struct dr_queue_view queues[QUEUES];
static struct dr_queue_task tasks[QUEUES][TASKS + 1];
static size_t told;

static void tell(void *arg, const char *event, const char *json)
{
    (void)arg;
    (void)event;
    told += json[0] != '\0';
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static char *text(const char *format, size_t i, size_t k)
{
    char *out;
    DR_ASSERT(asprintf(&out, format, i, k) > 0);
    return out;
}

static struct dr_config *make(void)
{
    char *yaml = NULL;
    size_t len = 0;
    struct dr_config_errors errors;
    FILE *file = open_memstream(&yaml, &len);
    fputs("deployment: bench\nclearml: {api_server: 'https://api.example.org'}\n"
          "accounts: [{name: here, driver: local}]\n"
          "machine_types: [{name: gpu, account: here, max_machines: 1200}]\nqueues:\n",
          file);
    for (size_t q = 0; q < QUEUES; q++)
        fprintf(file, "  - {name: q%zu, types: [gpu]}\n", q);
    fclose(file);
    struct dr_config *config = dr_config_parse(yaml, len, "bench.yaml", &errors);
    DR_ASSERT(config != NULL);
    dr_config_errors_free(&errors);
    free(yaml);
    return config;
}

static void fill(void)
{
    static const char *ids[QUEUES];
    for (size_t q = 0; q < QUEUES; q++) {
        ids[q] = text("%032zx", q, 0);
        for (size_t t = 0; t <= TASKS; t++)
            tasks[q][t] = (struct dr_queue_task){text("%016zx%016zx", q, t), NOW_US};
        queues[q] = (struct dr_queue_view){.id = ids[q],
                                           .name = text("q%zu", q, 0),
                                           .known = true,
                                           .waiting = {.items = tasks[q], .count = TASKS}};
    }
    for (size_t m = 0; m < MACHINES; m++) {
        machines[m] =
            (struct dr_machine_row){.id = text("%016zx", m, 0),
                                    .version = 4,
                                    .type = "gpu",
                                    .account = "here",
                                    .state = "up",
                                    .cause = "its worker was seen",
                                    .instance_id = text("i-%017zx", m, 0),
                                    .for_queue = ids[m % QUEUES],
                                    .queues = {.items = &ids[m % (QUEUES - 3)], .count = 3},
                                    .offering = "g5.xlarge eu-west-1a",
                                    .slots = 1,
                                    .created_us = NOW_US,
                                    .launched_us = NOW_US,
                                    .up_us = NOW_US,
                                    .price_usd_micros = 1006000,
                                    .identity = "123456789012/eu-west-1"};
        workers[m] = (struct dr_worker_view){.id = text("drover:bench:gpu:i-%017zx", m, 0),
                                             .instance_id = machines[m].instance_id,
                                             .ours = true,
                                             .proven = true,
                                             .queues = machines[m].queues,
                                             .task = text("%032zx", m, 0)};
    }
}

static void take(struct picture *picture, enum dr_type type, const void *body)
{
    struct dr_record decoded;
    const struct dr_message_row *row = dr_row_by_type(type);
    DR_ASSERT(dr_record_copy(row->desc, body, &decoded) == 0);
    picture_take(picture, row, decoded.value, "bench", NOW_US);
    picture_flush(picture, NOW_US);
    dr_record_free(&decoded);
}

static void say(const char *name, int64_t ns, int64_t floor_ns)
{
    printf("{\"name\":\"picture-%s\",\"value\":%.3f,\"unit\":\"ms\",\"floor\":%.3f,"
           "\"ratio\":%.2f}\n",
           name, (double)ns / 1e6, (double)floor_ns / 1e6, (double)ns / (double)floor_ns);
}

static int64_t floor_ns(void)
{
    struct dr_ledger_state state = {.machines = {.items = machines, .count = MACHINES}};
    struct dr_queues_observed seen = {.queues = {.items = queues, .count = QUEUES}};
    int64_t from = now_ns();
    free(dr_json(&dr_desc_ledger_state, &state));
    free(dr_json(&dr_desc_queues_observed, &seen));
    return now_ns() - from;
}

static int64_t of_states(const struct picture *picture)
{
    struct picture_place place = {.boot = "b"};
    int64_t from = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        struct dr_strbuf out = {0};
        picture_state(picture, &place, NOW_US, &out);
        dr_strbuf_free(&out);
    }
    return (now_ns() - from) / ROUNDS;
}

static int64_t of_readings(struct picture *picture, size_t changed)
{
    int64_t spent = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        for (size_t q = 0; q < changed; q++)
            queues[(7 * i + q) % QUEUES].waiting.count ^= TASKS ^ (TASKS + 1);
        struct dr_queues_observed seen = {.queues = {.items = queues, .count = QUEUES}};
        struct dr_record decoded;
        DR_ASSERT(dr_record_copy(&dr_desc_queues_observed, &seen, &decoded) == 0);
        int64_t from = now_ns();
        picture_take(picture, dr_row_by_type(DR_QUEUES_OBSERVED), decoded.value, "bench", NOW_US);
        picture_flush(picture, NOW_US);
        spent += now_ns() - from;
        dr_record_free(&decoded);
    }
    return spent / ROUNDS;
}

static int64_t of_changes(struct picture *picture)
{
    int64_t from = now_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        struct dr_machine_row *row = &machines[(31 * i) % MACHINES];
        row->idle_since_us = row->idle_since_us == 0 ? NOW_US : 0;
        struct dr_machine_changed changed = {.seq = 10 + (int64_t)i, .from = "up", .machine = *row};
        take(picture, DR_MACHINE_CHANGED, &changed);
    }
    return (now_ns() - from) / ROUNDS;
}

int main(void)
{
    struct dr_config *config = make();
    fill();
    struct picture *picture = picture_new(dr_config_root(config), NOW_US, tell, NULL);
    struct dr_ledger_state state = {.seq = 1, .machines = {.items = machines, .count = MACHINES}};
    struct dr_picture seen = {.queues = {.queues = {.items = queues, .count = QUEUES}},
                              .workers = {.workers = {.items = workers, .count = MACHINES}}};
    int64_t from = now_ns();
    take(picture, DR_LEDGER_STATE, &state);
    take(picture, DR_PICTURE, &seen);
    int64_t first = now_ns() - from, floor = floor_ns();
    say("first", first, floor);
    say("state", of_states(picture), floor);
    say("quiet-reading", of_readings(picture, 0), floor);
    say("reading", of_readings(picture, 2), floor);
    say("machine", of_changes(picture), floor);
    picture_free(&picture);
    dr_config_free(config);
    return 0;
}
