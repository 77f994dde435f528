/* SPDX-License-Identifier: Apache-2.0 */
/* The files server (the server's fileserver/fileserver.py): upload by a multipart form whose field
 * names are the paths, download, delete. It takes a bearer token or the cookie, never a key pair.
 */
#include "auth.h"
#include "errors.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char HTML[] = "text/html; charset=utf-8";

/* --- the store in the state itself ------------------------------------------------------------*/

static int memory_write(void *arg, const char *path, const void *data, size_t size)
{
    struct sandbox *sb = arg;
    char *text = malloc(size / 3 * 4 + 8);
    if (!text)
        return -1;
    EVP_EncodeBlock((unsigned char *)text, data, (int)size);
    int rc = json_object_set_new(sb->files, path, json_string(text));
    free(text);
    return rc;
}

static void *memory_read(void *arg, const char *path, size_t *size)
{
    struct sandbox *sb = arg;
    const json_t *text = json_object_get(sb->files, path);
    if (!text)
        return NULL;
    const char *in = json_string_value(text);
    size_t length = json_string_length(text);
    unsigned char *out = malloc(length + 1);
    int n = out ? EVP_DecodeBlock(out, (const unsigned char *)in, (int)length) : -1;
    for (size_t i = length; n > 0 && i > 0 && in[i - 1] == '='; i--)
        n--;
    *size = n > 0 ? (size_t)n : 0;
    return out;
}

static int memory_remove(void *arg, const char *path, bool folders)
{
    struct sandbox *sb = arg;
    if (json_object_del(sb->files, path) == 0)
        return 0;
    size_t size = strlen(path);
    int rc = -1;
    const char *name;
    json_t *text;
    void *next;
    json_object_foreach_safe(sb->files, next, name,
                             text) if (folders && strncmp(name, path, size) == 0 &&
                                       name[size] == '/') rc = json_object_del(sb->files, name);
    return rc;
}

void sandbox_use_files(struct sandbox *sb, const struct sandbox_files *store)
{
    sb->file_store = *store;
}

static const struct sandbox_files *store_of(struct sandbox *sb)
{
    if (!sb->file_store.write)
        sb->file_store = (struct sandbox_files){sb, memory_write, memory_read, memory_remove};
    return &sb->file_store;
}

/* A path from outside as the store takes it: no leading or doubled slashes, no "." parts. NULL when
 * it would lead out, or is empty. malloc'd. */
static char *safe_path(const char *path)
{
    char *out = calloc(1, strlen(path) + 1);
    size_t n = 0;
    while (out && *path) {
        size_t size = strcspn(path, "/");
        bool up = size == 2 && strncmp(path, "..", 2) == 0;
        bool skip = size == 0 || (size == 1 && *path == '.');
        if (up) {
            free(out);
            return NULL;
        }
        if (!skip) {
            if (n > 0)
                out[n++] = '/';
            memcpy(out + n, path, size);
            n += size;
        }
        path += size + (path[size] == '/');
    }
    if (n == 0) {
        free(out);
        return NULL;
    }
    return out;
}

/* --- answers ----------------------------------------------------------------------------------*/

static void answer_text(struct sandbox_response *response, int status, const char *text)
{
    response->status = status;
    response->content_type = HTML;
    response->body = strdup(text);
    response->body_size = response->body ? strlen(text) : 0;
}

static void answer_json(struct sandbox_response *response, json_t *value)
{
    char *text = json_dumps(value, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    answer_text(response, 200, text ? text : "");
    free(text);
    json_decref(value);
}

static void answer_error(struct sandbox_response *response, int status)
{
    static const struct {
        int status;
        const char *name, *words;
    } pages[] = {
        {400, "Bad Request",
         "The browser (or proxy) sent a request that this server could not understand."},
        {401, "Unauthorized",
         "The server could not verify that you are authorized to access the URL requested. You "
         "either supplied the wrong credentials (e.g. a bad password), or your browser "
         "doesn&#39;t understand how to supply the credentials required."},
        {404, "Not Found",
         "The requested URL was not found on the server. If you entered the URL manually please "
         "check your spelling and try again."},
        {405, "Method Not Allowed", "The method is not allowed for the requested URL."},
        {416, "Requested Range Not Satisfiable", "The server cannot provide the requested range."},
        {500, "Internal Server Error", "The file could not be stored."},
    };
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (pages[i].status != status)
            continue;
        char text[600];
        snprintf(text, sizeof text,
                 "<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n",
                 status, pages[i].name, pages[i].name, pages[i].words);
        answer_text(response, status, text);
    }
}

