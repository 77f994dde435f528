/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static void drop_first(struct dr_backlog *backlog)
{
    free(backlog->waiting[backlog->first].bytes);
    backlog->first = (backlog->first + 1) % DR_BACKLOG_MAX;
    backlog->count--;
}

void dr_backlog_add(struct dr_backlog *backlog, enum dr_control_kind kind, const char *bytes,
                    size_t len)
{
    if (backlog->count == DR_BACKLOG_MAX) {
        drop_first(backlog);
        backlog->dropped++;
    }
    char *copy = malloc(len + 1);
    DR_ASSERT(copy);
    memcpy(copy, bytes, len);
    size_t place = (backlog->first + backlog->count++) % DR_BACKLOG_MAX;
    backlog->waiting[place].kind = kind;
    backlog->waiting[place].bytes = copy;
    backlog->waiting[place].len = len;
}

void dr_backlog_drain(struct dr_backlog *backlog, struct dr_control_out *out)
{
    while (backlog->count > 0 && out->len < DR_BACKLOG_OUT_MAX) {
        size_t first = backlog->first;
        (void)dr_control_put(out, backlog->waiting[first].kind, backlog->waiting[first].bytes,
                             backlog->waiting[first].len);
        drop_first(backlog);
    }
}

void dr_backlog_clear(struct dr_backlog *backlog)
{
    while (backlog->count > 0)
        drop_first(backlog);
}
