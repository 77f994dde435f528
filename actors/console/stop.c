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

/* The pid of the droverd that holds the lock; 0 when none runs; -1 when that cannot be seen. */
static pid_t running(const char *path, int *fd)
{
    char text[32] = "";
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (flock(*fd, LOCK_SH | LOCK_NB) == 0 || pread(*fd, text, sizeof text - 1, 0) <= 0)
        return 0;
    return (pid_t)strtol(text, NULL, 10);
}

int cmd_stop(struct console *console, int argc, char **argv)
{
    (void)argv;
    char path[600];
    int fd;
    (void)argc;
    snprintf(path, sizeof path, "%s/droverd.lock", console->cfg->state_dir);
    pid_t pid = running(path, &fd);
    if (pid < 0)
        return console_fail(EXIT_BROKEN, "unavailable",
                            "whether a droverd runs on %s cannot be seen: %s: %s",
                            console->cfg->state_dir, path, strerror(errno));
    if (pid == 0)
        return console_fail(EXIT_BROKEN, "not-found", "no droverd runs on %s",
                            console->cfg->state_dir);
    if (kill(pid, SIGTERM) != 0)
        return console_fail(EXIT_BROKEN, "refused", "droverd (pid %d) cannot be stopped: %s",
                            (int)pid, strerror(errno));
    /* It lets go of the lock as the last thing. */
    while (flock(fd, LOCK_SH) != 0 && errno == EINTR)
        ;
    close(fd);
    if (console->json)
        printf("{\"ok\":true,\"pid\":%d}\n", (int)pid);
    else
        printf("droverd (pid %d) has stopped; its machines live on\n", (int)pid);
    return EXIT_FINE;
}
