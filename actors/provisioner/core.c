/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"
#include "rows.h"

#define SNAPSHOT_PERIOD_MS 30000
#define SNAPSHOT_RETRY_MS 1000
#define POLL_MS 5000
#define BACK_OFF_FIRST_MS 500
#define BACK_OFF_MOST_MS 60000
#define REOPEN_MS 1000
#define CAPPED_MS 10000
#define CLOSED_KEPT_MS 60000
#define CAPACITY_HOLD_MS 60000
#define QUOTA_HOLD_MS 300000
#define GIVE_UP_ORDINAL 3
#define OPEN_ATTEMPTS_MAX 64

struct prov_core *core_new(const struct prov_settings *settings)
{
    struct prov_core *core = calloc(1, sizeof *core);
    DR_ASSERT(core);
    core->listed_ms = -1;
    core_configure(core, settings);
    return core;
}

void core_configure(struct prov_core *core, const struct prov_settings *settings)
{
    prov_copy(core->account, settings->account);
    core->settings = *settings;
    core->settings.account = core->account;
    for (size_t i = 0; i < core->health_count; i++) { /* the cause may have been mended */
        core->healths[i].failures = 0;
        core->healths[i].hold_until_ms = 0;
    }
}

void core_free(struct prov_core *core)
{
    for (size_t i = 0; i < core->attempt_count; i++)
        rows_free_attempt(&core->attempts[i]);
    free(core->attempts);
    free(core->machines);
    free(core->healths);
    free(core->found);
    free(core);
}

bool core_synced(const struct prov_core *core)
{
    return core->synced;
}

bool core_attempt_is_open(const struct prov_core *core, const char *id)
{
    for (size_t i = 0; i < core->attempt_count; i++) {
        if (strcmp(core->attempts[i].id, id) == 0)
            return core->attempts[i].state != ATTEMPT_CLOSED;
    }
    return false;
}

void core_each_bound(const struct prov_core *core,
                     void (*each)(void *arg, const char *machine, const char *instance), void *arg)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        if (core->machines[i].instance[0])
            each(arg, core->machines[i].id, core->machines[i].instance);
    }
}

const char *core_machine_of(const struct prov_core *core, const char *instance)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        if (strcmp(core->machines[i].instance, instance) == 0)
            return core->machines[i].id;
    }
    return "";
}

/* ---- attempts ------------------------------------------------------------------------------- */
static void emit_close(const struct prov_attempt *attempt, struct prov_effects *out)
{
    struct prov_effect *effect = effects_add(out, PROV_DO_CLOSE, attempt->id);
    effect->word = attempt->outcome;
    effect->give_up = attempt->give_up;
    effect->sentence = effects_text(out, attempt->sentence);
    effect->instances = effects_strs(out, attempt->instances, attempt->instance_count);
}

static void back_off(struct prov_attempt *attempt, int64_t least_ms, int64_t now_ms)
{
    int64_t wait = attempt->wait_ms ? attempt->wait_ms * 2 : BACK_OFF_FIRST_MS;
    attempt->wait_ms = wait > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : wait;
    attempt->due_ms = now_ms + (attempt->wait_ms > least_ms ? attempt->wait_ms : least_ms);
}

static void keep_answer(struct prov_attempt *attempt, const struct driver_answer *answer)
{
    snprintf(attempt->sentence, sizeof attempt->sentence, "%s", answer->sentence);
    free(attempt->instances);
    attempt->instance_count = answer->instance_count;
    attempt->instances = calloc(answer->instance_count + 1, sizeof *attempt->instances);
    DR_ASSERT(attempt->instances);
    for (size_t i = 0; i < answer->instance_count; i++)
        prov_copy(attempt->instances[i], answer->instances[i]);
}

