/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* The engine behind every get_all and get_all_ex: filters, order, pages, scrolls and projections
 * over a collection's documents, by the rules of the server's apiserver/database/model/base.py.
 * docs/sandbox-queries.md says in prose what is applied and what is ignored. */

enum query_kind {
    QUERY_TEXT,
    QUERY_NUMBER,
    QUERY_DATE,
    QUERY_LIST,
    QUERY_OBJECT, /* holds what further rows name */
    QUERY_ANY     /* anything may stand below */
};

/* A field that a client may name. In a path "*" stands for any key of a map. */
struct query_field {
    const char *path;
    enum query_kind kind;
    const struct query_model *refers_to; /* get_all_ex follows it; NULL: not a reference */
};

/* What one kind of document lets itself be asked. All lists end with NULL; in the filter lists a
 * trailing "*" stands for any rest. */
struct query_model {
    size_t rows;                      /* offset of the collection in struct sandbox */
    const struct query_field *fields; /* ends with a NULL path */
    const char *const *patterns;      /* filters by regular expression, case counts */
    const char *const *lists;         /* filters by list: in, not in, all of */
    const char *const *ranges;        /* filters by [min, max] */
    const char *const *equals;        /* filters by equality */
    const char *const *dates;         /* filters like ">=2026-01-01" */
    const char *const *excluded;      /* fields that only come when named */
    const char *const *numeric_order; /* texts below these paths sort "2" before "10" */
};

extern const struct query_model query_tasks, query_queues, query_projects, query_models,
    query_users, query_companies;

enum query_flags {
    QUERY_JOIN = 1, /* get_all_ex: the id always comes, references become objects */
    QUERY_HIDE = 2, /* documents tagged "hidden" only by id or with search_hidden */
};

/* Answers query (filters, only_fields, order_by, pages, scroll) over the model's collection: a new
 * array of new documents. NULL: the call's error is set. scroll_id goes into call->data. */
json_t *query_run(struct sandbox_call *call, const struct query_model *model, const json_t *query,
                  unsigned flags);

/* The filters alone: a new array of the matching documents themselves, in order of creation. NULL:
 * the call's error is set. */
json_t *query_match(struct sandbox_call *call, const struct query_model *model, const json_t *query,
                    unsigned flags);

/* One document as get_by_id answers it: a new copy without what is excluded by default. With names
 * (an array of paths) only those. */
json_t *query_project(const struct query_model *model, const json_t *doc, const json_t *names);

/* Replaces the references in doc by {"id": …}, and those that names ("project.name") goes into by
 * objects with these fields. names may be NULL. */
void query_expand(struct sandbox_call *call, const struct query_model *model, json_t *doc,
                  const json_t *names);

/* The row of a dotted name, NULL when the model has none; then *unresolved is the part that could
 * not be resolved (into name). */
const struct query_field *query_resolve(const struct query_model *model, const char *name,
                                        const char **unresolved);

/* Calls visit for what stands in doc under a dotted path; several times when lists of objects lie
 * on the way, once with NULL when nothing does. Keys of maps may themselves contain dots (also
 * written %2E). Stops when visit returns true, and returns that. */
typedef bool query_visit(void *arg, const json_t *value);
bool query_each(const json_t *doc, const char *path, query_visit *visit, void *arg);

/* The order of the server's database: nothing, numbers, texts, objects, lists, booleans. */
int query_compare(const json_t *a, const json_t *b, bool numeric);

/* Forgets the oldest scrolls, so that one more finds room. */
void query_trim_scrolls(struct sandbox *sb);

/* Internal: the conditions of a query, compiled. */
struct query_condition;
int query_compile(struct sandbox_call *call, const struct query_model *model, const json_t *query,
                  struct query_condition **out);
bool query_holds(const struct query_condition *condition, const json_t *doc);
void query_condition_free(struct query_condition *condition);
