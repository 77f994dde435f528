/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "drover/assert.h"
#include "ledger_private.h"
#include "spend.h"

static void *copy(struct txn *txn, const void *bytes, size_t len)
{
    return memcpy(pool_alloc(txn->pool, len), bytes, len);
}

static void publish(struct txn *txn, enum dr_type type, const void *body, size_t len)
{
    turn_out(txn->ledger, (struct core_out){.type = type,
                                            .body = copy(txn, body, len),
                                            .corr = pool_text(txn->pool, txn->corr)});
}

/* Raises the sequence and writes the line of history that belongs to it; tells of a person's. */
static void record(struct txn *txn, const char *kind, const char *id, const char *from,
                   const char *to, const char *cause)
{
    struct dr_hand_recorded event = {
        .seq = ++txn->ledger->seq,
        .row = {.seq = txn->ledger->seq,
                .t_us = txn->now_us,
                .kind = kind,
                .id = id,
                .from = from,
                .to = to,
                .cause = cause,
                .corr = pool_text(txn->pool, txn->corr),
                .by = txn->by},
    };
    store_insert(txn->store, TABLE_HISTORY, &event.row);
    if (*txn->by != '\0')
        publish(txn, DR_HAND_RECORDED, &event, sizeof event);
}

void change_hand(struct txn *txn, const char *kind, const char *id, const char *from,
                 const char *done, const char *cause)
{
    DR_ASSERT(*txn->by != '\0');
    struct pool *pool = txn->pool;
    record(txn, pool_text(pool, kind), pool_text(pool, id), pool_text(pool, from),
           pool_text(pool, done), pool_text(pool, cause));
}

void change_machine(struct txn *txn, struct dr_machine_row *row, const char *from)
{
    change_machine_as(txn, row, from, row->state, row->cause);
}

void change_machine_as(struct txn *txn, struct dr_machine_row *row, const char *from,
                       const char *done, const char *cause)
{
    bool moved = strcmp(from, row->state) != 0;
    enum machine_state state;
    DR_ASSERT(lifecycle_state_parse(row->state, &state));
    row->version++;
    if (moved)
        row->state_since_us = txn->now_us;
    if (moved && lifecycle_ended(state)) {
        row->ended_us = txn->now_us;
        row->idle_since_us = 0;
    }
    if (*from == '\0')
        store_insert(txn->store, TABLE_MACHINE, row);
    else
        store_update(txn->store, TABLE_MACHINE, row);
    spend_stamp(txn, row);
    record(txn, "machine", row->id, from, done, cause);
    /* Only these changes make a plan stale (P12): an idle slot that turned busy does not. */
    if (moved)
        store_run(txn->store, "UPDATE machine SET supply_seq=? WHERE id=?", "is", txn->ledger->seq,
                  row->id);
    if (moved && lifecycle_ended(state))
        store_run(txn->store, "DELETE FROM launch_task WHERE machine=? AND launched_us=0", "s",
                  row->id);
    if (moved && lifecycle_ended(state))
        work_over(txn, row->id);
    struct dr_machine_changed event = {.seq = txn->ledger->seq, .from = from, .machine = *row};
    publish(txn, DR_MACHINE_CHANGED, &event, sizeof event);
}

void change_attempt(struct txn *txn, struct dr_attempt_row *row, const char *from)
{
    if (*from == '\0')
        store_insert(txn->store, TABLE_ATTEMPT, row);
    else
        store_update(txn->store, TABLE_ATTEMPT, row);
    record(txn, "attempt", row->id, from, row->state, row->sentence);
    struct dr_attempt_changed event = {.seq = txn->ledger->seq, .attempt = *row};
    publish(txn, DR_ATTEMPT_CHANGED, &event, sizeof event);
}

void change_key(struct txn *txn, struct dr_key_row *row, const char *from)
{
    if (*from == '\0')
        store_insert(txn->store, TABLE_KEY, row);
    else
        store_update(txn->store, TABLE_KEY, row);
    record(txn, "key", row->id, from, row->state, "");
    struct dr_key_changed event = {.seq = txn->ledger->seq, .key = *row};
    publish(txn, DR_KEY_CHANGED, &event, sizeof event);
}

