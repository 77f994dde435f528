/* SPDX-License-Identifier: Apache-2.0 */
/* Order, pages and scrolls around the filters. */
#include "query.h"
#include "errors.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGE = 500 }; /* the server's services._mongo.max_page_size */

/* --- order ------------------------------------------------------------------------------------*/

static int rank(const json_t *v)
{
    if (!v || json_is_null(v))
        return 1;
    if (json_is_number(v))
        return 2;
    if (json_is_string(v))
        return 3;
    if (json_is_object(v))
        return 4;
    return json_is_array(v) ? 5 : 8;
}

/* Texts with their runs of digits taken as numbers, letters regardless of case. */
static int compare_numeric(const char *a, const char *b)
{
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            char *a_end, *b_end;
            unsigned long long x = strtoull(a, &a_end, 10);
            unsigned long long y = strtoull(b, &b_end, 10);
            if (x != y)
                return x < y ? -1 : 1;
            a = a_end;
            b = b_end;
            continue;
        }
        int x = tolower((unsigned char)*a++);
        int y = tolower((unsigned char)*b++);
        if (x != y)
            return x - y;
    }
    return (*a != '\0') - (*b != '\0');
}

int query_compare(const json_t *a, const json_t *b, bool numeric)
{
    int order = rank(a) - rank(b);
    if (order != 0)
        return order;
    if (json_is_number(a)) {
        double x = json_number_value(a);
        double y = json_number_value(b);
        return (x > y) - (x < y);
    }
    if (json_is_string(a))
        return numeric ? compare_numeric(json_string_value(a), json_string_value(b))
                       : strcmp(json_string_value(a), json_string_value(b));
    if (json_is_boolean(a))
        return json_is_true(a) - json_is_true(b);
    return 0;
}

struct order_key {
    const char *path;
    bool down, numeric;
};

struct order {
    struct order_key *keys;
    size_t count;
    const char
        *last_when_empty; /* the first key, when it goes up: documents without it come last */
};

struct best {
    const json_t *value;
    bool down, numeric;
};

/* Of a list the smallest member counts going up, the largest going down. */
static bool visit_best(void *arg, const json_t *value)
{
    struct best *best = arg;
    if (json_is_array(value)) {
        size_t i;
        json_t *item;
        json_array_foreach (value, i, item)
            visit_best(arg, item);
        return false;
    }
    int order = query_compare(value, best->value, best->numeric);
    if (!best->value || (best->down ? order > 0 : order < 0))
        best->value = value;
    return false;
}

static const json_t *key_value(const json_t *doc, const struct order_key *key)
{
    struct best best = {NULL, key->down, key->numeric};
    query_each(doc, key->path, visit_best, &best);
    return best.value;
}

static bool is_empty(const json_t *v)
{
    return rank(v) == 1 || (json_is_string(v) && json_string_length(v) == 0);
}

static int compare_documents(const void *left, const void *right, void *arg)
{
    const json_t *a = *(json_t *const *)left;
    const json_t *b = *(json_t *const *)right;
    const struct order *order = arg;
    for (size_t i = 0; i < order->count; i++) {
        const struct order_key *key = &order->keys[i];
        const json_t *x = key_value(a, key);
        const json_t *y = key_value(b, key);
        if (i == 0 && !key->down && is_empty(x) != is_empty(y))
            return is_empty(x) ? 1 : -1;
        int result = query_compare(x, y, key->numeric);
        if (result != 0)
            return key->down ? -result : result;
    }
    return 0;
}

static int fail_lookup(struct sandbox_call *call, const char *part)
{
    return sandbox_fail(call, 400, SUB_UNKNOWN_FIELDS,
                        "Lookup error (probably an invalid field name or unsupported nested "
                        "field): err=Cannot resolve field \"%s\"",
                        part);
}

/* A list of names; a text is taken letter by letter, as the server does. New array or NULL. */
static json_t *names_of(const json_t *value)
{
    json_t *names = json_array();
    for (const char *p = json_string_value(value); p && *p; p++)
        json_array_append_new(names, json_stringn(p, 1));
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item)
        if (json_is_string(item))
            json_array_append(names, item);
    return names;
}

static bool below(const char *const *prefixes, const char *path)
{
    for (; *prefixes; prefixes++)
        if (strncmp(*prefixes, path, strlen(*prefixes) - 1) == 0)
            return true;
    return false;
}

