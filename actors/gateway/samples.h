/* SPDX-License-Identifier: Apache-2.0 */
/* The flock's figures of the last six hours, one set each 10 s: what the overview's chart shows.
 * Kept in a file, so that a restarted gateway still has them; the time it was away is a gap. */
#ifndef DROVER_GATEWAY_SAMPLES_H
#define DROVER_GATEWAY_SAMPLES_H

#include <stdbool.h>

#include "picture.h"

#define SAMPLES_PERIOD_US (10 * INT64_C(1000000))
#define SAMPLES_MAX 2160

struct samples;

struct samples *samples_new(void);
void samples_free(struct samples **samples);

/* figures NULL: nothing is known at this time, which is no zero. A time that is not later than the
 * last one's drops what is later (the clock was set back). */
void samples_add(struct samples *samples, int64_t t_us, const struct picture_figures *figures);

/* The newest as one object (SAMPLE); the columns since a time. null: a gap. Pure. */
void samples_last_json(const struct samples *samples, struct dr_strbuf *out);
void samples_json(const struct samples *samples, int64_t since_us, struct dr_strbuf *out);

/* Reads what samples_save() wrote; nothing when there is no such file, a cut or foreign one is
 * read as far as it makes sense. Blocks for a small file. */
void samples_load(struct samples *samples, const char *path);

/* Replaces the file (0600) in one step. 0, or -1 with errno; the old one is there then. Blocks. */
int samples_save(struct samples *samples, const char *path);

/* Adds the newest to the file, so that a process that is killed loses none; now and then, and where
 * that cannot be, replaces the file. 0, or -1 with errno. */
int samples_keep(struct samples *samples, const char *path);

#endif
