/* SPDX-License-Identifier: Apache-2.0 */
/* What the planner knows: the newest pictures, the clouds' lists, the ledger's rows. Facts only;
 * what follows from them is in demand, supply and buy. */
#pragma once
#include "drover/config.h"
#include "drover/message.h"
#include "index.h"

struct now {
    int64_t boot_ms; /* CLOCK_BOOTTIME */
    int64_t wall_us;
};

/* A machine row and the ledger's sequence at which it was so. */
struct known {
    struct dr_record record;
    int64_t seq;
};

struct cloud {
    char *account;
    int64_t sent_ms;
    bool ok;
    char *sentence;
};

/* How long a worker has looked the same. Times are those of its pictures (P2). */
struct watched {
    char *worker;
    char *task;            /* "" when idle */
    int64_t idle_since_us; /* as its picture says */
    int64_t since_us;      /* when it was first seen so */
    int64_t since_ms;      /* the same on CLOCK_BOOTTIME */
    int64_t beside_ms;     /* idle beside a waiting task that it listens to, since; 0: not */
};

/* An idle worker that stood beside a waiting task for so many polls is no supply (P6). Agents ask
 * every 5 s (clearml_agent/commands/worker.py, _polling_interval). */
#define STATE_PATIENCE 3
#define STATE_AGENT_POLL_MS 5000

struct state {
    const struct dr_cfg_root *config; /* borrowed */
    struct dr_record queues;          /* struct dr_queues_observed; value NULL: none yet */
    int64_t *waits_since_ms;          /* for each of them, see state_waits_since_ms */
    struct dr_record workers;         /* struct dr_workers_observed */
    struct known *machines;
    size_t machine_count, machine_room;
    struct dr_index by_id, by_instance; /* places in machines */
    struct cloud *clouds;
    size_t cloud_count;
    struct watched *watched;
    size_t watched_count;
    struct dr_index by_worker; /* places in watched */
    struct dr_index by_task;   /* places in the picture of the workers, of their current tasks */
    struct dr_record *pauses;  /* struct dr_pause_row each */
    size_t pause_count;
    int64_t pause_seq; /* the ledger's sequence as of which they are */
    int64_t seq;       /* the newest that is reflected in the rows */
    bool rows_known;   /* a snapshot was read and no event missed since */
    char *blocked;     /* the ledger's sentence; "" */
};

void state_init(struct state *state, const struct dr_cfg_root *config);
void state_free(struct state *state);

/* Each takes what is newer than what is there and says whether anything was taken. */
bool state_take_queues(struct state *state, const struct dr_queues_observed *picture);
bool state_take_workers(struct state *state, const struct dr_workers_observed *picture,
                        int64_t now_us);
bool state_take_cloud(struct state *state, const struct dr_cloud_observed *list);
bool state_take_machine(struct state *state, const struct dr_machine_changed *event);
bool state_take_pause(struct state *state, const struct dr_pause_changed *event);
/* Events were missed, or the ledger began a new life: nothing is planned before a snapshot. */
void state_lose_rows(struct state *state);
/* Rows that events have made newer meanwhile stay as they are. */
void state_take_rows(struct state *state, const struct dr_ledger_state *rows);

const struct dr_machine_row *state_row(const struct state *state, size_t i);
const struct dr_machine_row *state_by_id(const struct state *state, const char *id);
/* Its place, for state_row(); DR_INDEX_NONE. */
size_t state_at_instance(const struct state *state, const char *instance_id);
const struct watched *state_watched(const struct state *state, const char *worker);
/* The newest picture of the workers shows somebody running it. */
bool state_runs(const struct state *state, const char *task);
const struct cloud *state_cloud(const struct state *state, const char *account);
const struct dr_queue_view *state_queue(const struct state *state, const char *name);

/* When the picture was asked for in which tasks began to wait in this queue without a pause; 0:
 * none waits. */
int64_t state_waits_since_ms(const struct state *state, const char *name);

/* A person paused this queue (by name), or all of them; NULL: neither. */
const struct dr_pause_row *state_pause(const struct state *state, const char *queue);
/* The same of the queue that wanted a machine. */
const struct dr_pause_row *state_pause_of(const struct state *state,
                                          const struct dr_machine_row *row);

/* NULL while there is none. */
const struct dr_queues_observed *state_queues(const struct state *state);
const struct dr_workers_observed *state_workers(const struct state *state);

/* Idle beside a waiting task for too long: 3 readings of the workers, or polls of an agent. */
bool state_tired(const struct state *state, const struct watched *watched);

/* It has looked the same for this long, by the newest picture. */
int64_t state_same_ms(const struct state *state, const struct watched *watched);

bool state_lists(const struct dr_strs *list, const char *text);
