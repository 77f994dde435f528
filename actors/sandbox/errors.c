/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>

int sandbox_fail(struct sandbox_call *call, int code, int subcode, const char *format, ...)
{
    call->code = code;
    call->subcode = subcode;
    va_list args;
    va_start(args, format);
    vsnprintf(call->message, sizeof call->message, format, args);
    va_end(args);
    return -1;
}

int fail_invalid(struct sandbox_call *call, int subcode, const char *what, const char *id)
{
    return sandbox_fail(call, 400, subcode, "Invalid %s id: id=%s, company=%s", what, id,
                        call->company ? call->company : "");
}

int fail_status(struct sandbox_call *call, const char *current, const char *wanted)
{
    return sandbox_fail(call, 400, SUB_TASK_STATUS,
                        "Invalid task status (Invalid status change): current_status=%s, "
                        "new_status=%s",
                        current, wanted);
}

int fail_required(struct sandbox_call *call, const char *field)
{
    return sandbox_fail(call, 400, SUB_VALIDATION,
                        "Validation error (error for field '%s'. field is required!)", field);
}
