/* SPDX-License-Identifier: Apache-2.0
 *
 * Where log lines go: a file or stderr as JSON, a terminal for people, and whoever listens.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* path: JSON lines are appended there, and people read stderr only when that is a terminal; "":
 * stderr. json: JSON on a terminal too. Returns -1 with errno when path cannot be opened; then it
 * is stderr. May be called again, also to reopen a file that was rotated away. */
int dr_logsink_open(const char *path, bool json, const char *least_level);

/* Gets the JSON of each log_line that is logged. */
void dr_logsink_listen(void (*listener)(const char *json, size_t len));

/* One sentence of droverd's about `actor`; "supervisor" is droverd itself. */
void dr_logsink_say(const char *level, const char *actor, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line, without its newline, that an actor wrote. */
void dr_logsink_take(const char *actor, const char *bytes, size_t len);
