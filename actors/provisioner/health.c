/* SPDX-License-Identifier: Apache-2.0
 *
 * A type whose machines cannot start is not tried for ever at full speed: each failure in a row
 * doubles the wait before the next attempt, and a person is told at the third.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

#define HOLD_FIRST_MS 5000
#define HOLD_MOST_MS 600000
#define TELL_AT 3

struct prov_health *health_of(struct prov_core *core, const char *type)
{
    for (size_t i = 0; i < core->health_count; i++) {
        if (strcmp(core->healths[i].type, type) == 0)
            return &core->healths[i];
    }
    core->healths = realloc(core->healths, (core->health_count + 1) * sizeof *core->healths);
    DR_ASSERT(core->healths);
    struct prov_health *health = &core->healths[core->health_count++];
    *health = (struct prov_health){0};
    prov_copy(health->type, type);
    return health;
}

void health_good(struct prov_core *core, const char *type)
{
    struct prov_health *health = health_of(core, type);
    health->failures = 0;
    health->hold_until_ms = 0;
}

void health_bad(struct prov_core *core, const char *type, int64_t least_ms, const char *why,
                int64_t now_ms, struct prov_effects *out)
{
    struct prov_health *health = health_of(core, type);
    int64_t period = core->settings.list_period_ms;
    int64_t hold = period / 2 < HOLD_FIRST_MS ? period / 2 : HOLD_FIRST_MS;
    for (unsigned i = 0; i < health->failures && hold < HOLD_MOST_MS; i++)
        hold *= 2;
    hold = hold < least_ms ? least_ms : hold;
    hold = hold > HOLD_MOST_MS ? HOLD_MOST_MS : hold;
    health->failures++;
    health->hold_until_ms = now_ms + hold;
    if (health->failures < TELL_AT)
        return;
    effects_tell(out, health->failures == TELL_AT, "",
                 effects_format(out,
                                "%u machines of type %s failed in a row (%s): the next is tried in "
                                "%lld s; `drover logs MACHINE` shows what they printed",
                                health->failures, type, why, (long long)(hold / 1000)));
}
