/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorded steps leave open of filters, order and projection. The steps themselves are
 * replayed by tests/contract. */
#include "query.h"

#include <cmocka.h>
#include <string.h>

static const unsigned char seed[32] = {1};

struct fixture {
    struct sandbox *sb;
    struct sandbox_call call;
};

/* JSON with single quotes. */
static json_t *parse(const char *text)
{
    char copy[2000];
    strncpy(copy, text, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *value = json_loads(copy, 0, NULL);
    assert_non_null(value);
    return value;
}

static void put(struct fixture *f, const char *text)
{
    json_t *doc = parse(text);
    json_object_set_new(f->sb->tasks, sandbox_get_str(doc, "id"), doc);
}

static int setup(void **state)
{
    static struct fixture f;
    f.sb = sandbox_new(&(struct sandbox_options){.seed = seed});
    f.call = (struct sandbox_call){.sb = f.sb, .data = json_object()};
    put(&f, "{'id': 'a', 'name': 'one', 'tags': ['x'], 'created': '2026-01-02T00:00:00+00:00'}");
    put(&f, "{'id': 'b', 'name': 'two', 'tags': [], 'created': '2026-01-03T00:00:00+00:00'}");
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    json_decref(f->call.data);
    sandbox_free(f->sb);
    return 0;
}

/* The ids that the query answers, as one text. */
static const char *ids(struct fixture *f, const char *text)
{
    static char out[200];
    json_t *query = parse(text);
    json_t *found = query_run(&f->call, &query_tasks, query, 0);
    json_decref(query);
    assert_non_null(found);
    *out = '\0';
    size_t i;
    json_t *doc;
    json_array_foreach (found, i, doc)
        strcat(out, sandbox_get_str(doc, "id"));
    json_decref(found);
    return out;
}

static int refused(struct fixture *f, const char *text)
{
    json_t *query = parse(text);
    json_t *found = query_run(&f->call, &query_tasks, query, 0);
    json_decref(query);
    assert_null(found);
    return f->call.subcode;
}

static void test_lists(void **state)
{
    struct fixture *f = *state;
    put(f, "{'id': 'c', 'name': 'c', 'tags': ['x', 'y']}");
    put(f, "{'id': 'd', 'name': 'd'}");
    assert_string_equal(ids(f, "{'tags': [null]}"), "bd");
    assert_string_equal(ids(f, "{'tags': ['x', null]}"), "abcd");
    assert_string_equal(ids(f, "{'tags': ['__$any', 'y', '__$not', 'x']}"), "bcd");
    assert_string_equal(ids(f, "{'tags': ['__$all', 'x', '__$not', 'y']}"), "a");
    assert_string_equal(ids(f, "{'tags': ['__$or', '-x']}"), "");
    assert_string_equal(
        ids(f, "{'filters': {'tags': {'all': {'include': ['x'], 'exclude': ['y']}}}}"), "a");
    assert_string_equal(ids(f, "{'filters': {'tags': {'any': {'include': [null]}}}}"), "b");
    assert_string_equal(
        ids(f, "{'filters': {'tags': {'any': {'include': ['y']}, 'all': {'exclude': ['x']}, "
               "'op': 'or'}}}"),
        "bcd");
    assert_int_equal(refused(f, "{'tags': ['__$not']}"), 16);
    assert_int_equal(refused(f, "{'tags': ['__$not', '__$any']}"), 16);
    assert_int_equal(refused(f, "{'tags': ['-']}"), 16);
    assert_int_equal(refused(f, "{'tags': [7]}"), 16);
}

static void test_ranges(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(ids(f, "{'created': ['2026-01-02', '2026-01-02T12:00:00']}"), "a");
    assert_string_equal(ids(f, "{'created': ['2026-01-02T02:00:00+01:00', null]}"), "b");
    assert_string_equal(ids(f, "{'created': [null, '2025-01-01']}"), "");
    assert_string_equal(ids(f, "{'started': [null, '2025-01-01']}"), "ab");
    assert_int_equal(refused(f, "{'created': [null, null]}"), 12);
}

static void test_order(void **state)
{
    struct fixture *f = *state;
    put(f, "{'id': 'c', 'name': '', 'hyperparams': {'Args': {'n.m': {'value': '10'}}}}");
    put(f, "{'id': 'd', 'name': 'd', 'hyperparams': {'Args': {'n.m': {'value': '9'}}}}");
    /* Empty values come last going up, and last going down too. */
    assert_string_equal(ids(f, "{'order_by': ['name']}"), "dabc");
    assert_string_equal(ids(f, "{'order_by': ['-name']}"), "badc");
    /* Numbers within texts count as numbers; keys may have dots. */
    assert_string_equal(ids(f, "{'order_by': ['hyperparams.Args.n.m.value']}"), "dcab");
    assert_string_equal(ids(f, "{'order_by': ['hyperparams.Args.n%2Em.value']}"), "dcab");
    assert_string_equal(ids(f, "{'order_by': ['-hyperparams.Args.n.m.value']}"), "cdab");
    assert_int_equal(refused(f, "{'order_by': ['script.nope']}"), 14);
}

static void test_projection(void **state)
{
    struct fixture *f = *state;
    put(f, "{'id': 'c', 'name': 'c', 'script': {'diff': 'x', 'binary': 'py'}, 'unique_metrics': "
           "['m'], '_own': 1}");
    json_t *query = parse("{'id': ['c'], 'only_fields': ['-script.diff']}");
    json_t *found = query_run(&f->call, &query_tasks, query, 0);
    json_t *wanted = parse("[{'id': 'c', 'name': 'c', 'script': {'binary': 'py'}}]");
    assert_true(json_equal(found, wanted));
    json_decref(query);
    json_decref(found);
    json_decref(wanted);
}

static void test_references(void **state)
{
    struct fixture *f = *state;
    put(f, "{'id': 'c', 'name': 'c', 'parent': 'a', 'project': 'gone'}");
    json_object_set_new(f->sb->projects, "p", parse("{'id': 'p', 'name': 'proj'}"));
    put(f, "{'id': 'a', 'name': 'one', 'project': 'p'}");
    json_t *query = parse("{'id': ['c'], 'only_fields': ['parent.project.name', 'project.name']}");
    json_t *found = query_run(&f->call, &query_tasks, query, QUERY_JOIN);
    json_t *wanted = parse("[{'id': 'c', 'parent': {'id': 'a', 'project': {'id': 'p', 'name': "
                           "'proj'}}, 'project': {'id': 'gone'}}]");
    assert_true(json_equal(found, wanted));
    json_decref(query);
    json_decref(found);
    json_decref(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_projection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_references, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
