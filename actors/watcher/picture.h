/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of queues and workers: when the server is asked what, and what is published of it.
 *
 * A tick: one small call for every queue's last_update; then, in one call, the entries of those
 * that moved or hold demand; then, in one call, the status of entries not seen before. The workers
 * with their report times come on a period of their own. Only whole readings are published. Pure.
 */
#ifndef DROVER_WATCHER_PICTURE_H
#define DROVER_WATCHER_PICTURE_H

#include "claims.h"
#include "pace.h"
#include "queues.h"
#include "settle.h"
#include "slots.h"
#include "stamp.h"

struct picture {
    const struct port *port;
    const struct dr_cfg_root *root;
    struct claims *claims; /* also knows the newest rows */
    struct queues queues;
    struct workers workers;
    struct pace pace;
    struct settle settle;
    struct server_clock clock;
    struct slots slots;
    bool busy; /* something waits, boots, runs out or is put back: look often */
    bool tick_runs, workers_run, restored;
    bool tick_void;                /* the queues were configured anew while it ran */
    int64_t tick_ms, workers_ms;   /* CLOCK_BOOTTIME when the last of each began; 0: none yet */
    int64_t tick_sent_ms;          /* when the tick's first request was sent (P2) */
    int64_t marked_ms;             /* last health.mark */
    json_t *listed;                /* the newest list of queues, until somebody takes it */
    json_t *asked;                 /* tasks whose status the running call asks for */
    struct dr_record queues_said;  /* last published dr_queues_observed */
    struct dr_record workers_said; /* last published dr_workers_observed */
    int64_t whole;                 /* whole pictures of the queues so far */
};

void picture_init(struct picture *picture, const struct port *port, const struct dr_cfg_root *root,
                  struct claims *claims);
void picture_reconfigure(struct picture *picture, const struct dr_cfg_root *root);
void picture_free(struct picture *picture);

/* Starts the calls that are due. Needs rows (claims->rows); `calls` were made since start. */
void picture_step(struct picture *picture, bool busy, int64_t calls);

/* The tick's list (ids and metadata of the configured queues), once; NULL: taken. Owned. */
json_t *picture_take_list(struct picture *picture);

/* Milliseconds until the next look into the queues is due; -1: one is under way. */
int64_t picture_wake_ms(const struct picture *picture);

/* The newest whole pictures; {0} before the first. Borrowed until the next step. */
void picture_said(const struct picture *picture, bool workers, int64_t calls,
                  struct dr_picture *out);

bool picture_settling(const struct picture *picture);

/* True when both pictures were requested within `age_ms`, the server is well and nothing settles:
 * what acts on absence needs that (P5). */
bool picture_fresh(const struct picture *picture, int64_t age_ms);

#endif
