/* SPDX-License-Identifier: Apache-2.0
 *
 * A child's end of its line to droverd, on a zloop: READY, the watchdog, a new configuration, STOP,
 * and the end of the process when droverd is gone. The actor skeleton and the bus both hang on it.
 */
#pragma once
#include <czmq.h>

#include "control.h"

struct dr_lifeline;

struct dr_lifeline_calls {
    void (*config)(void *self, const char *text, size_t len);        /* RELOAD with this text */
    void (*stop)(void *self);                                        /* end in order */
    void (*life)(void *self, const char *json, size_t len);          /* the bus only */
    void (*log)(void *self, const char *json, size_t len);           /* the bus only */
    void (*peer)(void *self, const char *source, const char *token); /* the bus only */
};

/* Watches fd on the loop and feeds the watchdog every watchdog_ms / 3. When the other end closes
 * the process ends at once: without droverd nobody would restart or stop it. calls and self are
 * borrowed for the lifeline's life. Asserts on lack of memory. */
struct dr_lifeline *dr_lifeline_new(zloop_t *loop, int fd, int64_t watchdog_ms,
                                    const struct dr_lifeline_calls *calls, void *self);

/* Says READY. */
void dr_lifeline_ready(struct dr_lifeline *lifeline);
void dr_lifeline_free(struct dr_lifeline **lifeline);
