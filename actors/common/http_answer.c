/* SPDX-License-Identifier: Apache-2.0 */
#include "http_answer.h"

#include <stdio.h>
#include <string.h>

#include "drover/assert.h"
#include "url.h"

static const char *const class_names[DR_HTTP_CLASSES] = {
    [DR_HTTP_OK] = "ok",
    [DR_HTTP_DNS] = "dns",
    [DR_HTTP_CONNECT] = "connect",
    [DR_HTTP_TLS_VERIFY] = "tls_verify",
    [DR_HTTP_TLS] = "tls",
    [DR_HTTP_TIMEOUT] = "timeout",
    [DR_HTTP_BROKEN] = "broken",
    [DR_HTTP_TOO_BIG] = "too_big",
    [DR_HTTP_REDIRECT] = "redirect",
    [DR_HTTP_PROXY] = "proxy",
    [DR_HTTP_OTHER] = "other",
};

const char *dr_http_class_name(enum dr_http_class cls)
{
    DR_ASSERT(cls < DR_HTTP_CLASSES);
    return class_names[cls];
}

/* Curl says which host it failed to connect to: if that is not the URL's, it is the proxy. */
static bool failed_at_proxy(const struct http_outcome *outcome)
{
    static const char marker[] = "Failed to connect to ";
    const char *host = strstr(outcome->words, marker);
    if (!host)
        return false;
    host += strlen(marker);
    char wanted[300];
    if (!dr_url_host_port(outcome->url, wanted, sizeof wanted))
        return false;
    char *colon = strrchr(wanted, ':');
    *colon = '\0';
    size_t len = strcspn(host, " ");
    const char *bare = wanted;
    size_t bare_len = strlen(bare);
    if (bare[0] == '[' && bare_len > 2) { /* an IPv6 address stands in brackets in a URL only */
        bare++;
        bare_len -= 2;
    }
    static const char before_port[] = " port ";
    unsigned long port = 0;
    if (strncmp(host + len, before_port, sizeof before_port - 1) == 0)
        port = strtoul(host + len + sizeof before_port - 1, NULL, 10);
    char port_text[24];
    snprintf(port_text, sizeof port_text, "%lu", port);
    return len != bare_len || strncmp(host, bare, len) != 0 || strcmp(port_text, colon + 1) != 0;
}

/* Without a location it leads nowhere: an API may use such a status for itself (ClearML does). */
static bool is_redirect(const struct http_outcome *outcome)
{
    long status = outcome->status;
    if (!outcome->location[0])
        return false;
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum dr_http_class classify_code(const struct http_outcome *outcome)
{
    switch (outcome->code) {
    case CURLE_OK:
        return is_redirect(outcome) ? DR_HTTP_REDIRECT : DR_HTTP_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return DR_HTTP_DNS;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return DR_HTTP_PROXY;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return failed_at_proxy(outcome) ? DR_HTTP_PROXY : DR_HTTP_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return DR_HTTP_TLS_VERIFY;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_USE_SSL_FAILED:
        return DR_HTTP_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return DR_HTTP_TIMEOUT;
    case CURLE_FILESIZE_EXCEEDED:
        return DR_HTTP_TOO_BIG;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return DR_HTTP_BROKEN;
    case CURLE_UNSUPPORTED_PROTOCOL: /* also a URL's scheme: then no byte went out */
        return strstr(outcome->words, "HTTP/0.9") ? DR_HTTP_BROKEN : DR_HTTP_OTHER;
    default:
        return DR_HTTP_OTHER;
    }
}

enum dr_http_class http_classify(const struct http_outcome *outcome)
{
    if (outcome->too_big)
        return DR_HTTP_TOO_BIG;
    if (outcome->code != CURLE_OK && outcome->proxy_status != 0 && outcome->proxy_status / 100 != 2)
        return DR_HTTP_PROXY;
    return classify_code(outcome);
}

void http_explain(const struct http_outcome *outcome, enum dr_http_class cls, char *out,
                  size_t size)
{
    char host[300], target[512];
    dr_url_host_port(outcome->url, host, sizeof host);
    const char *words = outcome->words[0] ? outcome->words : curl_easy_strerror(outcome->code);
    switch (cls) {
    case DR_HTTP_OK:
        out[0] = '\0';
        return;
    case DR_HTTP_DNS:
        snprintf(out, size, "%s: the name has no address (%s)", host, words);
        return;
    case DR_HTTP_CONNECT:
        snprintf(out, size, "%s: no connection (%s)", host, words);
        return;
    case DR_HTTP_TLS_VERIFY:
        snprintf(out, size, "%s: its certificate is not accepted (%s)", host, words);
        return;
    case DR_HTTP_TLS:
        snprintf(out, size, "%s: no TLS connection (%s)", host, words);
        return;
    case DR_HTTP_TIMEOUT:
        snprintf(out, size, "%s: no whole answer within %.3g s (%s)", host,
                 (double)outcome->timeout_ms / 1000, words);
        return;
    case DR_HTTP_BROKEN:
        snprintf(out, size, "%s: the answer broke off or is not HTTP (%s)", host, words);
        return;
    case DR_HTTP_TOO_BIG:
        snprintf(out, size, "%s: the answer is larger than %zu bytes", host, outcome->max_body);
        return;
    case DR_HTTP_REDIRECT:
        dr_url_printable(outcome->location, target, sizeof target);
        snprintf(out, size, "%s: answered with a redirect (%ld) to %s, which is not followed", host,
                 outcome->status, target);
        return;
    case DR_HTTP_PROXY:
        snprintf(out, size, "%s: the proxy on the way there failed (%s)", host, words);
        return;
    case DR_HTTP_OTHER:
    case DR_HTTP_CLASSES:
        break;
    }
    snprintf(out, size, "%s: the request failed (%s)", host, words);
}

#define DAY_MS INT64_C(86400000)

int64_t dr_http_date_us(const char *date)
{
    time_t seconds = curl_getdate(date, NULL);
    return seconds < 0 ? -1 : (int64_t)seconds * 1000000;
}

int64_t dr_http_retry_after_ms(const char *retry_after, int64_t now_wall_us)
{
    size_t digits = strspn(retry_after, "0123456789");
    int64_t wait_ms = -1;
    if (digits > 0 && retry_after[digits] == '\0') {
        wait_ms = digits > 6 ? DAY_MS : strtoll(retry_after, NULL, 10) * 1000;
    } else if (digits == 0 && retry_after[0]) {
        int64_t at_us = dr_http_date_us(retry_after);
        if (at_us >= 0)
            wait_ms = at_us > now_wall_us ? (at_us - now_wall_us + 999) / 1000 : 0;
    }
    return wait_ms > DAY_MS ? DAY_MS : wait_ms;
}
