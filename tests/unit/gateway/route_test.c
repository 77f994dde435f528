/* SPDX-License-Identifier: Apache-2.0 */
/* Which operation a request means: every row by its own path, and what means none. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "route.h"

#define ROUTE(method, pattern, role, name)       \
    void handle_##name(struct request *request); \
    void handle_##name(struct request *request)  \
    {                                            \
        (void)request;                           \
    }
#include "routes.def"
#undef ROUTE

static struct route_args args;
static char allowed[128];

static const char *found(const char *method, const char *path)
{
    const struct route *route = route_find(method, path, &args, allowed);
    return route == NULL ? "" : route->name;
}

/* The pattern with "x" in each open place. */
static void fill(const char *pattern, char *out)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '{') {
            *out++ = 'x';
            pattern = strchr(pattern, '}');
        } else {
            *out++ = *pattern;
        }
    }
    *out = '\0';
}

static void test_every_row_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        char path[256];
        fill(route_table[i].pattern, path);
        assert_string_equal(found(route_table[i].method, path), route_table[i].name);
        strcat(path, "/");
        assert_string_not_equal(found(route_table[i].method, path), route_table[i].name);
    }
}

static void test_parts_are_decoded(void **state)
{
    (void)state;
    assert_string_equal(found("GET", "/api/v1/queues/a%20b%2Fc%c3%A9+%25"), "queue");
    assert_int_equal(args.count, 1);
    assert_string_equal(args.values[0], "a b/c\xc3\xa9+%");
    assert_string_equal(found("POST", "/api/v1/machines/i-1/drain"), "machine_drain");
    assert_string_equal(args.values[0], "i-1");
}

static void test_broken_escapes_mean_nothing(void **state)
{
    static const char *const parts[] = {"%", "%4", "%zz", "%4g", "a%00b", ""};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "/api/v1/queues/%s", parts[i]);
        assert_string_equal(found("GET", path), "");
        assert_string_equal(allowed, "");
    }
}

static void test_too_long_means_nothing(void **state)
{
    char path[400];
    (void)state;
    for (size_t len = 254; len <= 257; len++) {
        size_t at = (size_t)snprintf(path, sizeof path, "/api/v1/queues/");
        memset(path + at, 'q', len);
        path[at + len] = '\0';
        assert_string_equal(found("GET", path), len <= 255 ? "queue" : "");
    }
}

static void test_head_is_get(void **state)
{
    (void)state;
    assert_string_equal(found("HEAD", "/api/v1/me"), "me");
    assert_string_equal(found("HEAD", "/api/v1/pause"), "");
    assert_string_equal(allowed, "POST");
}

static void test_other_methods_are_named(void **state)
{
    (void)state;
    assert_string_equal(found("DELETE", "/api/v1/tokens"), "");
    assert_string_equal(allowed, "GET, POST");
    assert_string_equal(found("get", "/api/v1/me"), "");
    assert_string_equal(allowed, "GET");
    assert_string_equal(found("GET", "/api/v1/none"), "");
    assert_string_equal(allowed, "");
    assert_string_equal(found("GET", "/api/v1/me/"), "");
    assert_string_equal(found("GET", "/api/v1/m"), "");
}

static void test_roles(void **state)
{
    (void)state;
    for (enum role role = ROLE_NONE; role <= ROLE_OPERATOR; role++)
        assert_int_equal(role_parse(role_name(role)), role);
    assert_int_equal(role_parse("Operator"), ROLE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_found),
        cmocka_unit_test(test_parts_are_decoded),
        cmocka_unit_test(test_broken_escapes_mean_nothing),
        cmocka_unit_test(test_too_long_means_nothing),
        cmocka_unit_test(test_head_is_get),
        cmocka_unit_test(test_other_methods_are_named),
        cmocka_unit_test(test_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
