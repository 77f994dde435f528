/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "init.h"
#include "prices.h"
#include "strbuf.h"

/* ---- by path --------------------------------------------------------------------------------- */
/* The object that holds a field: "machine_types[1].budget.per_hour" steps into three. */
static json_t *holder(json_t *at, const char *path, bool make)
{
    for (;;) {
        size_t len = strcspn(path, ".[");
        if (path[len] == '\0')
            return at;
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)len, path);
        json_t *next = json_object_get(at, key);
        path += len;
        if (*path == '[') {
            next = json_array_get(next, strtoul(path + 1, (char **)&path, 10));
            path++; /* "]" */
        } else if (next == NULL && make) {
            next = json_object();
            json_object_set_new(at, key, next);
        }
        at = next;
        path++;
    }
}

static bool is_git(const char *key)
{
    return strncmp(key, "git_", 4) == 0;
}

/* Where a secret is kept: git_* in one of the account's git hosts. */
static json_t *secret_holder(const struct wizard *w, const struct question *q, const char **key)
{
    *key = q->key;
    if (strcmp(q->secret->file, "clearml") == 0)
        return json_object_get(w->secrets, "clearml");
    json_t *accounts = json_object_get(w->secrets, "accounts");
    while (json_array_size(accounts) <= q->index)
        json_array_append_new(accounts, json_object());
    json_t *mine = json_array_get(accounts, q->index);
    if (!is_git(q->key))
        return mine;
    *key = q->key + 4;
    if (json_object_get(mine, "git") == NULL)
        json_object_set_new(mine, "git", json_array());
    json_t *hosts = json_object_get(mine, "git");
    while (json_array_size(hosts) <= q->host)
        json_array_append_new(hosts, json_object());
    return json_array_get(hosts, q->host);
}

static char *joined(const json_t *list)
{
    struct dr_strbuf out = {0};
    json_t *one;
    size_t i;
    dr_strbuf_add_text(&out, "");
    json_array_foreach (list, i, one) {
        dr_strbuf_add_text(&out, i > 0 ? ", " : "");
        dr_strbuf_add_text(&out, json_string_value(one));
    }
    return out.data;
}

static char *copied(const char *text)
{
    char *copy = strdup(text == NULL ? "" : text);
    DR_ASSERT(copy != NULL);
    return copy;
}

char *answers_get(const struct wizard *w, const struct question *q)
{
    const char *key = q->key;
    const json_t *value;
    if (q->kind == Q_SECRET)
        value = json_object_get(secret_holder(w, q, &key), key);
    else
        value = json_object_get(holder(w->answers, q->path, false), key);
    return json_is_array(value) ? joined(value) : copied(json_string_value(value));
}

/* Items are parted by ", "; by "," too when there is none, so that NAME=a,b can be said. */
static json_t *split(const char *text)
{
    json_t *list = json_array();
    const char *comma = strstr(text, ", ") == NULL ? "," : ", ";
    for (const char *at = text; at != NULL && *at != '\0';) {
        const char *end = strstr(at, comma);
        size_t len = end == NULL ? strlen(at) : (size_t)(end - at);
        while (len > 0 && *at == ' ')
            at++, len--;
        while (len > 0 && at[len - 1] == ' ')
            len--;
        if (len > 0)
            json_array_append_new(list, json_stringn(at, len));
        at = end == NULL ? NULL : end + strlen(comma);
    }
    return list;
}

void answers_set(struct wizard *w, const struct question *q, const char *text)
{
    const char *key = q->key;
    json_t *in =
        q->kind == Q_SECRET ? secret_holder(w, q, &key) : holder(w->answers, q->path, true);
    if (*text == '\0' && q->kind == Q_SECRET && strcmp(q->key, "git_host") == 0)
        json_object_clear(in); /* its user and token are nobody's */
    else if (*text == '\0')
        json_object_del(in, key);
    else
        json_object_set_new(in, key,
                            q->kind == Q_FIELD && q->field->kind == CFG_STRS ? split(text)
                                                                             : json_string(text));
}

json_t *answers_entry(struct wizard *w, const char *list, size_t n)
{
    json_t *all = json_object_get(w->answers, list);
    if (all == NULL) {
        all = json_array();
        json_object_set_new(w->answers, list, all);
    }
    while (json_array_size(all) <= n)
        json_array_append_new(all, json_object());
    return json_array_get(all, n);
}

static void cut(json_t *all, size_t n)
{
    while (json_array_size(all) > n)
        json_array_remove(all, json_array_size(all) - 1);
}

void answers_cut(struct wizard *w, const char *list, size_t n)
{
    cut(json_object_get(w->answers, list), n);
    if (strcmp(list, "accounts") == 0)
        cut(json_object_get(w->secrets, "accounts"), n);
}

void answers_cut_hosts(struct wizard *w, size_t account, size_t n)
{
    const json_t *mine = json_array_get(json_object_get(w->secrets, "accounts"), account);
    cut(json_object_get(mine, "git"), n);
}

/* ---- the document ---------------------------------------------------------------------------- */
static bool has_any(const json_t *secrets, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        json_t *value = json_object_get(secrets, *keys), *host;
        size_t i;
        if (value != NULL && !json_is_array(value))
            return true;
        json_array_foreach (value, i, host)
            if (json_object_size(host) > 0)
                return true;
    }
    return false;
}

static void name_file(const struct wizard *w, json_t *in, const char *key, const char *what,
                      const char *of)
{
    if (json_object_get(in, key) == NULL)
        json_object_set_new(in, key,
                            json_sprintf("%s/%s%s%s.yaml", w->dir, what, *of ? "-" : "", of));
}

