/* SPDX-License-Identifier: Apache-2.0
 *
 * What the cloud's word on one bound instance means for its row (P4, P11, P21).
 */
#include <string.h>

#include "core_impl.h"

#define SAY_AGAIN_MS 10000
#define TAG_AGAIN_MS 30000
#define TAG_AGAIN_MOST_MS 600000

static bool state_is(const struct dr_instance_view *view, const char *word)
{
    return strcmp(view->state, word) == 0;
}

static void emit(struct prov_machine *machine, const char *word, const char *sentence,
                 const char *identity, int64_t now_ms, struct prov_effects *out)
{
    machine->saying = true;
    machine->said_ms = now_ms;
    struct prov_effect *effect = effects_add(out, PROV_DO_SAY, machine->id);
    effect->instance = effects_text(out, machine->instance);
    effect->word = word;
    effect->identity = effects_text(out, identity);
    effect->sentence = effects_text(out, sentence);
}

static void say(struct prov_machine *machine, const char *word, const char *sentence,
                const char *identity, int64_t now_ms, struct prov_effects *out)
{
    bool again = now_ms - machine->said_ms >= SAY_AGAIN_MS;
    if (machine->saying || (strcmp(machine->said, word) == 0 && !again))
        return;
    machine->said = word;
    emit(machine, word, sentence, identity, now_ms, out);
}

void word_said(struct prov_core *core, const char *id, bool ok, int64_t now_ms)
{
    struct prov_machine *machine = core_machine(core, id);
    if (!machine)
        return;
    machine->saying = false;
    if (!ok) {
        machine->said = "";
        machine->noticed = false;
        machine->refused_ms = now_ms;
        core->snapshot_due_ms = now_ms;
    }
}

/* Its coming end: told once, and again only where that was refused. */
static void notice(struct prov_machine *machine, const struct dr_instance_view *view,
                   const char *identity, int64_t now_ms, struct prov_effects *out)
{
    if (!view->notice || !view->notice[0] || machine->noticed || machine->saying ||
        machine->state == MACHINE_DRAINING || machine->state == MACHINE_TERMINATING)
        return;
    if (machine->refused_ms && now_ms - machine->refused_ms < SAY_AGAIN_MS)
        return;
    machine->noticed = true;
    emit(machine, "noticed", view->notice, identity, now_ms, out);
}

static void tag(const struct prov_core *core, struct prov_machine *machine,
                const struct dr_instance_view *view, int64_t now_ms, struct prov_effects *out)
{
    if (!core->settings.tags || machine->state == MACHINE_TERMINATING)
        return;
    if (view->machine && strcmp(view->machine, machine->id) == 0) {
        machine->tag_due_ms = machine->tag_wait_ms = 0;
        return;
    }
    if (now_ms < machine->tag_due_ms)
        return;
    int64_t wait = machine->tag_wait_ms ? machine->tag_wait_ms * 2 : TAG_AGAIN_MS;
    machine->tag_wait_ms = wait > TAG_AGAIN_MOST_MS ? TAG_AGAIN_MOST_MS : wait;
    machine->tag_due_ms = now_ms + machine->tag_wait_ms;
    effects_add(out, PROV_DO_TAG, machine->id)->instance = effects_text(out, machine->instance);
}

void word_seen(struct prov_core *core, struct prov_machine *machine,
               const struct dr_instance_view *view, const char *identity, int64_t now_ms,
               struct prov_effects *out)
{
    const char *sentence =
        effects_format(out, "account %s says: %s", core->account, view->cloud_state);
    if (state_is(view, "ended")) {
        machine->missing_ms = 0;
        say(machine, "ended", sentence, identity, now_ms, out);
    } else if (state_is(view, "present")) {
        machine->missing_ms = 0;
        if (machine->state == MACHINE_ABSENT || strcmp(machine->said, "absent") == 0)
            say(machine, "present", sentence, identity, now_ms, out);
        notice(machine, view, identity, now_ms, out);
        tag(core, machine, view, now_ms, out);
    }
}

bool word_young(const struct prov_core *core, const struct prov_machine *machine, int64_t now_ms)
{
    return now_ms - machine->bound_ms < core->settings.visible_ms;
}

void word_absent(struct prov_core *core, struct prov_machine *machine, const char *identity,
                 int64_t now_ms, struct prov_effects *out)
{
    if (word_young(core, machine, now_ms) || machine->state == MACHINE_TERMINATING ||
        machine->state == MACHINE_ABSENT)
        return;
    say(machine, "absent", "a complete list of its account lacks it", identity, now_ms, out);
}

/* Its age is counted from when this process first saw it bound: a restart only makes that later.
 * Where lists are exact (visible_ms 0) the driver says `ended` itself. */
void word_missing(struct prov_core *core, struct prov_machine *machine,
                  const struct driver_list *list, int64_t now_ms, struct prov_effects *out)
{
    if (core->settings.visible_ms <= 0 || word_young(core, machine, list->sent_ms) ||
        core->distrusted)
        return;
    if (!machine->missing_ms)
        machine->missing_ms = list->sent_ms;
    int64_t apart_ms = list->sent_ms - machine->missing_ms;
    if (apart_ms < core->settings.list_period_ms)
        return;
    say(machine, "ended",
        effects_format(out, "account %s does not know it: asked by id twice, %lld s apart",
                       core->account, (long long)(apart_ms / 1000)),
        list->identity, now_ms, out);
}
