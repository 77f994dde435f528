/* SPDX-License-Identifier: Apache-2.0
 *
 * The provisioner's decisions for one account: (state, event, now) -> (state, effects). Pure. It
 * converges from the ledger's rows and the newest list; a lost, doubled or late event costs time.
 * `now` is CLOCK_BOOTTIME in milliseconds. Everything in an event is borrowed for the step.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"
#include "driver.h"
#include "drover/message.h"

struct prov_core;

/* What can be asked for to get a type, first choice first. */
struct prov_type {
    const char *name;
    struct dr_strs offerings;
};

/* All of it is copied. A type that is not in it has itself as its only offering. */
struct prov_settings {
    const char *account;
    size_t batch_max;
    int64_t honours_ms;
    int64_t list_period_ms;
    int64_t visible_ms;
    int64_t account_hold_ms, throttle_hold_ms; /* the first of a row of refusals */
    int64_t capacity_hold_ms, quota_hold_ms;   /* the same */
    int64_t unfit_hold_ms;
    bool tags;     /* the cloud can be told a row's id */
    uint64_t seed; /* of all jitter; any number */
    const struct prov_type *types;
    size_t type_count;
};

enum prov_event_kind {
    PROV_TICK,
    PROV_SNAPSHOT,      /* state; NULL: it could not be had */
    PROV_GAP,           /* events were missed */
    PROV_MACHINE,       /* machine, seq */
    PROV_ATTEMPT,       /* attempt, seq */
    PROV_KEY,           /* key */
    PROV_IDENTITY,      /* id: what the driver answers for; "" while that is not known */
    PROV_OPENED,        /* answer to OPEN: machines, ok, code, sentence, id: the attempt */
    PROV_ATTEMPT_EVENT, /* id: the attempt, what happened, answer where the cloud spoke */
    PROV_LISTED,        /* list */
    PROV_DESCRIBED,     /* id: the instance, list of it alone */
    PROV_SAID,          /* answer to SAY: id: the machine, ok */
};

struct prov_event {
    enum prov_event_kind kind;
    const char *id;
    bool ok;
    const char *code, *sentence;
    int64_t seq;
    enum attempt_event what;
    const struct dr_ledger_state *state;
    const struct dr_machine_row *machine;
    const struct dr_attempt_row *attempt;
    const struct dr_key_row *key;
    const struct driver_answer *answer;
    const struct driver_list *list;
    struct dr_strs machines;
};

enum prov_effect_kind {
    PROV_DO_SNAPSHOT, /* ask the ledger for all rows -> SNAPSHOT */
    PROV_DO_OPEN,     /* attempt.open for `machines`: offering, identity -> OPENED */
    PROV_DO_PREPARE,  /* fetch attempt `id`, open or build -> ATTEMPT_EVENT */
    PROV_DO_COMMIT,   /* attempt.commit with what was built -> ATTEMPT_EVENT */
    PROV_DO_SEND,     /* driver launch with the committed bytes -> ATTEMPT_EVENT */
    PROV_DO_CLOSE, /* attempt.close: word, instances, give_up, excused, sentence -> ATTEMPT_EVENT */
    PROV_DO_FORGET,    /* wipe what is kept of attempt `id` */
    PROV_DO_LIST,      /* driver list -> LISTED */
    PROV_DO_DESCRIBE,  /* driver describe `id` -> DESCRIBED */
    PROV_DO_TERMINATE, /* driver terminate `id`; its end is a word of the list */
    PROV_DO_TAG,       /* driver tag: id: the machine, instance; done when a list shows it */
    PROV_DO_SAY,       /* machine.seen: id: the machine, instance, word, identity -> SAID */
    PROV_DO_FOUND,     /* machine.found for instance `id` of the last list */
    PROV_DO_CLEAN,     /* instance `id` has ended for good: leave nothing behind */
    PROV_DO_TELL,      /* a sentence for a person; machine may be "" */
};

struct prov_effect {
    enum prov_effect_kind kind;
    const char *id, *instance, *word, *sentence, *type, *offering, *identity;
    bool give_up, excused, alarm;
    struct dr_strs machines, instances;
};

/* Effects of one step, in order. Their texts live until prov_effects_free(). */
struct prov_effects {
    struct prov_effect *items;
    size_t count, capacity;
    struct prov_text *texts;
};
void prov_effects_free(struct prov_effects *effects);

struct prov_core *core_new(const struct prov_settings *settings);
void core_free(struct prov_core *core);

/* Also gives types whose machines failed a fresh chance. */
void core_configure(struct prov_core *core, const struct prov_settings *settings);
void core_step(struct prov_core *core, const struct prov_event *event, int64_t now_ms,
               struct prov_effects *out);

/* Milliseconds until a step is due that the next tick would be late for; -1: there is none. */
int64_t core_wake_ms(const struct prov_core *core, int64_t now_ms);

/* Calls `each` for every row that is bound to an instance. was_up: its agent has been seen. */
typedef void (*core_each_fn)(void *arg, const char *machine, const char *instance, bool was_up);
void core_each_bound(const struct prov_core *core, core_each_fn each, void *arg);

/* The machine row that an instance is bound to, or "". Borrowed until the next step. */
const char *core_machine_of(const struct prov_core *core, const char *instance);

/* False once an attempt is closed, or when it was never known. */
bool core_attempt_is_open(const struct prov_core *core, const char *id);

bool core_synced(const struct prov_core *core);
