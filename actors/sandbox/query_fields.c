/* SPDX-License-Identifier: Apache-2.0 */
/* Dotted paths into documents: resolving them against a model, walking them, projecting by them. */
#include "query.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Does one pattern row cover name? *depth: how many leading parts agree. */
static bool row_covers(const struct query_field *row, const char *name, size_t *depth)
{
    const char *p = row->path;
    const char *n = name;
    *depth = 0;
    for (;;) {
        size_t plen = strcspn(p, ".");
        size_t nlen = strcspn(n, ".");
        bool any = plen == 1 && *p == '*';
        if (nlen == 0 || (!any && (plen != nlen || strncmp(p, n, plen) != 0)))
            return false;
        ++*depth;
        p += plen;
        n += nlen;
        if (*n == '\0')
            return *p == '\0';
        if (*p == '\0')
            return row->kind == QUERY_ANY;
        p++;
        n++;
    }
}

const struct query_field *query_resolve(const struct query_model *model, const char *name,
                                        const char **unresolved)
{
    size_t best = 0;
    for (const struct query_field *row = model->fields; row->path; row++) {
        size_t depth;
        if (row_covers(row, name, &depth))
            return row;
        if (depth > best)
            best = depth;
    }
    for (; best > 0 && strchr(name, '.'); best--)
        name = strchr(name, '.') + 1;
    *unresolved = name;
    return NULL;
}

/* The child under the first size characters of key, which the web page may have escaped. */
static json_t *child(const json_t *object, const char *key, size_t size)
{
    json_t *found = json_object_getn(object, key, size);
    if (found || !memchr(key, '%', size))
        return found;
    char *plain = malloc(size + 1);
    size_t n = 0;
    for (size_t i = 0; plain && i < size; i++) {
        if (i + 2 < size && strncasecmp(key + i, "%2e", 3) == 0) {
            plain[n++] = '.';
            i += 2;
        } else if (i + 2 < size && strncmp(key + i, "%24", 3) == 0) {
            plain[n++] = '$';
            i += 2;
        } else {
            plain[n++] = key[i];
        }
    }
    if (plain)
        found = json_object_getn(object, plain, n);
    free(plain);
    return found;
}

/* Visits what is there; *met says whether anything was. */
static bool walk(const json_t *at, const char *path, query_visit *visit, void *arg, bool *met)
{
    if (*path == '\0') {
        *met = true;
        return visit(arg, at);
    }
    if (json_is_array(at)) {
        size_t i;
        json_t *item;
        json_array_foreach (at, i, item)
            if (walk(item, path, visit, arg, met))
                return true;
        return false;
    }
    if (!json_is_object(at))
        return false;
    /* The shortest key that exists, so that "Args.a.b.value" finds the parameter "a.b" too. */
    for (const char *end = path; *end; end++) {
        end += strcspn(end, ".");
        json_t *next = child(at, path, (size_t)(end - path));
        if (next)
            return walk(next, *end ? end + 1 : end, visit, arg, met);
        if (!*end)
            break;
    }
    return false;
}

bool query_each(const json_t *doc, const char *path, query_visit *visit, void *arg)
{
    bool met = false;
    if (walk(doc, path, visit, arg, &met))
        return true;
    return met ? false : visit(arg, NULL);
}

/* Copies what path names from source into target, making the objects between; what is not there
 * leaves them empty, as the server does. */
static void copy_path(const json_t *source, json_t *target, const char *path)
{
    for (const char *end = path; *end; end++) {
        end += strcspn(end, ".");
        size_t size = (size_t)(end - path);
        json_t *from = child(source, path, size);
        if (!from && *end)
            continue; /* a key with a dot in it? */
        if (!from)
            return;
        json_t *to = json_object_getn(target, path, size);
        if (*end == '\0') {
            json_object_setn_new(target, path, size, json_deep_copy(from));
        } else if (json_is_object(from)) {
            if (!json_is_object(to))
                json_object_setn_new(target, path, size, to = json_object());
            copy_path(from, to, end + 1);
        } else if (json_is_array(from)) {
            if (!json_is_array(to))
                json_object_setn_new(target, path, size, to = json_array());
            size_t i;
            json_t *item;
            json_array_foreach (from, i, item) {
                if (json_array_size(to) <= i)
                    json_array_append_new(to, json_object());
                copy_path(item, json_array_get(to, i), end + 1);
            }
        }
        return;
    }
}