/* true: the asker has a valid token; else the answer is made. */
static bool allowed(struct sandbox_call *call, struct sandbox_response *response)
{
    const char *header = call->request->authorization;
    if (header && strncmp(header, "Bearer ", 7) != 0) {
        answer_text(response, 401, "Only bearer token authorization is supported");
        return false;
    }
    if (sandbox_authenticate(call) == 0)
        return true;
    answer_error(response, 401);
    return false;
}

/* --- upload -----------------------------------------------------------------------------------*/

struct slice {
    const char *text;
    size_t size;
};

static struct slice find(struct slice in, const char *what, size_t size)
{
    const char *at = in.size ? memmem(in.text, in.size, what, size) : NULL;
    return at ? (struct slice){at, in.size - (size_t)(at - in.text)} : (struct slice){NULL, 0};
}

/* Reads one value of a part's Content-Disposition: name="…". malloc'd, or NULL. */
static char *parameter(struct slice head, const char *name)
{
    char start[32];
    int n = snprintf(start, sizeof start, "%s=\"", name);
    struct slice at = find(head, start, (size_t)n);
    /* "filename" ends with "name" too. */
    while (at.text && at.text > head.text && (isalpha((unsigned char)at.text[-1])))
        at = find((struct slice){at.text + 1, at.size - 1}, start, (size_t)n);
    if (!at.text)
        return NULL;
    const char *from = at.text + n;
    const char *end = at.text + at.size;
    char *out = calloc(1, (size_t)(end - from) + 1);
    for (size_t k = 0; out && from < end && *from != '"'; from++) {
        if (*from == '\\' && from + 1 < end)
            from++;
        else if (end - from > 2 && strncmp(from, "%22", 3) == 0) {
            out[k++] = '"';
            from += 2;
            continue;
        }
        out[k++] = *from;
    }
    return out;
}

/* Stores one part; its path goes into stored. 0, or the status of the error. */
static int store_part(struct sandbox *sb, struct slice head, struct slice data, json_t *stored)
{
    char *name = parameter(head, "name");
    char *file = parameter(head, "filename");
    int status = 0;
    if (name && *name && file) {
        char *path = safe_path(name);
        const char *shown = name + strspn(name, "/");
        if (!path)
            status = 404;
        else if (store_of(sb)->write(store_of(sb)->arg, path, data.text, data.size) != 0)
            status = 500;
        else
            json_array_append_new(stored, json_string(shown));
        free(path);
    }
    free(name);
    free(file);
    return status;
}

/* "multipart/form-data; boundary=X" → "\r\n--X" in out; false if there is none. */
static bool boundary_of(const char *content_type, char *out, size_t size)
{
    const char *at = content_type ? strstr(content_type, "boundary=") : NULL;
    if (!at || strncmp(content_type, "multipart/form-data", 19) != 0)
        return false;
    at += 9;
    at += *at == '"';
    int n = snprintf(out, size, "\r\n--%.*s", (int)strcspn(at, "\";, "), at);
    return n > 4 && (size_t)n < size;
}

