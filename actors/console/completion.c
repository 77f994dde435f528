/* SPDX-License-Identifier: Apache-2.0 */
/* drover completion: what a shell reads to complete drover's command line. Commands and options are
 * in it; names of machines, queues and tasks are asked for when they are needed. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complete.h"
#include "drover/assert.h"
#include "flock.h"
#include "help.h"

#define ASK_MS 1000
#define USAGE "completion bash|zsh|fish"

/* ---- bash and zsh: cases of the same form ------------------------------------------------------
 */
static void print_words(const char *words)
{
    const char *line = words;
    while (*line != '\0') {
        size_t len = strcspn(line, " ");
        printf(" '%.*s'", (int)len, line);
        line += len + (line[len] == ' ');
    }
}

static void print_values(const struct complete_item *item)
{
    if (item->kind == COMPLETE_FILES)
        fputs(" files=1;", stdout);
    else if (item->kind == COMPLETE_NAMES)
        printf(" names='%s';", item->words);
    else if (item->kind == COMPLETE_WORDS)
        fputs(" words+=(", stdout), print_words(item->words), fputs(" );", stdout);
}

/* COMMAND,PREVIOUS: what the option before the cursor takes; then COMMAND: all that may follow. */
static void print_cases(const struct command *command)
{
    struct complete_item items[COMPLETE_MAX];
    size_t count = complete_parse(command->arguments, items);
    for (size_t i = 0; i < count; i++) {
        if (!items[i].takes)
            continue;
        printf("    %s,%s)", command->name, items[i].option);
        print_values(&items[i]);
        puts(" ;;");
    }
    printf("    %s,*) words+=('--json' '--help'", command->name);
    for (size_t i = 0; i < count; i++)
        if (items[i].option[0] != '\0')
            printf(" '%s'", items[i].option);
    fputs(");", stdout);
    for (size_t i = 0; i < count; i++)
        if (items[i].option[0] == '\0')
            print_values(&items[i]);
    puts(" ;;");
}

static void print_all_cases(void)
{
    size_t count;
    const struct command *all = commands_all(&count);
    puts("  case \"$command,$prev\" in\n    ,--config) files=1 ;;\n    ,--gateway) ;;");
    fputs("    ,*) words+=('--config' '--gateway' '--json' '--help' '--version' 'help'", stdout);
    for (size_t i = 0; i < count; i++)
        printf(" '%s'", all[i].name);
    puts(") ;;");
    for (size_t i = 0; i < count; i++)
        print_cases(&all[i]);
    puts("  esac");
}

/* Names are compared and quoted, never handed to `compgen -W`, which would expand them. */
static void print_bash(void)
{
    puts("# bash completion for drover: `drover completion bash` prints it.\n"
         "_drover() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command='' names='' files='' word i words=() config=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      --config|--gateway) config=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i+1]}\"); ((++i)) "
         ";;\n"
         "      -*) ;;\n"
         "      *) command=${COMP_WORDS[i]}; break ;;\n"
         "    esac\n"
         "  done");
    print_all_cases();
    puts(
        "  for word in $names; do\n"
        "    while IFS= read -r i; do words+=(\"$i\"); done < <(\n"
        "      \"${COMP_WORDS[0]}\" \"${config[@]}\" completion --complete \"$word\" 2>/dev/null)\n"
        "  done\n"
        "  COMPREPLY=()\n"
        "  for word in \"${words[@]}\"; do\n"
        "    if [[ $word == \"$cur\"* ]]; then COMPREPLY+=(\"$(printf %q \"$word\")\"); fi\n"
        "  done\n"
        "  if [ -n \"$files\" ]; then\n"
        "    compopt -o filenames 2>/dev/null\n"
        "    while IFS= read -r i; do COMPREPLY+=(\"$i\"); done < <(compgen -f -- \"$cur\")\n"
        "  fi\n"
        "}\n"
        "complete -F _drover drover");
}

static void print_zsh(void)
{
    puts("#compdef drover\n"
         "# zsh completion for drover: `drover completion zsh` prints it.\n"
         "_drover() {\n"
         "  local command='' names='' files='' kind i\n"
         "  local prev=${words[CURRENT-1]} drover=${words[1]}\n"
         "  local -a line config found\n"
         "  line=(\"${(@)words}\")\n"
         "  for ((i = 2; i < CURRENT; i++)); do\n"
         "    case ${line[i]} in\n"
         "      --config|--gateway) config=(${line[i]} \"${line[i+1]}\"); ((++i)) ;;\n"
         "      -*) ;;\n"
         "      *) command=${line[i]}; break ;;\n"
         "    esac\n"
         "  done\n"
         "  local -a words");
    print_all_cases();
    puts("  for kind in ${=names}; do\n"
         "    found=(\"${(@f)$(\"$drover\" $config completion --complete $kind 2>/dev/null)}\")\n"
         "    words+=(\"${(@)found:#}\")\n"
         "  done\n"
         "  compadd -a words\n"
         "  if [[ -n $files ]]; then _files; fi\n"
         "}\n"
         "if [[ $funcstack[1] == _drover ]]; then _drover \"$@\"; else compdef _drover drover; fi");
}

/* ---- fish -------------------------------------------------------------------------------------
 */
