/* SPDX-License-Identifier: Apache-2.0 */
/* costs.get: reads the machines of a window, their tasks and these tasks' names. */
#include "costs_get.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "ledger_private.h"
#include "spend.h"

#define LATEST_US (INT64_C(4102444800) * PAID_SECOND_US) /* 2100 */
#define DAYS_MAX 798
#define WINDOWS_MAX (DAYS_MAX + 40) /* parts of days at both ends, and until the month's */

struct asking {
    struct store *store;
    struct pool *pool;
    const struct costs_question *question;
    const atomic_bool *stop;
    struct costs *costs;
    struct costs_work *works; /* of the machine at hand */
    size_t count, room;
    int64_t shift_us; /* from the wall clock of its rows to money's */
};

/* ---- the answer ----------------------------------------------------------------------------- */
static struct dr_task_row task_of(void *arg, const char *id)
{
    struct asking *asking = arg;
    struct dr_task_row task;
    if (!store_get(asking->store, TABLE_TASK, id, asking->pool, &task))
        task = (struct dr_task_row){.id = id, .name = "", .project = "", .user = "", .queue = ""};
    return task;
}

static void take_work(const struct store_columns *row, void *arg)
{
    struct asking *asking = arg;
    struct pool *pool = asking->pool;
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
static const char *queue_name(struct pool *pool, const char *queue, const char *ids,
                              const char *queue_names)
{
    struct dr_strs of = store_split(pool, ids), names = store_split(pool, queue_names);
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
    const struct costs_question *question = asking->question;
    if (asking->stop != NULL && atomic_load_explicit(asking->stop, memory_order_relaxed))
        return;
    struct costs_machine machine = {.id = pool_text(asking->pool, store_column_text(row, 0)),
                                    .type = store_column_text(row, 1),
                                    .queue = store_column_text(row, 2),
                                    .paid = {.rate_usd_micros = store_column_int(row, 5),
                                             .from_us = store_column_int(row, 6),
                                             .to_us = store_column_int(row, 7)},
                                    .up_us = store_column_int(row, 8),
                                    .slots = store_column_int(row, 9)};
    machine.queue_name = queue_name(asking->pool, machine.queue, store_column_text(row, 3),
                                    store_column_text(row, 4));
    bool adopted = store_column_int(row, 11) != 0;
    asking->shift_us = adopted ? 0 : machine.paid.from_us - store_column_int(row, 10);
    machine.up_us += machine.up_us == 0 ? 0 : asking->shift_us;
    asking->count = 0;
    store_each(asking->store, take_work, asking,
               "SELECT task,from_us,to_us FROM work WHERE machine=? ORDER BY from_us", "s",
               machine.id);
    machine.works = asking->works;
    machine.work_count = asking->count;
    int64_t end_us = paid_until(&machine.paid, question->now_us);
    for (size_t i = 0; i < question->window_count; i++) {
        const struct costs_window *window = &question->windows[i];
        if (window->from_us < end_us && machine.paid.from_us < window->until_us)
            costs_add(asking->costs, window, &machine);
    }
}

struct dr_costs *costs_answer(struct store *store, struct pool *pool,
                              const struct costs_question *question, const atomic_bool *stop)
{
    struct asking asking = {.store = store, .pool = pool, .question = question, .stop = stop};
    struct dr_costs *costs = pool_alloc(pool, sizeof *costs);
    const char *only = question->only;
    size_t last = question->window_count;
    bool machine = store_int(store, "SELECT count(*) FROM machine WHERE id=?", "s", only) > 0;
    *costs = (struct dr_costs){.from_us = question->from_us, .until_us = question->until_us};
    asking.costs =
        costs_new(pool, question->by, question->now_us, machine ? "" : only, task_of, &asking);
    if (last > 0)
        store_each(store, take_machine, &asking, MACHINES, "iis",
                   question->windows[0].from_us - PAID_LEAST_US,
                   question->windows[last - 1].until_us, only);
    for (size_t i = 0; *only == '\0' && i < last; i++) {
        const struct costs_window *window = &question->windows[i];
        costs_add_lost(asking.costs, window, spend_lost(store, window->from_us, window->until_us));
    }
    if (stop != NULL && atomic_load(stop))
        return NULL;
    costs->rows = costs_rows(asking.costs, &costs->unattributed_usd_micros);
    return costs;
}

/* ---- the question --------------------------------------------------------------------------- */
struct costs_question *costs_question_new(void)
{
    struct costs_question *question = calloc(1, sizeof *question);
    DR_ASSERT(question != NULL);
    return question;
}

void costs_question_free(struct costs_question **question)
{
    if (*question == NULL)
        return;
    pool_free(&(*question)->pool);
    free(*question);
    *question = NULL;
}

/* One window, or one for each day. */
static void make_windows(struct costs_question *question, const char *zone, int64_t until_us)
{
    struct pool *pool = &question->pool;
    question->windows = pool_alloc(pool, WINDOWS_MAX * sizeof *question->windows);
    for (int64_t t_us = question->from_us; t_us < until_us;) {
        DR_ASSERT(question->window_count < WINDOWS_MAX);
        struct costs_window *window = &question->windows[question->window_count++];
        *window = (struct costs_window){t_us, until_us, ""};
        if (question->by == COSTS_DAY) {
            char day[11];
            int64_t end_us = dr_calendar_day(zone, t_us).until_us;
            window->until_us = end_us < until_us ? end_us : until_us;
            window->day = pool_text(pool, dr_calendar_text(zone, t_us, day, sizeof day));
        }
        t_us = window->until_us;
    }
}

static bool well_formed(struct txn *txn, const struct dr_costs_get *asked,
                        struct costs_question *question)
{
    struct limits_time time = spend_time(txn);
    question->now_us = time.now_us;
    question->from_us = asked->from_us != 0 ? asked->from_us : time.month.from_us;
    question->until_us = asked->until_us != 0 ? asked->until_us : time.now_us;
    int64_t from_us = question->from_us, until_us = question->until_us;
    if (!costs_by_parse(asked->by, &question->by))
        return txn_refuse(txn, "bad-request",
                          "costs are told by queue, type, project, user, task, machine or day, not "
                          "by \"%s\"",
                          asked->by);
    if (from_us < 0 || until_us > LATEST_US || from_us > until_us)
        return txn_refuse(txn, "bad-request",
                          "the time asked for ends before it begins, or after "
                          "2100");
    if (question->by == COSTS_DAY && until_us - from_us > DAYS_MAX * 24 * PAID_HOUR_US)
        return txn_refuse(txn, "bad-request", "by day at most %d days are told at once", DAYS_MAX);
    return true;
}

void handle_costs_get(struct txn *txn, const void *body)
{
    const struct dr_costs_get *asked = body;
    struct ledger *ledger = txn->ledger;
    struct costs_question *question = costs_question_new();
    if (!well_formed(txn, asked, question)) {
        costs_question_free(&question);
        return;
    }
    question->only = pool_text(&question->pool, asked->only);
    /* Also what is paid for in advance: by the second, a minute at least. */
    make_windows(question, txn->config->time_zone,
                 asked->until_us == 0 ? spend_time(txn).month.until_us : question->until_us);
    if (ledger->costs_aside && ledger->question == NULL) {
        question->to = pool_text(&question->pool, txn->source);
        question->request = pool_text(&question->pool, txn->request);
        question->corr = pool_text(&question->pool, txn->corr);
        txn->later = true;
        ledger->question = question;
        return;
    }
    txn_reply(txn, DR_COSTS, costs_answer(txn->store, txn->pool, question, NULL));
    costs_question_free(&question);
}
