/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at another host, as it happens: `drover logs` and `drover tap` through a gateway. */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"

/* ---- what happens --------------------------------------------------------------------------- */
static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

struct following {
    bool json, tap, came;
    char event[32], last[80]; /* of the message that is being read; what was read last */
};

static const char *word(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text == NULL ? "" : text;
}

static void print_activity(const json_t *row)
{
    char when[32];
    const char *machine = word(row, "machine"), *task = word(row, "task");
    printf("%s %-7s %-18s %s%s%s%s%s\n",
           words_clock(json_integer_value(json_object_get(row, "t_us")), when), word(row, "level"),
           word(row, "source"), word(row, "text"), *machine ? "  machine " : "", machine,
           *task ? "  task " : "", task);
}

static bool on_line(void *arg, const char *line)
{
    struct following *following = arg;
    if (strncmp(line, "id: ", 4) == 0)
        snprintf(following->last, sizeof following->last, "%s", line + 4);
    else if (strncmp(line, "event: ", 7) == 0)
        snprintf(following->event, sizeof following->event, "%s", line + 7);
    else if (strncmp(line, "data: ", 6) == 0 && strcmp(following->event, "activity") == 0) {
        json_t *row = json_loads(line + 6, 0, NULL);
        if (following->json)
            puts(line + 6);
        else
            print_activity(row);
        json_decref(row);
        fflush(stdout);
    } else if (strncmp(line, "data: ", 6) == 0 && strcmp(following->event, "reset") == 0)
        console_missed(0);
    following->came = true;
    return !ended && !ferror(stdout);
}

/* ---- the bus -------------------------------------------------------------------------------- */
static void print_event(const struct following *following, const char *data)
{
    json_t *message = following->json ? NULL : json_loads(data, 0, NULL);
    char *body = json_dumps(json_object_get(message, "body"), JSON_COMPACT | JSON_ENCODE_ANY);
    if (following->json)
        puts(data);
    else
        tap_line(json_integer_value(json_object_get(message, "time_us")), word(message, "source"),
                 following->event, body == NULL ? "" : body);
    free(body);
    json_decref(message);
    fflush(stdout);
}

static bool on_tap_line(void *arg, const char *line)
{
    struct following *following = arg;
    bool data = strncmp(line, "data: ", 6) == 0;
    if (strncmp(line, "event: ", 7) == 0)
        snprintf(following->event, sizeof following->event, "%s", line + 7);
    else if (data && strcmp(following->event, "missed") == 0) {
        json_t *missed = json_loads(line + 6, 0, NULL);
        console_missed(json_integer_value(json_object_get(missed, "count")));
        json_decref(missed);
    } else if (data && strcmp(following->event, "tick") != 0 &&
               strcmp(following->event, "hello") != 0)
        print_event(following, line + 6);
    following->came = true;
    return !ended && !ferror(stdout);
}

/* ---- until a signal ------------------------------------------------------------------------- */
static void events_path(const struct following *following, const char *topic, char *path,
                        size_t room)
{
    char escaped[400];
    remote_escape(topic, escaped, sizeof escaped);
    if (following->tap)
        snprintf(path, room, "/api/v1/tap?topic=%s", escaped);
    else
        snprintf(path, room, "/api/v1/events%s%s",
                 *following->last == '\0' ? "" : "?after=", following->last);
}

static int follow(struct console *console, struct following *following, const char *topic)
{
    const struct sigaction act = {.sa_handler = on_signal};
    char err[512] = "the stream ended", path[600];
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    while (!ended && !ferror(stdout)) {
        events_path(following, topic, path, sizeof path);
        long status = remote_stream(console->remote, path, following->tap ? on_tap_line : on_line,
                                    following, err, sizeof err);
        if (ended || ferror(stdout))
            break;
        /* A gateway may be started anew; one that was never there is another matter. */
        if (!following->came || (status > 0 && status != 200))
            return console_fail(EXIT_BROKEN, "unavailable", "%s", err);
        console_note("%s; trying again%s", err,
                     following->tap ? ": what happens meanwhile is missed" : "");
        sleep(1);
    }
    return EXIT_FINE;
}

int remote_follow(struct console *console)
{
    struct following following = {.json = console->json};
    return follow(console, &following, "");
}

int remote_tap(struct console *console, const char *topic)
{
    struct following following = {.json = console->json, .tap = true};
    return follow(console, &following, topic);
}
