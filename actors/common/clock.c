/* SPDX-License-Identifier: Apache-2.0 */
#include "drover/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drover/assert.h"

int64_t dr_boottime_ms(void)
{
    struct timespec now;
    DR_ASSERT(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t dr_wall_us(void)
{
    struct timespec now;
    DR_ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

const char *dr_boot_id(void)
{
    static char id[37]; /* a UUID and its NUL */
    if (id[0])
        return id;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, id, sizeof id - 1);
    if (fd >= 0)
        close(fd);
    if (got != sizeof id - 1)
        memcpy(id, "unknown", sizeof "unknown");
    return id;
}
