/* SPDX-License-Identifier: Apache-2.0 */
/* Recoveries (P18): the intent first, then step by step; and the marks of the server's health. */
#include <string.h>

#include "txn.h"

static int place(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0)
            return (int)i;
    }
    return -1;
}

#define PLACE(words, word) place(words, sizeof words / sizeof words[0], word)

static const char *const kinds[] = {"popped", "running", "stopped"};
static const char *const modes[] = {"continue", "reset", "never"};
/* In the order in which they are done; some are skipped. */
static const char *const steps[] = {"intended", "stopped", "reset", "enqueued", "done"};

static bool well_formed(struct txn *txn, const struct dr_recovery_row *asked)
{
    if (PLACE(kinds, asked->kind) < 0 || PLACE(modes, asked->mode) < 0)
        return txn_refuse(txn, "bad-request", "a task is not put back as \"%s\" by \"%s\"",
                          asked->kind, asked->mode);
    if (!txn_valid_id(txn, "task", asked->task) || !txn_valid_id(txn, "queue", asked->queue))
        return false;
    if (*asked->machine != '\0' &&
        store_int(txn->store, "SELECT count(*) FROM machine WHERE id=?", "s", asked->machine) == 0)
        return txn_refuse(txn, "not-found", "there is no machine %s", asked->machine);
    const char *known =
        store_text(txn->store, txn->pool,
                   "SELECT id FROM recovery WHERE machine=? AND task=? AND status_changed=?", "sss",
                   asked->machine, asked->task, asked->status_changed);
    if (*known != '\0')
        return txn_refuse(txn, "conflict",
                          "task %s was put back once for this end already (recovery %s)",
                          asked->task, known);
    return true;
}

void handle_recovery_open(struct txn *txn, const void *body)
{
    const struct dr_recovery_row *asked = &((const struct dr_recovery_open *)body)->recovery;
    if (!well_formed(txn, asked))
        return;
    struct pool *pool = txn->pool;
    struct dr_recovery_row row = {.id = txn_id(txn, 'r', 8),
                                  .machine = pool_text(pool, asked->machine),
                                  .task = pool_text(pool, asked->task),
                                  .queue = pool_text(pool, asked->queue),
                                  .status_changed = pool_text(pool, asked->status_changed),
                                  .kind = pool_text(pool, asked->kind),
                                  .mode = pool_text(pool, asked->mode),
                                  .step = "intended",
                                  .note = pool_text(pool, asked->note),
                                  .created_us = txn->now_us};
    change_recovery(txn, &row, "");
    txn_done(txn, pool_one(pool, row.id), "recovery %s is intended", row.id);
}

static bool may_step(struct txn *txn, const struct dr_recovery_row *row, const char *step)
{
    if (row->settled_us != 0)
        return txn_refuse(txn, "conflict", "recovery %s is %s: it is over", row->id, row->step);
    if (strcmp(step, "dropped") == 0)
        return true;
    int to = PLACE(steps, step);
    if (to <= 0)
        return txn_refuse(txn, "bad-request", "a recovery has no step \"%s\"", step);
    if (to <= PLACE(steps, row->step))
        return txn_refuse(txn, "conflict", "recovery %s is %s, past %s", row->id, row->step, step);
    return true;
}

void handle_recovery_step(struct txn *txn, const void *body)
{
    const struct dr_recovery_step *asked = body;
    struct dr_recovery_row row;
    if (!store_get(txn->store, TABLE_RECOVERY, asked->recovery, txn->pool, &row)) {
        txn_refuse(txn, "not-found", "there is no recovery %s", asked->recovery);
        return;
    }
    if (strcmp(row.step, asked->step) == 0) {
        txn_done(txn, pool_one(txn->pool, row.id), "recovery %s is %s already", row.id, row.step);
        return;
    }
    if (asked->version != 0 && asked->version != row.version) {
        txn_refuse(txn, "conflict", "recovery %s has changed meanwhile (it is %s): read it again",
                   row.id, row.step);
        return;
    }
    if (!may_step(txn, &row, asked->step))
        return;
    const char *from = row.step;
    row.step = pool_text(txn->pool, asked->step);
    row.note = pool_text(txn->pool, asked->note);
    if (strcmp(row.step, "done") == 0 || strcmp(row.step, "dropped") == 0)
        row.settled_us = txn->now_us;
    change_recovery(txn, &row, from);
    txn_done(txn, pool_one(txn->pool, row.id), "recovery %s is %s", row.id, row.step);
}

void handle_health_mark(struct txn *txn, const void *body)
{
    const struct dr_health_mark *mark = body;
    meta_set_int(txn->store, "healthy_us", mark->healthy_us);
    meta_set_int(txn->store, "settling_until_us", mark->settling_until_us);
    txn_done(txn, (struct dr_strs){0}, "noted");
}