static void fish_quote(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void fish_values(const struct complete_item *item)
{
    const char *rest = item->words;
    if (item->kind == COMPLETE_WORDS)
        printf(" -a '%s'", item->words);
    if (item->kind != COMPLETE_NAMES)
        return;
    fputs(" -a '", stdout);
    while (*rest != '\0') {
        size_t len = strcspn(rest, " ");
        printf("(__drover_names %.*s)", (int)len, rest);
        rest += len + (rest[len] == ' ');
        if (*rest != '\0')
            putchar(' ');
    }
    putchar('\'');
}

static void fish_command(const struct command *command)
{
    struct complete_item items[COMPLETE_MAX];
    size_t count = complete_parse(command->arguments, items);
    printf("complete -c drover -n __fish_use_subcommand -f -a %s -d ", command->name);
    fish_quote(command->meaning);
    putchar('\n');
    bool files = false;
    for (size_t i = 0; i < count; i++) {
        const struct complete_item *item = &items[i];
        files = files || (item->option[0] == '\0' && item->kind == COMPLETE_FILES);
        if (item->option[0] == '\0' && item->kind != COMPLETE_WORDS && item->kind != COMPLETE_NAMES)
            continue;
        printf("complete -c drover -n '__fish_seen_subcommand_from %s'", command->name);
        if (item->option[0] != '\0')
            printf(" -l %s%s", item->option + 2,
                   !item->takes                   ? ""
                   : item->kind == COMPLETE_FILES ? " -r -F"
                                                  : " -x");
        fish_values(item);
        putchar('\n');
    }
    if (!files)
        printf("complete -c drover -n '__fish_seen_subcommand_from %s' -f\n", command->name);
}

static void print_fish(void)
{
    size_t count;
    const struct command *all = commands_all(&count);
    puts("# fish completion for drover: `drover completion fish` prints it.\n"
         "function __drover_names\n"
         "  set -l words (commandline -opc)\n"
         "  set -l place\n"
         "  for i in (seq 2 (count $words))\n"
         "    if contains -- $words[$i] --config --gateway\n"
         "      set -l value (math $i + 1)\n"
         "      set place $words[$i] $words[$value]\n"
         "    end\n"
         "  end\n"
         "  drover $place completion --complete $argv[1] 2>/dev/null\n"
         "end\n"
         "complete -c drover -n __fish_use_subcommand -l config -r -F -d 'drover.yaml'\n"
         "complete -c drover -n __fish_use_subcommand -l gateway -x -d 'of another host'\n"
         "complete -c drover -n __fish_use_subcommand -l version -d 'which Drover this is'\n"
         "complete -c drover -n __fish_use_subcommand -l help -d 'all commands'\n"
         "complete -c drover -l json -d 'answer as JSON'");
    for (size_t i = 0; i < count; i++)
        fish_command(&all[i]);
}

/* ---- names ------------------------------------------------------------------------------------
 */
/* A name that would be two lines is none that can be completed. */
static void print_name(const char *name)
{
    if (name[0] != '\0' && strpbrk(name, "\n\r") == NULL)
        puts(name);
}

static void print_names(const struct flock *flock, const char *what)
{
    const struct dr_ledger_state *state = flock->state;
    const struct dr_picture *picture = flock->picture;
    bool machines = strcmp(what, "machines") == 0;
    if (strcmp(what, "queues") == 0) {
        for (size_t i = 0; i < picture->queues.queues.count; i++)
            print_name(picture->queues.queues.items[i].name);
        return;
    }
    for (size_t i = 0; machines && i < state->machines.count; i++) {
        print_name(state->machines.items[i].id);
        print_name(state->machines.items[i].instance_id);
    }
    for (size_t q = 0; !machines && q < picture->queues.queues.count; q++) {
        const struct dr_queue_view *queue = &picture->queues.queues.items[q];
        for (size_t i = 0; i < queue->waiting.count; i++)
            print_name(queue->waiting.items[i].task);
    }
    for (size_t i = 0; !machines && i < picture->workers.workers.count; i++)
        print_name(picture->workers.workers.items[i].task);
}

static int complete(struct console *console, const char *what)
{
    char err[512];
    struct flock flock;
    size_t rows;
    if (strcmp(what, "topics") == 0) {
        const struct dr_message_row *all = dr_rows(&rows);
        for (size_t i = 0; i < rows; i++)
            if (all[i].shape == DR_EVENT)
                print_name(all[i].name);
        return EXIT_FINE;
    }
    int code = console_config(console);
    if (code != 0)
        return code;
    if (strcmp(what, "queues") == 0 && console->cfg != NULL) {
        for (size_t i = 0; i < console->cfg->queues.count; i++)
            print_name(console->cfg->queues.items[i].name);
        return EXIT_FINE;
    }
    if (strcmp(what, "machines") != 0 && strcmp(what, "tasks") != 0 && strcmp(what, "queues") != 0)
        return console_usage("completion --complete machines|tasks|queues|topics");
    if (flock_read(console, 0, ASK_MS, &flock, err, sizeof err) != 0)
        return EXIT_BROKEN;
    print_names(&flock, what);
    flock_drop(&flock);
    return EXIT_FINE;
}

/* For programs that hand it on. */
static void print_document(const char *shell, void (*print)(void))
{
    char *script = NULL;
    size_t len = 0;
    FILE *out = stdout;
    stdout = open_memstream(&script, &len);
    DR_ASSERT(stdout != NULL);
    print();
    fclose(stdout);
    stdout = out;
    json_t *document = json_pack("{s:s,s:s}", "shell", shell, "script", script);
    json_dumpf(document, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(document);
    free(script);
}

int cmd_completion(struct console *console, int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    const char *what = console_option(&argc, argv, "--complete");
    const char *page = console_option(&argc, argv, "--page"); /* of the manual, for the build */
    if (page != NULL && argc == 0 && help_page(page, stdout) == 0)
        return EXIT_FINE;
    if (what != NULL && argc == 0)
        return complete(console, what);
    for (size_t i = 0; what == NULL && argc == 1 && i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(argv[0], shells[i].shell) == 0) {
            if (console->json)
                print_document(shells[i].shell, shells[i].print);
            else
                shells[i].print();
            return EXIT_FINE;
        }
    }
    return console_usage(USAGE);
}
