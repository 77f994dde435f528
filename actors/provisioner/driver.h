/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine asks of a cloud, and the classes of answer that it understands. One driver per
 * cloud exports one `struct driver_ops`; the engine knows nothing else of it.
 *
 * Every operation answers through a callback exactly once, from inside the call or later from the
 * loop, and never blocks for longer than a local file takes. Texts and lists handed to a callback
 * live for the call only. All ids are the cloud's own.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/render.h"
#include "drover/config.h"
#include "drover/message.h"
#include "error.h"
#include "strbuf.h"

struct _zloop_t;

/* What a cloud's answer means for the attempt. All but UNKNOWN, AUTH and THROTTLE are definite:
 * the cloud has said that this request started nothing and never will. */
enum driver_class {
    DRIVER_OK,
    DRIVER_CAPACITY, /* none left of this offering now: another one may have some */
    DRIVER_QUOTA,    /* the account may not have more of this type */
    DRIVER_TOO_MANY, /* more than one request may ask for: fewer at once */
    DRIVER_REQUEST,  /* the request itself is wrong: the same again is refused again */
    DRIVER_OTHER,    /* a definite failure of another kind */
    DRIVER_AUTH,     /* credentials refused: says nothing of an earlier send of the same bytes */
    DRIVER_THROTTLE, /* too many calls: not looked at */
    DRIVER_UNKNOWN,  /* no answer, or half a one: what the cloud did is unknown */
    DRIVER_CLASSES
};

/* "ok", "capacity" ...: for log lines. */
const char *driver_class_name(enum driver_class class);

struct driver_answer {
    enum driver_class class;
    const char *sentence;         /* in words; "" when OK */
    const char *const *instances; /* launch: ids in launch-index order */
    size_t instance_count;
    int64_t retry_after_ms; /* 0: the engine chooses */
    int64_t aside_ms; /* CAPACITY: the offering is not tried for so long; 0: engine's choice */
};
typedef void (*driver_done_fn)(void *arg, const char *id, const struct driver_answer *answer);

/* ok false: nothing may be concluded (P1), sentence says why. An instance's state is "present",
 * "ended", "unknown" or, when it was asked for by id and the cloud does not know it, "missing". */
struct driver_list {
    bool ok;
    enum driver_class class; /* not ok: AUTH and THROTTLE slow the engine down */
    const char *sentence;
    const char *identity; /* as ops->identity, of the account that answered */
    int64_t sent_ms;      /* CLOCK_BOOTTIME when the first request of the list was sent (P2) */
    const struct dr_instance_view *instances;
    size_t count;
};
typedef void (*driver_listed_fn)(void *arg, const struct driver_list *list);

/* len 0: there is none yet, or it could not be had. Bytes, not text. */
typedef void (*driver_console_fn)(void *arg, const char *instance, const char *bytes, size_t len);

/* One line of a probe: what was tried, and what came of it. */
struct driver_finding {
    bool ok;
    bool unsure;          /* not ok, but that may be due to how it had to be tried */
    const char *what;     /* e.g. "ec2:RunInstances" */
    const char *sentence; /* what was seen; not ok: also what to do */
    const char *grant;    /* the right to ask for; "": none lacks */
};
typedef void (*driver_found_fn)(void *arg, const struct driver_finding *finding);

/* An instance of another autoscaler, and the machine type that it is to be. */
struct driver_takeover {
    const char *instance;
    const struct dr_cfg_type *type;
};

/* What a request is built from. Everything in it ends up in the exact bytes that are kept (P10). */
struct driver_request {
    const char *attempt;                  /* idempotency token, name and tag */
    size_t count;                         /* machines asked for */
    const struct dr_cfg_account *account; /* as configured now */
    const struct dr_cfg_type *type;
    const char *offering; /* one of those that ops->offering named */
    const char *deployment;
    const char *ledger_id;
    const char *user_data; /* the boot script, secrets included */
    size_t user_data_len;
};

struct driver_setup {
    struct _zloop_t *loop;            /* borrowed */
    const struct dr_cfg_root *config; /* borrowed until `configure` brings the next */
    const struct dr_cfg_account *account;
    const char *deployment;
    const char *state_dir;
};

