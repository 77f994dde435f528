/* SPDX-License-Identifier: Apache-2.0
 *
 * Attempts on their way (attempt.h): what each step does, and what an answer means beyond it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"
#include "rows.h"

#define POLL_MS 5000
#define BACK_OFF_FIRST_MS 500
#define BACK_OFF_MOST_MS 60000
#define CLOSED_KEPT_MS 60000
#define GIVE_UP_ORDINAL 3

static void emit_close(const struct prov_attempt *attempt, struct prov_effects *out)
{
    struct prov_effect *effect = effects_add(out, PROV_DO_CLOSE, attempt->id);
    effect->word = attempt->outcome;
    effect->give_up = attempt->give_up;
    effect->excused = attempt->excused;
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

static const char *offering_of(struct prov_core *core, const struct prov_attempt *attempt)
{
    const struct prov_machine *machine =
        attempt->machine_count ? core_machine(core, attempt->machines[0]) : NULL;
    return attempt->offering[0] || !machine ? attempt->offering : machine->offering;
}

/* What a refusal means for the type's next attempt. */
static void take_refusal(struct prov_core *core, const struct prov_attempt *attempt,
                         const struct driver_answer *answer, int64_t now_ms,
                         struct prov_effects *out)
{
    switch (answer->class) {
    case DRIVER_CAPACITY:
        offering_refused(&core->aside, attempt->type, offering_of(core, attempt), answer->aside_ms,
                         now_ms);
        break;
    case DRIVER_QUOTA:
        health_quota(core, attempt->type, attempt->sentence, now_ms, out);
        break;
    case DRIVER_TOO_MANY:
        health_too_many(core, attempt->type, attempt->machine_count, attempt->sentence, now_ms,
                        out);
        break;
    case DRIVER_REQUEST:
        effects_tell(out, true, "",
                     effects_format(out, "machines of type %s cannot be started as configured: %s",
                                    attempt->type, attempt->sentence));
        health_bad(core, attempt->type, driver_class_name(answer->class), now_ms, out);
        break;
    default:
        health_bad(core, attempt->type, driver_class_name(answer->class), now_ms, out);
        break;
    }
}

/* Fixes what the row is told. */
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
    static const struct driver_answer none = {.class = DRIVER_OTHER, .sentence = ""};
    answer = answer ? answer : &none;
    attempt->outcome = outcomes[action];
    attempt->give_up = action == ATTEMPT_DO_CLOSE_REFUSED &&
                       (answer->class == DRIVER_REQUEST ||
                        (answer->class == DRIVER_OTHER && attempt->ordinal >= GIVE_UP_ORDINAL));
    /* No room says nothing of the row: the next place may have some. So it is for those of a batch
     * that only some of it was for. */
    attempt->excused = action == ATTEMPT_DO_CLOSE_LAUNCHED ||
                       (action == ATTEMPT_DO_CLOSE_REFUSED &&
                        (answer->class == DRIVER_CAPACITY || answer->class == DRIVER_QUOTA ||
                         answer->class == DRIVER_TOO_MANY));
    if (action == ATTEMPT_DO_CLOSE_REFUSED)
        take_refusal(core, attempt, answer, now_ms, out);
    if (action == ATTEMPT_DO_CLOSE_LAUNCHED) {
        offering_worked(&core->aside, attempt->type, offering_of(core, attempt));
        health_started(core, attempt->type);
    }
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

/* It was made for an account that does not answer now: sent to another one it would start a second
 * machine there. */
static void tell_foreign(const struct prov_core *core, struct prov_attempt *attempt,
                         struct prov_effects *out)
{
    if (attempt->foreign_told || !core->identity[0] ||
        identity_speaks(attempt->identity, core->identity))
        return;
    attempt->foreign_told = true;
    effects_tell(out, true, "",
                 effects_format(out,
                                "attempt %s was made for %s, and account %s is %s now: it waits, "
                                "and what it may have started is not looked for elsewhere; if "
                                "the old keys do not come back and nothing of it runs there: "
                                "drover settle %s",
                                attempt->id, attempt->identity, core->account, core->identity,
                                attempt->id));
}

static void send(struct prov_core *core, struct prov_attempt *attempt, int64_t now_ms,
                 struct prov_effects *out)
{
    if (!gate_lets(core, attempt, now_ms)) {
        core_attempt_happened(core, attempt, ATTEMPT_HELD, NULL, now_ms, out);
        return;
    }
    gate_sent(core, attempt);
    effects_add(out, PROV_DO_SEND, attempt->id);
}

