/* SPDX-License-Identifier: Apache-2.0
 *
 * Which questions there are, in order: the groups of proto/config_help.def, and within them the
 * table's own order.
 */
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "init.h"

struct place {
    enum cfg_group group;
    const char *prefix, *scope, *driver;
    size_t index;
    bool advanced;
};

static const struct cfg_section *section_of(const char *name)
{
    for (size_t i = 0; i < cfg_section_count; i++)
        if (strcmp(cfg_sections[i]->name, name) == 0)
            return cfg_sections[i];
    DR_ASSERT(false);
    return NULL;
}

static struct question *add(struct wizard *w, enum question_kind kind, const struct place *place,
                            const char *word)
{
    w->questions = realloc(w->questions, (w->count + 1) * sizeof *w->questions);
    DR_ASSERT(w->questions != NULL);
    struct question *q = &w->questions[w->count++];
    *q = (struct question){.kind = kind, .group = place->group, .index = place->index};
    snprintf(q->path, sizeof q->path, "%s%s", word, place->prefix);
    snprintf(q->scope, sizeof q->scope, "%s", place->scope);
    return q;
}

const char *script_driver(const struct wizard *w, const char *list, size_t index)
{
    const json_t *accounts = json_object_get(w->answers, "accounts");
    const json_t *item = json_array_get(json_object_get(w->answers, list), index), *account;
    const char *name = json_string_value(json_object_get(item, "account"));
    size_t i;
    if (strcmp(list, "accounts") == 0)
        account = item;
    else
        account = json_array_get(accounts, 0);
    json_array_foreach (accounts, i, item) {
        const char *mine = json_string_value(json_object_get(item, "name"));
        if (name != NULL && mine != NULL && strcmp(list, "accounts") != 0 &&
            strcmp(name, mine) == 0)
            account = item;
    }
    const char *driver = json_string_value(json_object_get(account, "driver"));
    return driver == NULL ? "" : driver;
}

static bool is_wanted(const struct place *place, unsigned flags)
{
    bool advanced = (flags & CFG_ADVANCED) != 0;
    return (flags & (CFG_EXPERT | CFG_SECRET_FILE)) == 0 && advanced == place->advanced &&
           ((flags & CFG_AWS) == 0 || strcmp(place->driver, "aws") == 0) &&
           ((flags & CFG_LOCAL) == 0 || strcmp(place->driver, "local") == 0);
}

/* Sections in sections are asked with the flags and the group of the field that holds them. */
static size_t add_fields(struct wizard *w, const struct cfg_section *section,
                         const struct place *place, unsigned above, const char *only)
{
    size_t before = w->count;
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        const struct cfg_help *help = cfg_help(section, field);
        char path[160];
        if (field->kind == CFG_RECS || (above == 0 && help->group != place->group) ||
            (only != NULL && strcmp(only, field->key) != 0))
            continue;
        snprintf(path, sizeof path, "%s%s", place->prefix, field->key);
        if (field->kind == CFG_REC) {
            struct place inner = *place;
            char prefix[170];
            snprintf(prefix, sizeof prefix, "%s.", path);
            inner.prefix = prefix;
            add_fields(w, field->of, &inner, help->flags | 1U << 31, NULL);
        } else if (is_wanted(place, help->flags | above)) {
            struct question *q = add(w, Q_FIELD, place, "");
            snprintf(q->path, sizeof q->path, "%s", path);
            q->key = field->key;
            q->field = field;
            q->help = help;
        }
    }
    return w->count - before;
}

static bool was_said(const struct wizard *w, const char *path)
{
    return json_is_true(json_object_get(w->said, path));
}

static struct question *add_secret(struct wizard *w, const struct place *place,
                                   const struct cfg_secret *secret)
{
    struct question *q = add(w, Q_SECRET, place, "");
    snprintf(q->path, sizeof q->path, "%s:%zu:%s", secret->file, place->index, secret->key);
    q->key = secret->key;
    q->secret = secret;
    return q;
}

static bool is_git(const struct cfg_secret *secret)
{
    return strncmp(secret->key, "git_", 4) == 0;
}

static bool has_host(const struct wizard *w, size_t account, size_t n)
{
    const json_t *mine = json_array_get(json_object_get(w->secrets, "accounts"), account);
    const json_t *host = json_array_get(json_object_get(mine, "git"), n);
    return json_string_length(json_object_get(host, "host")) > 0;
}

/* As many git hosts as wished; who names none is asked nothing of it. */
static void add_hosts(struct wizard *w, const struct place *place)
{
    char word[32];
    for (size_t n = 0;; n++) {
        for (size_t i = 0; i < cfg_secret_count; i++) {
            const struct cfg_secret *secret = &cfg_secrets[i];
            if (is_git(secret) &&
                (has_host(w, place->index, n) || strcmp(secret->key, "git_host") == 0))
                add_secret(w, place, secret)->host = n;
        }
        if (!has_host(w, place->index, n))
            return;
        snprintf(word, sizeof word, "host:%zu:%zu", place->index, n);
        struct question *more = add(w, Q_MORE, place, word);
        more->host = n;
        if (!was_said(w, more->path))
            return;
    }
}

