/* SPDX-License-Identifier: Apache-2.0 */
#include "body.h"

#include <string.h>

#include "drover/assert.h"
#include "gateway.h"

/* What the body of an operation may have: a misspelt field is no field that was left out. The
 * others take no field. */
static const struct {
    const char *operation, *fields;
} bodies[] = {{"login", "user,password"},
              {"machine_drain", "mode"},
              {"machine_kill", "tasks"},
              {"machine_keep", "for_ms"},
              {"pause", "queue,sentence"},
              {"resume", "queue,sentence"},
              {"adopt", "spent_usd_micros"},
              {"config_put", "text,base_hash,note"},
              {"config_check", "text"},
              {"token_add", "name,role"},
              {"user_add", "name,role,password"},
              {"wizard_render", "config"},
              {"wizard_test", "what,account,config,secrets"},
              {"wizard_launch", "config,secrets,create_queues"},
              {"ask", "to,body"}};

static bool knows_fields(struct request *request)
{
    const char *fields = "", *name;
    json_t *value;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        if (strcmp(bodies[i].operation, request->route->name) == 0)
            fields = bodies[i].fields;
    }
    json_object_foreach (request->input, name, value) {
        if (request_among(fields, name, strlen(name)))
            continue;
        answer_error(request, 400, "bad-request", "there is no \"%.80s\" here, only: %s", name,
                     fields);
        return false;
    }
    return true;
}

static bool is_object(const json_t *value)
{
    return value == NULL || json_is_object(value);
}

/* The wizard's secrets by their outer shape; what is in them the files' readers judge. */
static bool secrets_fit(struct request *request)
{
    const json_t *secrets = json_object_get(request->input, "secrets");
    if (is_object(secrets) && is_object(json_object_get(secrets, "clearml")) &&
        is_object(json_object_get(secrets, "accounts")))
        return true;
    answer_error(request, 400, "bad-request",
                 "secrets must be {clearml: {…}, accounts: {NAME: {…}}}");
    return false;
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    return type != NULL && strncasecmp(type, json, sizeof json - 1) == 0 &&
           strchr("; \t", type[sizeof json - 1]) != NULL;
}

bool body_read(struct request *request)
{
    json_error_t fault;
    if (request->too_big) {
        answer_error(request, 413, "too-big", "a body may have %zu bytes", request->room);
        return false;
    }
    if (strcmp(request->route->method, "GET") == 0 || request->body.len == 0)
        return true;
    const char *type =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Type");
    if (!is_json(type)) {
        answer_error(request, 415, "bad-request", "the body must be application/json");
        return false;
    }
    request->input =
        json_loadb(request->body.data, request->body.len, JSON_REJECT_DUPLICATES, &fault);
    if (json_is_object(request->input))
        return knows_fields(request) && secrets_fit(request);
    char *near = request->input == NULL ? strstr(fault.text, " near ") : NULL;
    if (near != NULL)
        *near = '\0'; /* near what: it may be a password */
    if (request->input == NULL)
        answer_error(request, 400, "bad-request", "the body is no JSON: line %d, column %d: %s",
                     fault.line, fault.column, fault.text);
    else
        answer_error(request, 400, "bad-request", "the body must be a JSON object");
    return false;
}
