/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "http_answer.h"
#include "http_wire.h"
#include "strbuf.h"

#define TIMEOUT_MS 20000
#define CONNECT_TIMEOUT_MS 10000
#define MAX_BODY ((size_t)64 << 20)
#define HEADER_MAX 1024
#define SENTENCE_MAX 1024
#define IDLE_CONNECTIONS 16

enum { DATE, RETRY_AFTER, LOCATION, CONTENT_TYPE, HEADERS };

static const char *const header_names[HEADERS] = {
    [DATE] = "date:",
    [RETRY_AFTER] = "retry-after:",
    [LOCATION] = "location:",
    [CONTENT_TYPE] = "content-type:",
};

/* One request under way. */
struct transfer {
    struct dr_http *http;
    CURL *easy;
    dr_http_done_fn *done;
    void *arg, *cookie;
    char *url;
    char *sent_body;
    size_t sent_len;
    struct curl_slist *headers;
    struct dr_strbuf body;
    char *header[HEADERS]; /* NULL: did not come */
    char words[CURL_ERROR_SIZE];
    long timeout_ms;
    int64_t sent_ms, sent_wall_us;
    bool too_big;
    struct transfer *next, *prev;
};

struct dr_http {
    CURLM *multi;
    struct http_wire wire;
    struct transfer *transfers;
    size_t pending;
    long timeout_ms, connect_timeout_ms;
    size_t max_body;
    bool insecure, calling_back;
    char *proxy, *ca_file, *ca_path, *user_agent;
};

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
    for (int i = 0; i < HEADERS; i++)
        free(transfer->header[i]);
    wipe_free(transfer->url, strlen(transfer->url)); /* it may be a signed one */
    free(transfer);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = size * count;
    if (len > transfer->http->max_body - transfer->body.len) {
        transfer->too_big = true;
        return 0;
    }
    dr_strbuf_add(&transfer->body, bytes, len);
    return len;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = size * count;
    bool status_line = len > 5 && strncmp(bytes, "HTTP/", 5) == 0;
    for (int i = 0; i < HEADERS; i++) {
        const char *name = header_names[i];
        size_t name_len = strlen(name);
        bool ours = len > name_len && strncasecmp(bytes, name, name_len) == 0;
        if (status_line || ours) { /* a later response (after 100 or a proxy's) starts anew */
            free(transfer->header[i]);
            transfer->header[i] = NULL;
        }
        if (!ours)
            continue;
        size_t from = name_len, to = len;
        while (from < to && (bytes[from] == ' ' || bytes[from] == '\t'))
            from++;
        while (to > from && strchr("\r\n \t", bytes[to - 1]))
            to--;
        size_t value_len = to - from < HEADER_MAX ? to - from : HEADER_MAX;
        transfer->header[i] = strndup(bytes + from, value_len);
        DR_ASSERT(transfer->header[i] != NULL);
    }
    return len;
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
                                   .location = header(transfer, LOCATION),
                                   .timeout_ms = transfer->timeout_ms,
                                   .max_body = http->max_body};
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &outcome.status);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &outcome.proxy_status);
    enum dr_http_class cls = http_classify(&outcome);
    http_explain(&outcome, cls, sentence, sizeof sentence);
    const struct dr_http_answer answer = {
        .cls = cls,
        .status = outcome.status,
        .date = header(transfer, DATE),
        .retry_after = header(transfer, RETRY_AFTER),
        .location = header(transfer, LOCATION),
        .content_type = header(transfer, CONTENT_TYPE),
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

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    DR_ASSERT(list != NULL);
    transfer->headers = list;
}

static void set_headers(struct transfer *transfer, const struct dr_http_request *request)
{
    bool typed = false;
    for (const char *const *line = request->headers; line && *line; line++) {
        typed = typed || strncasecmp(*line, "content-type:", 13) == 0;
        add_header(transfer, *line);
    }
    if (!typed)
        add_header(transfer, "Content-Type:"); /* else curl claims a web form */
    add_header(transfer, "Expect:");           /* no second round trip before a large body */
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_method(struct transfer *transfer, const struct dr_http_request *request)
{
    CURL *easy = transfer->easy;
    const char *method = request->method ? request->method : "GET";
    bool sends = request->body_len > 0 || strcmp(method, "POST") == 0 ||
                 strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (sends) {
        transfer->sent_len = request->body_len;
        transfer->sent_body = malloc(request->body_len + 1);
        DR_ASSERT(transfer->sent_body != NULL);
        if (request->body_len > 0)
            memcpy(transfer->sent_body, request->body, request->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->sent_body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_credentials(CURL *easy, const struct dr_http_request *request)
{
    if (request->bearer) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, request->bearer);
        return;
    }
    if (!request->user)
        return;
    curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password ? request->password : "");
    if (request->aws_sigv4)
        curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, request->aws_sigv4);
    else
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
}

static void set_transport(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    const struct dr_http *http = transfer->http;
    long connect_ms = http->connect_timeout_ms < transfer->timeout_ms ? http->connect_timeout_ms
                                                                      : transfer->timeout_ms;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, transfer->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)http->max_body);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, http->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, http->insecure ? 0L : 2L);
    if (http->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, http->proxy);
    if (http->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    if (http->ca_path)
        curl_easy_setopt(easy, CURLOPT_CAPATH, http->ca_path);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
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
    set_transport(transfer);
    set_method(transfer, request);
    set_headers(transfer, request);
    set_credentials(transfer->easy, request);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->url);
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
