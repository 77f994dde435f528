/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *name(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *out = w->names[w->name_count++ % 256];
    vsnprintf(out, sizeof w->names[0], format, args);
    va_end(args);
    return out;
}

struct world *world_new(const char *yaml)
{
    struct world *w = calloc(1, sizeof *w);
    struct dr_config_errors errors;
    w->config = dr_config_parse(yaml, strlen(yaml), "test.yaml", &errors);
    for (size_t i = 0; w->config == NULL && i < errors.count; i++)
        print_error("%s\n", errors.items[i].text);
    dr_config_errors_free(&errors);
    assert_non_null(w->config);
    w->planner = planner_new(dr_config_root(w->config));
    w->now = (struct now){.boot_ms = 1000000, .wall_us = 1700000000000000};
    w->seq = 10;
    return w;
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->queue_count; i++)
        free((void *)(uintptr_t)w->queues[i].waiting.items);
    planner_free(&w->planner);
    dr_config_free(w->config);
    free(w);
}

void world_queue(struct world *w, const char *queue, int n)
{
    static char tasks[8][WORLD_MAX][32];
    size_t at = 0;
    while (at < w->queue_count && strcmp(w->queues[at].name, queue) != 0)
        at++;
    struct dr_queue_view *view = &w->queues[at];
    if (at == w->queue_count)
        w->queue_count++;
    free((void *)(uintptr_t)view->waiting.items);
    struct dr_queue_task *items = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof *items);
    for (int i = 0; i < n; i++) {
        snprintf(tasks[at][i], sizeof tasks[at][i], "%s-%d", queue, i + 1);
        items[i].task = tasks[at][i];
    }
    *view = (struct dr_queue_view){.id = n < 0 ? "" : name(w, "q-%s", queue),
                                   .name = queue,
                                   .known = n >= 0,
                                   .fresh = true,
                                   .read_ms = w->now.boot_ms,
                                   .waiting = {items, (size_t)(n > 0 ? n : 0)}};
}

/* "fast slow" to the ids. */
static struct dr_strs ids(struct world *w, const char *queues)
{
    static const char *lists[WORLD_MAX * 4][8];
    static size_t used;
    const char **list = lists[used++ % (WORLD_MAX * 4)];
    size_t count = 0;
    char copy[128], *next = copy;
    snprintf(copy, sizeof copy, "%s", queues);
    for (char *word; (word = strsep(&next, " ")) != NULL;) {
        if (*word != '\0')
            list[count++] = name(w, "q-%s", word);
    }
    return (struct dr_strs){list, count};
}

struct dr_worker_view *world_worker(struct world *w, const char *id, const char *queues,
                                    const char *task, const char *instance)
{
    struct dr_worker_view *worker = &w->workers[w->worker_count++];
    *worker = (struct dr_worker_view){.id = id,
                                      .instance_id = instance == NULL ? "" : instance,
                                      .ours = instance != NULL,
                                      .queues = ids(w, queues),
                                      .task = task == NULL ? "" : task,
                                      .proven = true,
                                      .idle_since_us = task == NULL ? 5 : 0};
    return worker;
}

struct dr_machine_row *world_machine(struct world *w, const char *id, const char *type,
                                     const char *state)
{
    const struct dr_cfg_root *root = dr_config_root(w->config);
    const struct dr_cfg_type *cfg = dr_config_type(root, type);
    const char *queues[8];
    size_t n = dr_config_type_queues(root, type, queues, 8);
    char joined[128] = "";
    for (size_t i = 0; i < n; i++) {
        strncat(joined, queues[i], sizeof joined - strlen(joined) - 2);
        strcat(joined, " ");
    }
    bool bound = strcmp(state, "wanted") != 0 && strcmp(state, "launching") != 0;
    struct dr_machine_row *row = &w->machines[w->machine_count++];
    *row = (struct dr_machine_row){.id = id,
                                   .version = 1,
                                   .type = type,
                                   .account = cfg->account,
                                   .state = state,
                                   .cause = "",
                                   .drain_mode = "",
                                   .drain_reason = "",
                                   .for_queue = "",
                                   .queues = ids(w, joined),
                                   .drain_queue = "",
                                   .attempt = "",
                                   .instance_id = bound ? name(w, "i-%s", id) : "",
                                   .offering = "",
                                   .slots = cfg->slots,
                                   .up_us = strcmp(state, "up") == 0 ? 1 : 0};
    return row;
}

