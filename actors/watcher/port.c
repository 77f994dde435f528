/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const struct port *port, enum dr_log_level level, bool often,
                const struct dr_log_ctx *ctx, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    port->log(port->shell, level, often, ctx, text);
}

void port_log(const struct port *port, enum dr_log_level level, const struct dr_log_ctx *ctx,
              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(port, level, false, ctx, format, args);
    va_end(args);
}

void port_log_often(const struct port *port, enum dr_log_level level, const struct dr_log_ctx *ctx,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(port, level, true, ctx, format, args);
    va_end(args);
}
