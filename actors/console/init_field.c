/* SPDX-License-Identifier: Apache-2.0
 *
 * One question of the wizard: what is said with it, what may be answered, and whether that is fine.
 */
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "init.h"
#include "init_pick.h"
#include "prices.h"
#include "seal.h"

/* ---- what is said with it -------------------------------------------------------------------- */
static void describe(const struct wizard *w, const struct question *q)
{
    const char *label = q->field != NULL ? q->help->label : q->secret->label;
    const char *meaning = q->field != NULL ? q->field->meaning : q->secret->meaning;
    const char *example = q->field != NULL ? q->help->example : q->secret->example;
    const char *link = q->field != NULL ? q->help->link : q->secret->link;
    char line[600];
    printf("\n%s\n", label);
    ask_wrap(2, meaning);
    if (*example != '\0') {
        snprintf(line, sizeof line, "e.g. %s", example);
        ask_wrap(2, line);
    }
    ask_wrap(2, link);
    const char *file = q->secret == NULL ? NULL : again_file(w, q);
    if (file != NULL) {
        snprintf(line, sizeof line, "so far in %.400s: what is typed replaces all of that file",
                 file);
        ask_wrap(2, line);
    }
}

static void say_help(const struct wizard *w, const struct question *q)
{
    static const char *const kinds[CFG_KINDS] = {
        [CFG_STR] = "a text",
        [CFG_REQ] = "a text; must be given",
        [CFG_NAME] = "a name of letters, digits, `.`, `_`, `-`; must be given",
        [CFG_ENUM] = "one of the words above, or its number",
        [CFG_INT] = "a whole number",
        [CFG_DUR] = "a duration: 90s, 15m, 2h, 7d",
        [CFG_USD] = "dollars: 3 or 0.526",
        [CFG_BOOL] = "yes or no",
        [CFG_STRS] = "any number of texts, with commas between them",
    };
    describe(w, q);
    if (q->field != NULL) {
        const char *def = q->field->def;
        printf("  in the file:  %s\n  may be:       %s\n", q->path, kinds[q->field->kind]);
        if (q->field->min != NULL)
            printf("  range:        %s to %s\n", q->field->min, q->field->max);
        if (def != NULL && *def != '\0')
            printf("  if left out:  %s\n", def);
    } else {
        puts("  goes into a file of mode 0600 and never into drover.yaml");
    }
    puts("  Enter keeps what stands in brackets, - takes it away, < goes back,\n"
         "  @FILE takes the text of a file, Ctrl-C ends without writing anything");
}

static void say_price(const struct wizard *w, const struct question *q)
{
    struct dr_config_errors errors;
    struct dr_config *config = answers_draft(w, &errors);
    const struct dr_cfg_root *root = config == NULL ? NULL : dr_config_root(config);
    if (root != NULL && q->index < root->machine_types.count) {
        struct dr_price price = dr_price_of(root, &root->machine_types.items[q->index]);
        char line[400];
        int n = 0;
        if (price.cores > 0)
            n = snprintf(line, sizeof line, "%lld cores, %lld GiB, ", (long long)price.cores,
                         (long long)price.memory_mib / 1024);
        if (price.gpus > 0)
            n += snprintf(line + n, sizeof line - (size_t)n, "%lld GPU%s %s of %lld GiB, ",
                          (long long)price.gpus, price.gpus == 1 ? "" : "s", price.gpu,
                          (long long)price.gpu_memory_mib / 1024);
        if (price.price_usd_micros > 0)
            snprintf(line + n, sizeof line - (size_t)n, "$%.4g an hour (%s price%s%s)",
                     (double)price.price_usd_micros / 1e6, price.source,
                     *price.as_of ? " as of " : "", price.as_of);
        else
            snprintf(line + n, sizeof line - (size_t)n,
                     "price unknown: say it below, or no limit of money can be kept");
        ask_wrap(2, line);
    }
    dr_config_errors_free(&errors);
    dr_config_free(config);
}

/* ---- whether it is fine ---------------------------------------------------------------------- */
static bool is_about(const struct question *q, const char *path)
{
    size_t len = strlen(q->path);
    return strncmp(path, q->path, len) == 0 && (path[len] == '\0' || path[len] == '[');
}

