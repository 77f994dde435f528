/* SPDX-License-Identifier: Apache-2.0 */
#include "shell.h"

#include <errno.h>
#include <string.h>

#include "drover/clock.h"
#include "livemark.h"
#include "log.h"

#define LOOK_AGAIN_MS 10000

static void mark(struct shell *shell, bool live)
{
    const char *account = dr_actor_account(shell->actor);
    if (dr_livemark_set(dr_actor_state_dir(shell->actor), account, live) != 0)
        dr_log_merged(DR_LOG_WARNING, &(struct dr_log_ctx){.err = strerror(errno)},
                      "cannot keep the mark that account %s has machines", account);
    else
        shell->marked = live;
    shell->mark_known = true;
}

void shell_mark_live(struct shell *shell)
{
    if (!shell->marked)
        mark(shell, true);
}

void shell_mark_rows(struct shell *shell, const struct dr_ledger_state *state)
{
    bool live = state->machines.count > 0;
    for (size_t i = 0; i < state->attempts.count; i++)
        live = live || strcmp(state->attempts.items[i].state, "closed") != 0;
    if (live != shell->marked || !shell->mark_known)
        mark(shell, live);
}

/* The rows say when the last machine is gone, so they are asked for while the mark stands. */
void shell_mark_tick(struct shell *shell)
{
    int64_t now_ms = dr_boottime_ms();
    if (!shell->marked || now_ms < shell->mark_due_ms)
        return;
    shell->mark_due_ms = now_ms + LOOK_AGAIN_MS;
    shell_ask_snapshot(shell);
}
