/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <stdbool.h>
#include <string.h>

#include "command.h"

#define WIDTH 79

static const char general[] =
    "\n  --config FILE  default: $DROVER_CONFIG, ./drover.yaml, /etc/drover/drover.yaml\n"
    "  --gateway URL  ask the Drover of another host at its dashboard; default:\n"
    "                 $DROVER_GATEWAY. Token: $DROVER_TOKEN, ~/.config/drover/token;\n"
    "                 $DROVER_CA_FILE: the authority of its certificate\n"
    "  --json         answers as JSON, one document a line; errors too, on stderr\n\n"
    "exit codes: 0 fine; 1 something waits that will not start, a check failed, a\n"
    "            change was refused, there is no such thing, or another configuration\n"
    "            needs a stop and a start; 2 something is broken or does not answer;\n"
    "            64 usage; 78 configuration. `drover COMMAND --help` has more.\n";

/* Broken between words; lines after the first are indented. */
static void wrap(FILE *out, const char *text, size_t used, size_t indent)
{
    for (bool first = true; *text != '\0'; first = false) {
        size_t len = strcspn(text, " ");
        if (!first && used + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            used = indent;
        } else if (!first) {
            fputc(' ', out);
            used++;
        }
        fprintf(out, "%.*s", (int)len, text);
        used += len;
        text += len + (text[len] == ' ');
    }
    fputc('\n', out);
}

void help_all(FILE *out)
{
    size_t count;
    const struct command *all = commands_all(&count);
    fputs("drover: starts cloud machines for waiting ClearML tasks, and ends them when idle\n\n"
          "usage: drover [--config FILE | --gateway URL] [--json] COMMAND ...\n\n",
          out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  %-10s ", all[i].name);
        wrap(out, all[i].meaning, 13, 13);
    }
    fputs(general, out);
}

static const char *exits_of(const struct help_row *row)
{
    return row->exits == NULL ? "0 fine; 2 Drover does not answer" : row->exits;
}

void help_command(const struct command *command, FILE *out)
{
    const struct help_row *row = help_row(command->name);
    fprintf(out, "drover %s: ", command->name);
    wrap(out, command->meaning, 9 + strlen(command->name), 2);
    fprintf(out, "\nusage: drover %s%s%s\n\n", command->name, *command->arguments ? " " : "",
            command->arguments);
    wrap(out, row->about, 0, 0);
    fputs("\nexamples:\n", out);
    for (size_t i = 0; i < 4 && row->examples[i].line != NULL; i++)
        fprintf(out, "  drover %-36s %s\n", row->examples[i].line, row->examples[i].what);
    fputs("\nexit codes: ", out);
    wrap(out, exits_of(row), 12, 12);
    fputs("--gateway:  ", out);
    wrap(out, row->afar == NULL ? "no; run it on Drover's own host" : row->afar, 12, 12);
    fputs("--json:     answers as JSON, one document a line; errors too, on stderr\n", out);
}

/* ---- the manual ----------------------------------------------------------------------------- */
static const struct {
    const char *name, *title, *what;
} groups[] = {
    {"setup", "DROVER-SETUP", "configure, start and stop Drover, and say who may enter"},
    {"look", "DROVER-LOOK", "what waits, runs, costs and is broken, and why"},
    {"hand", "DROVER-HAND", "pause queues, and drain, kill and keep machines"},
    {"try", "DROVER-TRY", "try Drover without an account, and what the shell needs"},
};

/* What roff takes for its own is escaped. */
static void roff(FILE *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '-')
            fputs("\\-", out);
        else if (*at == '\\')
            fputs("\\e", out);
        else if (*at == '"')
            fputs("\\(dq", out);
        else if (*at == '\'')
            fputs("\\(aq", out);
        else if (*at == '~')
            fputs("\\(ti", out);
        else
            fputc(*at, out);
    }
}

static void page_command(const struct command *command, FILE *out)
{
    const struct help_row *row = help_row(command->name);
    fprintf(out, ".SS %s\n.B drover %s\n", command->name, command->name);
    roff(out, command->arguments);
    fputs(*command->arguments ? "\n.PP\n" : ".PP\n", out);
    roff(out, row->about);
    fputs("\n.PP\nExit codes: ", out);
    roff(out, exits_of(row));
    fputs(".\n", out);
    if (row->afar == NULL)
        fputs("Works on Drover\\(aqs own host only.\n", out);
    else
        fprintf(out, "With \\-\\-gateway: %s.\n", row->afar);
    fputs(".PP\n.nf\n", out);
    for (size_t i = 0; i < 4 && row->examples[i].line != NULL; i++) {
        fputs("    $ drover ", out);
        roff(out, row->examples[i].line);
        fputs("   # ", out);
        roff(out, row->examples[i].what);
        fputc('\n', out);
    }
    fputs(".fi\n", out);
}

int help_page(const char *group, FILE *out)
{
    size_t count, g = 0, many = sizeof groups / sizeof groups[0];
    const struct command *all = commands_all(&count);
    while (g < many && strcmp(groups[g].name, group) != 0)
        g++;
    if (g == many)
        return -1;
    fprintf(out,
            ".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Made by drover from "
            "actors/console/help_rows.c. Edit that, then run:\n.\\\" cmake --build --preset dev "
            "--target man\n.TH %s 1 \"\" \"Drover\" \"Drover\"\n.SH NAME\ndrover\\-%s \\- %s\n"
            ".SH SYNOPSIS\n.B drover\n[\\-\\-config FILE | \\-\\-gateway URL] [\\-\\-json] COMMAND "
            "...\n.SH COMMANDS\n",
            groups[g].title, group, groups[g].what);
    for (size_t i = 0; i < count; i++)
        if (strcmp(help_row(all[i].name)->group, group) == 0)
            page_command(&all[i], out);
    fputs(".SH EXIT STATUS\nBeside what stands above: 64: wrong usage. 78: drover.yaml is missing "
          "or has faults, or there is no token.\n"
          ".SH SEE ALSO\n.BR drover (1),\n.BR drover.yaml (5),\n.BR droverd (8)\n",
          out);
    return 0;
}
