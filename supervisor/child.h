/* SPDX-License-Identifier: Apache-2.0
 *
 * One process that droverd watches: spawning it, what it is handed, its readiness, its watchdog,
 * its log lines, and what happens when it ends.
 */
#pragma once
#include "control.h"
#include "drover/config.h"
#include "logpipe.h"
#include "policy.h"

struct child_role { /* a row of topology.def */
    const char *name, *executable;
    int order;
    bool guards;
    const char *environment;
};

enum child_state {
    CHILD_STOPPED,
    CHILD_STARTING,
    CHILD_READY,
    CHILD_STOPPING,
    CHILD_BACKOFF,
    CHILD_FAILED /* not tried again before the configuration changes */
};

struct child {
    const struct child_role *role;
    char source[80], token[65];
    bool is_bus;
    bool leaving; /* its account was taken out: it is not started again */
    enum child_state state;
    pid_t pid; /* 0: none */
    int pidfd, control_fd;
    struct dr_logpipe log;
    struct dr_control control;
    struct dr_control_out out;
    int64_t deadline_ms; /* of what its state waits for */
    int64_t heard_ms, watchdog_ms, stop_slot_ms;
    int stop_signal; /* the next one, while stopping */
    struct policy_history history;
    int64_t restarts, since_us;
    const char *killed_for; /* why droverd killed it; NULL: it did not */
    char sentence[256];
};

/* What every child is handed, and whom to tell. */
extern struct child_world {
    char exec_dir[4096]; /* "": where they are installed */
    char boot[65], run_dir[4096];
    struct dr_config *config;
    void (*peers)(struct dr_control_out *out); /* writes the bus's PEER items */
    void (*changed)(struct child *child);      /* its state or sentence changed */
} child_world;

struct child *child_new(const struct child_role *role, const char *account);
void child_free(struct child *child); /* has no process any more */
extern const char *const child_state_names[];

/* Spawns it and hands over; where that fails its next try is planned. */
void child_start(struct child *child, int64_t now_ms);

/* Asks it to stop; SIGTERM, then SIGKILL follow within slot_ms. */
void child_stop(struct child *child, int64_t slot_ms, int64_t now_ms);
void child_kill(struct child *child, const char *reason);

/* Hands over child_world.config, which is new; one that waits for its next try gets it now. */
void child_reload(struct child *child, int64_t now_ms);

/* The events of its descriptors (log.fd is dr_logpipe_read()'s), and what is due. */
void child_on_control(struct child *child, int64_t now_ms);
void child_on_end(struct child *child, int64_t now_ms);
void child_on_deadline(struct child *child, int64_t now_ms);
