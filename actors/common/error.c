/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct dr_error *error, int line, int column, const char *format, va_list args)
{
    if (!error)
        return;
    int len = vsnprintf(error->text, sizeof error->text, format, args);
    if (len >= (int)sizeof error->text)
        memcpy(error->text + sizeof error->text - 4, "...", 4);
    error->line = line;
    error->column = column;
}

bool dr_error_set(struct dr_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(error, 0, 0, format, args);
    va_end(args);
    return false;
}

bool dr_error_set_at(struct dr_error *error, int line, int column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(error, line, column, format, args);
    va_end(args);
    return false;
}