void change_recovery(struct txn *txn, struct dr_recovery_row *row, const char *from)
{
    row->version++;
    if (*from == '\0')
        store_insert(txn->store, TABLE_RECOVERY, row);
    else
        store_update(txn->store, TABLE_RECOVERY, row);
    record(txn, "recovery", row->id, from, row->step, row->note);
    struct dr_recovery_changed event = {.seq = txn->ledger->seq, .recovery = *row};
    publish(txn, DR_RECOVERY_CHANGED, &event, sizeof event);
}

void change_pause(struct txn *txn, const struct dr_pause_row *row, const char *from)
{
    const char *to = row->since_us == 0 ? "resumed" : "paused";
    record(txn, "pause", *row->queue == '\0' ? "all" : row->queue, from, to, row->sentence);
    struct dr_pause_changed event = {.seq = txn->ledger->seq, .pause = *row};
    publish(txn, DR_PAUSE_CHANGED, &event, sizeof event);
}

void tell_tasks(struct txn *txn, struct dr_task_row_list tasks)
{
    struct dr_tasks_known event = {.seq = txn->ledger->seq, .tasks = tasks};
    publish(txn, DR_TASKS_KNOWN, &event, sizeof event);
}

/* ---- loads and steps ------------------------------------------------------------------------ */
bool machine_load(struct txn *txn, const char *id, int64_t version, struct dr_machine_row *row)
{
    if (!store_get(txn->store, TABLE_MACHINE, id, txn->pool, row))
        return txn_refuse(txn, "not-found", "there is no machine %s", id);
    if (version != 0 && version != row->version)
        return txn_refuse(txn, "conflict",
                          "machine %s has changed meanwhile (it is %s, version %lld, not %lld): "
                          "read it again",
                          id, row->state, (long long)row->version, (long long)version);
    return true;
}

bool attempt_load(struct txn *txn, const char *id, struct dr_attempt_row *row)
{
    if (!store_get(txn->store, TABLE_ATTEMPT, id, txn->pool, row))
        return txn_refuse(txn, "not-found", "there is no attempt %s", id);
    return txn_own_account(txn, row->account);
}

enum lifecycle_verdict machine_step(struct txn *txn, struct dr_machine_row *row,
                                    enum machine_event event, const char **from)
{
    enum machine_state state = STATE_NONE;
    DR_ASSERT(*row->state == '\0' || lifecycle_state_parse(row->state, &state));
    *from = row->state;
    struct lifecycle_cell cell = lifecycle_step(state, event);
    if (cell.verdict == LIFECYCLE_REFUSE)
        txn_refuse(txn, "conflict", "machine %s is %s: %s", row->id, row->state,
                   lifecycle_refusal(state, event));
    else if (cell.verdict == LIFECYCLE_MOVE)
        row->state = lifecycle_state_name(cell.next);
    else if (cell.verdict == LIFECYCLE_RESUME)
        row->state =
            lifecycle_state_name(lifecycle_resume(*row->drain_mode != '\0', row->up_us != 0));
    return cell.verdict;
}

void machine_done(struct txn *txn, const struct dr_machine_row *row)
{
    txn_done(txn, pool_one(txn->pool, row->id), "machine %s is %s", row->id, row->state);
}

/* ---- meta ----------------------------------------------------------------------------------- */
int64_t meta_int(struct store *store, const char *name)
{
    return store_int(store, "SELECT value FROM meta WHERE name=?", "s", name);
}

#define META_SET                                                                \
    "INSERT INTO meta(name,value) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET " \
    "value=excluded.value"

void meta_set_int(struct store *store, const char *name, int64_t value)
{
    store_run(store, META_SET, "si", name, value);
}

void meta_set_text(struct store *store, const char *name, const char *text)
{
    store_run(store, META_SET, "ss", name, text);
}
