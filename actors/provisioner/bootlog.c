/* SPDX-License-Identifier: Apache-2.0 */
#include "bootlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "utf8.h"

#define DROPPED "[drover dropped the first "
#define PATH_SIZE 640
#define READ_MAX (64 << 10)

struct bootlog_entry {
    char instance[96];
    int64_t offset;
};

struct bootlog {
    char dir[512];
    struct bootlog_entry *entries;
    size_t count;
    struct dr_strbuf fresh;
    char text[BOOTLOG_EVENT_MAX + 1];
};

int64_t bootlog_position(const char *head, size_t head_len, int64_t size)
{
    size_t word = strlen(DROPPED);
    const char *line_end = memchr(head, '\n', head_len);
    if (!line_end || head_len < word || memcmp(head, DROPPED, word) != 0)
        return size;
    return strtoll(head + word, NULL, 10) + size - (line_end + 1 - head);
}

struct bootlog *bootlog_open(const char *state_dir, struct dr_error *error)
{
    struct bootlog *log = calloc(1, sizeof *log);
    DR_ASSERT(log);
    int len = snprintf(log->dir, sizeof log->dir, "%s/logs", state_dir);
    if (len < (int)sizeof log->dir && (mkdir(log->dir, 0700) == 0 || errno == EEXIST))
        return log;
    dr_error_set(error, "cannot make the folder %s: %s", log->dir, strerror(errno));
    free(log);
    return NULL;
}

void bootlog_close(struct bootlog *log)
{
    dr_strbuf_free(&log->fresh);
    free(log->entries);
    free(log);
}

static bool path_of(const struct bootlog *log, const char *instance, char out[PATH_SIZE])
{
    int len = snprintf(out, PATH_SIZE, "%s/%s.log", log->dir, instance);
    return len > 0 && len < PATH_SIZE && !strchr(instance, '/') && instance[0] != '.';
}

static int64_t kept_position(const char *path)
{
    char head[128];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = fstat(fd, &st) == 0 ? read(fd, head, sizeof head) : -1;
    close(fd);
    return len < 0 ? 0 : bootlog_position(head, (size_t)len, (int64_t)st.st_size);
}

static struct bootlog_entry *entry_of(struct bootlog *log, const char *instance, const char *path)
{
    for (size_t i = 0; i < log->count; i++) {
        if (strcmp(log->entries[i].instance, instance) == 0)
            return &log->entries[i];
    }
    log->entries = realloc(log->entries, (log->count + 1) * sizeof *log->entries);
    DR_ASSERT(log->entries);
    struct bootlog_entry *entry = &log->entries[log->count++];
    snprintf(entry->instance, sizeof entry->instance, "%s", instance);
    entry->offset = kept_position(path);
    return entry;
}

void bootlog_done(struct bootlog *log, const char *instance)
{
    for (size_t i = 0; i < log->count; i++) {
        if (strcmp(log->entries[i].instance, instance) == 0) {
            log->entries[i] = log->entries[--log->count];
            return;
        }
    }
}

/* Keeps the newest half behind a line that says what is missing. */
static void shorten(const char *path, int64_t position)
{
    char part[PATH_SIZE + 8];
    char *bytes = malloc(BOOTLOG_FILE_MAX / 2);
    DR_ASSERT(bytes);
    snprintf(part, sizeof part, "%s.new", path);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = from < 0 ? 0 : lseek(from, 0, SEEK_END);
    ssize_t len = size <= BOOTLOG_FILE_MAX / 2
                      ? -1
                      : pread(from, bytes, BOOTLOG_FILE_MAX / 2, size - BOOTLOG_FILE_MAX / 2);
    int to = len <= 0 ? -1 : open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to >= 0) {
        dprintf(to, DROPPED "%lld bytes]\n", (long long)(position - len));
        bool whole = write(to, bytes, (size_t)len) == len;
        if (whole)
            rename(part, path);
        close(to);
    }
    if (from >= 0)
        close(from);
    free(bytes);
}

static void drop_oldest(const struct bootlog *log)
{
    char oldest[PATH_SIZE] = "", path[PATH_SIZE + 256];
    struct stat st;
    time_t when = 0;
    size_t count = 0;
    DIR *dir = opendir(log->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", log->dir, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        count++;
        if (!oldest[0] || st.st_mtime < when) {
            when = st.st_mtime;
            snprintf(oldest, sizeof oldest, "%.*s", (int)sizeof oldest - 1, path);
        }
    }
    if (dir)
        closedir(dir);
    if (count > BOOTLOG_FILES_MAX)
        unlink(oldest);
}

