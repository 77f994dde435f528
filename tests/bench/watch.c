/* SPDX-License-Identifier: Apache-2.0 */
/* How the watcher's time grows with the machines, each of which has twenty tasks waiting: rows and
 * their events are shown to its core, and it ticks before a server that answers at once, with and
 * without the sweep for tasks that are in no queue. What the server does is part of it. */
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "drover/assert.h"
#include "growth.h"

#define TASKS_PER_MACHINE 20
#define REASONS 100 /* of a queue's tasks, as the planner names them */
#define PAGE 500
#define ROOM 4096

struct call {
    const char *endpoint;
    json_t *body;
    clearml_fn cb;
    ack_fn acked;
    void *arg;
};

struct world {
    struct growth_flock *flock;
    struct dr_config *config;
    struct port port;
    struct watcher watcher;
    struct when now;
    struct call calls[ROOM];
    size_t call_count;
    bool rows_asked, names_asked;
    int64_t seq, made, version;
    json_t *queues, *entries, *workers, *tasks, *by_id;
};

/* ---- the shell ------------------------------------------------------------------------------- */
static struct when now(void *shell)
{
    return ((struct world *)shell)->now;
}

static void put(struct world *world, struct call call)
{
    DR_ASSERT(world->call_count < ROOM);
    world->calls[world->call_count++] = call;
}

static void call(void *shell, const char *endpoint, json_t *body, clearml_fn cb, void *arg)
{
    ((struct world *)shell)->made++;
    put(shell, (struct call){.endpoint = endpoint, .body = body, .cb = cb, .arg = arg});
}

static void ask(void *shell, enum dr_type type, const void *body, ack_fn cb, void *arg)
{
    (void)type;
    (void)body;
    put(shell, (struct call){.acked = cb, .arg = arg});
}

static void fetch_rows(void *shell)
{
    ((struct world *)shell)->rows_asked = true;
}

static void fetch_names(void *shell)
{
    ((struct world *)shell)->names_asked = true;
}

static void publish(void *shell, enum dr_type type, const void *body)
{
    (void)shell;
    (void)type;
    (void)body;
}

static void quiet(void *shell, enum dr_log_level level, bool often, const struct dr_log_ctx *ctx,
                  const char *text)
{
    (void)shell;
    (void)level;
    (void)often;
    (void)ctx;
    (void)text;
}

/* ---- the server ------------------------------------------------------------------------------ */
static json_t *tasks_of(const struct world *world, const json_t *body)
{
    json_t *out = json_array(), *id;
    size_t i;
    json_array_foreach (json_object_get(body, "id"), i, id)
        json_array_append(out, json_object_get(world->by_id, json_string_value(id)));
    json_int_t from = json_integer_value(json_object_get(body, "page")) * PAGE;
    for (i = 0; json_object_get(body, "status") != NULL && i < PAGE; i++)
        json_array_append(out, json_array_get(world->tasks, (size_t)from + i));
    return json_pack("{s:o}", "tasks", out);
}

static json_t *answer_to(const struct world *world, const struct call *call)
{
    const json_t *fields = json_object_get(call->body, "only_fields");
    if (strcmp(call->endpoint, "workers.get_all") == 0)
        return json_incref(world->workers);
    if (strcmp(call->endpoint, "queues.get_all") == 0)
        return json_incref(json_array_size(fields) == 4 ? world->queues : world->entries);
    if (strncmp(call->endpoint, "tasks.get_all", strlen("tasks.get_all")) == 0)
        return tasks_of(world, call->body);
    return json_object();
}

static void serve(struct world *world, struct call call)
{
    struct dr_ack ack = {.ok = true, .code = "", .sentence = ""};
    if (call.acked != NULL) {
        call.acked(&ack, call.arg);
        return;
    }
    struct clearml_answer answer = {.cls = CLEARML_OK,
                                    .http = 200,
                                    .code = 200,
                                    .sentence = "",
                                    .data = answer_to(world, &call),
                                    .sent_ms = world->now.boot_ms,
                                    .recv_ms = world->now.boot_ms,
                                    .server_date_us = world->now.wall_us,
                                    .retry_after_ms = -1};
    call.cb(&answer, call.arg);
    json_decref(answer.data);
    json_decref(call.body);
}

/* ---- acts ------------------------------------------------------------------------------------ */
static void show_rows(void *arg)
{
    struct world *world = arg;
    struct dr_ledger_state rows = growth_rows(world->flock, world->seq);
    watcher_rows(&world->watcher, &rows);
}

static void change_all(void *arg)
{
    struct world *world = arg;
    world->version++;
    for (size_t i = 0; i < world->flock->count; i++) {
        world->flock->machines[i].version = world->version;
        struct dr_machine_changed event = {
            .seq = ++world->seq, .from = "", .machine = world->flock->machines[i]};
        watcher_hear(&world->watcher, DR_MACHINE_CHANGED, &event);
    }
}