static void take(struct world *w, enum dr_type type, const void *body)
{
    planner_take(w->planner, dr_row_by_type(type), body, w->now);
}

void world_show_queues(struct world *w)
{
    struct dr_queues_observed picture = {
        .sent_ms = w->now.boot_ms, .settling = w->settling, .queues = {w->queues, w->queue_count}};
    for (size_t i = 0; i < w->queue_count; i++)
        w->queues[i].read_ms = w->now.boot_ms;
    take(w, DR_QUEUES_OBSERVED, &picture);
}

void world_show_workers(struct world *w)
{
    struct dr_workers_observed picture = {.sent_ms = w->now.boot_ms,
                                          .settling = w->settling,
                                          .workers = {w->workers, w->worker_count}};
    take(w, DR_WORKERS_OBSERVED, &picture);
}

void world_show_clouds(struct world *w)
{
    const struct dr_cfg_root *root = dr_config_root(w->config);
    for (size_t i = 0; i < root->accounts.count; i++) {
        struct dr_cloud_observed list = {.account = root->accounts.items[i].name,
                                         .sent_ms = w->now.boot_ms,
                                         .ok = true,
                                         .sentence = ""};
        take(w, DR_CLOUD_OBSERVED, &list);
    }
}

void world_show_rows(struct world *w)
{
    struct dr_ledger_state state = {.seq = ++w->seq,
                                    .ledger_id = "l",
                                    .deployment = "test",
                                    .blocked = "",
                                    .machines = {w->machines, w->machine_count},
                                    .slots = {w->slots, w->slot_count},
                                    .recoveries = {w->recoveries, w->recovery_count},
                                    .pauses = {w->pauses, w->pause_count}};
    take(w, DR_LEDGER_STATE, &state);
}

void world_changed(struct world *w, const struct dr_machine_row *row)
{
    struct dr_machine_changed event = {.seq = ++w->seq, .from = "", .machine = *row};
    take(w, DR_MACHINE_CHANGED, &event);
}

void world_pause(struct world *w, const char *queue, int64_t since_us)
{
    struct dr_pause_changed event = {
        .seq = ++w->seq,
        .pause = {.queue = queue, .since_us = since_us, .by = "anna", .sentence = "a move"}};
    take(w, DR_PAUSE_CHANGED, &event);
}

void world_show(struct world *w)
{
    w->now.boot_ms += 100;
    w->now.wall_us += 100000;
    world_show_rows(w);
    world_show_clouds(w);
    world_show_queues(w);
    world_show_workers(w);
}

void world_plan(struct world *w)
{
    w->effects = planner_plan(w->planner, w->now, &w->effect_count);
}

int64_t world_wanted(const struct world *w, const char *type)
{
    for (size_t i = 0; i < w->effect_count; i++) {
        if (w->effects[i].kind == EFFECT_WANT && strcmp(w->effects[i].want.type, type) == 0)
            return w->effects[i].want.count;
    }
    return -1;
}

size_t world_effects(const struct world *w, enum effect_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < w->effect_count; i++)
        n += w->effects[i].kind == kind;
    return n;
}

static const struct dr_reason_view *reason(const struct world *w, const char *queue)
{
    static const struct dr_reason_view none = {"", "", "", ""};
    struct dr_plan_decided plan = planner_decided(w->planner, "", w->now);
    for (size_t i = 0; i < plan.reasons.count; i++) {
        const struct dr_reason_view *row = &plan.reasons.items[i];
        if (strcmp(row->queue, queue) == 0 && *row->task == '\0')
            return row;
    }
    return &none;
}

const char *world_verdict(const struct world *w, const char *queue)
{
    return reason(w, queue)->verdict;
}

const char *world_sentence(const struct world *w, const char *queue)
{
    return reason(w, queue)->sentence;
}

void world_answer(struct world *w, const char *type, const char *code, const char *sentence,
                  int64_t seq)
{
    struct dr_ack ack = {.ok = *code == '\0', .code = code, .sentence = sentence, .seq = seq};
    planner_want_answered(w->planner, type, &ack, w->now);
}
