/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: whose they are, by their id, and the answer of workers.get_all as worker_views. Pure. */
#ifndef DROVER_WATCHER_WORKERS_H
#define DROVER_WATCHER_WORKERS_H

#include <jansson.h>

#include "drover/message.h"
#include "lookup.h"
#include "stamp.h"

#define WORKER_PART 160

/* An id of Drover's form, `prefix:name:type:instance_id` with `:gpuN` (or `:cpuN`) after it where a
 * machine runs several agents. */
struct worker_name {
    char name[WORKER_PART];
    char type[WORKER_PART];
    char instance[WORKER_PART];
    int64_t slot;
};

/* Splits; never compares by prefix, for `i-1` is no part of `i-10` (P16). False: not of this form,
 * or of another prefix. */
bool worker_parse(const char *id, const char *prefix, struct worker_name *out);

/* One picture of the workers. */
struct workers {
    json_t *kept; /* the answer whose texts the views borrow */
    struct dr_worker_view *list;
    int64_t *report_us; /* of each: its last sign of life by the server's clock; 0: none */
    size_t count;
    struct lookup by_id;
    const char **queue_ids;         /* what the views' queues point into */
    char (*instances)[WORKER_PART]; /* what their instance_ids point to */
    int64_t sent_ms;                /* CLOCK_BOOTTIME; 0: no picture yet */
    int64_t sent_us;                /* wall clock at that moment */
};

/* Reads workers.get_all's data. False and a sentence in *wrong when the answer is not whole: then
 * nothing may be concluded from it (P1) and *out is empty. idle_since_us is left 0. */
bool workers_read(json_t *data, const char *prefix, const struct dr_ledger_state *rows,
                  const struct server_clock *clock, int64_t sent_ms, int64_t sent_us,
                  int64_t proof_ms, struct workers *out, const char **wrong);
void workers_free(struct workers *workers);

const struct dr_worker_view *workers_find(const struct workers *workers, const char *id);

/* Ledger rows by what workers know. NULL: none. */
const struct dr_machine_row *rows_machine(const struct dr_ledger_state *rows, const char *id);
const struct dr_machine_row *rows_instance(const struct dr_ledger_state *rows,
                                           const char *instance_id);
/* The machine of the worker of this id; NULL: it is none of ours, or of one that was forgotten. */
const struct dr_machine_row *rows_machine_of(const struct dr_ledger_state *rows, const char *prefix,
                                             const char *worker);

/* True for a state in which the machine's agents may be alive. */
bool machine_may_work(const struct dr_machine_row *machine);
/* True once an end was decided or happened. */
bool machine_is_ending(const struct dr_machine_row *machine);

#endif
