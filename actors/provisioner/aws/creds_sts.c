/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "answer.h"
#include "creds_impl.h"
#include "drover/assert.h"
#include "errors.h"
#include "request.h"

#define STS_VERSION "2011-06-15"
#define SESSION_NAME "drover" /* seen in CloudTrail */
#define FORM "Content-Type: application/x-www-form-urlencoded; charset=utf-8"

static const char *session_name(const char *said)
{
    return said && said[0] ? said : SESSION_NAME;
}

static bool may_ask(struct aws_creds *creds, const char *role_arn)
{
    if (creds->sts_url[0])
        return true;
    creds_broken(creds,
                 "role %.200s: STS is asked in a region, and none is set (region of the "
                 "account, AWS_REGION)",
                 role_arn);
    return false;
}

static int64_t skew_ms(const struct dr_http_answer *answer)
{
    int64_t theirs_us = dr_http_date_us(answer->date);
    return theirs_us < 0 ? 0 : (answer->received_wall_us - theirs_us) / 1000;
}

/* Keys of either action's answer. */
static bool read_answer(const char *action, const struct dr_http_answer *answer,
                        struct creds_keys *keys, struct aws_error *said)
{
    *keys = (struct creds_keys){0};
    aws_error_read(action, answer, skew_ms(answer), said);
    if (said->kind != AWS_OK)
        return false;
    struct aws_temporary temporary = {0};
    struct dr_error error = {0};
    bool good = aws_read_temporary(answer->body, answer->body_len, &temporary, &error) &&
                creds_keys_set(keys, temporary.access_key, temporary.secret_key,
                               temporary.session_token, &error);
    if (good)
        creds_keys_expire(keys, temporary.expires_us, answer->date);
    if (good && keys->expires && keys->life_ms <= 0) {
        dr_error_set(&error, "%s answered keys that have expired already", action);
        creds_keys_wipe(keys);
        good = false;
    }
    aws_temporary_wipe(&temporary);
    if (!good)
        snprintf(said->sentence, sizeof said->sentence, "%s", error.text);
    return good;
}

static void on_role(void *arg, const struct dr_http_answer *answer)
{
    struct aws_creds *creds = arg;
    struct creds_fetch *fetch = &creds->fetch;
    struct creds_role *role = &fetch->roles[fetch->role_count - 1];
    struct creds_keys keys;
    struct aws_error said;
    if (!read_answer("AssumeRole", answer, &keys, &said)) {
        creds_broken(creds, "there are keys (%s), but for role %.200s: %s",
                     fetch->where.data ? fetch->where.data : "", role->arn, said.sentence);
        return;
    }
    struct dr_strbuf where = {0};
    dr_strbuf_printf(&where, "role %s, assumed with %s", role->arn, fetch->where.data);
    dr_strbuf_free(&fetch->where);
    fetch->where = where;
    creds_keys_wipe(&fetch->keys);
    fetch->keys = keys;
    creds_role_free(role);
    fetch->role_count--;
    creds_assume(creds);
}

void creds_assume(struct aws_creds *creds)
{
    struct creds_fetch *fetch = &creds->fetch;
    if (fetch->role_count == 0) {
        creds_fetched(creds, NULL);
        return;
    }
    const struct creds_role *role = &fetch->roles[fetch->role_count - 1];
    if (!may_ask(creds, role->arn))
        return;
    struct dr_strbuf body = {0}, token = {0}, scope = {0};
    aws_begin(&body, "AssumeRole", STS_VERSION);
    aws_field(&body, "RoleArn", role->arn);
    aws_field(&body, "RoleSessionName", session_name(role->session_name));
    if (role->external_id[0])
        aws_field(&body, "ExternalId", role->external_id);
    if (role->duration_s > 0)
        aws_field_int(&body, "DurationSeconds", role->duration_s);
    dr_strbuf_printf(&token, "X-Amz-Security-Token: %s", fetch->keys.session_token);
    dr_strbuf_printf(&scope, "aws:amz:%s:sts", creds->region);
    const char *headers[] = {FORM, fetch->keys.session_token[0] ? token.data : NULL, NULL};
    dr_http_send(creds->wide,
                 &(struct dr_http_request){.method = "POST",
                                           .url = creds->sts_url,
                                           .headers = headers,
                                           .body = body.data,
                                           .body_len = body.len,
                                           .user = fetch->keys.access_key,
                                           .password = fetch->keys.secret_key,
                                           .aws_sigv4 = scope.data},
                 on_role, creds);
    dr_strbuf_free(&body);
    dr_strbuf_free(&token);
    dr_strbuf_free(&scope);
}

static void on_web_identity(void *arg, const struct dr_http_answer *answer)
{
    struct aws_creds *creds = arg;
    struct creds_fetch *fetch = &creds->fetch;
    struct creds_keys keys;
    struct aws_error said;
    struct dr_strbuf where = fetch->where; /* put there when the question was asked */
    fetch->where = (struct dr_strbuf){0};
    if (read_answer("AssumeRoleWithWebIdentity", answer, &keys, &said))
        creds_found(creds, &keys, "%s", where.data);
    else
        creds_broken(creds, "%s: %s", where.data, said.sentence);
    dr_strbuf_free(&where);
}

void creds_assume_web(struct aws_creds *creds, const char *role_arn, const char *name,
                      const char *token, const char *where)
{
    if (!may_ask(creds, role_arn))
        return;
    struct dr_strbuf body = {0};
    aws_begin(&body, "AssumeRoleWithWebIdentity", STS_VERSION);
    aws_field(&body, "RoleArn", role_arn);
    aws_field(&body, "RoleSessionName", session_name(name));
    aws_field(&body, "WebIdentityToken", token);
    dr_strbuf_add_text(&creds->fetch.where, where);
    const char *headers[] = {FORM, NULL};
    /* Neither user nor aws_sigv4: the token is all the proof there is, and the request is not
     * signed. */
    dr_http_send(creds->wide,
                 &(struct dr_http_request){.method = "POST",
                                           .url = creds->sts_url,
                                           .headers = headers,
                                           .body = body.data,
                                           .body_len = body.len},
                 on_web_identity, creds);
    dr_strbuf_free(&body);
}
