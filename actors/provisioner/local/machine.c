/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-local-machine: the process that is a local machine. It takes a host name of its own,
 * records itself, runs the boot script, and stays as the parent of everything that the script
 * leaves behind: when the script ends, or on SIGTERM, the rest is killed, the secrets are removed,
 * the end is recorded and the lock is let go. It knows nothing of Drover's other processes and
 * outlives them.
 *
 *   drover-local-machine INSTANCE   started by the local driver only (launch.h)
 *   drover-local-machine --check    says whether this host allows local machines; 0: yes
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/clock.h"
#include "json.h"
#include "launch.h"
#include "process.h"
#include "seal.h"
#include "session.h"
#include "uts.h"

#define ENV_MAX 256

struct machine {
    json_t *spec;
    const char *dir, *id, *attempt, *ledger_id, *shell;
    char script[LOCAL_PATH_MAX], home[LOCAL_PATH_MAX];
    char *env[ENV_MAX];
};

static void say(const char *text)
{
    if (write(LAUNCH_FD_STATUS, text, strlen(text)) < 0)
        return; /* the driver is gone; the machine lives on */
}

static int refuse(const struct dr_error *error)
{
    say(error->text);
    dprintf(STDERR_FILENO, "drover: %s\n", error->text);
    return 1;
}

static char *read_spec(size_t *len)
{
    struct stat st;
    if (fstat(LAUNCH_FD_SPEC, &st) != 0 || st.st_size <= 0 || st.st_size > LAUNCH_SPEC_MAX)
        return NULL;
    char *text = malloc((size_t)st.st_size);
    *len = 0;
    while (text && *len < (size_t)st.st_size) {
        ssize_t n = pread(LAUNCH_FD_SPEC, text + *len, (size_t)st.st_size - *len, (off_t)*len);
        if (n <= 0)
            break;
        *len += (size_t)n;
    }
    close(LAUNCH_FD_SPEC);
    return text;
}

static bool take_spec(struct machine *machine, struct dr_error *error)
{
    size_t len = 0, count = 0;
    char *text = read_spec(&len);
    machine->spec = text ? dr_json_parse_limited(text, len, LAUNCH_SPEC_MAX, 8, error) : NULL;
    dr_wipe_free(text, len);
    if (!machine->spec)
        return dr_error_set(error, "the local machine was handed no readable specification");
    machine->dir = dr_json_str(machine->spec, "machines_dir", "", NULL);
    machine->id = dr_json_str(machine->spec, "instance", "", NULL);
    machine->attempt = dr_json_str(machine->spec, "attempt", "", NULL);
    machine->ledger_id = dr_json_str(machine->spec, "ledger_id", "", NULL);
    machine->shell = dr_json_str(machine->spec, "shell", "/bin/bash", NULL);
    size_t index;
    json_t *entry;
    json_array_foreach (dr_json_array(machine->spec, "env", NULL), index, entry) {
        if (json_is_string(entry) && count + 1 < ENV_MAX)
            machine->env[count++] = strdup(json_string_value(entry));
    }
    if (!json_is_string(json_object_get(machine->spec, "user_data")))
        return dr_error_set(error, "the local machine %s was handed no boot script", machine->id);
    return session_path(machine->script, machine->dir, machine->id, "user-data") &&
           session_path(machine->home, machine->dir, machine->id, "home");
}

static bool write_user_data(struct machine *machine, struct dr_error *error)
{
    json_t *data = json_object_get(machine->spec, "user_data");
    return session_write(machine->dir, machine->id, "user-data", json_string_value(data),
                         json_string_length(data), error);
}

