/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <stdarg.h>
#include <stdio.h>

void port_log(const struct port *port, enum dr_log_level level, const struct dr_log_ctx *ctx,
              const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    port->log(port->shell, level, ctx, text);
}
