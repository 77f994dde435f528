/* SPDX-License-Identifier: Apache-2.0 */
/* The files server: forms as they may come, paths that lead out, ranges. */
#include "sandbox.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char seed[32] = {2};
static char bearer[2000];

static int setup(void **state)
{
    struct sandbox *sb = sandbox_new(&(struct sandbox_options){
        .seed = seed, .access_key = "key", .secret_key = "secret", .now_us = 1});
    struct sandbox_response r;
    sandbox_handle(sb,
                   &(struct sandbox_request){.method = "POST",
                                             .path = "/auth.login",
                                             .authorization = "Basic a2V5OnNlY3JldA=="},
                   1, &r);
    json_t *answer = json_loadb(r.body, r.body_size, 0, NULL);
    snprintf(bearer, sizeof bearer, "Bearer %s", sandbox_get_str(answer, "data.token"));
    json_decref(answer);
    sandbox_response_clear(&r);
    *state = sb;
    return 0;
}

static int teardown(void **state)
{
    sandbox_free(*state);
    return 0;
}

struct answer {
    int status;
    char body[400];
};

static struct answer ask(struct sandbox *sb, const char *method, const char *path, const char *body,
                         const char *range)
{
    struct sandbox_response r;
    struct sandbox_request request = {.method = method,
                                      .path = path,
                                      .authorization = bearer,
                                      .content_type = "multipart/form-data; boundary=B",
                                      .range = range,
                                      .body = body,
                                      .body_size = strlen(body)};
    sandbox_files_handle(sb, &request, 2, &r);
    struct answer a = {.status = r.status};
    snprintf(a.body, sizeof a.body, "%.*s", (int)r.body_size, (const char *)r.body);
    sandbox_response_clear(&r);
    return a;
}

#define PART(name, content)                                                                    \
    "--B\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"f\"\r\n\r\n" content \
    "\r\n"

static void test_upload(void **state)
{
    struct answer a =
        ask(*state, "POST", "/", PART("/p/a.txt", "one\r\ntwo") PART("p/e", "") "--B--", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "[\"p/a.txt\", \"p/e\"]");
    assert_string_equal(ask(*state, "GET", "/p/a.txt", "", NULL).body, "one\r\ntwo");
    a = ask(*state, "GET", "/p//./e", "", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "");
}

static void test_broken_forms(void **state)
{
    static const char *const forms[] = {
        "",
        "--B",
        "--B\r\n",
        "--B--",
        "nothing",
        PART("/x", "no end"),
        "--B\r\nContent-Disposition: form-data; name=\"/x\"\r\n\r\nno file\r\n--B--",
        "--B\r\nno disposition\r\n\r\nx\r\n--B--"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        assert_string_equal(ask(*state, "POST", "/", forms[i], NULL).body, "[]");
}

static void test_paths(void **state)
{
    assert_int_equal(ask(*state, "POST", "/", PART("/a/../../x", "y") "--B--", NULL).status, 404);
    assert_int_equal(ask(*state, "GET", "/../etc/passwd", "", NULL).status, 404);
    assert_int_equal(ask(*state, "GET", "/none", "", NULL).status, 404);
    assert_int_equal(ask(*state, "PUT", "/none", "", NULL).status, 405);
}

static void test_ranges(void **state)
{
    static const struct {
        const char *range;
        int status;
        const char *body;
    } cases[] = {{"bytes=0-0", 206, "0"},         {"bytes=3-5", 206, "345"},
                 {"bytes=7-", 206, "789"},        {"bytes=-2", 206, "89"},
                 {"bytes=8-99", 206, "89"},       {"bytes=0-5,7-8", 200, "0123456789"},
                 {"lines=1-2", 200, "0123456789"}};
    ask(*state, "POST", "/", PART("/n", "0123456789") "--B--", NULL);
    assert_int_equal(ask(*state, "GET", "/n", "", "bytes=99-").status, 416);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer a = ask(*state, "GET", "/n", "", cases[i].range);
        assert_int_equal(a.status, cases[i].status);
        assert_string_equal(a.body, cases[i].body);
    }
}

static void test_deletion(void **state)
{
    ask(*state, "POST", "/", PART("/d/a b", "x") PART("/d/c", "y") PART("/e", "z") "--B--", NULL);
    assert_int_equal(ask(*state, "DELETE", "/d", "", NULL).status, 404);
    assert_string_equal(ask(*state, "DELETE", "/d/a b", "", NULL).body, "\"d/a b\"");
    struct answer a =
        ask(*state, "POST", "/delete_many", "{\"files\": [\"d\", \"none\", \"/\"]}", NULL);
    assert_string_equal(a.body, "{\"deleted\": {\"d\": \"d\"}, \"errors\": {\"Not found\": "
                                "[\"none\"], \"Empty path not allowed\": [\"/\"]}}");
    assert_int_equal(ask(*state, "GET", "/d/c", "", NULL).status, 404);
    assert_int_equal(ask(*state, "GET", "/e", "", NULL).status, 200);
    assert_int_equal(ask(*state, "POST", "/delete_many", "no json", NULL).status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_upload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deletion, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
