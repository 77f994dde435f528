/* SPDX-License-Identifier: Apache-2.0 */
#include "costs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "costs_split.h"

#define MS_RATE (3600 * INT64_C(1000)) /* a rate under which a machine "costs" its milliseconds */

struct row {
    struct dr_cost_row cost;
    const char *machine; /* that was counted last */
};

struct pair {
    size_t row;
    const char *task;
};

struct costs {
    struct pool *pool;
    enum costs_by by;
    int64_t now_us;
    const char *only_task;
    costs_task_fn task;
    void *arg;
    struct row *rows;
    size_t count, room;
    size_t *slots; /* open addressing: index of the row + 1 */
    size_t slot_count;
    struct pair *pairs; /* which tasks had a share in which row */
    size_t pair_count, pair_room;
    int64_t unattributed_usd_micros;
};

bool costs_by_parse(const char *word, enum costs_by *by)
{
    static const char *const words[COSTS_BYS] = {
        [COSTS_QUEUE] = "queue", [COSTS_TYPE] = "type", [COSTS_PROJECT] = "project",
        [COSTS_USER] = "user",   [COSTS_TASK] = "task", [COSTS_MACHINE] = "machine",
        [COSTS_DAY] = "day"};
    for (int i = 0; i < COSTS_BYS; i++) {
        if (strcmp(word, words[i]) == 0) {
            *by = (enum costs_by)i;
            return true;
        }
    }
    return false;
}

struct costs *costs_new(struct pool *pool, enum costs_by by, int64_t now_us, const char *only_task,
                        costs_task_fn task, void *arg)
{
    struct costs *costs = pool_alloc(pool, sizeof *costs);
    *costs = (struct costs){
        .pool = pool, .by = by, .now_us = now_us, .only_task = only_task, .task = task, .arg = arg};
    return costs;
}

/* ---- rows by key ---------------------------------------------------------------------------- */
static size_t hash(const char *text)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return (size_t)h;
}

static size_t *slot_of(struct costs *costs, const char *key)
{
    size_t at = hash(key) & (costs->slot_count - 1);
    while (costs->slots[at] != 0 && strcmp(costs->rows[costs->slots[at] - 1].cost.key, key) != 0)
        at = (at + 1) & (costs->slot_count - 1);
    return &costs->slots[at];
}

static void make_room(struct costs *costs)
{
    if (costs->count < costs->room)
        return;
    size_t room = costs->room == 0 ? 64 : 2 * costs->room;
    struct row *rows = pool_alloc(costs->pool, room * sizeof *rows);
    if (costs->count > 0)
        memcpy(rows, costs->rows, costs->count * sizeof *rows);
    costs->rows = rows;
    costs->room = room;
    costs->slot_count = 2 * room;
    costs->slots = pool_alloc(costs->pool, costs->slot_count * sizeof *costs->slots);
    for (size_t i = 0; i < costs->count; i++)
        *slot_of(costs, rows[i].cost.key) = i + 1;
}

static struct row *row_of(struct costs *costs, const char *key, const char *name)
{
    make_room(costs);
    size_t *slot = slot_of(costs, key);
    if (*slot == 0) {
        costs->rows[costs->count] = (struct row){
            .cost = {.key = pool_text(costs->pool, key), .name = pool_text(costs->pool, name)}};
        *slot = ++costs->count;
    }
    return &costs->rows[*slot - 1];
}

/* ---- shares into rows ----------------------------------------------------------------------- */
static void note_task(struct costs *costs, const struct row *row, const char *task)
{
    if (costs->pair_count == costs->pair_room) {
        costs->pair_room = costs->pair_room == 0 ? 64 : 2 * costs->pair_room;
        struct pair *pairs = pool_alloc(costs->pool, costs->pair_room * sizeof *pairs);
        if (costs->pair_count > 0)
            memcpy(pairs, costs->pairs, costs->pair_count * sizeof *pairs);
        costs->pairs = pairs;
    }
    costs->pairs[costs->pair_count++] = (struct pair){(size_t)(row - costs->rows), task};
}

static void put(struct row *row, const struct costs_machine *machine,
                const struct split_share *share)
{
    struct dr_cost_row *cost = &row->cost;
    if (row->machine != machine->id)
        cost->machines++;
    row->machine = machine->id;
    cost->run_ms += share->run_us / 1000;
    if (machine->paid.rate_usd_micros == 0) {
        cost->unpriced_ms += share->boot + share->run + share->idle;
        return;
    }
    cost->run_usd_micros += share->run;
    cost->boot_usd_micros += share->boot;
    cost->idle_usd_micros += share->idle;
}

static struct row *row_of_task(struct costs *costs, const char *id)
{
    struct dr_task_row task = costs->task(costs->arg, id);
    switch (costs->by) {
    case COSTS_PROJECT:
        return row_of(costs, task.project, task.project);
    case COSTS_USER:
        return row_of(costs, task.user, task.user);
    default:
        return row_of(costs, id, task.name);
    }
}

