/* SPDX-License-Identifier: Apache-2.0
 *
 * drover logs: what Drover says as it says it; with a machine, that machine's boot log.
 */
#include "console.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "remote.h"
#include "story.h"
#include "strbuf.h"

static void print_line(const struct dr_message *message)
{
    char when[32];
    const struct dr_log_line *line = message->body;
    printf("%s %-7s %-18s %s%s%s%s%s\n", words_clock(line->t_us, when), line->level, line->actor,
           line->text, line->machine[0] ? "  machine " : "", line->machine,
           line->task[0] ? "  task " : "", line->task);
}

/* ---- of a machine --------------------------------------------------------------------------- */
struct printing {
    const struct console *console;
    const char *machine;
    struct dr_strbuf rest; /* with --json: of a line that has not ended */
    bool any;
};

static void print_json_line(const struct printing *printing, const char *line)
{
    char *clean = malloc(strlen(line) + 1);
    DR_ASSERT(clean != NULL);
    dr_story_clean(line, clean);
    json_t *row = json_pack("{s:s,s:s}", "machine", printing->machine, "line", clean);
    json_dumpf(row, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(row);
    free(clean);
}

static void print_piece(void *arg, const char *bytes, size_t len)
{
    struct printing *printing = arg;
    printing->any = printing->any || len > 0;
    if (!printing->console->json) {
        fwrite(bytes, 1, len, stdout);
        return;
    }
    dr_strbuf_add(&printing->rest, bytes, len);
    char *from = printing->rest.data, *end = NULL;
    size_t left = printing->rest.len;
    while (left > 0 && (end = memchr(from, '\n', left)) != NULL) {
        *end = '\0';
        print_json_line(printing, from);
        left -= (size_t)(end + 1 - from);
        from = end + 1;
    }
    if (left > 0)
        memmove(printing->rest.data, from, left);
    printing->rest.len = left;
}

static void print_rest(struct printing *printing)
{
    if (printing->rest.len > 0) {
        dr_strbuf_add(&printing->rest, "", 1);
        print_json_line(printing, printing->rest.data);
    }
    dr_strbuf_free(&printing->rest);
}

/* True: it was all printed. */
static bool print_file(struct printing *printing, const char *id)
{
    char path[800], bytes[8192];
    size_t n;
    snprintf(path, sizeof path, "%s/logs/%s.log", printing->console->cfg->state_dir, id);
    FILE *file = *id == '\0' || strchr(id, '/') != NULL ? NULL : fopen(path, "re");
    if (file == NULL)
        return false;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        print_piece(printing, bytes, n);
    fclose(file);
    return true;
}

static bool print_log(struct printing *printing, const char *id, char *err, size_t err_len)
{
    snprintf(err, err_len, "nothing was kept of it");
    if (printing->console->remote != NULL)
        return remote_log(printing->console->remote, id, print_piece, printing, err, err_len) == 0;
    return print_file(printing, id);
}

/* A log is kept for longer than the ledger knows its machine: an instance id is tried as it is. */
static int print_of(struct console *console, const char *word)
{
    struct printing printing = {.console = console, .machine = word};
    char err[512];
    if (console->remote == NULL && print_file(&printing, word)) {
        print_rest(&printing);
        return EXIT_FINE;
    }
    struct dr_message rows;
    const struct dr_machine_row *machine;
    int code = console_machine(console, word, &rows, &machine);
    if (code != EXIT_FINE)
        return code;
    bool bound = *machine->instance_id != '\0';
    printing.machine = machine->id;
    if (!bound)
        code =
            console_fail(EXIT_WAITS, "not-found",
                         "machine %s is %s: no instance was started for it, so it printed nothing",
                         machine->id, machine->state);
    else if (!print_log(&printing, machine->instance_id, err, sizeof err))
        code = console_fail(EXIT_WAITS, "not-found", "there is no log of machine %s (%s): %s",
                            machine->id, machine->instance_id, err);
    print_rest(&printing);
    dr_message_free(&rows);
    return code;
}

int cmd_logs(struct console *console, int argc, char **argv)
{
    if (argc == 1)
        return print_of(console, argv[0]);
    if (console->remote != NULL)
        return remote_follow(console);
    return console_follow(console, "log.line/", console->json ? console_json : print_line);
}
