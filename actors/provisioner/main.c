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
#include "probe.h"
#include "secrets.h"
#include "shell.h"
#include "takeover.h"

#define TICK_MS 250
#define LOCK_RETRY_MS 200

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

static void make_core(void *arg, const struct prov_settings *settings)
{
    ((struct shell *)arg)->core = core_new(settings);
}

static void configure_core(void *arg, const struct prov_settings *settings)
{
    core_configure(((struct shell *)arg)->core, settings);
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
    shell_settings(shell, account, make_core, shell);
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
    shell.ops = shell_driver(account->driver);
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
    if (shell->ops->configure &&
        !shell->ops->configure(shell->driver, dr_actor_config(actor), account)) {
        dr_log(DR_LOG_INFO, NULL, "account %s is reached in another way now: starting anew",
               account->name);
        dr_actor_exit(actor, DR_EXIT_RETRY);
        return;
    }
    shell_settings(shell, account, configure_core, shell);
    check_secrets(account);
    shell_step(shell, &(struct prov_event){.kind = PROV_TICK});
}

static void stop(struct dr_actor *actor)
{
    struct shell *shell = dr_actor_self(actor);
    while (shell->stashes)
        shell_forget(shell, shell->stashes->id);
    shell_logs_end(shell);
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
    if (argc > 1 && strcmp(argv[1], "--probe") == 0)
        return probe_main(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--take-over") == 0)
        return takeover_main(argc, argv);
    return dr_actor_main(argc, argv, &SPEC);
}
