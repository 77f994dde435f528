/* SPDX-License-Identifier: Apache-2.0 */
#include "keep.h"

#include "shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* A journal that is both long and longer than its snapshot is worth replacing by a new one. */
enum { LONG_JOURNAL = 8 << 20 };

static int restart(struct keep *keep, struct sandbox *sb, char *error, size_t error_size)
{
    size_t size;
    char *text = sandbox_save(sb, &size);
    char *line = text ? realloc(text, size + 1) : NULL;
    if (!line) {
        free(text);
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    line[size++] = '\n';
    int rc = shell_write_file(keep->path, line, size, error, error_size);
    free(line);
    if (rc != 0)
        return -1;
    keep_close(keep);
    keep->fd = open(keep->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    keep->snapshot = size;
    keep->journal = 0;
    if (keep->fd < 0)
        snprintf(error, error_size, "%s: %s", keep->path, strerror(errno));
    return keep->fd < 0 ? -1 : 0;
}

/* A last line without its end was never answered: a crash cut it short. */
static int read_back(const char *path, const char *text, size_t size, struct sandbox *sb,
                     char *error, size_t error_size)
{
    const char *eol = memchr(text, '\n', size);
    char why[256];
    if (sandbox_load(sb, text, eol ? (size_t)(eol - text) : size, why, sizeof why) != 0) {
        snprintf(error, error_size, "%s: %s", path, why);
        return -1;
    }
    const char *end = text + size;
    for (const char *p = eol ? eol + 1 : end; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol)
            break;
        if (sandbox_replay(sb, p, (size_t)(eol - p)) != 0) {
            snprintf(error, error_size, "%s: byte %zd is no request", path, p - text);
            return -1;
        }
    }
    return 0;
}

int keep_open(struct keep *keep, const char *path, struct sandbox *sb, bool *known, char *error,
              size_t error_size)
{
    *keep = (struct keep){.path = path, .fd = -1};
    *known = false;
    if (!path)
        return 0;
    size_t size;
    errno = 0;
    char *text = shell_read_file(path, &size);
    if (!text && errno != ENOENT) {
        snprintf(error, error_size, "%s: %s", path, errno ? strerror(errno) : "not a file");
        return -1;
    }
    if (text) {
        *known = true;
        int rc = read_back(path, text, size, sb, error, error_size);
        free(text);
        if (rc != 0)
            return -1;
    }
    return restart(keep, sb, error, error_size);
}

void keep_add(struct keep *keep, struct sandbox *sb, const struct sandbox_request *request,
              bool files, int64_t now_us)
{
    if (!keep->path)
        return;
    char error[512] = "out of memory";
    if (keep->fd < 0 || (keep->journal > LONG_JOURNAL && keep->journal > keep->snapshot)) {
        if (restart(keep, sb, error, sizeof error) != 0)
            fprintf(stderr, "drover-sandbox: state not kept: %s\n", error);
        return; /* the snapshot holds this change already */
    }
    size_t size;
    char *line = sandbox_record(request, files, now_us, &size);
    struct iovec parts[2] = {{line, size}, {(char[]){'\n'}, 1}};
    bool whole = line && writev(keep->fd, parts, 2) == (ssize_t)size + 1;
    if (!whole) {
        fprintf(stderr, "drover-sandbox: state not kept: %s\n", line ? strerror(errno) : error);
        keep_close(keep); /* the next change writes everything anew */
    }
    keep->journal += size + 1;
    free(line);
}

void keep_close(struct keep *keep)
{
    if (keep->fd >= 0)
        close(keep->fd);
    keep->fd = -1;
}