static void upload(struct sandbox_call *call, struct sandbox_response *response)
{
    char mark[256];
    json_t *stored = json_array();
    struct slice rest = {call->request->body, call->request->body_size};
    int status = 0;
    if (boundary_of(call->request->content_type, mark, sizeof mark)) {
        size_t mark_size = strlen(mark);
        /* The first boundary has no line break before it. */
        rest = find(rest, mark + 2, mark_size - 2);
        rest =
            rest.text ? (struct slice){rest.text + mark_size - 2, rest.size - mark_size + 2} : rest;
        while (status == 0 && rest.size > 2 && strncmp(rest.text, "--", 2) != 0) {
            struct slice blank = find(rest, "\r\n\r\n", 4);
            struct slice next = blank.text ? find(blank, mark, mark_size) : blank;
            if (!next.text)
                break;
            struct slice head = {rest.text, (size_t)(blank.text - rest.text)};
            /* The mark may begin with the blank line's end: then the part is empty. */
            const char *from = blank.text + 4 < next.text ? blank.text + 4 : next.text;
            status = store_part(call->sb, head, (struct slice){from, (size_t)(next.text - from)},
                                stored);
            rest = (struct slice){next.text + mark_size, next.size - mark_size};
        }
    }
    if (status != 0) {
        json_decref(stored);
        answer_error(response, status);
        return;
    }
    sandbox_changed(call->sb);
    answer_json(response, stored);
}

/* --- download ---------------------------------------------------------------------------------*/

static const char *type_of(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".txt", "text/plain; charset=utf-8"},
                 {".log", "text/plain; charset=utf-8"},
                 {".csv", "text/csv; charset=utf-8"},
                 {".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".py", "text/x-python; charset=utf-8"},
                 {".json", "application/json"},
                 {".png", "image/png"},
                 {".jpg", "image/jpeg"},
                 {".jpeg", "image/jpeg"},
                 {".gif", "image/gif"},
                 {".svg", "image/svg+xml; charset=utf-8"},
                 {".zip", "application/zip"},
                 {".pdf", "application/pdf"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* "bytes=2-5", "bytes=2-", "bytes=-5" → the slice of size bytes. 200: no range that is understood,
 * the whole; 206: a part; 416: it begins past the end. */
static int read_range(const char *range, size_t size, size_t *from, size_t *length)
{
    *from = 0;
    *length = size;
    if (!range || strncmp(range, "bytes=", 6) != 0 || strchr(range, ','))
        return 200;
    const char *p = range + 6;
    char *end;
    size_t first = 0, last = size;
    if (*p == '-') {
        size_t tail = strtoul(p + 1, &end, 10);
        first = tail < size ? size - tail : 0;
    } else {
        first = strtoul(p, &end, 10);
        if (end == p || *end != '-')
            return 200;
        if (isdigit((unsigned char)end[1]))
            last = strtoul(end + 1, &end, 10) + 1;
    }
    if (first >= size || first >= last)
        return 416;
    *from = first;
    *length = (last < size ? last : size) - first;
    return 206;
}

static bool has_query(const struct sandbox_request *request, const char *name)
{
    for (const char *const *q = request->query; q && q[0] && q[1]; q += 2)
        if (strcmp(q[0], name) == 0)
            return true;
    return false;
}

static uint32_t checksum(const unsigned char *data, size_t size)
{
    uint32_t sum = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * 16777619U;
    return sum;
}

static void download(struct sandbox_call *call, const char *path, struct sandbox_response *response)
{
    size_t size, from = 0, length;
    char *data = path ? store_of(call->sb)->read(store_of(call->sb)->arg, path, &size) : NULL;
    if (!data) {
        answer_error(response, 404);
        return;
    }
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char ranged[100] = "";
    int status = read_range(call->request->range, size, &from, &length);
    if (status == 416) {
        free(data);
        answer_error(response, status);
        return;
    }
    response->status = status;
    if (status == 206)
        snprintf(ranged, sizeof ranged, "Content-Range: bytes %zu-%zu/%zu\n", from,
                 from + length - 1, size);
    if (asprintf(&response->headers,
                 "Content-Disposition: %s; filename=%s\nETag: \"%zu-%u\"\nAccept-Ranges: bytes\n%s",
                 has_query(call->request, "download") ? "attachment" : "inline",
                 name[strcspn(name, "\r\n\"; ")] ? "file" : name, size,
                 checksum((const unsigned char *)data, size), ranged) < 0)
        response->headers = NULL;
    memmove(data, data + from, length);
    response->content_type = type_of(path);
    response->body = data;
    response->body_size = length;
}

/* --- deletion ---------------------------------------------------------------------------------*/

static void delete_one(struct sandbox_call *call, const char *path,
                       struct sandbox_response *response)
{
    const char *shown = call->request->path + strspn(call->request->path, "/");
    if (path && store_of(call->sb)->remove(store_of(call->sb)->arg, path, false) == 0) {
        sandbox_changed(call->sb);
        answer_json(response, json_string(shown));
        return;
    }
    json_t *text = json_sprintf("File %s not found", shown);
    answer_text(response, 404, json_string_value(text));
    json_decref(text);
}

/* "a%20b+c" → "a b c"; malloc'd. */
static char *unquote(const char *text)
{
    char *out = calloc(1, strlen(text) + 1);
    for (size_t n = 0; out && *text; text++) {
        unsigned byte;
        if (*text == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]) &&
            /* NOLINTNEXTLINE(cert-err34-c): two digits fit */
            sscanf(text + 1, "%2x", &byte) == 1) {
            out[n++] = (char)byte;
            text += 2;
        } else {
            out[n++] = *text == '+' ? ' ' : *text;
        }
    }
    return out;
}

