/* SPDX-License-Identifier: Apache-2.0 */
#include "costs_shell.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "costs_job.h"
#include "drover/assert.h"
#include "log.h"

#define HELD_MAX 32

struct held {
    struct dr_message message; /* its texts are ours */
    struct dr_record body;
    struct held *next;
};

struct costs_shell {
    struct dr_actor *actor;
    struct ledger *ledger;
    struct costs_job *job;
    costs_shell_ask_fn ask;
    bool asked; /* in the turn under way */
    struct held *first;
    size_t count;
    zmq_pollitem_t poll;
};

/* ---- what waits ----------------------------------------------------------------------------- */
static char *own(const char *text)
{
    char *copy = strdup(text);
    DR_ASSERT(copy != NULL);
    return copy;
}

static void free_held(struct held *held)
{
    free((char *)held->message.env.source);
    free((char *)held->message.env.request);
    free((char *)held->message.env.corr);
    dr_record_free(&held->body);
    free(held);
}

static void hold(struct costs_shell *shell, const struct dr_message *message)
{
    struct held *held = calloc(1, sizeof *held), **end = &shell->first;
    DR_ASSERT(held != NULL);
    DR_ASSERT(dr_record_copy(message->row->desc, message->body, &held->body) == 0);
    held->message = (struct dr_message){.env = {.version = message->env.version,
                                                .type = message->row->name,
                                                .source = own(message->env.source),
                                                .boot = "",
                                                .corr = own(message->env.corr),
                                                .request = own(message->env.request)},
                                        .row = message->row,
                                        .body = held->body.value};
    while (*end != NULL)
        end = &(*end)->next;
    *end = held;
    shell->count++;
}

static void ask_next(struct costs_shell *shell)
{
    struct held *held = shell->first;
    if (held == NULL)
        return;
    shell->first = held->next;
    shell->count--;
    shell->ask(shell->actor, &held->message);
    free_held(held);
}

bool costs_shell_holds(struct costs_shell *shell, const struct dr_message *message)
{
    if (shell->job == NULL || message->row->type != DR_COSTS_GET)
        return false;
    if (!costs_job_busy(shell->job) && !shell->asked) {
        shell->asked = true;
        return false;
    }
    if (shell->count >= HELD_MAX) {
        struct dr_ack ack = {.code = "unavailable",
                             .sentence = "too many ask what was paid for what: ask again"};
        dr_reply(shell->actor, message->env.source, message->env.request, DR_ACK, &ack);
        return true;
    }
    hold(shell, message);
    return true;
}

/* ---- answers -------------------------------------------------------------------------------- */
static int on_done(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct costs_shell *shell = arg;
    (void)loop;
    (void)item;
    if (!costs_job_busy(shell->job))
        return 0;
    struct costs_done done = costs_job_take(shell->job);
    const struct costs_question *question = done.question;
    char words[400];
    snprintf(words, sizeof words, "the ledger could not be read: %s", done.error);
    struct dr_ack ack = {.code = "unavailable", .sentence = words};
    if (done.costs != NULL)
        dr_reply(shell->actor, question->to, question->request, DR_COSTS, done.costs);
    else
        dr_reply(shell->actor, question->to, question->request, DR_ACK, &ack);
    costs_job_over(shell->job);
    ask_next(shell);
    return 0;
}

void costs_shell_turn(struct costs_shell *shell)
{
    struct costs_question *question = core_costs_question(shell->ledger);
    bool refused = shell->asked && question == NULL;
    shell->asked = false;
    if (question != NULL)
        costs_job_start(shell->job, question);
    else if (refused)
        ask_next(shell);
}

/* ---- life ----------------------------------------------------------------------------------- */
struct costs_shell *costs_shell_new(struct dr_actor *actor, struct ledger *ledger, const char *path,
                                    costs_shell_ask_fn ask)
{
    char err[400];
    struct costs_shell *shell = calloc(1, sizeof *shell);
    DR_ASSERT(shell != NULL);
    shell->actor = actor;
    shell->ledger = ledger;
    shell->ask = ask;
    shell->job = costs_job_new(path, err, sizeof err);
    if (shell->job == NULL) {
        dr_log(DR_LOG_WARNING, NULL, "%s: what was paid for what is told in the loop", err);
        return shell;
    }
    core_costs_aside(ledger, true);
    shell->poll = (zmq_pollitem_t){.fd = costs_job_fd(shell->job), .events = ZMQ_POLLIN};
    zloop_poller(dr_actor_loop(actor), &shell->poll, on_done, shell);
    return shell;
}

void costs_shell_free(struct costs_shell **shell)
{
    struct costs_shell *self = *shell;
    if (self == NULL)
        return;
    if (self->job != NULL)
        zloop_poller_end(dr_actor_loop(self->actor), &self->poll);
    costs_job_free(&self->job);
    while (self->first != NULL) {
        struct held *held = self->first;
        self->first = held->next;
        free_held(held);
    }
    free(self);
    *shell = NULL;
}
