/* SPDX-License-Identifier: Apache-2.0
 *
 * Blobs that wait for the other end of a control wire, bounded: when it is full the oldest go, and
 * are counted.
 */
#pragma once
#include "control.h"

#define DR_BACKLOG_MAX 2000
#define DR_BACKLOG_OUT_MAX (1 << 20)

struct dr_backlog {
    struct {
        enum dr_control_kind kind;
        char *bytes;
        size_t len;
    } waiting[DR_BACKLOG_MAX];
    size_t first, count;
    int64_t dropped; /* since the caller last set it to 0 */
};

/* Keeps a copy. */
void dr_backlog_add(struct dr_backlog *backlog, enum dr_control_kind kind, const char *bytes,
                    size_t len);

/* Moves to out, oldest first, while out holds less than DR_BACKLOG_OUT_MAX. */
void dr_backlog_drain(struct dr_backlog *backlog, struct dr_control_out *out);
void dr_backlog_clear(struct dr_backlog *backlog);
