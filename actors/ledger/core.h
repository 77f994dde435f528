/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger without its sockets: requests in, one transaction a turn, replies and events out after
 * the commit only (group commit, P27, P28). Time, randomness and configuration are handed in; the
 * database is reached through store.h. */
#ifndef DROVER_LEDGER_CORE_H
#define DROVER_LEDGER_CORE_H

#include "drover/config.h"
#include "drover/message.h"
#include "store.h"

struct ledger;
struct costs_question;

/* Fills bytes that nobody can guess: ids of rows. */
typedef void (*core_random_fn)(void *bytes, size_t len);

/* What a turn wants sent. to == NULL: an event to publish. Borrowed until core_turn_over(). */
struct core_out {
    const char *to;
    const char *request;
    enum dr_type type;
    const void *body;
    const char *corr;
};

/* Takes the store over (core_close() closes it; on failure the caller keeps it). The configuration
 * is borrowed until core_reconfigure() or core_close(). NULL with a sentence in err. */
struct ledger *core_open(struct store *store, const struct dr_cfg_root *config,
                         core_random_fn random, int64_t now_us, char *err, size_t err_len);
void core_close(struct ledger **ledger);

/* An accepted configuration took the old one's place. A person has looked: the runaway breaker
 * begins anew (P13). False with a sentence when the database did not take it. */
bool core_reconfigure(struct ledger *ledger, const struct dr_cfg_root *config, int64_t now_us,
                      char *err, size_t err_len);

/* One request, done in the turn's transaction (which the first one begins). The message is borrowed
 * for the call. */
void core_request(struct ledger *ledger, const struct dr_message *message, int64_t now_us);

enum core_result {
    CORE_IDLE,      /* there was nothing to commit */
    CORE_COMMITTED, /* everything stands */
    CORE_FAILED,    /* nothing stands; every request is answered `unavailable` */
    CORE_FULL,      /* the same, because the disk is full: make room, core_set_full() */
};
/* Ends the turn. Whatever it returns, send core_outs() next, then call core_turn_over(). */
enum core_result core_commit(struct ledger *ledger);
const struct core_out *core_outs(const struct ledger *ledger, size_t *count);
void core_turn_over(struct ledger *ledger);

/* With `aside` the first costs.get of a turn is not answered in it: its question waits here, for
 * somebody who answers it on a snapshot (costs_job.h). */
void core_costs_aside(struct ledger *ledger, bool aside);
/* The caller owns it; NULL: none. Call it after the turn. */
struct costs_question *core_costs_question(struct ledger *ledger);

/* While the disk is full nothing is launched; ends go on. */
void core_set_full(struct ledger *ledger, bool full);
bool core_is_full(const struct ledger *ledger);

/* Forgets what nobody needs: stored replies after 24 h, attempts and keys after 48 h, history after
 * 90 days (everything older than an hour when `hard`: the disk is full), machines after 400 days.
 * Commits by itself; call it
 * between turns. */
enum core_result core_prune(struct ledger *ledger, int64_t now_us, bool hard);

/* For the log and the tests. */
int64_t core_seq(const struct ledger *ledger);
const char *core_ledger_id(const struct ledger *ledger);
const char *core_error(const struct ledger *ledger);
struct store *core_store(struct ledger *ledger);

#endif
