/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway reads of a request, from its path to the record that it asks the bus for. The
 * input is "METHOD TARGET", a line feed, the body. libmicrohttpd, sessions and the bus are played
 * below. Each request gets one answer; what says that it is JSON is; none is an internal fault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "dispatch.h"
#include "drover/assert.h"
#include "gateway.h"
#include "server.h"
#include "setup.h"

#define PARAMETERS 16

struct MHD_Connection {
    struct {
        char *name, *value;
        size_t len;
    } query[PARAMETERS];
    size_t count;
};

struct MHD_Response {
    char *text;
    size_t len;
    enum MHD_ResponseMemoryMode mode;
    bool packed, json;
};

static int answers;

/* ---- libmicrohttpd -------------------------------------------------------------------------- */
const char *MHD_lookup_connection_value(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                        const char *name)
{
    if (kind == MHD_HEADER_KIND)
        return strcmp(name, "Host") == 0            ? "localhost"
               : strcmp(name, "Authorization") == 0 ? "Bearer one"
               : strcmp(name, "Content-Type") == 0  ? "application/json"
                                                    : NULL;
    for (size_t i = 0; kind == MHD_GET_ARGUMENT_KIND && i < connection->count; i++) {
        if (strcmp(connection->query[i].name, name) == 0)
            return connection->query[i].value;
    }
    return NULL;
}

int MHD_get_connection_values_n(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                MHD_KeyValueIteratorN each, void *arg)
{
    for (size_t i = 0; i < connection->count; i++) {
        if (each(arg, kind, connection->query[i].name, strlen(connection->query[i].name),
                 connection->query[i].value, connection->query[i].len) != MHD_YES)
            break;
    }
    return (int)connection->count;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = calloc(1, sizeof *response);
    DR_ASSERT(response != NULL);
    *response = (struct MHD_Response){.text = buffer, .len = size, .mode = mode};
    return response;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *name,
                                        const char *value)
{
    DR_ASSERT(strpbrk(value, "\r\n") == NULL);
    response->json = response->json || strcmp(value, "application/json") == 0;
    response->packed = response->packed || strcmp(name, "Content-Encoding") == 0;
    return MHD_YES;
}

void answer_response(struct request *request, unsigned status, struct MHD_Response *response)
{
    answers++;
    DR_ASSERT(status != 500);
    if (response->json && !response->packed) {
        json_t *tree = json_loadb(response->text, response->len, 0, NULL);
        DR_ASSERT(json_is_object(tree));
        json_decref(tree);
    }
    request->status = status;
    request->response = response;
}

/* ---- the rest of the gateway ---------------------------------------------------------------- */
bool sessions_by_token(struct sessions *sessions, const char *token, struct login *out)
{
    (void)sessions;
    (void)token;
    *out = (struct login){.user = "token:one", .role = ROLE_OPERATOR, .by_token = true};
    return true;
}

bool sessions_by_cookie(struct sessions *sessions, const char *cookie, int64_t now_us,
                        struct login *out)
{
    (void)sessions;
    (void)cookie;
    (void)now_us;
    (void)out;
    return false;
}

bool server_is_host(const struct server *server, const char *host)
{
    (void)server;
    (void)host;
    return true;
}

bool server_is_origin(const struct server *server, const char *origin, const char *host)
{
    (void)server;
    (void)origin;
    (void)host;
    return true;
}

const char *server_url(const struct server *server)
{
    (void)server;
    return "";
}

bool setup_allows(struct request *request)
{
    (void)request;
    return true;
}

void static_answer(struct request *request)
{
    answer_error(request, 404, "not-found", "there is no %s", request->path);
}

void notes_add(struct notes *notes, const struct dr_hand_note *note)
{
    (void)notes;
    (void)note;
}

