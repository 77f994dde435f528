/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include <string.h>

#include "budget.h"
#include "spend.h"

#define COUNTED "ended_us=0" /* not cancelled, gone or failed; has an index */

void launch_kind_of(struct txn *txn, const char *type, struct launch_kind *kind)
{
    const char **names = pool_alloc(txn->pool, CAPS_QUEUES_MAX * sizeof *names);
    size_t count = dr_config_type_queues(txn->config, type, names, CAPS_QUEUES_MAX);
    size_t kept = 0;
    for (size_t i = 0; i < count && i < CAPS_QUEUES_MAX; i++) {
        if (strchr(names[i], '\n') == NULL) /* lists are kept by lines */
            names[kept++] = pool_text(txn->pool, names[i]);
    }
    kind->type = dr_config_type(txn->config, type);
    kind->type_name = pool_text(txn->pool, type);
    kind->account = kind->type == NULL ? "" : kind->type->account;
    kind->queue_names = (struct dr_strs){.items = names, .count = kept};
}

/* ---- caps ----------------------------------------------------------------------------------- */
struct counted {
    struct txn *txn;
    struct caps_machine *machines;
    size_t count, room;
};

static void count_one(const struct store_columns *row, void *arg)
{
    struct counted *counted = arg;
    struct pool *pool = counted->txn->pool;
    if (counted->count == counted->room)
        return;
    counted->machines[counted->count++] = (struct caps_machine){
        .type = pool_text(pool, store_column_text(row, 0)),
        .account = pool_text(pool, store_column_text(row, 1)),
        .queue_names = store_split(pool, store_column_text(row, 2)),
    };
}

static size_t counts(struct txn *txn, const struct launch_kind *kind, struct caps_count *out)
{
    int64_t live = store_int(txn->store, "SELECT count(*) FROM machine WHERE " COUNTED, "");
    struct counted counted = {.txn = txn, .room = (size_t)live};
    counted.machines = pool_alloc(txn->pool, (counted.room + 1) * sizeof *counted.machines);
    store_each(txn->store, count_one, &counted,
               "SELECT type,account,queue_names FROM machine WHERE " COUNTED, "");
    struct caps_machine one = {kind->type_name, kind->account, kind->queue_names};
    return caps_counts(txn->config, counted.machines, counted.count, &one, out);
}

bool launch_within_caps(struct txn *txn, const struct launch_kind *kind, int64_t more)
{
    struct caps_count *all = pool_alloc(txn->pool, CAPS_MAX * sizeof *all);
    const struct caps_count *passed = caps_passed(all, counts(txn, kind, all), more);
    if (passed == NULL)
        return true;
    char sentence[600];
    caps_sentence(passed, more, sentence, sizeof sentence);
    return txn_refuse(txn, "capped", "%s", sentence);
}

void launch_note_caps(struct txn *txn, const struct launch_kind *kind)
{
    struct caps_count *all = pool_alloc(txn->pool, CAPS_MAX * sizeof *all);
    size_t n = counts(txn, kind, all);
    for (size_t i = 0; i < n; i++)
        store_run(txn->store,
                  "INSERT INTO cap(scope,name,max,used) VALUES(?,?,?,?)"
                  " ON CONFLICT(scope,name) DO UPDATE SET max=excluded.max, used=excluded.used",
                  "ssii", all[i].scope, all[i].name, all[i].max, all[i].used);
}

/* ---- money ---------------------------------------------------------------------------------- */
static bool price_is_known(struct txn *txn, const struct launch_kind *kind,
                           const struct limits_use *use, int64_t price_usd_micros)
{
    char name[200];
    if (price_usd_micros > 0)
        return true;
    limits_name(&use->view, name, sizeof name);
    return txn_refuse(txn, "capped",
                      "nobody knows what machine type %s costs, and %s covers it: set "
                      "price_per_hour of machine type %s in drover.yaml",
                      kind->type_name, name, kind->type_name);
}

/* What runs at an unknown price may have used the limit up. */
static bool all_are_priced(struct txn *txn, const struct limits_use *uses, size_t count)
{
    char sentence[600];
    const struct limits_use *use = limits_unpriced(uses, count);
    if (use == NULL)
        return true;
    limits_unpriced_sentence(use, sentence, sizeof sentence);
    return txn_refuse(txn, "capped", "%s", sentence);
}

