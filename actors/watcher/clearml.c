/* SPDX-License-Identifier: Apache-2.0 */
#include "clearml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "answer.h"
#include "drover/assert.h"
#include "drover/clock.h"
#include "http.h"
#include "json.h"
#include "seal.h"
#include "strbuf.h"
#include "token.h"
#include "traffic.h"
#include "url.h"

#define LOGIN "auth.login"
#define RENEW_AGAIN_MS 30000 /* after a renewal ahead of the end that failed */

/* One clearml_call or clearml_prove, from the call to its callback. */
struct call {
    struct clearml *client;
    char *endpoint;
    char *body;
    char *access_key, *secret_key; /* of a proof; else NULL */
    long timeout_ms;
    clearml_fn cb;
    void *arg;
    unsigned generation; /* of the token it was sent with */
    bool renewed;        /* its token was refused once already */
    bool lines;          /* the body is one JSON object a line */
    struct call *prev, *next;
};

struct clearml {
    struct dr_http *http;
    char *api_server, *access_key, *secret_key, *key_place;
    char server[300]; /* host:port, for sentences */
    char *token;      /* NULL: none */
    unsigned generation;
    int64_t renew_ms; /* CLOCK_BOOTTIME: half of the token's life is over */
    int64_t end_ms;   /* its end */
    bool logging_in;
    struct call *waiting; /* for the login */
    struct call *under_way;
    struct traffic traffic;
};

static void send_call(struct call *call);

static char *copy(const char *text)
{
    char *result = strdup(text);
    DR_ASSERT(result != NULL);
    return result;
}

static void drop_token(struct clearml *client)
{
    dr_wipe_free_text(client->token);
    client->token = NULL;
}

static void call_free(struct call *call)
{
    free(call->endpoint);
    dr_json_free_text(call->body);
    dr_wipe_free_text(call->access_key);
    dr_wipe_free_text(call->secret_key);
    free(call);
}

static void post(struct clearml *client, struct dr_http_request *request, const char *endpoint,
                 bool lines, dr_http_done_fn *done, void *arg)
{
    static const char *const one[] = {"Content-Type: application/json", NULL};
    static const char *const many[] = {"Content-Type: application/json-lines", NULL};
    char *url = dr_url_join(client->api_server, endpoint);
    request->method = "POST";
    request->url = url;
    request->headers = lines ? many : one;
    traffic_add(&client->traffic, 1, 0, dr_boottime_ms());
    dr_http_send(client->http, request, done, arg);
    free(url);
}

static struct verdict judge(struct clearml *client, const char *endpoint, bool login,
                            const struct dr_http_answer *http)
{
    const struct asked asked = {client->server, endpoint, login, client->key_place};
    traffic_add(&client->traffic, 0, (int64_t)http->wire_bytes, http->received_ms);
    return answer_judge(&asked, http);
}

static void answer_call(struct call *call, const struct verdict *verdict,
                        const struct dr_http_answer *http)
{
    int64_t date_us = dr_http_date_us(http->date);
    const struct clearml_answer answer = {
        .cls = verdict->cls,
        .http = (int)http->status,
        .code = verdict->code,
        .subcode = verdict->subcode,
        .sentence = verdict->sentence,
        .data = call->secret_key ? NULL : verdict->data, /* a proof's is a token */
        .sent_ms = http->sent_ms,
        .recv_ms = http->received_ms,
        .server_date_us = date_us > 0 ? date_us : 0,
        .retry_after_ms = verdict->retry_after_ms,
    };
    clearml_fn cb = call->cb;
    void *arg = call->arg;
    call_free(call);
    cb(&answer, arg);
}

static void take_token(struct clearml *client, const char *token, const struct dr_http_answer *http)
{
    int64_t life_ms = token_life_ms(token, http->received_wall_us);
    drop_token(client);
    client->token = copy(token);
    client->generation++;
    client->renew_ms = http->sent_ms + life_ms / 2;
    client->end_ms = http->sent_ms + life_ms;
}

/* The login's end: those who waited for it go on, or get its failure as their answer. */
static void on_login(void *arg, const struct dr_http_answer *http)
{
    struct clearml *client = arg;
    struct verdict verdict = judge(client, LOGIN, true, http);
    const char *token = dr_json_str(verdict.data, "token", "", NULL);
    if (verdict.cls == CLEARML_OK && !token[0]) {
        verdict.cls = CLEARML_NOT_API;
        snprintf(verdict.sentence, sizeof verdict.sentence,
                 "%s: answered " LOGIN " without a token: is this a ClearML API server?",
                 client->server);
        json_decref(verdict.data);
        verdict.data = NULL;
    }
    bool good = verdict.cls == CLEARML_OK;
    if (good)
        take_token(client, token, http);
    else
        client->renew_ms = http->received_ms + RENEW_AGAIN_MS;
    client->logging_in = false;
    struct call *waiting = client->waiting;
    client->waiting = NULL;
    while (waiting) { /* callbacks may call again: those join the client's own list */
        struct call *call = waiting;
        DL_DELETE(waiting, call);
        if (good)
            send_call(call);
        else
            answer_call(call, &verdict, http);
    }
    json_decref(verdict.data);
}

