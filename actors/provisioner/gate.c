/* SPDX-License-Identifier: Apache-2.0
 *
 * What is refused to the whole account is one event, however many requests hear of it: all wait,
 * one tries again, and the others follow when that works. Credentials refused: account_hold,
 * doubling to 10 min. Too many calls: throttle_hold, doubling to 32 s, with full jitter, or as long
 * as the cloud says.
 *
 * Whether refused credentials are the whole account's is a guess: a role that may not be handed
 * over, or an image that is another account's, is refused with the same words. So the types take
 * turns in trying then.
 */
#include <string.h>

#include "core_impl.h"

#define REFUSED_MOST_MS 600000
#define THROTTLED_MOST_MS 32000

static int64_t first_ms(const struct prov_core *core, enum driver_class why)
{
    return why == DRIVER_AUTH ? core->settings.account_hold_ms : core->settings.throttle_hold_ms;
}

static int64_t longer_ms(const struct prov_gate *gate)
{
    int64_t most = gate->why == DRIVER_AUTH ? REFUSED_MOST_MS : THROTTLED_MOST_MS;
    return gate->wait_ms > most / 2 ? most : gate->wait_ms * 2;
}

/* splitmix64: good enough to spread callers out, and the same for the same seed. */
static uint64_t next_random(struct prov_core *core)
{
    uint64_t z = core->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

bool gate_open(const struct prov_core *core)
{
    return core->gate.why == DRIVER_OK;
}

/* Shut, but it is time to try. */
static bool ajar(const struct prov_gate *gate, int64_t now_ms)
{
    return !gate->by_list && !gate->probe[0] && now_ms >= gate->until_ms;
}

/* One of a type that was refused longer ago, or never. */
static bool another_first(const struct prov_core *core, const struct prov_attempt *attempt)
{
    for (size_t i = 0; i < core->attempt_count; i++) {
        const struct prov_attempt *other = &core->attempts[i];
        if (other->held && other->refused_ms < attempt->refused_ms &&
            identity_speaks(other->identity, core->identity))
            return true;
    }
    return false;
}

bool gate_lets(const struct prov_core *core, const struct prov_attempt *attempt, int64_t now_ms)
{
    if (!identity_speaks(attempt->identity, core->identity))
        return false;
    return gate_open(core) || (ajar(&core->gate, now_ms) && !another_first(core, attempt));
}

void gate_sent(struct prov_core *core, const struct prov_attempt *attempt)
{
    if (!gate_open(core))
        prov_copy(core->gate.probe, attempt->id);
}

bool gate_may_open(const struct prov_core *core, const char *type, int64_t now_ms)
{
    const struct prov_gate *gate = &core->gate;
    if (gate->why == DRIVER_AUTH) /* one type may be the reason: beside another's try, too */
        return !gate->by_list && now_ms >= gate->until_ms && !attempts_open_of(core, type);
    return gate_open(core) || (ajar(gate, now_ms) && attempts_open(core) == 0);
}

static bool tries(const struct prov_gate *gate, const struct prov_attempt *attempt)
{
    return attempt && gate->probe[0] && strcmp(gate->probe, attempt->id) == 0;
}

static void note_refusal(struct prov_core *core, const char *type, int64_t now_ms)
{
    for (size_t i = 0; i < core->attempt_count; i++) {
        if (strcmp(core->attempts[i].type, type) == 0)
            core->attempts[i].refused_ms = now_ms;
    }
}

void gate_refused(struct prov_core *core, const struct prov_attempt *attempt,
                  enum driver_class class, const char *sentence, int64_t retry_after_ms,
                  int64_t now_ms, struct prov_effects *out)
{
    struct prov_gate *gate = &core->gate;
    bool worse = class == DRIVER_AUTH && gate->why != DRIVER_AUTH;
    if (attempt && class == DRIVER_AUTH)
        note_refusal(core, attempt->type, now_ms);
    if (!gate_open(core) && !worse && !tries(gate, attempt))
        return; /* sent before the gate was shut: the same news */
    gate->wait_ms = gate->why == class ? longer_ms(gate) : first_ms(core, class);
    gate->why = class;
    gate->by_list = attempt == NULL;
    gate->probe[0] = '\0';
    int64_t wait = gate->wait_ms;
    if (class == DRIVER_THROTTLE)
        wait = 1 + (int64_t)(next_random(core) % (uint64_t)gate->wait_ms);
    gate->until_ms = now_ms + (retry_after_ms > 0 ? retry_after_ms : wait);
    if (worse)
        effects_tell(out, true, "",
                     effects_format(out,
                                    "account %s is refused by the cloud, so nothing is started in "
                                    "it until that works again: %s",
                                    core->account, sentence));
}

static void unlock(struct prov_core *core, struct prov_effects *out)
{
    if (core->gate.why == DRIVER_AUTH)
        effects_tell(
            out, false, "",
            effects_format(out, "account %s is accepted by the cloud again", core->account));
    core->gate = (struct prov_gate){.why = DRIVER_OK};
}

void gate_answered(struct prov_core *core, const struct prov_attempt *attempt, bool definite,
                   int64_t now_ms, struct prov_effects *out)
{
    struct prov_gate *gate = &core->gate;
    if (gate_open(core) || !tries(gate, attempt))
        return;
    if (definite) {
        unlock(core, out);
        return;
    }
    gate->probe[0] = '\0'; /* it says neither: another one tries, as much later as this one */
    gate->until_ms = now_ms + gate->wait_ms;
}

/* Rights to list are no rights to launch: a list opens only what a list has shut. */
void gate_list_good(struct prov_core *core, struct prov_effects *out)
{
    if (!gate_open(core) && core->gate.by_list)
        unlock(core, out);
}

void gate_try_now(struct prov_core *core)
{
    core->gate.until_ms = 0;
    core->gate.wait_ms = first_ms(core, core->gate.why) / 2; /* the next refusal is a first one */
}
