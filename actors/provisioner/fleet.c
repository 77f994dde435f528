/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud's list against the rows. Absence ends nothing: `ended` is said on a positive word by id
 * only (P4); a list in which too much is missing is not believed; what nobody owns is reported and
 * judged by others (P25).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

#define FAST_MS 1000
#define SAY_AGAIN_MS 10000
#define FOUND_AGAIN_MS 60000
#define KILL_AGAIN_MS 1000
#define KILL_AGAIN_MOST_MS 30000
#define DISTRUST_LEAST 2
#define DISTRUST_SHARE 5 /* a fifth: 20 % */
#define FRESH_LEAST_MS 5000

bool fleet_list_fresh(const struct prov_core *core, int64_t now_ms)
{
    int64_t limit = 2 * core->settings.list_period_ms;
    limit = limit < FRESH_LEAST_MS ? FRESH_LEAST_MS : limit;
    return core->listed_ms >= 0 && !core->list_failing && now_ms - core->listed_ms <= limit;
}

static const struct dr_instance_view *find(const struct driver_list *list, const char *instance)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->instances[i].instance_id, instance) == 0)
            return &list->instances[i];
    }
    return NULL;
}

static bool state_is(const struct dr_instance_view *view, const char *word)
{
    return strcmp(view->state, word) == 0;
}

static void say(struct prov_machine *machine, const char *word, const char *sentence,
                int64_t now_ms, struct prov_effects *out)
{
    bool again = now_ms - machine->said_ms >= SAY_AGAIN_MS;
    if (machine->saying || (strcmp(machine->said, word) == 0 && !again))
        return;
    machine->saying = true;
    machine->said = word;
    machine->said_ms = now_ms;
    struct prov_effect *effect = effects_add(out, PROV_DO_SAY, machine->id);
    effect->instance = effects_text(out, machine->instance);
    effect->word = word;
    effect->sentence = effects_text(out, sentence);
}

void fleet_said(struct prov_core *core, const char *id, bool ok, int64_t now_ms)
{
    struct prov_machine *machine = core_machine(core, id);
    if (!machine)
        return;
    machine->saying = false;
    if (!ok) {
        machine->said = "";
        core->snapshot_due_ms = now_ms;
    }
}

/* What a word by id means for a row. "unknown" changes nothing. */
static void judge(const struct prov_core *core, struct prov_machine *machine,
                  const struct dr_instance_view *view, int64_t now_ms, struct prov_effects *out)
{
    const char *sentence =
        effects_format(out, "account %s says: %s", core->account, view->cloud_state);
    if (state_is(view, "ended"))
        say(machine, "ended", sentence, now_ms, out);
    else if (state_is(view, "present") &&
             (machine->state == MACHINE_ABSENT || strcmp(machine->said, "absent") == 0))
        say(machine, "present", sentence, now_ms, out);
}

struct absence {
    size_t known, newly;
};

static bool counts(const struct prov_machine *machine, const struct driver_list *list)
{
    return machine->instance[0] && machine->bound_ms < list->sent_ms;
}

static struct absence count_absent(const struct prov_core *core, const struct driver_list *list)
{
    struct absence absence = {0};
    for (size_t i = 0; i < core->machine_count; i++) {
        const struct prov_machine *machine = &core->machines[i];
        if (!counts(machine, list) || machine->state == MACHINE_TERMINATING ||
            machine->state == MACHINE_ABSENT)
            continue;
        absence.known++;
        absence.newly += find(list, machine->instance) == NULL;
    }
    return absence;
}

static void judge_trust(struct prov_core *core, struct absence absence, struct prov_effects *out)
{
    size_t limit = absence.known / DISTRUST_SHARE;
    limit = limit < DISTRUST_LEAST ? DISTRUST_LEAST : limit;
    bool distrusted = absence.newly > limit;
    if (distrusted && !core->distrusted)
        effects_tell(out, true, "",
                     effects_format(out,
                                    "%zu of %zu machines of account %s are missing from its list "
                                    "at once: the list is not believed and nothing is concluded "
                                    "from it. Is the account, the region or machines_dir another "
                                    "than before?",
                                    absence.newly, absence.known, core->account));
    core->distrusted = distrusted;
}

static void compare_rows(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                         struct prov_effects *out)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        struct prov_machine *machine = &core->machines[i];
        if (!counts(machine, list))
            continue;
        const struct dr_instance_view *view = find(list, machine->instance);
        if (view) {
            judge(core, machine, view, now_ms, out);
            continue;
        }
        effects_add(out, PROV_DO_DESCRIBE, machine->instance);
        if (!core->distrusted && machine->state != MACHINE_TERMINATING &&
            machine->state != MACHINE_ABSENT)
            say(machine, "absent", "a complete list of its account lacks it", now_ms, out);
    }
}

