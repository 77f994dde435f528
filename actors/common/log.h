/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr, one write each. Under the supervisor (DROVER_FD is set) or into a pipe or
 * file, a line is one JSON object:
 *   {"t":WALL_US,"level":"info","what":"SENTENCE","machine":"..","task":"..","queue":"..",
 *    "err":".."}
 * Fields that are NULL are left out. On a terminal without a supervisor it is a line for people.
 * A line is at most DR_LOG_LINE_MAX bytes with its newline; a longer one is cut at a character and
 * ends its text with "...". Control characters are escaped, bytes that are no UTF-8 become U+FFFD.
 * Never hand a secret in. Single-threaded. */
#ifndef DROVER_COMMON_LOG_H
#define DROVER_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_LOG_LINE_MAX 4096
#define DR_LOG_MERGE_MS 60000

enum dr_log_level { DR_LOG_ERROR, DR_LOG_WARNING, DR_LOG_INFO, DR_LOG_DEBUG, DR_LOG_LEVELS };

struct dr_log_ctx {
    const char *machine; /* the machine's id */
    const char *task;
    const char *queue; /* its name */
    const char *err;   /* what the system, a library or a server said, in its words */
};

/* What is less urgent than `level` is dropped. Starts at DR_LOG_INFO. */
void dr_log_set_level(enum dr_log_level level);

/* False if a line of this level would be dropped: for what is costly to put together. */
bool dr_log_wanted(enum dr_log_level level);

/* "error", "warning", "info", "debug" ("warn" too). False if it is none of them. */
bool dr_log_level_parse(const char *name, enum dr_log_level *level);
const char *dr_log_level_name(enum dr_log_level level);

/* Writes a line. `ctx` may be NULL. */
void dr_log(enum dr_log_level level, const struct dr_log_ctx *ctx, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what may be said often: the first is written, equal ones (level, text and ctx) are
 * counted for DR_LOG_MERGE_MS and then written once more, with "(repeated 12 times in 60 s)".
 * Up to 32 different lines are watched at once; beyond that the oldest is written and dropped. */
void dr_log_merged(enum dr_log_level level, const struct dr_log_ctx *ctx, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes the counts that are due. Called about once a second by the actor's loop. */
void dr_log_tick(void);

/* Writes all counts, due or not. Called before an orderly end. */
void dr_log_flush(void);

/* Makes one line into `out` (with newline, without NUL): the pure part, for tests and supervisor.
 * Returns its length, at most `size`, which must be at least 512. */
size_t dr_log_format(char *out, size_t size, bool human, int64_t wall_us, enum dr_log_level level,
                     const struct dr_log_ctx *ctx, const char *what);

#endif
