/* SPDX-License-Identifier: Apache-2.0 */
#include "bootlog.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A machine's log as a driver would read it. */
static struct dr_strbuf source;

static int64_t read_log(void *self, const char *instance, int64_t offset, size_t max,
                        struct dr_strbuf *out)
{
    (void)self;
    (void)instance;
    size_t left = source.len - (size_t)offset;
    size_t len = left < max ? left : max;
    dr_strbuf_add(out, source.data + offset, len);
    return offset + (int64_t)len;
}

static const struct driver_ops OPS = {.name = "fake", .read_log = read_log};

static char dir[64];

static int setup(void **state)
{
    struct dr_error error;
    snprintf(dir, sizeof dir, "/tmp/drover-bootlog-XXXXXX");
    assert_non_null(mkdtemp(dir));
    *state = bootlog_open(dir, &error);
    assert_non_null(*state);
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    bootlog_close(*state);
    dr_strbuf_free(&source);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static const char *collect(struct bootlog *log)
{
    const char *text = "";
    return bootlog_collect(log, &OPS, NULL, "i-1", &text) ? text : "";
}

static off_t kept_size(void)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/logs/i-1.log", dir);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_only_what_is_new(void **state)
{
    dr_strbuf_add_text(&source, "one\n");
    assert_string_equal(collect(*state), "one\n");
    assert_string_equal(collect(*state), "");
    dr_strbuf_add_text(&source, "two\n");
    assert_string_equal(collect(*state), "two\n");
    assert_int_equal(kept_size(), 8);
}

static void test_next_life_goes_on(void **state)
{
    struct dr_error error;
    dr_strbuf_add_text(&source, "one\n");
    collect(*state);
    bootlog_close(*state);
    *state = bootlog_open(dir, &error);
    dr_strbuf_add_text(&source, "two\n");
    assert_string_equal(collect(*state), "two\n");
    assert_int_equal(kept_size(), 8);
}

static void test_size_is_bounded_and_goes_on(void **state)
{
    struct dr_error error;
    for (int i = 0; i < 40000; i++)
        dr_strbuf_printf(&source, "line %d of many that a task printed\n", i);
    while (collect(*state)[0])
        continue;
    assert_true(kept_size() <= BOOTLOG_FILE_MAX);
    assert_true(kept_size() > BOOTLOG_FILE_MAX / 4);
    bootlog_close(*state);
    *state = bootlog_open(dir, &error);
    assert_string_equal(collect(*state), "");
    dr_strbuf_add_text(&source, "the last\n");
    assert_string_equal(collect(*state), "the last\n");
}

static void test_event_is_short_text(void **state)
{
    for (int i = 0; i < 6000; i++)
        dr_strbuf_add_text(&source, "\xc3\xa4");
    dr_strbuf_add(&source, "\xff\x1b[31m\0end", 10);
    const char *text = collect(*state);
    assert_true(strlen(text) <= BOOTLOG_EVENT_MAX);
    assert_string_equal(text + strlen(text) - 10, "??[31m?end");
    assert_int_equal((unsigned char)text[0], 0xc3);
}

static void test_position(void **unused)
{
    static const char head[] = "[drover dropped the first 1000 bytes]\nrest";
    (void)unused;
    assert_int_equal(bootlog_position("abc", 3, 3), 3);
    assert_int_equal(bootlog_position("", 0, 0), 0);
    assert_int_equal(bootlog_position(head, sizeof head - 1, sizeof head - 1), 1004);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_is_new),
        TEST(test_next_life_goes_on),
        TEST(test_size_is_bounded_and_goes_on),
        TEST(test_event_is_short_text),
        cmocka_unit_test(test_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
