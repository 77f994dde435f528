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

/* ---- consoles: only their newest part can be had --------------------------------------------- */
static const char *console(struct bootlog *log, const char *bytes)
{
    const char *text = "";
    return bootlog_console(log, "i-1", bytes, strlen(bytes), &text) ? text : "";
}

static void test_overlap(void **unused)
{
    static const struct {
        const char *kept, *bytes;
        int64_t news;
    } rows[] = {
        {"", "boot\n", 0},                       /* nothing is kept: all is new */
        {"boot\n", "boot\n", 5},                 /* nothing is new */
        {"boot\n", "boot\nlogin\n", 5},          /* grown */
        {"boot\nlogin\n", "login\nready\n", -1}, /* its beginning scrolled away too far */
        {"login\n", "ot\nlogin\nready\n", 9},    /* scrolled, the end is still there */
        {"tick\n", "tick\ntick\ntick\n", 15},    /* the last place where it fits */
        {"boot\n", "bo", -1},                    /* another boot's beginning */
        {"old\n" BOOTLOG_UNSEEN "new\n", "new\nmore\n", 4}, /* our own line is in no console */
        {BOOTLOG_UNSEEN, "new\n", 0},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(bootlog_overlap(rows[i].kept, strlen(rows[i].kept), rows[i].bytes,
                                         strlen(rows[i].bytes)),
                         rows[i].news);
}

static void fill(char *bytes, size_t len)
{
    unsigned dice = 1;
    for (size_t i = 0; i < len; i++) {
        dice = dice * 1103515245u + 12345u;
        bytes[i] = (char)('a' + (dice >> 16) % 23);
    }
}

/* Only the end of what is kept is looked for, so that a console which lost the rest is still known.
 */
static void test_overlap_looks_at_the_end(void **unused)
{
    char kept[4000], bytes[4000];
    (void)unused;
    fill(kept, sizeof kept);
    fill(bytes, sizeof bytes);
    assert_int_equal(bootlog_overlap(kept, 3000, bytes + 2744, sizeof bytes - 2744), 256);
    assert_int_equal(bootlog_overlap(kept, 3000, bytes + 2745, sizeof bytes - 2745), -1);
}

static void test_console_is_appended(void **state)
{
    struct dr_error error;
    assert_string_equal(console(*state, "one\n"), "one\n");
    assert_string_equal(console(*state, "one\n"), "");
    assert_string_equal(console(*state, ""), "");
    assert_string_equal(console(*state, "one\ntwo\n"), "two\n");
    bootlog_close(*state); /* and in a next life */
    *state = bootlog_open(dir, &error);
    assert_string_equal(console(*state, "one\ntwo\nthree\n"), "three\n");
    assert_int_equal(kept_size(), 14);
}

/* What was missed is said, once; a short console after it is not taken for new for ever. */
static void test_unseen_output_is_said(void **state)
{
    console(*state, "one\n");
    assert_string_equal(console(*state, "nine\n"), BOOTLOG_UNSEEN "nine\n");
    assert_string_equal(console(*state, "nine\n"), "");
    assert_string_equal(console(*state, "nine\nten\n"), "ten\n");
    assert_int_equal(kept_size(), 4 + 9 + (off_t)strlen(BOOTLOG_UNSEEN));
}

static void test_long_console(void **state)
{
    static char bytes[64 << 10];
    fill(bytes, sizeof bytes - 1);
    char last = bytes[60000];
    bytes[60000] = '\0';
    console(*state, bytes);
    assert_int_equal(kept_size(), 60000);
    bytes[60000] = last;
    assert_true(strlen(console(*state, bytes + 1000)) > 4000);
    assert_int_equal(kept_size(), sizeof bytes - 1);
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
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_overlap_looks_at_the_end),
        TEST(test_console_is_appended),
        TEST(test_unseen_output_is_said),
        TEST(test_long_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
