/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories that only their owner enters, and locks in them that say who holds them (P30).
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Makes path (absolute) and what is missing above it; path itself gets mode 0700. -1: errno. */
int dr_private_dir(const char *path);

/* Takes an flock on path and writes the process id into it. Returns the descriptor, which holds the
 * lock while it is open; -1 with errno, EWOULDBLOCK meaning that another process has it: then
 * *holder is its id (0 when it left none). Never blocks. */
int dr_lockfile_take(const char *path, pid_t *holder);

/* What droverd does before all else: makes both directories and takes STATE_DIR/droverd.lock, for
 * as long as the process lives. Returns 0, or -1 with a sentence in err. */
int dr_state_dir_take(const char *state_dir, const char *run_dir, char *err, size_t err_len);
