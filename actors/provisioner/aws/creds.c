/* SPDX-License-Identifier: Apache-2.0 */
#include "creds.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "creds_impl.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "log.h"
#include "seal.h"

#define MINUTE_MS INT64_C(60000)
#define SOON_MS (15 * MINUTE_MS) /* renewed in the background */
#define MUST_MS (10 * MINUTE_MS) /* nobody is given older ones without a try */
#define LINK_BODY_MAX ((size_t)64 << 10)

struct creds_waiter {
    struct creds_waiter *next;
    aws_creds_fn done;
    void *arg;
};

static char *copy(const char *text)
{
    char *result = strdup(text ? text : "");
    DR_ASSERT(result != NULL);
    return result;
}

static bool check(const struct aws_creds_setup *setup, struct dr_error *error)
{
    const struct dr_cfg_account *account = setup->account;
    if (account->credentials_file[0] && account->profile[0])
        return dr_error_set(error, "account %s: credentials_file and profile exclude each other",
                            account->name);
    if (account->external_id[0] && !account->role_arn[0])
        return dr_error_set(error, "account %s: external_id needs role_arn", account->name);
    if (strlen(account->profile) >= CREDS_PROFILE_MAX)
        return dr_error_set(error, "account %s: profile is longer than %d letters", account->name,
                            CREDS_PROFILE_MAX - 1);
    return true;
}

struct aws_creds *aws_creds_new(const struct aws_creds_setup *setup, struct dr_error *error)
{
    const struct dr_cfg_account *account = setup->account;
    if (!check(setup, error))
        return NULL;
    struct aws_creds *creds = calloc(1, sizeof *creds);
    DR_ASSERT(creds != NULL);
    creds->loop = setup->loop;
    creds->credentials_file = copy(account->credentials_file);
    creds->profile = copy(account->profile);
    creds->role_arn = copy(account->role_arn);
    creds->external_id = copy(account->external_id);
    creds->home = setup->home ? copy(setup->home) : NULL;
    creds->reread_ms = setup->reread_ms;
    creds->timer = -1;
    aws_endpoint("sts", setup->region, account->sts_endpoint, creds->sts_url,
                 sizeof creds->sts_url);
    snprintf(creds->region, sizeof creds->region, "%s",
             setup->region[0] ? setup->region : "us-east-1");
    const char *ca_file = account->ca_file[0] ? account->ca_file : creds_env("AWS_CA_BUNDLE");
    creds->wide =
        dr_http_new(setup->loop, &(struct dr_http_options){.timeout_ms = (long)account->timeout_ms,
                                                           .ca_file = ca_file[0] ? ca_file : NULL});
    creds->link =
        dr_http_new(setup->loop, &(struct dr_http_options){.proxy = "",
                                                           .ca_file = ca_file[0] ? ca_file : NULL,
                                                           .max_body = LINK_BODY_MAX});
    return creds;
}

void aws_creds_free(struct aws_creds *creds)
{
    if (!creds)
        return;
    dr_http_destroy(&creds->wide);
    dr_http_destroy(&creds->link);
    if (creds->timer >= 0)
        zloop_timer_end(creds->loop, creds->timer);
    struct creds_waiter *waiter, *next;
    LL_FOREACH_SAFE(creds->waiters, waiter, next)
    {
        free(waiter);
    }
    creds_fetch_wipe(&creds->fetch);
    creds_keys_wipe(&creds->keys);
    dr_wipe_free_text(creds->imds_token);
    dr_wipe_free_text(creds->external_id);
    free(creds->credentials_file);
    free(creds->profile);
    free(creds->role_arn);
    free(creds->home);
    free(creds);
}

static bool usable(const struct aws_creds *creds, int64_t now_ms)
{
    return creds->keys.access_key && !creds->refused &&
           (creds->keys.late || creds_keys_left_ms(&creds->keys, now_ms) > 0);
}

/* Short-lived keys have no 15 minutes to spare: half of what they came with, and a third. */
static int64_t at_most(int64_t wanted_ms, int64_t share_ms)
{
    return share_ms < wanted_ms ? share_ms : wanted_ms;
}

static bool fresh(const struct aws_creds *creds, int64_t now_ms)
{
    if (!usable(creds, now_ms))
        return false;
    int64_t left_ms = creds_keys_left_ms(&creds->keys, now_ms);
    return left_ms > at_most(MUST_MS, creds->keys.life_ms / 3) || now_ms < creds->retry_ms;
}

static void start_fetch(struct aws_creds *creds)
{
    if (creds->fetching)
        return;
    creds->fetching = true;
    /* A file that is away for a moment must not make another identity of us. */
    bool renewal = usable(creds, dr_boottime_ms());
    creds_fetch_start(creds, renewal ? creds->keys_source : CREDS_SOURCES - 1);
}