static bool append(const struct bootlog *log, const char *path, const char *bytes, size_t len)
{
    bool fresh = access(path, F_OK) != 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write(fd, bytes, len) == (ssize_t)len;
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    if (fd >= 0)
        close(fd);
    if (fresh)
        drop_oldest(log);
    if (size > BOOTLOG_FILE_MAX)
        shorten(path, kept_position(path));
    return ok;
}

/* An event carries text: what is no UTF-8, and control characters that would play with a terminal,
 * become '?'. */
static void make_text(struct bootlog *log)
{
    size_t skip = log->fresh.len > BOOTLOG_EVENT_MAX ? log->fresh.len - BOOTLOG_EVENT_MAX : 0,
           len = 0;
    const char *bytes = log->fresh.data + skip;
    size_t left = log->fresh.len - skip;
    while (skip && left > 0 && ((unsigned char)*bytes & 0xC0) == 0x80) {
        bytes++;
        left--;
    }
    while (left > 0) {
        size_t n = dr_utf8_char(bytes, left);
        bool plain = n > 1 || (n == 1 && ((unsigned char)*bytes >= 0x20 || *bytes == '\n' ||
                                          *bytes == '\t' || *bytes == '\r'));
        n = n ? n : 1;
        if (plain)
            memcpy(log->text + len, bytes, n);
        else
            log->text[len] = '?';
        len += plain ? n : 1;
        bytes += n;
        left -= n;
    }
    log->text[len] = '\0';
}

bool bootlog_collect(struct bootlog *log, const struct driver_ops *ops, void *driver,
                     const char *instance, const char **text)
{
    char path[PATH_SIZE];
    if (!ops->read_log || !path_of(log, instance, path))
        return false;
    struct bootlog_entry *entry = entry_of(log, instance, path);
    log->fresh.len = 0;
    int64_t offset = ops->read_log(driver, instance, entry->offset, READ_MAX, &log->fresh);
    if (offset < 0 || log->fresh.len == 0)
        return false;
    append(log, path, log->fresh.data, log->fresh.len);
    entry->offset = offset;
    make_text(log);
    *text = log->text;
    return true;
}

int64_t bootlog_overlap(const char *kept, size_t kept_len, const char *bytes, size_t len)
{
    size_t mark = strlen(BOOTLOG_UNSEEN);
    for (size_t end = kept_len; end >= mark; end--) { /* our own line is in no console */
        if (memcmp(kept + end - mark, BOOTLOG_UNSEEN, mark) == 0) {
            kept += end;
            kept_len -= end;
            break;
        }
    }
    if (kept_len > BOOTLOG_OVERLAP) {
        kept += kept_len - BOOTLOG_OVERLAP;
        kept_len = BOOTLOG_OVERLAP;
    }
    for (size_t end = len; kept_len > 0 && end >= kept_len; end--) {
        if (memcmp(bytes + end - kept_len, kept, kept_len) == 0)
            return (int64_t)end;
    }
    return kept_len == 0 ? 0 : -1;
}

static size_t kept_end(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t len = fd < 0 ? 0 : pread(fd, out, size, end > (off_t)size ? end - (off_t)size : 0);
    if (fd >= 0)
        close(fd);
    return len > 0 ? (size_t)len : 0;
}

bool bootlog_console(struct bootlog *log, const char *instance, const char *bytes, size_t len,
                     const char **text)
{
    char path[PATH_SIZE], end[BOOTLOG_OVERLAP + sizeof BOOTLOG_UNSEEN];
    if (!path_of(log, instance, path))
        return false;
    int64_t from = bootlog_overlap(end, kept_end(path, end, sizeof end), bytes, len);
    size_t news = from < 0 ? 0 : (size_t)from;
    if (news == len)
        return false;
    log->fresh.len = 0;
    if (from < 0)
        dr_strbuf_add_text(&log->fresh, BOOTLOG_UNSEEN);
    dr_strbuf_add(&log->fresh, bytes + news, len - news);
    append(log, path, log->fresh.data, log->fresh.len);
    make_text(log);
    *text = log->text;
    return true;
}
