/* SPDX-License-Identifier: Apache-2.0 */
#include "livemark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static void path_of(char *path, size_t room, const char *state_dir, const char *account)
{
    snprintf(path, room, "%s/provisioner-%s.live", state_dir, account);
}

int dr_livemark_set(const char *state_dir, const char *account, bool live)
{
    char path[PATH_MAX];
    path_of(path, sizeof path, state_dir, account);
    if (!live)
        return unlink(path) == 0 || errno == ENOENT ? 0 : -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -1 : close(fd);
}

bool dr_livemark_forbids(const char *state_dir, const struct dr_cfg_root *before,
                         const struct dr_cfg_root *after, char *err, size_t err_len)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < before->accounts.count; i++) {
        const char *name = before->accounts.items[i].name;
        path_of(path, sizeof path, state_dir, name);
        if (dr_config_account(after, name) != NULL || access(path, F_OK) != 0)
            continue;
        snprintf(err, err_len,
                 "account %s still has machines: take its machine types out of all queues, and the "
                 "account when its last machine is gone",
                 name);
        return true;
    }
    return false;
}
