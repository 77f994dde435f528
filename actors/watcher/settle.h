/* SPDX-License-Identifier: Apache-2.0 */
/* Settling (P3): absence from the worker list is never evidence. After an outage the list begins
 * empty and fills up again, so for a while nothing may be concluded from it. Pure. */
#ifndef DROVER_WATCHER_SETTLE_H
#define DROVER_WATCHER_SETTLE_H

#include "port.h"
#include "workers.h"

struct known_worker {
    char *id;
    int64_t gone_ms; /* CLOCK_BOOTTIME of the first picture without it; 0: it is there */
    bool expected;   /* its machine is being ended: its going says nothing */
};

struct settle {
    int64_t gap_ms; /* a longer one begins settling */
    int64_t settle_ms;
    int64_t window_ms;  /* workers that vanish within it are counted together */
    int64_t healthy_ms; /* last healthy picture, CLOCK_BOOTTIME; 0: none in this life */
    int64_t healthy_us; /* the same on the wall clock, also from before; 0: never */
    int64_t until_ms;   /* CLOCK_BOOTTIME; 0: not settling */
    int64_t until_us;
    struct known_worker *known;
    size_t count;
};

enum settle_turn { SETTLE_SAME, SETTLE_BEGAN, SETTLE_ENDED };

void settle_init(struct settle *settle, const struct dr_cfg_timing *timing);
void settle_free(struct settle *settle);

/* Takes up what the ledger remembers: the last healthy picture, a settling that runs, and the
 * workers of machines that were up. Once, before the first picture. */
void settle_restore(struct settle *settle, const struct dr_ledger_state *rows, struct when now);

/* A healthy picture of the workers arrived. `words` (of `len` bytes) says why settling began. */
enum settle_turn settle_picture(struct settle *settle, const struct workers *workers,
                                const struct dr_ledger_state *rows, struct when now, char *words,
                                size_t len);

bool settle_runs(const struct settle *settle, struct when now);

#endif
