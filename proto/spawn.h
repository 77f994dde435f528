/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting a process that inherits nothing by accident: a control socket as fd 3, stdout and stderr
 * into one pipe, picked environment variables, no other descriptor, a session of its own, no core
 * dumps, and death with its parent.
 */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* What the parent holds. All descriptors close on exec; stderr_fd does not block. */
struct dr_spawned {
    pid_t pid;
    int pidfd, control_fd, stderr_fd;
};

/* Runs path with one argument. environment: names as dr_environment_pick() takes them; DROVER_FD=3
 * is added. Returns 0, or -1 with a sentence in err. That path cannot be executed shows as a line
 * on stderr_fd and exit code 111. The child dies with the thread that called this. Blocks for a
 * fork. */
int dr_spawn(const char *path, const char *argument, const char *environment,
             struct dr_spawned *out, char *err, size_t err_len);

/* Finds an executable of Drover's: in dir, or if that is empty beside the calling program, then in
 * ../libexec/drover from there. Returns 0, or -1 with a sentence in err. */
int dr_executable_find(const char *name, const char *dir, char *path, size_t size, char *err,
                       size_t err_len);

/* What a process that watches others does first: standard streams are made sure of (no pipe may
 * become one), inherited descriptors are closed, SIGPIPE is ignored; SIGTERM, SIGINT and SIGHUP are
 * read from the signalfd that is returned, without blocking. */
int dr_process_begin(void);
