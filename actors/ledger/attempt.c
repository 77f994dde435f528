/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts (P9-P11): opened with its key intent, committed before the call, closed by a definite
 * answer. */
#include <string.h>

#include "launch.h"
#include "spend.h"
#include "txn.h"

#define TRIES_MAX 5 /* a row that so many attempts left over has failed */

/* ---- attempt.open --------------------------------------------------------------------------- */
/* A machine without an identity may be ended by any account's word: none is started where the
 * others have one (P4). */
static bool open_says_where(struct txn *txn, const struct dr_attempt_open *open)
{
    if (*open->identity != '\0' ||
        store_int(txn->store,
                  "SELECT count(*) FROM machine WHERE account=? AND ended_us=0 AND identity<>''",
                  "s", open->account) == 0)
        return true;
    return txn_refuse(txn, "bad-request",
                      "account %s does not say as whom it asks the cloud, and has machines that "
                      "only that one's word can end",
                      open->account);
}

static bool open_well_formed(struct txn *txn, const struct dr_attempt_open *open)
{
    if (open->machines.count == 0)
        return txn_refuse(txn, "bad-request", "an attempt needs at least one machine");
    if (open->seal_pk.len != 32)
        return txn_refuse(txn, "bad-request", "seal_pk must be 32 bytes");
    return txn_valid_ids(txn, "machines", &open->machines) && txn_own_account(txn, open->account) &&
           open_says_where(txn, open);
}

/* Loads the rows and moves them to launching in memory; refuses when one cannot. */
static struct dr_machine_row *load_wanted(struct txn *txn, const struct dr_attempt_open *open,
                                          const char *attempt)
{
    struct dr_machine_row *rows = pool_alloc(txn->pool, open->machines.count * sizeof *rows);
    for (size_t i = 0; i < open->machines.count; i++) {
        const char *from;
        if (!machine_load(txn, open->machines.items[i], 0, &rows[i]) ||
            machine_step(txn, &rows[i], EVENT_OPEN, &from) == LIFECYCLE_REFUSE)
            return NULL;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(rows[j].id, rows[i].id) == 0) {
                txn_refuse(txn, "bad-request", "machine %s is named twice", rows[i].id);
                return NULL;
            }
        }
        if (strcmp(rows[i].account, open->account) != 0 ||
            strcmp(rows[i].type, rows[0].type) != 0) {
            txn_refuse(txn, "bad-request",
                       "machine %s is of type %s and account %s; an attempt is for one type in one "
                       "account",
                       rows[i].id, rows[i].type, rows[i].account);
            return NULL;
        }
        if (!pause_allows(txn, pause_name_of(txn, rows[i].for_queue)))
            return NULL; /* it waits as wanted */
        rows[i].attempt = attempt;
        rows[i].offering = pool_text(txn->pool, open->offering);
        rows[i].identity = pool_text(txn->pool, open->identity);
    }
    return rows;
}

static struct dr_strs tasks_of(struct txn *txn, const struct dr_machine_row *rows, size_t count)
{
    size_t n = 0, room = 64;
    const char **out = pool_alloc(txn->pool, room * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        struct dr_strs tasks = store_texts(
            txn->store, txn->pool, "SELECT task FROM launch_task WHERE machine=?", "s", rows[i].id);
        for (size_t t = 0; t < tasks.count; t++) {
            if (n == room) {
                const char **more = pool_alloc(txn->pool, 2 * room * sizeof *more);
                memcpy(more, out, n * sizeof *more);
                out = more;
                room *= 2;
            }
            out[n++] = tasks.items[t];
        }
    }
    return (struct dr_strs){.items = out, .count = n};
}

static void insert_key(struct txn *txn, const struct dr_attempt_open *open,
                       const struct dr_attempt_row *attempt)
{
    struct dr_key_row key = {
        .id = attempt->key,
        .attempt = attempt->id,
        .state = "intended",
        .label = pool_printf(txn->pool, "drover:%s:%s", txn->config->deployment, attempt->key),
        .access_key = "",
        .seal_pk = pool_bytes(txn->pool, open->seal_pk.bytes, open->seal_pk.len),
        .created_us = txn->now_us,
    };
    change_key(txn, &key, "");
}

