/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, what they mean, and whether they are sure. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "near.h"
#include "pick.h"

#define NAMES_MS 1000

const char *console_who(void)
{
    static char name[64];
    const char *before = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
    const struct passwd *user = before == NULL ? getpwuid(getuid()) : NULL;
    if (before != NULL && *before != '\0')
        snprintf(name, sizeof name, "%s", before);
    else if (user != NULL)
        snprintf(name, sizeof name, "%s", user->pw_name);
    else
        snprintf(name, sizeof name, "uid%u", (unsigned)getuid());
    return name;
}

int console_read(struct console *console, enum dr_type type, const void *body, enum dr_type reply,
                 struct dr_message *out)
{
    if (console_ask(console, "ledger", type, body, out) != 0)
        return EXIT_BROKEN;
    if (out->row->type == reply)
        return EXIT_FINE;
    const struct dr_ack *ack = out->row->type == DR_ACK ? out->body : NULL;
    int code = console_fail(EXIT_BROKEN, "unavailable", "%s",
                            ack == NULL ? "the ledger's answer is of another kind" : ack->sentence);
    dr_message_free(out);
    return code;
}

/* What may have been meant by a queue's name; "" without an idea. */
static const char *meant_queue(struct console *console, const char *word, char *out, size_t size)
{
    struct dr_message answer = {0};
    struct dr_picture_get ask = {.workers = false};
    char err[256];
    struct near near = near_begin(word);
    int got =
        console_try(console, "watcher", DR_PICTURE_GET, &ask, NAMES_MS, &answer, err, sizeof err);
    const struct dr_picture *picture = got == 0 ? answer.body : NULL;
    for (size_t i = 0; picture != NULL && i < picture->queues.queues.count; i++)
        near_offer(&near, picture->queues.queues.items[i].name);
    console_meant(&near, out, size);
    dr_message_free(&answer);
    return out;
}

int console_do(struct console *console, enum dr_type type, const void *body)
{
    char meant[200] = "";
    struct dr_message answer;
    int code = console_read(console, type, body, DR_ACK, &answer);
    if (code != EXIT_FINE)
        return code;
    const struct dr_ack *ack = answer.body;
    bool away = strcmp(ack->code, "unavailable") == 0 || strcmp(ack->code, "internal") == 0;
    if (!ack->ok && type == DR_LAUNCH_PAUSE && strcmp(ack->code, "not-found") == 0)
        meant_queue(console, ((const struct dr_launch_pause *)body)->queue, meant, sizeof meant);
    if (!ack->ok)
        code =
            console_fail(away ? EXIT_BROKEN : EXIT_WAITS, ack->code, "%s%s", ack->sentence, meant);
    else if (console->json)
        console_json(&answer);
    else
        puts(ack->sentence);
    dr_message_free(&answer);
    return code;
}

/* Those that it may mean, as many as fit into a line. */
static int many_machines(const struct dr_ledger_state *state, const char *word)
{
    char names[300] = "";
    size_t len = 0, count = 0;
    for (size_t i = 0; i < state->machines.count; i++) {
        const struct dr_machine_row *machine = &state->machines.items[i];
        if (!pick_begins(machine, word))
            continue;
        if (++count <= 4)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%.40s (%.15s)",
                                    count == 1 ? "" : ", ", machine->id, machine->state);
    }
    return console_fail(EXIT_WAITS, "ambiguous", "%zu machines begin with \"%s\": %s%s", count,
                        word, names, count > 4 ? " ..." : "");
}

static int no_machine(const struct dr_ledger_state *state, const char *word)
{
    char meant[200];
    struct near near = near_begin(word);
    for (size_t i = 0; i < state->machines.count; i++) {
        near_offer(&near, state->machines.items[i].id);
        near_offer(&near, state->machines.items[i].instance_id);
    }
    return console_fail(
        EXIT_WAITS, "not-found",
        "there is no machine \"%s\"%s `drover machines --all` names those that there "
        "are",
        word, near.best == NULL ? ":" : console_meant(&near, meant, sizeof meant));
}

int console_machine(struct console *console, const char *word, struct dr_message *rows,
                    const struct dr_machine_row **out)
{
    struct dr_ledger_snapshot ask = {.account = "", .ended = true};
    int code = console_read(console, DR_LEDGER_SNAPSHOT, &ask, DR_LEDGER_STATE, rows);
    if (code != EXIT_FINE)
        return code;
    enum pick found = pick_machine(rows->body, word, out);
    if (found == PICK_ONE)
        return EXIT_FINE;
    code = found == PICK_MANY ? many_machines(rows->body, word) : no_machine(rows->body, word);
    dr_message_free(rows);
    return code;
}

int console_confirm(const char *question, bool yes)
{
    char line[16] = "";
    if (yes)
        return EXIT_FINE;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return console_fail(EXIT_USAGE, "usage", "nobody can be asked here: say --yes");
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(line, sizeof line, stdin) != NULL &&
        (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0))
        return EXIT_FINE;
    return console_fail(EXIT_WAITS, "refused", "nothing was done");
}

bool console_flag(int *argc, char **argv, const char *name)
{
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        memmove(argv + i, argv + i + 1, (size_t)(--*argc - i) * sizeof *argv);
        return true;
    }
    return false;
}

const char *console_option(int *argc, char **argv, const char *name)
{
    for (int i = 0; i + 1 < *argc; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        const char *value = argv[i + 1];
        *argc -= 2;
        memmove(argv + i, argv + i + 2, (size_t)(*argc - i) * sizeof *argv);
        return value;
    }
    return NULL;
}

const struct dr_task_row *console_task(const struct dr_task_row_list *tasks, const char *id)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (strcmp(tasks->items[i].id, id) == 0)
            return &tasks->items[i];
    return NULL;
}
