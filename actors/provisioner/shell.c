/* SPDX-License-Identifier: Apache-2.0 */
#include "shell.h"

#include <czmq.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "log.h"

void shell_crash_point(const char *point)
{
#ifdef DROVER_FAULTS
    if (dr_crash_due(point))
        kill(getpid(), SIGKILL);
#else
    (void)point;
#endif
}

struct stash *shell_stash(struct shell *shell, const char *id)
{
    for (struct stash *stash = shell->stashes; stash; stash = stash->next) {
        if (strcmp(stash->id, id) == 0)
            return stash;
    }
    struct stash *stash = calloc(1, sizeof *stash);
    DR_ASSERT(stash);
    snprintf(stash->id, sizeof stash->id, "%s", id);
    stash->next = shell->stashes;
    shell->stashes = stash;
    return stash;
}

void shell_forget(struct shell *shell, const char *id)
{
    for (struct stash **at = &shell->stashes; *at; at = &(*at)->next) {
        struct stash *stash = *at;
        if (strcmp(stash->id, id) != 0)
            continue;
        *at = stash->next;
        dr_wipe_free(stash->body, stash->body_len);
        free(stash->sealed);
        free(stash);
        return;
    }
}

static void tell(const struct prov_effect *effect)
{
    struct dr_log_ctx ctx = {.machine = effect->id[0] ? effect->id : NULL};
    dr_log_merged(effect->alarm ? DR_LOG_ERROR : DR_LOG_WARNING, &ctx, "%s", effect->sentence);
}

static void perform(struct shell *shell, const struct prov_effect *effect)
{
    switch (effect->kind) {
    case PROV_DO_SNAPSHOT:
        shell_ask_snapshot(shell);
        break;
    case PROV_DO_OPEN:
        shell_open(shell, effect);
        break;
    case PROV_DO_PREPARE:
        shell_prepare(shell, effect->id);
        break;
    case PROV_DO_COMMIT:
        shell_commit(shell, effect->id);
        break;
    case PROV_DO_SEND:
        shell_send(shell, effect->id);
        break;
    case PROV_DO_CLOSE:
        shell_close(shell, effect);
        break;
    case PROV_DO_FORGET:
        shell_forget(shell, effect->id);
        break;
    case PROV_DO_LIST:
        shell_list(shell);
        break;
    case PROV_DO_DESCRIBE:
        shell_describe(shell, effect->id);
        break;
    case PROV_DO_TERMINATE:
        shell_terminate(shell, effect->id);
        break;
    case PROV_DO_TAG:
        shell_tag(shell, effect);
        break;
    case PROV_DO_SAY:
        shell_say(shell, effect);
        break;
    case PROV_DO_FOUND:
        shell_found(shell, effect->id);
        break;
    case PROV_DO_CLEAN:
        shell_clean(shell, effect->id);
        break;
    case PROV_DO_TELL:
        tell(effect);
        break;
    }
}

static int on_wake(zloop_t *loop, int timer, void *arg)
{
    struct shell *shell = arg;
    (void)loop;
    (void)timer;
    shell->wake_armed = false;
    shell_step(shell, &(struct prov_event){.kind = PROV_TICK});
    return 0;
}

/* What is due before the next tick. */
static void arm(struct shell *shell)
{
    int64_t wait_ms = core_wake_ms(shell->core, dr_boottime_ms());
    if (wait_ms < 0 || shell->wake_armed)
        return;
    shell->wake_armed = true;
    zloop_timer(dr_actor_loop(shell->actor), (size_t)(wait_ms > 0 ? wait_ms : 1), 1, on_wake,
                shell);
}

/* A driver may answer from inside its call, so steps nest; each has its own list of effects, and an
 * effect refers to the core by id only. */
static void step(struct shell *shell, const struct prov_event *event)
{
    struct prov_effects effects = {0};
    core_step(shell->core, event, dr_boottime_ms(), &effects);
    for (size_t i = 0; i < effects.count; i++)
        perform(shell, &effects.items[i]);
    prov_effects_free(&effects);
}

const char *shell_identity(const struct shell *shell)
{
    return shell->ops->identity ? shell->ops->identity(shell->driver) : shell->ops->name;
}

void shell_step(struct shell *shell, const struct prov_event *event)
{
    const char *identity = shell_identity(shell);
    if (strcmp(identity, shell->identity) != 0) {
        snprintf(shell->identity, sizeof shell->identity, "%s", identity);
        step(shell, &(struct prov_event){.kind = PROV_IDENTITY, .id = shell->identity});
    }
    step(shell, event);
    arm(shell);
}
