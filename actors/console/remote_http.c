/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a gateway of another host: one connection, kept between questions. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "error.h"
#include "listen.h"
#include "remote.h"
#include "seal.h"
#include "secretfile.h"
#include "strbuf.h"

#define CONNECT_MS 10000
#define ANSWER_MAX ((size_t)64 << 20)
#define LINE_MAX_BYTES ((size_t)8 << 20)
#define TICK_LOST_S 30L /* the gateway says something each second */

struct remote {
    char url[512]; /* without a slash at its end */
    char *token;
    const char *ca_file; /* NULL: the authorities of this host */
    CURL *easy;
    struct curl_slist *headers;
};

/* ---- how to get there ----------------------------------------------------------------------- */
/* A token goes in the clear to nobody but this host. */
static bool url_ok(const char *url)
{
    char authority[300];
    if (strncmp(url, "https://", 8) == 0)
        return url[8] != '\0';
    if (strncmp(url, "http://", 7) != 0)
        return false;
    size_t len = strcspn(url + 7, "/");
    bool port = memchr(url + 7, ':', len) != NULL;
    snprintf(authority, sizeof authority, "%.*s%s", (int)len, url + 7, port ? "" : ":80");
    return dr_listen_is_local(authority);
}

static char *read_token(void)
{
    struct dr_error error;
    const char *given = getenv("DROVER_TOKEN"), *home = getenv("HOME");
    char path[600];
    size_t len;
    if (given != NULL && *given != '\0')
        return strdup(given);
    snprintf(path, sizeof path, "%s/.config/drover/token", home == NULL ? "" : home);
    char *token = dr_secretfile_read(path, 4096, &len, &error);
    if (token == NULL)
        console_fail(EXIT_CONFIG, "config", "no token: DROVER_TOKEN is not set, and %s",
                     error.text);
    else
        token[strcspn(token, "\r\n")] = '\0';
    return token;
}

static bool token_ok(const char *token)
{
    for (const char *at = token; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return *token != '\0';
}

int remote_open(struct console *console, const char *url)
{
    const char *ca_file = getenv("DROVER_CA_FILE");
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    if (!url_ok(url) || len >= sizeof((struct remote *)0)->url)
        return console_fail(EXIT_USAGE, "usage",
                            "\"%s\" is no gateway's address: https://HOST:PORT; http:// only where "
                            "it is this host's own, since the token would travel readable",
                            url);
    char *token = read_token();
    if (token != NULL && !token_ok(token)) {
        console_fail(EXIT_CONFIG, "config",
                     "the token is not one: it has spaces or characters that none has");
        dr_wipe_free_text(token);
        token = NULL;
    }
    if (token == NULL)
        return EXIT_CONFIG;
    struct remote *remote = calloc(1, sizeof *remote);
    DR_ASSERT(remote != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    snprintf(remote->url, sizeof remote->url, "%.*s", (int)len, url);
    remote->token = token;
    remote->ca_file = ca_file == NULL || *ca_file == '\0' ? NULL : ca_file;
    remote->easy = curl_easy_init();
    remote->headers = curl_slist_append(NULL, "Content-Type: application/json");
    DR_ASSERT(remote->easy != NULL && remote->headers != NULL);
    console->remote = remote;
    return 0;
}

void remote_close(struct remote **remote)
{
    if (*remote == NULL)
        return;
    curl_easy_cleanup((*remote)->easy);
    curl_slist_free_all((*remote)->headers);
    dr_wipe_free_text((*remote)->token);
    free(*remote);
    *remote = NULL;
    curl_global_cleanup();
}

/* ---- one request ---------------------------------------------------------------------------- */
static void say_failure(const struct remote *remote, CURLcode code, const char *detail, char *err,
                        size_t err_len)
{
    const char *why = *detail != '\0' ? detail : curl_easy_strerror(code);
    if (code == CURLE_SSL_CACERT_BADFILE)
        snprintf(err, err_len, "DROVER_CA_FILE %s cannot be used: %s",
                 remote->ca_file == NULL ? "" : remote->ca_file, why);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        snprintf(err, err_len,
                 "the certificate of %s is not to be trusted: %s; DROVER_CA_FILE names the file of "
                 "the authority that signed it",
                 remote->url, why);
    else
        snprintf(err, err_len, "no gateway answers at %s: %s", remote->url, why);
}

static void prepare(struct remote *remote, const char *path, char *detail)
{
    char address[1200];
    CURL *easy = remote->easy;
    curl_easy_reset(easy); /* the connection stays */
    snprintf(address, sizeof address, "%s%s", remote->url, path);
    curl_easy_setopt(easy, CURLOPT_URL, address);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, remote->headers);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
    curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, remote->token);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    if (strncmp(remote->url, "http:", 5) == 0)
        curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* this host's own */
    if (remote->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, remote->ca_file);
}

