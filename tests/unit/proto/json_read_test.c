/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON to structs: what a person's JSON may say, and how it is refused otherwise.
 */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"

static int read_text(const struct dr_desc *desc, const char *text, struct dr_record *out, char *err,
                     size_t err_len)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(object);
    int result = dr_json_read(desc, object, out, err, err_len);
    json_decref(object);
    return result;
}

static void refuses(const struct dr_desc *desc, const char *text, const char *place)
{
    char err[300] = "";
    struct dr_record record;
    assert_int_equal(read_text(desc, text, &record, err, sizeof err), -1);
    assert_non_null(strstr(err, place));
    assert_null(record.value);
    assert_null(record.arena);
}

/* What dr_json() writes comes back equal, for every message of the table. */
static void test_every_message_comes_back(void **state)
{
    (void)state;
    size_t count;
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char err[300], *text;
        struct dr_record first, second;
        assert_int_equal(read_text(rows[i].desc, "{}", &first, err, sizeof err), 0);
        text = dr_json(rows[i].desc, first.value);
        assert_int_equal(read_text(rows[i].desc, text, &second, err, sizeof err), 0);
        assert_true(dr_record_equal(rows[i].desc, first.value, second.value));
        free(text);
        dr_record_free(&first);
        dr_record_free(&second);
    }
}

static void test_values(void **state)
{
    (void)state;
    char err[300];
    struct dr_record record;
    const char *text = "{\"queues\":[{\"name\":\"gp\\u00fc\",\"known\":true,\"read_ms\":-7,"
                       "\"waiting\":[{\"task\":\"t1\"},{\"added_us\":9007199254740993}]}],"
                       "\"changed\":[\"a\",\"\"]}";
    assert_int_equal(read_text(&dr_desc_queues_observed, text, &record, err, sizeof err), 0);
    const struct dr_queues_observed *got = record.value;
    assert_int_equal(got->queues.count, 1);
    assert_string_equal(got->queues.items[0].name, "gp\xc3\xbc");
    assert_string_equal(got->queues.items[0].id, "");
    assert_true(got->queues.items[0].known);
    assert_int_equal(got->queues.items[0].read_ms, -7);
    assert_int_equal(got->queues.items[0].waiting.count, 2);
    assert_string_equal(got->queues.items[0].waiting.items[0].task, "t1");
    assert_true(got->queues.items[0].waiting.items[1].added_us == INT64_C(9007199254740993));
    assert_int_equal(got->changed.count, 2);
    assert_string_equal(got->changed.items[1], "");
    dr_record_free(&record);
}

static void test_refuses(void **state)
{
    (void)state;
    const struct dr_desc *drain = &dr_desc_machine_drain, *queues = &dr_desc_queues_observed;
    refuses(drain, "[]", "the body: must be an object");
    refuses(drain, "\"x\"", "the body: must be an object");
    refuses(drain, "{\"machin\":\"m\"}", "machin: there is no such field");
    refuses(drain, "{\"machine\":7}", "machine: must be a text");
    refuses(drain, "{\"machine\":null}", "machine: must be a text");
    refuses(drain, "{\"machine\":\"a\\u0000b\"}", "machine: has a NUL byte");
    refuses(drain, "{\"version\":\"1\"}", "version: must be a whole number");
    refuses(drain, "{\"version\":1.5}", "version: must be a whole number");
    refuses(&dr_desc_launch_pause, "{\"paused\":1}", "paused: must be true or false");
    refuses(queues, "{\"queues\":{}}", "queues: must be a list");
    refuses(queues, "{\"queues\":[{},{\"id\":1}]}", "queues[1].id: must be a text");
    refuses(queues, "{\"queues\":[{\"waiting\":[{\"x\":1}]}]}",
            "queues[0].waiting[0].x: there is no such field");
    refuses(queues, "{\"changed\":[\"a\",2]}", "changed[1]: must be a text");
    refuses(&dr_desc_machine_changed, "{\"machine\":[]}", "machine: must be an object");
    refuses(&dr_desc_key_row, "{\"seal_pk\":\"AAAA\"}", "seal_pk: bytes do not travel");
}

/* However deep it nests where nothing may stand, it is refused at its first unknown name. */
static void test_deep(void **state)
{
    (void)state;
    enum { DEEP = 1000 };
    char text[DEEP * 6 + 16];
    size_t len = 0;
    for (int i = 0; i < DEEP; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "{\"a\":");
    len += (size_t)snprintf(text + len, sizeof text - len, "1");
    for (int i = 0; i < DEEP; i++)
        text[len++] = '}';
    text[len] = '\0';
    refuses(&dr_desc_machine_drain, text, "a: there is no such field");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_comes_back),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
