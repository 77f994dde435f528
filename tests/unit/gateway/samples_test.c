/* SPDX-License-Identifier: Apache-2.0 */
/* The chart's samples: six hours, a gap where nobody looked, the same after a restart. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "samples.h"

#include <jansson.h>

#define T0 INT64_C(1800000000000000)

static json_t *columns(const struct samples *samples, int64_t since_us)
{
    struct dr_strbuf out = {0};
    samples_json(samples, since_us, &out);
    json_t *all = json_loads(out.data, 0, NULL);
    dr_strbuf_free(&out);
    assert_non_null(all);
    return all;
}

static size_t length(json_t *all, const char *name)
{
    return json_array_size(json_object_get(all, name));
}

static json_t *value(json_t *all, const char *name, size_t i)
{
    return json_array_get(json_object_get(all, name), i);
}

static void add(struct samples *samples, int64_t i, int64_t running)
{
    struct picture_figures figures = {.waiting = 3, .rate_usd_micros = 500};
    figures.of[DR_PHASE_RUNNING] = running;
    samples_add(samples, T0 + i * SAMPLES_PERIOD_US, &figures);
}

static void only_the_newest_six_hours_are_kept(void **nothing)
{
    (void)nothing;
    struct samples *samples = samples_new();
    for (int64_t i = 0; i < SAMPLES_MAX + 5; i++)
        add(samples, i, i);
    json_t *all = columns(samples, 0);
    assert_int_equal(length(all, "t_us"), SAMPLES_MAX);
    assert_int_equal(json_integer_value(value(all, "running", 0)), 5);
    assert_int_equal(json_integer_value(value(all, "waiting", 0)), 3);
    json_decref(all);
    all = columns(samples, T0 + SAMPLES_MAX * SAMPLES_PERIOD_US);
    assert_int_equal(length(all, "rate_usd_micros"), 5);
    json_decref(all);
    samples_free(&samples);
}

static void what_nobody_saw_is_null(void **nothing)
{
    (void)nothing;
    struct samples *samples = samples_new();
    add(samples, 0, 1);
    add(samples, 1, 1);
    samples_add(samples, T0 + 2 * SAMPLES_PERIOD_US, NULL); /* the watcher did not answer */
    add(samples, 60, 2);                                    /* nobody was there */
    json_t *all = columns(samples, 0);
    assert_int_equal(length(all, "running"), 5);
    assert_int_equal(length(all, "t_us"), 5);
    assert_true(json_is_null(value(all, "running", 2)));
    assert_true(json_is_null(value(all, "running", 3)));
    assert_int_equal(json_integer_value(value(all, "running", 4)), 2);
    json_decref(all);
    samples_free(&samples);
}

static void a_restart_keeps_them(void **nothing)
{
    (void)nothing;
    char path[] = "/tmp/samples-test-XXXXXX";
    struct stat seen;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct samples *before = samples_new(), *after = samples_new();
    add(before, 0, 7);
    samples_add(before, T0 + SAMPLES_PERIOD_US, NULL);
    add(before, 2, 8);
    assert_int_equal(samples_save(before, path), 0);
    assert_int_equal(stat(path, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
    samples_load(after, path);
    json_t *a = columns(before, 0), *b = columns(after, 0);
    assert_true(json_equal(a, b));
    assert_int_equal(length(b, "t_us"), 3);
    json_decref(a);
    json_decref(b);
    samples_free(&before);
    samples_free(&after);
    unlink(path);
}

static void expect_kept(const char *path, const struct samples *samples)
{
    struct samples *read = samples_new();
    samples_load(read, path);
    json_t *a = columns(samples, 0), *b = columns(read, 0);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    samples_free(&read);
}

static void a_killed_one_loses_none(void **nothing)
{
    (void)nothing;
    char path[] = "/tmp/samples-test-XXXXXX";
    struct stat first, seen;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    /* The host stopped while a line was written: what comes after it is found all the same. */
    dprintf(fd, "drover-samples 1\n%lld 1 1 2 3", (long long)T0);
    close(fd);
    struct samples *samples = samples_new();
    samples_load(samples, path);
    for (int64_t i = 1; i <= SAMPLES_MAX; i++) {
        add(samples, i, i);
        assert_int_equal(samples_keep(samples, path), 0);
        if (i < 3)
            expect_kept(path, samples);
        if (i == 1)
            assert_int_equal(stat(path, &first), 0);
    }
    assert_int_equal(stat(path, &seen), 0);
    assert_int_equal(seen.st_ino, first.st_ino); /* cheap: lines were added, no file was written */
    expect_kept(path, samples);
    add(samples, 5, 9); /* the clock was set back */
    assert_int_equal(samples_keep(samples, path), 0);
    expect_kept(path, samples);
    for (int64_t i = 6; i < SAMPLES_MAX; i++) {
        add(samples, i, i);
        assert_int_equal(samples_keep(samples, path), 0);
    }
    expect_kept(path, samples);
    assert_int_equal(stat(path, &seen), 0);
    assert_true(seen.st_size < 2 * first.st_size * SAMPLES_MAX); /* it does not grow for ever */
    unlink(path);
    add(samples, SAMPLES_MAX, 1);
    assert_int_equal(samples_keep(samples, path), 0);
    expect_kept(path, samples);
    samples_free(&samples);
    unlink(path);
}

static void a_damaged_file_is_read_as_far_as_it_goes(void **nothing)
{
    (void)nothing;
    char path[] = "/tmp/samples-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "drover-samples 1\n%lld 1 1 2 3 4 5 6 7\n%lld 1 1 2 3", (long long)T0,
            (long long)T0 + 10000000);
    close(fd);
    struct samples *samples = samples_new();
    samples_load(samples, path);
    json_t *all = columns(samples, 0);
    assert_int_equal(length(all, "t_us"), 1);
    json_decref(all);
    samples_free(&samples);
    unlink(path);
}

static void a_clock_that_was_set_back_draws_no_loop(void **nothing)
{
    (void)nothing;
    struct samples *samples = samples_new();
    add(samples, 5, 1);
    add(samples, 6, 1);
    add(samples, 5, 9);
    json_t *all = columns(samples, 0);
    assert_int_equal(length(all, "t_us"), 1);
    assert_int_equal(json_integer_value(value(all, "running", 0)), 9);
    json_decref(all);
    samples_free(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_newest_six_hours_are_kept),
        cmocka_unit_test(what_nobody_saw_is_null),
        cmocka_unit_test(a_restart_keeps_them),
        cmocka_unit_test(a_killed_one_loses_none),
        cmocka_unit_test(a_damaged_file_is_read_as_far_as_it_goes),
        cmocka_unit_test(a_clock_that_was_set_back_draws_no_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