/* What goes onto the bus must be what the bus takes. */
void dr_request(struct dr_actor *actor, const char *to, enum dr_type type, const void *body,
                const char *request_id, const char *corr, int64_t timeout_ms, dr_answer_fn then,
                void *arg)
{
    struct dr_envelope env = {.version = 1,
                              .type = dr_row_by_type(type)->name,
                              .source = to,
                              .boot = "",
                              .request = "",
                              .left_ms = timeout_ms};
    uint8_t *bytes;
    size_t len;
    (void)request_id;
    (void)corr;
    DR_ASSERT(dr_message_encode(&env, dr_row_by_type(type)->desc, body, &bytes, &len) == 0);
    free(bytes);
    then(actor, &(struct dr_answer){.failure = "timeout"}, arg);
}

/* ---- the other operations: what their handlers read ----------------------------------------- */
static void read_it(struct request *request)
{
    int64_t number;
    static const char *const texts[] = {"user",     "password", "mode", "queue",
                                        "sentence", "text",     "name", "role",
                                        "what",     "account",  "note", "base_hash"};
    static const char *const numbers[] = {"limit", "offset", "after", "since_us", "before_us"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!request_number(request, numbers[i], 1, 0, INT64_MAX, &number))
            return;
    }
    if (!request_words(request, "state", "waiting,running,ended", true) ||
        !request_words(request, "by", "queue,user,project", false))
        return;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (request_text(request, texts[i]) == NULL)
            return;
    }
    for (size_t i = 0; i < request->args.count; i++)
        DR_ASSERT(request_arg(request, i)[0] != '\0');
    answer_error(request, 404, "not-found", "there is no %.40s",
                 request->args.count > 0 ? request_arg(request, 0) : "such");
}

#define ROUTE(method, pattern, role, name)                            \
    void handle_##name(struct request *request);                      \
    __attribute__((weak)) void handle_##name(struct request *request) \
    {                                                                 \
        read_it(request);                                             \
    }
#include "routes.def"
#undef ROUTE

/* ---- one request ---------------------------------------------------------------------------- */
static size_t decode(char *text)
{
    char *out = text;
    for (const char *at = text; *at != '\0'; at++) {
        unsigned code;
        if (*at == '%' && sscanf(at + 1, "%2x", &code) == 1 && at[2] != '\0') {
            *out++ = (char)code;
            at += 2;
        } else {
            *out++ = *at;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

static void parse_query(struct MHD_Connection *connection, char *query)
{
    for (char *each = query, *next; each != NULL && connection->count < PARAMETERS; each = next) {
        next = strchr(each, '&');
        if (next != NULL)
            *next++ = '\0';
        char *equals = strchr(each, '=');
        if (equals != NULL)
            *equals++ = '\0';
        connection->query[connection->count].name = each;
        connection->query[connection->count].value = equals;
        connection->query[connection->count].len = equals == NULL ? 0 : decode(equals);
        connection->count++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gateway gateway = {.actor = (struct dr_actor *)(uintptr_t)1};
    static struct MHD_Connection connection;
    const uint8_t *end = memchr(data, '\n', size);
    if (end == NULL || memchr(data, '\0', (size_t)(end - data)) != NULL)
        return 0;
    char *line = strndup((const char *)data, (size_t)(end - data)), *target = strchr(line, ' ');
    if (target != NULL) {
        *target++ = '\0';
        connection.count = 0;
        char *query = strchr(target, '?');
        if (query != NULL) {
            *query++ = '\0';
            parse_query(&connection, query);
        }
        struct request request = {
            .gateway = &gateway, .connection = &connection, .method = line, .path = target};
        request.room = dispatch_room(&request);
        if (size > (size_t)(end - data) + 1)
            dr_strbuf_add(&request.body, end + 1, size - (size_t)(end - data) - 1);
        answers = 0;
        dispatch(&request);
        DR_ASSERT(answers == 1);
        if (request.response->mode == MHD_RESPMEM_MUST_FREE)
            free(request.response->text);
        free(request.response);
        dr_strbuf_free(&request.body);
        json_decref(request.input);
    }
    free(line);
    return 0;
}
