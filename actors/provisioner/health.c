/* SPDX-License-Identifier: Apache-2.0
 *
 * A type whose machines cannot start is not tried for ever at full speed: each failure in a row
 * doubles the wait before the next attempt, and a person is told at the third. A quota stops it at
 * once for longer; a request that was too big is halved for a while.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

#define HOLD_FIRST_MS 5000
#define HOLD_MOST_MS 600000
#define TELL_AT 3
#define QUOTA_MOST_MS 3600000
#define HALVED_MS 600000

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

void health_bad(struct prov_core *core, const char *type, const char *why, int64_t now_ms,
                struct prov_effects *out)
{
    struct prov_health *health = health_of(core, type);
    int64_t period = core->settings.list_period_ms;
    int64_t hold = period / 2 < HOLD_FIRST_MS ? period / 2 : HOLD_FIRST_MS;
    for (unsigned i = 0; i < health->failures && hold < HOLD_MOST_MS; i++)
        hold *= 2;
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

void health_quota(struct prov_core *core, const char *type, const char *sentence, int64_t now_ms,
                  struct prov_effects *out)
{
    struct prov_health *health = health_of(core, type);
    if (now_ms < health->quota_until_ms)
        return; /* asked before the hold: the same news */
    bool first = health->quota_wait_ms == 0;
    int64_t wait = first ? core->settings.quota_hold_ms : health->quota_wait_ms * 2;
    health->quota_wait_ms = wait > QUOTA_MOST_MS ? QUOTA_MOST_MS : wait;
    health->quota_until_ms = now_ms + health->quota_wait_ms;
    effects_tell(out, first, "",
                 effects_format(out,
                                "account %s may have no more machines of type %s; the next is "
                                "tried in %lld min, unless its quota is raised: %s",
                                core->account, type, (long long)(health->quota_wait_ms / 60000),
                                sentence));
}

void health_too_many(struct prov_core *core, const char *type, size_t asked, const char *sentence,
                     int64_t now_ms, struct prov_effects *out)
{
    if (asked <= 1) { /* it cannot be less */
        health_quota(core, type, sentence, now_ms, out);
        return;
    }
    size_t most = health_batch(core, type, now_ms), half = asked / 2;
    struct prov_health *health = health_of(core, type);
    health->batch = half < most ? half : most;
    health->batch_until_ms = now_ms + HALVED_MS;
}

void health_started(struct prov_core *core, const char *type)
{
    struct prov_health *health = health_of(core, type);
    health->quota_wait_ms = 0;
    health->quota_until_ms = 0;
}

bool health_holds(struct prov_core *core, const char *type, int64_t now_ms)
{
    const struct prov_health *health = health_of(core, type);
    return now_ms < health->hold_until_ms || now_ms < health->quota_until_ms;
}

size_t health_batch(struct prov_core *core, const char *type, int64_t now_ms)
{
    const struct prov_health *health = health_of(core, type);
    size_t most = core->settings.batch_max;
    return health->batch && health->batch < most && now_ms < health->batch_until_ms ? health->batch
                                                                                    : most;
}

void health_fresh(struct prov_core *core)
{
    for (size_t i = 0; i < core->health_count; i++) {
        struct prov_health *health = &core->healths[i];
        char type[PROV_ID];
        prov_copy(type, health->type);
        *health = (struct prov_health){0};
        prov_copy(health->type, type);
    }
}
