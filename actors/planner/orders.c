/* SPDX-License-Identifier: Apache-2.0 */
#include "orders.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static void replace(char **place, const char *text)
{
    char *fresh = strdup(text);
    DR_ASSERT(fresh != NULL);
    free(*place);
    *place = fresh;
}

void orders_free(struct orders *orders)
{
    for (size_t i = 0; i < orders->count; i++) {
        free(orders->items[i].type);
        free(orders->items[i].verdict);
        free(orders->items[i].sentence);
    }
    for (size_t i = 0; i < orders->task_count; i++)
        free(orders->tasks[i].task);
    free(orders->items);
    free(orders->tasks);
    *orders = (struct orders){0};
}

struct order *orders_of(struct orders *orders, const char *type)
{
    for (size_t i = 0; i < orders->count; i++) {
        if (strcmp(orders->items[i].type, type) == 0)
            return &orders->items[i];
    }
    orders->items = realloc(orders->items, (orders->count + 1) * sizeof *orders->items);
    DR_ASSERT(orders->items != NULL);
    struct order *order = &orders->items[orders->count++];
    *order = (struct order){0};
    replace(&order->type, type);
    replace(&order->verdict, "");
    replace(&order->sentence, "");
    return order;
}

void orders_begin(struct orders *orders, const char *type, int64_t count)
{
    struct order *order = orders_of(orders, type);
    DR_ASSERT(!order->under_way);
    order->under_way = true;
    order->count = count;
}

void orders_put_off(struct orders *orders, const char *type, int64_t until_ms, const char *verdict,
                    const char *sentence)
{
    struct order *order = orders_of(orders, type);
    order->until_ms = until_ms;
    replace(&order->verdict, verdict);
    replace(&order->sentence, sentence);
}

bool orders_is_off(const struct order *order, struct now now)
{
    return order->until_ms > now.boot_ms;
}

bool orders_task_aside(const struct orders *orders, const char *task, struct now now)
{
    for (size_t i = 0; i < orders->task_count; i++) {
        if (orders->tasks[i].until_ms > now.boot_ms && strcmp(orders->tasks[i].task, task) == 0)
            return true;
    }
    return false;
}

/* How long from now a refusal is believed. */
static int64_t until(const struct orders *orders, int64_t ms, struct now now)
{
    bool fresh = now.boot_ms < orders->fresh_until_ms;
    return now.boot_ms + (fresh && ms > ORDERS_AGAIN_MS ? ORDERS_AGAIN_MS : ms);
}

static void put_tasks_aside(struct orders *orders, const struct dr_strs *tasks, struct now now)
{
    size_t kept = 0;
    for (size_t i = 0; i < orders->task_count; i++) { /* the past ones make room */
        if (orders->tasks[i].until_ms > now.boot_ms)
            orders->tasks[kept++] = orders->tasks[i];
        else
            free(orders->tasks[i].task);
    }
    orders->task_count = kept;
    orders->tasks = realloc(orders->tasks, (kept + tasks->count) * sizeof *orders->tasks);
    DR_ASSERT(orders->tasks != NULL);
    for (size_t i = 0; i < tasks->count; i++) {
        struct aside *aside = &orders->tasks[orders->task_count++];
        *aside = (struct aside){.until_ms = until(orders, ORDERS_TASK_MS, now)};
        replace(&aside->task, tasks->items[i]);
    }
}

bool orders_answered(struct orders *orders, const char *type, const struct dr_ack *ack,
                     struct now now)
{
    orders_of(orders, type)->under_way = false;
    if (ack == NULL || strcmp(ack->code, "stale") == 0)
        return true;
    if (ack->ok && ack->seq > orders->need_seq) {
        orders->need_seq = ack->seq;
        orders->need_ms = now.boot_ms;
    }
    if (ack->ok)
        return false;
    if (strcmp(ack->code, "capped") == 0 && ack->ids.count > 0)
        put_tasks_aside(orders, &ack->ids, now);
    else if (strcmp(ack->code, "capped") == 0)
        orders_put_off(orders, type, until(orders, ORDERS_CAPPED_MS, now), "capped", ack->sentence);
    else if (strcmp(ack->code, "refused") == 0)
        orders_put_off(orders, type, until(orders, ORDERS_CAPPED_MS, now), "blocked",
                       ack->sentence);
    else if (strcmp(ack->code, "unavailable") == 0)
        orders->hold_until_ms = now.boot_ms + ORDERS_BUSY_MS;
    else
        orders_put_off(orders, type, until(orders, ORDERS_WRONG_MS, now), "blocked", ack->sentence);
    return false;
}

void orders_forgive(struct orders *orders, struct now now)
{
    orders->fresh_until_ms = now.boot_ms + ORDERS_FRESH_MS;
    for (size_t i = 0; i < orders->count; i++)
        orders->items[i].until_ms = 0;
    for (size_t i = 0; i < orders->task_count; i++)
        free(orders->tasks[i].task);
    orders->task_count = 0;
}
