/* SPDX-License-Identifier: Apache-2.0
 *
 * What machines printed, kept in STATE_DIR/logs/<instance>.log after the machine is gone; bounded
 * in size (the oldest lines go) and in number (the oldest files go). Blocks on the disk.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "driver.h"

#define BOOTLOG_FILE_MAX (1 << 20)
#define BOOTLOG_FILES_MAX 500
#define BOOTLOG_EVENT_MAX 4096
#define BOOTLOG_OVERLAP 256
#define BOOTLOG_UNSEEN "[... some output was not seen]\n"

struct bootlog;

/* Makes STATE_DIR/logs (0700). NULL with a sentence. */
struct bootlog *bootlog_open(const char *state_dir, struct dr_error *error);
void bootlog_close(struct bootlog *log);

/* Fetches what is new of an instance and keeps it. True when there was any: *text is then the
 * newest of it (at most BOOTLOG_EVENT_MAX bytes, whole UTF-8), valid until the next call. */
bool bootlog_collect(struct bootlog *log, const struct driver_ops *ops, void *driver,
                     const char *instance, const char **text);

/* The same from a console, of which only the newest part can be had: what follows the end of what
 * is kept. Where that end is no longer in it, a line says that something is missing. */
bool bootlog_console(struct bootlog *log, const char *instance, const char *bytes, size_t len,
                     const char **text);

/* No more is expected of it. */
void bootlog_done(struct bootlog *log, const char *instance);

/* The pure half: the position up to which a kept file holds its log, from its first bytes and its
 * size. A file whose beginning was dropped starts with a line that says how much. */
int64_t bootlog_position(const char *head, size_t head_len, int64_t size);

/* Where the news begin in a console's newest bytes, given the end of what is kept of it. -1: that
 * end is not in them. */
int64_t bootlog_overlap(const char *kept, size_t kept_len, const char *bytes, size_t len);
