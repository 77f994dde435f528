/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's state, shared by core.c (events) and facts.c (what is known of one machine).
 */
#pragma once
#include "core.h"
#include "index.h"
#include "judge.h"

/* A row, and the moments in it read once into CLOCK_BOOTTIME: a later jump of the wall clock does
 * not move them. */
struct reap_machine {
    struct dr_record record;
    const struct dr_machine_row *row;
    int64_t state_ms; /* entered this state */
    int64_t launched_ms;
    int64_t idle_ms;     /* idle since; 0: busy or unknown */
    int64_t keep_ms;     /* a person keeps it until then; 0: nobody does */
    int64_t reported_ms; /* newest report of a worker of it; first sight of the row before one */
    int64_t awaits_ms;   /* until then work may be on its way to it */
    bool pending;        /* a decision is under way */
    int64_t again_ms;    /* no decision before */
    enum judge_rule told;
    bool in_snapshot;
};

struct reap_cloud {
    char account[REAP_ID];
    struct dr_record record; /* struct dr_cloud_observed, the newest that is a list */
    struct dr_index by_instance;
    int64_t ask_ms;
};

struct reap_core {
    const struct dr_cfg_root *config;
    struct reap_machine *machines;
    size_t machine_count;
    struct dr_index by_id; /* of machines */
    struct reap_cloud *clouds;
    size_t cloud_count;
    struct dr_record workers, queues; /* empty before the first */
    struct dr_index by_instance;      /* the first worker of ours of each instance */
    size_t *worker_next;              /* of each worker: the next one of its instance */
    struct dr_index by_queue;
    const char **left; /* queues of what the cloud takes back, as of this look; texts of the rows */
    size_t left_count, left_room;
    struct dr_index by_left;
    bool server_well;
    int64_t seq;
    bool synced, blocked;
    bool snapshot_asked;
    int64_t snapshot_due_ms, picture_due_ms, money_due_ms;
    int64_t unsettled_ms; /* the last moment that was not settled */
    int64_t quiet_until_ms;
    int64_t tick_ms;        /* the last tick; 0: none yet */
    int64_t wall_offset_us; /* wall clock minus boot clock, as last accepted */
};

/* core.c */
struct reap_effect *reap_add(struct reap_effects *out, enum reap_effect_kind kind, const char *id);

/* cap.c: on_hard_cap. Whether the ledger's money is to be asked for; what follows from it. */
bool cap_due(struct reap_core *core, int64_t now_ms);
void cap_came(struct reap_core *core, const struct dr_money *money, int64_t now_ms,
              struct reap_effects *out);

/* seen.c: looks up in the pictures. To be told of each new one. */
void seen_workers(struct reap_core *core);
void seen_queues(struct reap_core *core);
void seen_cloud(struct reap_cloud *cloud);
void seen_free(struct reap_core *core);
/* NULL: there is none. */
const struct dr_worker_view *seen_worker(const struct reap_core *core, const char *instance);
const struct dr_worker_view *seen_next(const struct reap_core *core,
                                       const struct dr_worker_view *worker);
const struct dr_queue_view *seen_queue(const struct reap_core *core, const char *id);
const struct dr_instance_view *seen_instance(const struct reap_cloud *cloud, const char *id);

/* facts.c */
bool facts_settled(const struct reap_core *core, int64_t now_ms);
/* Before a look at all machines: what those leave that the cloud takes back. */
void facts_leaving(struct reap_core *core, int64_t now_ms);
/* Whether one of them leaves work to this machine. */
bool facts_coming(const struct reap_core *core, const struct dr_machine_row *row);
struct judge_facts facts_of(const struct reap_core *core, const struct reap_machine *machine,
                            int64_t now_ms);
const struct dr_cfg_type *facts_type(const struct reap_core *core,
                                     const struct reap_machine *machine);
/* Limit on the age of an account's list. */
int64_t facts_cloud_limit_ms(const struct reap_core *core, const char *account);
