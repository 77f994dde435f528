/* SPDX-License-Identifier: Apache-2.0
 *
 * The wizard's end: what was answered and what it can cost, then the files.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_most.h"
#include "accounts.h"
#include "drover/assert.h"
#include "init.h"

/* ---- drover.yaml ----------------------------------------------------------------------------- */
static int fail(const char *path)
{
    fprintf(stderr, "drover: cannot write %s: %s\n", path, strerror(errno));
    return EXIT_BROKEN;
}

/* Whole from the first moment: a droverd that reads it meanwhile sees the old one or the new one.
 */
static int write_whole(const char *path, const char *text)
{
    struct dr_error error;
    if (dr_file_replace(path, text, strlen(text), 0644, &error))
        return EXIT_FINE;
    fprintf(stderr, "drover: %s\n", error.text);
    return EXIT_BROKEN;
}

static bool write_yaml(const struct wizard *w)
{
    struct dr_config_errors errors;
    struct dr_config *config = answers_draft(w, &errors);
    DR_ASSERT(config != NULL);
    char *text = dr_config_write(dr_config_root(config));
    bool fine = write_whole(w->path, text) == EXIT_FINE;
    if (fine)
        printf("\nWritten: %s\n", w->path);
    free(text);
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return fine;
}

/* ---- all or nothing -------------------------------------------------------------------------- */
static const int enders[] = {SIGINT, SIGTERM, SIGHUP};

static bool is_told_to_end(void)
{
    sigset_t waiting;
    sigpending(&waiting);
    for (size_t i = 0; i < sizeof enders / sizeof *enders; i++)
        if (sigismember(&waiting, enders[i]))
            return true;
    return false;
}

/* Accounts first: the server is asked to make queues only when everything else is good. */
static bool put_secrets(struct wizard *w, bool tried)
{
    size_t count = json_array_size(json_object_get(w->answers, "accounts"));
    bool fine = tried || probe_write_untried(w);
    for (size_t i = 0; i < count && tried && fine; i++)
        fine = probe_account(w, i, true);
    return fine && (!tried || probe_clearml(w, true));
}

bool finish_write(struct wizard *w, bool tried)
{
    bool made = mkdir(w->dir, 0755) == 0;
    if (!made && errno != EEXIST)
        return fail(w->dir) == EXIT_FINE;
    sigset_t set, before;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof enders / sizeof *enders; i++)
        sigaddset(&set, enders[i]);
    sigprocmask(SIG_BLOCK, &set, &before);
    json_t *files = probe_files(w);
    json_array_append_new(files, json_string(w->path));
    json_t *kept = again_keep(files);
    bool fine = kept != NULL && put_secrets(w, tried) && !is_told_to_end() && write_yaml(w);
    if (fine)
        again_say(kept);
    else if (kept != NULL)
        again_undo(kept);
    if (!fine && made)
        rmdir(w->dir);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return fine;
}

int finish_check(struct wizard *w)
{
    char *none[] = {NULL};
    w->console->config_path = w->path;
    puts("\ndrover check:");
    int code = cmd_check(w->console, 0, none);
    printf("\nStart it:  drover --config %s up\n", w->path);
    return code;
}

/* ---- the summary ----------------------------------------------------------------------------- */
static void count_of(const struct wizard *w, const char *list, const char *noun, char *out,
                     size_t room)
{
    size_t count = json_array_size(json_object_get(w->answers, list));
    snprintf(out, room, "%zu %s%s", count, noun, count == 1 ? "" : "s");
}

/* Every setting that differs from its default, as the file will have it, without its comments. */
static void say_file(const struct dr_cfg_root *root)
{
    char *text = dr_config_write(root), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0' && line[strspn(line, " ")] != '#')
            printf("  %s\n", line);
    free(text);
}

static void say_summary(const struct wizard *w, const struct dr_cfg_root *root)
{
    char queues[40], types[40], accounts[40], line[200];
    struct dr_most most;
    count_of(w, "queues", "queue", queues, sizeof queues);
    count_of(w, "machine_types", "machine type", types, sizeof types);
    count_of(w, "accounts", "account", accounts, sizeof accounts);
    ask_head(w, "Summary");
    say_file(root);
    snprintf(line, sizeof line, "%s served by %s in %s.", queues, types, accounts);
    puts("");
    ask_wrap(2, line);
    dr_config_most(root, &most);
    ask_wrap(2, most.sentence);
}

/* ---- what is wrong with the whole -------------------------------------------------------------
 */
/* The question that a fault is about, else of its entry: there the wizard goes on. */
static size_t question_of(const struct wizard *w, const char *path)
{
    size_t best = 0, best_len = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct question *q = &w->questions[i];
        size_t len = q->kind == Q_FIELD ? strlen(q->path) : 0;
        size_t scope = strlen(q->scope);
        if (q->kind == Q_FIELD && strncmp(path, q->path, len) == 0 && len > best_len)
            best = i, best_len = len;
        else if (scope > best_len && strncmp(path, q->scope, scope) == 0)
            best = i, best_len = scope;
    }
    return best;
}

/* False when there are faults: they were said, and w->at is where the first can be mended. */
static bool is_whole(struct wizard *w)
{
    struct dr_config_errors errors;
    struct dr_config *config = answers_draft(w, &errors);
    bool whole = config != NULL;
    for (size_t i = 0; i < errors.count; i++) {
        char line[1200];
        snprintf(line, sizeof line, "%s%s%s", errors.items[i].path,
                 *errors.items[i].path ? ": " : "", errors.items[i].what);
        ask_complain(w, line, errors.items[i].warning);
        if (!errors.items[i].warning && whole)
            w->at = question_of(w, errors.items[i].path);
        whole = whole && errors.items[i].warning;
    }
    if (whole)
        say_summary(w, dr_config_root(config));
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return whole;
}

/* ---- the last questions ---------------------------------------------------------------------- */
static char first_of(const struct wizard *w, const char *prompt)
{
    char *line = ask_line(w, prompt, false);
    char first = line == NULL ? '\004' : *line; /* Ctrl-D's own character: none that is typed */
    free(line);
    return first;
}

static enum step ask_write(struct wizard *w)
{
    char prompt[PATH_MAX + 64];
    bool there = access(w->path, F_OK) == 0;
    snprintf(prompt, sizeof prompt, "\n%s %s? [%s] > ",
             there ? "There is one already. Overwrite" : "Write", w->path, there ? "y/N" : "Y/n");
    for (;;) {
        char first = first_of(w, prompt);
        if (first == '\0')
            first = there ? 'n' : 'y';
        if (first == 'y' || first == 'Y')
            return STEP_ON;
        if (first == '<')
            return STEP_BACK;
        if (first == 'n' || first == 'N' || first == '\004')
            return STEP_END;
        puts("  y or n; < goes back");
    }
}

enum step finish_ask(struct wizard *w)
{
    if (!is_whole(w))
        return STEP_AGAIN;
    enum step step = ask_write(w);
    if (step != STEP_ON || finish_write(w, true))
        return step;
    const char *ways =
        "  Enter asks once more, < goes back, w writes it untried, ! shows the rights > ";
    char first = first_of(w, ways);
    while (first == '!') {
        rights_print(w);
        first = first_of(w, ways);
    }
    if (first == '\004')
        return STEP_END;
    if (first == 'w')
        return finish_write(w, false) ? STEP_ON : STEP_AGAIN;
    return first == '<' ? STEP_BACK : STEP_AGAIN;
}
