/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to costs.get beside the loop: one at a time, in a thread, on a connection of its own that
 * reads a snapshot of the database. Meanwhile the ledger goes on. */
#ifndef DROVER_LEDGER_COSTS_JOB_H
#define DROVER_LEDGER_COSTS_JOB_H

#include "costs_get.h"

struct costs_job;

/* Opens the database of this path once more. NULL with a sentence in err. */
struct costs_job *costs_job_new(const char *path, char *err, size_t err_len);
/* Ends what is under way. */
void costs_job_free(struct costs_job **job);

/* Readable when an answer is there. */
int costs_job_fd(const struct costs_job *job);
bool costs_job_busy(const struct costs_job *job);

/* Takes the question over. The answer is of what is committed now: call it between turns, not while
 * busy. */
void costs_job_start(struct costs_job *job, struct costs_question *question);

/* Waits for the answer. costs NULL: the database could not be read, see `error`. Both live until
 * costs_job_over(). */
struct costs_done {
    const struct costs_question *question;
    const struct dr_costs *costs;
    const char *error;
};
struct costs_done costs_job_take(struct costs_job *job);
void costs_job_over(struct costs_job *job);

#endif
