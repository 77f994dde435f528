/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

#include "drover/assert.h"
#include "costs_get.h"
#include "ledger_private.h"
#include "spend.h"

/* ---- one life of the ledger ----------------------------------------------------------------- */
static void make_id(struct ledger *ledger)
{
    unsigned char raw[16];
    char id[sizeof ledger->id];
    ledger->random(raw, sizeof raw);
    id[0] = 'l';
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(id + 1 + 2 * i, 3, "%02x", raw[i]);
    meta_set_text(ledger->store, "ledger_id", id);
}

/* Machines carry the deployment's name as a tag: with some alive it cannot change (P25). */
static bool take_deployment(struct ledger *ledger, char *err, size_t err_len)
{
    const char *now = ledger->config->deployment;
    const char *was = store_text(ledger->store, &ledger->pool,
                                 "SELECT value FROM meta WHERE name='deployment'", "");
    if (strcmp(now, was) == 0)
        return true;
    int64_t live = store_int(ledger->store,
                             "SELECT count(*) FROM machine WHERE state NOT IN"
                             " ('wanted','cancelled','gone','failed')",
                             "");
    if (*was != '\0' && live > 0) {
        snprintf(err, err_len,
                 "the deployment was renamed from %s to %s while %lld machines of %s live, which "
                 "are found by that name: name it %s again, let them end, then rename it",
                 was, now, (long long)live, was, was);
        return false;
    }
    meta_set_text(ledger->store, "deployment", now);
    meta_set_text(ledger->store, "blocked", ""); /* what blocked the old name is another's */
    return true;
}

static bool take_config(struct ledger *ledger, const struct dr_cfg_root *config, int64_t now_us,
                        bool by_person, char *err, size_t err_len)
{
    struct store *store = ledger->store;
    const struct dr_cfg_root *before = ledger->config;
    ledger->config = config;
    bool good = store_begin(store);
    if (good && store_int(store, "SELECT count(*) FROM meta WHERE name='ledger_id'", "") == 0)
        make_id(ledger);
    if (good && by_person)
        meta_set_int(store, "breaker_since_us", now_us);
    good = good && take_deployment(ledger, err, err_len);
    if (good)
        spend_take_prices(store, config);
    if (good && !store_commit(store))
        good = false;
    if (store_failed(store))
        snprintf(err, err_len, "the ledger cannot be written: %s", store_error(store));
    store_rollback(store);
    if (!good)
        ledger->config = before;
    return good;
}

struct ledger *core_open(struct store *store, const struct dr_cfg_root *config,
                         core_random_fn random, int64_t now_us, char *err, size_t err_len)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    DR_ASSERT(ledger != NULL);
    ledger->store = store;
    ledger->random = random;
    ledger->spend = spend_new();
    bool good = take_config(ledger, config, now_us, false, err, err_len);
    ledger->seq = ledger->seq_stored = meta_int(store, "seq");
    snprintf(ledger->id, sizeof ledger->id, "%s",
             store_text(store, &ledger->pool, "SELECT value FROM meta WHERE name='ledger_id'", ""));
    ledger->clock = (struct money_clock){.wall_us = meta_int(store, "money_wall_us"),
                                         .money_us = meta_int(store, "money_us")};
    ledger->money_stood_us = ledger->money_stored_us = ledger->clock.money_us;
    ledger->ahead_stored_us = ledger->clock.money_us - ledger->clock.wall_us;
    pool_free(&ledger->pool);
    if (!good) {
        spend_free(&ledger->spend);
        free(ledger);
        return NULL;
    }
    return ledger;
}

void core_close(struct ledger **ledger)
{
    struct ledger *self = *ledger;
    if (self == NULL)
        return;
    store_rollback(self->store);
    store_close(&self->store);
    pool_free(&self->pool);
    free(self->outs);
    spend_free(&self->spend);
    costs_question_free(&self->question);
    free(self);
    *ledger = NULL;
}

