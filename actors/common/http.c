/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "http_answer.h"
#include "http_transfer.h"

#define TIMEOUT_MS 20000
#define CONNECT_TIMEOUT_MS 10000
#define MAX_BODY ((size_t)64 << 20)
#define SENTENCE_MAX 1024
#define IDLE_CONNECTIONS 16

static char *copy(const char *text)
{
    char *result = text ? strdup(text) : NULL;
    DR_ASSERT(!text || result);
    return result;
}

static void wipe_free(char *bytes, size_t len)
{
    if (!bytes)
        return;
    explicit_bzero(bytes, len);
    free(bytes);
}

static void transfer_free(struct transfer *transfer)
{
    struct dr_http *http = transfer->http;
    curl_multi_remove_handle(http->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    DL_DELETE(http->transfers, transfer);
    http->pending--;
    for (struct curl_slist *item = transfer->headers; item; item = item->next)
        explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(transfer->headers);
    wipe_free(transfer->sent_body, transfer->sent_len);
    dr_strbuf_free(&transfer->body);
    for (int i = 0; i < HTTP_HEADERS; i++)
        free(transfer->header[i]);
    wipe_free(transfer->url, strlen(transfer->url)); /* it may be a signed one */
    free(transfer);
}

static const char *header(const struct transfer *transfer, int which)
{
    return transfer->header[which] ? transfer->header[which] : "";
}

static uint64_t wire_bytes(CURL *easy)
{
    curl_off_t down = 0, up = 0;
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
    return (uint64_t)down + (uint64_t)up;
}

static void finish(struct transfer *transfer, CURLcode code)
{
    struct dr_http *http = transfer->http;
    char sentence[SENTENCE_MAX];
    struct http_outcome outcome = {.code = code,
                                   .words = transfer->words,
                                   .too_big = transfer->too_big,
                                   .url = transfer->url,
                                   .location = header(transfer, HTTP_LOCATION),
                                   .timeout_ms = transfer->timeout_ms,
                                   .max_body = http->max_body};
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &outcome.status);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &outcome.proxy_status);
    enum dr_http_class cls = http_classify(&outcome);
    http_explain(&outcome, cls, sentence, sizeof sentence);
    const struct dr_http_answer answer = {
        .cls = cls,
        .status = outcome.status,
        .date = header(transfer, HTTP_DATE),
        .retry_after = header(transfer, HTTP_RETRY_AFTER),
        .location = header(transfer, HTTP_LOCATION),
        .content_type = header(transfer, HTTP_CONTENT_TYPE),
        .body = transfer->body.data ? transfer->body.data : "",
        .body_len = transfer->body.len,
        .wire_bytes = wire_bytes(transfer->easy),
        .sent_ms = transfer->sent_ms,
        .received_ms = dr_boottime_ms(),
        .sent_wall_us = transfer->sent_wall_us,
        .received_wall_us = dr_wall_us(),
        .error = sentence,
        .cookie = transfer->cookie,
    };
    /* Out of the list before the callback, which may cancel by the same cookie. */
    DL_DELETE(http->transfers, transfer);
    http->calling_back = true;
    transfer->done(transfer->arg, &answer);
    http->calling_back = false;
    DL_APPEND(http->transfers, transfer);
    transfer_free(transfer);
}

static void on_work_done(void *arg)
{
    struct dr_http *http = arg;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        struct transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish(transfer, code);
    }
}

struct dr_http *dr_http_new(struct _zloop_t *loop, const struct dr_http_options *options)
{
    DR_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    static const struct dr_http_options defaults = {0};
    if (!options)
        options = &defaults;
    struct dr_http *http = calloc(1, sizeof *http);
    DR_ASSERT(http != NULL);
    http->multi = curl_multi_init();
    DR_ASSERT(http->multi != NULL);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    http_wire_open(&http->wire, loop, http->multi, on_work_done, http);
    http->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
    http->connect_timeout_ms =
        options->connect_timeout_ms ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    http->max_body = options->max_body ? options->max_body : MAX_BODY;
    http->insecure = options->insecure;
    http->proxy = copy(options->proxy);
    http->ca_file = copy(options->ca_file);
    http->ca_path = copy(options->ca_path);
    http->user_agent = copy(options->user_agent ? options->user_agent : "drover/" DROVER_VERSION);
    return http;
}

void dr_http_destroy(struct dr_http **http_p)
{
    struct dr_http *http = *http_p;
    if (!http)
        return;
    DR_ASSERT(!http->calling_back);
    while (http->transfers)
        transfer_free(http->transfers);
    curl_multi_cleanup(http->multi);
    http_wire_close(&http->wire);
    if (http->proxy)
        wipe_free(http->proxy, strlen(http->proxy)); /* it may hold a password */
    free(http->ca_file);
    free(http->ca_path);
    free(http->user_agent);
    free(http);
    curl_global_cleanup();
    *http_p = NULL;
}

void dr_http_send(struct dr_http *http, const struct dr_http_request *request,
                  dr_http_done_fn *done, void *arg)
{
    DR_ASSERT(request->url && done);
    struct transfer *transfer = calloc(1, sizeof *transfer);
    DR_ASSERT(transfer != NULL);
    transfer->easy = curl_easy_init();
    DR_ASSERT(transfer->easy != NULL);
    transfer->http = http;
    transfer->done = done;
    transfer->arg = arg;
    transfer->cookie = request->cookie;
    transfer->url = copy(request->url);
    transfer->timeout_ms = request->timeout_ms ? request->timeout_ms : http->timeout_ms;
    http_prepare(transfer, request);
    DL_APPEND(http->transfers, transfer);
    http->pending++;
    transfer->sent_ms = dr_boottime_ms();
    transfer->sent_wall_us = dr_wall_us();
    DR_ASSERT(curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK);
}

size_t dr_http_cancel(struct dr_http *http, const void *cookie)
{
    size_t count = 0;
    struct transfer *transfer, *next;
    DL_FOREACH_SAFE(http->transfers, transfer, next)
    {
        if (transfer->cookie == cookie) {
            transfer_free(transfer);
            count++;
        }
    }
    return count;
}

size_t dr_http_pending(const struct dr_http *http)
{
    return http->pending;
}
