/* SPDX-License-Identifier: Apache-2.0
 *
 * drover init: asks what drover.yaml needs, tries it, and writes it with its files of secrets.
 */
#include "init.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nocore.h"

static void find_place(struct wizard *w, const char *dir, const char *config)
{
    char full[PATH_MAX + 16], above[PATH_MAX];
    const char *path = config == NULL ? w->console->config_path : config;
    /* The last resort of every command is root's. */
    if (config == NULL && geteuid() != 0 && strcmp(path, "/etc/drover/drover.yaml") == 0)
        path = "drover.yaml";
    if (dir != NULL) {
        snprintf(full, sizeof full, "%.2000s/drover.yaml", dir);
        path = full;
    }
    const char *slash = strrchr(path, '/');
    snprintf(above, sizeof above, "%.*s", slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    const char *name = slash == NULL ? path : slash + 1;
    if (realpath(above, w->dir) == NULL) { /* it will be made */
        char *here = getcwd(NULL, 0);
        snprintf(w->dir, sizeof w->dir, "%.2000s%s%.2000s",
                 *above == '/' || here == NULL ? "" : here,
                 *above == '/' || here == NULL ? "" : "/", above);
        free(here);
    }
    snprintf(w->path, sizeof w->path, "%.2000s/%.1000s", w->dir, name);
}

static void say_start(struct wizard *w)
{
    ask_head(w, "Drover");
    ask_wrap(0,
             "Some questions, then drover.yaml is written and examined. Enter takes what stands in "
             "brackets, ? explains, < goes back, Ctrl-C ends without writing anything.");
    printf("It will be %s\n", w->path);
}

/* A head for each group, and within one for each of its entries. */
static void say_where(struct wizard *w, const struct question *q, int *group, char *scope,
                      size_t room)
{
    char line[200];
    const struct cfg_group_row *row = &cfg_groups[q->group];
    if (*group != (int)q->group) {
        snprintf(line, sizeof line, "%d/%d %s", (int)q->group + 1, (int)CFG_GROUPS, row->title);
        ask_head(w, line);
        ask_wrap(0, row->meaning);
    }
    if (*q->scope != '\0' && (*group != (int)q->group || strcmp(scope, q->scope) != 0) &&
        q->kind != Q_MORE) {
        const char *noun = q->group == CFG_GROUP_MACHINES ? "Machine type"
                           : q->group == CFG_GROUP_QUEUES ? "Queue"
                                                          : "Account";
        printf("\n-- %s %zu --\n", noun, q->index + 1);
    }
    *group = (int)q->group;
    snprintf(scope, room, "%s", q->scope);
}

static size_t step_back(const struct wizard *w)
{
    size_t at = w->at;
    while (at > 0 && w->questions[at - 1].kind == Q_TEST)
        at--;
    if (at == 0)
        puts("  This is the first question.");
    return at == 0 ? w->at : at - 1;
}

static int ask_all(struct wizard *w)
{
    int group = -1;
    char scope[64] = "";
    for (;;) {
        script_write(w);
        bool last = w->at >= w->count;
        struct question q = last ? (struct question){0} : w->questions[w->at];
        if (!last)
            say_where(w, &q, &group, scope, sizeof scope);
        enum step step = last ? finish_ask(w) : field_ask(w, &q);
        if (step == STEP_BACK)
            w->at = step_back(w);
        else if (step == STEP_ON && !last)
            w->at++;
        else if (step == STEP_END)
            return puts("Nothing was written.") < 0 ? EXIT_BROKEN : EXIT_WAITS;
        else if (step == STEP_ON)
            break;
    }
    return finish_check(w);
}

static void begin(struct wizard *w)
{
    w->answers = json_object();
    w->said = json_object();
    w->known = json_object();
    w->secrets = json_pack("{s:{},s:[]}", "clearml", "accounts");
}

static void end(struct wizard *w)
{
    json_decref(w->answers);
    json_decref(w->said);
    json_decref(w->known);
    json_decref(w->secrets);
    json_decref(w->queues);
    free(w->questions);
}

int cmd_init(struct console *console, int argc, char **argv)
{
    /* Static: the console keeps a pointer to its configuration path. */
    static struct wizard w;
    const char *dir = console_option(&argc, argv, "--dir");
    const char *config = console_option(&argc, argv, "--config");
    const char *answers = console_option(&argc, argv, "--answers");
    const char *secrets = console_option(&argc, argv, "--secrets");
    if (argc != 0 || (secrets != NULL && answers == NULL) || (dir != NULL && config != NULL))
        return console_usage(
            "init [--dir DIR | --config FILE] [--answers FILE.json [--secrets FILE]]");
    if (answers == NULL && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
        fputs("drover: nobody can be asked here, for this is no terminal: `drover init --answers "
              "FILE.json` takes the answers from a file\n",
              stderr);
        return EXIT_USAGE;
    }
    dr_no_core();
    w.console = console;
    begin(&w);
    find_place(&w, dir, config);
    int code;
    if (answers != NULL) {
        code = batch_run(&w, answers, secrets);
    } else {
        say_start(&w);
        again_load(&w);
        known_find(&w);
        code = ask_all(&w);
    }
    end(&w);
    return code;
}