static bool record_self(const struct machine *machine, struct dr_error *error)
{
    struct local_process self;
    struct local_record record = {.pid = getpid(), .started_us = dr_wall_us()};
    if (!process_read(getpid(), &self))
        return dr_error_set(error, "cannot read /proc/%d/stat: is /proc mounted?", (int)getpid());
    record.start_ticks = self.start_ticks;
    snprintf(record.boot_id, sizeof record.boot_id, "%s", dr_boot_id());
    snprintf(record.attempt, sizeof record.attempt, "%s", machine->attempt);
    snprintf(record.ledger_id, sizeof record.ledger_id, "%s", machine->ledger_id);
    return session_write_record(machine->dir, machine->id, &record, error);
}

static pid_t run_script(const struct machine *machine)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    char *argv[] = {(char *)machine->shell, (char *)machine->script, NULL};
    if (chdir(machine->home) == 0)
        execve(machine->shell, argv, machine->env);
    dprintf(STDERR_FILENO, "drover: cannot run %s: %s\n", machine->shell, strerror(errno));
    _exit(127);
}

/* Waits for the script or for SIGTERM; as the subreaper it also collects orphans meanwhile. */
static int wait_for(pid_t script, const sigset_t *awaited)
{
    for (;;) {
        int status = 0;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            if (pid == script)
                return status;
        }
        if (pid < 0 && errno == ECHILD)
            return SIGKILL;
        if (sigwaitinfo(awaited, NULL) == SIGTERM)
            return SIGTERM;
    }
}

/* As the subreaper this process is the parent of every orphan below it, so ECHILD means: none is
 * left. A child that cannot be killed (it changed its user) would keep us waiting, which is right:
 * the machine is present for as long. */
static void end_the_rest(void)
{
    for (;;) {
        process_kill_below(getpid());
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid == 0)
            usleep(10 * 1000);
    }
}

static void record_end(const struct machine *machine, int status)
{
    char text[160];
    struct dr_error error;
    snprintf(text, sizeof text, "{\"ended_us\":%lld,\"exit\":%d,\"signal\":%d}",
             (long long)dr_wall_us(), WIFEXITED(status) ? WEXITSTATUS(status) : -1,
             WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    session_wipe(machine->dir, machine->id);
    if (!session_write(machine->dir, machine->id, "end.json", text, strlen(text), &error))
        dprintf(STDERR_FILENO, "drover: %s\n", error.text);
}

static void prepare_signals(sigset_t *awaited)
{
    sigemptyset(awaited);
    sigaddset(awaited, SIGTERM);
    sigaddset(awaited, SIGCHLD);
    sigprocmask(SIG_SETMASK, awaited, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* exec keeps what was ignored */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* the driver may have died before it hears that we run */
}

static int live(struct machine *machine)
{
    struct dr_error error = {0};
    sigset_t awaited;
    prepare_signals(&awaited);
    fcntl(LAUNCH_FD_STATUS, F_SETFD, FD_CLOEXEC);
    umask(077);
    if (!take_spec(machine, &error) || !uts_enter(machine->id, &error))
        return refuse(&error);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        dr_error_set(&error, "cannot become the parent of orphans: %s", strerror(errno));
        return refuse(&error);
    }
    if (!write_user_data(machine, &error) || !record_self(machine, &error)) {
        session_wipe(machine->dir, machine->id);
        return refuse(&error);
    }
    json_object_del(machine->spec, "user_data");
    say(LAUNCH_OK);
    close(LAUNCH_FD_STATUS);
    pid_t script = run_script(machine);
    int status = script > 0 ? wait_for(script, &awaited) : 127 << 8;
    end_the_rest();
    record_end(machine, status);
    return 0;
}

static int check(void)
{
    struct dr_error error = {0};
    if (uts_enter("drover-check", &error))
        return 0;
    printf("%s\n", error.text);
    return 1;
}

int main(int argc, char **argv)
{
    static struct machine machine;
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check();
    if (argc != 2 || fcntl(LAUNCH_FD_LOCK, F_GETFD) < 0) {
        fprintf(stderr, "drover-local-machine is started by drover-provisioner (see launch.h)\n");
        return 2;
    }
    return live(&machine);
}