static size_t say_faults(const struct wizard *w, const struct question *q, bool warnings)
{
    struct dr_config_errors errors;
    struct dr_config *config = answers_draft(w, &errors);
    size_t count = 0;
    for (size_t i = 0; i < errors.count; i++) {
        const struct dr_config_error *one = &errors.items[i];
        if (one->warning == warnings && is_about(q, one->path)) {
            ask_complain(w, one->what, one->warning);
            count++;
        }
    }
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return count;
}

/* What the probes would refuse, at the question that it is about. */
static const char *secret_fault(const struct wizard *w, const struct question *q, const char *value)
{
    (void)w;
    if (*value == '\0' && strcmp(q->key, "git_token") == 0)
        return "a git host needs a token: give one, or go back and take the host away";
    return NULL;
}

/* A warning is said once: the same answer again is meant. */
static bool take(struct wizard *w, const struct question *q, const char *value, bool insists)
{
    const char *fault = q->kind == Q_SECRET ? secret_fault(w, q, value) : NULL;
    if (fault != NULL) {
        ask_complain(w, fault, false);
        return false;
    }
    char *before = answers_get(w, q);
    answers_set(w, q, value);
    bool fine = q->kind == Q_SECRET || say_faults(w, q, false) == 0;
    if (!fine)
        answers_set(w, q, before);
    dr_wipe_free_text(before);
    if (!fine || q->kind == Q_SECRET || insists)
        return fine;
    if (say_faults(w, q, true) == 0)
        return true;
    puts("  Enter keeps it all the same.");
    return false;
}

/* ---- the answer ------------------------------------------------------------------------------ */
static char *prompt_of(const struct question *q, const char *offered)
{
    char *prompt = NULL;
    bool hidden = q->secret != NULL && q->secret->hidden;
    if (q->field != NULL && q->field->kind == CFG_BOOL)
        offered = strcmp(offered, "true") == 0 ? "yes" : "no";
    if (*offered == '\0')
        offered = "none";
    else if (hidden)
        offered = "kept as it is";
    DR_ASSERT(asprintf(&prompt, "  [%s] > ", offered) > 0);
    return prompt;
}

/* The text that a line stands for; NULL after saying why it is none. Takes the line. */
static char *meant(const struct wizard *w, const struct question *q, char *line, json_t *picks)
{
    char *text = strcmp(line, "-") == 0 ? strdup("") : pick_resolve(w, q, line, picks);
    dr_wipe_free_text(line);
    return text;
}

static bool is_default(const struct question *q, const char *value)
{
    return q->field != NULL && q->field->def != NULL && strcmp(value, q->field->def) == 0;
}

static enum step answered(struct wizard *w, const struct question *q, char *line, json_t *picks,
                          bool *warned)
{
    char *offered = answers_suggestion(w, q);
    bool kept = *line == '\0';
    char *value = kept ? strdup(offered) : meant(w, q, line, picks);
    if (kept)
        dr_wipe_free_text(line);
    bool fine =
        value != NULL && take(w, q, kept && is_default(q, value) ? "" : value, kept && *warned);
    *warned = value != NULL;
    dr_wipe_free_text(value);
    dr_wipe_free_text(offered);
    return fine ? STEP_ON : STEP_AGAIN;
}

static void say_after(const struct wizard *w, const struct question *q)
{
    char *value = answers_get(w, q);
    if (*value != '\0' && q->field != NULL && strcmp(q->key, "instance_type") == 0)
        say_price(w, q);
    if (q->group == CFG_GROUP_QUEUES && strcmp(q->key, "name") == 0 && w->queues != NULL &&
        !pick_has(w->queues, value))
        puts("  The server has no such queue: it is made when all is written.");
    if (rights_known(w, q) && strcmp(q->key, "driver") == 0)
        puts("  ! as an answer shows the rights that Drover needs there, ready to paste.");
    dr_wipe_free_text(value);
}

