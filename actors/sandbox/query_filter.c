/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of a query, compiled into conditions (the server's _prepare_query_no_company). */
#include "errors.h"
#include "pattern.h"
#include "query.h"

#include <stdlib.h>
#include <string.h>

enum op {
    ALL_OF,
    ANY_OF,
    IN,
    NOT_IN,
    HAS_ALL,
    LACKS_SOME,
    IS_EMPTY,
    NOT_EMPTY,
    UNSET,
    EQUAL,
    LESS,
    LESS_EQUAL,
    MORE,
    MORE_EQUAL,
    MATCHES
};

struct query_condition {
    enum op op;
    char *path;
    json_t *value;
    struct pattern *pattern;
    bool is_date; /* compare as times: value is the integer of microseconds */
    struct query_condition *first, *next; /* of ALL_OF and ANY_OF */
};

static struct query_condition *make(enum op op, const char *path, json_t *value)
{
    struct query_condition *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->op = op;
    c->path = path ? strdup(path) : NULL;
    c->value = value;
    return c;
}

static void add(struct query_condition *parent, struct query_condition *c)
{
    struct query_condition **at = &parent->first;
    while (*at)
        at = &(*at)->next;
    *at = c;
}

void query_condition_free(struct query_condition *c)
{
    while (c) {
        struct query_condition *next = c->next;
        query_condition_free(c->first);
        pattern_free(c->pattern);
        json_decref(c->value);
        free(c->path);
        free(c);
        c = next;
    }
}

/* --- holding ----------------------------------------------------------------------------------*/

static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

/* Equality as the database means it: a list equals any of its members too. */
static bool is_or_contains(const json_t *value, const json_t *wanted)
{
    if (!value)
        return json_is_null(wanted);
    if (equal(value, wanted))
        return true;
    size_t i;
    json_t *item;
    if (json_is_array(value))
        json_array_foreach (value, i, item)
            if (equal(item, wanted))
                return true;
    return false;
}

static bool visit_in(void *arg, const json_t *value)
{
    const struct query_condition *c = arg;
    size_t i;
    json_t *wanted;
    json_array_foreach (c->value, i, wanted)
        if (is_or_contains(value, wanted))
            return true;
    return false;
}

static bool visit_all(void *arg, const json_t *value)
{
    const struct query_condition *c = arg;
    size_t i;
    json_t *wanted;
    json_array_foreach (c->value, i, wanted)
        if (!is_or_contains(value, wanted))
            return false;
    return true;
}

static bool visit_equal(void *arg, const json_t *value)
{
    const struct query_condition *c = arg;
    if (!c->is_date)
        return is_or_contains(value, c->value);
    int64_t at;
    return json_is_string(value) && sandbox_time_parse(json_string_value(value), &at) &&
           at == json_integer_value(c->value);
}

static bool visit_empty(void *arg, const json_t *value)
{
    (void)arg;
    return json_is_array(value) && json_array_size(value) == 0;
}

static bool visit_unset(void *arg, const json_t *value)
{
    (void)arg;
    return !value || json_is_null(value) || (json_is_array(value) && !json_array_size(value));
}

static bool visit_order(void *arg, const json_t *value)
{
    const struct query_condition *c = arg;
    int order;
    int64_t at;
    if (c->is_date) {
        if (!json_is_string(value) || !sandbox_time_parse(json_string_value(value), &at))
            return false;
        order = (at > json_integer_value(c->value)) - (at < json_integer_value(c->value));
    } else {
        if (!value || json_is_number(value) != json_is_number(c->value) ||
            json_is_string(value) != json_is_string(c->value))
            return false;
        order = query_compare(value, c->value, false);
    }
    return c->op == LESS         ? order < 0
           : c->op == LESS_EQUAL ? order <= 0
           : c->op == MORE       ? order > 0
                                 : order >= 0;
}

static bool visit_match(void *arg, const json_t *value)
{
    const struct query_condition *c = arg;
    if (json_is_string(value))
        return pattern_matches(c->pattern, json_string_value(value));
    size_t i;
    json_t *item;
    if (json_is_array(value))
        json_array_foreach (value, i, item)
            if (json_is_string(item) && pattern_matches(c->pattern, json_string_value(item)))
                return true;
    return false;
}

bool query_holds(const struct query_condition *c, const json_t *doc)
{
    static query_visit *const visits[] = {
        [IN] = visit_in,          [NOT_IN] = visit_in,        [HAS_ALL] = visit_all,
        [LACKS_SOME] = visit_all, [IS_EMPTY] = visit_empty,   [NOT_EMPTY] = visit_empty,
        [UNSET] = visit_unset,    [EQUAL] = visit_equal,      [LESS] = visit_order,
        [MORE] = visit_order,     [LESS_EQUAL] = visit_order, [MORE_EQUAL] = visit_order,
        [MATCHES] = visit_match,
    };
    if (c->op == ALL_OF || c->op == ANY_OF) {
        for (const struct query_condition *sub = c->first; sub; sub = sub->next)
            if (query_holds(sub, doc) != (c->op == ALL_OF))
                return c->op == ANY_OF;
        return c->op == ALL_OF || !c->first;
    }
    bool found = query_each(doc, c->path, visits[c->op], (void *)(uintptr_t)c);
    return found != (c->op == NOT_IN || c->op == LACKS_SOME || c->op == NOT_EMPTY);
}

/* --- compiling --------------------------------------------------------------------------------*/

struct compiler {
    struct sandbox_call *call;
    const struct query_model *model;
    struct query_condition *root;
};

static bool listed(const char *const *patterns, const char *name)
{
    for (; *patterns; patterns++) {
        size_t n = strlen(*patterns);
        if ((*patterns)[n - 1] == '*' ? strncmp(*patterns, name, n - 1) == 0
                                      : strcmp(*patterns, name) == 0)
            return true;
    }
    return false;
}

static int fail_value(struct sandbox_call *call, const char *why, const char *field)
{
    return sandbox_fail(call, 400, SUB_FIELDS_VALUE, "Invalid value for fields (%s): field=%s", why,
                        field);
}

static int add_pattern(struct compiler *c, struct query_condition *parent, const char *path,
                       const json_t *text, bool ignore_case)
{
    if (!json_is_string(text))
        return fail_value(c->call, "failed parsing query field", path);
    char why[200];
    struct pattern *pattern = pattern_new(json_string_value(text), ignore_case, why, sizeof why);
    if (!pattern)
        return sandbox_fail(c->call, 400, SUB_INVALID_REGEX,
                            "Malformed regular expression: err=%s, extra_info=None", why);
    struct query_condition *condition = make(MATCHES, path, NULL);
    condition->pattern = pattern;
    add(parent, condition);
    return 0;
}

static struct query_condition *bound(struct compiler *c, enum op op, const char *path,
                                     const json_t *value)
{
    const char *unresolved;
    const struct query_field *field = query_resolve(c->model, path, &unresolved);
    struct query_condition *condition = make(op, path, json_deep_copy(value));
    int64_t at;
    char *end;
    const char *text = json_string_value(value);
    if (field && field->kind == QUERY_DATE && text && sandbox_time_parse(text, &at)) {
        condition->is_date = true;
        json_decref(condition->value);
        condition->value = json_integer(at);
    } else if (text && *text && strncmp(path, "last_metrics.", 13) == 0) {
        double number = strtod(text, &end);
        if (*end == '\0') {
            json_decref(condition->value);
            condition->value = json_real(number);
        }
    }
    return condition;
}

static int add_range(struct compiler *c, struct query_condition *parent, const char *path,
                     const json_t *data)
{
    if (!json_is_array(data) || json_array_size(data) != 2)
        return sandbox_fail(c->call, 400, SUB_VALIDATION,
                            "Validation error (Min and max values should be specified for range "
                            "field %s)",
                            path);
    const json_t *min = json_array_get(data, 0);
    const json_t *max = json_array_get(data, 1);
    if (json_is_null(min) && json_is_null(max))
        return sandbox_fail(c->call, 400, SUB_VALIDATION,
                            "Validation error (At least one of min or max values should be "
                            "provided for field %s)",
                            path);
    struct query_condition *range = make(ALL_OF, NULL, NULL);
    if (!json_is_null(min))
        add(range, bound(c, MORE_EQUAL, path, min));
    if (!json_is_null(max))
        add(range, bound(c, LESS_EQUAL, path, max));
    if (json_is_null(min)) {
        /* An open beginning takes in the documents that never had a value. */
        struct query_condition *open = make(ANY_OF, NULL, NULL);
        add(open, range);
        add(open, make(EQUAL, path, json_null()));
        range = open;
    }
    add(parent, range);
    return 0;
}

/* Splits ">=2026-01-01" into its operator and the rest. */
static enum op date_operator(const char **text)
{
    static const struct {
        const char *sign;
        enum op op;
    } signs[] = {{">=", MORE_EQUAL}, {">", MORE}, {"<=", LESS_EQUAL}, {"<", LESS}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strncmp(*text, signs[i].sign, strlen(signs[i].sign)) == 0) {
            *text += strlen(signs[i].sign);
            return signs[i].op;
        }
    return EQUAL;
}

static int add_dates(struct compiler *c, struct query_condition *parent, const char *path,
                     const json_t *data)
{
    const json_t *values[2] = {data, NULL};
    size_t size = 1;
    bool operators = false;
    if (json_is_array(data)) {
        size = json_array_size(data);
        for (size_t i = 0; i < size && i < 2; i++)
            values[i] = json_array_get(data, i);
    }
    for (size_t i = 0; i < size && i < 2; i++) {
        const char *text = json_string_value(values[i]);
        operators |= text && date_operator(&text) != EQUAL;
    }
    if (size == 2 && !operators)
        return add_range(c, parent, path, data);
    struct query_condition *all = make(ALL_OF, NULL, NULL);
    add(parent, all);
    for (size_t i = 0; i < size; i++) {
        const json_t *value = json_is_array(data) ? json_array_get(data, i) : data;
        const char *text = json_string_value(value);
        if (!text)
            return fail_value(c->call, "failed parsing query field", path);
        enum op op = date_operator(&text);
        int64_t at;
        if (!sandbox_time_parse(text, &at))
            continue; /* what is no date is ignored */
        struct query_condition *condition = make(op, path, json_integer(at));
        condition->is_date = true;
        add(all, condition);
    }
    return 0;
}

/* The values that go under one modifier of a list filter. */
static void collect(json_t **bucket, const char *value)
{
    if (!*bucket)
        *bucket = json_array();
    json_array_append_new(*bucket, json_string(value));
}

struct list_terms {
    json_t *in, *not_in, *all;
    bool or_else;     /* the buckets are alternatives */
    bool allow_empty; /* null stood in the list */
};

static int read_terms(struct compiler *c, const char *path, const json_t *data,
                      struct list_terms *terms)
{
    bool context_all = false, legacy = true, negate = false, decided = false;
    size_t size = json_is_array(data) ? json_array_size(data) : 1;
    for (size_t i = 0; i < size; i++) {
        const json_t *item = json_is_array(data) ? json_array_get(data, i) : data;
        const char *value = json_string_value(item);
        bool is_and = value && (!strcmp(value, "__$all") || !strcmp(value, "__$and"));
        bool is_or = value && (!strcmp(value, "__$any") || !strcmp(value, "__$or"));
        if (!value && !json_is_null(item))
            return fail_value(c->call, "invalid value type, string expected", path);
        if (negate && value && strncmp(value, "__$", 3) == 0 && strcmp(value, "__$nop") != 0)
            return fail_value(c->call, "Value is expected after", path);
        if (value && strcmp(value, "__$not") == 0) {
            negate = true;
            continue;
        }
        if (is_and || is_or) {
            context_all = is_and;
            legacy = false;
            terms->or_else = decided ? terms->or_else : is_or;
            decided = true;
            continue;
        }
        decided = true;
        if (!value) {
            terms->allow_empty = true;
        } else if (strcmp(value, "__$nop") == 0) {
            context_all = false;
            legacy = true;
        } else if (strncmp(value, "__$", 3) == 0) {
            return sandbox_fail(c->call, 400, SUB_FIELDS_VALUE,
                                "Invalid value for fields (Unsupported operator): field=%s, "
                                "operator=%s",
                                path, value);
        } else if (!negate && legacy && *value == '-') {
            if (value[1] == '\0')
                return fail_value(c->call, "Missing value after the exclude prefix -", path);
            collect(&terms->not_in, value + 1);
        } else {
            collect(negate ? &terms->not_in : context_all ? &terms->all : &terms->in, value);
        }
        negate = false;
    }
    return negate ? fail_value(c->call, "Value is expected after", path) : 0;
}

static int add_list(struct compiler *c, struct query_condition *parent, const char *path,
                    const json_t *data)
{
    struct list_terms terms = {0};
    int rc = read_terms(c, path, data, &terms);
    struct query_condition *group = make(terms.or_else ? ANY_OF : ALL_OF, NULL, NULL);
    if (terms.in)
        add(group, make(IN, path, terms.in));
    if (terms.not_in)
        add(group, make(NOT_IN, path, terms.not_in));
    if (terms.all)
        add(group, make(HAS_ALL, path, terms.all));
    if (terms.allow_empty) {
        struct query_condition *either = make(ANY_OF, NULL, NULL);
        if (group->first)
            add(either, group);
        else
            query_condition_free(group);
        add(either, make(UNSET, path, NULL));
        group = either;
    }
    add(parent, group);
    return rc;
}

/* One half ("any" or "all") of {"filters": {field: {"any": {"include": […], "exclude": […]}}}}. */
static int add_filter_half(struct compiler *c, struct query_condition *parent, const char *path,
                           const json_t *half, bool any)
{
    static const char *const names[] = {"include", "exclude"};
    if (!half || json_is_null(half))
        return 0;
    if (!json_is_object(half))
        return sandbox_fail(c->call, 400, SUB_VALIDATION,
                            "Validation error: field=%s, value=dictionary expected", path);
    struct query_condition *group = make(any ? ANY_OF : ALL_OF, NULL, NULL);
    for (int exclude = 0; exclude < 2; exclude++) {
        json_t *values = json_array();
        size_t i;
        json_t *item;
        json_array_foreach (json_object_get(half, names[exclude]), i, item) {
            if (json_is_null(item))
                add(group, make(exclude ? NOT_EMPTY : IS_EMPTY, path, NULL));
            else
                json_array_append(values, item);
        }
        enum op op = any ? (exclude ? LACKS_SOME : IN) : (exclude ? NOT_IN : HAS_ALL);
        if (json_array_size(values) > 0)
            add(group, make(op, path, values));
        else
            json_decref(values);
    }
    if (group->first)
        add(parent, group);
    else
        query_condition_free(group);
    return 0;
}

static int add_filters(struct compiler *c, const json_t *filters)
{
    if (!filters || json_is_null(filters))
        return 0;
    if (!json_is_object(filters))
        return fail_value(c->call, "invalid value type, string expected", "filters");
    const char *path;
    json_t *data;
    json_object_foreach ((json_t *)(uintptr_t)filters, path, data) {
        if (!listed(c->model->lists, path) || json_is_null(data))
            continue;
        const char *op = json_string_value(json_object_get(data, "op"));
        if (!json_is_object(data) || (op && strcmp(op, "and") != 0 && strcmp(op, "or") != 0))
            return sandbox_fail(c->call, 400, SUB_VALIDATION,
                                "Validation error (invalid filter for field): field=%s", path);
        bool either = op && strcmp(op, "or") == 0;
        struct query_condition *group = make(either ? ANY_OF : ALL_OF, NULL, NULL);
        add(c->root, group);
        if (add_filter_half(c, group, path, json_object_get(data, "any"), true) != 0 ||
            add_filter_half(c, group, path, json_object_get(data, "all"), false) != 0)
            return -1;
    }
    return 0;
}

static int add_multi_field(struct compiler *c, struct query_condition *group, const char *key,
                           const json_t *data)
{
    const json_t *fields = json_object_get(data, "fields");
    const json_t *text = json_object_get(data, "pattern");
    const json_t *dates = json_object_get(data, "datetime");
    text = json_is_null(text) ? NULL : text;
    dates = json_is_null(dates) ? NULL : dates;
    if (!fields || (text != NULL) == (dates != NULL))
        return sandbox_fail(c->call, 400, SUB_FIELDS_VALUE,
                            "Invalid value for fields (failed parsing query field): "
                            "error=incorrect field format: field=%s, field=%s",
                            key, key);
    size_t i;
    json_t *item;
    bool raw = false; /* names with "._" go to the database as they are, unchecked */
    json_array_foreach (fields, i, item)
        raw |= json_is_string(item) && strstr(json_string_value(item), "._");
    json_array_foreach (fields, i, item) {
        const char *path = json_string_value(item);
        const char *unresolved = path;
        if (!path)
            return fail_value(c->call, "failed parsing query field", key);
        if (dates) {
            if (listed(c->model->dates, path) && add_dates(c, group, path, dates) != 0)
                return -1;
        } else if (!raw && !query_resolve(c->model, path, &unresolved)) {
            return sandbox_fail(c->call, 400, SUB_UNKNOWN_FIELDS,
                                "Lookup error (probably an invalid field name or unsupported "
                                "nested field): err=Cannot resolve field \"%s\"",
                                unresolved);
        } else if (add_pattern(c, group, path, text, true) != 0) {
            return -1;
        }
    }
    return 0;
}

static bool truthy(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0) &&
           !(json_is_array(value) && json_array_size(value) == 0) &&
           !(json_is_object(value) && json_object_size(value) == 0);
}

