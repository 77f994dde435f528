/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what was paid for what, what the month will come to, and list prices. */
#include <stdlib.h>
#include <string.h>

#include "api_read.h"
#include "prices.h"
#include "drover/assert.h"
#include "drover/clock.h"

void handle_costs(struct request *request);
void handle_prices(struct request *request);

#define DAY_US (24 * 3600 * INT64_C(1000000))

/* ---- costs ---------------------------------------------------------------------------------- */
static int64_t sum(const struct dr_costs *costs)
{
    int64_t usd_micros = 0; /* by type: machines that ran no task are in the rows too */
    for (size_t i = 0; i < costs->rows.count; i++) {
        const struct dr_cost_row *row = &costs->rows.items[i];
        usd_micros += row->run_usd_micros + row->boot_usd_micros + row->idle_usd_micros;
    }
    return usd_micros;
}

/* The month so far, and for each day that is left what the last 24 hours cost: a rate of this
 * moment would say that a night costs what a working day does. */
static int64_t forecast(const struct dr_money *money, int64_t day_usd_micros, int64_t now_us)
{
    for (size_t i = 0; i < money->limits.count; i++) {
        const struct dr_limit_view *limit = &money->limits.items[i];
        if (strcmp(limit->scope, "all") != 0 || strcmp(limit->window, "month") != 0 ||
            limit->until_us <= now_us)
            continue;
        double days = (double)(limit->until_us - now_us) / (double)DAY_US;
        return money->month_usd_micros + (int64_t)((double)day_usd_micros * days);
    }
    return money->month_usd_micros;
}

static void on_day(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf json = {0};
    const struct dr_costs *day = read_body(answer, DR_COSTS);
    const struct dr_money *money = picture_money(read_picture(request));
    dr_strbuf_add_text(&json, request->data); /* all but the closing brace */
    if (day != NULL && money != NULL) {
        compact_number(&json, "forecast_month_usd_micros", forecast(money, sum(day), dr_wall_us()));
        compact_str(&json, "forecast_sentence",
                    "the month so far, and for each day that is left what the last 24 hours cost");
    }
    dr_strbuf_add_text(&json, "}");
    read_answer(request, &json);
}

static void on_costs(struct request *request, const struct dr_answer *answer)
{
    struct dr_strbuf json = {0};
    if (!answer_expects(request, answer, DR_COSTS))
        return;
    dr_strbuf_add_text(&json, "{");
    compact_fields(&json, &dr_desc_costs, answer->message->body, true);
    request->data = strdup(json.data);
    DR_ASSERT(request->data != NULL);
    dr_strbuf_free(&json);
    struct dr_costs_get get = {.from_us = dr_wall_us() - DAY_US, .by = "type", .only = ""};
    request_ask(request, "ledger", DR_COSTS_GET, &get, on_day);
}

void handle_costs(struct request *request)
{
    struct dr_costs_get get = {.by = read_text(request, "by"), .only = read_text(request, "only")};
    if (request_query(request, "by") == NULL)
        get.by = "queue";
    if (request_number(request, "from_us", 0, 0, INT64_MAX, &get.from_us) &&
        request_number(request, "until_us", 0, 0, INT64_MAX, &get.until_us))
        request_ask(request, "ledger", DR_COSTS_GET, &get, on_costs);
}

/* ---- prices --------------------------------------------------------------------------------- */
static bool known_region(const char *region)
{
    for (size_t i = 0; i < dr_list_price_count; i++)
        if (strcmp(dr_list_prices[i].region, region) == 0)
            return true;
    return false;
}

/* Of the region asked for, else of the first account of this cloud. A size is the same everywhere;
 * where the price of a region is not known it is left out. */
static const char *region_of(const struct request *request, const char *cloud)
{
    const char *region = read_text(request, "region");
    const char *named = getenv("AWS_REGION");
    if (request->gateway->actor == NULL) /* first start: no account yet */
        return *region == '\0' && named != NULL ? named : region;
    const struct dr_cfg_root *config = dr_actor_config(request->gateway->actor);
    for (size_t i = 0; *region == '\0' && i < config->accounts.count; i++)
        if (strcmp(config->accounts.items[i].driver, cloud) == 0)
            region = config->accounts.items[i].region;
    return region;
}

void handle_prices(struct request *request)
{
    const char *cloud =
        request_query(request, "cloud") == NULL ? "aws" : request_query(request, "cloud");
    const char *region = region_of(request, cloud);
    bool priced = known_region(region);
    bool first = true;
    struct dr_strbuf json = {0};
    dr_strbuf_add_text(&json, "{");
    compact_str(&json, "cloud", cloud);
    compact_str(&json, "region", region);
    compact_key(&json, "sizes");
    dr_strbuf_add_text(&json, "[");
    for (size_t i = 0; i < dr_list_price_count; i++) {
        const struct dr_list_price *size = &dr_list_prices[i];
        if (strcmp(size->driver, cloud) != 0 ||
            strcmp(size->region, priced ? region : dr_list_prices[0].region) != 0)
            continue;
        struct dr_price_view view = {
            .type = "",
            .price_usd_micros = priced ? size->usd_micros : 0,
            .source = priced ? "list" : "unknown",
            .as_of = priced ? size->as_of : "",
            .link = size->link,
            .size = size->size,
            .cores = size->cores,
            .memory_mib = size->memory_mib,
            .gpus = size->gpus,
            .gpu = size->gpu,
            .gpu_memory_mib = size->gpu_memory_mib,
        };
        dr_strbuf_add_text(&json, first ? "" : ",");
        first = false;
        compact_record(&json, &dr_desc_price_view, &view, true);
    }
    dr_strbuf_add_text(&json, "]}");
    read_answer(request, &json);
}
