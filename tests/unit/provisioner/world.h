/* SPDX-License-Identifier: Apache-2.0
 *
 * A core, the rows that a ledger would hold, and the effects of the last steps.
 */
#pragma once
#include "core.h"

#define WORLD_MAX 128

struct world {
    struct prov_core *core;
    int64_t now_ms;
    struct prov_effects effects;
    struct dr_machine_row machines[WORLD_MAX];
    size_t machine_count;
    struct dr_attempt_row attempts[WORLD_MAX];
    size_t attempt_count;
    const char *names[WORLD_MAX][WORLD_MAX];
    char offerings[WORLD_MAX][96];
    int64_t seq;
    const char *blocked;
    struct prov_settings settings; /* change and world_configure() */
    const char *identity;          /* that answers */
    const char *notice;            /* of the first instance of the next lists; "": none */
    const char *tagged;            /* its tag drover-machine */
};

int world_setup(void **state);
int world_teardown(void **state);

void world_configure(struct world *world);

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
void world_answer(struct world *world, const char *attempt, const struct driver_answer *answer);

/* The ledger's answer to the n-th OPEN effect of the last step: attempt `id` is open. */
void world_opened(struct world *world, size_t n, const char *id);

/* Rows are there, and a good list that is empty. */
void world_ready(struct world *world);

/* From an OPEN effect of the last step (the n-th) to the call: attempt `id` of `machines` is sent
 * if the engine lets it. The steps' SEND effects are counted; the rows are launching. */
size_t world_send(struct world *world, size_t n, const char *id);
/* The refusal or success is in the ledger: rows that got nothing are wanted again. */
void world_closed(struct world *world, const char *id);

/* A list: "i-1" is present, "-i-1" ended, "?i-1" unknown; each has attempt "at-i-1". NULL ends. */
void world_list(struct world *world, const char *const *instances);
void world_describe(struct world *world, const char *instance, const char *state);

/* The n-th effect of a kind, or NULL; how many. */
const struct prov_effect *world_effect(const struct world *world, enum prov_effect_kind kind,
                                       size_t n);
size_t world_count(const struct world *world, enum prov_effect_kind kind);
