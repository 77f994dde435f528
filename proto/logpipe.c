/* SPDX-License-Identifier: Apache-2.0 */
#include "logpipe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "logsink.h"

#define LAST_READS_MAX 64

static void take_lines(struct dr_logpipe *pipe, const char *actor)
{
    char *start = pipe->line, *end;
    size_t left = pipe->len;
    while ((end = memchr(start, '\n', left))) {
        dr_logsink_take(actor, start, (size_t)(end - start));
        left -= (size_t)(end - start) + 1;
        start = end + 1;
    }
    if (left == sizeof pipe->line) {
        dr_logsink_take(actor, start, left);
        left = 0;
    }
    memmove(pipe->line, start, left);
    pipe->len = left;
}

static void shut(struct dr_logpipe *pipe)
{
    if (pipe->fd >= 0)
        close(pipe->fd);
    pipe->fd = -1;
}

size_t dr_logpipe_read(struct dr_logpipe *pipe, const char *actor)
{
    ssize_t n = read(pipe->fd, pipe->line + pipe->len, sizeof pipe->line - pipe->len);
    if (n > 0) {
        pipe->len += (size_t)n;
        take_lines(pipe, actor);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        shut(pipe);
    }
    return n > 0 ? (size_t)n : 0;
}

void dr_logpipe_end(struct dr_logpipe *pipe, const char *actor)
{
    for (int turn = 0; turn < LAST_READS_MAX && pipe->fd >= 0; turn++)
        if (dr_logpipe_read(pipe, actor) == 0)
            break;
    if (pipe->len > 0)
        dr_logsink_take(actor, pipe->line, pipe->len);
    pipe->len = 0;
    shut(pipe);
}