/* Fixes what the row is told, and what it means for the type's next attempt. */
static void decide_close(struct prov_core *core, struct prov_attempt *attempt,
                         enum attempt_action action, const struct driver_answer *answer,
                         int64_t now_ms, struct prov_effects *out)
{
    static const char *const outcomes[ATTEMPT_ACTIONS] = {
        [ATTEMPT_DO_CLOSE_LAUNCHED] = "launched",
        [ATTEMPT_DO_CLOSE_REFUSED] = "refused",
        [ATTEMPT_DO_CLOSE_NEVER_SENT] = "never-sent",
        [ATTEMPT_DO_CLOSE_FORGOTTEN] = "cloud-forgot",
    };
    static const int64_t holds[DRIVER_CLASSES] = {
        [DRIVER_CAPACITY] = CAPACITY_HOLD_MS, [DRIVER_QUOTA] = QUOTA_HOLD_MS};
    enum driver_class class = answer ? answer->class : DRIVER_OTHER;
    bool refused = action == ATTEMPT_DO_CLOSE_REFUSED;
    attempt->outcome = outcomes[action];
    attempt->give_up = refused && (class == DRIVER_REQUEST ||
                                   (class == DRIVER_OTHER && attempt->ordinal >= GIVE_UP_ORDINAL));
    if (refused)
        health_bad(core, attempt->type, holds[class], driver_class_name(class), now_ms, out);
}

static void tell_unreadable(const struct prov_attempt *attempt, struct prov_effects *out)
{
    effects_tell(out, true, "",
                 effects_format(out,
                                "the kept request of attempt %s cannot be opened: it was sealed to "
                                "another key than this provisioner's. What carries its id is "
                                "ended; restore the key file to avoid that",
                                attempt->id));
}

static void act(struct prov_core *core, struct prov_attempt *attempt, enum attempt_action action,
                const struct driver_answer *answer, int64_t now_ms, struct prov_effects *out)
{
    switch (action) {
    case ATTEMPT_DO_PREPARE:
        attempt->news = false;
        effects_add(out, PROV_DO_PREPARE, attempt->id);
        break;
    case ATTEMPT_DO_COMMIT:
        effects_add(out, PROV_DO_COMMIT, attempt->id);
        break;
    case ATTEMPT_DO_SEND:
        effects_add(out, PROV_DO_SEND, attempt->id);
        break;
    case ATTEMPT_DO_CLOSE_LAUNCHED:
    case ATTEMPT_DO_CLOSE_REFUSED:
    case ATTEMPT_DO_CLOSE_NEVER_SENT:
    case ATTEMPT_DO_CLOSE_FORGOTTEN:
        decide_close(core, attempt, action, answer, now_ms, out);
        emit_close(attempt, out);
        break;
    case ATTEMPT_DO_CLOSE_AGAIN:
        emit_close(attempt, out);
        break;
    case ATTEMPT_DO_POLL:
        attempt->wait_ms = 0;
        attempt->due_ms = now_ms + (attempt->news ? 0 : POLL_MS);
        break;
    case ATTEMPT_DO_BACK_OFF:
        back_off(attempt, answer ? answer->retry_after_ms : 0, now_ms);
        break;
    case ATTEMPT_DO_ALARM:
        attempt->quiet_from_ms = now_ms;
        tell_unreadable(attempt, out);
        break;
    case ATTEMPT_DO_FORGET:
        attempt->due_ms = now_ms + CLOSED_KEPT_MS;
        effects_add(out, PROV_DO_FORGET, attempt->id);
        break;
    case ATTEMPT_DO_NOTHING:
    case ATTEMPT_ACTIONS:
        break;
    }
}

void core_attempt_happened(struct prov_core *core, struct prov_attempt *attempt,
                           enum attempt_event event, const struct driver_answer *answer,
                           int64_t now_ms, struct prov_effects *out)
{
    struct attempt_cell cell = attempt_step(attempt->state, event);
    if (event == ATTEMPT_NEWS && attempt->state == ATTEMPT_PREPARING)
        attempt->news = true;
    if (cell.action == ATTEMPT_DO_NOTHING)
        return;
    attempt->due_ms = 0;
    if (event == ATTEMPT_COMMIT_OK)
        attempt->wait_ms = 0;
    if (answer && event != ATTEMPT_UNANSWERED)
        keep_answer(attempt, answer);
    if (event == ATTEMPT_UNBUILDABLE)
        health_bad(core, attempt->type, 0, attempt->sentence, now_ms, out);
    if (cell.next != ATTEMPT_SAME)
        attempt->state = cell.next;
    act(core, attempt, cell.action, answer, now_ms, out);
}

