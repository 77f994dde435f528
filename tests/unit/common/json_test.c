/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static json_t *parse(const char *text, struct dr_error *error)
{
    return dr_json_parse(text, strlen(text), error);
}

static void errors_have_a_place(void **state)
{
    (void)state;
    struct dr_error error = {0};
    assert_null(parse("{\n  \"a\": ]\n}", &error));
    assert_int_equal(error.line, 2);
    assert_int_equal(error.column, 8);
    assert_non_null(strstr(error.text, "not JSON"));
    assert_null(parse("", &error));
    assert_null(parse("{} {}", &error));
    assert_null(parse("\"alone\"", &error));
    assert_null(parse("<html>", &error));
    assert_null(parse("{\"a\": \"\xff\"}", &error));
}

static void ten_thousand_levels_are_refused(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    char *text = malloc(2 * DEEP);
    memset(text, '[', DEEP);
    memset(text + DEEP, ']', DEEP);
    struct dr_error error = {0};
    assert_null(dr_json_parse(text, 2 * DEEP, &error));
    assert_string_equal(error.text, "JSON nests deeper than 64 levels (line 1)");
    assert_int_equal(error.column, 65);
    json_t *root = dr_json_parse(text + DEEP - 64, 128, &error);
    assert_non_null(root);
    json_decref(root);
    free(text);
}

static void brackets_in_strings_do_not_nest(void **state)
{
    (void)state;
    json_t *root = dr_json_parse_limited("[\"[[[\\\"[[[\"]", 12, 100, 1, NULL);
    assert_non_null(root);
    json_decref(root);
}

static void size_is_limited(void **state)
{
    (void)state;
    struct dr_error error = {0};
    assert_null(dr_json_parse_limited("[1,2,3]", 7, 6, 9, &error));
    assert_string_equal(error.text, "JSON of 7 bytes is over the limit of 6");
}

static void paths_lead_to_values(void **state)
{
    (void)state;
    json_t *root = parse("{\"data\": {\"queues\": [{\"name\": \"cpu\", \"n\": 3}, null]},"
                         " \"r\": 1.5, \"yes\": true, \"none\": null}",
                         NULL);
    struct dr_error error = {0};
    assert_string_equal(dr_json_str(root, "data.queues.0.name", "", &error), "cpu");
    assert_int_equal(dr_json_int(root, "data.queues.0.n", 0, &error), 3);
    assert_int_equal(dr_json_int(root, "data.queues.1.n", 7, &error), 7);
    assert_int_equal(dr_json_int(root, "data.queues.2", 8, &error), 8);
    assert_int_equal(dr_json_int(root, "data.queues.x", 9, &error), 9);
    assert_int_equal(dr_json_int(root, "none", 10, &error), 10);
    assert_true(dr_json_num(root, "r", 0, &error) > 1.4);
    assert_true(dr_json_num(root, "data.queues.0.n", 0, &error) > 2.9);
    assert_true(dr_json_bool(root, "yes", false, &error));
    assert_int_equal(json_array_size(dr_json_array(root, "data.queues", &error)), 2);
    assert_non_null(dr_json_object(root, "data", &error));
    assert_string_equal(dr_json_str(NULL, "any", "fallback", &error), "fallback");
    assert_string_equal(error.text, "");
    json_decref(root);
}

static void the_first_wrong_type_is_reported(void **state)
{
    (void)state;
    json_t *root = parse("{\"a\": {\"b\": 1}, \"c\": \"x\"}", NULL);
    struct dr_error error = {0};
    assert_string_equal(dr_json_str(root, "a.b", "none", &error), "none");
    assert_string_equal(error.text, "a.b: expected a string, found a number");
    assert_int_equal(dr_json_int(root, "c", -1, &error), -1);
    assert_string_equal(error.text, "a.b: expected a string, found a number");
    assert_null(dr_json_array(root, "a", NULL));
    assert_false(dr_json_bool(root, "c", false, NULL));
    json_decref(root);
}

static void text_is_compact(void **state)
{
    (void)state;
    json_t *root = json_pack("{s:s, s:[i,b]}", "z", "1", "a", 2, 1);
    char *text = dr_json_text(root);
    assert_string_equal(text, "{\"z\":\"1\",\"a\":[2,true]}");
    dr_json_free_text(text);
    dr_json_free_text(NULL);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_a_place),
        cmocka_unit_test(ten_thousand_levels_are_refused),
        cmocka_unit_test(brackets_in_strings_do_not_nest),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(the_first_wrong_type_is_reported),
        cmocka_unit_test(text_is_compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