static int on_renewal(zloop_t *loop, int timer, void *arg)
{
    struct aws_creds *creds = arg;
    (void)loop;
    (void)timer;
    creds->timer = -1;
    start_fetch(creds);
    return 0;
}

static void renew_in(struct aws_creds *creds, int64_t wait_ms)
{
    if (creds->timer >= 0)
        zloop_timer_end(creds->loop, creds->timer);
    creds->timer =
        zloop_timer(creds->loop, (size_t)(wait_ms > 0 ? wait_ms : 0) + 1, 1, on_renewal, creds);
    DR_ASSERT(creds->timer >= 0);
}

/* When to ask again while the keys at hand still do: nearer to their end, more often. */
static int64_t pause_ms(const struct aws_creds *creds, int64_t now_ms)
{
    int64_t half_ms = creds_keys_left_ms(&creds->keys, now_ms) / 2;
    if (half_ms <= 0)
        return MINUTE_MS;
    return half_ms > MINUTE_MS ? MINUTE_MS : half_ms < 1000 ? 1000 : half_ms;
}

static void answer_waiters(struct aws_creds *creds, const char *sentence)
{
    struct creds_waiter *waiters = creds->waiters, *waiter, *next;
    creds->waiters = NULL;
    const struct aws_keys keys = {creds->keys.access_key, creds->keys.secret_key,
                                  creds->keys.session_token};
    LL_FOREACH_SAFE(waiters, waiter, next)
    {
        waiter->done(waiter->arg, sentence ? NULL : &keys, sentence ? sentence : "");
        free(waiter);
    }
}

static void take_keys(struct aws_creds *creds, int64_t now_ms)
{
    struct creds_fetch *fetch = &creds->fetch;
    if (creds->told)
        dr_log(DR_LOG_INFO, NULL, "AWS credentials are renewed again (%s)", fetch->where.data);
    creds->told = creds->refused = false;
    creds->retry_ms = 0;
    creds_keys_wipe(&creds->keys);
    creds->keys = fetch->keys;
    fetch->keys = (struct creds_keys){0};
    creds->keys_source = fetch->first;
    snprintf(creds->source, sizeof creds->source, "%s", fetch->where.data);
    if (!creds->keys.expires)
        return;
    if (creds->keys.life_ms <= 0) { /* of the metadata service only: it has none newer yet */
        creds->retry_ms = now_ms + MINUTE_MS;
        renew_in(creds, MINUTE_MS);
        return;
    }
    renew_in(creds, creds->keys.life_ms - at_most(SOON_MS, creds->keys.life_ms / 2));
}

static void keep_keys(struct aws_creds *creds, const char *sentence, int64_t now_ms)
{
    int64_t wait_ms = pause_ms(creds, now_ms);
    if (!creds->told)
        dr_log(DR_LOG_WARNING, &(struct dr_log_ctx){.err = sentence},
               "AWS credentials could not be renewed; those of %s are used while they are valid",
               creds->source);
    creds->told = true;
    creds->retry_ms = now_ms + wait_ms;
    renew_in(creds, wait_ms);
}

void creds_fetched(struct aws_creds *creds, const char *sentence)
{
    int64_t now_ms = dr_boottime_ms();
    creds->fetching = false;
    creds->fetched_ms = now_ms;
    bool keep = sentence && usable(creds, now_ms);
    if (!sentence) {
        take_keys(creds, now_ms);
    } else if (keep) {
        keep_keys(creds, sentence, now_ms);
    } else {
        creds_keys_wipe(&creds->keys);
        creds->refused = false;
    }
    char *words = sentence && !keep ? copy(sentence) : NULL;
    creds_fetch_wipe(&creds->fetch);
    answer_waiters(creds, words);
    free(words);
}

void aws_creds_get(struct aws_creds *creds, aws_creds_fn done, void *arg)
{
    if (fresh(creds, dr_boottime_ms())) {
        const struct aws_keys keys = {creds->keys.access_key, creds->keys.secret_key,
                                      creds->keys.session_token};
        done(arg, &keys, "");
        return;
    }
    struct creds_waiter *waiter = calloc(1, sizeof *waiter);
    DR_ASSERT(waiter != NULL);
    *waiter = (struct creds_waiter){.done = done, .arg = arg};
    LL_APPEND(creds->waiters, waiter);
    start_fetch(creds);
}

void aws_creds_refused(struct aws_creds *creds)
{
    if (creds->keys.access_key && dr_boottime_ms() - creds->fetched_ms >= creds->reread_ms)
        creds->refused = true;
}

const char *aws_creds_source(const struct aws_creds *creds)
{
    return creds->source;
}
