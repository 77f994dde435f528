/* SPDX-License-Identifier: Apache-2.0 */
#include "flock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "words.h"

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

struct flock_tally flock_count(const struct dr_ledger_state *state, int64_t now_us)
{
    struct flock_tally tally = {0};
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        tally.of[dr_view_phase(machine)]++;
        tally.kept += dr_view_lives(machine) && machine->keep_until_us > now_us;
        tally.absent += is(machine->state, "absent");
    }
    return tally;
}

static bool listens(const struct dr_worker_view *worker, const char *queue_id)
{
    for (size_t i = 0; i < worker->queues.count; i++)
        if (is(worker->queues.items[i], queue_id))
            return true;
    return false;
}

static const struct dr_machine_row *machine_of(const struct dr_ledger_state *state,
                                               const struct dr_worker_view *worker)
{
    for (size_t i = 0; worker->ours && i < state->machines.count; i++)
        if (is(state->machines.items[i].instance_id, worker->instance_id))
            return &state->machines.items[i];
    return NULL;
}

/* The plan says so only while something waits. */
static void pause_of(const struct dr_ledger_state *state, const char *queue, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < state->pauses.count; i++) {
        const struct dr_pause_row *pause = &state->pauses.items[i];
        if (*pause->queue == '\0' || is(pause->queue, queue)) {
            dr_pause_text(pause, out, size);
            return;
        }
    }
}

/* Verdicts after which a task starts without anybody's doing. */
bool flock_will_start(const char *verdict)
{
    static const char *const fine[] = {"served", "booting", "bought", "settling"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (is(verdict, fine[i]))
            return true;
    return false;
}

static void count_use(const struct dr_ledger_state *state, const struct dr_cfg_root *caps,
                      const char *queue_id, struct dr_view_use *use, int64_t *types,
                      int64_t *accounts)
{
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        if (!dr_view_lives(machine))
            continue;
        const struct dr_cfg_type *type = dr_config_type(caps, machine->type);
        const struct dr_cfg_account *account = dr_config_account(caps, machine->account);
        use->total++;
        use->queue += dr_view_serves(machine, queue_id);
        if (type != NULL)
            types[type - caps->machine_types.items]++;
        if (account != NULL)
            accounts[account - caps->accounts.items]++;
    }
}

static void find_room(const struct flock *flock, struct flock_queue *out)
{
    const struct dr_cfg_root *caps = flock->caps;
    const struct dr_cfg_queue *queue = caps == NULL ? NULL : dr_config_queue(caps, out->view->name);
    out->available = caps == NULL ? -1 : out->idle;
    if (queue == NULL)
        return;
    size_t types = caps->machine_types.count;
    int64_t *counts = calloc(types + caps->accounts.count + 1, sizeof *counts);
    DR_ASSERT(counts != NULL);
    struct dr_view_use use = {.types = counts, .accounts = counts + types};
    count_use(flock->state, caps, out->view->id, &use, counts, counts + types);
    int64_t room = dr_view_room(caps, queue, &use);
    int64_t most = dr_view_room(caps, queue, &(struct dr_view_use){0});
    free(counts);
    out->available += room > 0 ? room : 0;
    out->max = most > 0 ? most : 0;
}

struct flock_queue flock_queue(const struct flock *flock, size_t i)
{
    struct flock_queue out = {.view = &flock->picture->queues.queues.items[i], .verdict = ""};
    const struct dr_worker_view_list *workers = &flock->picture->workers.workers;
    const struct dr_reason_view *reason =
        flock->plan == NULL ? NULL : dr_view_reason(&flock->plan->plan, out.view->name);
    out.waiting = out.view->waiting.count;
    out.oldest_us = out.waiting == 0 ? 0 : out.view->waiting.items[0].added_us;
    for (size_t w = 0; w < workers->count; w++) {
        const struct dr_worker_view *worker = &workers->items[w];
        if (!listens(worker, out.view->id))
            continue;
        enum dr_view_worker what = dr_view_worker(worker, machine_of(flock->state, worker));
        out.running += what == DR_WORKER_BUSY;
        out.idle += what == DR_WORKER_IDLE;
    }
    find_room(flock, &out);
    if (!out.view->known)
        snprintf(out.why, sizeof out.why, "the server has no queue of this name");
    else if (reason != NULL)
        snprintf(out.why, sizeof out.why, "%s", reason->sentence);
    else
        pause_of(flock->state, out.view->name, out.why, sizeof out.why);
    if (reason != NULL)
        out.verdict = reason->verdict;
    out.stuck = out.waiting > 0 && reason != NULL && !flock_will_start(reason->verdict);
    return out;
}

struct flock_waits flock_waits(const struct flock *flock)
{
    struct flock_waits waits = {0};
    int64_t first_us = 0;
    bool first_stuck = false;
    for (size_t i = 0; i < flock->picture->queues.queues.count; i++) {
        struct flock_queue queue = flock_queue(flock, i);
        waits.waiting += queue.waiting;
        waits.stuck += queue.stuck;
        if (queue.waiting == 0)
            continue;
        if (waits.oldest_us == 0 || queue.oldest_us < waits.oldest_us)
            waits.oldest_us = queue.oldest_us;
        bool older = first_us == 0 || queue.oldest_us < first_us;
        if ((queue.stuck && !first_stuck) || (queue.stuck == first_stuck && older)) {
            waits.first = i;
            first_us = queue.oldest_us;
            first_stuck = queue.stuck;
        }
    }
    return waits;
}

bool flock_server_bad(const struct dr_picture *picture)
{
    return !is(picture->server.state, "ok") && !is(picture->server.state, "slow");
}

/* Adds a sentence after "; ". */
__attribute__((format(printf, 3, 4))) static void add(char *out, size_t size, const char *format,
                                                      ...)
{
    size_t len = strlen(out);
    va_list args;
    if (len > 0 && len + 2 < size)
        len += (size_t)snprintf(out + len, size - len, "; ");
    va_start(args, format);
    vsnprintf(out + len, size - len, format, args);
    va_end(args);
}

bool flock_broken(const struct flock *flock, char *out, size_t size)
{
    const struct dr_server_changed *server = &flock->picture->server;
    size_t ready = 0;
    out[0] = '\0';
    if (flock->state->blocked[0] != '\0')
        add(out, size, "blocked: %s", flock->state->blocked);
    if (flock_server_bad(flock->picture))
        add(out, size, "server %s: %s", server->state, server->sentence);
    for (size_t i = 0; i < flock->actors->actors.count; i++) {
        const struct dr_actor_view *actor = &flock->actors->actors.items[i];
        ready += is(actor->state, "ready");
        if (!is(actor->state, "ready"))
            add(out, size, "%s is %s%s%s", actor->actor, actor->state,
                actor->sentence[0] == '\0' ? "" : ": ", actor->sentence);
    }
    if (out[0] != '\0')
        return true;
    snprintf(out, size, "server %s, %zu of %zu actors ready", server->state, ready,
             flock->actors->actors.count);
    return false;
}
