/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "core.h"

/* The state file: a snapshot in its first line, then a line for each request that changed something
 * since. A line stands in the file before its answer goes out. Blocking; mode 0600, for it holds
 * keys. */
struct keep {
    const char *path;         /* NULL: nothing is kept */
    int fd;                   /* open for appending */
    size_t snapshot, journal; /* bytes of the two parts */
};

/* Reads the file into sb if there is one, then starts it anew with one snapshot. path may be NULL.
 * 0, or -1 with a sentence in error. *known tells whether there was a file. */
int keep_open(struct keep *keep, const char *path, struct sandbox *sb, bool *known, char *error,
              size_t error_size);
/* Adds what the core was just told (NULL: a tick); sb is the state after it. Failures are said on
 * stderr: the sandbox goes on. */
void keep_add(struct keep *keep, struct sandbox *sb, const struct sandbox_request *request,
              bool files, int64_t now_us);
void keep_close(struct keep *keep);
