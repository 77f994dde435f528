/* SPDX-License-Identifier: Apache-2.0 */
#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int dr_private_dir(const char *path)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = part; *slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -1;
    return chmod(path, 0700);
}

int dr_lockfile_take(const char *path, pid_t *holder)
{
    char text[24] = "";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int failure = errno;
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        *holder = n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
        close(fd);
        errno = failure;
        return -1;
    }
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

int dr_state_dir_take(const char *state_dir, const char *run_dir, char *err, size_t err_len)
{
    char path[4200];
    pid_t holder = 0;
    snprintf(path, sizeof path, "%s/droverd.lock", state_dir);
    if (dr_private_dir(state_dir) < 0 || dr_private_dir(run_dir) < 0) {
        snprintf(err, err_len,
                 "%s or %s cannot be made: %s; give droverd the right to, or set "
                 "state_dir",
                 state_dir, run_dir, strerror(errno));
        return -1;
    }
    if (dr_lockfile_take(path, &holder) >= 0)
        return 0;
    if (errno == EWOULDBLOCK)
        snprintf(err, err_len,
                 "another droverd (process %d) runs on %s: stop it, or give this one "
                 "a state_dir of its own",
                 (int)holder, state_dir);
    else
        snprintf(err, err_len, "%s cannot be locked: %s", path, strerror(errno));
    return -1;
}
