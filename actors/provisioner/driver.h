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

#include "drover/config.h"
#include "drover/message.h"
#include "error.h"
#include "strbuf.h"

struct _zloop_t;

/* What a cloud's answer means for the attempt. All but UNKNOWN, AUTH and THROTTLE are definite:
 * the cloud has said that this request started nothing and never will. */
enum driver_class {
    DRIVER_OK,
    DRIVER_CAPACITY, /* none left of this kind here and now */
    DRIVER_QUOTA,    /* the account may not have more */
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
};
typedef void (*driver_done_fn)(void *arg, const char *id, const struct driver_answer *answer);

/* ok false: nothing may be concluded (P1), sentence says why. An instance's state is "present",
 * "ended" or "unknown". */
struct driver_list {
    bool ok;
    const char *sentence;
    int64_t sent_ms; /* CLOCK_BOOTTIME when the first request of the list was sent (P2) */
    const struct dr_instance_view *instances;
    size_t count;
};
typedef void (*driver_listed_fn)(void *arg, const struct driver_list *list);

/* What a request is built from. Everything in it ends up in the exact bytes that are kept (P10). */
struct driver_request {
    const char *attempt;                  /* idempotency token, name and tag */
    size_t count;                         /* machines asked for */
    const struct dr_cfg_account *account; /* as configured now */
    const struct dr_cfg_type *type;
    const char *deployment;
    const char *ledger_id;
    const char *user_data; /* the boot script, secrets included */
    size_t user_data_len;
};

struct driver_setup {
    struct _zloop_t *loop; /* borrowed */
    const struct dr_cfg_account *account;
    const char *deployment;
    const char *state_dir;
};

struct driver_ops {
    const char *name;

    size_t batch_max; /* machines per attempt */

    /* After this long an attempt that was never answered can start nothing any more. */
    int64_t honours_ms;

    /* How often machines' logs are worth reading; 0: the cloud has none. */
    int64_t log_period_ms;

    /* NULL with a sentence when the driver cannot work at all. */
    void *(*open)(const struct driver_setup *setup, struct dr_error *error);
    void (*close)(void *self);

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

    /* Log bytes from `offset` on into `out` (at most max); returns the new offset, or -1 when there
     * is none. */
    int64_t (*read_log)(void *self, const char *instance, int64_t offset, size_t max,
                        struct dr_strbuf *out);

    /* The ledger has done with an ended instance: leave nothing of it behind. May be NULL. */
    void (*forget)(void *self, const char *instance);
};

extern const struct driver_ops driver_local;
