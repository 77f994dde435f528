/* SPDX-License-Identifier: Apache-2.0 */
#include "uts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t len = strlen(text);
    bool ok = write(fd, text, len) == (ssize_t)len;
    close(fd);
    return ok;
}

/* user_namespaces(7): an unprivileged process may map its own ids only, and its group only after
 * setgroups is denied. */
static bool map_self(uid_t uid, gid_t gid)
{
    char line[64];
    snprintf(line, sizeof line, "%u %u 1\n", (unsigned)uid, (unsigned)uid);
    if (!write_file("/proc/self/uid_map", line) || !write_file("/proc/self/setgroups", "deny"))
        return false;
    snprintf(line, sizeof line, "%u %u 1\n", (unsigned)gid, (unsigned)gid);
    return write_file("/proc/self/gid_map", line);
}

bool uts_enter(const char *name, struct dr_error *error)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUTS) != 0) {
        if (errno != EPERM)
            return dr_error_set(error, "cannot make a UTS namespace: %s", strerror(errno));
        if (unshare(CLONE_NEWUSER | CLONE_NEWUTS) != 0)
            return dr_error_set(error,
                                "this host lets user %u have no host name of its own for a local "
                                "machine (user namespace: %s): run droverd as root, or allow user "
                                "namespaces (sysctl user.max_user_namespaces, and "
                                "kernel.unprivileged_userns_clone where it exists)",
                                (unsigned)uid, strerror(errno));
        if (!map_self(uid, gid))
            return dr_error_set(error, "cannot map user %u into its user namespace: %s",
                                (unsigned)uid, strerror(errno));
    }
    if (sethostname(name, strlen(name)) != 0)
        return dr_error_set(error, "cannot set the host name %s: %s", name, strerror(errno));
    return true;
}
