/* SPDX-License-Identifier: Apache-2.0 */
#include "secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "hocon.h"
#include "seal.h"
#include "secretyaml.h"

static bool check_owner_and_mode(int fd, const char *path, size_t max_size, bool others,
                                 struct dr_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return dr_error_set(error, "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return dr_error_set(error, "%s is not a regular file", path);
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return dr_error_set(error, "%s belongs to user %u: it must be ours (user %u) or root's",
                            path, info.st_uid, geteuid());
    if (!others && (info.st_mode & (S_IRWXG | S_IRWXO)))
        return dr_error_set(error,
                            "%s holds secrets and others may open it (mode %04o): chmod 600 %s",
                            path, info.st_mode & 07777, path);
    if ((uintmax_t)info.st_size > max_size)
        return dr_error_set(error,
                            "%s is larger than %zu bytes: this is not the file that is meant", path,
                            max_size);
    return true;
}

/* Reads up to max_size bytes; the file may grow while we look, so the limit is checked here too. */
static char *read_whole(int fd, const char *path, size_t max_size, size_t *len,
                        struct dr_error *error)
{
    char *text = malloc(max_size + 2);
    DR_ASSERT(text != NULL);
    size_t have = 0;
    ssize_t got = 1;
    while (have <= max_size && got != 0) {
        got = read(fd, text + have, max_size + 1 - have);
        if (got < 0 && errno != EINTR) {
            dr_error_set(error, "cannot read %s: %s", path, strerror(errno));
            dr_wipe_free(text, have);
            return NULL;
        }
        have += got > 0 ? (size_t)got : 0;
    }
    if (have > max_size) {
        dr_error_set(error, "%s grew while it was read", path);
        dr_wipe_free(text, have);
        return NULL;
    }
    text[have] = '\0';
    *len = have;
    return text;
}

/* What we hold open ourselves has its place there, and nobody can put another there. Below it, in a
 * directory that is held open, anybody may. */
static bool is_held_open(const char *path)
{
    static const char held[] = "/proc/self/fd/";
    size_t len = sizeof held - 1;
    return strncmp(path, held, len) == 0 && path[len] != '\0' &&
           path[len + strspn(path + len, "0123456789")] == '\0';
}

static char *read_file(const char *path, size_t max_size, bool others, size_t *len,
                       struct dr_error *error)
{
    *len = 0;
    int follow = is_held_open(path) ? 0 : O_NOFOLLOW;
    /* O_NONBLOCK: opening a FIFO put in the file's place must not hang the actor. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | follow | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ELOOP)
            dr_error_set(error, "%s is a symbolic link: name the file itself", path);
        else
            dr_error_set(error, "cannot open %s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = NULL;
    if (check_owner_and_mode(fd, path, max_size, others, error))
        text = read_whole(fd, path, max_size, len, error);
    close(fd);
    return text;
}

char *dr_secretfile_read(const char *path, size_t max_size, size_t *len, struct dr_error *error)
{
    return read_file(path, max_size, false, len, error);
}

static json_t *load(const char *path, bool others, struct dr_error *error)
{
    size_t len, path_len = strlen(path);
    char *text = read_file(path, DR_SECRETFILE_MAX_SIZE, others, &len, error);
    if (!text)
        return NULL;
    json_t *root;
    if (path_len > 5 && strcmp(path + path_len - 5, ".conf") == 0)
        root = dr_hocon_parse(path, text, len, dr_hocon_getenv, NULL, error);
    else
        root = dr_secretyaml_parse(path, text, len, error);
    dr_wipe_free(text, len);
    return root;
}

json_t *dr_secretfile_load(const char *path, struct dr_error *error)
{
    return load(path, false, error);
}

json_t *dr_secretfile_load_open(const char *path, struct dr_error *error)
{
    return load(path, true, error);
}
