/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for the planner: said in a few words, shown to it as messages. */
#pragma once
#include "core.h"

#define WORLD_MAX 64

struct world {
    struct dr_config *config;
    struct planner *planner;
    struct now now;
    int64_t seq;

    struct dr_queue_view queues[8];
    size_t queue_count;
    struct dr_worker_view workers[WORLD_MAX];
    size_t worker_count;
    struct dr_machine_row machines[WORLD_MAX];
    size_t machine_count;
    struct dr_slot_row slots[WORLD_MAX]; /* shown with the rows */
    size_t slot_count;
    struct dr_recovery_row recoveries[8];
    size_t recovery_count;
    struct dr_pause_row pauses[4];
    size_t pause_count;
    bool settling;

    /* of the last world_plan() */
    const struct effect *effects;
    size_t effect_count;
    char names[256][32];
    size_t name_count;
};

struct world *world_new(const char *yaml);
void world_free(struct world *w);

/* A queue's waiting tasks: "NAME-1" to "NAME-n"; n < 0: the server does not have it. */
void world_queue(struct world *w, const char *name, int n);
/* A worker that listens to these queues (names, separated by a space); task NULL: idle. Ours when
 * instance is not NULL. */
struct dr_worker_view *world_worker(struct world *w, const char *id, const char *queues,
                                    const char *task, const char *instance);
/* A machine of a type in a state; bound ones have the instance "i-" and their id. */
struct dr_machine_row *world_machine(struct world *w, const char *id, const char *type,
                                     const char *state);

/* Shows pictures, lists and rows as they stand now. */
void world_show(struct world *w);
void world_show_queues(struct world *w);
void world_show_workers(struct world *w);
void world_show_clouds(struct world *w);
void world_show_rows(struct world *w);
/* The event of one machine. */
void world_changed(struct world *w, const struct dr_machine_row *row);

/* The event of a pause (since_us 0: resumed). */
void world_pause(struct world *w, const char *queue, int64_t since_us);

void world_plan(struct world *w);
/* Machines asked for of this type in the last plan, -1: it was not asked for. */
int64_t world_wanted(const struct world *w, const char *type);
size_t world_effects(const struct world *w, enum effect_kind kind);
/* "verdict" of a queue ("" when the plan says nothing of it), and its sentence. */
const char *world_verdict(const struct world *w, const char *queue);
const char *world_sentence(const struct world *w, const char *queue);

/* The ledger says so to the want of a type. */
void world_answer(struct world *w, const char *type, const char *code, const char *sentence,
                  int64_t seq);
