/* SPDX-License-Identifier: Apache-2.0 */
/* What the watcher's core may ask of its shell. A core calls these and goes on: nothing here calls
 * back from inside, answers come later and each exactly once. Tests and the simulator hand in
 * their own. */
#ifndef DROVER_WATCHER_PORT_H
#define DROVER_WATCHER_PORT_H

#include "clearml.h"
#include "drover/message.h"
#include "log.h"

struct when {
    int64_t boot_ms; /* CLOCK_BOOTTIME: durations, ages */
    int64_t wall_us; /* wall clock: what is stored */
};

/* The ledger's answer to a request. ack is NULL when none came: the effect is unknown (P28). Lives
 * during the callback only. */
typedef void (*ack_fn)(const struct dr_ack *ack, void *arg);

struct port {
    void *shell;
    struct when (*now)(void *shell);
    void (*call)(void *shell, const char *endpoint, json_t *body, clearml_fn cb, void *arg);
    void (*prove)(void *shell, const char *access_key, const char *secret_key, clearml_fn cb,
                  void *arg);
    void (*ask)(void *shell, enum dr_type type, const void *body, ack_fn cb, void *arg);
    /* Fetches the ledger's rows; the shell hands them to watcher_rows(). */
    void (*fetch_rows)(void *shell);
    /* Fetches the names that the ledger knows; the shell hands them to watcher_names(). */
    void (*fetch_names)(void *shell);
    void (*publish)(void *shell, enum dr_type type, const void *body);
    /* Seals to a public key; the result is malloc'd. NULL: the key is none. */
    unsigned char *(*seal)(void *shell, const struct dr_bin *public_key, const char *text,
                           size_t *len);
    /* often: equal ones within a minute are counted, not repeated (log.h) */
    void (*log)(void *shell, enum dr_log_level level, bool often, const struct dr_log_ctx *ctx,
                const char *text);
};

static inline struct when port_now(const struct port *port)
{
    return port->now(port->shell);
}

/* Formats and logs. ctx may be NULL. The second is for what is tried again and again. */
void port_log(const struct port *port, enum dr_log_level level, const struct dr_log_ctx *ctx,
              const char *format, ...) __attribute__((format(printf, 4, 5)));
void port_log_often(const struct port *port, enum dr_log_level level, const struct dr_log_ctx *ctx,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
