/* SPDX-License-Identifier: Apache-2.0
 *
 * Gaps in event streams: one counter per (source, boot, topic), else every filter looks like a gap
 * (P29). Used by actors and taps.
 */
#pragma once
#include "drover/message.h"

struct dr_sequence;

/* A new, empty tracker. Asserts on lack of memory. */
struct dr_sequence *dr_sequence_new(void);
void dr_sequence_free(struct dr_sequence **sequence);

/* Notes an event. Returns how many of its stream were missed right before it: 0 for the next one
 * and for the first ever of its (source, topic); a new boot counts from 1, so the first event seen
 * of a new life with seq n means n - 1 missed ones. *reborn is set when the source began a new
 * life. */
int64_t dr_sequence_note(struct dr_sequence *sequence, const struct dr_envelope *env, bool *reborn);
