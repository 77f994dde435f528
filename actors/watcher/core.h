/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher's core: everything it knows, stepped by its shell and by the answers that the shell
 * brings. It converges from the ledger's rows and the newest pictures; no message is relied on. */
#ifndef DROVER_WATCHER_CORE_H
#define DROVER_WATCHER_CORE_H

#include "claims.h"
#include "drain.h"
#include "keys.h"
#include "orphan.h"
#include "picture.h"
#include "recovery.h"

struct watcher {
    const struct port *port;
    const struct dr_cfg_root *root;
    struct dr_record rows; /* the newest dr_ledger_state */
    bool fetching;
    bool urgent;        /* rows that somebody waits for are not fetched yet */
    int64_t fetched_ms; /* CLOCK_BOOTTIME of the last fetch */
    int64_t fetch_took_ms;
    struct claims claims;
    struct picture picture;
    struct keys keys;
    struct drain drain;
    struct recovery recovery;
    struct orphan orphan;
};

/* port and root are borrowed. */
void watcher_init(struct watcher *watcher, const struct port *port, const struct dr_cfg_root *root);
void watcher_reconfigure(struct watcher *watcher, const struct dr_cfg_root *root);
void watcher_free(struct watcher *watcher);

/* The ledger's rows arrived; NULL: they could not be had. They are copied. */
void watcher_rows(struct watcher *watcher, const struct dr_ledger_state *rows);

/* Something changed in the ledger. urgent: somebody waits for what it asks for, so the rows are not
 * left in peace before they are fetched. */
void watcher_stir(struct watcher *watcher, bool urgent);

/* Milliseconds until a step is due: changed rows may be fetched, or the queues are looked at; -1:
 * none is. */
int64_t watcher_wake_ms(const struct watcher *watcher);

/* Does what is due. `calls` were made to the server since start. */
void watcher_step(struct watcher *watcher, int64_t calls);

/* How often watcher_step() wants to be called. */
int64_t watcher_step_ms(const struct watcher *watcher);

#endif
