/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "log.h"
#include "shell.h"

static void on_launched(void *arg, const char *attempt, const struct driver_answer *answer)
{
    struct shell *shell = arg;
    enum attempt_event what = ATTEMPT_REFUSED;
    if (answer->class == DRIVER_OK)
        what = ATTEMPT_LAUNCHED;
    else if (answer->class == DRIVER_UNKNOWN || answer->class == DRIVER_THROTTLE ||
             answer->class == DRIVER_AUTH)
        what = ATTEMPT_UNANSWERED;
    if (what == ATTEMPT_LAUNCHED) {
        shell_crash_point("after-launch");
        for (size_t i = 0; i < answer->instance_count; i++)
            dr_log(DR_LOG_INFO, NULL, "instance %s runs", answer->instances[i]);
    } else {
        dr_log_merged(DR_LOG_WARNING, NULL, "no machine was started (%s): %s",
                      driver_class_name(answer->class), answer->sentence);
    }
    struct prov_event event = {
        .kind = PROV_ATTEMPT_EVENT, .id = attempt, .what = what, .answer = answer};
    shell_step(shell, &event);
}

void shell_send(struct shell *shell, const char *attempt)
{
    struct stash *stash = shell_stash(shell, attempt);
    DR_ASSERT(stash->body); /* nothing is sent that was not committed */
    shell->ops->launch(shell->driver, attempt, (const char *)stash->body, stash->body_len,
                       on_launched, shell);
    shell_crash_point("in-launch");
}

static void publish(struct shell *shell, const struct driver_list *list)
{
    struct dr_cloud_observed body = {
        .account = dr_actor_account(shell->actor),
        .sent_ms = list->sent_ms,
        .ok = list->ok,
        .sentence = list->sentence,
        .identity = list->identity,
        .instances = {.items = list->instances, .count = list->ok ? list->count : 0},
    };
    dr_record_free(&shell->cloud);
    DR_ASSERT(dr_record_copy(&dr_desc_cloud_observed, &body, &shell->cloud) == 0);
    dr_publish(shell->actor, DR_CLOUD_OBSERVED, &body, NULL);
}

/* A driver that answers for one account all its life need not name it in each list. */
static struct driver_list named(const struct shell *shell, const struct driver_list *list)
{
    struct driver_list copy = *list;
    copy.identity = list->identity ? list->identity : shell_identity(shell);
    return copy;
}

static void on_listed(void *arg, const struct driver_list *list)
{
    struct shell *shell = arg;
    struct driver_list copy = named(shell, list);
    struct prov_event event = {.kind = PROV_LISTED, .list = &copy};
    publish(shell, &copy);
    shell_step(shell, &event);
}

void shell_list(struct shell *shell)
{
    shell->ops->list(shell->driver, on_listed, shell);
}

struct described {
    struct shell *shell;
    char instance[96];
};

static void on_described(void *arg, const struct driver_list *list)
{
    struct described *described = arg;
    struct driver_list copy = named(described->shell, list);
    struct prov_event event = {.kind = PROV_DESCRIBED, .id = described->instance, .list = &copy};
    shell_step(described->shell, &event);
    free(described);
}

void shell_describe(struct shell *shell, const char *instance)
{
    struct described *described = calloc(1, sizeof *described);
    DR_ASSERT(described);
    described->shell = shell;
    snprintf(described->instance, sizeof described->instance, "%s", instance);
    shell->ops->describe(shell->driver, instance, on_described, described);
}

static void on_terminated(void *arg, const char *instance, const struct driver_answer *answer)
{
    (void)arg;
    if (answer->class != DRIVER_OK)
        dr_log_merged(DR_LOG_WARNING, NULL, "instance %s was not terminated (%s): %s", instance,
                      driver_class_name(answer->class), answer->sentence);
}

void shell_terminate(struct shell *shell, const char *instance)
{
    shell->ops->terminate(shell->driver, instance, on_terminated, shell);
}

static void on_tagged(void *arg, const char *instance, const struct driver_answer *answer)
{
    (void)arg;
    if (answer->class != DRIVER_OK)
        dr_log_merged(DR_LOG_WARNING, NULL,
                      "instance %s does not carry its machine's id yet (%s): %s", instance,
                      driver_class_name(answer->class), answer->sentence);
}

void shell_tag(struct shell *shell, const struct prov_effect *effect)
{
    shell->ops->tag(shell->driver, effect->instance, effect->id, on_tagged, shell);
}

void shell_clean(struct shell *shell, const char *instance)
{
    if (shell->ops->read_log)
        shell_collect_log(shell, core_machine_of(shell->core, instance), instance);
    bootlog_done(shell->logs, instance);
    if (shell->ops->forget)
        shell->ops->forget(shell->driver, instance);
}