static bool unwanted(struct prov_core *core, const struct prov_attempt *attempt)
{
    for (size_t i = 0; i < attempt->machine_count; i++) {
        const struct prov_machine *machine = core_machine(core, attempt->machines[i]);
        if (!machine || machine->state == MACHINE_WANTED || machine->state == MACHINE_LAUNCHING)
            return false;
    }
    return attempt->machine_count > 0;
}

static void attempts_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    for (size_t i = core->attempt_count; i-- > 0;) {
        struct prov_attempt *attempt = &core->attempts[i];
        bool due = attempt->due_ms && now_ms >= attempt->due_ms;
        if (attempt->state == ATTEMPT_CLOSED) {
            if (due)
                rows_drop_attempt(core, attempt);
            continue;
        }
        if (due) {
            attempt->due_ms = 0;
            core_attempt_happened(core, attempt, ATTEMPT_DUE, NULL, now_ms, out);
        } else if (attempt->state == ATTEMPT_WAITING && unwanted(core, attempt)) {
            core_attempt_happened(core, attempt, ATTEMPT_UNWANTED, NULL, now_ms, out);
        }
    }
}

/* ---- opening -------------------------------------------------------------------------------- */
static size_t open_attempts(const struct prov_core *core)
{
    size_t count = 0;
    for (size_t i = 0; i < core->attempt_count; i++)
        count += core->attempts[i].state != ATTEMPT_CLOSED;
    for (size_t i = 0; i < core->machine_count; i++)
        count += core->machines[i].opening;
    return count;
}

static bool may_open(struct prov_core *core, const struct prov_machine *machine, int64_t now_ms)
{
    return machine->state == MACHINE_WANTED && !machine->opening &&
           now_ms >= machine->open_from_ms &&
           now_ms >= health_of(core, machine->type)->hold_until_ms;
}

static void open_batch(struct prov_core *core, size_t first, int64_t now_ms,
                       struct prov_effects *out)
{
    size_t max = core->settings.batch_max, count = 0;
    const char *type = core->machines[first].type;
    char(*ids)[PROV_ID] = calloc(max, sizeof *ids);
    DR_ASSERT(ids);
    for (size_t i = first; i < core->machine_count && count < max; i++) {
        struct prov_machine *machine = &core->machines[i];
        if (strcmp(machine->type, type) != 0 || !may_open(core, machine, now_ms))
            continue;
        machine->opening = true;
        prov_copy(ids[count++], machine->id);
    }
    struct prov_effect *effect = effects_add(out, PROV_DO_OPEN, "");
    effect->machines = effects_strs(out, ids, count);
    effect->type = effects_text(out, type);
    free(ids);
}

static void open_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    if (!core->synced || core->blocked || !fleet_list_fresh(core, now_ms))
        return;
    for (size_t i = 0; i < core->machine_count && open_attempts(core) < OPEN_ATTEMPTS_MAX; i++) {
        if (may_open(core, &core->machines[i], now_ms))
            open_batch(core, i, now_ms, out);
    }
}

static void opened(struct prov_core *core, const struct prov_event *event, int64_t now_ms)
{
    bool capped = event->code && strcmp(event->code, "capped") == 0;
    for (size_t i = 0; i < event->machines.count; i++) {
        struct prov_machine *machine = core_machine(core, event->machines.items[i]);
        if (!machine)
            continue;
        machine->opening = false;
        machine->open_from_ms = now_ms + (capped ? CAPPED_MS : REOPEN_MS);
    }
    if (event->ok && event->id && event->id[0]) {
        struct prov_attempt *attempt = rows_new_attempt(core, event->id, event->machines, now_ms);
        if (attempt->state == ATTEMPT_WAITING && !attempt->due_ms)
            attempt->due_ms = now_ms + POLL_MS;
    } else if (!capped) {
        core->snapshot_due_ms = now_ms; /* the rows say what is true */
    }
}

