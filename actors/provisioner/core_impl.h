/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's state, shared by its files and by nobody else.
 */
#pragma once
#include "core.h"
#include "index.h"
#include "offering.h"

#define PROV_ID 96
#define PROV_IDENTITY_SIZE 256
#define PROV_SENTENCE 1024

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
    char identity[PROV_IDENTITY_SIZE]; /* of the account that it was started in; "" if older */
    uint64_t queues;                   /* hash: those that its boot data will name */
    int64_t version;
    enum machine_state state;
    bool was_up;
    bool own_end;         /* nobody asked for its end: no drain, or one for never registering */
    uint64_t look;        /* core->look when it was considered */
    bool unfit;           /* it was charged to its offering */
    bool opening;         /* attempt.open under way */
    int64_t open_from_ms; /* not tried before */
    int64_t bound_ms;     /* when its instance was first seen in the row */
    const char *said;     /* "", "present", "absent", "ended": what the ledger was told last */
    bool saying;
    int64_t said_ms;
    int64_t missing_ms; /* the cloud first did not know it by id then; 0: it does */
    bool noticed;       /* its coming end was told */
    int64_t refused_ms; /* the ledger took no word then */
    int64_t tag_due_ms; /* its row's id is written on it then */
    int64_t tag_wait_ms;
    int64_t kill_due_ms; /* terminate is sent again then */
    int64_t kill_wait_ms;
    bool in_snapshot;
};

struct prov_attempt {
    char id[PROV_ID], type[PROV_ID], offering[PROV_ID];
    char identity[PROV_IDENTITY_SIZE]; /* of the account that it was made for */
    enum attempt_state state;
    bool committed;     /* its row has the body */
    bool settled;       /* its row was closed while a call was under way: that one is the last */
    bool held;          /* paused until the gate lets it through */
    int64_t refused_ms; /* one of its type was refused as the whole account's then; 0: none */
    bool foreign_told;  /* that another account answers than it was made for */
    int64_t due_ms;     /* 0: not due by itself */
    int64_t wait_ms;
    int64_t ordinal;
    int64_t since_ms;      /* first seen here */
    int64_t quiet_from_ms; /* stuck: a list after this that is free of its id lets it close */
    char (*machines)[PROV_ID];
    size_t machine_count;
    char (*instances)[PROV_ID]; /* of the cloud's answer */
    size_t instance_count;
    const char *outcome;
    bool give_up, excused;
    char sentence[PROV_SENTENCE];
    bool news; /* came while it was being prepared: look once more */
    bool in_snapshot;
};

/* Machines of a type that fail one after the other are tried ever more slowly; a quota stops it for
 * a while; a cloud that finds a request too big gets smaller ones. */
struct prov_health {
    char type[PROV_ID];
    unsigned failures;
    int64_t hold_until_ms;
    int64_t quota_until_ms, quota_wait_ms;
    size_t batch; /* at most so many machines an attempt until batch_until_ms */
    int64_t batch_until_ms;
    bool aside_told;    /* that all its offerings are set aside */
    uint64_t shut_look; /* core->look when the gate did not let it through */
};

/* Shut by one refusal of the whole account; tried by one request at a time (gate.c). */
struct prov_gate {
    enum driver_class why; /* OK: open */
    bool by_list;          /* a list was refused: a good one opens it */
    int64_t until_ms, wait_ms;
    char probe[PROV_ID]; /* the attempt that tries */
};

struct prov_offers {
    char type[PROV_ID];
    char (*items)[PROV_ID];
    size_t count;
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
    struct dr_index by_id, by_instance; /* of machines */
    struct prov_attempt *attempts;
    size_t attempt_count, attempt_capacity;
    struct dr_index by_attempt;
    struct prov_health *healths;
    size_t health_count;
    struct prov_offers *offers;
    size_t offers_count;
    struct offerings aside;
    struct prov_gate gate;
    uint64_t random;
    char identity[PROV_IDENTITY_SIZE];
    char foreign_told[PROV_IDENTITY_SIZE]; /* rows of that account were told of */
    int64_t unknown_since_ms;              /* nothing could be opened for want of an identity */
    bool unknown_told;
    uint64_t look;                       /* number of the last look at wanted rows */
    int64_t want_first_ms, want_last_ms; /* wanted rows came in since the last opening; 0: none */
    struct prov_found *found;
    size_t found_count;
    struct dr_index by_found;
    int64_t seq;
    bool synced, blocked;
    bool snapshot_asked;
    int64_t snapshot_due_ms;
    bool list_asked;
    int64_t list_due_ms;
    int64_t listed_ms;    /* when the request of the last whole list was sent; -1: never */
    size_t describe_from; /* the first row that the last list's turn of describes did not reach */
    bool list_failing, distrusted;
    bool list_refused; /* it failed for want of rights, or as one call too many */
};

/* ---- rows.c ---------------------------------------------------------------------------------- */
struct prov_machine *core_machine(const struct prov_core *core, const char *id);
struct prov_machine *core_bound(const struct prov_core *core, const char *instance);
struct prov_attempt *core_attempt(const struct prov_core *core, const char *id);

