/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootdata.h"
#include "drover/assert.h"
#include "log.h"
#include "shell.h"

#define LEDGER_TIMEOUT_MS 5000

/* What a request needs to remember until its answer. */
struct asked {
    struct shell *shell;
    char id[96];
    char (*machines)[96];
    size_t machine_count;
};

static struct asked *asked_new(struct shell *shell, const char *id)
{
    struct asked *asked = calloc(1, sizeof *asked);
    DR_ASSERT(asked);
    asked->shell = shell;
    snprintf(asked->id, sizeof asked->id, "%s", id);
    return asked;
}

static const struct dr_ack *ack_of(const struct dr_answer *answer)
{
    if (!answer->message || answer->message->row->type != DR_ACK)
        return NULL;
    return answer->message->body;
}

static void happened(struct shell *shell, const char *attempt, enum attempt_event what,
                     const char *sentence)
{
    struct prov_event event = {
        .kind = PROV_ATTEMPT_EVENT, .id = attempt, .what = what, .sentence = sentence};
    shell_step(shell, &event);
}

/* An answer to a write, as the attempt's table wants it: done, refused, or unknown (P28). */
static void settle(struct shell *shell, const char *attempt, const struct dr_answer *answer,
                   enum attempt_event done, enum attempt_event refused, enum attempt_event unknown,
                   const char *doing)
{
    const struct dr_ack *ack = ack_of(answer);
    bool unavailable =
        ack && !ack->ok &&
        (strcmp(ack->code, "unavailable") == 0 || strcmp(ack->code, "internal") == 0);
    if (ack && !ack->ok)
        dr_log_merged(DR_LOG_WARNING, NULL, "attempt %s: the ledger refuses to %s it: %s", attempt,
                      doing, ack->sentence);
    if (!ack || unavailable)
        happened(shell, attempt, unknown, NULL);
    else
        happened(shell, attempt, ack->ok ? done : refused, NULL);
}

/* ---- snapshot ------------------------------------------------------------------------------- */
static void on_snapshot(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct shell *shell = arg;
    struct prov_event event = {.kind = PROV_SNAPSHOT};
    (void)actor;
    if (answer->message && answer->message->row->type == DR_LEDGER_STATE) {
        event.state = answer->message->body;
        snprintf(shell->ledger_id, sizeof shell->ledger_id, "%s", event.state->ledger_id);
        shell_mark_rows(shell, event.state);
    } else {
        dr_log_merged(DR_LOG_WARNING, NULL, "the ledger does not answer (%s)",
                      answer->failure ? answer->failure : "it refused");
    }
    shell_step(shell, &event);
}

void shell_ask_snapshot(struct shell *shell)
{
    struct dr_ledger_snapshot body = {.account = dr_actor_account(shell->actor)};
    dr_request(shell->actor, "ledger", DR_LEDGER_SNAPSHOT, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
               on_snapshot, shell);
}

/* ---- open ----------------------------------------------------------------------------------- */
static void on_opened(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked *asked = arg;
    const struct dr_ack *ack = ack_of(answer);
    const char **ids = calloc(asked->machine_count + 1, sizeof *ids);
    (void)actor;
    DR_ASSERT(ids);
    for (size_t i = 0; i < asked->machine_count; i++)
        ids[i] = asked->machines[i];
    struct prov_event event = {.kind = PROV_OPENED,
                               .ok = ack && ack->ok,
                               .code = ack ? ack->code : "",
                               .sentence = ack ? ack->sentence : answer->failure,
                               .seq = ack ? ack->seq : 0,
                               .id = ack && ack->ids.count ? ack->ids.items[0] : "",
                               .machines = {.items = ids, .count = asked->machine_count}};
    if (!event.ok)
        dr_log_merged(DR_LOG_INFO, NULL, "no attempt was opened: %s",
                      event.sentence ? event.sentence : "no answer");
    shell_step(asked->shell, &event);
    free(ids);
    free(asked->machines);
    free(asked);
}

void shell_open(struct shell *shell, const struct prov_effect *effect)
{
    struct asked *asked = asked_new(shell, "");
    asked->machine_count = effect->machines.count;
    asked->machines = calloc(effect->machines.count + 1, sizeof *asked->machines);
    DR_ASSERT(asked->machines);
    for (size_t i = 0; i < effect->machines.count; i++)
        snprintf(asked->machines[i], sizeof asked->machines[i], "%s", effect->machines.items[i]);
    struct dr_attempt_open body = {
        .machines = effect->machines,
        .account = dr_actor_account(shell->actor),
        .offering = effect->offering,
        .identity = effect->identity,
        .seal_pk = {.bytes = shell->keys.public_key, .len = sizeof shell->keys.public_key},
    };
    shell_mark_live(shell);
    dr_request(shell->actor, "ledger", DR_ATTEMPT_OPEN, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
               on_opened, asked);
}