static void add_secrets(struct wizard *w, const struct place *place, const char *file)
{
    for (size_t i = 0; i < cfg_secret_count; i++) {
        const struct cfg_secret *secret = &cfg_secrets[i];
        if (strcmp(secret->file, file) != 0)
            continue;
        if (!is_git(secret))
            add_secret(w, place, secret);
        else if (strcmp(secret->key, "git_host") == 0)
            add_hosts(w, place);
    }
}

/* Asks first whether they are wanted at all. */
static void add_advanced(struct wizard *w, const char *section, struct place place)
{
    size_t before = w->count;
    char word[64];
    place.advanced = true;
    if (add_fields(w, section_of(section), &place, 0, NULL) == 0)
        return;
    w->count = before;
    snprintf(word, sizeof word, "advanced:%s:", cfg_groups[place.group].name);
    add(w, Q_ADVANCED, &place, word);
    if (was_said(w, w->questions[before].path))
        add_fields(w, section_of(section), &place, 0, NULL);
}

static void add_account(struct wizard *w, struct place *place)
{
    const struct cfg_section *section = section_of("cfg_account");
    add_fields(w, section, place, 0, "driver");
    add_fields(w, section, place, 0, "name");
    size_t before = w->count, kept = w->count;
    add_fields(w, section, place, 0, NULL);
    for (size_t i = before; i < w->count; i++)
        if (strcmp(w->questions[i].key, "driver") != 0 && strcmp(w->questions[i].key, "name") != 0)
            w->questions[kept++] = w->questions[i];
    w->count = kept;
    bool aws = strcmp(place->driver, "aws") == 0;
    if (aws)
        add_secrets(w, place, "aws");
    add_advanced(w, section->name, *place);
    if (aws)
        add(w, Q_TEST, place, "test:");
}

static void add_list(struct wizard *w, enum cfg_group group, const char *list, const char *section)
{
    for (size_t i = 0;; i++) {
        char prefix[64], scope[64];
        snprintf(prefix, sizeof prefix, "%s[%zu].", list, i);
        snprintf(scope, sizeof scope, "%s[%zu]", list, i);
        answers_entry(w, list, i);
        struct place place = {.group = group,
                              .prefix = prefix,
                              .scope = scope,
                              .driver = script_driver(w, list, i),
                              .index = i};
        if (group == CFG_GROUP_CLOUD) {
            add_account(w, &place);
        } else {
            add_fields(w, section_of(section), &place, 0, NULL);
            add_advanced(w, section, place);
        }
        struct question *more = add(w, Q_MORE, &place, "more:");
        if (!was_said(w, more->path))
            return;
    }
}

/* What the machines of each account need to fetch code and data. */
static void add_code(struct wizard *w)
{
    size_t count = json_array_size(json_object_get(w->answers, "accounts"));
    for (size_t i = 0; i < count; i++) {
        char scope[64];
        snprintf(scope, sizeof scope, "accounts[%zu]", i);
        struct place place = {.group = CFG_GROUP_GIT, .prefix = "", .scope = scope, .index = i};
        add_secrets(w, &place, "machines");
    }
}

/* A launch can be tried only once there is something to launch. */
static void add_launch_tests(struct wizard *w)
{
    size_t count = json_array_size(json_object_get(w->answers, "accounts"));
    for (size_t i = 0; i < count; i++) {
        struct place place = {
            .group = CFG_GROUP_MACHINES, .prefix = "types", .scope = "", .index = i};
        if (strcmp(script_driver(w, "accounts", i), "aws") == 0)
            add(w, Q_TEST, &place, "test:");
    }
}

void script_write(struct wizard *w)
{
    w->count = 0;
    for (enum cfg_group group = 0; group < CFG_GROUPS; group++) {
        struct place place = {.group = group, .prefix = "", .scope = "", .driver = ""};
        add_fields(w, cfg_root_section(), &place, 0, NULL);
        if (group == CFG_GROUP_SERVER)
            add_secrets(w, &place, "clearml");
        if (group == CFG_GROUP_CLOUD)
            add_list(w, group, "accounts", "cfg_account");
        else if (group == CFG_GROUP_GIT)
            add_code(w);
        else if (group == CFG_GROUP_MACHINES)
            add_list(w, group, "machine_types", "cfg_type");
        else if (group == CFG_GROUP_QUEUES)
            add_list(w, group, "queues", "cfg_queue");
        add_advanced(w, "cfg_root", place);
        if (group == CFG_GROUP_MACHINES)
            add_launch_tests(w);
        if (group == CFG_GROUP_SERVER)
            add(w, Q_TEST, &place, "test:clearml");
    }
}