/* The queues that the type serves now, and those that the row counts for. */
static void add_queues_of(struct txn *txn, const struct dr_machine_row *row,
                          struct launch_kind *kind)
{
    struct dr_strs own = store_split(
        txn->pool, store_text(txn->store, txn->pool, "SELECT queue_names FROM machine WHERE id=?",
                              "s", row->id));
    const char **all =
        pool_alloc(txn->pool, (kind->queue_names.count + own.count + 1) * sizeof *all);
    size_t n = 0;
    for (; n < kind->queue_names.count; n++)
        all[n] = kind->queue_names.items[n];
    for (size_t i = 0; i < own.count; i++) {
        bool known = false;
        for (size_t k = 0; k < n; k++)
            known = known || strcmp(all[k], own.items[i]) == 0;
        if (!known)
            all[n++] = own.items[i];
    }
    kind->queue_names = (struct dr_strs){.items = all, .count = n};
}

/* The price is the type's of today: a row that was never launched may have become dearer since it
 * was wanted. Other rows that are only wanted do not count here: each is asked when its own attempt
 * opens, and together they might keep one another waiting for ever when a window turns. */
static bool within_money(struct txn *txn, const struct launch_kind *kind,
                         struct dr_machine_row *rows, size_t count, enum spend_rows which)
{
    struct launch_kind of = *kind;
    int64_t price = spend_price(txn, rows[0].type, rows[0].account); /* they are of one type */
    for (size_t i = 0; i < count; i++) {
        add_queues_of(txn, &rows[i], &of);
        if (price > 0)
            rows[i].price_usd_micros = price;
    }
    return launch_within_money(txn, &of, price, (int64_t)count, which);
}

void handle_attempt_open(struct txn *txn, const void *body)
{
    const struct dr_attempt_open *open = body;
    if (!txn_may_launch(txn) || !open_well_formed(txn, open))
        return;
    struct dr_attempt_row attempt = {.id = txn_id(txn, 'a', 10),
                                     .account = pool_text(txn->pool, open->account),
                                     .machines = pool_strs(txn->pool, &open->machines),
                                     .offering = pool_text(txn->pool, open->offering),
                                     .identity = pool_text(txn->pool, open->identity),
                                     .state = "opened",
                                     .outcome = "",
                                     .key = txn_id(txn, 'k', 8),
                                     .sentence = "",
                                     .opened_us = txn->now_us};
    struct dr_machine_row *rows = load_wanted(txn, open, attempt.id);
    if (rows == NULL)
        return;
    struct launch_kind kind;
    launch_kind_of(txn, rows[0].type, &kind);
    kind.account = attempt.account;
    struct dr_strs tasks = tasks_of(txn, rows, open->machines.count);
    if (!launch_within_caps(txn, &kind, 0) ||
        !within_money(txn, &kind, rows, open->machines.count, SPEND_OPENED) ||
        !launch_within_budget(txn, &kind, (int64_t)open->machines.count, &tasks))
        return;
    attempt.ordinal =
        1 + store_int(txn->store, "SELECT tries FROM machine WHERE id=?", "s", rows[0].id);
    change_attempt(txn, &attempt, "");
    insert_key(txn, open, &attempt);
    for (size_t i = 0; i < open->machines.count; i++) {
        rows[i].cause = pool_printf(txn->pool, "attempt %s opened", attempt.id);
        change_machine(txn, &rows[i], "wanted");
        store_run(txn->store, "UPDATE machine SET tries=tries+1 WHERE id=?", "s", rows[i].id);
    }
    launch_note_caps(txn, &kind);
    const char **ids = pool_alloc(txn->pool, 2 * sizeof *ids);
    ids[0] = attempt.id;
    ids[1] = attempt.key;
    txn_done(txn, (struct dr_strs){.items = ids, .count = 2}, "attempt %s is open", attempt.id);
}

