/* SPDX-License-Identifier: Apache-2.0
 *
 * drover: the command line.
 */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "drover/assert.h"
#include "help.h"
#include "near.h"
#include "remote.h"

static const struct command commands[] = {
    {"init", cmd_init, false, true, "[--dir DIR] [--answers FILE.json [--secrets FILE]]",
     "ask what drover.yaml needs, try it, and write it"},
    {"import", cmd_import, false, true,
     "FILE|TASK_ID [--out FILE] [--deployment NAME] [--take-over]",
     "make a drover.yaml out of ClearML's own autoscaler's configuration"},
    {"check", cmd_check, false, false, "",
     "examine drover.yaml and this host before anything runs"},
    {"up", cmd_up, false, false, "[--dir DIR] [--listen HOST:PORT]",
     "start droverd in the foreground; without a drover.yaml, the wizard in the browser first"},
    {"stop", cmd_stop, true, false, "", "stop droverd in order; machines live on"},
    {"status", cmd_status, true, false, "",
     "what waits, what runs, what is broken, in a few lines"},
    {"top", cmd_top, true, false, "", "the same on the whole screen, live"},
    {"queues", cmd_queues, true, false, "", "every queue: waiting, longest wait, machines, why"},
    {"machines", cmd_machines, true, false, "[--all]", "every machine with its state and why"},
    {"tasks", cmd_tasks, true, false, "", "what waits and what runs, by name"},
    {"why", cmd_why, true, false, "TASK", "why a task waits"},
    {"logs", cmd_logs, true, false, "[MACHINE]", "what Drover says now, or a machine's boot log"},
    {"tap", cmd_tap, true, false, "[TOPIC]", "every event as it happens"},
    {"history", cmd_history, true, false, "[MACHINE] [--by-hand] [--since 2h]",
     "what changed, why, and who asked for it"},
    {"cost", cmd_cost, true, false, "[TASK|MACHINE] [--by WHAT] [--since 7d]",
     "what was paid for queues, types, projects, users, tasks, machines, days"},
    {"pause", cmd_pause, true, false, "[QUEUE] [--why TEXT]", "no new machines, until `resume`"},
    {"resume", cmd_resume, true, false, "[QUEUE]", "again new machines"},
    {"drain", cmd_drain, true, false, "MACHINE [--mode after-task|idle|now]",
     "take a machine away once its task has ended"},
    {"kill", cmd_kill, true, false, "MACHINE [--yes]",
     "end it now; its tasks go back to their queues"},
    {"keep", cmd_keep, true, false, "MACHINE 2h|off",
     "let it neither idle nor age away until then"},
    {"adopt", cmd_adopt, true, false, "--spent DOLLARS [--yes]",
     "say that the last ledger is lost, and what was spent this month"},
    {"settle", cmd_settle, true, false, "ATTEMPT [--yes]",
     "say that nothing runs of a launch whose answer cannot be had"},
    {"plan", cmd_plan, false, false, "[--config FILE]",
     "what is planned and why; or what another configuration would mean"},
    {"export", cmd_export, false, false, "[--schema]", "drover.yaml as Drover would write it"},
    {"token", cmd_token, true, false, "link|add|list|revoke|user ... [--role operator|viewer]",
     "who may enter the dashboard: one-time link, API tokens, accounts"},
    {"demo", cmd_demo, false, true, "[--dir DIR] [--python PYTHON]",
     "enqueue a handful of tasks at the sandbox and watch them"},
    {"sandbox", cmd_sandbox, false, false,
     "[--dir DIR] [--agent-python PYTHON] [--listen HOST:PORT] [--files-listen HOST:PORT]",
     "a ClearML server in memory, local machines and Drover, with no account"},
    {"completion", cmd_completion, false, true, "bash|zsh|fish",
     "what a shell reads to complete this command line"},
    {"version", cmd_version, false, false, "",
     "which Drover this is, how it was built, its libraries"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const struct command *commands_all(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

static const char *default_config(void)
{
    const char *named = getenv("DROVER_CONFIG");
    if (named != NULL && named[0] != '\0')
        return named;
    return access("drover.yaml", F_OK) == 0 ? "drover.yaml" : "/etc/drover/drover.yaml";
}

static int open_remote(struct console *console)
{
    return console->remote != NULL ? 0 : remote_open(console, console->gateway);
}

int console_config(struct console *console)
{
    struct dr_config_errors errors;
    if (console->gateway != NULL)
        return open_remote(console);
    if (access(console->config_path, F_OK) != 0 && errno == ENOENT)
        return console_fail(EXIT_CONFIG, "config",
                            "there is no configuration %s: `drover up` or `drover init` makes one, "
                            "--config or DROVER_CONFIG names another, and --gateway asks a Drover "
                            "of another host",
                            console->config_path);
    console->config = dr_config_load(console->config_path, &errors);
    if (console->config == NULL)
        console_faults(console->config_path, &errors);
    dr_config_errors_free(&errors);
    if (console->config == NULL)
        return EXIT_CONFIG;
    console->cfg = dr_config_root(console->config);
    if (console->cfg->run_dir[0] != '\0')
        snprintf(console->run_dir, sizeof console->run_dir, "%s", console->cfg->run_dir);
    else
        snprintf(console->run_dir, sizeof console->run_dir, "%s/run", console->cfg->state_dir);
    return 0;
}

/* A reader that left (`| head`) wants no more and is told nothing. */
static int finish(int code)
{
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (!lost || errno == EPIPE)
        return code;
    return console_fail(EXIT_BROKEN, "output", "the answer cannot be written: %s", strerror(errno));
}

static int run(struct console *console, const struct command *command, int argc, char **argv)
{
    char err[600];
    if (!command->own_words && !args_check(command, &argc, argv, err, sizeof err))
        return console_fail(EXIT_USAGE, "usage", "%s\nusage: drover %s%s%s", err, command->name,
                            *command->arguments ? " " : "", command->arguments);
    if (console->gateway != NULL && !remote_can(command->name))
        return EXIT_USAGE;
    int code = command->needs_config ? console_config(console) : 0;
    if (code == 0)
        code = command->run(console, argc, argv);
    if (code != EXIT_FINE && command->own_words && !console_said())
        console_unsaid(code, command->name);
    dr_config_free(console->config);
    remote_close(&console->remote);
    return finish(code);
}

/* ---- the words before and behind the command ------------------------------------------------ */
struct line {
    const struct command *command;
    bool help;
    int code; /* EXIT_FINE, or it was said what is wrong */
};

/* An option of the whole program, with its value; how many words they are. 0: it is none. */
static int take_global(struct console *console, struct line *line, int left, char **argv)
{
    static const char *const names[] = {"--config", "--gateway"};
    const char *word = argv[0];
    const char **places[] = {&console->config_path, &console->gateway};
    if (strcmp(word, "--json") == 0)
        return 1;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        line->help = true;
        return 1;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(word, names[i], len) != 0 || (word[len] != '\0' && word[len] != '='))
            continue;
        const char *value = word[len] == '=' ? word + len + 1 : left > 1 ? argv[1] : "";
        if (*value == '\0')
            line->code = console_fail(EXIT_USAGE, "usage", "%s needs a value: %s", names[i],
                                      i == 0 ? "FILE" : "https://HOST:PORT");
        *places[i] = value;
        return word[len] == '=' ? 1 : left > 1 ? 2 : 1;
    }
    return 0;
}

static const struct command *find(const char *name)
{
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        if (strcmp(commands[c].name, name) == 0)
            return &commands[c];
    return NULL;
}

static int no_command(const char *name)
{
    char meant[128];
    struct near near = near_begin(name);
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        near_offer(&near, commands[c].name);
    return console_fail(EXIT_USAGE, "usage",
                        "there is no command \"%s\"%s `drover --help` names them all", name,
                        near.best == NULL ? ":" : console_meant(&near, meant, sizeof meant));
}

/* --config is a word of its own where the command has one (`plan`); all else may stand anywhere. */
static bool is_own(const struct command *command, const char *word)
{
    return command != NULL && strncmp(word, "--config", 8) == 0 &&
           strstr(command->arguments, "--config") != NULL;
}

/* Takes the program's options out of the line; what is left is the command's. */
static int sort_words(struct console *console, struct line *line, int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc && line->code == EXIT_FINE;) {
        int took =
            is_own(line->command, argv[i]) ? 0 : take_global(console, line, argc - i, argv + i);
        if (took == 0 && line->command == NULL) {
            if (argv[i][0] == '-')
                line->code = console_fail(EXIT_USAGE, "usage",
                                          "there is no option %s before a command: `drover "
                                          "--help` names them",
                                          argv[i]);
            else if (strcmp(argv[i], "help") == 0)
                line->help = true;
            else if ((line->command = find(argv[i])) == NULL)
                line->code = no_command(argv[i]);
            took = 1;
        } else if (took == 0) {
            argv[kept++] = argv[i];
            took = 1;
        }
        i += took;
    }
    return kept;
}

