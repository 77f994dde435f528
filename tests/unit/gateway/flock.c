/* SPDX-License-Identifier: Apache-2.0 */
#include "flock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static const char *const DEFAULT = "deployment: test\n"
                                   "clearml: {api_server: 'http://api.example.org:8008'}\n"
                                   "accounts: [{name: here, driver: local}]\n"
                                   "machine_types:\n"
                                   "  - {name: small, account: here, max_machines: 4}\n"
                                   "  - {name: big, account: here, max_machines: 2, slots: 2}\n"
                                   "queues:\n"
                                   "  - {name: cpu, types: [small, big], max_machines: 5}\n"
                                   "  - {name: gpu, types: [big]}\n";

static void tell(void *arg, const char *event, const char *json)
{
    struct flock *flock = arg;
    if (flock->told_count == sizeof flock->told / sizeof flock->told[0])
        return;
    struct told *told = &flock->told[flock->told_count++];
    told->event = strdup(event);
    told->data = json_loads(json, JSON_DECODE_ANY, NULL);
    DR_ASSERT(told->event != NULL && told->data != NULL);
}

struct flock *flock_new(const char *yaml)
{
    struct dr_config_errors errors;
    struct flock *flock = calloc(1, sizeof *flock);
    DR_ASSERT(flock != NULL);
    yaml = yaml == NULL ? DEFAULT : yaml;
    flock->config = dr_config_parse(yaml, strlen(yaml), "test.yaml", &errors);
    if (flock->config == NULL)
        fprintf(stderr, "%s\n", errors.items[0].text);
    DR_ASSERT(flock->config != NULL);
    dr_config_errors_free(&errors);
    const struct dr_cfg_root *root = dr_config_root(flock->config);
    flock->now_us = NOW_US;
    flock->blocked = "";
    for (size_t i = 0; i < root->queues.count; i++) {
        char *id;
        DR_ASSERT(asprintf(&id, "id-%s", root->queues.items[i].name) > 0);
        flock->queues[flock->queue_count++] = (struct dr_queue_view){
            .id = id, .name = root->queues.items[i].name, .known = true, .fresh = true};
    }
    flock->picture = picture_new(root, NOW_US, tell, flock);
    return flock;
}

static void forget(struct flock *flock)
{
    for (size_t i = 0; i < flock->told_count; i++) {
        free(flock->told[i].event);
        json_decref(flock->told[i].data);
    }
    flock->told_count = 0;
}

void flock_done(struct flock *flock)
{
    forget(flock);
    picture_free(&flock->picture);
    for (size_t i = 0; i < flock->queue_count; i++)
        free((char *)flock->queues[i].id);
    dr_config_free(flock->config);
    free(flock);
}

static const char *const cpu_only[] = {"id-cpu"}, *const both[] = {"id-cpu", "id-gpu"};

struct dr_machine_row *flock_machine(struct flock *flock, const char *id, const char *type,
                                     const char *state)
{
    DR_ASSERT(flock->machine_count < FLOCK_MAX);
    struct dr_machine_row *row = &flock->machines[flock->machine_count++];
    bool big = strcmp(type, "big") == 0;
    *row = (struct dr_machine_row){
        .id = id,
        .version = 1,
        .type = type,
        .account = "here",
        .state = state,
        .instance_id = "",
        .queues = {.items = big ? both : cpu_only, .count = big ? 2 : 1},
        .slots = big ? 2 : 1,
        .created_us = NOW_US - 90000000 + (int64_t)flock->machine_count,
        .state_since_us = NOW_US - 60000000,
    };
    if (strcmp(state, "wanted") != 0 && strcmp(state, "cancelled") != 0) {
        row->instance_id = id;
        row->launched_us = NOW_US - 80000000;
    }
    return row;
}

