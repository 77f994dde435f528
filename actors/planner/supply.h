/* SPDX-License-Identifier: Apache-2.0 */
/* Free slots: idle proven workers, whoever started them, and machines that are coming. */
#pragma once
#include "demand.h"

/* A wanted row that no attempt has started, and the group its slots went into. */
struct supply_wanted {
    const struct dr_machine_row *row;
    size_t group;
};

struct supply {
    struct supply_wanted *wanted;
    size_t wanted_count;
    const struct dr_machine_row *
        *paused; /* wanted rows of queues that a person paused: no supply */
    size_t paused_count;
    /* per queue, in the order of demands: idle workers that are not believed any more (P6) */
    const struct watched **tired;
};

/* Adds everything to the match. While settling every machine known counts whole (P3). */
void supply_add(struct dr_arena *arena, const struct state *state, const struct demands *demands,
                struct match *match, bool settling, struct now now, struct supply *out);

/* Live states only: wanted launching booting up draining absent terminating. */
bool supply_is_live(const struct dr_machine_row *row);
