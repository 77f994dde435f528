/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to drover_http: one request under way, and how it is put to curl. */
#ifndef DROVER_COMMON_HTTP_TRANSFER_H
#define DROVER_COMMON_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http.h"
#include "http_wire.h"
#include "strbuf.h"

/* The headers of an answer that are kept. */
enum { HTTP_DATE, HTTP_RETRY_AFTER, HTTP_LOCATION, HTTP_CONTENT_TYPE, HTTP_HEADERS };

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
    char *header[HTTP_HEADERS]; /* NULL: did not come */
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

/* Sets all of the transfer's curl options. Its url, timeout_ms and easy are there already. */
void http_prepare(struct transfer *transfer, const struct dr_http_request *request);

#endif
