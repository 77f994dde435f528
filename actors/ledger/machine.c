/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud and the watcher say of machines. */
#include <string.h>

#include "launch.h"
#include "lost.h"
#include "spend.h"
#include "txn.h"

/* ---- the cloud's word ----------------------------------------------------------------------- */
static const char *ended_cause(struct txn *txn, const struct dr_machine_row *row,
                               const char *sentence)
{
    if (strcmp(row->drain_reason, "unfit") == 0) /* what was wrong with it stays to be read */
        return pool_printf(txn->pool, "%s; it ended%s%s", row->cause, *sentence == '\0' ? "" : ": ",
                           sentence);
    bool planned = strcmp(row->state, "terminating") == 0 || *row->drain_mode != '\0';
    return pool_printf(txn->pool, "%s%s%s",
                       planned ? "ended as planned" : "ended by itself or from outside",
                       *sentence == '\0' ? "" : ": ", sentence);
}

/* The wrong profile or region answers with a complete list, too, and knows none of them (P4). */
static bool own_word(struct txn *txn, const struct dr_machine_row *row,
                     const struct dr_machine_seen *seen)
{
    if (*row->identity == '\0' || strcmp(row->identity, seen->identity) == 0)
        return true;
    return txn_refuse(txn, "refused",
                      "machine %s was started in \"%s\", and it is \"%s\" that says it %s: only "
                      "the former's word counts",
                      row->id, row->identity, seen->identity, seen->word);
}

void handle_machine_seen(struct txn *txn, const void *body)
{
    const struct dr_machine_seen *seen = body;
    struct dr_machine_row row;
    enum machine_event event;
    if (strcmp(seen->word, "present") == 0)
        event = EVENT_SEEN_PRESENT;
    else if (strcmp(seen->word, "absent") == 0)
        event = EVENT_SEEN_ABSENT;
    else if (strcmp(seen->word, "ended") == 0)
        event = EVENT_ENDED;
    else if (strcmp(seen->word, "noticed") == 0)
        event = EVENT_DOOMED;
    else {
        txn_refuse(txn, "bad-request",
                   "a machine is seen present, absent, ended or noticed, not \"%s\"", seen->word);
        return;
    }
    if (!machine_load(txn, seen->machine, 0, &row) || !txn_own_account(txn, row.account))
        return;
    if (strcmp(row.instance_id, seen->instance_id) != 0) {
        txn_refuse(txn, "conflict", "machine %s is instance \"%s\", not \"%s\"", row.id,
                   row.instance_id, seen->instance_id);
        return;
    }
    if ((event == EVENT_ENDED || event == EVENT_DOOMED) && !own_word(txn, &row, seen))
        return;
    if (event == EVENT_DOOMED) { /* P21; its guard may have had no time to say so */
        if (txn_may_end(txn))
            machine_leave(txn, &row, event, &(struct away){"now", "notice", seen->sentence});
        return;
    }
    const char *cause = event == EVENT_ENDED ? ended_cause(txn, &row, seen->sentence)
                                             : pool_text(txn->pool, seen->sentence);
    const char *from;
    enum lifecycle_verdict verdict = machine_step(txn, &row, event, &from);
    if (verdict == LIFECYCLE_REFUSE)
        return;
    if (verdict != LIFECYCLE_STAY) {
        row.cause = cause;
        change_machine(txn, &row, from);
        if (event == EVENT_ENDED)
            key_release(txn, row.attempt);
    }
    machine_done(txn, &row);
}

/* ---- adoption (P25) ------------------------------------------------------------------------- */
static bool may_adopt(struct txn *txn, const struct dr_machine_found *found)
{
    const struct dr_instance_view *instance = &found->instance;
    if (!txn_own_account(txn, found->account) ||
        !txn_valid_id(txn, "instance_id", instance->instance_id))
        return false;
    if (strcmp(instance->state, "present") != 0)
        return txn_refuse(txn, "bad-request", "only a present instance is adopted, %s is \"%s\"",
                          instance->instance_id, instance->state);
    if (lost_is_foreign(txn, instance->ledger_id) && !lost_is_adopted(txn, instance->ledger_id)) {
        lost_block(txn, found);
        return false;
    }
    return true;
}