static void log_in(struct clearml *client)
{
    if (client->logging_in)
        return;
    client->logging_in = true;
    struct dr_http_request request = {
        .body = "{}", .body_len = 2, .user = client->access_key, .password = client->secret_key};
    post(client, &request, LOGIN, false, on_login, client);
}

static void wait_for_login(struct call *call)
{
    DL_APPEND(call->client->waiting, call);
    log_in(call->client);
}

static void on_answer(void *arg, const struct dr_http_answer *http)
{
    struct call *call = arg;
    struct clearml *client = call->client;
    struct verdict verdict = judge(client, call->endpoint, call->secret_key != NULL, http);
    DL_DELETE(client->under_way, call);
    if (verdict.token_refused && !call->renewed) {
        /* The server did nothing with the request: it may go out again with a fresh token. Another
         * call may have fetched one meanwhile. */
        call->renewed = true;
        if (call->generation == client->generation)
            drop_token(client);
        if (client->token)
            send_call(call);
        else
            wait_for_login(call);
        return;
    }
    answer_call(call, &verdict, http);
    json_decref(verdict.data);
}

static void send_call(struct call *call)
{
    struct clearml *client = call->client;
    call->generation = client->generation;
    DL_APPEND(client->under_way, call);
    struct dr_http_request request = {
        .body = call->body, .body_len = strlen(call->body), .timeout_ms = call->timeout_ms};
    if (call->secret_key) {
        request.user = call->access_key;
        request.password = call->secret_key;
    } else {
        request.bearer = client->token;
    }
    post(client, &request, call->endpoint, call->lines, on_answer, call);
}

static struct call *call_new(struct clearml *client, const char *endpoint, char *body,
                             int64_t timeout_ms, clearml_fn cb, void *arg)
{
    struct call *call = calloc(1, sizeof *call);
    DR_ASSERT(call != NULL && cb != NULL);
    call->client = client;
    call->endpoint = copy(endpoint);
    call->body = body;
    call->timeout_ms = (long)timeout_ms;
    call->cb = cb;
    call->arg = arg;
    return call;
}

static char *lines_of(const json_t *list)
{
    struct dr_strbuf text = {0};
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        char *line = dr_json_text(item);
        dr_strbuf_add_text(&text, line);
        dr_strbuf_add_text(&text, "\n");
        dr_json_free_text(line);
    }
    return text.data != NULL ? text.data : copy("");
}

void clearml_call(struct clearml *client, const char *endpoint, json_t *body, int64_t timeout_ms,
                  clearml_fn cb, void *arg)
{
    bool lines = json_is_array(body);
    char *text = lines ? lines_of(body) : body ? dr_json_text(body) : copy("{}");
    json_decref(body);
    struct call *call = call_new(client, endpoint, text, timeout_ms, cb, arg);
    call->lines = lines;
    int64_t now_ms = dr_boottime_ms();
    if (!client->token || now_ms >= client->end_ms) {
        wait_for_login(call);
        return;
    }
    if (now_ms >= client->renew_ms)
        log_in(client); /* ahead of the end: the call itself goes out with what we have */
    send_call(call);
}

void clearml_prove(struct clearml *client, const char *access_key, const char *secret_key,
                   int64_t timeout_ms, clearml_fn cb, void *arg)
{
    struct call *call = call_new(client, LOGIN, copy("{}"), timeout_ms, cb, arg);
    call->access_key = copy(access_key);
    call->secret_key = copy(secret_key);
    send_call(call);
}

struct clearml *clearml_new(struct _zloop_t *loop, const struct dr_cfg_clearml *cfg,
                            const struct dr_clearml_credentials *credentials)
{
    struct clearml *client = calloc(1, sizeof *client);
    DR_ASSERT(client != NULL);
    const char *api_server = cfg->api_server[0] ? cfg->api_server : credentials->api_server;
    const struct dr_http_options options = {
        .timeout_ms = (long)cfg->timeout_ms,
        .proxy = cfg->proxy[0] ? cfg->proxy : NULL,
        .ca_file = cfg->ca_file[0] ? cfg->ca_file : NULL,
        .insecure = !cfg->verify_tls,
    };
    client->http = dr_http_new(loop, &options);
    client->api_server = copy(api_server);
    client->access_key = copy(credentials->access_key);
    client->secret_key = copy(credentials->secret_key);
    client->key_place = copy(credentials->found_in);
    dr_url_host_port(api_server, client->server, sizeof client->server);
    return client;
}

static void free_calls(struct call *list)
{
    struct call *call, *next;
    DL_FOREACH_SAFE(list, call, next)
    {
        call_free(call);
    }
}

void clearml_destroy(struct clearml **client_p)
{
    struct clearml *client = *client_p;
    if (!client)
        return;
    dr_http_destroy(&client->http);
    free_calls(client->waiting);
    free_calls(client->under_way);
    drop_token(client);
    dr_wipe_free_text(client->secret_key);
    dr_wipe_free_text(client->access_key);
    free(client->key_place);
    free(client->api_server);
    free(client);
    *client_p = NULL;
}

int64_t clearml_calls(const struct clearml *client)
{
    return client->traffic.calls;
}

void clearml_last_hour(struct clearml *client, int64_t *calls, int64_t *bytes)
{
    traffic_hour(&client->traffic, dr_boottime_ms(), calls, bytes);
}
