/* SPDX-License-Identifier: Apache-2.0 */
#include "spend.h"

#include <string.h>

#include "drover/assert.h"
#include "ledger_private.h"
#include "prices.h"

#define TAIL_MAX 128 /* ended rows that are read again by each question */

struct group {
    char *type, *queue_names; /* as in the row */
    int64_t day_usd_micros, month_usd_micros;
};

struct spend {
    char zone[64];
    struct dr_calendar_window day, month;
    int64_t cut_us; /* machines that were paid for until before this are in the groups */
    struct group *groups;
    size_t count, room;
};

struct spend *spend_new(void)
{
    struct spend *spend = calloc(1, sizeof *spend);
    DR_ASSERT(spend != NULL);
    return spend;
}

static void forget_groups(struct spend *spend)
{
    for (size_t i = 0; i < spend->count; i++) {
        free(spend->groups[i].type);
        free(spend->groups[i].queue_names);
    }
    spend->count = 0;
    spend->cut_us = 0;
}

void spend_free(struct spend **spend)
{
    if (*spend == NULL)
        return;
    forget_groups(*spend);
    free((*spend)->groups);
    free(*spend);
    *spend = NULL;
}

/* ---- the windows ---------------------------------------------------------------------------- */
static bool within(const struct dr_calendar_window *window, int64_t t_us)
{
    return window->from_us <= t_us && t_us < window->until_us;
}

struct limits_time spend_time(struct txn *txn)
{
    struct spend *spend = txn->ledger->spend;
    const char *zone = txn->config->time_zone;
    int64_t now_us = txn->ledger->clock.money_us;
    if (strcmp(spend->zone, zone) != 0 || !within(&spend->day, now_us)) {
        snprintf(spend->zone, sizeof spend->zone, "%s", zone);
        spend->day = dr_calendar_day(zone, now_us);
        spend->month = dr_calendar_month(zone, now_us);
        forget_groups(spend);
    }
    return (struct limits_time){now_us, spend->day, spend->month};
}

/* ---- machines that ended -------------------------------------------------------------------- */
static struct group *group_of(struct spend *spend, const char *type, const char *queue_names)
{
    for (size_t i = 0; i < spend->count; i++) {
        if (strcmp(spend->groups[i].type, type) == 0 &&
            strcmp(spend->groups[i].queue_names, queue_names) == 0)
            return &spend->groups[i];
    }
    if (spend->count == spend->room) {
        spend->room = spend->room == 0 ? 16 : 2 * spend->room;
        spend->groups = realloc(spend->groups, spend->room * sizeof *spend->groups);
        DR_ASSERT(spend->groups != NULL);
    }
    struct group *group = &spend->groups[spend->count++];
    *group = (struct group){.type = strdup(type), .queue_names = strdup(queue_names)};
    DR_ASSERT(group->type != NULL && group->queue_names != NULL);
    return group;
}

static struct paid paid_of(const struct store_columns *row, int at)
{
    return (struct paid){.rate_usd_micros = store_column_int(row, at),
                         .from_us = store_column_int(row, at + 1),
                         .to_us = store_column_int(row, at + 2)};
}

#define PAID_COLUMNS "type,queue_names,price_usd_micros,paid_from_us,paid_to_us"

static void into_groups(const struct store_columns *row, void *arg)
{
    struct spend *spend = arg;
    struct paid paid = paid_of(row, 2);
    struct group *group = group_of(spend, store_column_text(row, 0), store_column_text(row, 1));
    group->day_usd_micros +=
        paid_between(&paid, paid.to_us, spend->day.from_us, spend->day.until_us);
    group->month_usd_micros +=
        paid_between(&paid, paid.to_us, spend->month.from_us, spend->month.until_us);
}

struct counting {
    struct txn *txn;
    const struct limits_time *time;
    struct limits_use *uses;
    size_t count, rows;
};

static struct dr_strs names_of(struct counting *counting, const struct store_columns *row)
{
    return store_split(counting->txn->pool, store_column_text(row, 1));
}

static void count_ended(const struct store_columns *row, void *arg)
{
    struct counting *counting = arg;
    const struct limits_time *time = counting->time;
    struct paid paid = paid_of(row, 2);
    struct limits_ended ended = {
        .type = store_column_text(row, 0),
        .queue_names = names_of(counting, row),
        .day_usd_micros = paid_between(&paid, paid.to_us, time->day.from_us, time->day.until_us),
        .month_usd_micros =
            paid_between(&paid, paid.to_us, time->month.from_us, time->month.until_us)};
    limits_count_ended(counting->uses, counting->count, &ended);
    counting->rows++;
}

static void count_groups(struct counting *counting)
{
    struct spend *spend = counting->txn->ledger->spend;
    for (size_t i = 0; i < spend->count; i++) {
        const struct group *group = &spend->groups[i];
        struct limits_ended ended = {.type = group->type,
                                     .queue_names =
                                         store_split(counting->txn->pool, group->queue_names),
                                     .day_usd_micros = group->day_usd_micros,
                                     .month_usd_micros = group->month_usd_micros};
        limits_count_ended(counting->uses, counting->count, &ended);
    }
}