struct driver_ops {
    const char *name;

    size_t batch_max; /* machines per attempt */

    /* After this long an attempt that was never answered can start nothing any more. */
    int64_t honours_ms;

    /* A machine younger than launch_visible may be unknown to the cloud's lists: that means nothing
     * yet. An older one that is missing by id in two lists has ended (P4). False: lists are exact.
     */
    bool lists_lag;

    /* How often machines' logs are worth reading; 0: the cloud has none. A console costs a call: it
     * is read until the machine is up, and at its end. */
    int64_t log_period_ms;

    /* What the boot script has to know of this cloud (boot/render.h). */
    enum boot_id_source id_source;
    enum boot_power_off power_off;

    /* NULL with a sentence when the driver cannot work at all. */
    void *(*open)(const struct driver_setup *setup, struct dr_error *error);
    void (*close)(void *self);

    /* The configuration was read anew; those handed over before live until this returns. False:
     * this driver has to be opened anew for it, so the process ends and is started again. May be
     * NULL. */
    bool (*configure)(void *self, const struct dr_cfg_root *config,
                      const struct dr_cfg_account *account);

    /* The cloud's own name of the account and place that it answers for; "" while that is not
     * known, and then nothing is started. */
    const char *(*identity)(void *self);

    /* The n-th thing that can be asked for to get this type, first choice first, as a short text;
     * false beyond the last. Pure. NULL: the type itself is the only one. */
    bool (*offering)(const struct dr_cfg_type *type, size_t n, char *out, size_t size);

    /* GPUs that a machine of this type has, as the cloud says; 0: none, or not known. May be NULL.
     */
    unsigned (*gpus)(void *self, const struct dr_cfg_type *type);

    /* Makes the exact bytes. Pure; false with a sentence when the request cannot be made. */
    bool (*build)(void *self, const struct driver_request *request, struct dr_strbuf *body,
                  struct dr_error *error);

    /* Sends those bytes. Idempotent: the same attempt again starts nothing second. */
    void (*launch)(void *self, const char *attempt, const char *body, size_t len,
                   driver_done_fn done, void *arg);

    /* Everything that carries our deployment's tag, whole or not at all. */
    void (*list)(void *self, driver_listed_fn done, void *arg);

    /* One instance by id: the list handed back holds it alone. */
    void (*describe)(void *self, const char *instance, driver_listed_fn done, void *arg);

    /* Idempotent by id; OK means "asked for", the end itself is a word of list or describe. */
    void (*terminate)(void *self, const char *instance, driver_done_fn done, void *arg);

    /* Writes the row's id on its instance (tag drover-machine). Idempotent. May be NULL. */
    void (*tag)(void *self, const char *instance, const char *machine, driver_done_fn done,
                void *arg);

    /* Log bytes from `offset` on into `out` (at most max); returns the new offset, or -1 when there
     * is none. For clouds whose logs are files here; else NULL. */
    int64_t (*read_log)(void *self, const char *instance, int64_t offset, size_t max,
                        struct dr_strbuf *out);

    /* The end of an instance's console, as much as the cloud keeps. May be NULL. */
    void (*console)(void *self, const char *instance, driver_console_fn done, void *arg);

    /* What can be told of an account without opening it; `found` for each thing looked at, at least
     * one. For drivers without a probe. */
    void (*look)(const struct dr_cfg_account *account, driver_found_fn found, void *arg);

    /* Tries credentials, rights and every type of the account without starting anything; `found`
     * for each thing tried, then `done` with OK or what went wrong. May be NULL. */
    void (*probe)(void *self, driver_found_fn found, driver_done_fn done, void *arg);

    /* Makes instances that another autoscaler started machines of this deployment: `found` for each
     * of them, ok when it is one now, then `done`. items live until then. Ends nothing. May be
     * NULL. */
    void (*take_over)(void *self, const struct driver_takeover *items, size_t count,
                      driver_found_fn found, driver_done_fn done, void *arg);

    /* The ledger has done with an ended instance: leave nothing of it behind. May be NULL. */
    void (*forget)(void *self, const char *instance);
};

extern const struct driver_ops driver_local;
extern const struct driver_ops driver_aws;
