/* SPDX-License-Identifier: Apache-2.0 */
/* A turn of the loop is one transaction; a request in it is one savepoint. Replies and events wait
 * for the commit, so that nobody ever hears of what did not happen. */
#include <string.h>

#include "drover/assert.h"
#include "faults.h"
#include "ledger_private.h"

/* ---- the handler table, generated from messages.def ----------------------------------------- */
#define ROW_LEDGER(ENUM, rec) [DR_##ENUM] = handle_##rec,
#define ROW_WATCHER(ENUM, rec)
#define ROW_PLANNER(ENUM, rec)
#define ROW_BUS(ENUM, rec)
#define ROW_PROVISIONER(ENUM, rec)
static const txn_handler handlers[] = {
#define RECORD(rec, meaning)
#define END_RECORD(rec)
#define EVENT(number, ENUM, rec, topic, from, meaning)
#define REQUEST(number, ENUM, rec, name, from, to, REPLY_, meaning) ROW_##to(ENUM, rec)
#define REPLY(number, ENUM, rec, name, from, meaning)
#define END_MESSAGE(rec)
#define F_STR(rec, field, meaning)
#define F_I64(rec, field, meaning)
#define F_BOOL(rec, field, meaning)
#define F_BIN(rec, field, meaning)
#define F_STRS(rec, field, meaning)
#define F_REC(rec, field, of, meaning)
#define F_RECS(rec, field, of, meaning)
#define RETIRED(number, was)
#include "drover/messages.def"
#include "drover/message_undef.h"
};

static txn_handler handler_of(const struct dr_message_row *row)
{
    size_t at = (size_t)row->type;
    if (row->shape != DR_REQUEST || at >= sizeof handlers / sizeof handlers[0])
        return NULL;
    return handlers[at];
}

/* ---- what is to be sent --------------------------------------------------------------------- */
void turn_out(struct ledger *ledger, struct core_out out)
{
    if (ledger->out_count == ledger->out_room) {
        ledger->out_room = ledger->out_room == 0 ? 64 : ledger->out_room * 2;
        ledger->outs = realloc(ledger->outs, ledger->out_room * sizeof *ledger->outs);
        DR_ASSERT(ledger->outs != NULL);
    }
    ledger->outs[ledger->out_count++] = out;
}

static void answer(struct txn *txn, const char *request, enum dr_type type, const void *body)
{
    turn_out(txn->ledger, (struct core_out){.to = pool_text(txn->pool, txn->source),
                                            .request = pool_text(txn->pool, request),
                                            .type = type,
                                            .body = body,
                                            .corr = pool_text(txn->pool, txn->corr)});
}

static void answer_ack(struct txn *txn, const char *request)
{
    struct dr_ack *ack = pool_alloc(txn->pool, sizeof *ack);
    *ack = txn->ack;
    answer(txn, request, DR_ACK, ack);
}

/* ---- a repeated request gets the stored answer (P28) ----------------------------------------- */
static bool repeated(struct txn *txn, const struct dr_message *message)
{
    struct store *store = txn->store;
    const char *id = message->env.request;
    const char *source = message->env.source;
    int64_t type =
        store_int(store, "SELECT type FROM request WHERE id=? AND source=?", "ss", id, source);
    if (type == 0)
        return false;
    if (type != (int64_t)message->row->type) {
        txn_refuse(txn, "bad-request", "request id %s was used for another kind of request", id);
        return true;
    }
    struct dr_ack *ack = &txn->ack;
    ack->code = store_text(store, txn->pool, "SELECT code FROM request WHERE id=? AND source=?",
                           "ss", id, source);
    ack->sentence = store_text(
        store, txn->pool, "SELECT sentence FROM request WHERE id=? AND source=?", "ss", id, source);
    ack->seq =
        store_int(store, "SELECT seq FROM request WHERE id=? AND source=?", "ss", id, source);
    ack->ids = store_split(txn->pool, store_text(store, txn->pool,
                                                 "SELECT ids FROM request WHERE id=? AND source=?",
                                                 "ss", id, source));
    ack->ok = *ack->code == '\0';
    return true;
}

static void remember(struct txn *txn, const struct dr_message *message)
{
    const struct dr_ack *ack = &txn->ack;
    store_run(txn->store,
              "INSERT INTO request(id,source,type,t_us,code,sentence,seq,ids)"
              " VALUES(?,?,?,?,?,?,?,?)",
              "ssiissis", message->env.request, message->env.source, (int64_t)message->row->type,
              txn->now_us, ack->code, ack->sentence, ack->seq, store_join(txn->pool, &ack->ids));
}

/* ---- a request ------------------------------------------------------------------------------ */
static void run_write(struct txn *txn, const struct dr_message *message, txn_handler handler)
{
    struct ledger *ledger = txn->ledger;
    int64_t seq = ledger->seq;
    size_t outs = ledger->out_count;
    store_savepoint(txn->store);
    handler(txn, message->body);
    if (!txn->ack.ok && !txn->keep) {
        store_undo(txn->store);
        ledger->seq = seq;
        ledger->out_count = outs;
    }
    txn->ack.seq = ledger->seq;
    remember(txn, message);
    if (ledger->seq != seq)
        meta_set_int(txn->store, "seq", ledger->seq);
    store_release(txn->store);
    if (txn->ack.ok)
        faults_count(message->row->name);
}

