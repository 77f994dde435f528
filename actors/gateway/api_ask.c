/* SPDX-License-Identifier: Apache-2.0 */
/* Any request that this role may make, in its JSON form: what `drover --gateway` uses. */
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "gateway.h"
#include "json_read.h"

void handle_ask(struct request *request);

static void on_reply(struct request *request, const struct dr_answer *answer)
{
    if (!answer_came(request, answer))
        return;
    char *json = dr_json(answer->message->row->desc, answer->message->body);
    DR_ASSERT(json != NULL);
    json_t *body = json_loads(json, 0, NULL);
    free(json);
    answer_json(request, 200,
                json_pack("{s:s,s:o}", "reply", answer->message->row->name, "body", body));
}

/* Who did it is not for the asker to say. */
static void sign(const struct request *request, json_t *body, const struct dr_desc *desc)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        if (strcmp(desc->fields[i].name, "by") == 0 && desc->fields[i].kind == DR_STR &&
            desc != &dr_desc_costs_get)
            json_object_set_new(body, "by", json_string(request->login.user));
    }
}

void handle_ask(struct request *request)
{
    const char *name = request_arg(request, 0);
    const struct dr_message_row *row = dr_row_by_name(name, strlen(name));
    const char *to = request_needs(request, "to");
    json_t *body = json_object_get(request->input, "body");
    struct dr_record record;
    char err[400];
    if (to == NULL)
        return;
    if (row == NULL || row->shape != DR_REQUEST || (row->from & 1U << DR_ROLE_GATEWAY) == 0) {
        answer_error(request, 404, "not-found", "there is no request %s that can be asked here",
                     name);
        return;
    }
    if (row->reply == DR_ACK && request->login.role != ROLE_OPERATOR) {
        answer_error(request, 403, "role", "%s is a viewer: %s changes something",
                     request->login.user, name);
        return;
    }
    enum dr_role role = dr_role_of(to);
    if (role == DR_ROLE_COUNT || (row->to & 1U << role) == 0) {
        answer_error(request, 400, "bad-request", "%s is not for \"%s\"", name, to);
        return;
    }
    body = body == NULL ? json_object() : json_incref(body);
    if (json_is_object(body))
        sign(request, body, row->desc);
    if (dr_json_read(row->desc, body, &record, err, sizeof err) != 0) {
        answer_error(request, 400, "bad-request", "%s", err);
    } else {
        request_ask(request, to, row->type, record.value, on_reply);
        dr_record_free(&record);
    }
    json_decref(body);
}
