/* SPDX-License-Identifier: Apache-2.0 */
/* DR_ASSERT(expr): a bug ends the process, in every build. It prints file, line and expression to
 * stderr and aborts; the supervisor starts the actor again. Never use it for what the world can do
 * (network, disk, input): that is a returned error. Running out of memory counts as a bug here. */
#ifndef DROVER_ASSERT_H
#define DROVER_ASSERT_H

#include <stdio.h>
#include <stdlib.h>

#define DR_ASSERT(expr) ((expr) ? (void)0 : dr_assert_failed(#expr, __FILE__, __LINE__))

__attribute__((noreturn, cold)) static inline void dr_assert_failed(const char *expr,
                                                                    const char *file, int line)
{
    fprintf(stderr, "%s:%d: this must not happen: %s\n", file, line, expr);
    abort();
}

#endif
