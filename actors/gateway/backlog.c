/* SPDX-License-Identifier: Apache-2.0 */
#include "backlog.h"

#include <string.h>

size_t backlog_left(const struct backlog *backlog)
{
    return backlog->out.len - backlog->at;
}

bool backlog_has_room(struct backlog *backlog, size_t max)
{
    if (backlog->at >= max) {
        memmove(backlog->out.data, backlog->out.data + backlog->at, backlog_left(backlog));
        backlog->out.len -= backlog->at;
        backlog->at = 0;
    }
    return backlog_left(backlog) < max;
}

size_t backlog_take(struct backlog *backlog, char *out, size_t max)
{
    size_t left = backlog_left(backlog), n = left < max ? left : max;
    if (n > 0)
        memcpy(out, backlog->out.data + backlog->at, n);
    backlog->at += n;
    if (n == left)
        backlog->out.len = backlog->at = 0;
    return n;
}

void backlog_free(struct backlog *backlog)
{
    dr_strbuf_free(&backlog->out);
    backlog->at = 0;
}
