/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "drover/assert.h"
#include "json.h"

/* Subcodes of 401 (ClearML server, apiserver/config/default/apierrors: unauthorized): with these
 * the identity is fine and the permission is missing, so that a new token changes nothing. */
#define NOT_AUTHORIZED 1
#define ENTITY_NOT_ALLOWED 10

#define WORDS_MAX 160 /* of the server's own message in a sentence */

static const char *const class_names[CLEARML_CLASSES] = {
    [CLEARML_OK] = "ok",
    [CLEARML_REFUSED] = "refused",
    [CLEARML_WRONG_KEY] = "wrong_key",
    [CLEARML_BUSY] = "busy",
    [CLEARML_SERVER] = "server",
    [CLEARML_UNREACHABLE] = "unreachable",
    [CLEARML_TIMEOUT] = "timeout",
    [CLEARML_TLS] = "tls",
    [CLEARML_NOT_API] = "not_api",
};

const char *clearml_class_name(enum clearml_class cls)
{
    DR_ASSERT(cls < CLEARML_CLASSES);
    return class_names[cls];
}

/* A whole number's low part: codes outside an int are no codes. */
static int small(int64_t value)
{
    return value >= 0 && value < 100000 ? (int)value : 0;
}

/* No answer, or not the API's: what the wire said, and what to look at. */
static void judge_wire(const struct dr_http_answer *http, struct verdict *verdict)
{
    static const struct {
        enum clearml_class cls;
        const char *advice;
    } table[DR_HTTP_CLASSES] = {
        [DR_HTTP_DNS] = {CLEARML_UNREACHABLE, "check clearml.api_server"},
        [DR_HTTP_CONNECT] = {CLEARML_UNREACHABLE,
                             "check that the server runs and clearml.api_server is its API's"},
        [DR_HTTP_PROXY] = {CLEARML_UNREACHABLE, "check clearml.proxy or the proxy's environment"},
        [DR_HTTP_OTHER] = {CLEARML_UNREACHABLE, "check clearml.api_server"},
        [DR_HTTP_TLS_VERIFY] = {CLEARML_TLS,
                                "a private authority's certificate goes into clearml.ca_file"},
        [DR_HTTP_TLS] = {CLEARML_TLS, "check that clearml.api_server speaks https on this port"},
        [DR_HTTP_TIMEOUT] = {CLEARML_TIMEOUT, "it is asked again"},
        [DR_HTTP_BROKEN] = {CLEARML_NOT_API, "it is asked again; a proxy on the way may cut it"},
        [DR_HTTP_TOO_BIG] = {CLEARML_NOT_API, "check that clearml.api_server is the API's address"},
        [DR_HTTP_REDIRECT] = {CLEARML_NOT_API,
                              "set clearml.api_server to the API's own address (http or https?)"},
    };
    verdict->cls = table[http->cls].cls;
    snprintf(verdict->sentence, sizeof verdict->sentence, "%.280s: %s", http->error,
             table[http->cls].advice);
}

/* An answer whose body is not the API's JSON. */
static void judge_stranger(const struct asked *asked, const struct dr_http_answer *http,
                           struct verdict *verdict)
{
    char *out = verdict->sentence;
    size_t size = sizeof verdict->sentence;
    bool page = strncmp(http->content_type, "text/html", 9) == 0 ||
                http->body[strspn(http->body, " \t\r\n")] == '<';
    if (http->status >= 500) {
        verdict->cls = CLEARML_SERVER;
        snprintf(out, size, "%s: the ClearML server is not ready (HTTP %ld): it is asked again",
                 asked->server, http->status);
        return;
    }
    verdict->cls = CLEARML_NOT_API;
    if (http->status == 407 || http->status == 401 || http->status == 403)
        snprintf(out, size,
                 "%s: something before the ClearML API wants a login of its own (HTTP %ld): let "
                 "Drover's host through, or set clearml.api_server to the API itself",
                 asked->server, http->status);
    else if (page)
        snprintf(out, size,
                 "%s: answered %s with a web page instead of JSON (HTTP %ld): set "
                 "clearml.api_server to the API's address, not the web app's",
                 asked->server, asked->endpoint, http->status);
    else
        snprintf(out, size,
                 "%s: answered %s with something that is not the ClearML API's (HTTP %ld)",
                 asked->server, asked->endpoint, http->status);
}

