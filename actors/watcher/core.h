/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher's core: everything it knows, stepped by its shell and by the answers that the shell
 * brings. It converges from the ledger's rows and the newest pictures; no message is relied on. */
#ifndef DROVER_WATCHER_CORE_H
#define DROVER_WATCHER_CORE_H

#include "claims.h"
#include "drain.h"
#include "keys.h"
#include "mirror.h"
#include "names.h"
#include "notes.h"
#include "orphan.h"
#include "picture.h"
#include "recovery.h"

struct watcher {
    const struct port *port;
    const struct dr_cfg_root *root;
    struct mirror rows;
    bool fetching;
    int64_t fetched_ms; /* CLOCK_BOOTTIME of the last fetch */
    int64_t fetch_took_ms;
    struct claims claims;
    struct picture picture;
    struct keys keys;
    struct drain drain;
    struct recovery recovery;
    struct orphan orphan;
    struct names names;
    struct notes notes;
};

/* port and root are borrowed. */
void watcher_init(struct watcher *watcher, const struct port *port, const struct dr_cfg_root *root);
void watcher_reconfigure(struct watcher *watcher, const struct dr_cfg_root *root);
void watcher_free(struct watcher *watcher);

/* The ledger's rows arrived; NULL: they could not be had. They are copied. */
void watcher_rows(struct watcher *watcher, const struct dr_ledger_state *rows);

/* What the ledger calls tasks arrived; NULL: it could not be had. */
void watcher_names(struct watcher *watcher, const struct dr_tasks *known);

/* An event of the ledger: its row is taken as it is, or the rows are fetched where that does not
 * do. Or what is said of machines and of the plan. */
void watcher_hear(struct watcher *watcher, enum dr_type type, const void *body);

/* Events may be lost. */
void watcher_gap(struct watcher *watcher);

/* Milliseconds until a step is due: rows may be fetched, or the queues are looked at; -1:
 * none is. */
int64_t watcher_wake_ms(const struct watcher *watcher);

/* Does what is due. `calls` were made to the server since start. */
void watcher_step(struct watcher *watcher, int64_t calls);

/* How often watcher_step() wants to be called. */
int64_t watcher_step_ms(const struct watcher *watcher);

#endif
