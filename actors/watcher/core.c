/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

#include "keepflag.h"
#include "notice.h"

/* Rows are fetched when events do not tell of a change, and anyway after this: events may be lost.
 */
#define ROWS_PERIOD_MS 5000
#define ROWS_SLOTS_MS 1000
#define ROWS_MIN_MS 20
/* A large ledger is left this many times as long in peace as it took to answer. */
#define ROWS_PEACE 4

void watcher_init(struct watcher *watcher, const struct port *port, const struct dr_cfg_root *root)
{
    memset(watcher, 0, sizeof *watcher);
    watcher->port = port;
    watcher->root = root;
    watcher->claims.port = port;
    watcher->claims.rows_stale = true;
    mirror_init(&watcher->rows);
    picture_init(&watcher->picture, port, root, &watcher->claims);
    keys_init(&watcher->keys, &watcher->claims, root->timing.key_sweep_ms);
    drain_init(&watcher->drain, &watcher->claims, root->timing.drain_poll_ms);
    recovery_init(&watcher->recovery, &watcher->claims, &watcher->picture, root);
    orphan_init(&watcher->orphan, &watcher->recovery, root);
    names_init(&watcher->names, port, &watcher->picture);
    notes_init(&watcher->notes, &watcher->claims, &watcher->picture, &watcher->names, root);
}

void watcher_reconfigure(struct watcher *watcher, const struct dr_cfg_root *root)
{
    watcher->root = root;
    picture_reconfigure(&watcher->picture, root);
    watcher->keys.sweep_ms = root->timing.key_sweep_ms;
    watcher->drain.poll_ms = root->timing.drain_poll_ms;
    watcher->recovery.root = root;
    watcher->orphan.root = root;
    notes_reconfigure(&watcher->notes, root);
}

void watcher_free(struct watcher *watcher)
{
    notes_free(&watcher->notes);
    names_free(&watcher->names);
    orphan_free(&watcher->orphan);
    recovery_free(&watcher->recovery);
    drain_free(&watcher->drain);
    keys_free(&watcher->keys);
    picture_free(&watcher->picture);
    claims_free(&watcher->claims);
    mirror_free(&watcher->rows);
}

/* A key is asked for. If its row came after the first ones that this process saw, nobody made it
 * before: only the holder of watcher.lock makes any. */
static void hear_key(struct watcher *watcher, const struct dr_key_changed *changed)
{
    bool asked = strcmp(changed->key.state, "intended") == 0;
    if (asked && watcher->claims.rows != NULL && changed->seq > watcher->rows.first_seq)
        keys_fresh(&watcher->keys, changed->key.id);
}

void watcher_hear(struct watcher *watcher, enum dr_type type, const void *body)
{
    if (type == DR_PLAN_DECIDED)
        notes_hear_plan(&watcher->notes, body);
    if (type == DR_BOOT_LOGGED)
        notes_hear_boot(&watcher->notes, body);
    if (type == DR_PLAN_DECIDED || type == DR_BOOT_LOGGED)
        return;
    enum mirror_word word = mirror_hear(&watcher->rows, type, body);
    if (word == MIRROR_FETCH)
        watcher->claims.rows_stale = true;
    if (word == MIRROR_SHOWN && type == DR_KEY_CHANGED)
        hear_key(watcher, body);
}

void watcher_gap(struct watcher *watcher)
{
    mirror_doubt(&watcher->rows);
    names_doubt(&watcher->names);
    watcher->claims.owed_seq = 0;
    watcher->claims.rows_stale = true;
}

void watcher_rows(struct watcher *watcher, const struct dr_ledger_state *rows)
{
    watcher->fetching = false;
    watcher->fetch_took_ms = port_now(watcher->port).boot_ms - watcher->fetched_ms;
    if (rows == NULL) {
        watcher->claims.rows_stale = true;
        return;
    }
    if (watcher->claims.rows == NULL)
        recovery_restore(&watcher->recovery, rows);
    mirror_take(&watcher->rows, rows);
    watcher->claims.rows = mirror_rows(&watcher->rows);
    claims_sweep(&watcher->claims);
}

void watcher_names(struct watcher *watcher, const struct dr_tasks *known)
{
    names_restore(&watcher->names, known);
}

static int64_t peace_left_ms(const struct watcher *watcher, int64_t now_ms)
{
    int64_t peace_ms = ROWS_MIN_MS + ROWS_PEACE * watcher->fetch_took_ms;
    int64_t left_ms = watcher->fetched_ms + peace_ms - now_ms;
    return left_ms < 0 ? 0 : left_ms;
}

int64_t watcher_wake_ms(const struct watcher *watcher)
{
    int64_t look_ms = watcher->claims.rows == NULL ? -1 : picture_wake_ms(&watcher->picture);
    if (watcher->fetching || !watcher->claims.rows_stale)
        return look_ms;
    int64_t rows_ms = peace_left_ms(watcher, port_now(watcher->port).boot_ms);
    return look_ms >= 0 && look_ms < rows_ms ? look_ms : rows_ms;
}

static void fetch_rows(struct watcher *watcher, int64_t now_ms)
{
    struct claims *claims = &watcher->claims;
    int64_t age_ms = now_ms - watcher->fetched_ms;
    bool stale = claims->rows_stale || claims_overdue(claims);
    bool due = watcher->fetched_ms == 0 || age_ms >= ROWS_PERIOD_MS ||
               (claims->slots_told && age_ms >= ROWS_SLOTS_MS) ||
               (stale && peace_left_ms(watcher, now_ms) == 0);
    if (watcher->fetching || !due)
        return;
    watcher->fetching = true;
    watcher->fetched_ms = now_ms;
    claims->rows_stale = claims->slots_told = false;
    watcher->port->fetch_rows(watcher->port->shell);
}

/* Something boots, runs out or is put back: the pictures are looked at often. A machine that is up
 * and works needs no haste. */
static bool is_busy(const struct watcher *watcher)
{
    const struct dr_ledger_state *rows = watcher->claims.rows;
    static const char *const calm[] = {"up", "gone", "failed", "cancelled"};
    for (size_t i = 0; i < rows->machines.count; i++) {
        bool is_calm = false;
        for (size_t k = 0; k < sizeof calm / sizeof *calm; k++)
            is_calm = is_calm || strcmp(rows->machines.items[i].state, calm[k]) == 0;
        if (!is_calm)
            return true;
    }
    return keys_busy(&watcher->keys) || recovery_busy(&watcher->recovery);
}

void watcher_step(struct watcher *watcher, int64_t calls)
{
    int64_t now_ms = port_now(watcher->port).boot_ms;
    fetch_rows(watcher, now_ms);
    if (watcher->claims.rows == NULL)
        return;
    picture_step(&watcher->picture, is_busy(watcher), calls);
    json_t *listed = picture_take_list(&watcher->picture);
    if (listed != NULL)
        notice_hear(&watcher->drain, listed);
    if (listed != NULL)
        keepflag_hear(&watcher->claims, listed);
    json_decref(listed);
    /* While the server does not answer, only the pictures try it. */
    if (watcher->picture.pace.failures > 0 || watcher->picture.whole == 0)
        return;
    keys_step(&watcher->keys);
    drain_step(&watcher->drain, pace_tick_ms(&watcher->picture.pace, true));
    recovery_step(&watcher->recovery);
    orphan_step(&watcher->orphan);
    names_step(&watcher->names);
    notes_step(&watcher->notes);
}

int64_t watcher_step_ms(const struct watcher *watcher)
{
    int64_t ms = watcher->root->clearml.tick_ms / 5;
    return ms < 10 ? 10 : ms > 200 ? 200 : ms;
}
