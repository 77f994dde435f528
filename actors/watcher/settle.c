/* SPDX-License-Identifier: Apache-2.0 */
#include "settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

void settle_init(struct settle *settle, const struct dr_cfg_timing *timing)
{
    settle->gap_ms = timing->settle_gap_ms;
    settle->settle_ms = timing->settle_ms;
    settle->window_ms = timing->settle_gap_ms;
}

void settle_free(struct settle *settle)
{
    for (size_t i = 0; i < settle->count; i++)
        free(settle->known[i].id);
    free(settle->known);
    memset(settle, 0, sizeof *settle);
}

static struct lookup lookup_known(const struct settle *settle)
{
    struct lookup lookup = lookup_new(settle->count);
    for (size_t i = 0; i < settle->count; i++)
        lookup_add(&lookup, settle->known[i].id, i);
    return lookup;
}

/* known: of those before. */
static void learn(struct settle *settle, const struct lookup *known, const char *id)
{
    size_t at = lookup_find(known, id);
    if (at == DR_INDEX_NONE) {
        at = settle->count++;
        settle->known = realloc(settle->known, settle->count * sizeof *settle->known);
        DR_ASSERT(settle->known != NULL);
        settle->known[at] = (struct known_worker){.id = strdup(id)};
        DR_ASSERT(settle->known[at].id != NULL);
    }
    settle->known[at].gone_ms = 0;
}

static void forget(struct settle *settle, size_t i)
{
    free(settle->known[i].id);
    settle->known[i] = settle->known[--settle->count];
}

void settle_restore(struct settle *settle, const struct dr_ledger_state *rows, struct when now)
{
    settle->healthy_us = rows->healthy_us;
    int64_t left_ms = (rows->settling_until_us - now.wall_us) / 1000;
    if (rows->settling_until_us != 0 && left_ms > 0) {
        /* A wall clock that was set back must not settle for ever. */
        left_ms = left_ms > settle->settle_ms ? settle->settle_ms : left_ms;
        settle->until_ms = now.boot_ms + left_ms;
        settle->until_us = now.wall_us + left_ms * 1000;
    }
    struct lookup known = lookup_known(settle), machines = lookup_machines(rows);
    for (size_t i = 0; i < rows->slots.count; i++) { /* each worker once */
        size_t at = lookup_find(&machines, rows->slots.items[i].machine);
        if (at != DR_INDEX_NONE && strcmp(rows->machines.items[at].state, "up") == 0)
            learn(settle, &known, rows->slots.items[i].worker);
    }
    lookup_free(&machines);
    lookup_free(&known);
}

bool settle_runs(const struct settle *settle, struct when now)
{
    return settle->until_ms != 0 && now.boot_ms < settle->until_ms;
}

/* A gap counts only if machines were up when it began: a first start, or an empty flock, has
 * nothing to lose. */
static bool any_up_at(const struct dr_ledger_state *rows, int64_t at_us)
{
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *m = &rows->machines.items[i];
        if (m->up_us != 0 && m->up_us <= at_us && (m->ended_us == 0 || m->ended_us > at_us))
            return true;
    }
    return false;
}

static int64_t gap_of(const struct settle *settle, struct when now)
{
    if (settle->healthy_ms != 0)
        return now.boot_ms - settle->healthy_ms;
    return settle->healthy_us == 0 ? 0 : (now.wall_us - settle->healthy_us) / 1000;
}

struct places {
    const struct dr_ledger_state *rows;
    struct lookup slots, machines;
};

static bool worker_is_ending(const struct places *places, const char *worker)
{
    const struct dr_ledger_state *rows = places->rows;
    size_t slot = lookup_find(&places->slots, worker);
    if (slot == DR_INDEX_NONE)
        return false;
    size_t at = lookup_find(&places->machines, rows->slots.items[slot].machine);
    return at != DR_INDEX_NONE && machine_is_ending(&rows->machines.items[at]);
}

/* Brings `known` up to date with the picture; how many that we expected to stay are gone within the
 * window goes to *vanished, of how many to *of. */
static void count_vanished(struct settle *settle, const struct workers *workers,
                           const struct dr_ledger_state *rows, struct when now, size_t *vanished,
                           size_t *of)
{
    struct lookup known = lookup_known(settle), listed = lookup_new(workers->count);
    for (size_t i = 0; i < workers->count; i++) { /* each once */
        lookup_add(&listed, workers->list[i].id, i);
        learn(settle, &known, workers->list[i].id);
    }
    lookup_free(&known);
    struct places places = {rows, lookup_slots(rows), lookup_machines(rows)};
    *vanished = *of = 0;
    for (size_t i = settle->count; i-- > 0;) {
        struct known_worker *worker = &settle->known[i];
        bool there = lookup_find(&listed, worker->id) != DR_INDEX_NONE;
        if (!there && worker->gone_ms == 0) {
            worker->gone_ms = now.boot_ms;
            worker->expected = worker_is_ending(&places, worker->id);
        }
        if (!there && now.boot_ms - worker->gone_ms > settle->window_ms) {
            forget(settle, i);
            continue;
        }
        *vanished += !there && !worker->expected;
        *of += there || !worker->expected;
    }
    lookup_free(&listed);
    lookup_free(&places.slots);
    lookup_free(&places.machines);
}

static void begin(struct settle *settle, struct when now)
{
    settle->until_ms = now.boot_ms + settle->settle_ms;
    settle->until_us = now.wall_us + settle->settle_ms * 1000;
    for (size_t i = settle->count; i-- > 0;) /* counted once */
        if (settle->known[i].gone_ms != 0)
            forget(settle, i);
}

enum settle_turn settle_picture(struct settle *settle, const struct workers *workers,
                                const struct dr_ledger_state *rows, struct when now, char *words,
                                size_t len)
{
    int64_t gap_ms = gap_of(settle, now);
    bool long_gap = gap_ms > settle->gap_ms && any_up_at(rows, settle->healthy_us);
    size_t vanished, of;
    count_vanished(settle, workers, rows, now, &vanished, &of);
    bool many_gone = vanished > 2 && vanished * 5 > of, first = settle->healthy_ms == 0;
    settle->healthy_ms = now.boot_ms;
    settle->healthy_us = now.wall_us;
    if (long_gap || many_gone) {
        if (many_gone)
            snprintf(words, len, "%zu of %zu workers vanished from the server's list", vanished,
                     of);
        else if (first) /* who was away, the server or Drover, nobody knows */
            snprintf(words, len,
                     "Drover has just begun to look, and its last healthy picture of the server is "
                     "%lld s old",
                     (long long)(gap_ms / 1000));
        else
            snprintf(words, len, "the server gave no healthy picture for %lld s",
                     (long long)(gap_ms / 1000));
        begin(settle, now);
        return SETTLE_BEGAN;
    }
    if (settle->until_ms != 0 && now.boot_ms >= settle->until_ms) {
        settle->until_ms = settle->until_us = 0;
        return SETTLE_ENDED;
    }
    return SETTLE_SAME;
}
