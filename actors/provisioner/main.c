/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-provisioner: the only one that calls its account's cloud.
 */
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "crash.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "drover/exit.h"
#include "log.h"
#include "nocore.h"
#include "secrets.h"
#include "shell.h"

#define TICK_MS 250
#define LOCK_RETRY_MS 200

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

/* A driver may answer from inside its call, so steps nest; each has its own list of effects, and an
 * effect refers to the core by id only. */
void shell_step(struct shell *shell, const struct prov_event *event)
{
    struct prov_effects effects = {0};
    core_step(shell->core, event, dr_boottime_ms(), &effects);
    for (size_t i = 0; i < effects.count; i++)
        perform(shell, &effects.items[i]);
    prov_effects_free(&effects);
}

static int on_tick(zloop_t *loop, int timer, void *arg)
{
    struct shell *shell = arg;
    (void)loop;
    (void)timer;
    shell_step(shell, &(struct prov_event){.kind = PROV_TICK});
    shell_collect_logs(shell);
    shell_mark_tick(shell);
    dr_log_tick();
    return 0;
}

static const struct driver_ops *driver_named(const char *name)
{
    static const struct driver_ops *const drivers[] = {&driver_local};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    }
    return NULL;
}

static struct prov_settings settings_of(const struct shell *shell,
                                        const struct dr_cfg_account *account)
{
    return (struct prov_settings){
        .account = account->name,
        .batch_max = shell->ops->batch_max,
        .honours_ms = shell->ops->honours_ms,
        .list_period_ms = account->list_period_ms,
    };
}

static bool load_keys(struct shell *shell, struct dr_error *error)
{
    char path[512];
    snprintf(path, sizeof path, "%s/provisioner-%s.key", dr_actor_state_dir(shell->actor),
             dr_actor_account(shell->actor));
    return dr_seal_load(path, &shell->keys, error);
}

/* Said at once, not only when the first machine is wanted. */
static void check_secrets(const struct dr_cfg_account *account)
{
    struct secrets secrets;
    struct dr_error error;
    if (secrets_load(account->secrets_file, &secrets, &error))
        secrets_free(&secrets);
    else
        dr_log(DR_LOG_ERROR, NULL, "no machine of account %s can be started: %s", account->name,
               error.text);
}

/* With the role's lock held: nobody else acts for this account. */
static int begin(struct shell *shell)
{
    const struct dr_cfg_account *account =
        dr_config_account(dr_actor_config(shell->actor), dr_actor_account(shell->actor));
    struct dr_error error = {0};
    struct driver_setup setup = {.loop = dr_actor_loop(shell->actor),
                                 .config = dr_actor_config(shell->actor),
                                 .account = account,
                                 .deployment = dr_actor_config(shell->actor)->deployment,
                                 .state_dir = dr_actor_state_dir(shell->actor)};
    shell->driver = load_keys(shell, &error) ? shell->ops->open(&setup, &error) : NULL;
    shell->logs = shell->driver ? bootlog_open(dr_actor_state_dir(shell->actor), &error) : NULL;
    if (!shell->logs) {
        dr_log(DR_LOG_ERROR, NULL, "%s", error.text);
        return -1;
    }
    check_secrets(account);
    struct prov_settings settings = settings_of(shell, account);
    shell->core = core_new(&settings);
    zloop_timer(dr_actor_loop(shell->actor), TICK_MS, 0, on_tick, shell);
    shell_step(shell, &(struct prov_event){.kind = PROV_TICK});
    return 0;
}

static int on_lock_timer(zloop_t *loop, int timer, void *arg)
{
    struct shell *shell = arg;
    if (flock(shell->lock, LOCK_EX | LOCK_NB) != 0) {
        dr_log_merged(DR_LOG_INFO, NULL, "another provisioner of account %s still runs: waiting",
                      dr_actor_account(shell->actor));
        return 0;
    }
    zloop_timer_end(loop, timer);
    if (begin(shell) != 0)
        dr_actor_exit(shell->actor, DR_EXIT_RETRY);
    return 0;
}

