/* SPDX-License-Identifier: Apache-2.0 */
#include "logsink.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "logline.h"

static struct {
    int json; /* descriptor for JSON lines; -1: none */
    bool human;
    int least;
    long lost;
    void (*listener)(const char *json, size_t len);
} logs = {.json = STDERR_FILENO, .least = 1};

int dr_logsink_open(const char *path, bool json, const char *least_level)
{
    int file = *path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : -1;
    if (logs.json > STDERR_FILENO)
        close(logs.json);
    logs.least = dr_logline_rank(least_level, 1);
    logs.human = isatty(STDERR_FILENO) == 1 && !json;
    logs.json = file >= 0 ? file : logs.human ? -1 : STDERR_FILENO;
    return *path && file < 0 ? -1 : 0;
}

void dr_logsink_listen(void (*listener)(const char *json, size_t len))
{
    logs.listener = listener;
}

/* A reader that stands still must not stop the supervision: what finds no room is lost and counted.
 */
static void put(int fd, const char *text, size_t len)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (poll(&room, 1, 0) != 1 || write(fd, text, len) < 0) {
        logs.lost++;
        return;
    }
    long lost = logs.lost;
    logs.lost = 0;
    if (lost > 0)
        dr_logsink_say("warning", "supervisor", "%ld log lines were lost: nobody read them", lost);
}

static void log_line(const struct dr_log_line *line)
{
    char text[8192];
    size_t len;
    if (dr_logline_rank(line->level, 1) < logs.least)
        return;
    char *json = dr_logline_json(line, &len);
    if (logs.listener)
        logs.listener(json, len);
    if (logs.human)
        put(STDERR_FILENO, text, dr_logline_human(line, true, text, sizeof text));
    json[len] = '\n'; /* over its NUL: one write, so that writers do not mix within lines */
    if (logs.json >= 0)
        put(logs.json, json, len + 1);
    free(json);
}

static int64_t wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void dr_logsink_say(const char *level, const char *actor, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct dr_logline line;
    dr_logline_read(actor, text, len < (int)sizeof text ? (size_t)len : sizeof text - 1, wall_us(),
                    &line);
    line.line.level = level;
    log_line(&line.line);
    dr_logline_free(&line);
}

void dr_logsink_take(const char *actor, const char *bytes, size_t len)
{
    struct dr_logline line;
    dr_logline_read(actor, bytes, len, wall_us(), &line);
    if (*line.line.text)
        log_line(&line.line);
    dr_logline_free(&line);
}