static void delete_many(struct sandbox_call *call, struct sandbox_response *response)
{
    json_t *body = json_loadb(call->request->body, call->request->body_size, 0, NULL);
    const json_t *files = json_object_get(body, "files");
    if (json_array_size(files) == 0) {
        if (!body)
            answer_error(response, 400);
        else
            answer_text(response, 400,
                        json_object_size(body) ? "files are missing" : "Json payload is missing");
        json_decref(body);
        return;
    }
    json_t *deleted = json_object();
    json_t *errors = json_object();
    size_t i;
    json_t *file;
    json_array_foreach (files, i, file) {
        const char *sent = json_string_value(file);
        char *plain = unquote(sent ? sent : "");
        char *path = plain ? safe_path(plain) : NULL;
        bool empty = !plain || plain[strspn(plain, "/")] == '\0';
        const char *why = empty ? "Empty path not allowed" : "Not found";
        if (path && store_of(call->sb)->remove(store_of(call->sb)->arg, path, true) == 0) {
            json_object_set_new(deleted, sent, json_string(plain));
        } else {
            if (!json_object_get(errors, why))
                json_object_set_new(errors, why, json_array());
            json_array_append(json_object_get(errors, why), file);
        }
        free(path);
        free(plain);
    }
    json_decref(body);
    sandbox_changed(call->sb);
    answer_json(response, json_pack("{s:o, s:o}", "deleted", deleted, "errors", errors));
}

/* --- the whole --------------------------------------------------------------------------------*/

static void route(struct sandbox_call *call, struct sandbox_response *response)
{
    const struct sandbox_request *request = call->request;
    bool root = strcmp(request->path, "/") == 0 || *request->path == '\0';
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    if (root && get && !request->authorization && !request->cookie) {
        answer_text(response, 200, "OK");
        return;
    }
    if (!allowed(call, response))
        return;
    char *path = safe_path(request->path);
    if (root && get)
        answer_text(response, 200, "OK");
    else if (root && post)
        upload(call, response);
    else if (post && strcmp(request->path, "/delete_many") == 0)
        delete_many(call, response);
    else if (!root && get)
        download(call, path, response);
    else if (!root && strcmp(request->method, "DELETE") == 0)
        delete_one(call, path, response);
    else
        answer_error(response, 405);
    free(path);
}

void sandbox_files_handle(struct sandbox *sb, const struct sandbox_request *request, int64_t now_us,
                          struct sandbox_response *response)
{
    memset(response, 0, sizeof *response);
    struct sandbox_call call = {.sb = sb, .now_us = now_us, .request = request};
    call.body = json_object();
    call.data = json_object();
    route(&call, response);
    json_decref(call.body);
    json_decref(call.data);
    json_decref(call.error_data);
}