/* Only rows of transactions that stand: what ends in this one is paid until now or later, and
 * money's clock at the last commit was not later than now. */
static void move_cut(struct txn *txn)
{
    struct spend *spend = txn->ledger->spend;
    int64_t from_us = spend->month.from_us - PAID_LEAST_US, cut_us = txn->ledger->money_stood_us;
    if (spend->cut_us > from_us)
        from_us = spend->cut_us;
    if (cut_us <= from_us)
        return;
    store_each(txn->store, into_groups, spend,
               "SELECT " PAID_COLUMNS " FROM machine WHERE paid_to_us>=? AND paid_to_us<?"
               " AND ended_us<>0",
               "ii", from_us, cut_us);
    if (store_failed(txn->store))
        forget_groups(spend);
    else
        spend->cut_us = cut_us;
}

/* ---- machines that live --------------------------------------------------------------------- */
static void count_living(const struct store_columns *row, void *arg)
{
    struct counting *counting = arg;
    struct limits_machine machine = {.type =
                                         pool_text(counting->txn->pool, store_column_text(row, 0)),
                                     .queue_names = names_of(counting, row),
                                     .paid = paid_of(row, 2)};
    limits_count(counting->uses, counting->count, counting->txn->config, counting->time, &machine);
}

void spend_count(struct txn *txn, const struct limits_time *time, struct limits_use *uses,
                 size_t count, enum spend_rows rows)
{
    struct spend *spend = txn->ledger->spend;
    struct counting counting = {.txn = txn, .time = time, .uses = uses, .count = count};
    if (spend->cut_us == 0)
        move_cut(txn);
    count_groups(&counting);
    int64_t from_us = time->month.from_us - PAID_LEAST_US;
    store_each(txn->store, count_ended, &counting,
               "SELECT " PAID_COLUMNS " FROM machine WHERE paid_to_us>=? AND ended_us<>0", "i",
               spend->cut_us > from_us ? spend->cut_us : from_us);
    if (counting.rows > TAIL_MAX)
        move_cut(txn); /* for the next question */
    store_each(txn->store, count_living, &counting,
               "SELECT " PAID_COLUMNS " FROM machine WHERE ended_us=0 AND (launched_us<>0 OR ?1=2"
               " OR (?1=1 AND state<>'wanted'))",
               "i", (int64_t)rows);
    limits_count_lost(uses, count, spend_lost(txn->store, time->day.from_us, time->day.until_us),
                      spend_lost(txn->store, time->month.from_us, time->month.until_us));
}

int64_t spend_lost(struct store *store, int64_t from_us, int64_t until_us)
{
    int64_t at_us = meta_int(store, "adopted_us");
    bool in = at_us != 0 && from_us <= at_us && at_us < until_us;
    return in ? meta_int(store, "adopted_usd_micros") : 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */
void spend_stamp(struct txn *txn, const struct dr_machine_row *row)
{
    int64_t money_us = txn->ledger->clock.money_us;
    int64_t ago_us = txn->now_us > row->launched_us ? txn->now_us - row->launched_us : 0;
    store_run(txn->store,
              "UPDATE machine SET paid_from_us=CASE WHEN launched_us=0 THEN 0"
              " WHEN paid_from_us=0 THEN ?1 ELSE paid_from_us END,"
              " paid_to_us=CASE WHEN launched_us=0 OR ended_us=0 THEN 0"
              " WHEN paid_to_us=0 THEN ?2 ELSE paid_to_us END WHERE id=?3",
              "iis", money_us - ago_us, money_us, row->id);
}

static int64_t price_of(const struct dr_cfg_root *config, const char *type, const char *account)
{
    const struct dr_cfg_type *known = dr_config_type(config, type);
    if (known != NULL)
        return dr_price_of(config, known).price_usd_micros;
    int64_t dearest = 0;
    for (size_t i = 0; i < config->machine_types.count; i++) {
        const struct dr_cfg_type *other = &config->machine_types.items[i];
        int64_t price = dr_price_of(config, other).price_usd_micros;
        if (strcmp(other->account, account) == 0 && price > dearest)
            dearest = price;
    }
    return dearest;
}

int64_t spend_price(struct txn *txn, const char *type, const char *account)
{
    return price_of(txn->config, type, account);
}

struct pricing {
    struct store *store;
    const struct dr_cfg_root *config;
};

static void take_price(const struct store_columns *row, void *arg)
{
    const struct pricing *pricing = arg;
    int64_t price = price_of(pricing->config, store_column_text(row, 1), store_column_text(row, 2));
    if (price > 0)
        store_run(pricing->store, "UPDATE machine SET price_usd_micros=? WHERE id=?", "is", price,
                  store_column_text(row, 0));
}

void spend_take_prices(struct store *store, const struct dr_cfg_root *config)
{
    struct pricing pricing = {store, config};
    store_each(store, take_price, &pricing,
               "SELECT id,type,account FROM machine WHERE ended_us=0 AND price_usd_micros=0", "");
}
