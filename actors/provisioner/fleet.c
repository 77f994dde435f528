/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud's list against the rows. Absence ends nothing: `ended` is said on a positive word by id
 * only (P4); a list in which too much is missing is not believed; what nobody owns is reported and
 * judged by others (P25).
 */
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

/* Missing machines that are asked for by id after one list: many more would make the next list wait
 * behind them in the cloud's bucket, and without a fresh list nothing starts. */
#define DESCRIBES_MOST 10
#define FAST_MS 1000
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

/* A list, looked up in by instance; one that failed holds nothing. */
struct listed {
    const struct driver_list *list;
    struct dr_index by_instance;
};

static const char *listed_id(const void *of, size_t place)
{
    return ((const struct driver_list *)of)->instances[place].instance_id;
}

static struct listed listed_of(const struct driver_list *list)
{
    struct listed listed = {.list = list};
    for (size_t i = 0; list->ok && i < list->count; i++)
        dr_index_add(&listed.by_instance, list->instances[i].instance_id, i);
    return listed;
}

static const struct dr_instance_view *find(const struct listed *listed, const char *instance)
{
    size_t place = dr_index_find(&listed->by_instance, instance, listed_id, listed->list);
    return place == DR_INDEX_NONE ? NULL : &listed->list->instances[place];
}

static bool state_is(const struct dr_instance_view *view, const char *word)
{
    return strcmp(view->state, word) == 0;
}

struct absence {
    size_t known, newly;
};

/* Whether a list that lacks this machine could say so: it was asked for after the binding was
 * known, and answered by the account that the machine was started in. */
static bool counts(const struct prov_machine *machine, const struct driver_list *list)
{
    return machine->instance[0] && machine->bound_ms < list->sent_ms &&
           identity_speaks(machine->identity, list->identity);
}

static struct absence count_absent(const struct prov_core *core, const struct listed *listed)
{
    const struct driver_list *list = listed->list;
    struct absence absence = {0};
    for (size_t i = 0; i < core->machine_count; i++) {
        const struct prov_machine *machine = &core->machines[i];
        if (!counts(machine, list) || machine->state == MACHINE_TERMINATING ||
            machine->state == MACHINE_ABSENT)
            continue;
        bool there = find(listed, machine->instance) != NULL;
        absence.known += there || !word_young(core, machine, list->sent_ms);
        absence.newly += !there && !word_young(core, machine, list->sent_ms);
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

static void compare_rows(struct prov_core *core, const struct listed *listed, int64_t now_ms,
                         struct prov_effects *out)
{
    const struct driver_list *list = listed->list;
    size_t first = core->describe_from < core->machine_count ? core->describe_from : 0, asked = 0;
    core->describe_from = 0;
    for (size_t i = 0; i < core->machine_count; i++) {
        size_t at = (first + i) % core->machine_count;
        struct prov_machine *machine = &core->machines[at];
        if (!counts(machine, list))
            continue;
        const struct dr_instance_view *view = find(listed, machine->instance);
        if (view) {
            word_seen(core, machine, view, list->identity, now_ms, out);
            continue;
        }
        if (asked < DESCRIBES_MOST)
            effects_add(out, PROV_DO_DESCRIBE, machine->instance);
        else if (asked == DESCRIBES_MOST)
            core->describe_from = at; /* the next list's turn begins here */
        asked++;
        if (!core->distrusted)
            word_absent(core, machine, list->identity, now_ms, out);
    }
}

static const char *found_id(const void *of, size_t place)
{
    return ((const struct prov_core *)of)->found[place].instance;
}

static bool found_due(struct prov_core *core, const char *instance, int64_t now_ms)
{
    size_t place = dr_index_find(&core->by_found, instance, found_id, core);
    if (place == DR_INDEX_NONE) {
        place = core->found_count++;
        core->found = realloc(core->found, core->found_count * sizeof *core->found);
        DR_ASSERT(core->found);
        core->found[place] = (struct prov_found){.again_ms = now_ms};
        prov_copy(core->found[place].instance, instance);
        dr_index_add(&core->by_found, instance, place);
    }
    if (now_ms < core->found[place].again_ms)
        return false;
    core->found[place].again_ms = now_ms + FOUND_AGAIN_MS;
    return true;
}

static void forget_found(struct prov_core *core, const struct listed *listed)
{
    for (size_t i = core->found_count; i-- > 0;) {
        if (!find(listed, core->found[i].instance))
            core->found[i] = core->found[--core->found_count];
    }
    dr_index_clear(&core->by_found);
    for (size_t i = 0; i < core->found_count; i++)
        dr_index_add(&core->by_found, core->found[i].instance, i);
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
            identity_speaks(attempt->identity, list->identity) &&
            now_ms - attempt->since_ms >= core->settings.honours_ms)
            core_attempt_happened(core, attempt, ATTEMPT_FORGOTTEN, NULL, now_ms, out);
    }
}