/* The answer is not known. A refusal of the whole account is the gate's to time. */
static void wait_to_send(struct prov_core *core, struct prov_attempt *attempt,
                         const struct driver_answer *answer, int64_t now_ms,
                         struct prov_effects *out)
{
    enum driver_class class = answer ? answer->class : DRIVER_UNKNOWN;
    if (class == DRIVER_AUTH || class == DRIVER_THROTTLE) {
        gate_refused(core, attempt, class, answer->sentence, answer->retry_after_ms, now_ms, out);
        attempt->held = true;
        return;
    }
    gate_answered(core, attempt, false, now_ms, out);
    back_off(attempt, answer ? answer->retry_after_ms : 0, now_ms);
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
        send(core, attempt, now_ms, out);
        break;
    case ATTEMPT_DO_HOLD:
        attempt->held = true;
        break;
    case ATTEMPT_DO_CLOSE_LAUNCHED:
    case ATTEMPT_DO_CLOSE_REFUSED:
    case ATTEMPT_DO_CLOSE_NEVER_SENT:
    case ATTEMPT_DO_CLOSE_FORGOTTEN:
        gate_answered(core, attempt, true, now_ms, out);
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
        wait_to_send(core, attempt, answer, now_ms, out);
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

/* What the driver has to know for a body (GPUs, disks) is known when the account is. */
static bool too_early(const struct prov_core *core, const struct prov_attempt *attempt,
                      enum attempt_event event)
{
    return attempt->state == ATTEMPT_WAITING && !attempt->committed && !core->identity[0] &&
           (event == ATTEMPT_NEWS || event == ATTEMPT_DUE);
}

void core_attempt_happened(struct prov_core *core, struct prov_attempt *attempt,
                           enum attempt_event event, const struct driver_answer *answer,
                           int64_t now_ms, struct prov_effects *out)
{
    struct attempt_cell cell = attempt_step(attempt->state, event);
    if (too_early(core, attempt, event)) {
        attempt->due_ms = now_ms;
        return;
    }
    if (event == ATTEMPT_NEWS && attempt->state == ATTEMPT_PREPARING)
        attempt->news = true;
    if (event == ATTEMPT_GONE && attempt->state == ATTEMPT_SENDING)
        attempt->settled = true;
    if (cell.action == ATTEMPT_DO_NOTHING)
        return;
    attempt->due_ms = 0;
    attempt->held = false;
    if (event == ATTEMPT_COMMIT_OK)
        attempt->wait_ms = 0;
    if (answer && event != ATTEMPT_UNANSWERED)
        keep_answer(attempt, answer);
    if (event == ATTEMPT_UNBUILDABLE)
        health_bad(core, attempt->type, attempt->sentence, now_ms, out);
    if (cell.next != ATTEMPT_SAME)
        attempt->state = cell.next;
    act(core, attempt, cell.action, answer, now_ms, out);
    if (attempt->settled && attempt->state == ATTEMPT_PAUSED)
        core_attempt_happened(core, attempt, ATTEMPT_GONE, NULL, now_ms, out);
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

void attempts_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    for (size_t i = core->attempt_count; i-- > 0;) {
        struct prov_attempt *attempt = &core->attempts[i];
        bool due = attempt->held ? gate_lets(core, attempt, now_ms)
                                 : attempt->due_ms && now_ms >= attempt->due_ms;
        if (attempt->state == ATTEMPT_CLOSED) {
            if (due)
                rows_drop_attempt(core, attempt);
            continue;
        }
        if (attempt->held)
            tell_foreign(core, attempt, out);
        if (due) {
            attempt->due_ms = 0;
            core_attempt_happened(core, attempt, ATTEMPT_DUE, NULL, now_ms, out);
        } else if (attempt->state == ATTEMPT_WAITING && unwanted(core, attempt)) {
            core_attempt_happened(core, attempt, ATTEMPT_UNWANTED, NULL, now_ms, out);
        }
    }
}

size_t attempts_open(const struct prov_core *core)
{
    size_t count = 0;
    for (size_t i = 0; i < core->attempt_count; i++)
        count += core->attempts[i].state != ATTEMPT_CLOSED;
    for (size_t i = 0; i < core->machine_count; i++)
        count += core->machines[i].opening;
    return count;
}

bool attempts_open_of(const struct prov_core *core, const char *type)
{
    for (size_t i = 0; i < core->attempt_count; i++) {
        const struct prov_attempt *attempt = &core->attempts[i];
        if (attempt->state != ATTEMPT_CLOSED && strcmp(attempt->type, type) == 0)
            return true;
    }
    for (size_t i = 0; i < core->machine_count; i++) {
        if (core->machines[i].opening && strcmp(core->machines[i].type, type) == 0)
            return true;
    }
    return false;
}
