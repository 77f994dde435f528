/* SPDX-License-Identifier: Apache-2.0
 *
 * A child of droverd for tests, under the name of any actor. How it behaves stands in the file
 * STATE_DIR/behave.SOURCE, one word per line:
 *   late      never READY                  silent   READY, then no WATCHDOG
 *   crash     ends with 1 when READY       config   ends with 100 before READY
 *   deaf      hears neither STOP nor SIGTERM, and does not mind that fd 3 is closed
 *   chatty    writes log lines of all kinds
 *   fork      leaves a grandchild that keeps its stderr open
 *   babble    says nonsense on fd 3
 * What happens to it is appended to STATE_DIR/events as "SOURCE PID WORD"; its environment goes to
 * STATE_DIR/env.SOURCE; what a bus is told, to STATE_DIR/news.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"

static struct dr_handover handover;
static char behaviour[512];
static char *reloaded;
static bool stopping;

static bool does(const char *word)
{
    return strstr(behaviour, word) != NULL;
}

static void append(const char *file, const char *line, size_t len)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", handover.state_dir, file);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, len) < 0)
        _exit(1);
    close(fd);
}

static void note(const char *word)
{
    char line[512];
    int len = snprintf(line, sizeof line, "%s %d %s\n", handover.source, (int)getpid(), word);
    append("events", line, (size_t)len);
}

static int on_item(const struct dr_control_item *item, void *arg)
{
    (void)arg;
    char line[600];
    if (item->kind == DR_CONTROL_STOP) {
        stopping = true;
    } else if (item->kind == DR_CONTROL_CONFIG) {
        free(reloaded);
        reloaded = strdup(item->text);
    } else if (item->kind == DR_CONTROL_RELOAD) {
        const char *mark = reloaded ? strstr(reloaded, "# mark ") : NULL;
        snprintf(line, sizeof line, "reload %.*s", mark ? (int)strcspn(mark + 7, "\n") : 0,
                 mark ? mark + 7 : "");
        note(line);
    } else if (item->kind == DR_CONTROL_LIFE || item->kind == DR_CONTROL_LOG) {
        append("news", item->text, item->len);
        append("news", "\n", 1);
    } else if (item->kind == DR_CONTROL_PEER) {
        snprintf(line, sizeof line, "peer %.80s", item->text);
        note(line);
    }
    return 0;
}

static void read_behaviour(void)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/behave.%s", handover.state_dir, handover.source);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    behaviour[fread(behaviour, 1, sizeof behaviour - 1, file)] = '\0';
    fclose(file);
}

static void dump_environment(void)
{
    char file[100];
    snprintf(file, sizeof file, "env.%s", handover.source);
    for (char **entry = environ; *entry; entry++) {
        append(file, *entry, strlen(*entry));
        append(file, "\n", 1);
    }
    for (int fd = 0; fd < 64; fd++) {
        char line[32];
        int len = snprintf(line, sizeof line, "fd %d\n", fd);
        if (fcntl(fd, F_GETFD) >= 0)
            append(file, line, (size_t)len);
    }
}

static void chat(void)
{
    fputs("{\"t\":1700000000000000,\"level\":\"error\",\"what\":\"the cup broke\",\"machine\":"
          "\"m-1\",\"err\":\"gravity\"}\n"
          "plain words\n"
          "bytes \xff\x01 that are no text\n"
          "{\"level\":\"info\"}\n"
          "{\"level\":\"debug\",\"what\":\"too small to tell\"}\n"
          "{\"level\":\"info\",\"what\":\"last words, without an end\"}",
          stderr);
}

static void leave_a_grandchild(void)
{
    if (fork() == 0) {
        execlp("sleep", "sleep", "60", (char *)NULL);
        _exit(1);
    }
}

static void live(void)
{
    struct dr_control control;
    dr_control_init(&control, DR_CONTROL_PARENT);
    while (!stopping || does("deaf")) {
        char bytes[4096];
        struct pollfd wait = {.fd = DR_CONTROL_FD, .events = POLLIN};
        if (poll(&wait, 1, (int)handover.watchdog_ms / 3) == 0 && !does("silent"))
            dr_control_say(DR_CONTROL_FD, DR_CONTROL_WATCHDOG, NULL);
        if (wait.revents == 0)
            continue;
        ssize_t n = recv(DR_CONTROL_FD, bytes, sizeof bytes, 0);
        while (n <= 0 && does("deaf"))
            pause();
        if (n <= 0 || dr_control_feed(&control, bytes, (size_t)n, on_item, NULL) < 0)
            _exit(3);
    }
    dr_control_fini(&control);
}

int main(void)
{
    char err[160];
    if (dr_control_take(DR_CONTROL_FD, &handover, err, sizeof err) < 0) {
        fprintf(stderr, "%s\n", err);
        return 111;
    }
    read_behaviour();
    note("start");
    dump_environment();
    for (size_t i = 0; i < handover.peer_count; i++) {
        char line[120];
        snprintf(line, sizeof line, "peer %.80s", handover.peers[i].source);
        note(line);
    }
    if (does("config"))
        return 100;
    if (does("deaf"))
        signal(SIGTERM, SIG_IGN);
    if (does("babble"))
        dr_control_say(DR_CONTROL_FD, DR_CONTROL_STATUS, "x"), (void)!write(3, "GIBBERISH\n", 10);
    if (does("fork"))
        leave_a_grandchild();
    if (!does("late"))
        dr_control_say(DR_CONTROL_FD, DR_CONTROL_READY, NULL);
    if (does("chatty"))
        chat();
    if (does("crash"))
        return 1;
    live();
    note("stop");
    dr_handover_free(&handover);
    free(reloaded);
    return 0;
}
