/* SPDX-License-Identifier: Apache-2.0
 *
 * A reaper's core, its one machine (or two), and what it hears of them.
 */
#pragma once
#include "core.h"

#define WALL_ZERO_US 1700000000000000
#define S 1000

struct world {
    struct dr_cfg_root config;
    struct dr_cfg_account account;
    struct dr_cfg_type type;
    struct reap_core *core;
    struct reap_now now;
    struct reap_effects effects;
    struct dr_machine_row row;   /* one machine is enough for most */
    struct dr_machine_row other; /* in snapshots where it has an id */
    const char *queue;
    struct dr_worker_view worker;
    bool with_worker, settling, let_go;
    size_t waiting;
    int64_t seq;
};

int setup(void **state);
int teardown(void **state);

void step(struct world *world, struct reap_event event);
/* The first of a kind that the last step had; NULL. */
const struct reap_effect *effect(const struct world *world, enum reap_effect_kind kind);
void snapshot(struct world *world);
void pictures(struct world *world);
/* Time goes on, second by second, with ticks and pictures. Stops after the first decision. */
void live(struct world *world, int64_t ms);
void tell_row(struct world *world);
void idle_since(struct world *world, int64_t us);
