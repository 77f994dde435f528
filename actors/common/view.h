/* SPDX-License-Identifier: Apache-2.0 */
/* What people are shown of the flock, worked out from what the ledger and the watcher say: `drover`
 * and the dashboard both ask here, so that they cannot differ. Pure. */
#ifndef DROVER_VIEW_H
#define DROVER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "drover/config.h"
#include "drover/message.h"

enum dr_phase {
    DR_PHASE_WAITING,  /* wanted */
    DR_PHASE_BOOTING,  /* launching, booting */
    DR_PHASE_RUNNING,  /* up, a slot busy */
    DR_PHASE_IDLE,     /* up, none busy */
    DR_PHASE_DRAINING, /* draining, terminating, absent */
    DR_PHASE_FAILED,
    DR_PHASE_ENDED, /* gone, cancelled, and any word that is not known */
    DR_PHASES
};

enum dr_phase dr_view_phase(const struct dr_machine_row *machine);
const char *dr_view_phase_name(enum dr_phase phase); /* "waiting"; static */

/* It counts under the caps: everything but gone, cancelled and failed. */
bool dr_view_lives(const struct dr_machine_row *machine);

/* It was started for this queue among others. */
bool dr_view_serves(const struct dr_machine_row *machine, const char *queue_id);

/* What a worker is to the queues that it listens to. machine: the row of its instance, or NULL.
 * Idle is only one that a task may go to: it reported lately (P6), and its machine is not on its
 * way out. */
enum dr_view_worker { DR_WORKER_BUSY, DR_WORKER_IDLE, DR_WORKER_NEITHER };
enum dr_view_worker dr_view_worker(const struct dr_worker_view *worker,
                                   const struct dr_machine_row *machine);

/* Machines that live: in all, of a queue, by index in machine_types and accounts. */
struct dr_view_use {
    int64_t total, queue;
    const int64_t *types, *accounts;
};

/* Slots that the caps (max_machines) let the queue still have; `use` all zero: in all. The queue's
 * types are filled in their order. -1: no cap holds it. */
int64_t dr_view_room(const struct dr_cfg_root *config, const struct dr_cfg_queue *queue,
                     const struct dr_view_use *use);

/* The plan's word on a whole queue; NULL when it has none. Borrowed. */
const struct dr_reason_view *dr_view_reason(const struct dr_plan_decided *plan, const char *queue);

/* What it cost from its launch until now or its end, at its price; 0: nothing, or unknown. */
int64_t dr_view_spent_usd_micros(const struct dr_machine_row *machine, int64_t now_us);

#endif