static bool found_due(struct prov_core *core, const char *instance, int64_t now_ms)
{
    for (size_t i = 0; i < core->found_count; i++) {
        struct prov_found *found = &core->found[i];
        if (strcmp(found->instance, instance) != 0)
            continue;
        if (now_ms < found->again_ms)
            return false;
        found->again_ms = now_ms + FOUND_AGAIN_MS;
        return true;
    }
    core->found = realloc(core->found, (core->found_count + 1) * sizeof *core->found);
    DR_ASSERT(core->found);
    struct prov_found *found = &core->found[core->found_count++];
    prov_copy(found->instance, instance);
    found->again_ms = now_ms + FOUND_AGAIN_MS;
    return true;
}

static void forget_found(struct prov_core *core, const struct driver_list *list)
{
    for (size_t i = core->found_count; i-- > 0;) {
        if (!find(list, core->found[i].instance))
            core->found[i] = core->found[--core->found_count];
    }
}

/* Listed, and bound to no row. */
static void judge_stranger(struct prov_core *core, const struct dr_instance_view *view,
                           int64_t now_ms, struct prov_effects *out)
{
    struct prov_attempt *attempt = core_attempt(core, view->attempt);
    if (attempt && attempt->state == ATTEMPT_STUCK) {
        if (state_is(view, "present")) {
            attempt->quiet_from_ms = now_ms;
            effects_add(out, PROV_DO_TERMINATE, view->instance_id);
        }
        return;
    }
    if (attempt) /* its binding is under way, or about to be told */
        return;
    if (state_is(view, "ended"))
        effects_add(out, PROV_DO_CLEAN, view->instance_id);
    else if (state_is(view, "present") && found_due(core, view->instance_id, now_ms))
        effects_add(out, PROV_DO_FOUND, view->instance_id);
}

static void settle_stuck(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                         struct prov_effects *out)
{
    for (size_t i = 0; i < core->attempt_count; i++) {
        struct prov_attempt *attempt = &core->attempts[i];
        if (attempt->state == ATTEMPT_STUCK && list->sent_ms > attempt->quiet_from_ms &&
            now_ms - attempt->since_ms >= core->settings.honours_ms)
            core_attempt_happened(core, attempt, ATTEMPT_FORGOTTEN, NULL, now_ms, out);
    }
}

/* Something is about to change: the list is taken faster. */
static bool hurried(const struct prov_core *core)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        enum machine_state state = core->machines[i].state;
        if (state == MACHINE_LAUNCHING || state == MACHINE_DRAINING || state == MACHINE_TERMINATING)
            return true;
    }
    return false;
}

void fleet_listed(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                  struct prov_effects *out)
{
    core->list_asked = false;
    core->list_due_ms = now_ms + core->settings.list_period_ms;
    if (list->ok == core->list_failing)
        effects_tell(out, false, "",
                     effects_format(out, "listing the machines of account %s %s%s", core->account,
                                    list->ok ? "works again" : "fails: ", list->sentence));
    core->list_failing = !list->ok;
    if (!list->ok)
        return; /* P1: an error is no list */
    core->listed_ms = list->sent_ms;
    if (!core->synced)
        return;
    judge_trust(core, count_absent(core, list), out);
    compare_rows(core, list, now_ms, out);
    for (size_t i = 0; i < list->count; i++) {
        if (!core_bound(core, list->instances[i].instance_id))
            judge_stranger(core, &list->instances[i], now_ms, out);
    }
    forget_found(core, list);
    settle_stuck(core, list, now_ms, out);
}

void fleet_described(struct prov_core *core, const char *instance, const struct driver_list *list,
                     int64_t now_ms, struct prov_effects *out)
{
    struct prov_machine *machine = core_bound(core, instance);
    const struct dr_instance_view *view = list->ok ? find(list, instance) : NULL;
    if (machine && view)
        judge(core, machine, view, now_ms, out);
}

static void kill_due(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        struct prov_machine *machine = &core->machines[i];
        if (machine->state != MACHINE_TERMINATING || !machine->instance[0] ||
            strcmp(machine->said, "ended") == 0 || now_ms < machine->kill_due_ms)
            continue;
        int64_t wait = machine->kill_wait_ms ? machine->kill_wait_ms * 2 : KILL_AGAIN_MS;
        machine->kill_wait_ms = wait > KILL_AGAIN_MOST_MS ? KILL_AGAIN_MOST_MS : wait;
        machine->kill_due_ms = now_ms + machine->kill_wait_ms;
        effects_add(out, PROV_DO_TERMINATE, machine->instance);
        if (core->list_due_ms > now_ms + FAST_MS / 4)
            core->list_due_ms = now_ms + FAST_MS / 4;
    }
}

void fleet_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    if (!core->blocked)
        kill_due(core, now_ms, out);
    if (hurried(core) && core->list_due_ms > now_ms + FAST_MS)
        core->list_due_ms = now_ms + FAST_MS;
    if (core->list_asked || now_ms < core->list_due_ms)
        return;
    core->list_asked = true;
    effects_add(out, PROV_DO_LIST, "");
}
