/* SPDX-License-Identifier: Apache-2.0
 *
 * The provisioner's shell: carries the core's effects out and feeds their answers back.
 */
#pragma once
#include "bootlog.h"
#include "core.h"
#include "driver.h"
#include "drover/actor.h"
#include "seal.h"

#define SHELL_OFFERING_SIZE 96

struct dr_actor;

/* What is kept of an attempt between its steps. */
struct stash {
    struct stash *next;
    char id[96];
    unsigned char *sealed; /* to be committed */
    size_t sealed_len;
    unsigned char *body; /* the same in the clear, to be sent */
    size_t body_len;
};

struct shell {
    struct dr_actor *actor;
    const struct driver_ops *ops;
    void *driver;
    struct prov_core *core;
    struct bootlog *logs;
    struct dr_seal_keypair keys;
    struct stash *stashes;
    char ledger_id[96];
    char identity[256]; /* as the core knows it */
    bool wake_armed;
    struct console *consoles; /* being read */
    struct dr_record cloud;   /* struct dr_cloud_observed, the newest */
    int lock;
    int64_t logs_due_ms;
    bool marked, mark_known; /* livemark.h: as this process last wrote it, if it did */
    int64_t mark_due_ms;
};

/* One step of the core with all its effects. */
void shell_step(struct shell *shell, const struct prov_event *event);

/* The cloud's own name of the account that the driver answers for; "" while that is not known. */
const char *shell_identity(const struct shell *shell);

/* drivers.c: NULL for a name that is none */
const struct driver_ops *shell_driver(const char *name);

/* shell_settings.c: what the core has to know of configuration and driver */
void shell_settings(const struct shell *shell, const struct dr_cfg_account *account,
                    void (*use)(void *arg, const struct prov_settings *settings), void *arg);
/* First choice first; free with shell_offerings_free(). */
struct dr_strs shell_offerings(const struct driver_ops *ops, const struct dr_cfg_type *type);
void shell_offerings_free(struct dr_strs *offerings);

struct stash *shell_stash(struct shell *shell, const char *id);
void shell_forget(struct shell *shell, const char *id);

/* Ends the process where a test asked for it (common/crash.h), in builds with -DDROVER_FAULTS
 * only. */
void shell_crash_point(const char *point);

/* shell_mark.c: the mark that keeps this account in the configuration while it has live rows */
void shell_mark_live(struct shell *shell);
void shell_mark_rows(struct shell *shell, const struct dr_ledger_state *state);
void shell_mark_tick(struct shell *shell);

/* shell_ledger.c: effects that are requests to the ledger */
void shell_ask_snapshot(struct shell *shell);
void shell_open(struct shell *shell, const struct prov_effect *effect);
void shell_prepare(struct shell *shell, const char *attempt);
void shell_commit(struct shell *shell, const char *attempt);
void shell_close(struct shell *shell, const struct prov_effect *effect);
void shell_say(struct shell *shell, const struct prov_effect *effect);
void shell_found(struct shell *shell, const char *instance);

/* shell_cloud.c: effects that are calls of the driver */
void shell_send(struct shell *shell, const char *attempt);
void shell_list(struct shell *shell);
void shell_describe(struct shell *shell, const char *instance);
void shell_terminate(struct shell *shell, const char *instance);
void shell_tag(struct shell *shell, const struct prov_effect *effect);
void shell_clean(struct shell *shell, const char *instance);

/* shell_logs.c: what machines print */
void shell_collect_logs(struct shell *shell);
/* Everything that an instance has printed until now; later, where the cloud has to be asked. */
void shell_collect_log(struct shell *shell, const char *machine, const char *instance);
void shell_logs_end(struct shell *shell);
