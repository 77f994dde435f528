/* SPDX-License-Identifier: Apache-2.0
 *
 * drover logs: what Drover says as it says it; with a machine, that machine's boot log.
 */
#include "console.h"

#include <errno.h>
#include <string.h>

#include "remote.h"

static void print_line(const struct dr_message *message)
{
    char when[32];
    const struct dr_log_line *line = message->body;
    printf("%s %-7s %-18s %s%s%s%s%s\n", words_clock(line->t_us, when), line->level, line->actor,
           line->text, line->machine[0] ? "  machine " : "", line->machine,
           line->task[0] ? "  task " : "", line->task);
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

static void print_piece(void *arg, const char *bytes, size_t len)
{
    (void)arg;
    fwrite(bytes, 1, len, stdout);
}

static int print_from_afar(struct console *console, const char *name)
{
    char err[512];
    if (name == NULL)
        return remote_follow(console);
    if (remote_log(console->remote, name, print_piece, NULL, err, sizeof err) == 0)
        return EXIT_FINE;
    fprintf(stderr, "drover: %s\n", err);
    return EXIT_BROKEN;
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
    if (console->remote != NULL)
        return print_from_afar(console, argc == 1 ? argv[0] : NULL);
    return argc == 1
               ? print_boot_log(console, argv[0])
               : console_follow(console, "log.line/", console->json ? console_json : print_line);
}
