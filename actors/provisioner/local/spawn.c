/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json.h"
#include "launch.h"
#include "seal.h"

#define LAUNCHER "drover-local-machine"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

bool spawn_find_launcher(char out[LOCAL_PATH_MAX], struct dr_error *error)
{
    char self[PATH_MAX];
    const char *named = getenv("DROVER_LOCAL_MACHINE");
    int len = -1;
    if (named && named[0] == '/') {
        len = snprintf(out, LOCAL_PATH_MAX, "%s", named);
    } else {
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n > 0) {
            self[n] = '\0';
            len = snprintf(out, LOCAL_PATH_MAX, "%s/" LAUNCHER, dirname(self));
        }
    }
    if (len > 0 && len < LOCAL_PATH_MAX && access(out, X_OK) == 0)
        return true;
    return dr_error_set(error, "local machines need the program " LAUNCHER
                               " beside drover-provisioner, and it is not there");
}

static void add_env(json_t *env, const char *name, const char *value)
{
    json_array_append_new(env, json_sprintf("%s=%s", name, value));
}

/* A machine on this host goes out by the host's own proxy and trusts what the host trusts. */
static void add_network_env(json_t *env)
{
    static const char *const names[] = {"HTTP_PROXY",  "HTTPS_PROXY", "NO_PROXY",     "http_proxy",
                                        "https_proxy", "no_proxy",    "SSL_CERT_FILE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            add_env(env, names[i], value);
    }
}

bool local_build(void *self, const struct driver_request *request, struct dr_strbuf *body,
                 struct dr_error *error)
{
    json_t *env = json_array();
    const char *path = getenv("PATH");
    const char *agent_python = request->account->agent_python;
    (void)self;
    add_env(env, "PATH", path && path[0] ? path : DEFAULT_PATH);
    add_env(env, "LANG", "C.UTF-8");
    add_network_env(env);
    if (agent_python[0]) {
        add_env(env, "CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL", "1");
        add_env(env, "CLEARML_AGENT_SKIP_PIP_VENV_INSTALL", agent_python);
    }
    json_t *root = json_pack("{s:s, s:s, s:s, s:o, s:s%}", "attempt", request->attempt, "ledger_id",
                             request->ledger_id, "deployment", request->deployment, "env", env,
                             "user_data", request->user_data, request->user_data_len);
    if (!root)
        return dr_error_set(error, "the boot script of type %s holds bytes that are no UTF-8 text",
                            request->type->name);
    char *text = dr_json_text(root);
    dr_strbuf_add_text(body, text);
    dr_json_free_text(text);
    json_decref(root);
    return true;
}

/* What the bytes leave open because it follows from the instance id and from this host. */
static char *make_spec(const struct local *local, const char *id, const char *body, size_t len)
{
    char home[LOCAL_PATH_MAX], tmp[LOCAL_PATH_MAX];
    json_t *root = dr_json_parse_limited(body, len, LAUNCH_SPEC_MAX, 8, NULL);
    json_t *env = dr_json_array(root, "env", NULL);
    if (!env || !session_path(home, local->machines_dir, id, "home") ||
        !session_path(tmp, local->machines_dir, id, "tmp")) {
        json_decref(root);
        return NULL;
    }
    add_env(env, "HOME", home);
    add_env(env, "TMPDIR", tmp); /* the agent leaves files with credentials there */
    add_env(env, "DROVER_INSTANCE", id);
    json_object_set_new(root, "machines_dir", json_string(local->machines_dir));
    json_object_set_new(root, "instance", json_string(id));
    json_object_set_new(root, "shell", json_string("/bin/bash"));
    char *spec = dr_json_text(root);
    json_decref(root);
    return spec;
}

/* The text in memory that no file system keeps; -1 when that fails. */
static int spec_fd(const char *spec)
{
    int fd = memfd_create("drover-machine", MFD_CLOEXEC);
    size_t len = strlen(spec);
    if (fd >= 0 && write(fd, spec, len) != (ssize_t)len) {
        close(fd);
        fd = -1;
    }
    return fd;
}

struct launch_fds {
    int status, lock, spec, log;
};

/* Between fork and exec: async-signal-safe calls only. The descriptors are first moved out of the
 * way of the numbers that they shall have. */
