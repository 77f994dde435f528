/* SPDX-License-Identifier: Apache-2.0
 *
 * drover logs: what Drover says as it says it; with a machine, that machine's boot log.
 */
#include "console.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

static void print_line(const struct dr_log_line *line)
{
    char when[32];
    time_t seconds = (time_t)(line->t_us / 1000000);
    struct tm local;
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&seconds, &local));
    printf("%s %-7s %-18s %s%s%s%s%s\n", when, line->level, line->actor, line->text,
           line->machine[0] ? "  machine " : "", line->machine, line->task[0] ? "  task " : "",
           line->task);
}

static int follow(struct console *console)
{
    char endpoint[600], err[256];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", console->run_dir, DR_BUS_TAP);
    const char *named = console->cfg->bus.tap;
    struct dr_tap *tap = dr_tap_open(named[0] ? named : endpoint, "log.line/", err, sizeof err);
    if (tap == NULL) {
        fprintf(stderr, "drover: %s\n", err);
        return EXIT_BROKEN;
    }
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    while (!ended && !ferror(stdout)) {
        struct dr_message message;
        if (dr_tap_next(tap, 500, &message, err, sizeof err) != 1)
            continue;
        if (console->json)
            console_json(&message);
        else
            print_line(message.body);
        fflush(stdout);
        dr_message_free(&message);
    }
    dr_tap_close(&tap);
    return EXIT_FINE;
}

/* The instance id behind a machine row or an instance id. "" when the ledger knows none. */
static void instance_of(struct console *console, const char *name, char *out, size_t room)
{
    struct dr_message answer;
    struct dr_ledger_snapshot ask = {.ended = true};
    out[0] = '\0';
    if (console_ask(console, "ledger", DR_LEDGER_SNAPSHOT, &ask, &answer) != 0)
        return;
    const struct dr_ledger_state *state = answer.body;
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        if (strcmp(machine->id, name) == 0 || strcmp(machine->instance_id, name) == 0)
            snprintf(out, room, "%s", machine->instance_id);
    }
    dr_message_free(&answer);
}

static int print_boot_log(struct console *console, const char *name)
{
    char instance[128], path[800], bytes[8192];
    instance_of(console, name, instance, sizeof instance);
    const char *id = instance[0] ? instance : name;
    if (strchr(id, '/') != NULL) {
        fprintf(stderr, "drover: %s is no machine\n", id);
        return EXIT_USAGE;
    }
    snprintf(path, sizeof path, "%s/logs/%s.log", console->cfg->state_dir, id);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "drover: no log of %s: %s: %s\n", name, path, strerror(errno));
        return EXIT_BROKEN;
    }
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        fwrite(bytes, 1, n, stdout);
    fclose(file);
    return EXIT_FINE;
}

int cmd_logs(struct console *console, int argc, char **argv)
{
    if (argc > 1) {
        fputs("usage: drover logs [MACHINE]\n", stderr);
        return EXIT_USAGE;
    }
    return argc == 1 ? print_boot_log(console, argv[0]) : follow(console);
}