/* ---- attempts.c ------------------------------------------------------------------------------ */
void core_attempt_happened(struct prov_core *core, struct prov_attempt *attempt,
                           enum attempt_event event, const struct driver_answer *answer,
                           int64_t now_ms, struct prov_effects *out);
void attempts_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out);
size_t attempts_open(const struct prov_core *core);
bool attempts_open_of(const struct prov_core *core, const char *type);

/* ---- opening.c: attempts for wanted rows (P9, P11) ------------------------------------------- */
void opening_configure(struct prov_core *core, const struct prov_settings *settings);
void opening_free(struct prov_core *core);
/* A row became wanted. */
void opening_wanted(struct prov_core *core, int64_t now_ms);
void opening_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out);
void opening_answered(struct prov_core *core, const struct prov_event *event, int64_t now_ms);

/* ---- gate.c: refusals that are the whole account's ------------------------------------------- */
bool gate_open(const struct prov_core *core);
/* Whether an attempt may be sent now. */
bool gate_lets(const struct prov_core *core, const struct prov_attempt *attempt, int64_t now_ms);
/* It is sent: while the gate is shut it is the one that tries. */
void gate_sent(struct prov_core *core, const struct prov_attempt *attempt);
/* Nothing is opened behind a shut gate, but for one attempt to try it when it is time and none is
 * open; where credentials are refused, one of each type. */
bool gate_may_open(const struct prov_core *core, const char *type, int64_t now_ms);
/* AUTH or THROTTLE for that attempt; NULL: for a list. */
void gate_refused(struct prov_core *core, const struct prov_attempt *attempt,
                  enum driver_class class, const char *sentence, int64_t retry_after_ms,
                  int64_t now_ms, struct prov_effects *out);
/* Any other end of a call: definite, or not known. */
void gate_answered(struct prov_core *core, const struct prov_attempt *attempt, bool definite,
                   int64_t now_ms, struct prov_effects *out);
void gate_list_good(struct prov_core *core, struct prov_effects *out);
void gate_try_now(struct prov_core *core);

/* ---- identity.c: whose word it is (P4) ------------------------------------------------------- */
void identity_came(struct prov_core *core, const char *identity);
/* Opening needs one; tells a person when it stays unknown. */
bool identity_may_open(struct prov_core *core, int64_t now_ms, struct prov_effects *out);
/* Whether the account of that identity is the one that a row or an attempt was started in. */
bool identity_speaks(const char *row, const char *identity);
/* Tells once that rows belong to another account than the one that answers. */
void identity_compare(struct prov_core *core, const char *answering, struct prov_effects *out);

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
void health_bad(struct prov_core *core, const char *type, const char *why, int64_t now_ms,
                struct prov_effects *out);
void health_quota(struct prov_core *core, const char *type, const char *sentence, int64_t now_ms,
                  struct prov_effects *out);
/* A request for `asked` machines was too big. */
void health_too_many(struct prov_core *core, const char *type, size_t asked, const char *sentence,
                     int64_t now_ms, struct prov_effects *out);
/* The cloud started machines of it. */
void health_started(struct prov_core *core, const char *type);
bool health_holds(struct prov_core *core, const char *type, int64_t now_ms);
/* Machines that an attempt may ask for now. */
size_t health_batch(struct prov_core *core, const char *type, int64_t now_ms);
/* A new configuration may have mended what was wrong. */
void health_fresh(struct prov_core *core);

/* ---- fleet.c: the list against the rows (P4, P25) -------------------------------------------- */
void fleet_listed(struct prov_core *core, const struct driver_list *list, int64_t now_ms,
                  struct prov_effects *out);
void fleet_described(struct prov_core *core, const char *instance, const struct driver_list *list,
                     int64_t now_ms, struct prov_effects *out);
/* What is due: lists, terminations. */
void fleet_tick(struct prov_core *core, int64_t now_ms, struct prov_effects *out);
bool fleet_list_fresh(const struct prov_core *core, int64_t now_ms);

/* ---- word.c: what the cloud's word on one instance means for its row ------------------------- */
/* By a list or by id; "unknown" changes nothing. */
void word_seen(struct prov_core *core, struct prov_machine *machine,
               const struct dr_instance_view *view, const char *identity, int64_t now_ms,
               struct prov_effects *out);
/* A trusted, complete list lacks it. */
void word_absent(struct prov_core *core, struct prov_machine *machine, const char *identity,
                 int64_t now_ms, struct prov_effects *out);
/* Asked by id in a request of sent_ms, the cloud does not know it. */
void word_missing(struct prov_core *core, struct prov_machine *machine,
                  const struct driver_list *list, int64_t now_ms, struct prov_effects *out);
/* So young that lists may not show it yet. */
bool word_young(const struct prov_core *core, const struct prov_machine *machine, int64_t now_ms);
void word_said(struct prov_core *core, const char *machine, bool ok, int64_t now_ms);

void prov_copy(char out[PROV_ID], const char *text);
