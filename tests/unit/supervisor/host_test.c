/* SPDX-License-Identifier: Apache-2.0
 *
 * What proto/ does with the host it runs on: log lines, backlog, locks, environment.
 */
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backlog.h"
#include "environment.h"
#include "lockfile.h"
#include "logline.h"

#define NOW 1700000000123456

static void read_line(const char *line, struct dr_logline *out)
{
    dr_logline_read("watcher", line, strlen(line), NOW, out);
}

static void a_json_line_keeps_its_fields(void **state)
{
    (void)state;
    struct dr_logline out;
    read_line("{\"t\":5,\"level\":\"error\",\"what\":\"no\",\"err\":\"why\",\"machine\":\"m\","
              "\"task\":\"k\",\"queue\":\"q\",\"more\":[1]}",
              &out);
    assert_string_equal(out.line.actor, "watcher");
    assert_string_equal(out.line.level, "error");
    assert_int_equal(out.line.t_us, 5);
    assert_string_equal(out.line.text, "no: why");
    assert_string_equal(out.line.machine, "m");
    assert_string_equal(out.line.task, "k");
    assert_string_equal(out.line.queue, "q");
    dr_logline_free(&out);
    read_line("{\"what\":\"x\",\"level\":\"shout\",\"t\":\"noon\",\"task\":7}", &out);
    assert_string_equal(out.line.level, "info");
    assert_int_equal(out.line.t_us, NOW);
    assert_string_equal(out.line.task, "");
    dr_logline_free(&out);
}

static void anything_else_is_a_text(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
    } some[] = {
        {"plain", "plain"},
        {"{\"what\":5}", "{\"what\":5}"},
        {"{broken", "{broken"},
        {"a\tb\x1b[31m", "a b [31m"},
        {"\xff\xfe", "??"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct dr_logline out;
        read_line(some[i].line, &out);
        assert_string_equal(out.line.text, some[i].text);
        assert_string_equal(out.line.level, "warning");
        dr_logline_free(&out);
    }
    char longest[9000];
    struct dr_logline out;
    memset(longest, 'z', sizeof longest);
    dr_logline_read("watcher", longest, sizeof longest, NOW, &out);
    assert_int_equal(strlen(out.line.text), sizeof out.free_text - 1);
    dr_logline_free(&out);
}

static void json_and_human_forms(void **state)
{
    (void)state;
    struct dr_log_line line = {.actor = "bus",
                               .level = "alarm",
                               .t_us = NOW,
                               .text = "a \"b\"",
                               .machine = "m-1",
                               .task = "",
                               .queue = ""};
    size_t len;
    char *json = dr_logline_json(&line, &len), human[200], cut[20];
    json_t *back = json_loadb(json, len, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(back, "text")), "a \"b\"");
    assert_int_equal(json_integer_value(json_object_get(back, "t_us")), NOW);
    assert_int_equal(json_object_size(back), 7);
    json_decref(back);
    free(json);
    setenv("TZ", "UTC", 1);
    human[dr_logline_human(&line, false, human, sizeof human)] = '\0';
    assert_string_equal(human, "22:13:20.123 alarm   bus: a \"b\" [m-1]\n");
    human[dr_logline_human(&line, true, human, sizeof human)] = '\0';
    assert_string_equal(human, "\033[1;31m22:13:20.123 alarm   bus: a \"b\" [m-1]\033[0m\n");
    assert_int_equal(dr_logline_human(&line, false, cut, sizeof cut), sizeof cut - 1);
}

static void a_full_backlog_drops_the_oldest_and_counts(void **state)
{
    (void)state;
    struct dr_backlog *backlog = calloc(1, sizeof *backlog);
    struct dr_control_out out = {0};
    char text[16];
    for (int i = 0; i < DR_BACKLOG_MAX + 3; i++)
        dr_backlog_add(backlog, DR_CONTROL_LOG, text,
                       (size_t)snprintf(text, sizeof text, "<%d>", i));
    assert_int_equal(backlog->dropped, 3);
    assert_int_equal(backlog->count, DR_BACKLOG_MAX);
    dr_backlog_drain(backlog, &out);
    assert_int_equal(backlog->count, 0);
    assert_memory_equal(out.bytes, "LOG 3\n<3>\nLOG 3\n<4>\n", 20);
    dr_control_out_free(&out);
    dr_backlog_add(backlog, DR_CONTROL_LIFE, "x", 1);
    dr_backlog_clear(backlog);
    assert_int_equal(backlog->count, 0);
    free(backlog);
}

static void a_slow_reader_is_not_flooded(void **state)
{
    (void)state;
    struct dr_backlog *backlog = calloc(1, sizeof *backlog);
    struct dr_control_out out = {0};
    char *large = calloc(1, DR_BACKLOG_OUT_MAX);
    for (int i = 0; i < 5; i++)
        dr_backlog_add(backlog, DR_CONTROL_LOG, large, DR_BACKLOG_OUT_MAX);
    dr_backlog_drain(backlog, &out);
    assert_int_equal(backlog->count, 4);
    dr_backlog_clear(backlog);
    dr_control_out_free(&out);
    free(large);
    free(backlog);
}

static char dir[] = "/tmp/host_test.XXXXXX";

static void a_lock_says_who_holds_it(void **state)
{
    (void)state;
    char state_dir[100], run_dir[120], path[120], err[500];
    struct stat info;
    pid_t holder = -1;
    assert_non_null(mkdtemp(dir));
    snprintf(state_dir, sizeof state_dir, "%s/a/b", dir);
    snprintf(run_dir, sizeof run_dir, "%s/run", state_dir);
    snprintf(path, sizeof path, "%s/droverd.lock", state_dir);
    assert_int_equal(dr_state_dir_take(state_dir, run_dir, err, sizeof err), 0);
    assert_int_equal(stat(run_dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(dr_lockfile_take(path, &holder), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(holder, getpid());
    assert_int_equal(dr_state_dir_take(state_dir, run_dir, err, sizeof err), -1);
    assert_non_null(strstr(err, "another droverd"));
    assert_int_equal(dr_state_dir_take("/proc/nowhere", run_dir, err, sizeof err), -1);
    assert_non_null(strstr(err, "cannot be made"));
    unlink(path);
    rmdir(run_dir);
    rmdir(state_dir);
    *strrchr(state_dir, '/') = '\0';
    rmdir(state_dir);
    rmdir(dir);
}

static void only_named_variables_are_picked(void **state)
{
    (void)state;
    char *picked[64];
    clearenv();
    setenv("PATH", "/bin", 1);
    setenv("AWS_REGION", "x", 1);
    setenv("AWS", "x", 1);
    setenv("PATHOLOGY", "x", 1);
    setenv("no_proxy", "x", 1);
    assert_int_equal(dr_environment_pick("", picked, 64), 1);
    assert_string_equal(picked[0], "PATH=/bin");
    assert_null(picked[1]);
    assert_int_equal(dr_environment_pick("AWS_* no_proxy", picked, 64), 3);
    assert_int_equal(dr_environment_pick("AWS_* no_proxy", picked, 3), 2);
    assert_null(picked[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_keeps_its_fields),
        cmocka_unit_test(anything_else_is_a_text),
        cmocka_unit_test(json_and_human_forms),
        cmocka_unit_test(a_full_backlog_drops_the_oldest_and_counts),
        cmocka_unit_test(a_slow_reader_is_not_flooded),
        cmocka_unit_test(a_lock_says_who_holds_it),
        cmocka_unit_test(only_named_variables_are_picked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