bool launch_within_money(struct txn *txn, const struct launch_kind *kind, int64_t price_usd_micros,
                         int64_t more, enum spend_rows rows)
{
    struct limits_time time = spend_time(txn);
    struct limits_use *uses =
        pool_alloc(txn->pool, (6 + 3 * kind->queue_names.count) * sizeof *uses);
    size_t count = limits_over(txn->config, kind->type_name, &kind->queue_names, &time, uses);
    if (count == 0)
        return true;
    if (!price_is_known(txn, kind, &uses[0], price_usd_micros))
        return false;
    spend_count(txn, &time, uses, count, rows);
    if (!all_are_priced(txn, uses, count))
        return false;
    limits_ask(uses, count, &time, price_usd_micros, limits_life_us(txn->config, kind->type_name),
               more);
    const struct limits_use *passed = limits_passed(uses, count);
    if (passed == NULL)
        return true;
    char sentence[800];
    limits_sentence(passed, txn->config->time_zone, sentence, sizeof sentence);
    return txn_refuse(txn, "capped", "%s", sentence);
}

/* ---- budget --------------------------------------------------------------------------------- */
static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Launches before this moment are forgotten. */
static int64_t window(struct txn *txn)
{
    return later(txn->now_us - BUDGET_WINDOW_HOURS * TXN_HOUR_US,
                 meta_int(txn->store, "breaker_since_us"));
}

static const char *busy_name(struct txn *txn, const char *type)
{
    return pool_printf(txn->pool, "busy:%s", type);
}

static bool tasks_within(struct txn *txn, const struct dr_strs *tasks)
{
    int64_t since = window(txn);
    const char **spent = pool_alloc(txn->pool, (tasks->count + 1) * sizeof *spent);
    size_t count = 0;
    for (size_t i = 0; i < tasks->count; i++) {
        int64_t launches =
            store_int(txn->store, "SELECT count(*) FROM launch_task WHERE task=? AND launched_us>?",
                      "si", tasks->items[i], since);
        if (budget_task_spent(launches))
            spent[count++] = pool_text(txn->pool, tasks->items[i]);
    }
    if (count == 0)
        return true;
    txn_refuse(txn, "capped",
               "%d machines were launched for task %s%s and none of them has begun any work: no "
               "further one is launched for it; look at their logs, mend the cause and reload the "
               "configuration (or wait %d hours)",
               BUDGET_PER_TASK, spent[0], count > 1 ? " (and others)" : "", BUDGET_WINDOW_HOURS);
    txn->ack.ids = (struct dr_strs){.items = spent, .count = count};
    return false;
}

bool launch_within_budget(struct txn *txn, const struct launch_kind *kind, int64_t more,
                          const struct dr_strs *tasks)
{
    char sentence[600];
    const struct dr_cfg_account *account = dr_config_account(txn->config, kind->account);
    int64_t hour = store_int(txn->store,
                             "SELECT sum(length(machines)-length(replace(machines,char(10),''))-1)"
                             " FROM attempt WHERE account=? AND opened_us>?"
                             " AND outcome NOT IN ('never-sent','refused')",
                             "si", kind->account, txn->now_us - TXN_HOUR_US);
    if (account != NULL && !budget_hour(kind->account, hour, more, account->launches_per_hour,
                                        sentence, sizeof sentence))
        return txn_refuse(txn, "capped", "%s", sentence);
    int64_t since = later(window(txn), meta_int(txn->store, busy_name(txn, kind->type_name)));
    int64_t launches =
        store_int(txn->store,
                  "SELECT count(*) FROM machine WHERE type=? AND launched_us>?"
                  " AND NOT (adopted=1 AND attempt='')", /* another autoscaler's launches */
                  "si", kind->type_name, since);
    int64_t served =
        store_int(txn->store,
                  "SELECT count(DISTINCT task) FROM launch_task CROSS JOIN machine ON id=machine"
                  " WHERE type=? AND launch_task.launched_us>?",
                  "si", kind->type_name, since);
    if (!budget_breaker(kind->type_name, launches, served, sentence, sizeof sentence))
        return txn_refuse(txn, "capped", "%s", sentence);
    return tasks_within(txn, tasks);
}

void launch_proved(struct txn *txn, const struct dr_machine_row *machine)
{
    meta_set_int(txn->store, busy_name(txn, machine->type), txn->now_us);
    store_run(txn->store, "DELETE FROM launch_task WHERE machine=?", "s", machine->id);
}
