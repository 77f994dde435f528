/* SPDX-License-Identifier: Apache-2.0 */
#include "money_limits.h"

#include <stdio.h>
#include <string.h>

#include "capped.h"

enum { HOUR, DAY, MONTH, WINDOWS };

static const char *const window_names[WINDOWS] = {"hour", "day", "month"};

static int window_of(const struct limits_use *use)
{
    switch (use->view.window[0]) {
    case 'h':
        return HOUR;
    case 'd':
        return DAY;
    default:
        return MONTH;
    }
}

/* ---- which limits there are ----------------------------------------------------------------- */
static size_t add(const struct dr_cfg_budget *budget, const char *scope, const char *name,
                  bool unset, const struct limits_time *time, struct limits_use *out)
{
    const int64_t max[WINDOWS] = {budget->per_hour_usd_micros, budget->per_day_usd_micros,
                                  budget->per_month_usd_micros};
    const struct dr_calendar_window windows[WINDOWS] = {{0, 0}, time->day, time->month};
    size_t n = 0;
    for (int i = 0; i < WINDOWS; i++) {
        if (max[i] > 0 || unset)
            out[n++] = (struct limits_use){.view = {.scope = scope,
                                                    .name = name,
                                                    .window = window_names[i],
                                                    .max_usd_micros = max[i],
                                                    .from_us = windows[i].from_us,
                                                    .until_us = windows[i].until_us}};
    }
    return n;
}

size_t limits_over(const struct dr_cfg_root *config, const char *type,
                   const struct dr_strs *queue_names, const struct limits_time *time,
                   struct limits_use *out)
{
    size_t n = add(&config->budget, "all", "", false, time, out);
    const struct dr_cfg_type *own = dr_config_type(config, type);
    if (own != NULL)
        n += add(&own->budget, "type", own->name, false, time, out + n);
    for (size_t i = 0; i < queue_names->count; i++) {
        const struct dr_cfg_queue *queue = dr_config_queue(config, queue_names->items[i]);
        if (queue != NULL)
            n += add(&queue->budget, "queue", queue->name, false, time, out + n);
    }
    return n;
}

size_t limits_all(const struct dr_cfg_root *config, const struct limits_time *time,
                  struct limits_use *out)
{
    size_t n = add(&config->budget, "all", "", true, time, out);
    for (size_t i = 0; i < config->machine_types.count; i++) {
        const struct dr_cfg_type *type = &config->machine_types.items[i];
        n += add(&type->budget, "type", type->name, false, time, out + n);
    }
    for (size_t i = 0; i < config->queues.count; i++) {
        const struct dr_cfg_queue *queue = &config->queues.items[i];
        n += add(&queue->budget, "queue", queue->name, false, time, out + n);
    }
    return n;
}

/* ---- what counts against them --------------------------------------------------------------- */
static bool covers(const struct limits_use *use, const char *type,
                   const struct dr_strs *queue_names)
{
    const char *scope = use->view.scope;
    if (scope[0] == 'a')
        return true;
    if (scope[0] == 't')
        return strcmp(use->view.name, type) == 0;
    for (size_t i = 0; i < queue_names->count; i++) {
        if (strcmp(queue_names->items[i], use->view.name) == 0)
            return true;
    }
    return false;
}

int64_t limits_life_us(const struct dr_cfg_root *config, const char *type)
{
    const struct dr_cfg_type *own = dr_config_type(config, type);
    int64_t life_ms = own != NULL ? own->max_life_ms : 0;
    return (life_ms > 0 ? life_ms : config->budget_horizon_ms) * 1000;
}

void limits_count(struct limits_use *uses, size_t count, const struct dr_cfg_root *config,
                  const struct limits_time *time, const struct limits_machine *machine)
{
    const struct paid *paid = &machine->paid;
    int64_t life_us = limits_life_us(config, machine->type);
    for (size_t i = 0; i < count; i++) {
        struct dr_limit_view *view = &uses[i].view;
        if (!covers(&uses[i], machine->type, &machine->queue_names))
            continue;
        uses[i].machines++;
        if (paid->rate_usd_micros == 0 && paid->from_us != 0 && uses[i].unpriced++ == 0)
            uses[i].unpriced_type = machine->type;
        if (window_of(&uses[i]) == HOUR) {
            view->reserved_usd_micros =
                dr_capped_sum(view->reserved_usd_micros, paid->rate_usd_micros);
            continue;
        }
        view->spent_usd_micros += paid_between(paid, time->now_us, view->from_us, view->until_us);
        view->reserved_usd_micros = dr_capped_sum(
            view->reserved_usd_micros, paid_ahead(paid, life_us, time->now_us, view->until_us));
    }
}

void limits_count_ended(struct limits_use *uses, size_t count, const struct limits_ended *ended)
{
    for (size_t i = 0; i < count; i++) {
        if (!covers(&uses[i], ended->type, &ended->queue_names))
            continue;
        int window = window_of(&uses[i]);
        if (window == DAY)
            uses[i].view.spent_usd_micros += ended->day_usd_micros;
        else if (window == MONTH)
            uses[i].view.spent_usd_micros += ended->month_usd_micros;
    }
}