/* ---- attempt.close -------------------------------------------------------------------------- */
static bool may_close(struct txn *txn, const struct dr_attempt_close *close,
                      const struct dr_attempt_row *attempt)
{
    static const char *const outcomes[] = {"launched", "refused", "never-sent", "cloud-forgot"};
    bool known = false;
    for (size_t i = 0; i < 4; i++)
        known = known || strcmp(close->outcome, outcomes[i]) == 0;
    if (!known)
        return txn_refuse(txn, "bad-request", "an attempt cannot end as \"%s\"", close->outcome);
    bool launched = strcmp(close->outcome, "launched") == 0;
    if (launched != (close->instances.count > 0))
        return txn_refuse(txn, "bad-request", "launched names its instances, nothing else does");
    bool committed = strcmp(attempt->state, "committed") == 0;
    bool never = strcmp(close->outcome, "never-sent") == 0;
    if (never && committed)
        return txn_refuse(txn, "conflict",
                          "attempt %s was committed: it may have been sent; send it again and take "
                          "that answer (P26)",
                          attempt->id);
    if (!never && !committed)
        return txn_refuse(txn, "conflict",
                          "attempt %s has no committed body: it was never sent (P10)", attempt->id);
    return txn_valid_ids(txn, "instances", &close->instances);
}

/* Bound pairs stay; the remaining instances go, in launch-index order, to the remaining rows. */
static const char *next_free(const struct dr_strs *instances, const struct dr_machine_row *rows,
                             size_t count, size_t *at)
{
    for (; *at < instances->count; (*at)++) {
        bool taken = false;
        for (size_t i = 0; i < count; i++)
            taken = taken || strcmp(rows[i].instance_id, instances->items[*at]) == 0;
        if (!taken)
            return instances->items[(*at)++];
    }
    return NULL;
}

static bool bind_one(struct txn *txn, struct dr_machine_row *row, const char *instance)
{
    const char *from;
    if (store_int(txn->store,
                  "SELECT count(*) FROM machine WHERE account=? AND instance_id=? AND "
                  "instance_id<>'' AND id<>?",
                  "sss", row->account, instance, row->id) > 0)
        return txn_refuse(txn, "conflict", "instance %s is another machine's already", instance);
    if (machine_step(txn, row, EVENT_BOUND, &from) == LIFECYCLE_REFUSE)
        return false;
    row->instance_id = pool_text(txn->pool, instance);
    row->launched_us = row->launched_us == 0 ? txn->now_us : row->launched_us;
    row->cause = pool_printf(txn->pool, "launched as %s", row->instance_id);
    change_machine(txn, row, from);
    store_run(txn->store, "UPDATE launch_task SET launched_us=? WHERE machine=?", "is", txn->now_us,
              row->id);
    return true;
}

static bool leave_over(struct txn *txn, const struct dr_attempt_close *close,
                       struct dr_machine_row *row)
{
    if (close->excused)
        store_run(txn->store, "UPDATE machine SET tries=tries-1 WHERE id=?", "s", row->id);
    int64_t tries = store_int(txn->store, "SELECT tries FROM machine WHERE id=?", "s", row->id);
    bool failed = close->give_up || tries >= TRIES_MAX;
    const char *from;
    if (machine_step(txn, row, failed ? EVENT_GIVE_UP : EVENT_REFUSED, &from) == LIFECYCLE_REFUSE)
        return false;
    row->launched_us = 0;
    row->cause = pool_printf(txn->pool, "%s%s%s", close->outcome, *close->sentence ? ": " : "",
                             close->sentence);
    if (failed && !close->give_up)
        row->cause = pool_printf(txn->pool, "given up after %lld attempts; the last: %s",
                                 (long long)tries, row->cause);
    change_machine(txn, row, from);
    return true;
}

static bool settle_rows(struct txn *txn, const struct dr_attempt_close *close,
                        const struct dr_attempt_row *attempt)
{
    size_t count = attempt->machines.count, at = 0;
    struct dr_machine_row *rows = pool_alloc(txn->pool, count * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        if (!machine_load(txn, attempt->machines.items[i], 0, &rows[i]))
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (*rows[i].instance_id != '\0')
            continue;
        const char *instance = next_free(&close->instances, rows, count, &at);
        bool good =
            instance != NULL ? bind_one(txn, &rows[i], instance) : leave_over(txn, close, &rows[i]);
        if (!good)
            return false;
    }
    return true;
}

static void close_as(struct txn *txn, const struct dr_attempt_close *close,
                     struct dr_attempt_row *attempt)
{
    const char *from = attempt->state;
    attempt->state = "closed";
    attempt->outcome = pool_text(txn->pool, close->outcome);
    attempt->sentence = pool_text(txn->pool, close->sentence);
    attempt->closed_us = txn->now_us;
    change_attempt(txn, attempt, from);
    /* The sealed parts have done their duty: erased, with secure_delete (P10). */
    store_run(txn->store, "UPDATE attempt SET body=NULL WHERE id=?", "s", attempt->id);
    store_run(txn->store, "UPDATE \"key\" SET secret=NULL WHERE attempt=?", "s", attempt->id);
    key_release(txn, attempt->id);
}

