/* SPDX-License-Identifier: Apache-2.0 */
#include "costs_job.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "drover/assert.h"

struct costs_job {
    struct store *store;
    struct costs_question *question; /* NULL: idle */
    struct dr_record costs;
    pthread_t thread;
    bool running;
    atomic_bool stop;
    int done;
};

struct costs_job *costs_job_new(const char *path, char *err, size_t err_len)
{
    struct store *store = store_open_reader(path, err, err_len);
    if (store == NULL)
        return NULL;
    struct costs_job *job = calloc(1, sizeof *job);
    DR_ASSERT(job != NULL);
    job->store = store;
    job->done = eventfd(0, EFD_CLOEXEC);
    DR_ASSERT(job->done >= 0);
    return job;
}

void costs_job_free(struct costs_job **job)
{
    struct costs_job *self = *job;
    if (self == NULL)
        return;
    atomic_store(&self->stop, true);
    if (self->question != NULL) {
        costs_job_take(self);
        costs_job_over(self);
    }
    store_close(&self->store);
    close(self->done);
    free(self);
    *job = NULL;
}

int costs_job_fd(const struct costs_job *job)
{
    return job->done;
}

bool costs_job_busy(const struct costs_job *job)
{
    return job->question != NULL;
}

static void *work(void *arg)
{
    struct costs_job *job = arg;
    struct pool pool = {0}; /* tens of megabytes, wiped here and not in the loop */
    const struct dr_costs *costs = costs_answer(job->store, &pool, job->question, &job->stop);
    if (costs != NULL)
        DR_ASSERT(dr_record_copy(&dr_desc_costs, costs, &job->costs) == 0);
    pool_free(&pool);
    DR_ASSERT(write(job->done, &(uint64_t){1}, sizeof(uint64_t)) == sizeof(uint64_t));
    return NULL;
}

void costs_job_start(struct costs_job *job, struct costs_question *question)
{
    DR_ASSERT(job->question == NULL);
    job->question = question;
    store_snapshot(job->store);
    job->running = pthread_create(&job->thread, NULL, work, job) == 0;
    if (!job->running) /* no thread to be had: then the loop waits for it */
        work(job);
}

struct costs_done costs_job_take(struct costs_job *job)
{
    uint64_t count;
    DR_ASSERT(job->question != NULL);
    if (job->running)
        pthread_join(job->thread, NULL);
    job->running = false;
    DR_ASSERT(read(job->done, &count, sizeof count) == sizeof count);
    bool failed = store_failed(job->store);
    return (struct costs_done){.question = job->question,
                               .costs = failed ? NULL : job->costs.value,
                               .error = failed ? store_error(job->store) : ""};
}

void costs_job_over(struct costs_job *job)
{
    store_rollback(job->store);
    dr_record_free(&job->costs);
    job->costs = (struct dr_record){0};
    costs_question_free(&job->question);
}