static struct row *row_of_machine(struct costs *costs, const struct costs_window *window,
                                  const struct costs_machine *machine)
{
    switch (costs->by) {
    case COSTS_QUEUE:
        return row_of(costs, machine->queue, machine->queue_name);
    case COSTS_TYPE:
        return row_of(costs, machine->type, machine->type);
    case COSTS_DAY:
        return row_of(costs, window->day, window->day);
    default:
        return row_of(costs, machine->id, machine->type);
    }
}

static bool by_task(const struct costs *costs)
{
    return costs->by == COSTS_TASK || costs->by == COSTS_PROJECT || costs->by == COSTS_USER;
}

void costs_add(struct costs *costs, const struct costs_window *window,
               const struct costs_machine *machine)
{
    struct costs_machine priced = *machine;
    if (machine->paid.rate_usd_micros == 0)
        priced.paid.rate_usd_micros = MS_RATE;
    struct split split = split_machine(costs->pool, &priced, window, costs->now_us);
    if (split.count == 0 && by_task(costs)) {
        if (machine->paid.rate_usd_micros != 0 && *costs->only_task == '\0')
            costs->unattributed_usd_micros += split.nobody.boot + split.nobody.idle;
        return;
    }
    if (split.count == 0 && *costs->only_task == '\0' && split.nobody.boot + split.nobody.idle > 0)
        put(row_of_machine(costs, window, machine), machine, &split.nobody);
    for (size_t i = 0; i < split.count; i++) {
        const struct split_share *share = &split.shares[i];
        if (*costs->only_task != '\0' && strcmp(share->task, costs->only_task) != 0)
            continue;
        if (share->run + share->boot + share->idle == 0 && share->run_us == 0)
            continue;
        struct row *row = by_task(costs) ? row_of_task(costs, share->task)
                                         : row_of_machine(costs, window, machine);
        put(row, machine, share);
        if (share->run_us > 0)
            note_task(costs, row, share->task);
    }
}

void costs_add_lost(struct costs *costs, const struct costs_window *window, int64_t usd_micros)
{
    if (usd_micros == 0 || *costs->only_task != '\0')
        return;
    if (by_task(costs)) {
        costs->unattributed_usd_micros += usd_micros;
        return;
    }
    const char *day = costs->by == COSTS_DAY ? window->day : "";
    row_of(costs, day, *day != '\0' ? day : "a lost ledger's")->cost.idle_usd_micros += usd_micros;
}

/* ---- the answer ----------------------------------------------------------------------------- */
static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return x->row != y->row ? (x->row < y->row ? -1 : 1) : strcmp(x->task, y->task);
}

static void count_tasks(struct costs *costs)
{
    if (costs->pair_count > 0)
        qsort(costs->pairs, costs->pair_count, sizeof *costs->pairs, by_pair);
    for (size_t i = 0; i < costs->pair_count; i++)
        costs->rows[costs->pairs[i].row].cost.tasks +=
            i == 0 || by_pair(&costs->pairs[i - 1], &costs->pairs[i]) != 0;
}

static int64_t whole(const struct dr_cost_row *row)
{
    return row->run_usd_micros + row->boot_usd_micros + row->idle_usd_micros;
}

static int dearest_first(const void *a, const void *b)
{
    const struct dr_cost_row *x = a, *y = b;
    if (whole(x) != whole(y))
        return whole(x) > whole(y) ? -1 : 1;
    if (x->run_ms != y->run_ms)
        return x->run_ms > y->run_ms ? -1 : 1;
    return strcmp(x->key, y->key);
}

static void fold(struct pool *pool, struct dr_cost_row *rows, size_t count)
{
    struct dr_cost_row *last = &rows[COSTS_ROWS_MAX - 1];
    for (size_t i = COSTS_ROWS_MAX; i < count; i++) {
        last->machines += rows[i].machines;
        last->tasks += rows[i].tasks;
        last->run_ms += rows[i].run_ms;
        last->run_usd_micros += rows[i].run_usd_micros;
        last->boot_usd_micros += rows[i].boot_usd_micros;
        last->idle_usd_micros += rows[i].idle_usd_micros;
        last->unpriced_ms += rows[i].unpriced_ms;
    }
    last->key = "";
    last->name = pool_printf(pool, "%zu others", count - COSTS_ROWS_MAX + 1);
}

struct dr_cost_row_list costs_rows(struct costs *costs, int64_t *unattributed_usd_micros)
{
    struct dr_cost_row *rows = pool_alloc(costs->pool, (costs->count + 1) * sizeof *rows);
    count_tasks(costs);
    for (size_t i = 0; i < costs->count; i++)
        rows[i] = costs->rows[i].cost;
    if (costs->count > 0)
        qsort(rows, costs->count, sizeof *rows, dearest_first);
    if (costs->count > COSTS_ROWS_MAX)
        fold(costs->pool, rows, costs->count);
    *unattributed_usd_micros = costs->unattributed_usd_micros;
    size_t count = costs->count > COSTS_ROWS_MAX ? COSTS_ROWS_MAX : costs->count;
    return (struct dr_cost_row_list){.items = rows, .count = count};
}
