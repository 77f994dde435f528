/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "utf8.h"

static char line[DR_LOG_LINE_MAX + 1];

static const char *format(bool human, const struct dr_log_ctx *ctx, const char *what)
{
    size_t len =
        dr_log_format(line, DR_LOG_LINE_MAX, human, 1700000000123456, DR_LOG_WARNING, ctx, what);
    assert_true(len <= DR_LOG_LINE_MAX);
    assert_int_equal(line[len - 1], '\n');
    line[len] = '\0';
    return line;
}

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    const struct dr_log_ctx ctx = {.machine = "m-1", .queue = "cpu", .err = "no \"room\""};
    assert_string_equal(format(false, &ctx, "cannot start\n\x01 \\ \xff\xc3\xa9"),
                        "{\"t\":1700000000123456,\"level\":\"warning\","
                        "\"what\":\"cannot start\\n\\u0001 \\\\ \xef\xbf\xbd\xc3\xa9\","
                        "\"machine\":\"m-1\",\"queue\":\"cpu\",\"err\":\"no \\\"room\\\"\"}\n");
    json_t *root = json_loads(line, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "err")), "no \"room\"");
    json_decref(root);
    assert_string_equal(format(false, NULL, ""),
                        "{\"t\":1700000000123456,\"level\":\"warning\",\"what\":\"\"}\n");
}

static void people_get_plain_words(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    const struct dr_log_ctx ctx = {.task = "t9"};
    assert_string_equal(format(true, &ctx, "it \"works\"\x1b[0m"),
                        "22:13:20 warning it \"works\"\\u001b[0m task=t9\n");
}

/* Whatever its length and whatever it is made of, a line is whole JSON within the limit. */
static void long_lines_are_cut_at_a_character(void **state)
{
    (void)state;
    static const char *const pieces[] = {"x",   "\"", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x90\x91",
                                         "\xff"};
    static char what[3 * DR_LOG_LINE_MAX];
    static char err[3000];
    memset(err, '"', sizeof err - 1);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        for (size_t len = 2000; len < 2 * DR_LOG_LINE_MAX; len += 97) {
            what[0] = '\0';
            char *at = what;
            while ((size_t)(at - what) < len)
                at = stpcpy(at, pieces[p]);
            const struct dr_log_ctx ctx = {err, err, err, err};
            json_t *root = json_loads(format(false, len % 2 ? &ctx : NULL, what), 0, NULL);
            assert_non_null(root);
            const char *said = json_string_value(json_object_get(root, "what"));
            if (strlen(line) > DR_LOG_LINE_MAX - 16 && !(len % 2))
                assert_string_equal(said + strlen(said) - 3, "...");
            json_decref(root);
            format(true, &ctx, what);
        }
    }
}

/* Runs `speak` with stderr in a file and returns what was written there. */
static const char *caught(void (*speak)(void))
{
    static char text[65536];
    char path[] = "/tmp/drover-log-test-XXXXXX";
    int fd = mkstemp(path), kept = dup(STDERR_FILENO);
    assert_true(fd >= 0);
    unlink(path);
    dup2(fd, STDERR_FILENO);
    speak();
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    assert_true(len >= 0);
    text[len] = '\0';
    close(fd);
    return text;
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    while ((text = strstr(text, part))) {
        found++;
        text++;
    }
    return found;
}

static void speak_at_all_levels(void)
{
    dr_log(DR_LOG_ERROR, NULL, "one %d", 1);
    dr_log(DR_LOG_INFO, NULL, "two");
    dr_log(DR_LOG_DEBUG, NULL, "three");
}

static void levels_filter(void **state)
{
    (void)state;
    enum dr_log_level level;
    const char *said = caught(speak_at_all_levels);
    assert_int_equal(count(said, "\n"), 2);
    assert_non_null(strstr(said, "\"what\":\"one 1\""));
    dr_log_set_level(DR_LOG_ERROR);
    assert_int_equal(count(caught(speak_at_all_levels), "\n"), 1);
    dr_log_set_level(DR_LOG_DEBUG);
    assert_int_equal(count(caught(speak_at_all_levels), "\n"), 3);
    assert_true(dr_log_level_parse("Warn", &level));
    assert_int_equal(level, DR_LOG_WARNING);
    assert_false(dr_log_level_parse("loud", &level));
}

static void speak_often(void)
{
    const struct dr_log_ctx cpu = {.queue = "cpu"}, gpu = {.queue = "gpu"};
    for (int i = 0; i < 13; i++)
        dr_log_merged(DR_LOG_WARNING, &cpu, "no capacity");
    dr_log_merged(DR_LOG_WARNING, &gpu, "no capacity");
    dr_log_tick();
    dr_log_flush();
    dr_log_flush();
}

static void repeats_are_counted(void **state)
{
    (void)state;
    const char *said = caught(speak_often);
    assert_int_equal(count(said, "\n"), 3);
    assert_int_equal(count(said, "\"what\":\"no capacity\""), 2);
    assert_non_null(strstr(said, "no capacity (repeated 12 times in 0 s)\",\"queue\":\"cpu\""));
}

static void speak_of_too_many_things(void)
{
    for (int i = 0; i < 100; i++) {
        dr_log_merged(DR_LOG_WARNING, NULL, "thing %d", i);
        dr_log_merged(DR_LOG_WARNING, NULL, "thing %d", i);
    }
    dr_log_flush();
}

static void too_many_different_lines_lose_none(void **state)
{
    (void)state;
    assert_int_equal(count(caught(speak_of_too_many_things), "\n"), 200);
}

static void utf8_is_checked(void **state)
{
    (void)state;
    assert_int_equal(dr_utf8_char("\xc0\x80", 2), 0);
    assert_int_equal(dr_utf8_char("\xed\xa0\x80", 3), 0);
    assert_int_equal(dr_utf8_char("\xf4\x90\x80\x80", 4), 0);
    assert_int_equal(dr_utf8_char("\xe2\x82", 2), 0);
    char out[4];
    for (unsigned code = 0; code <= 0x110000; code += code < 0x900 ? 1 : 251) {
        size_t len = dr_utf8_put(out, code);
        bool character = code < 0x110000 && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(len > 0, character);
        assert_int_equal(dr_utf8_char(out, len), len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(people_get_plain_words),
        cmocka_unit_test(long_lines_are_cut_at_a_character),
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(repeats_are_counted),
        cmocka_unit_test(too_many_different_lines_lose_none),
        cmocka_unit_test(utf8_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
