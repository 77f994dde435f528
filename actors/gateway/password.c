/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"

#include <czmq.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accounts.h"
#include "drover/assert.h"
#include "seal.h"

struct job {
    struct passwords *passwords;
    struct request *request;
    char *hash, *password; /* hash NULL: it is to be made */
    bool right;
    password_fn *then;
    struct job *next;
};

struct passwords {
    zloop_t *loop;
    struct job *first; /* it runs */
    size_t count;
    bool running;
    pthread_t thread;
    int done[2]; /* the thread writes a byte when it is done */
    zmq_pollitem_t poll;
};

static void *work(void *arg)
{
    struct job *job = arg;
    if (job->hash != NULL) {
        job->right = dr_account_password(job->hash, job->password);
    } else {
        job->hash = dr_account_hash(job->password);
        job->right = job->hash != NULL;
    }
    DR_ASSERT(write(job->passwords->done[1], "", 1) == 1);
    return NULL;
}

static void free_job(struct job *job)
{
    dr_wipe_free_text(job->password);
    dr_wipe_free_text(job->hash);
    free(job);
}

static void start_next(struct passwords *passwords)
{
    if (passwords->first == NULL || passwords->running)
        return;
    passwords->running = pthread_create(&passwords->thread, NULL, work, passwords->first) == 0;
    if (!passwords->running) /* no thread to be had: then the loop waits for it */
        work(passwords->first);
}

static int on_done(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct passwords *passwords = arg;
    struct job *job = passwords->first;
    char byte;
    (void)loop;
    (void)item;
    if (read(passwords->done[0], &byte, 1) != 1 || job == NULL)
        return 0;
    if (passwords->running)
        pthread_join(passwords->thread, NULL);
    passwords->running = false;
    passwords->first = job->next;
    passwords->count--;
    job->then(job->request, job->hash, job->right);
    free_job(job);
    start_next(passwords);
    return 0;
}

struct passwords *passwords_new(struct _zloop_t *loop)
{
    struct passwords *passwords = calloc(1, sizeof *passwords);
    DR_ASSERT(passwords != NULL);
    passwords->loop = loop;
    DR_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, passwords->done) == 0);
    passwords->poll = (zmq_pollitem_t){.fd = passwords->done[0], .events = ZMQ_POLLIN};
    zloop_poller(loop, &passwords->poll, on_done, passwords);
    return passwords;
}

void passwords_free(struct passwords **passwords)
{
    struct passwords *all = *passwords;
    if (all == NULL)
        return;
    if (all->running)
        pthread_join(all->thread, NULL);
    while (all->first != NULL) {
        struct job *job = all->first;
        all->first = job->next;
        free_job(job);
    }
    zloop_poller_end(all->loop, &all->poll);
    close(all->done[0]);
    close(all->done[1]);
    free(all);
    *passwords = NULL;
}

static bool add(struct passwords *passwords, struct request *request, const char *hash,
                const char *password, password_fn *then)
{
    if (passwords->count >= PASSWORDS_WAITING)
        return false;
    struct job *job = calloc(1, sizeof *job), **end = &passwords->first;
    DR_ASSERT(job != NULL);
    *job = (struct job){
        passwords, request, hash == NULL ? NULL : strdup(hash), strdup(password), false,
        then,      NULL};
    DR_ASSERT(job->password != NULL && (hash == NULL || job->hash != NULL));
    while (*end != NULL)
        end = &(*end)->next;
    *end = job;
    passwords->count++;
    start_next(passwords);
    return true;
}

bool password_check(struct passwords *passwords, struct request *request, const char *hash,
                    const char *password, password_fn *then)
{
    DR_ASSERT(hash != NULL);
    return add(passwords, request, hash, password, then);
}

bool password_hash(struct passwords *passwords, struct request *request, const char *password,
                   password_fn *then)
{
    return add(passwords, request, NULL, password, then);
}