/* Something is about to change: the list is taken faster, unless the cloud refuses it. */
static bool hurried(const struct prov_core *core)
{
    for (size_t i = 0; i < core->machine_count && !core->list_refused; i++) {
        enum machine_state state = core->machines[i].state;
        if (state == MACHINE_DRAINING || state == MACHINE_TERMINATING ||
            (state == MACHINE_LAUNCHING && gate_open(core)))
            return true;
    }
    return false;
}

/* P1: an error is no list. */
static void list_failed(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                        struct prov_effects *out)
{
    core->list_refused = list->class == DRIVER_AUTH || list->class == DRIVER_THROTTLE;
    if (list->class == DRIVER_AUTH)
        gate_refused(core, NULL, DRIVER_AUTH, list->sentence, 0, now_ms, out);
    else if (!core->list_failing)
        effects_tell(out, false, "",
                     effects_format(out, "listing the machines of account %s fails: %s",
                                    core->account, list->sentence));
    core->list_failing = true;
}

static void list_came(struct prov_core *core, const struct driver_list *list,
                      struct prov_effects *out)
{
    gate_list_good(core, out);
    if (core->list_failing)
        effects_tell(
            out, false, "",
            effects_format(out, "listing the machines of account %s works again", core->account));
    core->list_failing = core->list_refused = false;
    core->listed_ms = list->sent_ms;
}

void fleet_listed(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                  struct prov_effects *out)
{
    core->list_asked = false;
    core->list_due_ms = now_ms + core->settings.list_period_ms;
    if (!list->ok) {
        list_failed(core, list, now_ms, out);
        return;
    }
    list_came(core, list, out);
    if (!core->synced)
        return;
    identity_compare(core, list->identity, out);
    struct listed listed = listed_of(list);
    judge_trust(core, count_absent(core, &listed), out);
    compare_rows(core, &listed, now_ms, out);
    for (size_t i = 0; i < list->count; i++) {
        if (!core_bound(core, list->instances[i].instance_id))
            judge_stranger(core, &list->instances[i], now_ms, out);
    }
    forget_found(core, &listed);
    dr_index_free(&listed.by_instance);
    settle_stuck(core, list, now_ms, out);
}

void fleet_described(struct prov_core *core, const char *instance, const struct driver_list *list,
                     int64_t now_ms, struct prov_effects *out)
{
    struct prov_machine *machine = core_bound(core, instance);
    struct listed listed = listed_of(list);
    const struct dr_instance_view *view = find(&listed, instance);
    dr_index_free(&listed.by_instance);
    if (!machine || !view || !identity_speaks(machine->identity, list->identity))
        return;
    if (state_is(view, "missing"))
        word_missing(core, machine, list, now_ms, out);
    else
        word_seen(core, machine, view, list->identity, now_ms, out);
}

/* While it is not known who answers, too: an id means the same machine everywhere or none (P26),
 * and what is terminating is finished always (P5). */
static bool may_end(const struct prov_core *core, const struct prov_machine *machine)
{
    return !core->identity[0] || identity_speaks(machine->identity, core->identity);
}

static void kill_due(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    for (size_t i = 0; i < core->machine_count; i++) {
        struct prov_machine *machine = &core->machines[i];
        if (machine->state != MACHINE_TERMINATING || !machine->instance[0] ||
            strcmp(machine->said, "ended") == 0 || now_ms < machine->kill_due_ms ||
            !may_end(core, machine))
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