/* Taken over from another autoscaler, as a type that this account still has; else "". */
static const char *taken_as(struct txn *txn, const struct dr_machine_found *found,
                            const struct dr_attempt_row *tombstone)
{
    const char *name = found->instance.type == NULL ? "" : found->instance.type;
    const struct dr_cfg_type *type = tombstone == NULL ? dr_config_type(txn->config, name) : NULL;
    return type != NULL && strcmp(type->account, found->account) == 0 ? pool_text(txn->pool, name)
                                                                      : "";
}

static const char *adopted_cause(struct txn *txn, const struct dr_attempt_row *tombstone,
                                 const char *taken)
{
    if (tombstone != NULL)
        return pool_printf(txn->pool, "found: a surplus of attempt %s", tombstone->id);
    return *taken != '\0' ? "taken over from another autoscaler"
                          : "found in the cloud, started by an attempt that is forgotten";
}

static int64_t dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A row of its own for an instance that no row is bound to. A tombstone lends what it knows. */
static void adopt(struct txn *txn, const struct dr_machine_found *found,
                  const struct dr_attempt_row *tombstone)
{
    struct dr_machine_row row = {.type = "", .drain_queue = "", .for_queue = "", .slots = 1};
    if (tombstone != NULL && tombstone->machines.count > 0)
        store_get(txn->store, TABLE_MACHINE, tombstone->machines.items[0], txn->pool, &row);
    int64_t sibling_usd_micros = row.price_usd_micros; /* what its attempt was started at */
    const char *taken = taken_as(txn, found, tombstone);
    struct launch_kind kind;
    launch_kind_of(txn, *taken != '\0' || row.type == NULL ? taken : row.type, &kind);
    row = (struct dr_machine_row){
        .id = txn_id(txn, 'm', 8),
        .type = kind.type_name,
        .account = pool_text(txn->pool, found->account),
        .state = "",
        .cause = adopted_cause(txn, tombstone, taken),
        .drain_mode = "",
        .drain_reason = "",
        .for_queue = row.for_queue == NULL ? "" : row.for_queue,
        .queues = row.queues,
        .drain_queue = row.drain_queue == NULL ? "" : row.drain_queue,
        .attempt = tombstone != NULL ? tombstone->id : "",
        .instance_id = pool_text(txn->pool, found->instance.instance_id),
        .offering = tombstone != NULL ? tombstone->offering : "",
        .identity = pool_text(txn->pool, found->identity),
        .slots = row.slots > 0 ? row.slots : 1,
        .created_us = txn->now_us,
        .launched_us = found->instance.launched_us > 0 ? found->instance.launched_us : txn->now_us,
        .price_usd_micros =
            dearer(spend_price(txn, kind.type_name, found->account), sibling_usd_micros),
        .adopted = true,
    };
    const char *from;
    machine_step(txn, &row, EVENT_BOUND, &from);
    change_machine(txn, &row, from);
    store_run(txn->store, "UPDATE machine SET queue_names=? WHERE id=?", "ss",
              store_join(txn->pool, &kind.queue_names), row.id);
    /* What a lost ledger's machine cost until then is in what a person said was spent. */
    if (lost_is_foreign(txn, found->instance.ledger_id))
        store_run(txn->store, "UPDATE machine SET paid_from_us=max(paid_from_us,?) WHERE id=?",
                  "is", meta_int(txn->store, "adopted_us"), row.id);
    if (tombstone != NULL) {
        machine_step(txn, &row, EVENT_DRAIN, &from);
        row.drain_mode = "now";
        row.drain_reason = "surplus";
        change_machine(txn, &row, from);
    }
    machine_done(txn, &row);
}

