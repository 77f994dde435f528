/* SPDX-License-Identifier: Apache-2.0
 *
 * A core, the rows that a ledger would hold, and the effects of the last steps.
 */
#pragma once
#include "core.h"

#define WORLD_MAX 64

struct world {
    struct prov_core *core;
    int64_t now_ms;
    struct prov_effects effects;
    struct dr_machine_row machines[WORLD_MAX];
    size_t machine_count;
    struct dr_attempt_row attempts[WORLD_MAX];
    size_t attempt_count;
    int64_t seq;
    const char *blocked;
};

int world_setup(void **state);
int world_teardown(void **state);

/* One step; its effects replace those of the step before. */
void world_step(struct world *world, struct prov_event event);
void world_tick(struct world *world, int64_t later_ms);
void world_snapshot(struct world *world);

/* Rows, with defaults; change and tell them. */
struct dr_machine_row *world_machine(struct world *world, const char *id, const char *state,
                                     const char *instance);
struct dr_attempt_row *world_attempt(struct world *world, const char *id, const char *state,
                                     const char *const *machine);
void world_tell_machine(struct world *world, struct dr_machine_row *row);
void world_tell_attempt(struct world *world, const struct dr_attempt_row *row);
void world_happens(struct world *world, const char *attempt, enum attempt_event what);
void world_answers(struct world *world, const char *attempt, enum driver_class class,
                   const char *instance);

/* A list: "i-1" is present, "-i-1" ended, "?i-1" unknown; each has attempt "at-i-1". NULL ends. */
void world_list(struct world *world, const char *const *instances);
void world_describe(struct world *world, const char *instance, const char *state);

/* The n-th effect of a kind, or NULL; how many. */
const struct prov_effect *world_effect(const struct world *world, enum prov_effect_kind kind,
                                       size_t n);
size_t world_count(const struct world *world, enum prov_effect_kind kind);
