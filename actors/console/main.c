/* SPDX-License-Identifier: Apache-2.0
 *
 * drover: the command line.
 */
#include "command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"

static const struct command commands[] = {
    {"init", cmd_init, false, "[--dir DIR] [--answers FILE.json [--secrets FILE]]",
     "ask what drover.yaml needs, try it, and write it"},
    {"import", cmd_import, false, "FILE|TASK_ID [--out FILE] [--deployment NAME] [--take-over]",
     "make a drover.yaml out of ClearML's own autoscaler's configuration"},
    {"check", cmd_check, false, "", "examine drover.yaml and this host before anything runs"},
    {"up", cmd_up, false, "[--dir DIR] [--listen HOST:PORT]",
     "start droverd in the foreground; without a drover.yaml, the wizard in the browser first"},
    {"stop", cmd_stop, true, "", "stop droverd in order; machines live on"},
    {"status", cmd_status, true, "", "what waits, what runs, what is broken, in a few lines"},
    {"top", cmd_top, true, "", "the same on the whole screen, live"},
    {"queues", cmd_queues, true, "", "every queue: waiting, longest wait, machines, why"},
    {"machines", cmd_machines, true, "[--all]", "every machine with its state and why"},
    {"tasks", cmd_tasks, true, "", "what waits and what runs, by name"},
    {"why", cmd_why, true, "TASK", "why a task waits"},
    {"logs", cmd_logs, true, "[MACHINE]", "what Drover says now, or a machine's boot log"},
    {"tap", cmd_tap, true, "[TOPIC]", "every event as it happens"},
    {"history", cmd_history, true, "[MACHINE] [--by-hand] [--since 2h]",
     "what changed, why, and who asked for it"},
    {"cost", cmd_cost, true, "[TASK|MACHINE] [--by WHAT] [--since 7d]",
     "what was paid for queues, types, projects, users, tasks, machines, days"},
    {"pause", cmd_pause, true, "[QUEUE] [--why TEXT]", "no new machines, until `resume`"},
    {"resume", cmd_resume, true, "[QUEUE]", "again new machines"},
    {"drain", cmd_drain, true, "MACHINE [--mode after-task|idle|now]",
     "take a machine away once its task has ended"},
    {"kill", cmd_kill, true, "MACHINE [--yes]", "end it now; its tasks go back to their queues"},
    {"keep", cmd_keep, true, "MACHINE 2h|off", "let it neither idle nor age away until then"},
    {"adopt", cmd_adopt, true, "--spent DOLLARS [--yes]",
     "say that the last ledger is lost, and what was spent this month"},
    {"plan", cmd_plan, false, "[--config FILE]",
     "what is planned and why; or what another configuration would mean"},
    {"export", cmd_export, false, "[--schema]", "drover.yaml as Drover would write it"},
    {"token", cmd_token, true, "link|add|list|revoke|user ...",
     "who may enter the dashboard: one-time link, API tokens, accounts"},
    {"demo", cmd_demo, false, "[--dir DIR] [--python PYTHON]",
     "enqueue a handful of tasks at the sandbox and watch them"},
    {"sandbox", cmd_sandbox, false, "[--dir DIR] [--agent-python PYTHON]",
     "a ClearML server in memory, local machines and Drover, with no account"},
    {"completion", cmd_completion, false, "bash|zsh|fish",
     "what a shell reads to complete this command line"},
    {"version", cmd_version, false, "", "which Drover this is, how it was built, its libraries"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

const struct command *commands_all(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

static int usage(FILE *out)
{
    fputs(
        "drover: starts cloud machines for waiting ClearML tasks, and takes them away when idle\n\n"
        "usage: drover [--config FILE | --gateway URL] [--json] COMMAND ...\n\n",
        out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *arguments = commands[i].arguments;
        bool fits = strlen(arguments) <= 40;
        fprintf(out, "  %-10s %-40s", commands[i].name, arguments);
        fprintf(out, "%s%*s %s\n", fits ? "" : "\n", fits ? 0 : 53, "", commands[i].meaning);
    }
    fputs("\n  --config FILE  default: $DROVER_CONFIG, ./drover.yaml, /etc/drover/drover.yaml\n"
          "  --gateway URL  ask a Drover of another host by its dashboard's address; default:\n"
          "                 $DROVER_GATEWAY. Token: $DROVER_TOKEN or ~/.config/drover/token;\n"
          "                 $DROVER_CA_FILE: the authority of its certificate\n"
          "  --json         answers as JSON, one document a line\n\n"
          "exit codes: 0 fine; 1 something waits that will not start, a check failed, a change\n"
          "            was refused, or another configuration needs a stop and a start;\n"
          "            2 something is broken or does not answer; 64 usage; 78 configuration\n",
          out);
    return out == stderr ? EXIT_USAGE : EXIT_FINE;
}

static const char *default_config(void)
{
    const char *named = getenv("DROVER_CONFIG");
    if (named != NULL && named[0] != '\0')
        return named;
    return access("drover.yaml", F_OK) == 0 ? "drover.yaml" : "/etc/drover/drover.yaml";
}

int console_config(struct console *console)
{
    struct dr_config_errors errors;
    if (console->gateway != NULL)
        return console->remote != NULL ? 0 : remote_open(console, console->gateway);
    console->config = dr_config_load(console->config_path, &errors);
    for (size_t i = 0; i < errors.count && console->config == NULL; i++)
        fprintf(stderr, "%s\n", errors.items[i].text);
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

static int run(struct console *console, const struct command *command, int argc, char **argv)
{
    if (console->gateway != NULL && !remote_can(command->name))
        return EXIT_USAGE;
    int code = command->needs_config ? console_config(console) : 0;
    if (code == 0)
        code = command->run(console, argc, argv);
    dr_config_free(console->config);
    remote_close(&console->remote);
    return fflush(stdout) == 0 ? code : EXIT_BROKEN;
}

int main(int argc, char **argv)
{
    struct console console = {.config_path = default_config()};
    console.gateway = getenv("DROVER_GATEWAY");
    if (console.gateway != NULL && *console.gateway == '\0')
        console.gateway = NULL;
    console.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    int i = 1;
    /* Options of the whole program stand before the command; --json may follow it too. */
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0)
            console.json = true;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            console.config_path = argv[++i];
        else if (strcmp(argv[i], "--gateway") == 0 && i + 1 < argc)
            console.gateway = argv[++i];
        else if (strcmp(argv[i], "--version") == 0)
            return printf("drover %s\n", DROVER_VERSION) < 0;
        else
            return usage(strcmp(argv[i], "--help") == 0 ? stdout : stderr);
    }
    if (i == argc)
        return usage(stderr);
    const char *name = argv[i++];
    int kept = 0;
    for (int j = i; j < argc; j++) {
        if (strcmp(argv[j], "--json") == 0)
            console.json = true;
        else
            argv[i + kept++] = argv[j];
    }
    for (size_t c = 0; c < COMMAND_COUNT; c++)
        if (strcmp(commands[c].name, name) == 0)
            return run(&console, &commands[c], kept, argv + i);
    fprintf(stderr, "drover: there is no command \"%s\"\n\n", name);
    return usage(stderr);
}
