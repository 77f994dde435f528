/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/clock.h"

#define LOOK_MS 100
#define LOOKS 600
#define GRAIN_US 20000 /* of the clock that files are stamped by */

/* A link of an earlier life is none. */
static bool read_link(const char *path, int64_t since_us, char *line, int room)
{
    struct stat st = {0};
    FILE *file = fopen(path, "re");
    bool there = file != NULL && fstat(fileno(file), &st) == 0;
    int64_t written_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
    bool good = there && written_us + GRAIN_US >= since_us && fgets(line, room, file) != NULL;
    if (file != NULL)
        fclose(file);
    return good;
}

void link_say(const char *what, const char *run_dir, const char *link)
{
    if (isatty(STDOUT_FILENO))
        printf("\n  %s: %.*s\n"
               "  (works once and for 15 minutes; `drover token link` has another)\n\n",
               what, (int)strcspn(link, "\n"), link);
    else /* it opens the door: what is kept somewhere must not have it */
        printf("%s is up; the way in is in %s/login\n", what, run_dir);
    fflush(stdout);
}

bool link_wait(const char *run_dir, int64_t since_us, int looks, pid_t pid, char *line, int room)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/login", run_dir);
    for (int i = 0; i < looks; i++) {
        if (read_link(path, since_us, line, room))
            return true;
        if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)
            return false;
        poll(NULL, 0, LOOK_MS);
    }
    return false;
}

void link_later(const char *what, const char *run_dir, pid_t pid)
{
    int64_t since_us = dr_wall_us();
    char line[400];
    fflush(stdout);
    pid_t child = fork();
    if (child > 0)
        waitpid(child, NULL, 0);
    if (child != 0)
        return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* who called may have blocked Ctrl-C for itself */
    if (fork() != 0) /* the one that waits belongs to nobody: who called becomes another program */
        _exit(0);
    if (link_wait(run_dir, since_us, LOOKS, pid, line, sizeof line))
        link_say(what, run_dir, line);
    _exit(0);
}
