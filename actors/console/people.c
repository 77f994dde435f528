/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, what they mean, and whether they are sure. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "pick.h"

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
    fprintf(stderr, "drover: %s\n",
            ack == NULL ? "the ledger's answer is of another kind" : ack->sentence);
    dr_message_free(out);
    return EXIT_BROKEN;
}

int console_do(struct console *console, enum dr_type type, const void *body)
{
    struct dr_message answer;
    int code = console_read(console, type, body, DR_ACK, &answer);
    if (code != EXIT_FINE)
        return code;
    const struct dr_ack *ack = answer.body;
    if (console->json)
        console_json(&answer);
    else
        fprintf(ack->ok ? stdout : stderr, "%s%s\n", ack->ok ? "" : "drover: ", ack->sentence);
    bool away = strcmp(ack->code, "unavailable") == 0 || strcmp(ack->code, "internal") == 0;
    code = ack->ok ? EXIT_FINE : away ? EXIT_BROKEN : EXIT_WAITS;
    dr_message_free(&answer);
    return code;
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
    if (found == PICK_MANY)
        fprintf(stderr,
                "drover: more than one machine begins with \"%s\": `drover machines` names "
                "them\n",
                word);
    else
        fprintf(stderr,
                "drover: there is no machine \"%s\": `drover machines` names those that "
                "there are\n",
                word);
    dr_message_free(rows);
    return EXIT_WAITS;
}

int console_confirm(const char *question, bool yes)
{
    char line[16] = "";
    if (yes)
        return EXIT_FINE;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        fputs("drover: nobody can be asked here: say --yes\n", stderr);
        return EXIT_USAGE;
    }
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(line, sizeof line, stdin) != NULL &&
        (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0))
        return EXIT_FINE;
    fputs("nothing was done\n", stderr);
    return EXIT_WAITS;
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

int console_usage(const char *line)
{
    fprintf(stderr, "usage: drover %s\n", line);
    return EXIT_USAGE;
}

const struct dr_task_row *console_task(const struct dr_task_row_list *tasks, const char *id)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (strcmp(tasks->items[i].id, id) == 0)
            return &tasks->items[i];
    return NULL;
}