static void become_launcher(const struct launch_fds *fds, const char *path, char *const argv[],
                            char *const env[])
{
    int high[] = {fcntl(fds->status, F_DUPFD, 16), fcntl(fds->lock, F_DUPFD, 16),
                  fcntl(fds->spec, F_DUPFD, 16), fcntl(fds->log, F_DUPFD, 16)};
    int null_fd = open("/dev/null", O_RDWR);
    if (setsid() < 0 || null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(high[3], 1) < 0 ||
        dup2(high[3], 2) < 0 || dup2(high[0], LAUNCH_FD_STATUS) < 0 ||
        dup2(high[1], LAUNCH_FD_LOCK) < 0 || dup2(high[2], LAUNCH_FD_SPEC) < 0)
        _exit(126);
    if (close_range(LAUNCH_FD_SPEC + 1, ~0U, 0) != 0 || chdir("/") != 0)
        _exit(126);
    execve(path, argv, env);
    _exit(127);
}

/* Forks twice, so that the machine is nobody's child here: it survives us, and its end is no
 * SIGCHLD of ours. */
static bool fork_launcher(const struct local *local, const char *id, const struct launch_fds *fds)
{
    char instance[LOCAL_ID_MAX + 32];
    snprintf(instance, sizeof instance, "DROVER_INSTANCE=%s", id);
    char *argv[] = {(char *)LAUNCHER, (char *)id, NULL};
    char *env[] = {instance, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        pid_t second = fork();
        if (second == 0)
            become_launcher(fds, local->launcher, argv, env);
        _exit(second < 0 ? 1 : 0);
    }
    int status = 1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && status == 0;
}

struct launching {
    struct local *local;
    char attempt[LOCAL_TEXT_MAX];
    char id[LOCAL_ID_MAX];
    int fd;
    char text[512];
    size_t len;
    driver_done_fn done;
    void *arg;
};

static void answer_launch(struct launching *launching)
{
    const char *ids[] = {launching->id};
    struct driver_answer answer = {
        .class = DRIVER_OK, .sentence = "", .instances = ids, .instance_count = 1};
    launching->text[launching->len] = '\0';
    if (strcmp(launching->text, LAUNCH_OK) != 0) {
        answer = (struct driver_answer){.class = DRIVER_OTHER, .sentence = launching->text};
        if (launching->len == 0)
            answer.sentence = "the machine's process ended before it had recorded itself";
        session_wipe(launching->local->machines_dir, launching->id);
    }
    launching->done(launching->arg, launching->attempt, &answer);
}

static int on_status(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct launching *launching = arg;
    size_t room = sizeof launching->text - 1 - launching->len;
    ssize_t n = read(launching->fd, launching->text + launching->len, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n > 0) {
        launching->len += (size_t)n;
        return 0;
    }
    zloop_poller_end(loop, item);
    close(launching->fd);
    answer_launch(launching);
    free(launching);
    return 0;
}

static void watch_status(struct local *local, const char *attempt, const char *id, int fd,
                         driver_done_fn done, void *arg)
{
    struct launching *launching = calloc(1, sizeof *launching);
    DR_ASSERT(launching);
    *launching = (struct launching){.local = local, .fd = fd, .done = done, .arg = arg};
    snprintf(launching->attempt, sizeof launching->attempt, "%s", attempt);
    snprintf(launching->id, sizeof launching->id, "%s", id);
    zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};
    DR_ASSERT(zloop_poller(local->loop, &item, on_status, launching) == 0);
    zloop_poller_set_tolerant(local->loop, &item); /* a hang-up is the message */
}

static int open_log(const struct local *local, const char *id)
{
    char path[LOCAL_PATH_MAX];
    if (!session_path(path, local->machines_dir, id, "boot.log"))
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool spawn_machine(struct local *local, const char *attempt, const char *id, int lock,
                   const char *body, size_t len, driver_done_fn done, void *arg,
                   struct dr_error *error)
{
    char *spec = make_spec(local, id, body, len);
    if (!spec)
        return dr_error_set(error, "the kept request of attempt %s is not one of the local driver",
                            attempt);
    int pipe_fds[2] = {-1, -1};
    struct launch_fds fds = {.lock = lock, .spec = spec_fd(spec), .log = open_log(local, id)};
    dr_json_free_text(spec);
    bool ok = fds.spec >= 0 && fds.log >= 0 && pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0;
    fds.status = pipe_fds[1];
    if (ok) {
        fcntl(pipe_fds[1], F_SETFL, 0);
        ok = fork_launcher(local, id, &fds);
    }
    if (!ok)
        dr_error_set(error, "cannot start the local machine %s: %s", id, strerror(errno));
    close(fds.spec);
    close(fds.log);
    close(pipe_fds[1]);
    if (ok)
        watch_status(local, attempt, id, pipe_fds[0], done, arg);
    else
        close(pipe_fds[0]);
    return ok;
}