static void judge_busy(const struct asked *asked, long status, struct verdict *verdict)
{
    verdict->cls = CLEARML_BUSY;
    int len =
        snprintf(verdict->sentence, sizeof verdict->sentence,
                 "%s: the ClearML server wants to be asked less often (HTTP %ld): Drover slows "
                 "down",
                 asked->server, status);
    if (verdict->retry_after_ms >= 0)
        snprintf(verdict->sentence + len, sizeof verdict->sentence - (size_t)len,
                 ", next in %lld s", (long long)(verdict->retry_after_ms + 999) / 1000);
}

static void judge_unauthorized(const struct asked *asked, const char *words,
                               struct verdict *verdict)
{
    if (!asked->login) {
        verdict->cls = CLEARML_REFUSED;
        verdict->token_refused =
            verdict->subcode != NOT_AUTHORIZED && verdict->subcode != ENTITY_NOT_ALLOWED;
        snprintf(verdict->sentence, sizeof verdict->sentence, "%s: refused %s (401/%d: %.*s): %s",
                 asked->server, asked->endpoint, verdict->subcode, WORDS_MAX, words,
                 verdict->token_refused ? "it does not take the token that it gave out itself"
                                        : "the user of this key pair may not do that");
        return;
    }
    verdict->cls = CLEARML_WRONG_KEY;
    snprintf(
        verdict->sentence, sizeof verdict->sentence,
        "%s: does not accept the ClearML key pair from %.100s (401/%d): create a new one in the "
        "web app under Settings > Workspace and put it there",
        asked->server, asked->key_place, verdict->subcode);
}

static void judge_api(const struct asked *asked, const struct dr_http_answer *http, json_t *root,
                      struct verdict *verdict)
{
    const char *words = dr_json_str(root, "meta.result_msg", "", NULL);
    json_t *data = dr_json_object(root, "data", NULL);
    if (verdict->code == 200 && http->status == 200 && data) {
        verdict->cls = CLEARML_OK;
        verdict->data = json_incref(data);
        return;
    }
    if (verdict->code == 200) {
        judge_stranger(asked, http, verdict);
    } else if (verdict->code == 401) {
        judge_unauthorized(asked, words, verdict);
    } else if (verdict->code >= 500) {
        verdict->cls = CLEARML_SERVER;
        snprintf(verdict->sentence, sizeof verdict->sentence,
                 "%s: the ClearML server failed in %s (%d/%d: %.*s): its own log says more",
                 asked->server, asked->endpoint, verdict->code, verdict->subcode, WORDS_MAX, words);
    } else {
        verdict->cls = CLEARML_REFUSED;
        snprintf(verdict->sentence, sizeof verdict->sentence, "%s: refused %s (%d/%d: %.*s)",
                 asked->server, asked->endpoint, verdict->code, verdict->subcode, WORDS_MAX, words);
    }
}

struct verdict answer_judge(const struct asked *asked, const struct dr_http_answer *http)
{
    struct verdict verdict = {.retry_after_ms = -1};
    if (http->cls != DR_HTTP_OK) {
        judge_wire(http, &verdict);
        return verdict;
    }
    json_t *root = dr_json_parse(http->body, http->body_len, NULL);
    verdict.code = small(dr_json_int(root, "meta.result_code", 0, NULL));
    verdict.subcode = small(dr_json_int(root, "meta.result_subcode", 0, NULL));
    verdict.retry_after_ms = dr_http_retry_after_ms(http->retry_after, http->received_wall_us);
    if (http->status == 429 || verdict.code == 429 ||
        (http->status == 503 && verdict.retry_after_ms >= 0))
        judge_busy(asked, http->status, &verdict);
    else if (verdict.code == 0)
        judge_stranger(asked, http, &verdict);
    else
        judge_api(asked, http, root, &verdict);
    json_decref(root);
    return verdict;
}
