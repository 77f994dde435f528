/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int spawn_find(const char *program, char *path, size_t room)
{
    static const char *const places[] = {"", "../sbin/", "../libexec/drover/"};
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return -1;
    self[n] = '\0';
    *(strrchr(self, '/') + 1) = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, room, "%s%s%s", self, places[i], program);
        if (access(path, X_OK) == 0)
            return 0;
    }
    console_fail(EXIT_BROKEN, "unavailable", "cannot find %s beside this program", program);
    return -1;
}

pid_t spawn_start(const char *const *argv, int *out_fd, bool own_group)
{
    int pipe_fds[2] = {-1, -1};
    if (out_fd != NULL && pipe2(pipe_fds, O_CLOEXEC) != 0) {
        fprintf(stderr, "drover: no pipe: %s\n", strerror(errno));
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (own_group)
            setpgid(0, 0);
        if (out_fd != NULL)
            dup2(pipe_fds[1], STDOUT_FILENO);
        execv(argv[0], (char **)(uintptr_t)argv); /* execv promises not to write them */
        fprintf(stderr, "drover: cannot start %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    if (pid < 0)
        fprintf(stderr, "drover: cannot start %s: %s\n", argv[0], strerror(errno));
    if (out_fd != NULL) {
        close(pipe_fds[1]);
        *out_fd = pipe_fds[0];
    }
    return pid;
}

pid_t spawn_talk(const char *const *argv, int *in_fd, int *out_fd)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        fprintf(stderr, "drover: no pipe: %s\n", strerror(errno));
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(quiet, STDERR_FILENO);
        execv(argv[0], (char **)(uintptr_t)argv); /* execv promises not to write them */
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    if (in_fd != NULL && pid > 0)
        *in_fd = in[1];
    else
        close(in[1]);
    *out_fd = out[0];
    return pid;
}

int spawn_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
