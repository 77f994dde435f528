/* SPDX-License-Identifier: Apache-2.0 */
#include "config_money.h"

#include <stdio.h>
#include <string.h>

#include "calendar.h"
#include "config_value.h"
#include "prices.h"

struct money {
    const struct cfg_node *tree;
    struct cfg_report *report;
    const struct dr_cfg_root *root;
};

/* Where `key` of an entry stands; the entry's own line when it is not written there. */
static int line_of(const struct cfg_node *entry, const char *key)
{
    const struct cfg_node *node = cfg_tree_find(entry, key);
    return node ? node->key_line : entry ? entry->line : 0;
}

static const struct cfg_node *item(const struct money *money, const char *list, size_t index)
{
    return cfg_tree_item(cfg_tree_find(money->tree, list), index);
}

static bool any(const struct dr_cfg_budget *budget)
{
    return budget->per_hour_usd_micros > 0 || budget->per_day_usd_micros > 0 ||
           budget->per_month_usd_micros > 0;
}

/* The first limit that covers this type: its own, a queue's, everything's. */
static const char *limit_over(const struct money *money, const struct dr_cfg_type *type)
{
    if (any(&money->root->budget))
        return "the budget of all machines";
    if (any(&type->budget))
        return "its budget";
    for (size_t i = 0; i < money->root->queues.count; i++) {
        const struct dr_cfg_queue *queue = &money->root->queues.items[i];
        for (size_t t = 0; any(&queue->budget) && t < queue->types.count; t++) {
            if (strcmp(queue->types.items[t], type->name) == 0)
                return "the budget of a queue that it serves";
        }
    }
    return NULL;
}

static void put_path(char *path, size_t size, size_t index)
{
    snprintf(path, size, "machine_types[%zu].price_per_hour", index);
}

/* 0 is what stands there when nobody says anything: it means unknown, and looks like free. */
static void check_zero(const struct money *money, size_t index)
{
    const struct dr_cfg_type *type = &money->root->machine_types.items[index];
    const struct cfg_node *entry = item(money, "machine_types", index);
    struct dr_price price = dr_price_of(money->root, type);
    char path[80], usd[32];
    if (!cfg_tree_find(entry, "price_per_hour") || type->price_usd_micros != 0)
        return;
    put_path(path, sizeof path, index);
    if (price.price_usd_micros > 0)
        cfg_warning(money->report, line_of(entry, "price_per_hour"), path,
                    "is 0, which is not free: the %s price of $%s counts; leave it out to have "
                    "that, or say what a machine of type `%.63s` costs",
                    strcmp(price.source, "most") == 0 ? "highest" : "list",
                    cfg_value_show_usd(price.price_usd_micros, usd, sizeof usd), type->name);
    else
        cfg_warning(
            money->report, line_of(entry, "price_per_hour"), path,
            "is 0, which means unknown and never free: its machines are in no sum; say what "
            "a machine of type `%.63s` costs, or leave it out",
            type->name);
}

static void check_known(const struct money *money, size_t index)
{
    const struct dr_cfg_type *type = &money->root->machine_types.items[index];
    const struct cfg_node *entry = item(money, "machine_types", index);
    char path[80];
    const char *limit = limit_over(money, type);
    if (!limit || dr_price_of(money->root, type).price_usd_micros != 0)
        return;
    put_path(path, sizeof path, index);
    cfg_warning(money->report, line_of(entry, "price_per_hour"), path,
                "is not set, no list price of `%.63s` is known there, and %s needs one: no "
                "machine of type `%.63s` will start until it is set",
                type->instance_type, limit, type->name);
}

/* A limit an hour below the price of one machine. */
static void check_room(const struct money *money, const struct cfg_node *holder,
                       const char *holder_path, const struct dr_cfg_budget *budget,
                       const struct dr_cfg_type *type)
{
    const struct cfg_node *node = cfg_tree_find(holder, "budget");
    int64_t price = dr_price_of(money->root, type).price_usd_micros;
    char path[120], limit[32], costs[32];
    if (budget->per_hour_usd_micros == 0 || price <= budget->per_hour_usd_micros)
        return;
    snprintf(path, sizeof path, "%sbudget.per_hour", holder_path);
    cfg_warning(money->report, line_of(node, "per_hour"), path,
                "is $%s, and one machine of type `%.63s` costs $%s an hour: none will ever start",
                cfg_value_show_usd(budget->per_hour_usd_micros, limit, sizeof limit), type->name,
                cfg_value_show_usd(price, costs, sizeof costs));
}

static void check_type(const struct money *money, size_t index)
{
    const struct dr_cfg_root *root = money->root;
    const struct dr_cfg_type *type = &root->machine_types.items[index];
    char holder[64];
    check_zero(money, index);
    check_known(money, index);
    check_room(money, money->tree, "", &root->budget, type);
    snprintf(holder, sizeof holder, "machine_types[%zu].", index);
    check_room(money, item(money, "machine_types", index), holder, &type->budget, type);
    for (size_t i = 0; i < root->queues.count; i++) {
        const struct dr_cfg_queue *queue = &root->queues.items[i];
        snprintf(holder, sizeof holder, "queues[%zu].", i);
        for (size_t t = 0; t < queue->types.count; t++)
            if (strcmp(queue->types.items[t], type->name) == 0)
                check_room(money, item(money, "queues", i), holder, &queue->budget, type);
    }
}

void cfg_check_money(const struct cfg_node *tree, struct cfg_report *report,
                     const struct dr_cfg_root *root)
{
    const struct money money = {.tree = tree, .report = report, .root = root};
    if (!dr_calendar_known(root->time_zone))
        cfg_fault(report, line_of(tree, "time_zone"), "time_zone",
                  "`%.63s` is no time zone that this host knows: UTC, or a name such as "
                  "Europe/Berlin (package tzdata: /usr/share/zoneinfo)",
                  root->time_zone);
    for (size_t i = 0; report->errors_found == 0 && i < root->machine_types.count; i++)
        check_type(&money, i);
}