static int sort_documents(struct sandbox_call *call, const struct query_model *model,
                          const json_t *names, json_t *docs)
{
    size_t count = json_array_size(names);
    if (count == 0)
        return 0;
    struct order_key *keys = calloc(count + 1, sizeof *keys);
    json_t **rows = calloc(json_array_size(docs) + 1, sizeof(json_t *));
    bool has_id = false;
    int rc = keys && rows ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *unresolved;
        keys[i].down = *name == '-';
        keys[i].path = name + (*name == '-' || *name == '+');
        if (!query_resolve(model, keys[i].path, &unresolved))
            rc = fail_lookup(call, unresolved);
        has_id |= strcmp(keys[i].path, "id") == 0;
    }
    if (rc == 0) {
        /* The first key's collation governs the whole sort. */
        for (size_t i = 0; i < count; i++)
            keys[i].numeric = below(model->numeric_order, keys[0].path);
        if (!has_id)
            keys[count].path = "id";
        struct order order = {keys, count + !has_id, NULL};
        size_t n = json_array_size(docs);
        for (size_t i = 0; i < n; i++)
            rows[i] = json_incref(json_array_get(docs, i));
        qsort_r(rows, n, sizeof rows[0], compare_documents, &order);
        for (size_t i = 0; i < n; i++)
            json_array_set_new(docs, i, rows[i]);
    }
    free(keys);
    free(rows);
    return rc;
}

/* --- pages and scrolls ------------------------------------------------------------------------*/

struct page {
    json_int_t start, size; /* size 0: everything */
    const char *scroll;     /* the scroll that is to move on, or NULL */
};

static const json_t *field(const json_t *query, const char *name)
{
    const json_t *value = json_object_get(query, name);
    return json_is_null(value) ? NULL : value;
}

static int scroll_size(struct sandbox_call *call, const json_t *query, json_int_t *size)
{
    const json_t *value = field(query, "size");
    *size = json_integer_value(value);
    if (*size < 1)
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (Integer size parameter greater than 1 should be "
                            "provided when working with scroll)");
    return 0;
}

void query_trim_scrolls(struct sandbox *sb)
{
    enum { KEPT = 1000 };
    while (json_object_size(sb->scrolls) >= KEPT)
        json_object_del(sb->scrolls, json_object_iter_key(json_object_iter(sb->scrolls)));
}

/* Finds the scroll or begins a new one under a new id. */
static int open_scroll(struct sandbox_call *call, const json_t *query, struct page *page)
{
    if (scroll_size(call, query, &page->size) != 0)
        return -1;
    const char *id = json_string_value(json_object_get(query, "scroll_id"));
    if (!id || !json_object_get(call->sb->scrolls, id)) {
        struct sandbox_id fresh = sandbox_new_id(call->sb);
        query_trim_scrolls(call->sb);
        json_object_set_new(call->sb->scrolls, fresh.text, json_integer(0));
        json_object_set_new(call->data, "scroll_id", json_string(fresh.text));
    } else {
        json_object_set_new(call->data, "scroll_id", json_string(id));
    }
    sandbox_changed(call->sb); /* ids were drawn, or the place moves: both must survive a restart */
    page->scroll = json_string_value(json_object_get(call->data, "scroll_id"));
    page->start = json_integer_value(json_object_get(call->sb->scrolls, page->scroll));
    if (json_is_true(field(query, "refresh_scroll"))) {
        page->size = page->start > page->size ? page->start : page->size;
        page->start = 0;
    }
    return 0;
}

static int read_page(struct sandbox_call *call, const json_t *query, struct page *page)
{
    if (json_object_get(query, "scroll_id"))
        return open_scroll(call, query, page);
    if (field(query, "start")) {
        page->start = json_integer_value(field(query, "start"));
        page->start = page->start > 0 ? page->start : 0;
        return scroll_size(call, query, &page->size);
    }
    json_int_t number = json_integer_value(field(query, "page"));
    const json_t *size = json_object_get(query, "page_size");
    page->size = MAX_PAGE;
    if (number < 0)
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (page must be >=0): field=page");
    if (json_is_integer(size) && json_integer_value(size) < 1)
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (page_size must be >0): field=page_size");
    if (json_is_null(size)) /* asked for explicitly: everything */
        page->size = 0;
    else if (json_is_integer(size) && json_integer_value(size) < MAX_PAGE)
        page->size = json_integer_value(size);
    page->start = number < INT32_MAX ? number * page->size : INT32_MAX;
    return 0;
}

