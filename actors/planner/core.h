/* SPDX-License-Identifier: Apache-2.0 */
/* The planner without its sockets: messages and time in, effects out. Same input, same plan. */
#pragma once
#include "state.h"

struct planner;

enum effect_kind {
    EFFECT_SNAPSHOT, /* ask the ledger for its rows */
    EFFECT_PICTURE,  /* ask the watcher for its pictures */
    EFFECT_CLOUD,    /* ask provisioner:account for its newest list */
    EFFECT_WANT,     /* ask the ledger for machines */
    EFFECT_CANCEL,   /* tell the ledger that a row is wanted no more */
    EFFECT_PUBLISH,  /* plan.decided: planner_decided() */
    EFFECT_WARN,     /* tell a person */
};

/* Everything in it is borrowed until the next planner_plan(). */
struct effect {
    enum effect_kind kind;
    const char *account;             /* CLOUD */
    const char *queue, *sentence;    /* WARN */
    struct dr_machine_want want;     /* WANT */
    struct dr_machine_cancel cancel; /* CANCEL */
};

/* How long the shell waits for an answer; what is not answered is asked again a second later. */
#define PLANNER_TIMEOUT_MS 4000

/* config is borrowed until planner_reconfigure() or planner_free(). */
struct planner *planner_new(const struct dr_cfg_root *config);
void planner_free(struct planner **planner);
void planner_reconfigure(struct planner *planner, const struct dr_cfg_root *config, struct now now);

/* An event or the reply to a request. Others than it knows are ignored. */
void planner_take(struct planner *planner, const struct dr_message_row *row, const void *body,
                  struct now now);

/* The answer to EFFECT_WANT of this type; NULL: none came. */
void planner_want_answered(struct planner *planner, const char *type, const struct dr_ack *ack,
                           struct now now);

/* Events of this source were missed, or it began a new life. */
void planner_gap(struct planner *planner, const char *source);

/* Plans. Returns the effects, borrowed until the next call; each wanted machine is under way once
 * it is returned. Call it when something came in and at least once a second. */
const struct effect *planner_plan(struct planner *planner, struct now now, size_t *count);

/* The newest plan; with a task: only what concerns it, which is a row of its own where a queue
 * holds it, and none otherwise. Borrowed until the next planner_plan(). */
struct dr_plan_decided planner_decided(struct planner *planner, const char *task, struct now now);
