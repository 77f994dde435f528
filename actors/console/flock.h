/* SPDX-License-Identifier: Apache-2.0 */
/* What `drover status`, `queues`, `plan` and `top` count in the answers of a running Drover, so
 * that they cannot differ. Pure, but for flock_read(). */
#pragma once
#include <stdbool.h>

#include "drover/config.h"
#include "drover/message.h"
#include "view.h"
#include "words.h"

struct console;

/* All of it, each from the actor that knows. money, history: NULL when they were not to be had. */
struct flock {
    const struct dr_actors *actors;
    const struct dr_ledger_state *state;
    const struct dr_picture *picture;
    const struct dr_plan *plan;
    const struct dr_money *money;
    const struct dr_history *history;
    const struct dr_cfg_root *caps; /* NULL: not read */
    struct dr_message answers[6];   /* that they are in */
};

/* Asks for it, each answer within wait_ms, and for that many lines of history. 0 (flock_drop() it),
 * or -1 with a sentence in err and nothing to drop. */
int flock_read(struct console *console, int history, int wait_ms, struct flock *out, char *err,
               size_t err_len);
void flock_drop(struct flock *flock);

/* One JSON document. */
void flock_json(const struct flock *flock);

struct flock_tally {
    int of[DR_PHASES];
    int absent; /* of those that drain: not in the cloud's list */
    int kept;   /* by a person */
};
struct flock_tally flock_count(const struct dr_ledger_state *state, int64_t now_us);

struct flock_queue {
    const struct dr_queue_view *view;
    size_t waiting;
    int64_t oldest_us; /* 0: nothing waits */
    int running, idle; /* workers */
    /* Slots that a task finds free or that may still be started for it, of all that the caps let
     * the queue have. max 0: no cap holds it; available -1: the caps are not known. */
    int64_t available, max;
    bool stuck; /* something waits that will not start */
    const char *verdict;
    char why[DR_PAUSE_ROOM]; /* "": there is nothing to say */
};
/* The i-th queue of the picture. As the dashboard counts. */
struct flock_queue flock_queue(const struct flock *flock, size_t i);

/* After this verdict a task starts without anybody's doing. */
bool flock_will_start(const char *verdict);

struct flock_waits {
    size_t waiting;
    int64_t oldest_us;
    size_t stuck; /* queues */
    size_t first; /* the queue to speak of: a stuck one before others, then the longest wait */
};
struct flock_waits flock_waits(const struct flock *flock);

/* The server does not answer as it should, an actor is not ready, or the ledger is blocked: true,
 * with what it is in out; else false, with a word on what was looked at. */
bool flock_broken(const struct flock *flock, char *out, size_t size);
bool flock_server_bad(const struct dr_picture *picture);