static bool named(const json_t *names, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach (names, i, item)
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    return false;
}

json_t *query_project(const struct query_model *model, const json_t *doc, const json_t *names)
{
    size_t i, included = 0;
    json_t *item;
    json_array_foreach (names, i, item)
        if (json_string_value(item)[0] != '-')
            included++;
    json_t *out;
    if (included == 0) {
        out = json_deep_copy(doc);
    } else {
        out = json_object();
        json_array_foreach (names, i, item) {
            const char *name = json_string_value(item);
            if (*name != '-')
                copy_path(doc, out, name);
        }
    }
    json_array_foreach (names, i, item)
        if (json_string_value(item)[0] == '-')
            sandbox_delete(out, json_string_value(item) + 1);
    for (const char *const *name = model->excluded; *name; name++)
        if (!named(names, *name))
            sandbox_delete(out, *name);
    /* Fields with a leading underscore are the sandbox's own. */
    const char *key;
    void *next;
    json_object_foreach_safe(out, next, key, item) if (*key == '_') json_object_del(out, key);
    return out;
}

/* The sub-fields that names asks of the reference at path: an array, empty when none, or NULL when
 * everything ("project.*") is asked. */
static json_t *sub_names(const json_t *names, const char *path)
{
    size_t size = strlen(path);
    json_t *out = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item);
        if (strncmp(name, path, size) != 0 || name[size] != '.')
            continue;
        if (strcmp(name + size + 1, "*") == 0) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, json_string(name + size + 1));
    }
    return out;
}

/* What replaces the reference to id. */
static json_t *referred(struct sandbox_call *call, const struct query_model *model, const char *id,
                        const json_t *names, bool plain)
{
    const json_t *rows = *(json_t *const *)(const void *)((const char *)call->sb + model->rows);
    if (model == &query_companies)
        rows = NULL;
    const json_t *doc = plain ? NULL : json_object_get(rows, id);
    json_t *out = doc ? NULL : json_object();
    if (doc) {
        json_t *own = json_array();
        json_array_append_new(own, json_string("id"));
        size_t i;
        json_t *item;
        json_array_foreach (names, i, item) {
            char *head = strdup(json_string_value(item));
            const char *unresolved;
            /* "parent.project.name": the first reference is what this document must have. */
            for (char *dot;
                 head && !query_resolve(model, head, &unresolved) && (dot = strrchr(head, '.'));)
                *dot = '\0';
            if (head)
                json_array_append_new(own, json_string(head));
            free(head);
        }
        out = query_project(model, doc, names ? own : NULL);
        query_expand(call, model, out, names);
        json_decref(own);
    }
    if (*id && !json_object_get(out, "id"))
        json_object_set_new(out, "id", json_string(id));
    return out;
}

struct expansion {
    struct sandbox_call *call;
    const struct query_model *model;
    const json_t *names;
    bool plain;
};

static void expand_at(json_t *at, const char *path, const struct expansion *how)
{
    if (json_is_array(at)) {
        size_t i;
        json_t *item;
        json_array_foreach (at, i, item)
            expand_at(item, path, how);
        return;
    }
    size_t size = strcspn(path, ".");
    json_t *value = json_object_getn(at, path, size);
    if (path[size] == '.')
        expand_at(value, path + size + 1, how);
    else if (json_is_string(value))
        json_object_setn_new(
            at, path, size,
            referred(how->call, how->model, json_string_value(value), how->names, how->plain));
}

void query_expand(struct sandbox_call *call, const struct query_model *model, json_t *doc,
                  const json_t *names)
{
    for (const struct query_field *row = model->fields; row->path; row++) {
        if (!row->refers_to)
            continue;
        json_t *subs = names ? sub_names(names, row->path) : json_array();
        bool plain = subs && json_array_size(subs) == 0;
        struct expansion how = {call, row->refers_to, subs, plain};
        expand_at(doc, row->path, &how);
        json_decref(subs);
    }
}
