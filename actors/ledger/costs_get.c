/* SPDX-License-Identifier: Apache-2.0 */
/* costs.get: reads the machines of a window, their tasks and these tasks' names. */
#include <string.h>

#include "costs.h"
#include "spend.h"

#define LATEST_US (INT64_C(4102444800) * PAID_SECOND_US) /* 2100 */
#define DAYS_MAX 800

struct asking {
    struct txn *txn;
    struct costs *costs;
    struct costs_window *windows; /* in order */
    size_t window_count;
    struct costs_work *works; /* of the machine at hand */
    size_t count, room;
    int64_t shift_us; /* from the wall clock of its rows to money's */
};

static struct dr_task_row task_of(void *arg, const char *id)
{
    struct asking *asking = arg;
    struct dr_task_row task;
    if (!store_get(asking->txn->store, TABLE_TASK, id, asking->txn->pool, &task))
        task = (struct dr_task_row){.id = id, .name = "", .project = "", .user = "", .queue = ""};
    return task;
}

static void take_work(const struct store_columns *row, void *arg)
{
    struct asking *asking = arg;
    struct pool *pool = asking->txn->pool;
    if (asking->count == asking->room) {
        asking->room = asking->room == 0 ? 64 : 2 * asking->room;
        struct costs_work *works = pool_alloc(pool, asking->room * sizeof *works);
        if (asking->count > 0)
            memcpy(works, asking->works, asking->count * sizeof *works);
        asking->works = works;
    }
    int64_t to_us = store_column_int(row, 2);
    asking->works[asking->count++] =
        (struct costs_work){.task = pool_text(pool, store_column_text(row, 0)),
                            .from_us = store_column_int(row, 1) + asking->shift_us,
                            .to_us = to_us == 0 ? 0 : to_us + asking->shift_us};
}

/* The name that goes with the id, when the server knew all queues of the type. */
static const char *queue_name(struct txn *txn, const char *queue, const char *ids,
                              const char *queue_names)
{
    struct dr_strs of = store_split(txn->pool, ids), names = store_split(txn->pool, queue_names);
    for (size_t i = 0; of.count == names.count && i < of.count; i++) {
        if (strcmp(of.items[i], queue) == 0)
            return names.items[i];
    }
    return "";
}

#define MACHINES                                                                                  \
    "SELECT id,type,for_queue,queues,queue_names,price_usd_micros,paid_from_us,paid_to_us,up_us," \
    "slots,launched_us,adopted FROM machine WHERE (ended_us=0 OR paid_to_us>=?1) AND"             \
    " paid_from_us<>0 AND paid_from_us<?2 AND (?3='' OR id=?3 OR id IN"                           \
    " (SELECT machine FROM work WHERE task=?3)) ORDER BY created_us, id"

static void take_machine(const struct store_columns *row, void *arg)
{
    struct asking *asking = arg;
    struct pool *pool = asking->txn->pool;
    struct costs_machine machine = {.id = pool_text(pool, store_column_text(row, 0)),
                                    .type = store_column_text(row, 1),
                                    .queue = store_column_text(row, 2),
                                    .paid = {.rate_usd_micros = store_column_int(row, 5),
                                             .from_us = store_column_int(row, 6),
                                             .to_us = store_column_int(row, 7)},
                                    .up_us = store_column_int(row, 8),
                                    .slots = store_column_int(row, 9)};
    machine.queue_name = queue_name(asking->txn, machine.queue, store_column_text(row, 3),
                                    store_column_text(row, 4));
    bool adopted = store_column_int(row, 11) != 0;
    asking->shift_us = adopted ? 0 : machine.paid.from_us - store_column_int(row, 10);
    machine.up_us += machine.up_us == 0 ? 0 : asking->shift_us;
    asking->count = 0;
    store_each(asking->txn->store, take_work, asking,
               "SELECT task,from_us,to_us FROM work WHERE machine=? ORDER BY from_us", "s",
               machine.id);
    machine.works = asking->works;
    machine.work_count = asking->count;
    int64_t end_us = paid_until(&machine.paid, spend_time(asking->txn).now_us);
    for (size_t i = 0; i < asking->window_count; i++) {
        const struct costs_window *window = &asking->windows[i];
        if (window->from_us < end_us && machine.paid.from_us < window->until_us)
            costs_add(asking->costs, window, &machine);
    }
}