static int help_for(const struct line *line)
{
    if (line->command == NULL)
        help_all(stdout);
    else
        help_command(line->command, stdout);
    return finish(EXIT_FINE);
}

int main(int argc, char **argv)
{
    struct console console = {.config_path = default_config()};
    struct line line = {.code = EXIT_FINE};
    console.gateway = getenv("DROVER_GATEWAY");
    if (console.gateway != NULL && *console.gateway == '\0')
        console.gateway = NULL;
    const char *plain = getenv("NO_COLOR");
    console.colour = isatty(STDOUT_FILENO) && (plain == NULL || *plain == '\0');
    for (int i = 1; i < argc; i++)
        console.json = console.json || strcmp(argv[i], "--json") == 0;
    console_errors(console.json);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("drover %s\n", DROVER_VERSION) < 0;
    /* Room for what "--option=value" becomes. */
    char **words = calloc(2 * (size_t)argc + 1, sizeof *words);
    DR_ASSERT(words != NULL);
    memcpy(words, argv + 1, (size_t)(argc - 1) * sizeof *words);
    int kept = sort_words(&console, &line, argc - 1, words);
    int code = line.code;
    if (code == EXIT_FINE && line.help)
        code = help_for(&line);
    else if (code == EXIT_FINE && line.command == NULL)
        help_all(stderr), code = EXIT_USAGE;
    else if (code == EXIT_FINE)
        code = run(&console, line.command, kept, words);
    free(words);
    return code;
}
