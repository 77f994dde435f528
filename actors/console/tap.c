/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

static void print_line(const struct dr_message *message)
{
    char when[32];
    time_t seconds = (time_t)(message->env.time_us / 1000000);
    struct tm local;
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&seconds, &local));
    char *json = dr_json(message->row->desc, message->body);
    printf("%s.%03d  %-17s %-18s %s\n", when, (int)(message->env.time_us / 1000 % 1000),
           message->env.source, message->env.type, json == NULL ? "" : json);
    free(json);
}

static void print_json(const struct dr_message *message)
{
    char *json = dr_message_json(message);
    puts(json == NULL ? "null" : json);
    free(json);
}

/* The tap's endpoint: the configured one, else in the run directory. */
static void endpoint_of(const struct console *console, char *out, size_t room)
{
    if (console->cfg->bus.tap[0] != '\0')
        snprintf(out, room, "%s", console->cfg->bus.tap);
    else
        snprintf(out, room, "ipc://%s/%s", console->run_dir, DR_BUS_TAP);
}

int cmd_tap(struct console *console, int argc, char **argv)
{
    char endpoint[600], err[256];
    if (argc > 1) {
        fputs("usage: drover tap [TOPIC]\n", stderr);
        return EXIT_USAGE;
    }
    endpoint_of(console, endpoint, sizeof endpoint);
    struct dr_tap *tap = dr_tap_open(endpoint, argc == 1 ? argv[0] : "", err, sizeof err);
    if (tap == NULL) {
        fprintf(stderr, "drover: %s\n", err);
        return EXIT_BROKEN;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    int64_t missed = 0;
    while (!ended && !ferror(stdout)) {
        struct dr_message message;
        int got = dr_tap_next(tap, 500, &message, err, sizeof err);
        if (got < 0)
            fprintf(stderr, "drover: %s\n", err);
        if (got <= 0)
            continue;
        (console->json ? print_json : print_line)(&message);
        fflush(stdout);
        dr_message_free(&message);
        if (dr_tap_missed(tap) > missed)
            fprintf(stderr, "drover: %lld events missed\n",
                    (long long)(dr_tap_missed(tap) - missed));
        missed = dr_tap_missed(tap);
    }
    dr_tap_close(&tap);
    return EXIT_FINE;
}
