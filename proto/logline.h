/* SPDX-License-Identifier: Apache-2.0
 *
 * A log line between its forms: what a process wrote to stderr, the log_line of messages.def, its
 * JSON (for files and for the bus), and a line for people.
 */
#pragma once
#include "drover/message.h"

/* "debug" is 0, "alarm" is 4; otherwise what `fallback` says for a word that is no level. */
int dr_logline_rank(const char *level, int fallback);

/* A line with its texts. Free with dr_logline_free(). */
struct dr_logline {
    struct dr_log_line line;
    void *held; /* what the texts point into */
    char free_text[4096];
};

/* Reads one line (without its newline) that `actor` wrote: a JSON object {t, level, what, machine,
 * task, queue, err} as actors log, or any text, which becomes a warning. Whatever the bytes are,
 * the result is UTF-8 without control characters. actor is borrowed. */
void dr_logline_read(const char *actor, const char *bytes, size_t len, int64_t now_us,
                     struct dr_logline *out);
void dr_logline_free(struct dr_logline *logline);

/* JSON of the log_line, without newline. malloc'd, the caller frees. */
char *dr_logline_json(const struct dr_log_line *line, size_t *len);

/* JSON of an actor_view, in the same way. */
char *dr_actor_view_json(const struct dr_actor_view *view, size_t *len);

/* "12:34:56.789 warning watcher: sentence [machine]" and a newline, in the local time zone. Returns
 * the length, cut to size. */
size_t dr_logline_human(const struct dr_log_line *line, bool colour, char *out, size_t size);