/* ---- prepare -------------------------------------------------------------------------------- */
static bool build(struct shell *shell, const struct dr_attempt_full *full, const char *secret,
                  struct dr_strbuf *bytes, struct dr_error *error)
{
    const struct dr_cfg_root *config = dr_actor_config(shell->actor);
    const char *account_name = dr_actor_account(shell->actor);
    if (full->machines.count == 0)
        return dr_error_set(error, "the attempt has no machine rows");
    struct bootdata_request data = {
        .config = config,
        .account = dr_config_account(config, account_name),
        .type = dr_config_type(config, full->machines.items[0].type),
        .machine = &full->machines.items[0],
        .access_key = full->access_key,
        .secret_key = secret,
        .id_source = shell->ops->id_source,
        .power_off = shell->ops->power_off,
    };
    if (!data.account || !data.type)
        return dr_error_set(error, "the configuration no longer has machine type %s",
                            full->machines.items[0].type);
    if (shell->ops->gpus)
        data.gpu_count = shell->ops->gpus(shell->driver, data.type);
    struct boot_blob script = {0};
    if (!bootdata_render(&data, &script, error))
        return false;
    struct driver_request request = {
        .attempt = full->attempt.id,
        .count = full->machines.count,
        .account = data.account,
        .type = data.type,
        .offering = full->attempt.offering,
        .deployment = config->deployment,
        .ledger_id = shell->ledger_id,
        .user_data = script.data,
        .user_data_len = script.size,
    };
    bool ok = shell->ops->build(shell->driver, &request, bytes, error);
    boot_blob_free(&script);
    return ok;
}

/* The key is there: open it, build the exact bytes, seal them for the row. */
static enum attempt_event build_body(struct shell *shell, const struct dr_attempt_full *full,
                                     struct dr_error *error)
{
    struct dr_strbuf bytes = {0};
    size_t len = 0;
    unsigned char *secret =
        dr_seal_open(&shell->keys, full->key_sealed.bytes, full->key_sealed.len, &len);
    bool ok = secret != NULL;
    if (!ok)
        dr_error_set(error, "its ClearML key is sealed to another provisioner key");
    ok = ok && build(shell, full, (const char *)secret, &bytes, error);
    dr_wipe_free(secret, len);
    if (ok) {
        DR_ASSERT(bytes.data != NULL);
        struct stash *stash = shell_stash(shell, full->attempt.id);
        dr_wipe_free(stash->body, stash->body_len);
        free(stash->sealed);
        stash->body_len = bytes.len;
        stash->body = malloc(bytes.len + 1);
        DR_ASSERT(stash->body);
        memcpy(stash->body, bytes.data, bytes.len + 1);
        stash->sealed =
            dr_seal_to(shell->keys.public_key, bytes.data, bytes.len, &stash->sealed_len);
        DR_ASSERT(stash->sealed);
    }
    dr_strbuf_free(&bytes);
    return ok ? ATTEMPT_BUILT : ATTEMPT_UNBUILDABLE;
}

static enum attempt_event open_body(struct shell *shell, const struct dr_attempt_full *full)
{
    size_t len = 0;
    unsigned char *body = dr_seal_open(&shell->keys, full->body.bytes, full->body.len, &len);
    if (!body)
        return ATTEMPT_UNREADABLE;
    struct stash *stash = shell_stash(shell, full->attempt.id);
    dr_wipe_free(stash->body, stash->body_len);
    stash->body = body;
    stash->body_len = len;
    return ATTEMPT_READABLE;
}

static enum attempt_event prepared(struct shell *shell, const struct dr_answer *answer,
                                   struct dr_error *error)
{
    const struct dr_ack *ack = ack_of(answer);
    if (ack && strcmp(ack->code, "not-found") == 0)
        return ATTEMPT_GONE;
    if (!answer->message || answer->message->row->type != DR_ATTEMPT_FULL)
        return ATTEMPT_UNPREPARED;
    const struct dr_attempt_full *full = answer->message->body;
    if (strcmp(full->attempt.state, "closed") == 0)
        return ATTEMPT_GONE;
    if (full->body.len > 0)
        return open_body(shell, full);
    if (full->key_sealed.len == 0)
        return ATTEMPT_UNKEYED;
    if (!shell_identity(shell)[0]) /* and with it what a body needs */
        return ATTEMPT_UNPREPARED;
    return build_body(shell, full, error);
}

