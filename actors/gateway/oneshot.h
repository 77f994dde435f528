/* SPDX-License-Identifier: Apache-2.0 */
/* A program that is asked one thing and ends: its input is handed over in memory, its output is
 * read on the loop. */
#ifndef DROVER_GATEWAY_ONESHOT_H
#define DROVER_GATEWAY_ONESHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct _zloop_t;

struct oneshot_end {
    int code;   /* exit code; 128 + signal for one that was killed */
    bool late;  /* it was killed because it took too long */
    char *text; /* its standard output; borrowed, may be changed; NUL behind it */
    size_t len;
};
typedef void oneshot_fn(void *arg, const struct oneshot_end *end);

/* argv[0]: path of the program. input: what it reads as standard input, NULL: nothing; it may hold
 * secrets, so it is copied into memory that no file system sees and that is wiped at the end.
 * `done` is called once, later. Does not block but for the fork. False: not started, in words. */
bool oneshot_start(struct _zloop_t *loop, const char *const *argv, const char *input,
                   size_t limit_ms, oneshot_fn *done, void *arg, struct dr_error *error);

#endif