struct dr_worker_view *flock_worker(struct flock *flock, const char *id,
                                    const struct dr_machine_row *machine, const char *task)
{
    DR_ASSERT(flock->worker_count < FLOCK_MAX);
    struct dr_worker_view *worker = &flock->workers[flock->worker_count++];
    *worker = (struct dr_worker_view){
        .id = id,
        .instance_id = machine->instance_id,
        .ours = true,
        .queues = machine->queues,
        .task = task,
        .proven = true,
    };
    return worker;
}

void flock_wait(struct flock *flock, const char *queue, const struct dr_queue_task *tasks,
                size_t count)
{
    for (size_t i = 0; i < flock->queue_count; i++)
        if (strcmp(flock->queues[i].name, queue) == 0)
            flock->queues[i].waiting = (struct dr_queue_task_list){.items = tasks, .count = count};
}

void flock_take(struct flock *flock, enum dr_type type, const void *body)
{
    struct dr_record decoded; /* no text of a message that came in is NULL */
    const struct dr_message_row *row = dr_row_by_type(type);
    DR_ASSERT(dr_record_copy(row->desc, body, &decoded) == 0);
    picture_take(flock->picture, row, decoded.value, "test", flock->now_us);
    dr_record_free(&decoded);
}

void flock_ledger(struct flock *flock)
{
    flock_take(flock, DR_LEDGER_STATE,
               &(struct dr_ledger_state){
                   .seq = flock->seq,
                   .ledger_id = "one",
                   .blocked = flock->blocked,
                   .machines = {.items = flock->machines, .count = flock->machine_count},
                   .pauses = {.items = flock->pauses, .count = flock->pause_count}});
}

void flock_watcher(struct flock *flock)
{
    flock_take(
        flock, DR_PICTURE,
        &(struct dr_picture){
            .server = {.state = "ok", .since_us = NOW_US},
            .queues = {.queues = {.items = flock->queues, .count = flock->queue_count}},
            .workers = {.workers = {.items = flock->workers, .count = flock->worker_count}}});
}

void flock_plan(struct flock *flock)
{
    struct dr_plan plan = {
        .plan = {.reasons = {.items = flock->reasons, .count = flock->reason_count}}};
    flock_take(flock, DR_PLAN, &plan);
}

void flock_all(struct flock *flock)
{
    flock_ledger(flock);
    flock_watcher(flock);
    flock_plan(flock);
}

void flock_row(struct flock *flock, const struct dr_machine_row *machine, const char *from)
{
    struct dr_machine_changed changed = {.seq = ++flock->seq, .from = from, .machine = *machine};
    flock_take(flock, DR_MACHINE_CHANGED, &changed);
}

void flock_settle(struct flock *flock)
{
    forget(flock);
    picture_flush(flock->picture, flock->now_us);
}

size_t flock_told(const struct flock *flock, const char *event)
{
    size_t count = 0;
    for (size_t i = 0; i < flock->told_count; i++)
        count += strcmp(flock->told[i].event, event) == 0;
    return count;
}

json_t *flock_last(const struct flock *flock, const char *event)
{
    for (size_t i = flock->told_count; i-- > 0;)
        if (strcmp(flock->told[i].event, event) == 0)
            return flock->told[i].data;
    return NULL;
}

json_t *flock_state(const struct flock *flock)
{
    struct dr_strbuf out = {0};
    struct picture_place place = {.boot = "b", .seq = 7};
    picture_state(flock->picture, &place, flock->now_us, &out);
    json_error_t error;
    json_t *state = json_loads(out.data, 0, &error);
    if (state == NULL)
        fprintf(stderr, "%s at %d: %.60s\n", error.text, error.position,
                out.data + (error.position > 30 ? error.position - 30 : 0));
    DR_ASSERT(state != NULL);
    dr_strbuf_free(&out);
    return state;
}

json_t *flock_in(json_t *state, const char *list, const char *key, const char *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(state, list), i, item) {
        const char *found = json_string_value(json_object_get(item, key));
        if (found != NULL && strcmp(found, value) == 0)
            return item;
    }
    return NULL;
}
