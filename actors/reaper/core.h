/* SPDX-License-Identifier: Apache-2.0
 *
 * The reaper: (state, event, now) -> (state, effects). It holds the newest pictures, rows and
 * lists, makes facts of them for each machine, and asks the rules of judge.h. One decision per
 * machine is under way at a time; a lost event costs time only. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drover/config.h"
#include "drover/message.h"

struct reap_core;

/* Both clocks (P8): durations run on boot_ms, wall_us reads what the rows have stored. */
struct reap_now {
    int64_t boot_ms, wall_us;
};

enum reap_event_kind {
    REAP_TICK,     /* once a second: everything is judged */
    REAP_GAP,      /* events were missed */
    REAP_SNAPSHOT, /* state; NULL: it could not be had */
    REAP_MACHINE,  /* machine, seq */
    REAP_WORKERS,  /* workers */
    REAP_QUEUES,   /* queues */
    REAP_SERVER,   /* server */
    REAP_CLOUD,    /* cloud */
    REAP_PICTURE,  /* picture: all of the watcher's */
    REAP_MONEY,    /* money, as the ledger has it */
    REAP_ANSWERED, /* to DRAIN or TERMINATE: id: the machine, ok */
};

struct reap_event {
    enum reap_event_kind kind;
    const char *id;
    bool ok;
    int64_t seq;
    const struct dr_ledger_state *state;
    const struct dr_machine_row *machine;
    const struct dr_workers_observed *workers;
    const struct dr_queues_observed *queues;
    const struct dr_server_changed *server;
    const struct dr_cloud_observed *cloud;
    const struct dr_picture *picture;
    const struct dr_money *money;
};

enum reap_effect_kind {
    REAP_DO_SNAPSHOT,  /* ask the ledger -> SNAPSHOT */
    REAP_DO_PICTURE,   /* ask the watcher -> PICTURE */
    REAP_DO_CLOUD,     /* ask provisioner `id` -> CLOUD */
    REAP_DO_MONEY,     /* ask the ledger -> MONEY */
    REAP_DO_DRAIN,     /* machine.drain -> ANSWERED */
    REAP_DO_TERMINATE, /* machine.terminate -> ANSWERED */
    REAP_DO_TELL,      /* a person has to look: sentence; machine `id`, may be "" */
};

#define REAP_ID 96
#define REAP_SENTENCE 256

struct reap_effect {
    enum reap_effect_kind kind;
    char id[REAP_ID];
    int64_t version;
    const char *mode, *reason; /* static */
    char sentence[REAP_SENTENCE];
};

struct reap_effects {
    struct reap_effect *items;
    size_t count, capacity;
};
void reap_effects_free(struct reap_effects *effects);

/* config is borrowed until the next reap_configure(). */
struct reap_core *reap_new(const struct dr_cfg_root *config, struct reap_now now);
void reap_configure(struct reap_core *core, const struct dr_cfg_root *config);
void reap_free(struct reap_core *core);
void reap_step(struct reap_core *core, const struct reap_event *event, struct reap_now now,
               struct reap_effects *out);
