/* SPDX-License-Identifier: Apache-2.0 */
/* The store of the files server as a directory. Part of the shell. */
#include "files_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* arg of the store's functions is the directory's descriptor. */
static int descriptor(void *arg)
{
    return (int)(intptr_t)arg;
}

static int make_parents(int dir, const char *path)
{
    char *copy = strdup(path);
    int rc = copy ? 0 : -1;
    for (char *slash = copy; rc == 0 && (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdirat(dir, copy, 0700) != 0 && errno != EEXIST)
            rc = -1;
        *slash = '/';
    }
    free(copy);
    return rc;
}

static int store_write(void *arg, const char *path, const void *data, size_t size)
{
    int dir = descriptor(arg);
    if (make_parents(dir, path) != 0)
        return -1;
    int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t done = 0;
    while (fd >= 0 && done < size) {
        ssize_t n = write(fd, (const char *)data + done, size - done);
        if (n < 0)
            break;
        done += (size_t)n;
    }
    return fd >= 0 && close(fd) == 0 && done == size ? 0 : -1;
}

static void *store_read(void *arg, const char *path, size_t *size)
{
    int fd = openat(descriptor(arg), path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    char *data = NULL;
    size_t done = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        data = malloc((size_t)st.st_size + 1);
    while (data && done < (size_t)st.st_size) {
        ssize_t n = read(fd, data + done, (size_t)st.st_size - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    *size = done;
    return data;
}

/* Everything below path, and path itself. */
static int remove_tree(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *open_dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!open_dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(open_dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) != 0)
            remove_tree(fd, entry->d_name);
    }
    closedir(open_dir);
    return unlinkat(dir, path, AT_REMOVEDIR);
}

static int store_remove(void *arg, const char *path, bool folders)
{
    int dir = descriptor(arg);
    struct stat st;
    if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return unlinkat(dir, path, 0);
    return folders ? remove_tree(dir, path) : -1;
}

int files_dir_open(struct sandbox *sb, const char *dir, char *error, size_t error_size)
{
    int fd = mkdir(dir, 0700) == 0 || errno == EEXIST
                 ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                 : -1;
    if (fd < 0) {
        snprintf(error, error_size, "files cannot be kept in %s: %s", dir, strerror(errno));
        return -1;
    }
    sandbox_use_files(sb, &(struct sandbox_files){.arg = (void *)(intptr_t)fd,
                                                  .write = store_write,
                                                  .read = store_read,
                                                  .remove = store_remove});
    return 0;
}
