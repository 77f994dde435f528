/* SPDX-License-Identifier: Apache-2.0 */
/* A reader gets every byte in order, and one who never catches up costs no more than was agreed. */
#include "backlog.h"

#include <cmocka.h>
#include <string.h>

#define MOST ((size_t)4096)

static unsigned char byte_at(size_t n)
{
    return (unsigned char)(n * 7 + n / 251);
}

static void add(struct backlog *backlog, size_t *put, size_t count)
{
    for (; count > 0; count--, (*put)++) {
        unsigned char byte = byte_at(*put);
        dr_strbuf_add(&backlog->out, &byte, 1);
    }
}

static void take(struct backlog *backlog, size_t *got, size_t count)
{
    char out[512];
    size_t n = backlog_take(backlog, out, count);
    for (size_t i = 0; i < n; i++, (*got)++)
        assert_int_equal((unsigned char)out[i], byte_at(*got));
}

static void who_never_catches_up_costs_no_more(void **state)
{
    struct backlog backlog = {0};
    size_t put = 0, got = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        while (backlog_has_room(&backlog, MOST))
            add(&backlog, &put, 100);
        take(&backlog, &got, 300);
        assert_in_range(backlog.out.len, 1, 2 * MOST + 100);
    }
    while (backlog_left(&backlog) > 0)
        take(&backlog, &got, 512);
    assert_int_equal(got, put);
    assert_true(got > 200000);
    backlog_free(&backlog);
}

static void nothing_is_taken_of_nothing(void **state)
{
    struct backlog backlog = {0};
    size_t got = 0;
    (void)state;
    take(&backlog, &got, 512);
    assert_int_equal(got, 0);
    assert_true(backlog_has_room(&backlog, 1));
    backlog_free(&backlog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_never_catches_up_costs_no_more),
        cmocka_unit_test(nothing_is_taken_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