bool core_reconfigure(struct ledger *ledger, const struct dr_cfg_root *config, int64_t now_us,
                      char *err, size_t err_len)
{
    DR_ASSERT(!ledger->open);
    bool good = take_config(ledger, config, now_us, true, err, err_len);
    pool_free(&ledger->pool);
    return good;
}

void core_costs_aside(struct ledger *ledger, bool aside)
{
    ledger->costs_aside = aside;
}

struct costs_question *core_costs_question(struct ledger *ledger)
{
    struct costs_question *question = ledger->question;
    ledger->question = NULL;
    return question;
}

void core_set_full(struct ledger *ledger, bool full)
{
    ledger->full = full;
}

bool core_is_full(const struct ledger *ledger)
{
    return ledger->full;
}

int64_t core_seq(const struct ledger *ledger)
{
    return ledger->seq_stored;
}

const char *core_ledger_id(const struct ledger *ledger)
{
    return ledger->id;
}

const char *core_error(const struct ledger *ledger)
{
    return ledger->error;
}

struct store *core_store(struct ledger *ledger)
{
    return ledger->store;
}

/* ---- forgetting ----------------------------------------------------------------------------- */
#define MACHINES_KEPT_US (400 * 24 * TXN_HOUR_US)

static void prune(struct store *store, int64_t now_us, bool hard)
{
    int64_t history = hard ? TXN_HOUR_US : 90 * 24 * TXN_HOUR_US;
    store_run(store, "DELETE FROM history WHERE t_us<?", "i", now_us - history);
    store_run(store, "DELETE FROM request WHERE t_us<?", "i", now_us - 24 * TXN_HOUR_US);
    /* A tombstone stays while a machine of its attempt lives or its key is not revoked (P9). */
    store_run(store,
              "DELETE FROM attempt WHERE state='closed' AND closed_us<?"
              " AND NOT EXISTS (SELECT 1 FROM machine WHERE machine.attempt=attempt.id"
              "  AND machine.state NOT IN ('wanted','cancelled','gone','failed'))"
              " AND NOT EXISTS (SELECT 1 FROM \"key\" WHERE \"key\".attempt=attempt.id"
              "  AND \"key\".state<>'revoked')",
              "i", now_us - TXN_TOMBSTONE_US);
    store_run(store, "DELETE FROM recovery WHERE settled_us<>0 AND settled_us<?", "i",
              now_us - 30 * 24 * TXN_HOUR_US);
    store_run(store,
              "DELETE FROM slot WHERE machine IN (SELECT id FROM machine WHERE ended_us<>0"
              " AND ended_us<?)",
              "i", now_us - TXN_TOMBSTONE_US);
    int64_t unseen = now_us - 90 * 24 * TXN_HOUR_US;
    store_run(store,
              "DELETE FROM task WHERE seen_us<?1 AND NOT EXISTS (SELECT 1 FROM work"
              " WHERE work.task=task.id AND (to_us=0 OR to_us>?1))",
              "i", unseen);
    store_run(store, "DELETE FROM launch_task WHERE launched_us<>0 AND launched_us<?", "i",
              now_us - TXN_TOMBSTONE_US);
    /* What was spent is derived from machines' rows: a full disk takes none of them earlier. Their
     * work goes with them. */
    store_run(store,
              "DELETE FROM machine WHERE id IN (SELECT id FROM machine WHERE ended_us<>0"
              " AND ended_us<? LIMIT 10000)",
              "i", now_us - MACHINES_KEPT_US);
}

enum core_result core_prune(struct ledger *ledger, int64_t now_us, bool hard)
{
    DR_ASSERT(!ledger->open);
    bool good = store_begin(ledger->store);
    prune(ledger->store, now_us, hard);
    good = good && !store_failed(ledger->store) && store_commit(ledger->store);
    enum core_result result = CORE_COMMITTED;
    if (!good) {
        result = store_was_full(ledger->store) ? CORE_FULL : CORE_FAILED;
        snprintf(ledger->error, sizeof ledger->error, "%s", store_error(ledger->store));
    }
    store_rollback(ledger->store);
    return result;
}
