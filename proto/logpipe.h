/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipe that a process writes its log lines into, as whole lines to the log sink.
 */
#pragma once
#include <stddef.h>

struct dr_logpipe {
    int fd; /* non-blocking; -1: none */
    size_t len;
    char line[8192]; /* not yet whole; a longer one is cut into several */
};

/* Reads once, when fd is readable. Returns how much; closes fd at its end or on an error. */
size_t dr_logpipe_read(struct dr_logpipe *pipe, const char *actor);

/* The process has ended: reads what is left, also a line without its newline, and closes. What the
 * process started may keep the pipe open; that is not waited for. */
void dr_logpipe_end(struct dr_logpipe *pipe, const char *actor);
