/* SPDX-License-Identifier: Apache-2.0 */
/* One request from its bytes to its answer: path, login, body, schema, handler, envelope. */
#include "core.h"

#include "auth.h"
#include "errors.h"
#include "handlers.h"
#include "page.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "/v2.23/tasks.get_all" → name and version; false when it is not of that form. */
static bool parse_path(const char *path, char *name, size_t size, char *version, int *number)
{
    if (*path == '/')
        path++;
    int major = SANDBOX_API_MAJOR, minor = SANDBOX_API_MINOR, n = 0;
    if (path[0] == 'v' && isdigit((unsigned char)path[1]) && strchr(path, '/')) {
        /* NOLINTNEXTLINE(cert-err34-c): four digits fit */
        int fields = sscanf(path, "v%4d.%4d%n", &major, &minor, &n);
        if (fields == 1) {
            minor = 0;
            /* NOLINTNEXTLINE(cert-err34-c): the same four */
            sscanf(path, "v%4d%n", &major, &n);
        }
        if (fields < 1 || path[n] != '/')
            return false;
        path += n + 1;
    }
    snprintf(version, 16, "%d.%d", major, minor);
    *number = SANDBOX_VERSION(major, minor);
    size_t length = strlen(path);
    if (length > 0 && path[length - 1] == '/')
        length--;
    const char *dot = memchr(path, '.', length);
    if (length == 0 || length >= size || !dot ||
        strspn(path, "abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") < length)
        return false;
    memcpy(name, path, length);
    name[length] = '\0';
    return true;
}

static bool blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!isspace((unsigned char)text[i]))
            return false;
    }
    return true;
}

static int load_lines(struct sandbox_call *call, const char *text, size_t size)
{
    call->batch = json_array();
    for (const char *p = text, *end = text + size; p < end;) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);
        if (!blank(p, n)) {
            json_t *line = json_loadb(p, n, JSON_ALLOW_NUL, NULL);
            if (!json_is_object(line)) {
                json_decref(line);
                return sandbox_fail(call, 400, 0, "json lines must contain objects");
            }
            json_array_append_new(call->batch, line);
        }
        p += n + 1;
    }
    return 0;
}

/* A query parameter becomes a number or a flag where it reads as one, as on the server. */
static json_t *from_query(const char *text)
{
    if (*text && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 18)
        return json_integer(strtoll(text, NULL, 10));
    if (strcasecmp(text, "true") == 0)
        return json_true();
    if (strcasecmp(text, "false") == 0)
        return json_false();
    return json_string(text);
}

static int load_body(struct sandbox_call *call)
{
    const struct sandbox_request *rq = call->request;
    if (rq->content_type && strncmp(rq->content_type, "application/json-lines", 22) == 0)
        return load_lines(call, rq->body, rq->body_size);
    if (rq->body_size > 0) {
        json_t *body = json_loadb(rq->body, rq->body_size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (!body)
            return sandbox_fail(call, 400, 0,
                                "The browser (or proxy) sent a request that this server could not "
                                "understand.");
        if (json_is_object(body)) {
            json_decref(call->body);
            call->body = body;
        } else {
            bool empty = json_is_null(body) || json_is_false(body) ||
                         (json_is_array(body) && json_array_size(body) == 0);
            json_decref(body);
            if (!empty)
                return sandbox_fail(call, 500, 0, "Data should be a dict");
        }
    }
    for (const char *const *q = rq->query; q && q[0] && q[1]; q += 2)
        sandbox_set(call->body, q[0], from_query(q[1]));
    return 0;
}

static int serve(struct sandbox_call *call, const char *version, const struct sandbox_route *route)
{
    if (!route)
        return sandbox_fail(call, 404, 0, "Unable to find endpoint for name %s and version %s",
                            call->endpoint, version);
    call->actual = route->version;
    if (route->access != SANDBOX_OPEN && sandbox_authenticate(call) != 0)
        return -1;
    if (route->access == SANDBOX_ADMIN)
        return sandbox_fail(call, 403, SUB_403_ROLE,
                            "Forbidden (not allowed for role): role=user, allowed=(root, system)");
    if (load_body(call) != 0 || sandbox_route_check(call, route) != 0)
        return -1;
    return route->handler(call);
}

static void reply(struct sandbox_call *call, const char *version, struct sandbox_response *response)
{
    if (call->code != 0) {
        json_decref(call->data);
        call->data = json_object();
    }
    json_t *actual = json_null();
    if (call->actual) {
        char text[16];
        snprintf(text, sizeof text, "%d.%d", call->actual / 1000, call->actual % 1000);
        actual = json_string(text);
    }
    char id[33];
    snprintf(id, sizeof id, "%032llx", (unsigned long long)++call->sb->served);
    int code = call->code ? call->code : 200;
    json_t *whole =
        json_pack("{s:{s:s, s:s, s:{s:s, s:s, s:o}, s:i, s:i, s:o, s:n, s:{}}, s:O}", "meta", "id",
                  id, "trx", id, "endpoint", "name", call->endpoint, "requested_version", version,
                  "actual_version", actual, "result_code", code, "result_subcode", call->subcode,
                  "result_msg", call->code ? sandbox_message(call) : json_string("OK"),
                  "error_stack", "error_data", "data", call->data);
    response->status = code;
    response->content_type = "application/json";
    response->set_cookie = call->set_cookie;
    response->body = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    response->body_size = response->body ? strlen(response->body) : 0;
    json_decref(whole);
}

void sandbox_handle(struct sandbox *sb, const struct sandbox_request *request, int64_t now_us,
                    struct sandbox_response *response)
{
    memset(response, 0, sizeof *response);
    if (page_serve(sb, request, response))
        return;
    char name[128] = "", version[16] = "";
    /* Changes never share a millisecond, so that what came later also sorts later. */
    if (now_us / 1000 <= sb->changed_ms)
        now_us = (sb->changed_ms + 1) * 1000;
    uint64_t before = sb->revision;
    struct sandbox_call call = {.sb = sb, .now_us = now_us, .request = request, .endpoint = name};
    call.body = json_object();
    call.data = json_object();
    if (parse_path(request->path, name, sizeof name, version, &call.requested))
        serve(&call, version, sandbox_route_find(name, call.requested));
    else
        sandbox_fail(&call, 400, 0, "Invalid request path %.200s", request->path);
    reply(&call, version, response);
    if (sb->revision != before)
        sb->changed_ms = now_us / 1000;
    json_decref(call.body);
    json_decref(call.data);
    json_decref(call.batch);
    json_decref(call.error_data);
}

void sandbox_response_clear(struct sandbox_response *response)
{
    free(response->body);
    free(response->set_cookie);
    free(response->headers);
    memset(response, 0, sizeof *response);
}
