/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int sandbox_fail(struct sandbox_call *call, int code, int subcode, const char *format, ...)
{
    call->code = code;
    call->subcode = subcode;
    json_decref(call->error_data);
    call->error_data = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(call->message, sizeof call->message, format, args);
    va_end(args);
    return -1;
}

/* A message that was cut inside a letter is no text: the broken end goes. */
json_t *sandbox_message(const struct sandbox_call *call)
{
    size_t size = strlen(call->message);
    json_t *text = json_stringn(call->message, size);
    for (int i = 0; !text && i < 4 && size > 0; i++)
        text = json_stringn(call->message, --size);
    return text ? text : json_string("the message is not UTF-8");
}

int fail_invalid(struct sandbox_call *call, int subcode, const char *what, const char *id)
{
    const char *company = call->company ? call->company : "";
    sandbox_fail(call, 400, subcode, "Invalid %s id: id=%s, company=%s", what, id, company);
    call->error_data = json_pack("{s:s, s:s}", "id", id, "company", company);
    return -1;
}

int fail_status(struct sandbox_call *call, const char *current, const char *wanted)
{
    sandbox_fail(call, 400, SUB_TASK_STATUS,
                 "Invalid task status (Invalid status change): current_status=%s, new_status=%s",
                 current, wanted);
    call->error_data = json_pack("{s:s, s:s}", "current_status", current, "new_status", wanted);
    return -1;
}

int fail_required(struct sandbox_call *call, const char *field)
{
    return sandbox_fail(call, 400, SUB_VALIDATION,
                        "Validation error (error for field '%s'. field is required!)", field);
}

int sandbox_for_each(struct sandbox_call *call, const json_t *ids, sandbox_each *each)
{
    json_t *failed = json_array(), *succeeded = json_array();
    size_t i;
    json_t *id;
    json_array_foreach (ids, i, id) {
        json_t *item = json_pack("{s:O}", "id", id);
        if (each(call, json_string_value(id), item) == 0) {
            json_array_append_new(succeeded, item);
            continue;
        }
        json_decref(item);
        json_t *data = call->error_data ? json_incref(call->error_data) : json_object();
        json_array_append_new(failed, json_pack("{s:O, s:{s:[i,i], s:o, s:o}}", "id", id, "error",
                                                "codes", call->code, call->subcode, "msg",
                                                sandbox_message(call), "data", data));
        call->code = 0;
        call->subcode = 0;
    }
    json_object_set_new(call->data, "failed", failed);
    return json_object_set_new(call->data, "succeeded", succeeded);
}