static void name_files(const struct wizard *w, json_t *document)
{
    static const char *const pair[] = {"access_key", "secret_key", NULL};
    static const char *const aws[] = {"access_key_id", "secret_access_key", NULL};
    static const char *const machines[] = {"git", "ssh_private_key", "storage_conf", NULL};
    const json_t *accounts = json_object_get(w->secrets, "accounts");
    json_t *account, *clearml = json_object_get(document, "clearml");
    size_t i;
    if (clearml != NULL && has_any(json_object_get(w->secrets, "clearml"), pair))
        name_file(w, clearml, "credentials_file", "clearml", "");
    json_array_foreach (json_object_get(document, "accounts"), i, account) {
        const char *name = json_string_value(json_object_get(account, "name"));
        name = name == NULL ? "" : name;
        if (has_any(json_array_get(accounts, i), aws))
            name_file(w, account, "credentials_file", "keys", name);
        if (has_any(json_array_get(accounts, i), machines))
            name_file(w, account, "secrets_file", "secrets", name);
    }
}

json_t *answers_document(const struct wizard *w)
{
    json_t *document = json_deep_copy(w->answers);
    DR_ASSERT(document != NULL);
    name_files(w, document);
    return document;
}

struct dr_config *answers_draft(const struct wizard *w, struct dr_config_errors *errors)
{
    json_t *document = answers_document(w);
    char *text = json_dumps(document, INIT_JSON);
    DR_ASSERT(text != NULL);
    struct dr_config *config = dr_config_parse_draft(text, strlen(text), "drover.yaml", errors);
    free(text);
    json_decref(document);
    return config;
}

/* ---- what is offered ------------------------------------------------------------------------- */
static const char *first_name(const struct wizard *w, const char *list)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(w->answers, list), 0), "name"));
}

/* The n-th account of a driver is aws2, the n-th type type2. */
static char *fresh_name(const struct wizard *w, const struct question *q, const char *stem)
{
    char name[80];
    size_t count = 0;
    for (size_t i = 0; q->group == CFG_GROUP_CLOUD && i < q->index; i++)
        count += strcmp(script_driver(w, "accounts", i), stem) == 0;
    count = q->group == CFG_GROUP_CLOUD ? count : q->index;
    if (count == 0)
        return copied(stem);
    snprintf(name, sizeof name, "%s%zu", q->group == CFG_GROUP_CLOUD ? stem : "type", count + 1);
    return copied(name);
}

/* A size with GPUs is hardly wanted for its cores. */
static bool has_gpus(const struct wizard *w, size_t index)
{
    struct dr_config_errors errors;
    struct dr_config *config = answers_draft(w, &errors);
    const struct dr_cfg_root *root = config == NULL ? NULL : dr_config_root(config);
    bool gpus = root != NULL && index < root->machine_types.count &&
                dr_price_of(root, &root->machine_types.items[index]).gpus > 0;
    dr_config_errors_free(&errors);
    dr_config_free(config);
    return gpus;
}

/* http://host:8008 is the usual address of one's own API server, and 8080 and 8081 of its others.
 */
static char *beside(const struct wizard *w, const char *port, const char *name)
{
    const char *api =
        json_string_value(json_object_get(json_object_get(w->answers, "clearml"), "api_server"));
    char text[300];
    size_t len = api == NULL ? 0 : strlen(api);
    if (len > 5 && len < 250 && strcmp(api + len - 5, ":8008") == 0)
        snprintf(text, sizeof text, "%.*s%s", (int)len - 5, api, port);
    else if (len < 250 && api != NULL && strncmp(api, "https://api.", 12) == 0)
        snprintf(text, sizeof text, "https://%s.%s", name, api + 12);
    else
        return copied("");
    return copied(text);
}

/* The path without its numbers: "accounts[].region". */
static const char *known_of(const struct wizard *w, const char *path)
{
    char plain[160];
    size_t len = 0;
    for (; *path != '\0' && len + 1 < sizeof plain; path++)
        if (*path < '0' || *path > '9')
            plain[len++] = *path;
    plain[len] = '\0';
    return json_string_value(json_object_get(w->known, plain));
}

static char *computed(const struct wizard *w, const struct question *q)
{
    const char *first = NULL;
    if (q->group == CFG_GROUP_CLOUD && strcmp(q->key, "name") == 0)
        return fresh_name(w, q, script_driver(w, "accounts", q->index));
    if (q->group == CFG_GROUP_MACHINES && strcmp(q->key, "name") == 0)
        return fresh_name(
            w, q,
            strcmp(script_driver(w, "machine_types", q->index), "local") == 0 ? "small" : "gpu");
    if (q->group == CFG_GROUP_MACHINES && strcmp(q->key, "account") == 0)
        first = first_name(w, "accounts");
    else if (q->group == CFG_GROUP_QUEUES && strcmp(q->key, "types") == 0)
        first = first_name(w, "machine_types");
    else if (q->group == CFG_GROUP_MACHINES && strcmp(q->key, "max_machines") == 0)
        first = "2";
    else if (strcmp(q->key, "cpu_only") == 0 && has_gpus(w, q->index))
        first = "false";
    else if (strcmp(q->path, "clearml.web_server") == 0)
        return beside(w, ":8080", "app");
    else if (strcmp(q->path, "clearml.files_server") == 0)
        return beside(w, ":8081", "files");
    return copied(first);
}

char *answers_suggestion(const struct wizard *w, const struct question *q)
{
    char *text = answers_get(w, q);
    if (*text != '\0' || q->kind != Q_FIELD)
        return text;
    free(text);
    const char *known = known_of(w, q->path);
    text = known == NULL ? computed(w, q) : copied(known);
    if (*text != '\0' || q->field->def == NULL)
        return text;
    free(text);
    return copied(q->field->def);
}