static const char *account_of(const char *source)
{
    const char *colon = strchr(source, ':');
    return colon == NULL ? "" : colon + 1;
}

/* ---- money's clock -------------------------------------------------------------------------- */
#define MONEY_STORE_US \
    (15 * INT64_C(1000000)) /* at least as often as this, while anything is asked */

#define MONEY_STEP_US INT64_C(1000000)

static void read_clock(struct ledger *ledger, int64_t now_us)
{
    bool living =
        !money_clock_ahead(&ledger->clock, now_us) ||
        store_int(ledger->store, "SELECT count(*) FROM machine WHERE ended_us=0 AND launched_us<>0",
                  "") > 0;
    money_clock_read(&ledger->clock, now_us, living);
}

/* With every change, after some time, and at once when the wall was set: it may be hours behind in
 * the next life. */
static void store_clock(struct ledger *ledger)
{
    int64_t money_us = ledger->clock.money_us;
    int64_t ahead_us = money_us - ledger->clock.wall_us;
    int64_t moved_us = ahead_us - ledger->ahead_stored_us;
    bool due = ledger->seq != ledger->seq_stored ||
               money_us - ledger->money_stored_us >= MONEY_STORE_US || moved_us > MONEY_STEP_US ||
               moved_us < -MONEY_STEP_US;
    if (ledger->failed || !due)
        return;
    meta_set_int(ledger->store, "money_us", money_us);
    meta_set_int(ledger->store, "money_wall_us", ledger->clock.wall_us);
    ledger->money_stored_us = money_us;
    ledger->ahead_stored_us = ahead_us;
    ledger->failed = store_failed(ledger->store);
}

void core_request(struct ledger *ledger, const struct dr_message *message, int64_t now_us)
{
    struct txn txn = {.ledger = ledger,
                      .store = ledger->store,
                      .config = ledger->config,
                      .pool = &ledger->pool,
                      .now_us = now_us,
                      .source = message->env.source,
                      .account = account_of(message->env.source),
                      .corr = message->env.corr,
                      .request = message->env.request,
                      .by = "",
                      .ack = {.code = "internal", .sentence = "the request was not answered"}};
    if (!ledger->open) {
        ledger->open = true;
        ledger->failed = !store_begin(ledger->store);
    }
    read_clock(ledger, now_us);
    txn_handler handler = handler_of(message->row);
    bool reads = message->row->reply != DR_ACK;
    if (handler == NULL) {
        txn_refuse(&txn, "bad-request", "the ledger does not answer %s", message->row->name);
    } else if (reads) {
        handler(&txn, message->body);
        txn.ack.seq = ledger->seq;
    } else if (*message->env.request == '\0') {
        txn_refuse(&txn, "bad-request", "%s needs a request id", message->row->name);
    } else if (!repeated(&txn, message)) {
        run_write(&txn, message, handler);
    }
    ledger->failed = ledger->failed || store_failed(ledger->store);
    if (txn.later)
        return;
    if (txn.reply_body != NULL)
        answer(&txn, message->env.request, txn.reply, txn.reply_body);
    else
        answer_ack(&txn, message->env.request);
}

/* ---- the end of a turn ---------------------------------------------------------------------- */
/* Nothing happened: no event goes out, and everybody is told to ask again. */
static void withdraw(struct ledger *ledger)
{
    struct dr_ack *ack = pool_alloc(&ledger->pool, sizeof *ack);
    *ack = (struct dr_ack){.code = "unavailable",
                           .sentence = pool_printf(&ledger->pool,
                                                   "the ledger could not write (%s); nothing was "
                                                   "changed, ask again",
                                                   ledger->error),
                           .seq = ledger->seq_stored};
    size_t kept = 0;
    for (size_t i = 0; i < ledger->out_count; i++) {
        struct core_out out = ledger->outs[i];
        if (out.to == NULL)
            continue;
        out.type = DR_ACK;
        out.body = ack;
        ledger->outs[kept++] = out;
    }
    ledger->out_count = kept;
}

enum core_result core_commit(struct ledger *ledger)
{
    if (!ledger->open)
        return CORE_IDLE;
    ledger->open = false;
    store_clock(ledger);
    if (!ledger->failed && store_commit(ledger->store)) {
        ledger->money_stood_us = ledger->clock.money_us;
        ledger->seq_stored = ledger->seq;
        faults_strike();
        return CORE_COMMITTED;
    }
    snprintf(ledger->error, sizeof ledger->error, "%s", store_error(ledger->store));
    bool full = store_was_full(ledger->store);
    store_rollback(ledger->store);
    ledger->seq = ledger->seq_stored;
    ledger->money_stored_us = 0; /* stored again by the next one */
    withdraw(ledger);
    return full ? CORE_FULL : CORE_FAILED;
}

const struct core_out *core_outs(const struct ledger *ledger, size_t *count)
{
    *count = ledger->out_count;
    return ledger->outs;
}

void core_turn_over(struct ledger *ledger)
{
    DR_ASSERT(!ledger->open);
    ledger->out_count = 0;
    pool_free(&ledger->pool);
}