static void cut_page(struct sandbox_call *call, const struct page *page, json_t *docs)
{
    json_int_t size = (json_int_t)json_array_size(docs);
    json_int_t from = page->start > size ? size : page->start;
    json_int_t to = page->size == 0 || page->size > size - from ? size : from + page->size;
    json_t *kept = json_array();
    for (json_int_t i = from; i < to; i++)
        json_array_append(kept, json_array_get(docs, (size_t)i));
    json_array_clear(docs);
    json_array_extend(docs, kept);
    json_decref(kept);
    if (page->scroll)
        json_object_set_new(call->sb->scrolls, page->scroll, json_integer(page->start + to - from));
}

/* --- the whole --------------------------------------------------------------------------------*/

static bool is_hidden(const json_t *doc)
{
    size_t i;
    json_t *tag;
    json_array_foreach (json_object_get(doc, "system_tags"), i, tag)
        if (json_is_string(tag) && strcmp(json_string_value(tag), "hidden") == 0)
            return true;
    return false;
}

static bool asks_for_hidden(const json_t *query)
{
    const json_t *id = field(query, "id");
    return json_is_true(field(query, "search_hidden")) ||
           (id && (!json_is_array(id) || json_array_size(id) > 0));
}

json_t *query_match(struct sandbox_call *call, const struct query_model *model, const json_t *query,
                    unsigned flags)
{
    struct query_condition *condition;
    if (query_compile(call, model, query, &condition) != 0)
        return NULL;
    json_t *rows = *(json_t **)(void *)((char *)call->sb + model->rows);
    bool hide = (flags & QUERY_HIDE) && !asks_for_hidden(query);
    json_t *out = json_array();
    const char *id;
    json_t *doc;
    json_object_foreach (rows, id, doc)
        if (query_holds(condition, doc) && !(hide && is_hidden(doc)))
            json_array_append(out, doc);
    query_condition_free(condition);
    return out;
}

/* What only_fields means for the documents themselves: references only as far as they go, no
 * trailing ".*", with an id when joining. New array, or NULL with the error set. */
static json_t *own_names(struct sandbox_call *call, const struct query_model *model,
                         const json_t *names, bool join)
{
    json_t *out = json_array();
    bool includes = false;
    size_t i;
    json_t *item;
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item);
        const char *bare = name + (*name == '-');
        const char *unresolved;
        size_t length = strlen(name);
        if (length > 2 && strcmp(name + length - 2, ".*") == 0)
            length -= 2;
        for (const struct query_field *row = model->fields; join && row->path; row++) {
            size_t n = strlen(row->path);
            if (row->refers_to && strncmp(bare, row->path, n) == 0 && bare[n] == '.')
                length = n + (size_t)(bare - name);
        }
        includes |= *name != '-';
        json_t *own = json_stringn(name, length);
        json_array_append_new(out, own);
        if (!query_resolve(model, json_string_value(own) + (*name == '-'), &unresolved)) {
            fail_lookup(call, unresolved);
            json_decref(out);
            return NULL;
        }
    }
    if (join && includes)
        json_array_append_new(out, json_string("id"));
    return out;
}

json_t *query_run(struct sandbox_call *call, const struct query_model *model, const json_t *query,
                  unsigned flags)
{
    bool join = flags & QUERY_JOIN;
    const json_t *wanted = field(query, "projection");
    json_t *names = names_of(wanted ? wanted : field(query, "only_fields"));
    json_t *order = names_of(field(query, "order_by"));
    json_t *own = own_names(call, model, names, join);
    json_t *docs = own ? query_match(call, model, query, flags) : NULL;
    struct page page = {0};
    if (docs &&
        (sort_documents(call, model, order, docs) != 0 || read_page(call, query, &page) != 0)) {
        json_decref(docs);
        docs = NULL;
    }
    if (docs) {
        cut_page(call, &page, docs);
        for (size_t i = 0; i < json_array_size(docs); i++) {
            json_t *out = query_project(model, json_array_get(docs, i), own);
            if (join)
                query_expand(call, model, out, names);
            json_array_set_new(docs, i, out);
        }
    }
    json_decref(names);
    json_decref(order);
    json_decref(own);
    return docs;
}