/* One window, or one for each day. */
static void make_windows(struct asking *asking, enum costs_by by, const struct dr_costs *costs)
{
    struct txn *txn = asking->txn;
    const char *zone = txn->config->time_zone;
    asking->windows = pool_alloc(txn->pool, (DAYS_MAX + 1) * sizeof *asking->windows);
    for (int64_t t_us = costs->from_us; t_us < costs->until_us;) {
        struct costs_window *window = &asking->windows[asking->window_count++];
        *window = (struct costs_window){t_us, costs->until_us, ""};
        if (by == COSTS_DAY) {
            char day[11];
            int64_t end_us = dr_calendar_day(zone, t_us).until_us;
            window->until_us = end_us < costs->until_us ? end_us : costs->until_us;
            window->day = pool_text(txn->pool, dr_calendar_text(zone, t_us, day, sizeof day));
        }
        t_us = window->until_us;
    }
}

static bool well_formed(struct txn *txn, const struct dr_costs_get *asked, enum costs_by *by,
                        struct dr_costs *costs)
{
    struct limits_time time = spend_time(txn);
    costs->from_us = asked->from_us != 0 ? asked->from_us : time.month.from_us;
    costs->until_us = asked->until_us != 0 ? asked->until_us : time.now_us;
    if (!costs_by_parse(asked->by, by))
        return txn_refuse(txn, "bad-request",
                          "costs are told by queue, type, project, user, task, machine or day, not "
                          "by \"%s\"",
                          asked->by);
    if (costs->from_us < 0 || costs->until_us > LATEST_US || costs->from_us > costs->until_us)
        return txn_refuse(txn, "bad-request",
                          "the time asked for ends before it begins, or after "
                          "2100");
    if (*by == COSTS_DAY && costs->until_us - costs->from_us > (DAYS_MAX - 2) * 24 * PAID_HOUR_US)
        return txn_refuse(txn, "bad-request", "by day at most %d days are told at once",
                          DAYS_MAX - 2);
    return true;
}

void handle_costs_get(struct txn *txn, const void *body)
{
    const struct dr_costs_get *asked = body;
    struct dr_costs *costs = pool_alloc(txn->pool, sizeof *costs);
    enum costs_by by;
    if (!well_formed(txn, asked, &by, costs))
        return;
    struct asking asking = {.txn = txn};
    bool machine =
        store_int(txn->store, "SELECT count(*) FROM machine WHERE id=?", "s", asked->only) > 0;
    asking.costs = costs_new(txn->pool, by, spend_time(txn).now_us, machine ? "" : asked->only,
                             task_of, &asking);
    int64_t now_us = costs->until_us;
    if (asked->until_us ==
        0) /* also what is paid for in advance: by the second, a minute at least */
        costs->until_us = spend_time(txn).month.until_us;
    make_windows(&asking, by, costs);
    store_each(txn->store, take_machine, &asking, MACHINES, "iis", costs->from_us - PAID_LEAST_US,
               costs->until_us, asked->only);
    for (size_t i = 0; *asked->only == '\0' && i < asking.window_count; i++)
        costs_add_lost(asking.costs, &asking.windows[i],
                       spend_lost(txn, asking.windows[i].from_us, asking.windows[i].until_us));
    costs->until_us = now_us;
    costs->rows = costs_rows(asking.costs, &costs->unattributed_usd_micros);
    txn_reply(txn, DR_COSTS, costs);
}
