/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the picture. */
#ifndef DROVER_GATEWAY_PICTURE_IMPL_H
#define DROVER_GATEWAY_PICTURE_IMPL_H

#include <uthash.h>

#include "compact.h"
#include "drover/assert.h"
#include "picture.h"

struct picture_machine {
    char *id, *instance_id;
    struct dr_record row; /* machine_row */
    int64_t seq;          /* the ledger's, of the event that brought it; 0: a snapshot did */
    char *json;           /* as it was last told, without its closing brace and what it cost */
    bool dirty, stale;    /* stale: not in the snapshot that is being taken */
    UT_hash_handle hh;    /* by id */
    UT_hash_handle hi;    /* by instance_id */
};

struct picture_queue {
    char *name, *id;
    struct dr_record view; /* queue_view */
    size_t order;
    char *json;
    bool stale;
    int64_t running, idle, booting, lives; /* made anew in each flush that needs them */
    const struct dr_reason_view *reason;   /* of the plan */
    UT_hash_handle hh;                     /* by name */
    UT_hash_handle hi;                     /* by id */
};

struct picture_name {
    char *id;
    struct dr_record row; /* task_row */
    UT_hash_handle hh;
};

struct activity {
    int64_t seq, t_us;
    char *source, *level, *kind, *text, *machine, *task, *queue, *by;
};

struct picture {
    const struct dr_cfg_root *config;
    picture_tell_fn *tell;
    void *arg;
    int64_t started_us, boot_us, heard_us[PICTURE_PARTS];

    struct picture_machine *machines, *instances;
    char *ledger_id;
    int64_t ledger_seq;
    char *blocked, *blocked_told;
    struct dr_record pauses; /* a ledger_state that holds nothing else */
    char *pauses_told;

    struct picture_queue *queues, *queue_ids;
    struct picture_queue **order; /* queues as configured */
    size_t queue_count;
    struct dr_record workers;                  /* workers_observed */
    const struct dr_worker_view **by_instance; /* ours, by instance and slot */
    size_t by_instance_count;
    struct dr_record plan, money, actors; /* plan_decided, money, actors */
    struct dr_record server;              /* server_changed */
    char *server_told, *money_told, *missing, *missing_told, *counts_told;
    struct picture_name *names;

    struct activity ring[PICTURE_ACTIVITY_MAX];
    size_t ring_at; /* where the next goes */
    int64_t ring_seq;
    bool remembered;

    bool machines_dirty, queues_dirty;
    struct picture_figures figures;
};

/* picture.c */
char *picture_copy(const char *text);
void picture_keep(struct dr_record *record, const struct dr_desc *desc, const void *value);
/* Tells when `json` is not what was told last, and remembers it. */
void picture_say(struct picture *picture, const char *event, char **told, const char *json);

/* picture_flock.c */
void flock_snapshot(struct picture *picture, const struct dr_ledger_state *state, int64_t now_us);
void flock_changed(struct picture *picture, const struct dr_machine_changed *changed);
void flock_workers(struct picture *picture, const struct dr_workers_observed *workers);
void flock_names(struct picture *picture, const struct dr_task_row_list *tasks);
void flock_flush(struct picture *picture, int64_t now_us);
void flock_free(struct picture *picture);
struct picture_machine *flock_find(const struct picture *picture, const char *id);
void flock_machine_json(const struct picture_machine *machine, int64_t now_us,
                        struct dr_strbuf *out);

/* picture_queues.c */
void queues_observed(struct picture *picture, const struct dr_queues_observed *observed);
void queues_flush(struct picture *picture);
void queues_free(struct picture *picture);

/* picture_activity.c */
void activity_event(struct picture *picture, const struct dr_message_row *row, const void *body,
                    const char *source, int64_t now_us);
/* Verdicts on whole queues that changed; before the new plan is kept. */
void activity_plan(struct picture *picture, const struct dr_plan_decided *plan, int64_t now_us);
void activity_free(struct picture *picture);

#endif
