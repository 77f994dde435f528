/* SPDX-License-Identifier: Apache-2.0 */
#include "prices.h"

#include <string.h>

#include "config_value.h"

enum page {
#define PRICE_PAGE(page, date, link) PAGE_##page,
#define PRICE(driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, page)
#include "prices.def"
#undef PRICE_PAGE
#undef PRICE
};

static const struct {
    const char *date, *link;
} pages[] = {
#define PRICE_PAGE(page, date, link) [PAGE_##page] = {date, link},
#define PRICE(driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, page)
#include "prices.def"
#undef PRICE_PAGE
#undef PRICE
};

struct row {
    const char *driver, *region, *size;
    int64_t usd_micros, cores, memory_mib, gpus;
    const char *gpu;
    int64_t gpu_memory_mib;
    enum page page;
};

static const struct row rows[] = {
#define PRICE_PAGE(page, date, link)
#define PRICE(driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, page) \
    {driver, region, size, usd, cores, mib, gpus, gpu, gpu_mib, PAGE_##page},
#include "prices.def"
#undef PRICE_PAGE
#undef PRICE
};

/* The row of this size; of this region where there is one, else any: a size is the same size
 * everywhere, only its price is not. */
static const struct row *find(const char *driver, const char *region, const char *size)
{
    const struct row *any = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].driver, driver) != 0 || strcmp(rows[i].size, size) != 0)
            continue;
        if (strcmp(rows[i].region, region) == 0)
            return &rows[i];
        any = &rows[i];
    }
    return any;
}

static void take_list_price(struct dr_price *price, const struct row *row, bool spot)
{
    price->price_usd_micros = row->usd_micros;
    price->source = spot ? "most" : "list";
    price->as_of = pages[row->page].date;
    price->link = pages[row->page].link;
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
    const struct row *row =
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