static void close_again(struct txn *txn, const struct dr_attempt_close *close,
                        const struct dr_attempt_row *attempt)
{
    if (strcmp(close->outcome, attempt->outcome) == 0)
        txn_done(txn, pool_one(txn->pool, attempt->id), "attempt %s was closed before",
                 attempt->id);
    else
        txn_refuse(txn, "conflict", "attempt %s was closed as %s before", attempt->id,
                   attempt->outcome);
}

void handle_attempt_close(struct txn *txn, const void *body)
{
    const struct dr_attempt_close *close = body;
    struct dr_attempt_row attempt;
    if (!attempt_load(txn, close->attempt, &attempt))
        return;
    if (strcmp(attempt.state, "closed") == 0) {
        close_again(txn, close, &attempt);
        return;
    }
    if (!may_close(txn, close, &attempt) || !settle_rows(txn, close, &attempt))
        return;
    close_as(txn, close, &attempt);
    txn_done(txn, pool_one(txn->pool, attempt.id), "attempt %s is closed: %s", attempt.id,
             attempt.outcome);
}

/* ---- attempt.commit ------------------------------------------------------------------------- */
static struct dr_bin body_of(struct txn *txn, const char *attempt)
{
    return store_blob(txn->store, txn->pool, "SELECT body FROM attempt WHERE id=?", "s", attempt);
}

static bool may_commit(struct txn *txn, const struct dr_attempt_commit *commit,
                       const struct dr_attempt_row *attempt)
{
    if (strcmp(attempt->state, "closed") == 0)
        return txn_refuse(txn, "conflict", "attempt %s is closed (%s)", attempt->id,
                          attempt->outcome);
    if (strcmp(attempt->state, "opened") == 0)
        return txn_refuse(txn, "conflict",
                          "attempt %s has no key yet: its boot data cannot be complete",
                          attempt->id);
    if (commit->body.len == 0)
        return txn_refuse(txn, "bad-request", "the body is empty");
    return true;
}

/* Since it opened a window may have turned, a limit been lowered, a price been raised. Other
 * attempts that are not committed yet do not count: each is asked when it is. */
static bool may_cost(struct txn *txn, const struct dr_attempt_row *attempt,
                     struct dr_machine_row *rows)
{
    size_t count = attempt->machines.count;
    for (size_t i = 0; i < count; i++) {
        if (!machine_load(txn, attempt->machines.items[i], 0, &rows[i]))
            return false;
    }
    struct launch_kind kind;
    launch_kind_of(txn, rows[0].type, &kind);
    kind.account = attempt->account;
    return within_money(txn, &kind, rows, count, SPEND_LAUNCHED);
}

/* It was never sent: its rows wait again as wanted, and hold no money that others may have. */
static void take_back(struct txn *txn, struct dr_attempt_row *attempt)
{
    const struct dr_attempt_close close = {
        .outcome = "never-sent", .excused = true, .sentence = txn->ack.sentence};
    if (!settle_rows(txn, &close, attempt))
        return;
    close_as(txn, &close, attempt);
    txn->keep = true;
}

void handle_attempt_commit(struct txn *txn, const void *body)
{
    const struct dr_attempt_commit *commit = body;
    struct dr_attempt_row attempt;
    if (!txn_may_launch(txn) || !attempt_load(txn, commit->attempt, &attempt) ||
        !may_commit(txn, commit, &attempt))
        return;
    if (strcmp(attempt.state, "committed") == 0) {
        struct dr_bin kept = body_of(txn, attempt.id);
        if (kept.len == commit->body.len && memcmp(kept.bytes, commit->body.bytes, kept.len) == 0)
            txn_done(txn, pool_one(txn->pool, attempt.id), "attempt %s was committed before",
                     attempt.id);
        else
            txn_refuse(txn, "conflict",
                       "attempt %s was committed with other bytes: send those (P10)", attempt.id);
        return;
    }
    size_t count = attempt.machines.count;
    struct dr_machine_row *rows = pool_alloc(txn->pool, (count + 1) * sizeof *rows);
    if (!may_cost(txn, &attempt, rows)) {
        take_back(txn, &attempt);
        return;
    }
    attempt.state = "committed";
    change_attempt(txn, &attempt, "keyed");
    store_run(txn->store, "UPDATE attempt SET body=? WHERE id=?", "bs", commit->body, attempt.id);
    for (size_t i = 0; i < count; i++) {
        rows[i].launched_us = txn->now_us; /* from here on it may cost money */
        change_machine(txn, &rows[i], rows[i].state);
    }
    txn_done(txn, pool_one(txn->pool, attempt.id), "attempt %s is committed", attempt.id);
}

