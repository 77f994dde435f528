/* SPDX-License-Identifier: Apache-2.0 */
/* The one-time link into the dashboard (RUN_DIR/login), said as soon as the gateway has written it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* what: "The dashboard", "The wizard". Prints it, or where it is when the output goes into a file.
 */
void link_say(const char *what, const char *run_dir, const char *link);

/* Looks ten times a second, at most `looks` times, for one that was written since then (wall time);
 * ends early when process `pid` is gone (0: none). */
bool link_wait(const char *run_dir, int64_t since_us, int looks, pid_t pid, char *line, int room);

/* Prints it once it is there, from a process of its own; the one that is to write it is `pid`. */
void link_later(const char *what, const char *run_dir, pid_t pid);
