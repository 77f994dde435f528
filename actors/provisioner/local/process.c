/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"

/* proc(5): "pid (comm) state ppid pgrp session ... starttime(22)"; comm may hold anything, so the
 * fields are counted from the last parenthesis. */
static bool parse_stat(const char *text, struct local_process *out)
{
    const char *rest = strrchr(text, ')');
    char state = 0;
    int parent = 0, session = 0;
    long long start = 0;
    if (!rest)
        return false;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes what fits */
    int got = sscanf(rest + 1,
                     " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d"
                     " %lld",
                     &state, &parent, &session, &start);
    out->parent = parent;
    out->session = session;
    out->start_ticks = start;
    out->zombie = state == 'Z' || state == 'X';
    return got == 4;
}

bool process_read(pid_t pid, struct local_process *out)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    out->pid = pid;
    return parse_stat(text, out);
}

struct process_list {
    struct local_process *items;
    size_t count, capacity;
};

static void list_all(struct process_list *list)
{
    *list = (struct process_list){0};
    DIR *proc = opendir("/proc");
    if (!proc)
        return;
    for (struct dirent *entry; (entry = readdir(proc));) {
        struct local_process process;
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !process_read((pid_t)strtol(entry->d_name, NULL, 10), &process))
            continue;
        if (list->count == list->capacity) {
            list->capacity = list->capacity ? list->capacity * 2 : 256;
            list->items = realloc(list->items, list->capacity * sizeof *list->items);
            DR_ASSERT(list->items);
        }
        list->items[list->count++] = process;
    }
    closedir(proc);
}

static const struct local_process *find(const struct process_list *list, pid_t pid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].pid == pid)
            return &list->items[i];
    }
    return NULL;
}

static bool descends(const struct process_list *list, const struct local_process *process,
                     pid_t root)
{
    for (int depth = 0; depth < 4096 && process && process->parent > 1; depth++) {
        if (process->parent == root)
            return true;
        process = find(list, process->parent);
    }
    return false;
}

size_t process_kill_below(pid_t root)
{
    struct process_list list;
    size_t hit = 0;
    list_all(&list);
    for (size_t i = 0; i < list.count; i++) {
        const struct local_process *process = &list.items[i];
        if (!process->zombie && descends(&list, process, root) && kill(process->pid, SIGKILL) == 0)
            hit++;
    }
    free(list.items);
    return hit;
}

static bool holds_file(pid_t pid, const char *path)
{
    char folder[64], link[320], target[PATH_MAX];
    bool holds = false;
    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
    DIR *fds = opendir(folder);
    if (!fds)
        return false;
    for (struct dirent *entry; !holds && (entry = readdir(fds));) {
        snprintf(link, sizeof link, "%s/%s", folder, entry->d_name);
        ssize_t len = readlink(link, target, sizeof target - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        holds = strcmp(target, path) == 0;
    }
    closedir(fds);
    return holds;
}

static bool carries(pid_t pid, const char *instance)
{
    char path[64], wanted[128];
    static char text[256 * 1024];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    snprintf(wanted, sizeof wanted, "DROVER_INSTANCE=%s", instance);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t len = 0;
    for (ssize_t n; len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    close(fd);
    text[len] = '\0';
    for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
        if (strcmp(text + at, wanted) == 0)
            return true;
    }
    return false;
}

static bool belongs(const struct process_list *list, const struct local_process *process,
                    const struct local_identity *identity, bool launcher_lives)
{
    if (launcher_lives &&
        (process->pid == identity->launcher || process->session == identity->launcher ||
         descends(list, process, identity->launcher)))
        return true;
    return holds_file(process->pid, identity->lock_path) ||
           carries(process->pid, identity->instance);
}

/* The UTS namespace of a process; 0 if it cannot be told. */
static ino_t uts_of(const char *pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/ns/uts", pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static ino_t uts_of_pid(pid_t pid)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    return uts_of(text);
}

/* A member that is known for certain vouches for the namespace that it lives in, and so for those
 * in it that cleared their environment, closed the lock and left the session. A number that was
 * written down would vouch for nothing: the kernel gives it away again. */
static ino_t mark_members(const struct process_list *list, const struct local_identity *identity,
                          bool *member)
{
    const struct local_process *launcher =
        identity->launcher > 1 ? find(list, identity->launcher) : NULL;
    bool lives = launcher && launcher->start_ticks == identity->start_ticks;
    ino_t host = uts_of("self"), uts = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct local_process *process = &list->items[i];
        member[i] = !process->zombie && process->pid > 1 && process->pid != getpid() &&
                    belongs(list, process, identity, lives);
        ino_t own = member[i] && !uts ? uts_of_pid(process->pid) : 0;
        if (own && own != host)
            uts = own;
    }
    return uts;
}

/* Signals every member; with spare_launcher all but that. */
static size_t each_of_machine(const struct local_identity *identity, int signal_number,
                              bool spare_launcher)
{
    struct process_list list;
    size_t hit = 0;
    list_all(&list);
    bool *member = calloc(list.count + 1, sizeof *member);
    DR_ASSERT(member);
    ino_t uts = mark_members(&list, identity, member);
    for (size_t i = 0; i < list.count; i++) {
        const struct local_process *process = &list.items[i];
        if (!member[i] && !(uts && !process->zombie && uts_of_pid(process->pid) == uts))
            continue;
        if (spare_launcher && process->pid == identity->launcher)
            continue;
        if (kill(process->pid, signal_number) == 0)
            hit++;
    }
    free(member);
    free(list.items);
    return hit;
}

size_t process_kill_machine(const struct local_identity *identity)
{
    return each_of_machine(identity, SIGKILL, true);
}

size_t process_kill_launcher(const struct local_identity *identity)
{
    return each_of_machine(identity, SIGKILL, false);
}

size_t process_count_machine(const struct local_identity *identity)
{
    return each_of_machine(identity, 0, false);
}
