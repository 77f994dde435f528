/* SPDX-License-Identifier: Apache-2.0
 *
 * Which processes belong to a local machine, read from /proc, and their end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct local_process {
    pid_t pid, parent, session;
    int64_t start_ticks;
    bool zombie;
};

/* False when there is no such process. */
bool process_read(pid_t pid, struct local_process *out);

/* SIGKILL for every living descendant of `root`, not for root itself. Returns how many were hit. */
size_t process_kill_below(pid_t root);

/* How a machine's processes are known, any of: being `launcher`, descending from it or being in its
 * session (only where start_ticks match; pid 0: launcher unknown); holding the lock file; carrying
 * DROVER_INSTANCE=<instance> in the environment they were executed with; living in the UTS
 * namespace of one that is known by the others. */
struct local_identity {
    pid_t launcher;
    int64_t start_ticks;
    const char *lock_path; /* absolute */
    const char *instance;
};

/* SIGKILL for all of them but the launcher, which is the parent of their orphans and so makes them
 * known to the next call. Returns how many were hit. One pass of /proc: a process that was forked
 * meanwhile is met by the next call. */
size_t process_kill_machine(const struct local_identity *identity);

/* SIGKILL for all of them. */
size_t process_kill_launcher(const struct local_identity *identity);

/* How many there are, the launcher included. */
size_t process_count_machine(const struct local_identity *identity);
