/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

#define RECORD_MAX 4096

bool session_id_ok(const char *id)
{
    size_t len = strlen(id);
    return len > 0 && len < LOCAL_ID_MAX && id[0] != '-' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool session_path(char out[LOCAL_PATH_MAX], const char *machines_dir, const char *id,
                  const char *leaf)
{
    int len =
        snprintf(out, LOCAL_PATH_MAX, "%s/%s%s%s", machines_dir, id, leaf[0] ? "/" : "", leaf);
    return session_id_ok(id) && len > 0 && len < LOCAL_PATH_MAX;
}

static bool make_dir(const char *path, struct dr_error *error)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    return dr_error_set(error, "cannot make the folder %s: %s", path, strerror(errno));
}

bool session_create(const char *machines_dir, const char *id, struct dr_error *error)
{
    static const char *const leaves[] = {"", "home", "tmp"};
    if (!make_dir(machines_dir, error))
        return false;
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        char path[LOCAL_PATH_MAX];
        if (!session_path(path, machines_dir, id, leaves[i]))
            return dr_error_set(error, "%s/%s cannot be a machine's folder", machines_dir, id);
        if (!make_dir(path, error))
            return false;
    }
    return true;
}

int session_lock(const char *machines_dir, const char *id, struct dr_error *error)
{
    char path[LOCAL_PATH_MAX];
    if (!session_path(path, machines_dir, id, "lock")) {
        dr_error_set(error, "%s/%s cannot be a machine's folder", machines_dir, id);
        return -2;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        dr_error_set(error, "cannot open %s: %s", path, strerror(errno));
        return -2;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int held = errno == EWOULDBLOCK ? -1 : -2;
    if (held == -2)
        dr_error_set(error, "cannot lock %s: %s", path, strerror(errno));
    close(fd);
    return held;
}

/* 1: held by somebody, 0: free or not there, -1: cannot be told. */
static int lock_held(const char *machines_dir, const char *id)
{
    char path[LOCAL_PATH_MAX];
    if (!session_path(path, machines_dir, id, "lock"))
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int held = 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        held = errno == EWOULDBLOCK ? 1 : -1;
    close(fd);
    return held;
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

int session_read_record(const char *machines_dir, const char *id, struct local_record *record)
{
    char path[LOCAL_PATH_MAX], text[RECORD_MAX];
    memset(record, 0, sizeof *record);
    if (!session_path(path, machines_dir, id, "record.json"))
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t len = read(fd, text, sizeof text);
    close(fd);
    json_t *root = len > 0 ? dr_json_parse(text, (size_t)len, NULL) : NULL;
    if (!root)
        return -1;
    record->pid = (pid_t)dr_json_int(root, "pid", 0, NULL);
    record->start_ticks = dr_json_int(root, "start_ticks", 0, NULL);
    record->started_us = dr_json_int(root, "started_us", 0, NULL);
    copy_text(record->boot_id, sizeof record->boot_id, dr_json_str(root, "boot_id", "", NULL));
    copy_text(record->attempt, sizeof record->attempt, dr_json_str(root, "attempt", "", NULL));
    copy_text(record->ledger_id, sizeof record->ledger_id,
              dr_json_str(root, "ledger_id", "", NULL));
    json_decref(root);
    return 1;
}

enum local_state session_look(const char *machines_dir, const char *id, struct local_record *record)
{
    char path[LOCAL_PATH_MAX];
    struct stat st;
    memset(record, 0, sizeof *record);
    if (!session_path(path, machines_dir, id, ""))
        return LOCAL_UNKNOWN;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? LOCAL_MISSING : LOCAL_UNKNOWN;
    int held = lock_held(machines_dir, id); /* before the record: it is written under the lock */
    int recorded = session_read_record(machines_dir, id, record);
    if (held == 1)
        return LOCAL_PRESENT;
    if (held < 0 || recorded < 0)
        return LOCAL_UNKNOWN;
    return recorded ? LOCAL_ENDED : LOCAL_UNSTARTED;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static bool sync_dir(const char *machines_dir, const char *id)
{
    char path[LOCAL_PATH_MAX];
    if (!session_path(path, machines_dir, id, ""))
        return false;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

bool session_write(const char *machines_dir, const char *id, const char *leaf, const void *bytes,
                   size_t len, struct dr_error *error)
{
    char path[LOCAL_PATH_MAX], part[LOCAL_PATH_MAX + 8];
    if (!session_path(path, machines_dir, id, leaf))
        return dr_error_set(error, "the path of %s's %s is too long", id, leaf);
    snprintf(part, sizeof part, "%s.new", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_all(fd, bytes, len);
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(part, path) == 0 && sync_dir(machines_dir, id);
    if (!ok) {
        dr_error_set(error, "cannot write %s: %s", path, strerror(errno));
        unlink(part);
    }
    return ok;
}

bool session_write_record(const char *machines_dir, const char *id,
                          const struct local_record *record, struct dr_error *error)
{
    json_t *root = json_pack("{s:I, s:I, s:s, s:s, s:s, s:I}", "pid", (json_int_t)record->pid,
                             "start_ticks", (json_int_t)record->start_ticks, "boot_id",
                             record->boot_id, "attempt", record->attempt, "ledger_id",
                             record->ledger_id, "started_us", (json_int_t)record->started_us);
    if (!root)
        return dr_error_set(error, "the record of %s holds bytes that are no text", id);
    char *text = dr_json_text(root);
    bool ok = session_write(machines_dir, id, "record.json", text, strlen(text), error);
    dr_json_free_text(text);
    json_decref(root);
    return ok;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    if (remove(path) == 0 || errno == ENOENT)
        return 0;
    return -1;
}

static int open_folder(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind == FTW_DNR || (kind == FTW_D && (st->st_mode & 0700) != 0700))
        chmod(path, 0700);
    return 0;
}

static bool remove_tree(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT;
    nftw(path, open_folder, 16, FTW_PHYS | FTW_MOUNT); /* tasks leave read-only folders behind */
    return nftw(path, remove_one, 16, FTW_PHYS | FTW_MOUNT | FTW_DEPTH) == 0;
}

static bool remove_leaf(const char *machines_dir, const char *id, const char *leaf)
{
    char path[LOCAL_PATH_MAX];
    return session_path(path, machines_dir, id, leaf) && remove_tree(path);
}

bool session_wipe(const char *machines_dir, const char *id)
{
    bool ok = remove_leaf(machines_dir, id, "user-data");
    ok = remove_leaf(machines_dir, id, "user-data.new") && ok;
    ok = remove_leaf(machines_dir, id, "home") && ok;
    return remove_leaf(machines_dir, id, "tmp") && ok;
}

bool session_remove(const char *machines_dir, const char *id)
{
    return session_wipe(machines_dir, id) && remove_leaf(machines_dir, id, "");
}