static void on_fetched(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked *asked = arg;
    struct dr_error error = {0};
    (void)actor;
    enum attempt_event what = prepared(asked->shell, answer, &error);
    if (what == ATTEMPT_UNBUILDABLE)
        dr_log_merged(DR_LOG_ERROR, NULL, "attempt %s cannot be made: %s", asked->id, error.text);
    happened(asked->shell, asked->id, what, error.text[0] ? error.text : NULL);
    if (!core_attempt_is_open(asked->shell->core, asked->id)) /* it closed while this was fetched */
        shell_forget(asked->shell, asked->id);
    free(asked);
}

void shell_prepare(struct shell *shell, const char *attempt)
{
    struct dr_attempt_fetch body = {.attempt = attempt};
    dr_request(shell->actor, "ledger", DR_ATTEMPT_FETCH, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
               on_fetched, asked_new(shell, attempt));
}

/* ---- commit and close ----------------------------------------------------------------------- */
static void on_committed(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked *asked = arg;
    const struct dr_ack *ack = ack_of(answer);
    (void)actor;
    if (ack && ack->ok)
        shell_crash_point("after-commit");
    settle(asked->shell, asked->id, answer, ATTEMPT_COMMIT_OK, ATTEMPT_COMMIT_REFUSED,
           ATTEMPT_COMMIT_UNKNOWN, "commit");
    free(asked);
}

void shell_commit(struct shell *shell, const char *attempt)
{
    struct stash *stash = shell_stash(shell, attempt);
    struct dr_attempt_commit body = {.attempt = attempt,
                                     .body = {.bytes = stash->sealed, .len = stash->sealed_len}};
    dr_request(shell->actor, "ledger", DR_ATTEMPT_COMMIT, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
               on_committed, asked_new(shell, attempt));
}

static void on_closed(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked *asked = arg;
    (void)actor;
    settle(asked->shell, asked->id, answer, ATTEMPT_CLOSE_OK, ATTEMPT_CLOSE_REFUSED,
           ATTEMPT_CLOSE_UNKNOWN, "close");
    free(asked);
}

void shell_close(struct shell *shell, const struct prov_effect *effect)
{
    struct dr_attempt_close body = {
        .attempt = effect->id,
        .outcome = effect->word,
        .instances = effect->instances,
        .give_up = effect->give_up,
        .excused = effect->excused,
        .sentence = effect->sentence,
    };
    dr_request(shell->actor, "ledger", DR_ATTEMPT_CLOSE, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
               on_closed, asked_new(shell, effect->id));
}

/* ---- what the cloud says -------------------------------------------------------------------- */
static void on_said(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    struct asked *asked = arg;
    const struct dr_ack *ack = ack_of(answer);
    struct prov_event event = {.kind = PROV_SAID, .id = asked->id, .ok = ack && ack->ok};
    (void)actor;
    shell_step(asked->shell, &event);
    free(asked);
}

void shell_say(struct shell *shell, const struct prov_effect *effect)
{
    struct dr_log_ctx ctx = {.machine = effect->id};
    dr_log(DR_LOG_INFO, &ctx, "instance %s is %s: %s", effect->instance, effect->word,
           effect->sentence);
    if (strcmp(effect->word, "ended") == 0 || /* its last words, while the row still names it */
        (strcmp(effect->word, "absent") == 0 && !shell->ops->read_log))
        shell_collect_log(shell, effect->id, effect->instance);
    struct dr_machine_seen body = {
        .machine = effect->id,
        .instance_id = effect->instance,
        .word = effect->word,
        .identity = effect->identity,
        .sentence = effect->sentence,
    };
    dr_request(shell->actor, "ledger", DR_MACHINE_SEEN, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
               on_said, asked_new(shell, effect->id));
}

static void on_found(struct dr_actor *actor, const struct dr_answer *answer, void *arg)
{
    const struct dr_ack *ack = ack_of(answer);
    (void)actor;
    (void)arg;
    if (ack && !ack->ok)
        dr_log_merged(DR_LOG_WARNING, NULL, "an unknown machine was not adopted: %s",
                      ack->sentence);
}

void shell_found(struct shell *shell, const char *instance)
{
    const struct dr_cloud_observed *cloud = shell->cloud.value;
    for (size_t i = 0; cloud && i < cloud->instances.count; i++) {
        if (strcmp(cloud->instances.items[i].instance_id, instance) != 0)
            continue;
        struct dr_machine_found body = {.account = dr_actor_account(shell->actor),
                                        .identity = cloud->identity,
                                        .instance = cloud->instances.items[i]};
        dr_log(DR_LOG_WARNING, NULL,
               "instance %s carries this deployment's tag and is in no row: it is adopted",
               instance);
        dr_request(shell->actor, "ledger", DR_MACHINE_FOUND, &body, NULL, NULL, LEDGER_TIMEOUT_MS,
                   on_found, shell);
    }
}
