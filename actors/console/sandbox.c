/* SPDX-License-Identifier: Apache-2.0
 *
 * drover sandbox: a ClearML server in memory, local machines and droverd, all below one directory.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "link.h"
#include "rand.h"

#define DASHBOARD_PORT 8400
#define END_MS 60000 /* the machines get this long to leave */
#define ASK_MS 5000
#define BEGIN_LOOKS 20
#define ENDS "the sandbox ends"

struct sandbox {
    char dir[512];
    char config[600];
    const char *agent_python;
    char api[64], files[64]; /* addresses, once the server listens */
    pid_t server, droverd;
    int signals;
};

static int write_file(const struct sandbox *box, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", box->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || dprintf(fd, "%s", text) < 0 || close(fd) != 0) {
        console_fail(EXIT_BROKEN, "unavailable", "cannot write %s: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

static bool exists(const struct sandbox *box, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", box->dir, name);
    return access(path, F_OK) == 0;
}

/* The key pair of this sandbox: made once, and kept with its tasks. */
static int make_keys(const struct sandbox *box)
{
    char access[33], first[33], second[33], text[512];
    if (exists(box, "clearml.yaml"))
        return 0;
    dr_random_id(access);
    dr_random_id(first);
    dr_random_id(second);
    snprintf(text, sizeof text, "%s%s\n", first, second);
    if (write_file(box, "server.secret", text) != 0)
        return -1;
    snprintf(text, sizeof text, "%s\n", access);
    if (write_file(box, "server.access", text) != 0)
        return -1;
    snprintf(text, sizeof text, "access_key: \"%s\"\nsecret_key: \"%s%s\"\n", access, first,
             second);
    return write_file(box, "clearml.yaml", text);
}

static int read_line(const struct sandbox *box, const char *name, char *line, int room)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", box->dir, name);
    FILE *file = fopen(path, "r");
    bool fine = file != NULL && fgets(line, room, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (!fine) {
        console_fail(EXIT_BROKEN, "unavailable", "cannot read %s", path);
        return -1;
    }
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

/* What a person's own SDK and agents need to reach the sandbox. */
static int write_clearml_conf(const struct sandbox *box)
{
    char access[64], secret[128], text[1024];
    if (read_line(box, "server.access", access, sizeof access) != 0 ||
        read_line(box, "server.secret", secret, sizeof secret) != 0)
        return -1;
    snprintf(text, sizeof text,
             "api {\n  web_server: \"%s\"\n  api_server: \"%s\"\n  files_server: \"%s\"\n"
             "  credentials { access_key: \"%s\", secret_key: \"%s\" }\n}\n",
             box->api, box->api, box->files, access, secret);
    return write_file(box, "clearml.conf", text);
}

/* Where the dashboard listens unless it is told otherwise. */
static bool is_port_free(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(DASHBOARD_PORT),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

/* A drover.yaml of an earlier life stays; one for a server at another port is of no use. */
static int check_config(const struct sandbox *box)
{
    char path[PATH_MAX], line[1024];
    bool found = false;
    snprintf(path, sizeof path, "%s/drover.yaml", box->dir);
    FILE *file = fopen(path, "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, "api_server") != NULL && strstr(line, box->api) != NULL;
    if (file != NULL)
        fclose(file);
    return found ? 0
                 : console_fail(EXIT_CONFIG, "config",
                                "%s is for another server than %s: give the --listen of its first "
                                "start, or remove the file",
                                path, box->api);
}

static int write_config(const struct sandbox *box)
{
    char text[6000], python[600] = "";
    const char *listen = is_port_free() ? "" : "gateway:\n  listen: \"127.0.0.1:0\"\n";
    if (*listen != '\0')
        printf("Another program has port %d: the dashboard takes one that is free\n",
               DASHBOARD_PORT);
    if (box->agent_python != NULL)
        snprintf(python, sizeof python, "    agent_python: \"%s\"\n", box->agent_python);
    snprintf(text, sizeof text,
             "# Made by `drover sandbox`; edit it, then `kill -HUP` droverd or start it again.\n"
             "deployment: sandbox\n"
             "state_dir: \"%s/state\"\n"
             "max_machines: 6\n"
             "budget: {per_hour: 5, per_day: 20, per_month: 100}\n"
             "budget_horizon: 1h\n"
             "clearml:\n"
             "  api_server: %s\n"
             "  web_server: %s\n" /* it has none; the SDK wants to name one */
             "  files_server: %s\n"
             "  credentials_file: \"%s/clearml.yaml\"\n"
             "accounts:\n"
             "  - name: local\n"
             "    driver: local\n"
             "    list_period: 1s\n"
             "%s"
             "machine_types:\n"
             "  - name: small\n"
             "    account: local\n"
             "    price_per_hour: 0.0416\n"
             "    max_machines: 4\n"
             "    idle_timeout: 10s\n"
             "  - name: big\n"
             "    account: local\n"
             "    price_per_hour: 1.006\n"
             "    max_machines: 2\n"
             "    idle_timeout: 10s\n"
             "queues:\n"
             "  - name: cpu\n"
             "    types: [small]\n"
             "  - name: gpu\n"
             "    types: [big]\n"
             "timing:\n"
             "  workers_period: 3s\n"
             "%s",
             box->dir, box->api, box->api, box->files, box->dir, python, listen);
    return write_file(box, "drover.yaml", text);
}

static void on_dir(struct sandbox *box, const char *dir)
{
    char real[PATH_MAX];
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        console_fail(EXIT_BROKEN, "unavailable", "cannot make %s: %s", dir, strerror(errno));
    snprintf(box->dir, sizeof box->dir, "%.*s", (int)sizeof box->dir - 1,
             realpath(dir, real) == NULL ? dir : real);
}

/* The server prints one READY line with its two addresses, also when it picked the ports. */
static int read_ready(struct sandbox *box, int fd)
{
    char line[512] = "";
    FILE *out = fdopen(fd, "r");
    while (out != NULL && fgets(line, sizeof line, out) != NULL)
        if (sscanf(line, "READY api=%63s files=%63s", box->api, box->files) == 2)
            return 0; /* stays open: the server must not meet a closed pipe */
    console_fail(EXIT_BROKEN, "unavailable", "the sandbox's server did not start");
    return -1;
}

static int start_server(struct sandbox *box, const char *listen, const char *files_listen)
{
    char program[600], access[64], secret[PATH_MAX], state[PATH_MAX], files[PATH_MAX];
    int fd;
    if (spawn_find("drover-sandbox", program, sizeof program) != 0 ||
        read_line(box, "server.access", access, sizeof access) != 0)
        return -1;
    snprintf(secret, sizeof secret, "%s/server.secret", box->dir);
    snprintf(state, sizeof state, "%s/server.json", box->dir);
    snprintf(files, sizeof files, "%s/files", box->dir);
    const char *argv[] = {program,      "--listen",      listen, "--files-listen",
                          files_listen, "--state",       state,  "--files-dir",
                          files,        "--access-key",  access, "--secret-key-file",
                          secret,       "--queue",       "cpu",  "--queue",
                          "gpu",        "--print-ready", NULL};
    mkdir(files, 0700);
    box->server = spawn_start(argv, &fd, true);
    return box->server < 0 ? -1 : read_ready(box, fd);
}

static int start_droverd(struct sandbox *box)
{
    char program[600];
    if (spawn_find("droverd", program, sizeof program) != 0)
        return -1;
    snprintf(box->config, sizeof box->config, "%s/drover.yaml", box->dir);
    box->droverd =
        spawn_start((const char *[]){program, "--config", box->config, NULL}, NULL, true);
    return box->droverd < 0 ? -1 : 0;
}

static void print_where(const struct sandbox *box)
{
    json_t *out = json_pack("{s:s,s:s,s:s,s:s}", "api", box->api, "files", box->files, "dir",
                            box->dir, "config", box->config);
    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(out);
}

static void say_where(const struct console *console, const struct sandbox *box)
{
    char run[PATH_MAX];
    snprintf(run, sizeof run, "%s/state/run", box->dir);
    link_later("The dashboard", run, box->droverd);
    if (console->json)
        print_where(box);
    else
        printf("\nThe sandbox runs: API %s, files %s\n"
               "  enqueue with the SDK:  export CLEARML_CONFIG_FILE=%s/clearml.conf\n"
               "  or see it at work:     drover demo --dir %s\n"
               "  look at it:            drover --config %s/drover.yaml status\n"
               "  end it:                Ctrl-C here\n\n",
               box->api, box->files, box->dir, box->dir, box->dir);
    fflush(stdout);
}

/* Waits for a signal or for one of the two to end by itself. */
static int wait_for_end(struct sandbox *box)
{
    for (;;) {
        struct signalfd_siginfo info;
        if (read(box->signals, &info, sizeof info) != (ssize_t)sizeof info)
            return EXIT_BROKEN;
        if (info.ssi_signo != SIGCHLD)
            return EXIT_FINE;
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == box->server || pid == box->droverd) {
            console_fail(EXIT_BROKEN, "unavailable", "%s has ended",
                         pid == box->server ? "the sandbox's server" : "droverd");
            *(pid == box->server ? &box->server : &box->droverd) = -1;
            return EXIT_BROKEN;
        }
    }
}

static bool ask_ledger(struct console *console, enum dr_type type, const void *body,
                       struct dr_message *answer)
{
    char err[512];
    return console_try(console, "ledger", type, body, ASK_MS, answer, err, sizeof err) == 0;
}

static void tell_ledger(struct console *console, enum dr_type type, const void *body)
{
    struct dr_message ack;
    if (ask_ledger(console, type, body, &ack))
        dr_message_free(&ack);
}

/* NULL unless the starts of all queues are paused. */
static const struct dr_pause_row *pause_of_all(const struct dr_ledger_state *state)
{
    for (size_t i = 0; i < state->pauses.count; i++)
        if (*state->pauses.items[i].queue == '\0')
            return &state->pauses.items[i];
    return NULL;
}

/* Nothing starts while a sandbox ends, or each task that waits has another machine started. The
 * next life of the sandbox takes the pause back; one that a person made stays. */
static void set_pause(struct console *console, bool paused)
{
    struct dr_launch_pause body = {
        .queue = "", .paused = paused, .sentence = ENDS, .by = console_who()};
    tell_ledger(console, DR_LAUNCH_PAUSE, &body);
}

static void resume_starts(struct console *console, const struct sandbox *box)
{
    struct dr_message answer;
    struct dr_ledger_snapshot ask = {.ended = false};
    if (console_config(console) != 0)
        return;
    for (int look = 0; look < BEGIN_LOOKS && kill(box->droverd, 0) == 0; look++) {
        if (!ask_ledger(console, DR_LEDGER_SNAPSHOT, &ask, &answer)) {
            poll(NULL, 0, 100);
            continue;
        }
        const struct dr_pause_row *pause = pause_of_all(answer.body);
        if (pause != NULL && strcmp(pause->sentence, ENDS) == 0)
            set_pause(console, false);
        dr_message_free(&answer);
        return;
    }
}

static void pause_starts(struct console *console)
{
    struct dr_message answer;
    struct dr_ledger_snapshot ask = {.ended = false};
    if (!ask_ledger(console, DR_LEDGER_SNAPSHOT, &ask, &answer))
        return;
    if (pause_of_all(answer.body) == NULL)
        set_pause(console, true);
    dr_message_free(&answer);
}

/* Drains each that is not on its way yet. How many are left. */
static size_t drain_each(struct console *console, const struct dr_ledger_state *state)
{
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        struct dr_machine_drain drain = {
            .machine = machine->id, .mode = "now", .reason = "hand", .sentence = ENDS};
        if (strcmp(machine->state, "draining") != 0 && strcmp(machine->state, "terminating") != 0)
            tell_ledger(console, DR_MACHINE_DRAIN, &drain);
    }
    return state->machines.count;
}

/* The machines of a sandbox leave with it: each is drained, and this waits until none is left. */
static void drain_machines(struct console *console, const struct sandbox *box)
{
    size_t left = 0;
    if (box->droverd <= 0 || console_config(console) != 0)
        return;
    pause_starts(console);
    for (int waited_ms = 0; waited_ms < END_MS; waited_ms += 500) {
        struct dr_message answer;
        struct dr_ledger_snapshot ask = {.ended = false};
        if (!ask_ledger(console, DR_LEDGER_SNAPSHOT, &ask, &answer))
            return;
        left = drain_each(console, answer.body);
        dr_message_free(&answer);
        if (left == 0)
            return;
        if (waited_ms == 0) {
            printf("waiting for %zu machine%s to leave\n", left, left == 1 ? "" : "s");
            fflush(stdout);
        }
        poll(NULL, 0, 500);
    }
    printf("%zu machine%s did not leave within %d s; each switches itself off when it has idled\n",
           left, left == 1 ? "" : "s", END_MS / 1000);
}

static void end(struct sandbox *box)
{
    if (box->droverd > 0 && kill(box->droverd, SIGTERM) == 0)
        spawn_wait(box->droverd);
    if (box->server > 0 && kill(box->server, SIGTERM) == 0)
        spawn_wait(box->server);
}

static void catch_signals(struct sandbox *box)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    box->signals = signalfd(-1, &set, SFD_CLOEXEC);
}

int cmd_sandbox(struct console *console, int argc, char **argv)
{
    /* Static: the console keeps a pointer to its configuration path. */
    static struct sandbox box = {.server = -1, .droverd = -1};
    const char *dir = "drover-sandbox", *listen = "127.0.0.1:8008", *files = "127.0.0.1:8081";
    for (int i = 0; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--dir") == 0            ? &dir
                          : strcmp(argv[i], "--agent-python") == 0 ? &box.agent_python
                          : strcmp(argv[i], "--listen") == 0       ? &listen
                          : strcmp(argv[i], "--files-listen") == 0 ? &files
                                                                   : NULL;
        if (to == NULL || i + 1 == argc) {
            fputs("usage: drover sandbox [--dir DIR] [--agent-python PYTHON] [--listen HOST:PORT] "
                  "[--files-listen HOST:PORT]\n",
                  stderr);
            return EXIT_USAGE;
        }
        *to = argv[i + 1];
    }
    on_dir(&box, dir);
    if (make_keys(&box) != 0 || start_server(&box, listen, files) != 0) {
        end(&box);
        return EXIT_BROKEN;
    }
    int bad = exists(&box, "drover.yaml") ? check_config(&box) : write_config(&box);
    if (bad != 0 || write_clearml_conf(&box) != 0 || start_droverd(&box) != 0) {
        end(&box);
        return EXIT_BROKEN;
    }
    catch_signals(&box);
    say_where(console, &box);
    console->config_path = box.config;
    resume_starts(console, &box);
    int code = wait_for_end(&box);
    drain_machines(console, &box);
    end(&box);
    return code;
}
