/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "error.h"
#include "nocore.h"
#include "rand.h"
#include "strbuf.h"

static void clocks_run(void **state)
{
    (void)state;
    int64_t before = dr_boottime_ms();
    assert_true(before > 0);
    assert_true(dr_boottime_ms() >= before);
    assert_true(dr_wall_us() > INT64_C(1700000000000000));
    assert_int_equal(strlen(dr_boot_id()), 36);
    assert_ptr_equal(dr_boot_id(), dr_boot_id());
}

static void ids_differ(void **state)
{
    (void)state;
    char one[DR_RANDOM_ID_SIZE], two[DR_RANDOM_ID_SIZE];
    dr_random_id(one);
    dr_random_id(two);
    assert_int_equal(strspn(one, "0123456789abcdef"), 32);
    assert_int_equal(strlen(one), 32);
    assert_string_not_equal(one, two);
}

static void a_failed_assertion_ends_the_process(void **state)
{
    (void)state;
    int said[2], status;
    char text[200] = "";
    assert_int_equal(pipe(said), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(said[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        dr_no_core();
        DR_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_false(WCOREDUMP(status));
    assert_true(read(said[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "base_test.c:"));
    assert_non_null(strstr(text, "1 + 1 == 3"));
    close(said[0]);
    close(said[1]);
}

static void no_core_holds(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        dr_no_core();
        getrlimit(RLIMIT_CORE, &limit);
        _exit(limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void buffers_grow(void **state)
{
    (void)state;
    struct dr_strbuf buf = {0};
    for (int i = 0; i < 1000; i++)
        dr_strbuf_printf(&buf, "%d,", i);
    dr_strbuf_add_text(&buf, "end");
    dr_strbuf_add(&buf, NULL, 0);
    assert_int_equal(strlen(buf.data), buf.len);
    assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_string_equal(buf.data + buf.len - 7, "999,end");
    dr_strbuf_free(&buf);
    assert_null(buf.data);
}

static void errors_are_cut(void **state)
{
    (void)state;
    struct dr_error error;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(dr_error_set_at(&error, 3, 4, "%s", text));
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_string_equal(error.text + sizeof error.text - 5, "x...");
    assert_int_equal(error.line, 3);
    assert_false(dr_error_set(&error, "short"));
    assert_int_equal(error.line, 0);
    assert_false(dr_error_set(NULL, "nobody asked"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_run),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test(a_failed_assertion_ends_the_process),
        cmocka_unit_test(no_core_holds),
        cmocka_unit_test(buffers_grow),
        cmocka_unit_test(errors_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
