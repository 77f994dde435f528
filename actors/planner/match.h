/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting tasks of queues against slots that listen to them, as a flow: each slot is counted once,
 * whatever it listens to; queues are served in the order in which they are asked for, and an
 * earlier one never loses what it has to a later one. Pure and deterministic. */
#pragma once
#include <stdbool.h>

#include "arena.h"
#include "drover/schema.h"

/* Where a slot comes from, best first. */
enum supply_kind {
    SUPPLY_IDLE,   /* a worker that is idle and proven, whoever started it */
    SUPPLY_BOOT,   /* a machine that boots or is being launched */
    SUPPLY_WANTED, /* a row that no attempt is starting yet, or a want that is under way */
    SUPPLY_KNOWN,  /* while settling: whatever other machine the ledger knows */
    SUPPLY_BOUGHT, /* what this plan asks for */
    SUPPLY_KINDS
};

struct match;

/* Everything lives in the arena. */
struct match *match_new(struct dr_arena *arena, size_t queues);

/* Adds slots that listen to the queues marked in `listens` (one bool a queue; copied). Equal ones
 * are merged. Returns their group. */
size_t match_add(struct match *match, enum supply_kind kind, const bool *listens, int64_t slots);

/* Serves up to `want` more tasks of a queue from slots of kinds up to this one, moving other
 * queues' tasks to other such slots where that makes room. Returns how many it could. Serving all
 * queues kind by kind uses the best supply first. */
int64_t match_serve(struct match *match, size_t queue, int64_t want, enum supply_kind upto);

/* How many tasks of this queue have a slot of this kind. */
int64_t match_served(const struct match *match, size_t queue, enum supply_kind kind);

/* Slots of a group that nothing was given to. */
int64_t match_unused(const struct match *match, size_t group);
