/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of the wrong account or region is complete, empty and friendly. So the cloud's own name of
 * the account and place stands in every row, and only the same one may say something of it (P4).
 */
#include <stdio.h>
#include <string.h>

#include "core_impl.h"

#define UNKNOWN_TELL_MS 5000

void identity_came(struct prov_core *core, const char *identity)
{
    snprintf(core->identity, sizeof core->identity, "%s", identity ? identity : "");
    if (core->identity[0])
        core->list_due_ms = 0; /* one that was asked for before proved nothing */
    core->unknown_since_ms = 0;
    core->unknown_told = false;
}

bool identity_may_open(struct prov_core *core, int64_t now_ms, struct prov_effects *out)
{
    if (core->identity[0])
        return true;
    if (!core->unknown_since_ms)
        core->unknown_since_ms = now_ms;
    if (!core->unknown_told && now_ms - core->unknown_since_ms >= UNKNOWN_TELL_MS) {
        core->unknown_told = true;
        effects_tell(out, true, "",
                     effects_format(out,
                                    "the cloud has not said which account %s is, so nothing is "
                                    "started in it: are its credentials right, and can the cloud "
                                    "be reached? `drover check` tries them",
                                    core->account));
    }
    return false;
}

bool identity_speaks(const char *row, const char *identity)
{
    return !row[0] || strncmp(row, identity ? identity : "", PROV_IDENTITY_SIZE - 1) == 0;
}

void identity_compare(struct prov_core *core, const char *answering, struct prov_effects *out)
{
    const struct prov_machine *foreign = NULL;
    size_t count = 0;
    if (!answering || !answering[0])
        return;
    for (size_t i = 0; i < core->machine_count; i++) {
        const struct prov_machine *machine = &core->machines[i];
        if (!machine->instance[0] || identity_speaks(machine->identity, answering))
            continue;
        foreign = foreign ? foreign : machine;
        count++;
    }
    if (foreign && strcmp(core->foreign_told, foreign->identity) != 0)
        effects_tell(out, true, "",
                     effects_format(out,
                                    "%zu machines of account %s were started in %s, and %s "
                                    "answers: nothing is concluded of them and they are not "
                                    "ended. Are these the right credentials and region?",
                                    count, core->account, foreign->identity, answering));
    snprintf(core->foreign_told, sizeof core->foreign_told, "%s", foreign ? foreign->identity : "");
}