static int take_lock(struct shell *shell)
{
    char path[512];
    snprintf(path, sizeof path, "%s/provisioner-%s.lock", dr_actor_state_dir(shell->actor),
             dr_actor_account(shell->actor));
    shell->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (shell->lock < 0) {
        dr_log(DR_LOG_ERROR, NULL, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(shell->lock, LOCK_EX | LOCK_NB) == 0)
        return begin(shell);
    zloop_timer(dr_actor_loop(shell->actor), LOCK_RETRY_MS, 0, on_lock_timer, shell);
    return 0;
}

static int start(struct dr_actor *actor)
{
    static struct shell shell;
    const struct dr_cfg_account *account =
        dr_config_account(dr_actor_config(actor), dr_actor_account(actor));
    dr_no_core();
    shell.actor = actor;
    dr_actor_set_self(actor, &shell);
    if (!account) {
        dr_log(DR_LOG_ERROR, NULL, "the configuration has no account \"%s\"",
               dr_actor_account(actor));
        return -1;
    }
    shell.ops = driver_named(account->driver);
    DR_ASSERT(shell.ops); /* the configuration's words are those of the table above */
    return take_lock(&shell);
}

static void on_event(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    struct prov_event event = {0};
    if (!shell->core)
        return;
    switch (message->row->type) {
    case DR_MACHINE_CHANGED: {
        const struct dr_machine_changed *body = message->body;
        event =
            (struct prov_event){.kind = PROV_MACHINE, .seq = body->seq, .machine = &body->machine};
        break;
    }
    case DR_ATTEMPT_CHANGED: {
        const struct dr_attempt_changed *body = message->body;
        event =
            (struct prov_event){.kind = PROV_ATTEMPT, .seq = body->seq, .attempt = &body->attempt};
        break;
    }
    case DR_KEY_CHANGED: {
        const struct dr_key_changed *body = message->body;
        event = (struct prov_event){.kind = PROV_KEY, .seq = body->seq, .key = &body->key};
        break;
    }
    default:
        return;
    }
    shell_step(shell, &event);
}

static void on_gap(struct dr_actor *actor, const char *source, const char *topic)
{
    struct shell *shell = dr_actor_self(actor);
    (void)source;
    (void)topic;
    if (shell->core)
        shell_step(shell, &(struct prov_event){.kind = PROV_GAP});
}

static void on_request(struct dr_actor *actor, const struct dr_message *message)
{
    struct shell *shell = dr_actor_self(actor);
    struct dr_cloud_observed none = {.account = dr_actor_account(actor),
                                     .sentence = "not listed yet"};
    struct dr_cloud body = {.cloud = none};
    if (message->row->type != DR_CLOUD_GET)
        return;
    if (shell->cloud.value)
        body.cloud = *(const struct dr_cloud_observed *)shell->cloud.value;
    dr_reply(actor, message->env.source, message->env.request, DR_CLOUD, &body);
}

static void on_reconfigured(struct dr_actor *actor, const struct dr_cfg_root *before)
{
    struct shell *shell = dr_actor_self(actor);
    const struct dr_cfg_account *account =
        dr_config_account(dr_actor_config(actor), dr_actor_account(actor));
    (void)before;
    if (!account || !shell->core)
        return; /* droverd ends a provisioner whose account went */
    struct prov_settings settings = settings_of(shell, account);
    core_configure(shell->core, &settings);
    check_secrets(account);
}

static void stop(struct dr_actor *actor)
{
    struct shell *shell = dr_actor_self(actor);
    while (shell->stashes)
        shell_forget(shell, shell->stashes->id);
    dr_wipe(&shell->keys, sizeof shell->keys);
    dr_log_flush();
}

static const enum dr_type EVENTS[] = {DR_MACHINE_CHANGED, DR_ATTEMPT_CHANGED, DR_KEY_CHANGED,
                                      DR_NONE};

static const struct dr_actor_spec SPEC = {
    .role = DR_ROLE_PROVISIONER,
    .events = EVENTS,
    .start = start,
    .event = on_event,
    .request = on_request,
    .gap = on_gap,
    .reconfigured = on_reconfigured,
    .stop = stop,
};

int main(int argc, char **argv)
{
    return dr_actor_main(argc, argv, &SPEC);
}