static enum step ask_value(struct wizard *w, const struct question *q)
{
    json_t *picks = pick_list(w, q);
    enum step step = STEP_AGAIN;
    bool warned = false;
    describe(w, q);
    pick_print(picks);
    while (step == STEP_AGAIN) {
        char *offered = answers_suggestion(w, q), *prompt = prompt_of(q, offered);
        char *line = ask_line(w, prompt, q->secret != NULL && q->secret->hidden);
        dr_wipe_free_text(offered);
        free(prompt);
        if (line == NULL) {
            step = STEP_END;
        } else if (strcmp(line, "!") == 0 && rights_known(w, q)) {
            rights_print(w);
            free(line);
        } else if (strcmp(line, "<") == 0 || strcmp(line, "?") == 0) {
            step = *line == '<' ? STEP_BACK : STEP_AGAIN;
            if (*line == '?') {
                say_help(w, q);
                pick_print(picks);
            }
            free(line);
        } else {
            step = answered(w, q, line, picks, &warned);
        }
    }
    if (step == STEP_ON)
        say_after(w, q);
    json_decref(picks);
    return step;
}

/* ---- yes and no ------------------------------------------------------------------------------ */
static enum step ask_yes(struct wizard *w, const struct question *q)
{
    static const char *const nouns[] = {
        [CFG_GROUP_CLOUD] = "cloud account",
        [CFG_GROUP_GIT] = "git host",
        [CFG_GROUP_MACHINES] = "machine type",
        [CFG_GROUP_QUEUES] = "queue",
    };
    char prompt[120], list[40];
    bool yes = json_is_true(json_object_get(w->said, q->path));
    if (q->kind == Q_MORE)
        snprintf(prompt, sizeof prompt, "\nAnother %s? [%s] > ", nouns[q->group],
                 yes ? "Y/n" : "y/N");
    else
        snprintf(prompt, sizeof prompt, "\nAdvanced settings? [%s] > ", yes ? "Y/n" : "y/N");
    for (;;) {
        char *line = ask_line(w, prompt, false);
        if (line == NULL)
            return STEP_END;
        char first = *line;
        free(line);
        if (first == '<')
            return STEP_BACK;
        if (first != '\0' && strchr("yYnN", first) == NULL) {
            puts("  y or n; Enter keeps what is large, < goes back");
            continue;
        }
        yes = first == '\0' ? yes : first == 'y' || first == 'Y';
        json_object_set_new(w->said, q->path, json_boolean(yes));
        if (q->kind == Q_MORE && !yes && q->group == CFG_GROUP_GIT) {
            answers_cut_hosts(w, q->index, q->host + 1);
        } else if (q->kind == Q_MORE && !yes) {
            snprintf(list, sizeof list, "%.*s", (int)strcspn(q->scope, "["), q->scope);
            answers_cut(w, list, q->index + 1);
        }
        return STEP_ON;
    }
}

/* What to do about a test that failed: its first character, 0 for Enter; -1 at the end of input. */
static int after_test(const struct wizard *w, bool cloud)
{
    for (;;) {
        char *line =
            ask_line(w,
                     cloud ? "  Enter tries again, < goes back, c goes on all the same, ! shows "
                             "the rights > "
                           : "  Enter tries again, < goes back, c goes on all the same > ",
                     false);
        int first = line == NULL ? -1 : (unsigned char)*line;
        free(line);
        if (first == '!' && cloud)
            rights_print(w);
        else if (first <= 0 || first == '<' || first == 'c')
            return first;
    }
}

static enum step ask_test(struct wizard *w, const struct question *q)
{
    bool cloud = strcmp(q->path, "test:clearml") != 0;
    while (!(cloud ? probe_account(w, q->index, false) : probe_clearml(w, false))) {
        int first = after_test(w, cloud);
        if (first != '\0')
            return first < 0 ? STEP_END : first == 'c' ? STEP_ON : STEP_BACK;
    }
    return STEP_ON;
}

enum step field_ask(struct wizard *w, const struct question *q)
{
    if (q->kind == Q_TEST)
        return ask_test(w, q);
    return q->kind == Q_FIELD || q->kind == Q_SECRET ? ask_value(w, q) : ask_yes(w, q);
}
