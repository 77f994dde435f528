/* SPDX-License-Identifier: Apache-2.0 */
#include "oneshot.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/assert.h"
#include "strbuf.h"

#define OUTPUT_MAX ((size_t)1 << 20)

struct oneshot {
    zloop_t *loop;
    zmq_pollitem_t output, ended;
    int input_fd, timer;
    size_t input_len;
    pid_t pid;
    bool late;
    struct dr_strbuf text;
    oneshot_fn *done;
    void *arg;
};

/* ---- its end -------------------------------------------------------------------------------- */
static void wipe_input(struct oneshot *shot)
{
    static const char zeros[4096];
    for (size_t at = 0; at < shot->input_len; at += sizeof zeros) {
        size_t left = shot->input_len - at;
        if (pwrite(shot->input_fd, zeros, left < sizeof zeros ? left : sizeof zeros, (off_t)at) < 0)
            break;
    }
    close(shot->input_fd);
}

/* What is there; what is more than any probe says is dropped. */
static bool read_output(struct oneshot *shot)
{
    char bytes[8192];
    ssize_t n;
    while ((n = read(shot->output.fd, bytes, sizeof bytes)) > 0) {
        if (shot->text.len + (size_t)n <= OUTPUT_MAX)
            dr_strbuf_add(&shot->text, bytes, (size_t)n);
    }
    return n < 0 && errno == EAGAIN; /* false: its end */
}

static int on_output(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct oneshot *shot = arg;
    (void)item;
    if (!read_output(shot))
        zloop_poller_end(loop, &shot->output);
    return 0;
}

static int on_ended(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct oneshot *shot = arg;
    int status = 0;
    (void)item;
    if (waitpid(shot->pid, &status, WNOHANG) == 0)
        return 0;
    read_output(shot);
    zloop_poller_end(loop, &shot->output);
    zloop_poller_end(loop, &shot->ended);
    zloop_timer_end(loop, shot->timer);
    wipe_input(shot);
    close(shot->output.fd);
    close(shot->ended.fd);
    dr_strbuf_add_text(&shot->text, "");
    struct oneshot_end end = {.code =
                                  WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                              .late = shot->late,
                              .text = shot->text.data,
                              .len = shot->text.len};
    shot->done(shot->arg, &end);
    dr_strbuf_free(&shot->text);
    free(shot);
    return 0;
}

static int on_late(zloop_t *loop, int timer, void *arg)
{
    struct oneshot *shot = arg;
    (void)loop;
    (void)timer;
    shot->late = true;
    kill(shot->pid, SIGKILL);
    return 0;
}

/* ---- its start ------------------------------------------------------------------------------ */
static int input_of(const char *input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t len = input == NULL ? 0 : strlen(input);
    if (fd >= 0 && (write(fd, input, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Nothing of ours goes with it: no descriptor, no blocked or ignored signal. Only what may be done
 * between fork and exec of a process with threads. */
static _Noreturn void become(const char *const *argv, int in, int out)
{
    sigset_t none;
    for (int number = 1; number < SIGRTMIN; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    closefrom(STDERR_FILENO + 1);
    execv(argv[0], (char **)(uintptr_t)argv); /* execv promises not to write them */
    _exit(127);
}

static int start(const char *const *argv, int in, int out, pid_t *pid)
{
    *pid = fork();
    if (*pid == 0)
        become(argv, in, out);
    return *pid < 0 ? errno : 0;
}

bool oneshot_start(struct _zloop_t *loop, const char *const *argv, const char *input,
                   size_t limit_ms, oneshot_fn *done, void *arg, struct dr_error *error)
{
    int fds[2] = {-1, -1}, in = input_of(input), pidfd = -1;
    pid_t pid = -1;
    int fault = in < 0 || pipe2(fds, O_CLOEXEC) != 0 ? errno : start(argv, in, fds[1], &pid);
    if (fault == 0 && (pidfd = pidfd_open(pid, 0)) < 0) {
        fault = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (fds[1] >= 0)
        close(fds[1]);
    if (fault != 0) {
        if (fds[0] >= 0)
            close(fds[0]);
        if (in >= 0)
            close(in);
        return dr_error_set(error, "cannot start %s: %s", argv[0], strerror(fault));
    }
    struct oneshot *shot = calloc(1, sizeof *shot);
    DR_ASSERT(shot != NULL);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *shot = (struct oneshot){.loop = loop,
                             .output = {.fd = fds[0], .events = ZMQ_POLLIN},
                             .ended = {.fd = pidfd, .events = ZMQ_POLLIN},
                             .input_fd = in,
                             .input_len = input == NULL ? 0 : strlen(input),
                             .pid = pid,
                             .done = done,
                             .arg = arg};
    shot->timer = zloop_timer(loop, limit_ms, 1, on_late, shot);
    zloop_poller(loop, &shot->output, on_output, shot);
    zloop_poller_set_tolerant(loop, &shot->output);
    zloop_poller(loop, &shot->ended, on_ended, shot);
    zloop_poller_set_tolerant(loop, &shot->ended);
    return true;
}
