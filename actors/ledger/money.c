/* SPDX-License-Identifier: Apache-2.0 */
/* money.get: what machines cost, what was spent, and the limits of it (P13). */
#include "money_limits.h"
#include "prices.h"
#include "spend.h"

#include <string.h>

static struct dr_price_view view_of(struct txn *txn, const struct dr_cfg_type *type)
{
    struct dr_price price = dr_price_of(txn->config, type);
    return (struct dr_price_view){.type = pool_text(txn->pool, type->name),
                                  .price_usd_micros = price.price_usd_micros,
                                  .source = price.source,
                                  .as_of = price.as_of,
                                  .link = price.link,
                                  .size = pool_text(txn->pool, price.size),
                                  .cores = price.cores,
                                  .memory_mib = price.memory_mib,
                                  .gpus = price.gpus,
                                  .gpu = price.gpu,
                                  .gpu_memory_mib = price.gpu_memory_mib};
}

static void fill_prices(struct txn *txn, const char *only, struct dr_money *money)
{
    size_t types = txn->config->machine_types.count, n = 0;
    struct dr_price_view *views = pool_alloc(txn->pool, (types + 1) * sizeof *views);
    for (size_t i = 0; i < types; i++) {
        const struct dr_cfg_type *type = &txn->config->machine_types.items[i];
        if (*only == '\0' || strcmp(type->name, only) == 0)
            views[n++] = view_of(txn, type);
    }
    money->prices = (struct dr_price_view_list){.items = views, .count = n};
}

/* The first three are of all machines: hour, day, month. */
static void fill_limits(struct txn *txn, struct dr_money *money)
{
    struct limits_time time = spend_time(txn);
    size_t room = 3 * (1 + txn->config->machine_types.count + txn->config->queues.count);
    struct limits_use *uses = pool_alloc(txn->pool, room * sizeof *uses);
    size_t count = limits_all(txn->config, &time, uses);
    spend_count(txn, &time, uses, count, SPEND_WANTED);
    struct dr_limit_view *views = pool_alloc(txn->pool, count * sizeof *views);
    for (size_t i = 0; i < count; i++) {
        views[i] = uses[i].view;
        views[i].name = pool_text(txn->pool, views[i].name);
    }
    money->limits = (struct dr_limit_view_list){.items = views, .count = count};
    money->today_usd_micros = views[1].spent_usd_micros;
    money->month_usd_micros = views[2].spent_usd_micros;
    money->t_us = time.now_us;
}

void handle_money_get(struct txn *txn, const void *body)
{
    const struct dr_money_get *asked = body;
    struct dr_money *money = pool_alloc(txn->pool, sizeof *money);
    *money = (struct dr_money){
        .zone = pool_text(txn->pool, txn->config->time_zone),
        .waiting = txn_blocked(txn),
        .rate_usd_micros = store_int(txn->store,
                                     "SELECT sum(price_usd_micros) FROM machine WHERE ended_us=0"
                                     " AND launched_us<>0",
                                     ""),
        .unpriced = store_int(txn->store,
                              "SELECT count(*) FROM machine WHERE ended_us=0 AND launched_us<>0"
                              " AND price_usd_micros=0",
                              "")};
    fill_limits(txn, money);
    fill_prices(txn, asked->type, money);
    txn_reply(txn, DR_MONEY, money);
}
