/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* "billed in one-second increments, with a minimum of 60 seconds"
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/concepts.html)
 */
#define LEAST_PAID_S 60

static const char *const names[DR_PHASES] = {
    [DR_PHASE_WAITING] = "waiting",   [DR_PHASE_BOOTING] = "booting",
    [DR_PHASE_RUNNING] = "running",   [DR_PHASE_IDLE] = "idle",
    [DR_PHASE_DRAINING] = "draining", [DR_PHASE_FAILED] = "failed",
    [DR_PHASE_ENDED] = "ended",
};

static const struct {
    const char *state;
    enum dr_phase phase;
} phases[] = {
    {"wanted", DR_PHASE_WAITING},    {"launching", DR_PHASE_BOOTING},
    {"booting", DR_PHASE_BOOTING},   {"up", DR_PHASE_RUNNING},
    {"draining", DR_PHASE_DRAINING}, {"terminating", DR_PHASE_DRAINING},
    {"absent", DR_PHASE_DRAINING},   {"failed", DR_PHASE_FAILED},
};

enum dr_phase dr_view_phase(const struct dr_machine_row *machine)
{
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        if (strcmp(phases[i].state, machine->state) != 0)
            continue;
        bool idle = phases[i].phase == DR_PHASE_RUNNING && machine->idle_since_us != 0;
        return idle ? DR_PHASE_IDLE : phases[i].phase;
    }
    return DR_PHASE_ENDED;
}

const char *dr_view_phase_name(enum dr_phase phase)
{
    return names[phase];
}

bool dr_view_lives(const struct dr_machine_row *machine)
{
    enum dr_phase phase = dr_view_phase(machine);
    return phase != DR_PHASE_FAILED && phase != DR_PHASE_ENDED;
}

static bool lists(const struct dr_strs *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

bool dr_view_serves(const struct dr_machine_row *machine, const char *queue_id)
{
    return lists(&machine->queues, queue_id);
}

enum dr_view_worker dr_view_worker(const struct dr_worker_view *worker,
                                   const struct dr_machine_row *machine)
{
    if (*worker->task != '\0')
        return DR_WORKER_BUSY;
    if (!worker->proven)
        return DR_WORKER_NEITHER;
    if (!worker->ours)
        return DR_WORKER_IDLE;
    bool stays = machine != NULL &&
                 (strcmp(machine->state, "booting") == 0 || strcmp(machine->state, "up") == 0);
    return stays ? DR_WORKER_IDLE : DR_WORKER_NEITHER;
}

/* ---- caps ----------------------------------------------------------------------------------- */
static int64_t left(int64_t max, int64_t used)
{
    return max == 0 ? INT64_MAX : max > used ? max - used : 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void take(int64_t *from, int64_t count)
{
    if (*from != INT64_MAX)
        *from -= count;
}

int64_t dr_view_room(const struct dr_cfg_root *config, const struct dr_cfg_queue *queue,
                     const struct dr_view_use *use)
{
    int64_t slots = 0;
    int64_t total =
        least(left(config->max_machines, use->total), left(queue->max_machines, use->queue));
    int64_t *accounts = calloc(config->accounts.count + 1, sizeof *accounts);
    DR_ASSERT(accounts != NULL);
    for (size_t a = 0; a < config->accounts.count; a++)
        accounts[a] = left(config->accounts.items[a].max_machines,
                           use->accounts == NULL ? 0 : use->accounts[a]);
    for (size_t i = 0; i < queue->types.count && slots >= 0; i++) {
        const struct dr_cfg_type *type = dr_config_type(config, queue->types.items[i]);
        if (type == NULL)
            continue;
        size_t t = (size_t)(type - config->machine_types.items);
        const struct dr_cfg_account *account = dr_config_account(config, type->account);
        size_t a =
            account == NULL ? config->accounts.count : (size_t)(account - config->accounts.items);
        int64_t room = left(type->max_machines, use->types == NULL ? 0 : use->types[t]);
        room = least(least(room, accounts[a]), total);
        if (room == INT64_MAX) {
            slots = -1;
            break;
        }
        take(&accounts[a], room);
        take(&total, room);
        slots += room * type->slots;
    }
    free(accounts);
    return slots;
}

/* ---- the rest ------------------------------------------------------------------------------- */
const struct dr_reason_view *dr_view_reason(const struct dr_plan_decided *plan, const char *queue)
{
    for (size_t i = 0; i < plan->reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->reasons.items[i];
        if (reason->task[0] == '\0' && strcmp(reason->queue, queue) == 0)
            return reason;
    }
    return NULL;
}

int64_t dr_view_spent_usd_micros(const struct dr_machine_row *machine, int64_t now_us)
{
    if (machine->launched_us == 0)
        return 0;
    int64_t until_us = machine->ended_us != 0 ? machine->ended_us : now_us;
    int64_t paid_s = (until_us - machine->launched_us) / 1000000;
    if (paid_s < LEAST_PAID_S)
        paid_s = LEAST_PAID_S;
    return machine->price_usd_micros * paid_s / 3600;
}
