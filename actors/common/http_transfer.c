/* SPDX-License-Identifier: Apache-2.0 */
#include "http_transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drover/assert.h"

#define HEADER_MAX 1024

static const char *const header_names[HTTP_HEADERS] = {
    [HTTP_DATE] = "date:",
    [HTTP_RETRY_AFTER] = "retry-after:",
    [HTTP_LOCATION] = "location:",
    [HTTP_CONTENT_TYPE] = "content-type:",
};

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
    for (int i = 0; i < HTTP_HEADERS; i++) {
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
    /* A header taken away like this makes curl's AWS signature wrong before 8.3; the calls of a
     * cloud say their type, and are too small for an Expect. */
    if (!request->aws_sigv4 && !typed)
        add_header(transfer, "Content-Type:"); /* else curl claims a web form */
    if (!request->aws_sigv4)
        add_header(transfer, "Expect:"); /* no second round trip before a large body */
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
    /* Else curl waits for its resolver's thread when a request ends before its name is known, and
     * the whole loop with it. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
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

void http_prepare(struct transfer *transfer, const struct dr_http_request *request)
{
    set_transport(transfer);
    set_method(transfer, request);
    set_headers(transfer, request);
    set_credentials(transfer->easy, request);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, transfer->url);
}
