/* SPDX-License-Identifier: Apache-2.0 */
/* The configured queues: what to ask of them and what the answers say. A tick's answers are staged,
 * and count only once all of them are there (P1). What of it is demand: demand.h. Pure. */
#ifndef DROVER_WATCHER_QUEUES_H
#define DROVER_WATCHER_QUEUES_H

#include <uthash.h>

#include "port.h"
#include "workers.h"

struct queue_state {
    char *name;
    char *id;          /* "" while the server has no such queue */
    char *last_update; /* as the server wrote it: compared for inequality only */
    json_t *entries;   /* of the last whole reading: [{task, added}] */
    int64_t read_ms;   /* CLOCK_BOOTTIME of its request; 0: never */
    bool fresh;        /* read in the last whole tick */
    bool told_missing; /* a person was told that the server has no such queue */
    /* staged */
    char *next_id, *next_last_update;
    json_t *next_entries;
    int64_t next_read_ms;
};

/* What is known of a waiting entry's task. */
struct task_check {
    char *task;
    bool waits; /* it exists and is `queued` */
    int64_t checked_ms;
    bool seen;
    UT_hash_handle hh;
};

struct queues {
    const struct port *port;
    struct queue_state *list;
    size_t count;
    struct lookup waiting; /* the tasks of all entries */
    struct task_check *checks;
    int64_t reread_ms;
};

/* Takes the configured queues; those that stay keep their state. */
void queues_configure(struct queues *queues, const struct dr_cfg_root *root);
void queues_free(struct queues *queues);

/* The tick's steps, in this order. A request is NULL when nothing is to be asked; a take returns
 * false with a sentence when the answer is not whole: then queues_abandon(). */
json_t *queues_list_request(const struct queues *queues);
bool queues_take_list(struct queues *queues, const json_t *data, const char **wrong);
json_t *queues_entries_request(const struct queues *queues, int64_t now_ms);
bool queues_take_entries(struct queues *queues, const json_t *data, int64_t sent_ms,
                         const char **wrong);
void queues_commit(struct queues *queues);
void queues_abandon(struct queues *queues);

/* True when the server's newest whole reading has the task waiting in some configured queue. */
bool queues_hold(const struct queues *queues, const char *task);
const struct queue_state *queues_by_id(const struct queues *queues, const char *id);

#endif
