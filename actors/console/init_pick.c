/* SPDX-License-Identifier: Apache-2.0 */
#include "init_pick.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "seal.h"
#include "strbuf.h"

#define FILE_MAX_BYTES ((size_t)256 << 10)

/* ---- what can be picked ---------------------------------------------------------------------- */
bool pick_has(const json_t *names, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach (names, i, one)
        if (strcmp(json_string_value(one), name) == 0)
            return true;
    return false;
}

static json_t *words_of(const char *words)
{
    json_t *list = json_array();
    for (const char *at = words; *at != '\0';) {
        size_t len = strcspn(at, "|");
        json_array_append_new(list, json_stringn(at, len));
        at += len + (at[len] == '|');
    }
    return list;
}

static json_t *names_of(const struct wizard *w, const char *list)
{
    json_t *names = json_array(), *item;
    size_t i;
    json_array_foreach (json_object_get(w->answers, list), i, item)
        if (json_object_get(item, "name") != NULL)
            json_array_append(names, json_object_get(item, "name"));
    return names;
}

/* The server's queues that no other entry serves. */
static json_t *queues_left(const struct wizard *w, size_t mine)
{
    json_t *left = json_deep_copy(w->queues), *item;
    size_t i;
    json_array_foreach (json_object_get(w->answers, "queues"), i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        for (size_t n = json_array_size(left); name != NULL && i != mine && n-- > 0;)
            if (strcmp(json_string_value(json_array_get(left, n)), name) == 0)
                json_array_remove(left, n);
    }
    return left;
}

json_t *pick_list(const struct wizard *w, const struct question *q)
{
    json_t *list = NULL;
    if (q->field == NULL)
        return NULL;
    if (q->field->kind == CFG_ENUM)
        list = words_of(q->field->words);
    else if (q->group == CFG_GROUP_MACHINES && strcmp(q->key, "account") == 0)
        list = names_of(w, "accounts");
    else if (q->group == CFG_GROUP_QUEUES && strcmp(q->key, "types") == 0)
        list = names_of(w, "machine_types");
    else if (q->group == CFG_GROUP_QUEUES && strcmp(q->key, "name") == 0)
        list = queues_left(w, q->index);
    else if (q->group == CFG_GROUP_CLOUD && strcmp(q->key, "profile") == 0)
        list = json_deep_copy(json_object_get(w->known, "profiles"));
    if (json_array_size(list) == 0) {
        json_decref(list);
        return NULL;
    }
    return list;
}

void pick_print(const json_t *picks)
{
    struct dr_strbuf line = {0};
    json_t *one;
    size_t i;
    json_array_foreach (picks, i, one)
        dr_strbuf_printf(&line, "%s%zu) %s", i > 0 ? "  " : "", i + 1, json_string_value(one));
    if (line.data != NULL)
        ask_wrap(2, line.data);
    dr_strbuf_free(&line);
}

static char *copied(const char *text)
{
    char *copy = strdup(text);
    DR_ASSERT(copy != NULL);
    return copy;
}

/* A number is a place in the list, unless something in the list is called so. */
static const char *picked(const char *word, const json_t *picks)
{
    char *end;
    unsigned long n = strtoul(word, &end, 10);
    if (*end != '\0' || end == word || pick_has(picks, word) || n == 0 ||
        n > json_array_size(picks))
        return word;
    return json_string_value(json_array_get(picks, n - 1));
}

static char *picked_each(const char *line, const json_t *picks)
{
    struct dr_strbuf out = {0};
    char *copy = copied(line), *rest = copy;
    for (char *word; (word = strtok_r(rest, ", ", &rest)) != NULL;)
        dr_strbuf_printf(&out, "%s%s", out.len > 0 ? ", " : "", picked(word, picks));
    free(copy);
    return out.data == NULL ? copied("") : out.data;
}

/* ---- texts of files -------------------------------------------------------------------------- */
static char *text_of(const struct wizard *w, const char *path)
{
    char full[PATH_MAX], why[PATH_MAX + 200];
    const char *home = getenv("HOME");
    bool tilde = strncmp(path, "~/", 2) == 0 && home != NULL;
    snprintf(full, sizeof full, "%s%s", tilde ? home : "", tilde ? path + 1 : path);
    FILE *file = fopen(full, "r");
    char *text = calloc(1, FILE_MAX_BYTES);
    DR_ASSERT(text != NULL);
    size_t len = file == NULL ? 0 : fread(text, 1, FILE_MAX_BYTES - 1, file);
    bool fine = file != NULL && !ferror(file) && len > 0 && strlen(text) == len && feof(file);
    snprintf(why, sizeof why, "%s: %s", full,
             file == NULL ? strerror(errno) : "is no text, or too long, or empty");
    if (file != NULL)
        fclose(file);
    if (fine)
        return text;
    dr_wipe_free(text, len);
    ask_complain(w, why, false);
    return NULL;
}

/* A key that is pasted comes as many lines. */
static char *pasted_key(const struct wizard *w, const char *first)
{
    struct dr_strbuf key = {0};
    dr_strbuf_printf(&key, "%s\n", first);
    for (bool end = false; !end;) {
        char *line = ask_line(w, "", true);
        if (line == NULL)
            break;
        end = strncmp(line, "-----END", 8) == 0;
        dr_strbuf_printf(&key, "%s\n", line);
        dr_wipe_free_text(line);
    }
    return key.data;
}

char *pick_resolve(const struct wizard *w, const struct question *q, const char *line,
                   const json_t *picks)
{
    bool key = q->kind == Q_SECRET && strcmp(q->key, "ssh_private_key") == 0;
    enum cfg_kind kind = q->field != NULL ? q->field->kind : CFG_STR; /* a secret is text */
    bool text = q->kind == Q_SECRET || kind == CFG_STR || kind == CFG_REQ;
    if (key && strncmp(line, "-----BEGIN", 10) == 0)
        return pasted_key(w, line);
    if (key || (text && *line == '@'))
        return text_of(w, line + (*line == '@'));
    if (kind == CFG_BOOL) {
        bool yes = strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
        bool no = strcasecmp(line, "n") == 0 || strcasecmp(line, "no") == 0;
        return copied(yes ? "true" : no ? "false" : line);
    }
    if (picks == NULL)
        return copied(line);
    return kind == CFG_STRS ? picked_each(line, picks) : copied(picked(line, picks));
}