/* ---- rows ----------------------------------------------------------------------------------- */
static void snapshot_came(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
                          struct prov_effects *out)
{
    core->snapshot_asked = false;
    if (!event->state) {
        core->snapshot_due_ms = now_ms + SNAPSHOT_RETRY_MS;
        return;
    }
    rows_snapshot(core, event->state, now_ms, out);
    if (!core->synced)
        core->list_due_ms = now_ms;
    core->synced = true;
}

static void attempt_row_came(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
                             struct prov_effects *out)
{
    const struct dr_attempt_row *row = event->attempt;
    if (strcmp(row->account, core->account) != 0)
        return;
    struct prov_attempt *attempt = core_attempt(core, row->id);
    if (!attempt && strcmp(row->state, "closed") != 0) {
        attempt = rows_new_attempt(core, row->id, row->machines, now_ms);
        attempt->due_ms = now_ms + POLL_MS;
    }
    if (!attempt)
        return;
    attempt->ordinal = row->ordinal;
    if (strcmp(row->state, "closed") == 0)
        core_attempt_happened(core, attempt, ATTEMPT_GONE, NULL, now_ms, out);
    else if (strcmp(row->state, "opened") != 0)
        core_attempt_happened(core, attempt, ATTEMPT_NEWS, NULL, now_ms, out);
}

static void key_came(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
                     struct prov_effects *out)
{
    struct prov_attempt *attempt = core_attempt(core, event->key->attempt);
    if (attempt && strcmp(event->key->state, "minted") == 0)
        core_attempt_happened(core, attempt, ATTEMPT_NEWS, NULL, now_ms, out);
}

static void tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    if (!core->snapshot_asked && now_ms >= core->snapshot_due_ms) {
        core->snapshot_asked = true;
        core->snapshot_due_ms = now_ms + SNAPSHOT_PERIOD_MS; /* a want of one meanwhile stands */
        effects_add(out, PROV_DO_SNAPSHOT, "");
    }
    attempts_tick(core, now_ms, out);
    fleet_tick(core, now_ms, out);
    open_tick(core, now_ms, out);
}

void core_step(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
               struct prov_effects *out)
{
    struct prov_attempt *attempt;
    if (event->seq > core->seq)
        core->seq = event->seq;
    switch (event->kind) {
    case PROV_SNAPSHOT:
        snapshot_came(core, event, now_ms, out);
        break;
    case PROV_GAP:
        core->snapshot_due_ms = now_ms;
        break;
    case PROV_MACHINE:
        rows_machine(core, event->machine, now_ms, out);
        break;
    case PROV_ATTEMPT:
        attempt_row_came(core, event, now_ms, out);
        break;
    case PROV_KEY:
        key_came(core, event, now_ms, out);
        break;
    case PROV_OPENED:
        opened(core, event, now_ms);
        break;
    case PROV_ATTEMPT_EVENT:
        attempt = core_attempt(core, event->id);
        if (attempt && event->sentence)
            snprintf(attempt->sentence, sizeof attempt->sentence, "%s", event->sentence);
        if (attempt)
            core_attempt_happened(core, attempt, event->what, event->answer, now_ms, out);
        break;
    case PROV_LISTED:
        fleet_listed(core, event->list, now_ms, out);
        break;
    case PROV_DESCRIBED:
        fleet_described(core, event->id, event->list, now_ms, out);
        break;
    case PROV_SAID:
        fleet_said(core, event->id, event->ok, now_ms);
        break;
    case PROV_TICK:
        break;
    }
    tick(core, now_ms, out);
}
