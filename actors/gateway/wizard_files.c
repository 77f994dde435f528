/* SPDX-License-Identifier: Apache-2.0 */
/* Whose secrets go where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drover/assert.h"
#include "json.h"
#include "wizard.h"

static const char *const pair[] = {"access_key", "secret_key", NULL};
static const char *const keys[] = {"access_key_id", "secret_access_key", "session_token", NULL};

static bool is_among(const char *key, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(key, *names) == 0)
            return true;
    }
    return false;
}

static bool is_empty(const json_t *value)
{
    if (json_is_array(value))
        return json_array_size(value) == 0;
    return !json_is_string(value) || json_string_length(value) == 0;
}

/* Those that are named, or all others; a new reference, NULL: none of them was typed. */
static json_t *part_of(json_t *typed, const char *const *names, bool named)
{
    json_t *out = json_object(), *value;
    const char *key;
    json_object_foreach (typed, key, value)
        if (is_among(key, names) == named && !is_empty(value))
            json_object_set(out, key, value);
    if (json_object_size(out) > 0)
        return out;
    json_decref(out);
    return NULL;
}

static json_t *typed_for(const json_t *secrets, const char *account)
{
    return account == NULL ? json_object_get(secrets, "clearml")
                           : json_object_get(json_object_get(secrets, "accounts"), account);
}

char *wizard_input(const json_t *secrets, const char *account)
{
    json_t *typed = typed_for(secrets, account), *tree;
    if (account == NULL) {
        tree = part_of(typed, pair, true);
    } else {
        json_t *own = part_of(typed, keys, true), *machines = part_of(typed, keys, false);
        tree = own == NULL && machines == NULL
                   ? NULL
                   : json_pack("{s:o*,s:o*}", "credentials", own, "machines", machines);
    }
    char *text = tree == NULL ? NULL : dr_json_text(tree);
    json_decref(tree);
    return text;
}

/* ---- names ---------------------------------------------------------------------------------- */
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* Never a file that is there already: it is somebody's. */
static void name_file(json_t *in, const char *key, const char *dir, const char *what,
                      const char *account)
{
    char path[PATH_MAX];
    if (text_of(in, key)[0] != '\0')
        return;
    for (int n = 1; n < 1000; n++) {
        char number[16] = "";
        if (n > 1)
            snprintf(number, sizeof number, "-%d", n);
        snprintf(path, sizeof path, "%s/%s%s%s%s.yaml", dir, what, *account == '\0' ? "" : "-",
                 account, number);
        if (access(path, F_OK) != 0)
            break;
    }
    json_object_set_new(in, key, json_string(path));
}

/* each(section, key, what, account): for every file that something was typed for. */
typedef void each_fn(json_t *section, const char *key, const char *what, const char *account,
                     void *arg);
static void for_each(const json_t *draft, const json_t *secrets, each_fn *each, void *arg)
{
    json_t *account, *some;
    size_t i;
    if ((some = part_of(typed_for(secrets, NULL), pair, true)) != NULL)
        each(json_object_get(draft, "clearml"), "credentials_file", "clearml", "", arg);
    json_decref(some);
    json_array_foreach (json_object_get(draft, "accounts"), i, account) {
        const char *name = text_of(account, "name");
        json_t *typed = typed_for(secrets, name);
        if ((some = part_of(typed, keys, true)) != NULL)
            each(account, "credentials_file", "keys", name, arg);
        json_decref(some);
        if ((some = part_of(typed, keys, false)) != NULL)
            each(account, "secrets_file", "secrets", name, arg);
        json_decref(some);
    }
}

static void on_name(json_t *section, const char *key, const char *what, const char *account,
                    void *arg)
{
    /* A draft's name may be anything; such a one is refused before a file of it is written. */
    if (strchr(account, '/') == NULL)
        name_file(section, key, arg, what, account);
}

void wizard_name_files(json_t *draft, const json_t *secrets, const char *dir)
{
    if (json_object_get(draft, "clearml") == NULL)
        json_object_set_new(draft, "clearml", json_object());
    for_each(draft, secrets, on_name, (void *)(uintptr_t)dir);
    if (json_object_size(json_object_get(draft, "clearml")) == 0)
        json_object_del(draft, "clearml");
}

static void on_written(json_t *section, const char *key, const char *what, const char *account,
                       void *arg)
{
    json_t *path = json_object_get(section, key);
    (void)what;
    (void)account;
    if (json_is_string(path))
        json_array_append(arg, path);
}

void wizard_written(const json_t *draft, const json_t *secrets, json_t *files)
{
    for_each(draft, secrets, on_written, files);
}
