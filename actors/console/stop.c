/* SPDX-License-Identifier: Apache-2.0
 *
 * drover stop: droverd holds a lock in the state directory and its pid in it.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The pid of the droverd that holds the lock; 0 when none runs. */
static pid_t running(const char *path, int *fd)
{
    char text[32] = "";
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || flock(*fd, LOCK_SH | LOCK_NB) == 0)
        return 0;
    if (pread(*fd, text, sizeof text - 1, 0) <= 0)
        return 0;
    return (pid_t)strtol(text, NULL, 10);
}

int cmd_stop(struct console *console, int argc, char **argv)
{
    (void)argv;
    char path[600];
    int fd;
    if (argc != 0) {
        fputs("usage: drover stop\n", stderr);
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "%s/droverd.lock", console->cfg->state_dir);
    pid_t pid = running(path, &fd);
    if (pid <= 0) {
        fprintf(stderr, "drover: no droverd runs on %s\n", console->cfg->state_dir);
        return EXIT_BROKEN;
    }
    if (kill(pid, SIGTERM) != 0) {
        fprintf(stderr, "drover: cannot stop droverd (pid %d): %s\n", (int)pid, strerror(errno));
        return EXIT_BROKEN;
    }
    /* It lets go of the lock as the last thing. */
    while (flock(fd, LOCK_SH) != 0 && errno == EINTR)
        ;
    close(fd);
    printf("droverd (pid %d) has stopped; its machines live on\n", (int)pid);
    return EXIT_FINE;
}
