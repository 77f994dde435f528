/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of the role that the instance has, from its metadata service, version 2 only.
 * docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "creds_impl.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "seal.h"

#define TIMEOUT_MS 1000 /* it is on the host's own link; elsewhere nobody answers at all */
#define TOKEN_S 21600
#define TOKEN_TEXT "21600"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

static const char *base_url(void)
{
    const char *url = creds_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (url[0])
        return url;
    bool v6 = strcasecmp(creds_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6") == 0;
    return v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

static void drop_token(struct aws_creds *creds)
{
    dr_wipe_free_text(creds->imds_token);
    creds->imds_token = NULL;
}

/* A single word or a role's name: goes into a header or a path. */
static char *take_word(const struct dr_http_answer *answer, const char *refused)
{
    size_t len = strcspn(answer->body, "\r\n");
    for (size_t i = 0; i < len; i++) {
        if (answer->body[i] <= ' ' || answer->body[i] > '~' || strchr(refused, answer->body[i]))
            return NULL;
    }
    char *word = len > 0 ? strndup(answer->body, len) : NULL;
    return word;
}

static void send(struct aws_creds *creds, const char *method, const char *path, const char *more,
                 const char *header, dr_http_done_fn *done)
{
    char url[600];
    const char *headers[] = {header, NULL};
    size_t len = strlen(base_url());
    while (len > 0 && base_url()[len - 1] == '/')
        len--;
    snprintf(url, sizeof url, "%.*s%s%s", (int)(len < 300 ? len : 300), base_url(), path, more);
    dr_http_send(creds->link,
                 &(struct dr_http_request){
                     .method = method, .url = url, .headers = headers, .timeout_ms = TIMEOUT_MS},
                 done, creds);
}

static void ask(struct aws_creds *creds, const char *role, dr_http_done_fn *done)
{
    struct dr_strbuf header = {0};
    dr_strbuf_printf(&header, "X-aws-ec2-metadata-token: %s", creds->imds_token);
    send(creds, "GET", ROLE_PATH, role, header.data, done);
    dr_strbuf_free(&header);
}

static void ask_token(struct aws_creds *creds);

/* What both questions have in common. True: the turn is over, or begins again. */
static bool ended(struct aws_creds *creds, const struct dr_http_answer *answer)
{
    if (answer->cls != DR_HTTP_OK) {
        creds_none(creds, "%s", answer->error);
    } else if (answer->status == 401 && !creds->fetch.again) {
        creds->fetch.again = true; /* the token has ended before its time */
        drop_token(creds);
        ask_token(creds);
    } else if (answer->status == 404) {
        creds_none(creds, "this instance has no role (an instance profile gives it one)");
    } else if (answer->status != 200) {
        creds_none(creds, "the service answered status %ld", answer->status);
    } else {
        return false;
    }
    return true;
}

static void on_keys(void *arg, const struct dr_http_answer *answer)
{
    struct aws_creds *creds = arg;
    struct creds_keys keys = {0};
    struct dr_error error = {0};
    if (ended(creds, answer))
        return;
    if (!creds_keys_read(&keys, answer, &error)) {
        creds_none(creds, "%s", error.text);
        return;
    }
    keys.late = true;
    creds_found(creds, &keys, "the instance's role, from its metadata service");
}

static void on_role(void *arg, const struct dr_http_answer *answer)
{
    struct aws_creds *creds = arg;
    if (ended(creds, answer))
        return;
    char *role = take_word(answer, "/?#%\\");
    if (role)
        ask(creds, role, on_keys);
    else
        creds_none(creds, "the service named no role");
    free(role);
}

static void on_token(void *arg, const struct dr_http_answer *answer)
{
    struct aws_creds *creds = arg;
    if (answer->cls != DR_HTTP_OK) {
        creds_none(creds, "%s", answer->error);
        return;
    }
    drop_token(creds);
    creds->imds_token = answer->status == 200 ? take_word(answer, "") : NULL;
    if (!creds->imds_token) {
        creds_none(creds, "the service gave no token of version 2 (status %ld)", answer->status);
        return;
    }
    creds->imds_token_until_ms = dr_boottime_ms() + (int64_t)TOKEN_S * 1000 - 60000;
    ask(creds, "", on_role);
}

static void ask_token(struct aws_creds *creds)
{
    send(creds, "PUT", "/latest/api/token", "", "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_TEXT,
         on_token);
}

void creds_try_metadata(struct aws_creds *creds)
{
    if (strcasecmp(creds_env("AWS_EC2_METADATA_DISABLED"), "true") == 0) {
        creds_none(creds, "switched off (AWS_EC2_METADATA_DISABLED)");
        return;
    }
    creds->fetch.again = false;
    if (creds->imds_token && dr_boottime_ms() < creds->imds_token_until_ms)
        ask(creds, "", on_role);
    else
        ask_token(creds);
}
