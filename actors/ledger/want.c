/* SPDX-License-Identifier: Apache-2.0 */
/* machine.want and machine.cancel: rows come and go by the planner's word, within every cap. */
#include <string.h>

#include "launch.h"
#include "spend.h"
#include "txn.h"

static bool lists(const struct dr_strs *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

static bool well_formed(struct txn *txn, const struct dr_machine_want *want)
{
    if (want->count < 1 || want->count > 10000)
        return txn_refuse(txn, "bad-request", "count must be 1 to 10000, not %lld",
                          (long long)want->count);
    if (dr_config_type(txn->config, want->type) == NULL)
        return txn_refuse(txn, "not-found", "the configuration has no machine type %s", want->type);
    if (!txn_valid_id(txn, "queue", want->queue) || !txn_valid_ids(txn, "queues", &want->queues) ||
        !txn_valid_ids(txn, "tasks", &want->tasks))
        return false;
    if (!lists(&want->queues, want->queue))
        return txn_refuse(txn, "bad-request", "queue %s is not among the queues that %s serves",
                          want->queue, want->type);
    return true;
}

/* A plan made before the last change of supply counts machines that have come or gone since: a
 * planner that restarts with a want under way would buy twice (P12). */
static bool fresh(struct txn *txn, const struct dr_machine_want *want)
{
    int64_t changed = store_int(txn->store,
                                "SELECT max(supply_seq) FROM machine WHERE supply_seq>?3 AND"
                                " (type=?1 OR instr(queues, char(10) || ?2 || char(10)) > 0)",
                                "ssi", want->type, want->queue, want->plan_seq);
    if (changed == 0)
        return true;
    return txn_refuse(txn, "stale",
                      "planned on sequence %lld, but a machine of type %s or of that queue changed "
                      "at %lld: plan again",
                      (long long)want->plan_seq, want->type, (long long)changed);
}

static void insert(struct txn *txn, const struct dr_machine_want *want,
                   const struct launch_kind *kind, const char **id)
{
    const struct dr_cfg_type *type = kind->type;
    *id = txn_id(txn, 'm', 8);
    struct dr_machine_row row = {
        .id = *id,
        .type = type->name,
        .account = type->account,
        .state = "",
        .cause = want->reason,
        .drain_mode = "",
        .drain_reason = "",
        .for_queue = want->queue,
        .queues = want->queues,
        .drain_queue = want->queues.items[0],
        .attempt = "",
        .instance_id = "",
        .offering = "",
        .identity = "",
        .slots = type->slots,
        .created_us = txn->now_us,
        .price_usd_micros = spend_price(txn, type->name, type->account),
    };
    const char *from;
    machine_step(txn, &row, EVENT_WANT, &from);
    change_machine(txn, &row, from);
    store_run(txn->store, "UPDATE machine SET queue_names=? WHERE id=?", "ss",
              store_join(txn->pool, &kind->queue_names), row.id);
}

/* Which waiting tasks this machine is for: the budget counts launches by task. */
static void note_tasks(struct txn *txn, const struct dr_strs *tasks, size_t machine, int64_t slots,
                       const char *id)
{
    size_t per = slots > 0 ? (size_t)slots : 1;
    for (size_t i = machine * per; i < (machine + 1) * per && i < tasks->count; i++)
        store_run(txn->store,
                  "INSERT OR IGNORE INTO launch_task(task,machine,launched_us) VALUES(?,?,0)", "ss",
                  tasks->items[i], id);
}

/* What lives in the message lives as long as the turn's events do only by a copy. */
static struct dr_machine_want *keep(struct txn *txn, const struct dr_machine_want *want)
{
    struct dr_machine_want *copy = pool_alloc(txn->pool, sizeof *copy);
    *copy = *want;
    copy->queue = pool_text(txn->pool, want->queue);
    copy->queues = pool_strs(txn->pool, &want->queues);
    copy->reason = pool_text(txn->pool, want->reason);
    return copy;
}

void handle_machine_want(struct txn *txn, const void *body)
{
    const struct dr_machine_want *want = body;
    if (!txn_may_launch(txn) || !well_formed(txn, want) || !pause_allows(txn, want->queue_name) ||
        !fresh(txn, want))
        return;
    struct launch_kind kind;
    launch_kind_of(txn, want->type, &kind);
    int64_t price = spend_price(txn, kind.type_name, kind.account);
    if (!launch_within_caps(txn, &kind, want->count) ||
        !launch_within_money(txn, &kind, price, want->count, SPEND_WANTED) ||
        !launch_within_budget(txn, &kind, want->count, &want->tasks))
        return;
    want = keep(txn, want);
    const char **ids = pool_alloc(txn->pool, (size_t)want->count * sizeof *ids);
    for (size_t i = 0; i < (size_t)want->count; i++) {
        insert(txn, want, &kind, &ids[i]);
        note_tasks(txn, &want->tasks, i, kind.type->slots, ids[i]);
    }
    launch_note_caps(txn, &kind);
    pause_learn_name(txn, want->queue, want->queue_name);
    txn_done(txn, (struct dr_strs){.items = ids, .count = (size_t)want->count},
             "%lld machines of type %s are wanted", (long long)want->count, want->type);
}

void handle_machine_cancel(struct txn *txn, const void *body)
{
    const struct dr_machine_cancel *cancel = body;
    struct dr_machine_row row;
    const char *from;
    if (!machine_load(txn, cancel->machine, cancel->version, &row))
        return;
    enum lifecycle_verdict verdict = machine_step(txn, &row, EVENT_CANCEL, &from);
    if (verdict == LIFECYCLE_REFUSE)
        return;
    if (verdict == LIFECYCLE_MOVE) {
        row.cause = pool_text(txn->pool, cancel->reason);
        change_machine(txn, &row, from);
    }
    txn_done(txn, pool_one(txn->pool, row.id), "machine %s is %s", row.id, row.state);
}
