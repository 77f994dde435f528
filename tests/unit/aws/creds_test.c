/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <string.h>

#include "creds_impl.h"
#include "drover/clock.h"

static struct ini *parse(const char *text, struct dr_error *error)
{
    return ini_parse_text("file", text, strlen(text), error);
}

static void assert_value(const char *text, const char *section, const char *name, const char *value)
{
    struct dr_error error = {0};
    struct ini *ini = parse(text, &error);
    assert_string_equal(error.text, "");
    assert_non_null(ini);
    const char *got = ini_get(ini, section, name);
    if (value)
        assert_string_equal(got, value);
    else
        assert_null(got);
    ini_free(ini);
}

static void ini_reads_what_configparser_reads(void **state)
{
    (void)state;
    assert_value("[a]\nx=1\n", "a", "x", "1");
    assert_value("[a]\r\nx = 1 \r\n", "a", "x", "1");
    assert_value("[a]\nX : 1", "a", "x", "1");
    assert_value("[a]\nx = a=b:c # d ; e\n", "a", "x", "a=b:c # d ; e");
    assert_value("[a]\n  x = 1\n  y = 2\n", "a", "y", "2");
    assert_value("[a]\nx = 1\n  y = 2\n", "a", "x", "1\ny = 2");
    assert_value("[a]\nx =\n  y = 2\n\n  z = 3\n", "a", "x", "\ny = 2\nz = 3");
    assert_value("[a]\nx =\n  y = 2\n# c\n  ; d\nz = 3\n", "a", "z", "3");
    assert_value("[a]\nx = 1\n  [b]\n", "a", "x", "1\n[b]");
    assert_value("[a]\n[b]\nx = 1\n", "a", "x", NULL);
    assert_value("[a ]\nx = 1\n", "a ", "x", "1");
    assert_value("[a]b]\nx = 1\n", "a]b", "x", "1");
}

static void assert_refused(const char *text, const char *words)
{
    struct dr_error error = {0};
    assert_null(parse(text, &error));
    assert_non_null(strstr(error.text, words));
}

static void ini_refuses_in_words_without_the_value(void **state)
{
    (void)state;
    assert_refused("x = secret\n", "file line 1: a name stands before");
    assert_refused("[a]\nsecret\n", "file line 2: neither [section] nor");
    assert_refused("[a]\nx = secret\nx = secret\n", "file line 3: this name stands twice");
    assert_refused("[a]\n[a]\n", "file line 2: this section stands twice");
    assert_refused("[a\nx = 1\n", "file line 1: a section's name has no end");
    char text[20000] = "[a]\nx = ";
    memset(text + 8, 's', sizeof text - 9);
    assert_refused(text, "file line 2: too long");
    struct dr_error error = {0};
    assert_null(ini_parse_text("file", "[a]\nx = \0y\n", 12, &error));
    assert_null(strstr(error.text, "secret"));
}

static void containers_are_asked_on_this_host_or_by_tls(void **state)
{
    (void)state;
    static const char *const allowed[] = {
        "http://169.254.170.2/x",    "http://169.254.170.23/v1/c", "http://[fd00:ec2::23]/v1/c",
        "http://localhost:1234/x",   "http://127.0.0.1/x",         "http://127.9.9.9:80/x",
        "http://[::1]:8080/x",       "https://anywhere.example/x", "HTTP://LOCALHOST/x",
        "http://user@127.0.0.1:1/x",
    };
    static const char *const refused[] = {
        "http://10.0.0.1/x",
        "http://169.254.170.2@10.0.0.1/x",
        "http://169.254.170.2.example/x",
        "http://127.0.0.1.example/x",
        "http://localhost.example/x",
        "http://[fd00:ec2::24]/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "/x",
        "",
    };
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        assert_true(creds_container_allowed(allowed[i]));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(creds_container_allowed(refused[i]));
}

static void keys_are_plain_words(void **state)
{
    (void)state;
    struct creds_keys keys;
    struct dr_error error = {0};
    assert_true(creds_keys_set(&keys, "A", "b/+=", NULL, &error));
    assert_string_equal(keys.session_token, "");
    assert_false(keys.expires);
    assert_true(creds_keys_left_ms(&keys, dr_boottime_ms()) == INT64_MAX);
    creds_keys_wipe(&keys);
    assert_null(keys.access_key);
    static const char *const bad[] = {"Q R", "a\r\nX: y", "a\t", "a\x7f", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(creds_keys_set(&keys, bad[i], "b", NULL, &error));
        assert_false(creds_keys_set(&keys, "A", bad[i], NULL, &error));
        assert_false(creds_keys_set(&keys, "A", "b", bad[i], &error));
        assert_null(strstr(error.text, bad[i]));
    }
    assert_false(creds_keys_set(&keys, "", "b", NULL, &error));
    assert_false(creds_keys_set(&keys, "A", NULL, NULL, &error));
}

static void life_is_measured_by_the_senders_clock(void **state)
{
    (void)state;
    const int64_t noon_us = INT64_C(1782907200) * 1000000; /* 2026-07-01 12:00 UTC */
    struct creds_keys keys = {0};
    creds_keys_expire(&keys, noon_us, "Wed, 01 Jul 2026 11:00:00 GMT");
    assert_true(keys.expires);
    assert_int_equal(keys.life_ms, 3600 * 1000);
    creds_keys_expire(&keys, noon_us, "Wed, 01 Jul 2026 12:00:01 GMT");
    assert_int_equal(keys.life_ms, -1000);
    creds_keys_expire(&keys, noon_us, "Wed, 01 Jul 2020 12:00:00 GMT");
    assert_int_equal(keys.life_ms, 36 * 3600 * 1000); /* nobody gives longer: his clock is wrong */
    creds_keys_expire(&keys, dr_wall_us() + 60 * 1000000, "nonsense");
    assert_in_range(keys.life_ms, 50 * 1000, 60 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ini_reads_what_configparser_reads),
        cmocka_unit_test(ini_refuses_in_words_without_the_value),
        cmocka_unit_test(containers_are_asked_on_this_host_or_by_tls),
        cmocka_unit_test(keys_are_plain_words),
        cmocka_unit_test(life_is_measured_by_the_senders_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