void limits_count_lost(struct limits_use *uses, size_t count, int64_t day_usd_micros,
                       int64_t month_usd_micros)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(uses[i].view.scope, "all") != 0 || window_of(&uses[i]) == HOUR)
            continue;
        uses[i].view.spent_usd_micros +=
            window_of(&uses[i]) == DAY ? day_usd_micros : month_usd_micros;
    }
}

void limits_ask(struct limits_use *uses, size_t count, const struct limits_time *time,
                int64_t rate_usd_micros, int64_t life_us, int64_t more)
{
    const struct paid one = {.rate_usd_micros = rate_usd_micros};
    for (size_t i = 0; i < count; i++) {
        int64_t each = window_of(&uses[i]) == HOUR
                           ? rate_usd_micros
                           : paid_ahead(&one, life_us, time->now_us, uses[i].view.until_us);
        uses[i].asked += more;
        uses[i].asked_usd_micros =
            dr_capped_sum(uses[i].asked_usd_micros, dr_capped_product(more, each));
    }
}

static int64_t sum(const struct limits_use *use)
{
    return dr_capped_sum(dr_capped_sum(use->view.spent_usd_micros, use->view.reserved_usd_micros),
                         use->asked_usd_micros);
}

const struct limits_use *limits_passed(const struct limits_use *uses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (uses[i].view.max_usd_micros > 0 && sum(&uses[i]) > uses[i].view.max_usd_micros)
            return &uses[i];
    }
    return NULL;
}

const struct limits_use *limits_unpriced(const struct limits_use *uses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (uses[i].view.max_usd_micros > 0 && uses[i].unpriced > 0)
            return &uses[i];
    }
    return NULL;
}

/* ---- in words ------------------------------------------------------------------------------- */
const char *limits_usd(int64_t usd_micros, char *out, size_t size)
{
    int64_t unit = usd_micros >= 100000 ? 10000 : 100; /* cents; hundredths of them */
    int64_t units = (usd_micros + unit - 1) / unit;
    int64_t per_dollar = 1000000 / unit;
    snprintf(out, size, unit == 10000 ? "$%lld.%02lld" : "$%lld.%04lld",
             (long long)(units / per_dollar), (long long)(units % per_dollar));
    if (usd_micros == 0)
        snprintf(out, size, "$0.00");
    return out;
}

void limits_name(const struct dr_limit_view *view, char *out, size_t size)
{
    char max[32], of[96];
    snprintf(of, sizeof of, "all machines");
    if (strcmp(view->scope, "all") != 0)
        snprintf(of, sizeof of, "%s %.63s",
                 strcmp(view->scope, "type") == 0 ? "machine type" : "queue", view->name);
    snprintf(out, size, "the limit of %s %s %s of %s",
             limits_usd(view->max_usd_micros, max, sizeof max),
             strcmp(view->window, "hour") == 0 ? "an" : "a", view->window, of);
}

void limits_unpriced_sentence(const struct limits_use *use, char *out, size_t size)
{
    char name[200], of[100];
    limits_name(&use->view, name, sizeof name);
    bool known = *use->unpriced_type != '\0';
    snprintf(of, sizeof of, known ? "type %.63s" : "no known type", use->unpriced_type);
    snprintf(out, size,
             "nobody knows what %lld machine%s of %s cost%s, and %s covers %s: nothing more starts "
             "under it until that is known (price_per_hour of %s in drover.yaml; it counts from "
             "the start on) or "
             "they have ended",
             (long long)use->unpriced, use->unpriced == 1 ? "" : "s", of,
             use->unpriced == 1 ? "s" : "", name, use->unpriced == 1 ? "it" : "them",
             known ? "that machine type" : "a machine type of that account");
}

static const char *machines(int64_t count, char *out, size_t size)
{
    if (count == 1)
        snprintf(out, size, "1 machine that lives or is wanted");
    else
        snprintf(out, size, "%lld machines that live or are wanted", (long long)count);
    return out;
}

void limits_sentence(const struct limits_use *use, const char *zone, char *out, size_t size)
{
    char name[200], all[32], spent[32], live[32], asked[32], count[64], when[32];
    const struct dr_limit_view *view = &use->view;
    limits_name(view, name, sizeof name);
    limits_usd(sum(use), all, sizeof all);
    limits_usd(view->spent_usd_micros, spent, sizeof spent);
    limits_usd(view->reserved_usd_micros, live, sizeof live);
    limits_usd(use->asked_usd_micros, asked, sizeof asked);
    machines(use->machines, count, sizeof count);
    if (window_of(use) == HOUR) {
        snprintf(out, size,
                 "%s an hour would pass %s: %s for %s, %s for %lld more; that waits until machines "
                 "have gone or the limit is raised",
                 all, name, live, count, asked, (long long)use->asked);
        return;
    }
    snprintf(out, size,
             "%s would pass %s: %s spent, %s reserved for %s, %s for %lld more; the next %s begins "
             "%s (%s)",
             all, name, spent, live, count, asked, (long long)use->asked, view->window,
             dr_calendar_text(zone, view->until_us, when, sizeof when), zone);
}
