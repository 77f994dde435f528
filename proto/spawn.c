/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "drover/assert.h"
#include "drover/exit.h"
#include "environment.h"

#define ENVIRONMENT_MAX 512

/* In the child, which borrows its parent's memory until it execs (vfork: no page is copied, so a
 * restart costs a third of fork's time); it makes system calls and touches nothing that lasts, and
 * the parent has no signal handler that could run here. The order counts (P30): PDEATHSIG would be
 * cleared by a change of user (there is none yet), and a parent that died before it was set is seen
 * by its id. */
static void become(char *const argv[], char *const envp[], int control, int errors, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid(); /* a terminal's Ctrl-C is for the parent, which stops its children in order */
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    dup2(errors, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    if (control == DR_CONTROL_FD)
        fcntl(control, F_SETFD, 0);
    else
        dup2(control, DR_CONTROL_FD);
    close_range(DR_CONTROL_FD + 1, ~0U, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    umask(077);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(DR_EXIT_RETRY);
    execve(argv[0], argv, envp);
    dprintf(STDERR_FILENO, "%s cannot be run: %s\n", argv[0], strerror(errno));
    _exit(DR_EXIT_RETRY);
}

static void close_both(const int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

int dr_spawn(const char *path, const char *argument, const char *environment,
             struct dr_spawned *out, char *err, size_t err_len)
{
    char program[4096], word[256], control_fd[] = "DROVER_FD=3";
    char *argv[] = {program, word, NULL}, *envp[ENVIRONMENT_MAX] = {control_fd};
    int control[2] = {-1, -1}, errors[2] = {-1, -1};
    pid_t parent = getpid(), pid = -1;
    snprintf(program, sizeof program, "%s", path);
    snprintf(word, sizeof word, "%s", argument);
    dr_environment_pick(environment, envp + 1, ENVIRONMENT_MAX - 1);
    bool connected = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == 0 &&
                     pipe2(errors, O_CLOEXEC) == 0;
    /* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): become() says what it may do */
    if (connected && (pid = vfork()) == 0)
        become(argv, envp, control[1], errors[1], parent); /* NOLINT(clang-analyzer-unix.Vfork) */
    int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0) {
        snprintf(err, err_len, "cannot be started: %s", strerror(errno));
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        close_both(control);
        close_both(errors);
        return -1;
    }
    close(control[1]);
    close(errors[1]);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    *out = (struct dr_spawned){pid, pidfd, control[0], errors[0]};
    return 0;
}

int dr_executable_find(const char *name, const char *dir, char *path, size_t size, char *err,
                       size_t err_len)
{
    char self[4096] = "";
    if (*dir == '\0' && readlink("/proc/self/exe", self, sizeof self - 1) > 0)
        *strrchr(self, '/') = '\0';
    snprintf(path, size, "%s/%s", *dir ? dir : self, name);
    if (access(path, X_OK) == 0)
        return 0;
    snprintf(path, size, "%s/../libexec/drover/%s", self, name);
    if (*dir == '\0' && access(path, X_OK) == 0)
        return 0;
    snprintf(err, err_len, "there is no executable %s in %.100s: is the installation complete?",
             name, *dir ? dir : self);
    return -1;
}

int dr_process_begin(void)
{
    sigset_t set;
    while (open("/dev/null", O_RDWR) <= STDERR_FILENO)
        ;
    closefrom(STDERR_FILENO + 1);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    DR_ASSERT(fd >= 0);
    return fd;
}
