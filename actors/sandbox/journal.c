/* SPDX-License-Identifier: Apache-2.0 */
/* The state as it is kept: a snapshot, then the requests that changed it, a line each. The core is
 * a function of what it is told, so telling it the same again gives the same state. */
#include "sandbox.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The texts of a request, by name. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"method", offsetof(struct sandbox_request, method)},
    {"path", offsetof(struct sandbox_request, path)},
    {"authorization", offsetof(struct sandbox_request, authorization)},
    {"cookie", offsetof(struct sandbox_request, cookie)},
    {"content_type", offsetof(struct sandbox_request, content_type)},
    {"worker", offsetof(struct sandbox_request, worker)},
    {"remote_addr", offsetof(struct sandbox_request, remote_addr)},
    {"host", offsetof(struct sandbox_request, host)},
};
enum { N_TEXTS = sizeof texts / sizeof *texts, MAX_QUERY = 128 };

static const char **text_of(struct sandbox_request *request, size_t i)
{
    return (const char **)(void *)((char *)request + texts[i].offset);
}

/* A body that is no UTF-8 (an uploaded file) goes as base64. */
static void record_body(json_t *record, const struct sandbox_request *request)
{
    json_t *text = json_stringn(request->body, request->body_size);
    if (text) {
        json_object_set_new(record, "body", text);
        return;
    }
    unsigned char *coded = malloc(request->body_size / 3 * 4 + 5);
    if (!coded)
        return;
    EVP_EncodeBlock(coded, request->body, (int)request->body_size);
    json_object_set_new(record, "body64", json_string((char *)coded));
    json_object_set_new(record, "size", json_integer((json_int_t)request->body_size));
    free(coded);
}

char *sandbox_record(const struct sandbox_request *request, bool files, int64_t now_us,
                     size_t *size)
{
    json_t *record = json_pack("{s:I}", "now", (json_int_t)now_us);
    if (request) {
        struct sandbox_request copy = *request;
        json_object_set_new(record, "files", json_boolean(files));
        for (size_t i = 0; i < N_TEXTS; i++) {
            const char *text = *text_of(&copy, i);
            if (text)
                json_object_set_new(record, texts[i].name, json_string(text));
        }
        json_t *query = json_array();
        for (const char *const *q = request->query; q && *q; q++)
            json_array_append_new(query, json_string(*q));
        json_object_set_new(record, "query", query);
        if (request->body_size > 0)
            record_body(record, request);
    }
    char *line = json_dumps(record, JSON_COMPACT);
    json_decref(record);
    *size = line ? strlen(line) : 0;
    return line;
}

static void *read_body(const json_t *record, size_t *size)
{
    const json_t *text = json_object_get(record, "body");
    const json_t *coded = json_object_get(record, "body64");
    const json_t *whole = text ? text : coded;
    size_t n = json_string_length(whole);
    unsigned char *body = malloc(n + 1);
    if (!body || !whole) {
        *size = 0;
        return body;
    }
    if (text) {
        memcpy(body, json_string_value(text), n);
        *size = n;
    } else {
        EVP_DecodeBlock(body, (const unsigned char *)json_string_value(coded), (int)n);
        *size = (size_t)json_integer_value(json_object_get(record, "size"));
    }
    return body;
}

static void replay_request(struct sandbox *sb, const json_t *record, int64_t now_us)
{
    struct sandbox_request request = {0};
    const char *query[MAX_QUERY + 1] = {NULL};
    for (size_t i = 0; i < N_TEXTS; i++)
        *text_of(&request, i) = sandbox_get_str(record, texts[i].name);
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(record, "query"), i, item) {
        if (i < MAX_QUERY)
            query[i] = json_string_value(item);
    }
    request.query = query;
    void *body = read_body(record, &request.body_size);
    request.body = body;
    struct sandbox_response response;
    if (json_is_true(json_object_get(record, "files")))
        sandbox_files_handle(sb, &request, now_us, &response);
    else
        sandbox_handle(sb, &request, now_us, &response);
    sandbox_response_clear(&response);
    free(body);
}

int sandbox_replay(struct sandbox *sb, const char *line, size_t size)
{
    json_t *record = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
    const json_t *now = json_object_get(record, "now");
    bool whole = json_is_integer(now);
    if (whole && json_object_get(record, "path"))
        replay_request(sb, record, json_integer_value(now));
    else if (whole)
        sandbox_tick(sb, json_integer_value(now));
    json_decref(record);
    return whole ? 0 : -1;
}