void handle_machine_found(struct txn *txn, const void *body)
{
    const struct dr_machine_found *found = body;
    if (!may_adopt(txn, found))
        return;
    const char *bound =
        store_text(txn->store, txn->pool,
                   "SELECT id FROM machine WHERE account=? AND instance_id=? AND instance_id<>''",
                   "ss", found->account, found->instance.instance_id);
    if (*bound != '\0') {
        txn_done(txn, pool_one(txn->pool, bound), "instance %s is machine %s already",
                 found->instance.instance_id, bound);
        return;
    }
    struct dr_attempt_row attempt;
    bool known = store_get(txn->store, TABLE_ATTEMPT, found->instance.attempt, txn->pool, &attempt);
    if (known && strcmp(attempt.state, "closed") != 0) {
        txn_refuse(txn, "conflict",
                   "instance %s belongs to attempt %s, which is open: close that with its answer",
                   found->instance.instance_id, attempt.id);
        return;
    }
    adopt(txn, found, known ? &attempt : NULL);
}

/* ---- the watcher's word --------------------------------------------------------------------- */
void handle_machine_up(struct txn *txn, const void *body)
{
    const struct dr_machine_up *up = body;
    struct dr_machine_row row;
    const char *from;
    if (!machine_load(txn, up->machine, 0, &row))
        return;
    enum lifecycle_verdict verdict = machine_step(txn, &row, EVENT_UP, &from);
    if (verdict == LIFECYCLE_REFUSE)
        return;
    /* Also when it is draining or absent: so it knows where to return to. */
    bool first = row.up_us == 0;
    if (first)
        row.up_us = txn->now_us;
    if (verdict == LIFECYCLE_MOVE)
        row.cause = pool_printf(txn->pool, "its worker %s was seen", up->worker);
    if (first || verdict == LIFECYCLE_MOVE)
        change_machine(txn, &row, from);
    machine_done(txn, &row);
}

/* All its slots are idle since: the latest of them; 0 when one is busy. */
static void note_idle(struct txn *txn, struct dr_machine_row *row)
{
    int64_t busy =
        store_int(txn->store, "SELECT count(*) FROM slot WHERE machine=? AND busy=1", "s", row->id);
    int64_t since =
        store_int(txn->store, "SELECT max(idle_since_us) FROM slot WHERE machine=?", "s", row->id);
    int64_t idle = busy > 0 ? 0 : since;
    if (idle == row->idle_since_us)
        return;
    row->idle_since_us = idle;
    change_machine(txn, row, row->state);
}

static bool note_slot(struct txn *txn, const struct dr_slot_row *seen)
{
    struct dr_machine_row machine;
    struct dr_slot_row slot;
    if (!txn_valid_id(txn, "worker", seen->worker) ||
        !machine_load(txn, seen->machine, 0, &machine))
        return false;
    enum machine_state state;
    if (lifecycle_state_parse(machine.state, &state) && lifecycle_ended(state))
        return true; /* its worker is still listed for a while (P3): not an error, not news */
    bool known = store_get(txn->store, TABLE_SLOT, seen->worker, txn->pool, &slot);
    struct dr_slot_row now = *seen;
    if (*seen->task == '\0' && known) { /* the task left: what it was stays on record (P17) */
        now.task = slot.task;
        now.seen_us = slot.seen_us;
    }
    if (now.busy)
        now.idle_since_us = 0;
    else if (now.idle_since_us == 0)
        now.idle_since_us = txn->now_us;
    if (known)
        store_update(txn->store, TABLE_SLOT, &now);
    else
        store_insert(txn->store, TABLE_SLOT, &now);
    work_seen(txn, &now);
    if (now.busy)
        launch_proved(txn, &machine);
    note_idle(txn, &machine);
    return true;
}

void handle_slots_observed(struct txn *txn, const void *body)
{
    const struct dr_slots_observed *observed = body;
    for (size_t i = 0; i < observed->slots.count; i++) {
        if (!note_slot(txn, &observed->slots.items[i]))
            return;
    }
    txn_done(txn, (struct dr_strs){0}, "%zu slots noted", observed->slots.count);
}
