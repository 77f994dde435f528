/* SPDX-License-Identifier: Apache-2.0
 *
 * drover init --answers FILE: the same checks and the same files with nobody to ask.
 */
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "secretfile.h"

static int refuse(const char *file, const char *why)
{
    fprintf(stderr, "drover: %s: %s\n", file, why);
    return EXIT_CONFIG;
}

/* {"clearml": {...}, "accounts": {NAME: {...}}}: by name in the file, by place in the wizard. */
static int take_secrets(struct wizard *w, const char *file)
{
    struct dr_error error;
    json_t *tree = dr_secretfile_load(file, &error), *account;
    size_t i, used = 0;
    if (tree == NULL)
        return refuse(file, error.text);
    json_t *clearml = json_object_get(tree, "clearml"), *mine = json_object_get(tree, "accounts");
    if (json_is_object(clearml))
        json_object_set(w->secrets, "clearml", clearml);
    json_array_foreach (json_object_get(w->answers, "accounts"), i, account) {
        const char *name = json_string_value(json_object_get(account, "name"));
        json_t *typed = name == NULL ? NULL : json_object_get(mine, name);
        json_array_append_new(json_object_get(w->secrets, "accounts"),
                              json_is_object(typed) ? json_incref(typed) : json_object());
        used += typed != NULL;
    }
    int code = used == json_object_size(mine)
                   ? EXIT_FINE
                   : refuse(file, "names an account that the answers do not have");
    json_decref(tree);
    return code;
}

static int check(struct wizard *w, const char *file)
{
    struct dr_config_errors errors;
    struct dr_config *config = answers_draft(w, &errors);
    bool whole = config != NULL;
    for (size_t i = 0; i < errors.count; i++) {
        const struct dr_config_error *one = &errors.items[i];
        fprintf(stderr, "%s: %s%s%s%s\n", file, one->warning ? "warning: " : "", one->path,
                *one->path ? ": " : "", one->what);
        whole = whole && one->warning;
    }
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return whole ? EXIT_FINE : EXIT_CONFIG;
}

int batch_run(struct wizard *w, const char *answers, const char *secrets)
{
    json_error_t where;
    json_t *document = json_load_file(answers, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(document)) {
        json_decref(document);
        return refuse(answers, *where.text ? where.text : "must be one JSON object");
    }
    json_decref(w->answers);
    w->answers = document;
    int code = secrets == NULL ? EXIT_FINE : take_secrets(w, secrets);
    if (code == EXIT_FINE)
        code = check(w, answers);
    if (code == EXIT_FINE && !finish_write(w, true))
        code = refuse(answers, "nothing was written, for the faults above");
    return code == EXIT_FINE ? finish_check(w) : code;
}
