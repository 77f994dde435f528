/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's state, shared by core.c (rows, attempts) and fleet.c (lists) and by nobody else.
 */
#pragma once
#include "core.h"

#define PROV_ID 96
#define PROV_SENTENCE 320

enum machine_state {
    MACHINE_OTHER, /* a word that this version does not know: left alone */
    MACHINE_WANTED,
    MACHINE_LAUNCHING,
    MACHINE_BOOTING,
    MACHINE_UP,
    MACHINE_DRAINING,
    MACHINE_ABSENT,
    MACHINE_TERMINATING,
    MACHINE_GONE,
    MACHINE_CANCELLED,
    MACHINE_FAILED,
};

struct prov_machine {
    char id[PROV_ID], type[PROV_ID], attempt[PROV_ID], instance[PROV_ID], offering[PROV_ID];
    int64_t version;
    enum machine_state state;
    bool was_up;
    bool own_end;         /* nobody asked for its end: no drain, or one for never registering */
    bool opening;         /* attempt.open under way */
    int64_t open_from_ms; /* not tried before */
    int64_t bound_ms;     /* when its instance was first seen in the row */
    const char *said;     /* "", "present", "absent", "ended": what the ledger was told last */
    bool saying;
    int64_t said_ms;
    int64_t kill_due_ms; /* terminate is sent again then */
    int64_t kill_wait_ms;
    bool in_snapshot;
};

struct prov_attempt {
    char id[PROV_ID], type[PROV_ID];
    enum attempt_state state;
    int64_t due_ms; /* 0: not due by itself */
    int64_t wait_ms;
    int64_t ordinal;
    int64_t since_ms;      /* first seen here */
    int64_t quiet_from_ms; /* stuck: a list after this that is free of its id lets it close */
    char (*machines)[PROV_ID];
    size_t machine_count;
    char (*instances)[PROV_ID]; /* of the cloud's answer */
    size_t instance_count;
    const char *outcome;
    bool give_up;
    char sentence[PROV_SENTENCE];
    bool news; /* came while it was being prepared: look once more */
    bool in_snapshot;
};

/* Machines of a type that fail one after the other are tried ever more slowly. */
struct prov_health {
    char type[PROV_ID];
    unsigned failures;
    int64_t hold_until_ms;
};

struct prov_found {
    char instance[PROV_ID];
    int64_t again_ms;
};

struct prov_core {
    char account[PROV_ID];
    struct prov_settings settings;
    struct prov_machine *machines;
    size_t machine_count, machine_capacity;
    struct prov_attempt *attempts;
    size_t attempt_count, attempt_capacity;
    struct prov_health *healths;
    size_t health_count;
    struct prov_found *found;
    size_t found_count;
    int64_t seq;
    bool synced, blocked;
    bool snapshot_asked;
    int64_t snapshot_due_ms;
    bool list_asked;
    int64_t list_due_ms;
    int64_t listed_ms; /* when the request of the last whole list was sent; -1: never */
    bool list_failing, distrusted;
};

/* ---- core.c --------------------------------------------------------------------------------- */
struct prov_machine *core_machine(struct prov_core *core, const char *id);
struct prov_machine *core_bound(struct prov_core *core, const char *instance);
struct prov_attempt *core_attempt(struct prov_core *core, const char *id);
void core_attempt_happened(struct prov_core *core, struct prov_attempt *attempt,
                           enum attempt_event event, const struct driver_answer *answer,
                           int64_t now_ms, struct prov_effects *out);

/* ---- effects.c ------------------------------------------------------------------------------ */
struct prov_effect *effects_add(struct prov_effects *out, enum prov_effect_kind kind,
                                const char *id);
const char *effects_text(struct prov_effects *out, const char *text);
const char *effects_format(struct prov_effects *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct dr_strs effects_strs(struct prov_effects *out, char (*items)[PROV_ID], size_t count);
void effects_tell(struct prov_effects *out, bool alarm, const char *machine, const char *sentence);

/* ---- health.c ------------------------------------------------------------------------------- */
struct prov_health *health_of(struct prov_core *core, const char *type);
void health_good(struct prov_core *core, const char *type);
void health_bad(struct prov_core *core, const char *type, int64_t least_ms, const char *why,
                int64_t now_ms, struct prov_effects *out);

/* ---- fleet.c: the list against the rows (P4, P25) -------------------------------------------- */
void fleet_listed(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                  struct prov_effects *out);
void fleet_described(struct prov_core *core, const char *instance, const struct driver_list *list,
                     int64_t now_ms, struct prov_effects *out);
void fleet_said(struct prov_core *core, const char *machine, bool ok, int64_t now_ms);
/* What is due: lists, terminations. */
void fleet_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out);
bool fleet_list_fresh(const struct prov_core *core, int64_t now_ms);

void prov_copy(char out[PROV_ID], const char *text);
