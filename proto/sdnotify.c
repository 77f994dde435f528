/* SPDX-License-Identifier: Apache-2.0 */
#include "sdnotify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void dr_sdnotify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    size_t len = strlen(path);
    memcpy(to.sun_path, path, len);
    if (*path == '@') /* the abstract namespace */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to,
                 size);
    close(fd);
}

void dr_sdnotify_reloading(void)
{
    char state[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    dr_sdnotify(state);
}

int64_t dr_sdnotify_watchdog(int64_t now_ms)
{
    static int64_t due_ms = INT64_MIN;
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long period_us = period ? strtoll(period, NULL, 10) : 0;
    if (period_us < 2000 || (pid && strtoll(pid, NULL, 10) != getpid()))
        return INT64_MAX;
    if (now_ms >= due_ms) {
        dr_sdnotify("WATCHDOG=1");
        due_ms = now_ms + period_us / 2000; /* at half its time, as sd_watchdog_enabled(3) says */
    }
    return due_ms;
}
