/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static const char unreadable[] = "an unreadable URL";

static CURLU *parse(const char *url)
{
    CURLU *parts = curl_url();
    DR_ASSERT(parts != NULL);
    if (url && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
        return parts;
    curl_url_cleanup(parts);
    return NULL;
}

bool dr_url_host_port(const char *url, char *out, size_t size)
{
    snprintf(out, size, "%s", unreadable);
    CURLU *parts = parse(url);
    if (!parts)
        return false;
    char *host = NULL, *port = NULL;
    bool good = curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (good)
        snprintf(out, size, "%s:%s", host, port);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return good;
}

bool dr_url_printable(const char *url, char *out, size_t size)
{
    snprintf(out, size, "%s", unreadable);
    CURLU *parts = parse(url);
    if (!parts)
        return false;
    char *whole = NULL;
    curl_url_set(parts, CURLUPART_USER, NULL, 0);
    curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(parts, CURLUPART_QUERY, NULL, 0);
    curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
    bool good = curl_url_get(parts, CURLUPART_URL, &whole, 0) == CURLUE_OK;
    if (good)
        snprintf(out, size, "%s", whole);
    curl_free(whole);
    curl_url_cleanup(parts);
    return good;
}

char *dr_url_join(const char *base, const char *path)
{
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    path += strspn(path, "/");
    size_t size = len + strlen(path) + 2;
    char *url = malloc(size);
    DR_ASSERT(url != NULL);
    snprintf(url, size, "%.*s/%s", (int)len, base, path);
    return url;
}
