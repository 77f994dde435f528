/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POINTS_MAX 64
#define ENTRY_MAX 512

/* False when it was there already. The process is about to end: nobody closes it. */
static bool make_mark(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0;
}

/* `entry` is POINT:N or POINT:N@MARK. */
static bool strikes(const char *entry, const char *point, long *passed)
{
    size_t len = strlen(point);
    if (strncmp(entry, point, len) != 0 || entry[len] != ':')
        return false;
    const char *mark = strchr(entry, '@');
    return ++*passed == strtol(entry + len + 1, NULL, 10) && (mark == NULL || make_mark(mark + 1));
}

bool dr_crash_due(const char *point)
{
    static long passed[POINTS_MAX];
    const char *list = getenv("DROVER_CRASH_AT");
    bool due = false;
    for (size_t i = 0; list != NULL && *list != '\0' && i < POINTS_MAX; i++) {
        char entry[ENTRY_MAX];
        size_t len = strcspn(list, ",");
        snprintf(entry, sizeof entry, "%.*s", (int)len, list);
        due = strikes(entry, point, &passed[i]) || due;
        list += len + (list[len] == ',');
    }
    return due;
}