/* ---- attempt.settle ------------------------------------------------------------------------- */
#define SETTLE_AFTER_US TXN_HOUR_US /* by then the call was made again many times */

static bool may_settle(struct txn *txn, const struct dr_attempt_row *attempt, int64_t sent_us)
{
    if (strcmp(attempt->state, "closed") == 0)
        return txn_refuse(txn, "conflict", "attempt %s was closed as %s before", attempt->id,
                          attempt->outcome);
    if (strcmp(attempt->state, "committed") != 0)
        return txn_refuse(txn, "conflict",
                          "attempt %s was never sent: it closes by itself, there is nothing to "
                          "settle",
                          attempt->id);
    if (txn->now_us - sent_us >= SETTLE_AFTER_US)
        return true;
    return txn_refuse(txn, "conflict",
                      "attempt %s was sent less than an hour ago: its answer may be on the way; "
                      "settle it later, if there is none by then",
                      attempt->id);
}

/* No machine of it runs, by a person's word: its rows have failed. They keep the time of their
 * launch, so that all that one of them may have cost until now is paid for (P13). One that turns up
 * after all is a surplus: found, counted, ended. */
void handle_attempt_settle(struct txn *txn, const void *body)
{
    const struct dr_attempt_settle *settle = body;
    struct dr_attempt_row attempt;
    if (!txn_by(txn, settle->by) || !attempt_load(txn, settle->attempt, &attempt))
        return;
    size_t count = attempt.machines.count;
    struct dr_machine_row *rows = pool_alloc(txn->pool, (count + 1) * sizeof *rows);
    int64_t sent_us = 0;
    for (size_t i = 0; i < count; i++) {
        if (!machine_load(txn, attempt.machines.items[i], 0, &rows[i]))
            return;
        sent_us = rows[i].launched_us > sent_us ? rows[i].launched_us : sent_us;
    }
    if (!may_settle(txn, &attempt, sent_us))
        return;
    const char *sentence = pool_printf(txn->pool, "%s says that nothing of it runs in %s", txn->by,
                                       *attempt.identity == '\0' ? "the cloud" : attempt.identity);
    for (size_t i = 0; i < count; i++) {
        const char *from;
        if (machine_step(txn, &rows[i], EVENT_GIVE_UP, &from) == LIFECYCLE_REFUSE)
            return;
        rows[i].cause = sentence;
        change_machine(txn, &rows[i], from);
    }
    close_as(txn, &(struct dr_attempt_close){.outcome = "cloud-forgot", .sentence = sentence},
             &attempt);
    txn_done(txn, attempt.machines,
             "attempt %s is settled: its machines have failed, and what they may have cost until "
             "now counts as spent",
             attempt.id);
}

/* ---- attempt.fetch -------------------------------------------------------------------------- */
void handle_attempt_fetch(struct txn *txn, const void *body)
{
    const struct dr_attempt_fetch *fetch = body;
    struct dr_attempt_full *full = pool_alloc(txn->pool, sizeof *full);
    if (!attempt_load(txn, fetch->attempt, &full->attempt))
        return;
    size_t count = full->attempt.machines.count;
    struct dr_machine_row *rows = pool_alloc(txn->pool, (count + 1) * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        if (!machine_load(txn, full->attempt.machines.items[i], 0, &rows[i]))
            return;
    }
    full->machines = (struct dr_machine_row_list){.items = rows, .count = count};
    full->access_key =
        store_text(txn->store, txn->pool, "SELECT access_key FROM \"key\" WHERE attempt=?", "s",
                   full->attempt.id);
    full->key_sealed = store_blob(
        txn->store, txn->pool, "SELECT secret FROM \"key\" WHERE attempt=?", "s", full->attempt.id);
    full->body = body_of(txn, full->attempt.id);
    txn_reply(txn, DR_ATTEMPT_FULL, full);
}
