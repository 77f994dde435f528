/* SPDX-License-Identifier: Apache-2.0 */
#include "prices.h"

#include <string.h>

#include "config_value.h"

/* A page of prices: its date and its address. */
#define PRICE_PAGE(page, date, link) static const char date_##page[] = date, link_##page[] = link;
#define PRICE(driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, page)
#include "prices.def"
#undef PRICE_PAGE
#undef PRICE

const struct dr_list_price dr_list_prices[] = {
#define PRICE_PAGE(page, date, link)
#define PRICE(driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, page) \
    {driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, date_##page, link_##page},
#include "prices.def"
#undef PRICE_PAGE
#undef PRICE
};
const size_t dr_list_price_count = sizeof dr_list_prices / sizeof dr_list_prices[0];

/* The row of this size; of this region where there is one, else any: a size is the same size
 * everywhere, only its price is not. */
static const struct dr_list_price *find(const char *driver, const char *region, const char *size)
{
    const struct dr_list_price *any = NULL;
    for (size_t i = 0; i < dr_list_price_count; i++) {
        if (strcmp(dr_list_prices[i].driver, driver) != 0 ||
            strcmp(dr_list_prices[i].size, size) != 0)
            continue;
        if (strcmp(dr_list_prices[i].region, region) == 0)
            return &dr_list_prices[i];
        any = &dr_list_prices[i];
    }
    return any;
}

static void take_list_price(struct dr_price *price, const struct dr_list_price *row, bool spot)
{
    price->price_usd_micros = row->usd_micros;
    price->source = spot ? "most" : "list";
    price->as_of = row->as_of;
    price->link = row->link;
}

struct dr_price dr_price_of(const struct dr_cfg_root *root, const struct dr_cfg_type *type)
{
    struct dr_price price = {.source = "unknown",
                             .as_of = "",
                             .link = "",
                             .size = type->instance_type,
                             .gpus = type->gpu_count,
                             .gpu = ""};
    const struct dr_cfg_account *account = dr_config_account(root, type->account);
    const struct dr_list_price *row =
        account == NULL ? NULL : find(account->driver, account->region, type->instance_type);
    if (row != NULL) {
        price.cores = row->cores;
        price.memory_mib = row->memory_mib;
        price.gpus = row->gpus;
        price.gpu = row->gpu;
        price.gpu_memory_mib = row->gpu_memory_mib;
    }
    int64_t most = 0;
    if (type->price_usd_micros > 0) {
        price.price_usd_micros = type->price_usd_micros;
        price.source = "configured";
    } else if (type->spot && cfg_value_usd(type->spot_max_price, &most) && most > 0) {
        price.price_usd_micros = most;
        price.source = "most";
    } else if (row != NULL && strcmp(row->region, account->region) == 0) {
        take_list_price(&price, row, type->spot);
    }
    return price;
}