static void sleep_and_step(struct world *world, int64_t ms)
{
    world->now.boot_ms += ms;
    world->now.wall_us += ms * 1000;
    watcher_step(&world->watcher, world->made);
    while (world->call_count > 0) {
        struct call first = world->calls[0];
        memmove(world->calls, world->calls + 1, --world->call_count * sizeof first);
        serve(world, first);
    }
    if (world->rows_asked)
        show_rows(world);
    if (world->names_asked)
        watcher_names(&world->watcher, &(struct dr_tasks){0});
    world->rows_asked = world->names_asked = false;
}

static void tick(void *arg)
{
    sleep_and_step(arg, 5000);
}

static void sweep(void *arg)
{
    struct world *world = arg;
    sleep_and_step(world, dr_config_root(world->config)->timing.orphan_ms / 5);
    sleep_and_step(world, 5000);
}

/* ---- the world ------------------------------------------------------------------------------- */
static void fill_server(struct world *world)
{
    size_t each = world->flock->count * TASKS_PER_MACHINE / GROWTH_QUEUES, t = 0;
    json_t *queues = json_array(), *read = json_array(), *workers = json_array();
    world->tasks = json_array();
    world->by_id = json_object();
    for (size_t q = 0; q < GROWTH_QUEUES; q++) {
        const char *id = world->flock->queue_ids[q];
        json_t *entries = json_array();
        for (size_t i = 0; i < each; i++, t++) {
            const char *task = growth_text(world->flock, "task-%06zu-abcdef012345", t);
            json_t *shown = json_pack("{s:s,s:s,s:s,s:s,s:{s:s}}", "id", task, "status", "queued",
                                      "status_changed", "2026-01-01T00:00:00", "last_update",
                                      "2026-01-01T00:00:00", "execution", "queue", id);
            json_array_append_new(
                entries, json_pack("{s:s,s:s}", "task", task, "added", "2026-01-01T00:00:00"));
            json_array_append(world->tasks, shown);
            json_object_set_new(world->by_id, task, shown);
        }
        json_array_append_new(queues,
                              json_pack("{s:s,s:o,s:s,s:{}}", "id", id, "name",
                                        json_sprintf("q%zu", q), "last_update", "1", "metadata"));
        json_array_append_new(read, json_pack("{s:s,s:o}", "id", id, "entries", entries));
    }
    for (size_t i = 0; i < world->flock->count; i++) {
        const struct dr_worker_view *view = &world->flock->workers[i];
        json_array_append_new(workers,
                              json_pack("{s:s,s:{s:s},s:s}", "id", view->id, "task", "id",
                                        view->task, "last_activity_time", "2030-01-01T00:00:00"));
    }
    world->queues = json_pack("{s:o}", "queues", queues);
    world->entries = json_pack("{s:o}", "queues", read);
    world->workers = json_pack("{s:o}", "workers", workers);
}

static void hear_plan(struct world *world)
{
    size_t each = world->flock->count * TASKS_PER_MACHINE / GROWTH_QUEUES, n = 0;
    const struct dr_cfg_root *root = dr_config_root(world->config);
    struct dr_reason_view *reasons = growth_room(GROWTH_QUEUES * (REASONS + 1), sizeof *reasons);
    for (size_t q = 0; q < GROWTH_QUEUES; q++) {
        const char *queue = root->queues.items[q].name;
        reasons[n++] = (struct dr_reason_view){queue, "", "capped", "the limit is reached"};
        for (size_t i = 0; i < each && i < REASONS; i++)
            reasons[n++] = (struct dr_reason_view){
                queue, growth_text(world->flock, "task-%06zu-abcdef012345", q * each + i), "capped",
                "the limit is reached"};
    }
    struct dr_plan_decided plan = {.reasons = {reasons, n}};
    watcher_hear(&world->watcher, DR_PLAN_DECIDED, &plan);
    free(reasons);
}

static void *make(struct growth_flock *flock)
{
    struct world *world = growth_room(1, sizeof *world);
    world->flock = flock;
    world->config = growth_config();
    world->now = (struct when){.boot_ms = 1000000, .wall_us = INT64_C(1800000000000000)};
    world->seq = 1;
    world->port = (struct port){.shell = world,
                                .now = now,
                                .call = call,
                                .ask = ask,
                                .fetch_rows = fetch_rows,
                                .fetch_names = fetch_names,
                                .publish = publish,
                                .log = quiet};
    watcher_init(&world->watcher, &world->port, dr_config_root(world->config));
    fill_server(world);
    hear_plan(world);
    for (int i = 0; i < 6; i++)
        tick(world);
    return world;
}

static void drop(void *arg)
{
    struct world *world = arg;
    watcher_free(&world->watcher);
    json_decref(world->queues);
    json_decref(world->entries);
    json_decref(world->workers);
    json_decref(world->tasks);
    json_decref(world->by_id);
    dr_config_free(world->config);
    free(world);
}

int main(void)
{
    struct growth_act acts[] = {
        {"rows", show_rows, 0}, {"changes", change_all, 0}, {"tick", tick, 0}, {"sweep", sweep, 0}};
    growth_run(&(struct growth){"watch", make, drop, acts, sizeof acts / sizeof *acts});
    return 0;
}
