/* SPDX-License-Identifier: Apache-2.0 */
/* A small flock for the tests of the picture: what the ledger, the watcher and the planner would
 * say of it, and what the picture told. */
#pragma once
#include <jansson.h>

#include "picture.h"

#define NOW_US INT64_C(1800000000000000)
#define FLOCK_MAX 1200

struct told {
    char *event;
    json_t *data;
};

struct flock {
    struct dr_config *config;
    struct picture *picture;
    int64_t now_us;

    struct dr_machine_row machines[FLOCK_MAX];
    size_t machine_count;
    struct dr_worker_view workers[FLOCK_MAX];
    size_t worker_count;
    struct dr_queue_view queues[256];
    size_t queue_count;
    struct dr_reason_view reasons[256];
    size_t reason_count;
    struct dr_pause_row pauses[8];
    size_t pause_count;
    int64_t seq;
    const char *blocked;

    struct told told[8192];
    size_t told_count;
};

/* Queues cpu (types small, big; at most 5 machines) and gpu (big), caps: small 4, big 2 with 2
 * slots. */
struct flock *flock_new(const char *yaml); /* NULL: this one */
void flock_done(struct flock *flock);

/* A machine of a type in a state, with queues cpu and gpu where its type serves them. */
struct dr_machine_row *flock_machine(struct flock *flock, const char *id, const char *type,
                                     const char *state);
/* A worker on it, with this task or "". */
struct dr_worker_view *flock_worker(struct flock *flock, const char *id,
                                    const struct dr_machine_row *machine, const char *task);
/* `count` tasks wait in the queue: tasks must live as long as the flock. */
void flock_wait(struct flock *flock, const char *queue, const struct dr_queue_task *tasks,
                size_t count);

/* Hands the picture a whole snapshot, picture and plan of the flock as it is. */
void flock_ledger(struct flock *flock);
void flock_watcher(struct flock *flock);
void flock_plan(struct flock *flock);
void flock_all(struct flock *flock);

/* One event. */
void flock_take(struct flock *flock, enum dr_type type, const void *body);
void flock_row(struct flock *flock, const struct dr_machine_row *machine, const char *from);

/* Forgets what was told, flushes; then told[] is what this flush told. */
void flock_settle(struct flock *flock);
size_t flock_told(const struct flock *flock, const char *event);
json_t *flock_last(const struct flock *flock, const char *event); /* borrowed; NULL: none */

/* The state document; the caller's. */
json_t *flock_state(const struct flock *flock);
/* The machine or queue of a state, borrowed; NULL: none. */
json_t *flock_in(json_t *state, const char *list, const char *key, const char *value);