static size_t collect(char *bytes, size_t one, size_t len, void *arg)
{
    struct dr_strbuf *answer = arg;
    if (answer->len + one * len > ANSWER_MAX)
        return 0;
    dr_strbuf_add(answer, bytes, one * len);
    return one * len;
}

long remote_http(struct remote *remote, const char *method, const char *path, const char *input,
                 int wait_ms, struct dr_strbuf *answer, char *err, size_t err_len)
{
    char detail[CURL_ERROR_SIZE] = "";
    long status = -1;
    prepare(remote, path, detail);
    curl_easy_setopt(remote->easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(remote->easy, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(remote->easy, CURLOPT_TIMEOUT_MS, (long)(wait_ms + CONNECT_MS));
    if (input != NULL)
        curl_easy_setopt(remote->easy, CURLOPT_POSTFIELDS, input);
    if (strcmp(method, "DELETE") == 0)
        curl_easy_setopt(remote->easy, CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(remote->easy);
    if (code == CURLE_OK)
        curl_easy_getinfo(remote->easy, CURLINFO_RESPONSE_CODE, &status);
    else
        say_failure(remote, code, detail, err, err_len);
    return status;
}

void remote_refusal(const struct remote *remote, long status, const struct dr_strbuf *answer,
                    char code[32], char *err, size_t err_len)
{
    json_t *tree = answer->len == 0 ? NULL : json_loadb(answer->data, answer->len, 0, NULL);
    const json_t *error = json_object_get(tree, "error");
    const char *sentence = json_string_value(json_object_get(error, "sentence"));
    const char *word = json_string_value(json_object_get(error, "code"));
    snprintf(code, 32, "%s", word == NULL ? "" : word);
    if (status == 401)
        snprintf(err, err_len,
                 "the token is wrong or was revoked: `drover token add` at %s makes another",
                 remote->url);
    else if (sentence != NULL)
        snprintf(err, err_len, "%s", sentence);
    else
        snprintf(err, err_len, "what answers at %s is no gateway of Drover (HTTP status %ld)",
                 remote->url, status);
    json_decref(tree);
}

/* ---- the live stream ------------------------------------------------------------------------ */
struct lines {
    struct dr_strbuf rest;
    remote_line_fn *take;
    void *arg;
};

static size_t split(char *bytes, size_t one, size_t len, void *arg)
{
    struct lines *lines = arg;
    dr_strbuf_add(&lines->rest, bytes, one * len);
    char *from = lines->rest.data, *end;
    while ((end = memchr(from, '\n', (size_t)(lines->rest.data + lines->rest.len - from)))) {
        *end = '\0';
        if (!lines->take(lines->arg, from))
            return 0;
        from = end + 1;
    }
    size_t left = (size_t)(lines->rest.data + lines->rest.len - from);
    memmove(lines->rest.data, from, left);
    lines->rest.len = left;
    return left > LINE_MAX_BYTES ? 0 : one * len;
}

long remote_stream(struct remote *remote, const char *path, remote_line_fn *take, void *arg,
                   char *err, size_t err_len)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct lines lines = {.take = take, .arg = arg};
    long status = 0;
    prepare(remote, path, detail);
    curl_easy_setopt(remote->easy, CURLOPT_WRITEFUNCTION, split);
    curl_easy_setopt(remote->easy, CURLOPT_WRITEDATA, &lines);
    curl_easy_setopt(remote->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(remote->easy, CURLOPT_LOW_SPEED_TIME, TICK_LOST_S);
    CURLcode code = curl_easy_perform(remote->easy);
    curl_easy_getinfo(remote->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 0 && status != 200)
        remote_refusal(remote, status, &lines.rest, (char[32]){0}, err, err_len);
    else if (code != CURLE_OK)
        say_failure(remote, code, detail, err, err_len);
    dr_strbuf_free(&lines.rest);
    return status == 0 ? -1 : status;
}
