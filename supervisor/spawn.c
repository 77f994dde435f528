/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a child process: what it inherits, and above all what it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "drover/exit.h"
#include "environment.h"

/* In the child. The order counts: PDEATHSIG would be cleared by a change of user (there is none
 * yet), and a parent that died before it was set is seen by its id. */
static void become(char *const argv[], char *const envp[], int control, int errors, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid(); /* a terminal's Ctrl-C is for droverd, which stops in order */
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

static bool find(const char *executable, char *path, size_t size)
{
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, size, "%s/%s", child_world.exec_dirs[i], executable);
        if (*child_world.exec_dirs[i] && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

int child_spawn(struct child *child)
{
    char path[4200], *envp[512] = {(char[]){"DROVER_FD=3"}};
    char *const argv[] = {path, child->source, NULL};
    int control[2] = {-1, -1}, errors[2] = {-1, -1};
    pid_t parent = getpid(), pid = -1;
    if (!find(child->role->executable, path, sizeof path)) {
        snprintf(child->sentence, sizeof child->sentence,
                 "there is no %s beside droverd nor in "
                 "../libexec/drover: is the installation complete?",
                 child->role->executable);
        return -1;
    }
    dr_environment_pick(child->role->environment, envp + 1, sizeof envp / sizeof *envp - 1);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == 0 &&
        pipe2(errors, O_CLOEXEC) == 0 && (pid = fork()) == 0)
        become(argv, envp, control[1], errors[1], parent);
    child->pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    int failure = errno;
    close(control[1]);
    close(errors[1]);
    if (child->pidfd < 0) {
        snprintf(child->sentence, sizeof child->sentence, "cannot be started: %s",
                 strerror(failure));
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        close(control[0]);
        close(errors[0]);
        return -1;
    }
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    child->pid = pid;
    child->control_fd = control[0];
    child->stderr_fd = errors[0];
    return 0;
}