static int add_one(struct compiler *c, const char *key, const json_t *data, const json_t *filters)
{
    if (listed(c->model->patterns, key))
        return truthy(data) ? add_pattern(c, c->root, key, data, false) : 0;
    if (json_is_null(data))
        return 0;
    if (listed(c->model->lists, key)) /* the same field in "filters" goes before */
        return json_object_get(filters, key) ? 0 : add_list(c, c->root, key, data);
    if (listed(c->model->ranges, key))
        return add_range(c, c->root, key, data);
    if (listed(c->model->equals, key)) {
        add(c->root, make(EQUAL, key, json_deep_copy(data)));
        return 0;
    }
    if (listed(c->model->dates, key))
        return add_dates(c, c->root, key, data);
    bool any = strcmp(key, "_any_") == 0 || strcmp(key, "_or_") == 0;
    if (any || strcmp(key, "_all_") == 0 || strcmp(key, "_and_") == 0) {
        struct query_condition *group = make(any ? ANY_OF : ALL_OF, NULL, NULL);
        add(c->root, group);
        return add_multi_field(c, group, key, data);
    }
    return 0; /* every other name is no filter */
}

int query_compile(struct sandbox_call *call, const struct query_model *model, const json_t *query,
                  struct query_condition **out)
{
    struct compiler c = {call, model, make(ALL_OF, NULL, NULL)};
    const json_t *filters = json_object_get(query, "filters");
    int rc = add_filters(&c, filters);
    const char *key;
    json_t *data;
    json_object_foreach ((json_t *)(uintptr_t)query, key, data)
        if (rc == 0)
            rc = add_one(&c, key, data, filters);
    if (rc != 0) {
        query_condition_free(c.root);
        c.root = NULL;
    }
    *out = c.root;
    return rc;
}
