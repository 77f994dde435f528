/* SPDX-License-Identifier: Apache-2.0 */
/* What an index finds is what reading the whole array finds, whatever was added, changed, cleared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index.h"

#define PLACES 3000

static char keys[PLACES][16];

static const char *key_of(const void *of, size_t place)
{
    (void)of;
    return keys[place];
}

static size_t by_reading(const char *key, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i], key) == 0)
            return i;
    }
    return DR_INDEX_NONE;
}

static void test_nothing_is_found_in_an_empty_one(void **state)
{
    (void)state;
    struct dr_index index = {0};
    assert_true(dr_index_find(&index, "a", key_of, NULL) == DR_INDEX_NONE);
    dr_index_clear(&index);
    dr_index_add(&index, "", 0);
    assert_true(dr_index_find(&index, "", key_of, NULL) == DR_INDEX_NONE);
    dr_index_free(&index);
}

static void test_it_finds_what_reading_all_finds(void **state)
{
    (void)state;
    struct dr_index index = {0};
    srand(7);
    for (int turn = 0; turn < 3; turn++) {
        dr_index_clear(&index);
        for (size_t i = 0; i < PLACES; i++) {
            /* Twice the same key now and then: the first one is found. */
            snprintf(keys[i], sizeof keys[i], "k%d", rand() % (PLACES * 2));
            dr_index_add(&index, keys[i], i);
            char asked[16];
            snprintf(asked, sizeof asked, "k%d", rand() % (PLACES * 2));
            assert_true(dr_index_find(&index, asked, key_of, NULL) == by_reading(asked, i + 1));
            assert_true(dr_index_find(&index, keys[i], key_of, NULL) == by_reading(keys[i], i + 1));
        }
        for (size_t i = 0; i < PLACES; i++)
            assert_true(dr_index_find(&index, keys[i], key_of, NULL) ==
                        by_reading(keys[i], PLACES));
    }
    dr_index_free(&index);
}

/* Small ones, many times: some grow while equal keys stand around the end of their slots. */
static void test_equal_keys_keep_their_order_when_it_grows(void **state)
{
    (void)state;
    srand(8);
    for (int turn = 0; turn < 5000; turn++) {
        struct dr_index index = {0};
        for (size_t i = 0; i < 40; i++) {
            snprintf(keys[i], sizeof keys[i], "%d", rand() % 1000 * 20 + turn % 20);
            if (i % 3 == 2)
                strcpy(keys[i], keys[i - 1]);
            dr_index_add(&index, keys[i], i);
        }
        for (size_t i = 0; i < 40; i++)
            assert_true(dr_index_find(&index, keys[i], key_of, NULL) == by_reading(keys[i], 40));
        dr_index_free(&index);
    }
}

static void test_a_place_with_another_key_is_found_by_the_new_one_only(void **state)
{
    (void)state;
    struct dr_index index = {0};
    strcpy(keys[0], "old");
    dr_index_add(&index, keys[0], 0);
    strcpy(keys[0], "new");
    dr_index_add(&index, keys[0], 0);
    assert_true(dr_index_find(&index, "old", key_of, NULL) == DR_INDEX_NONE);
    assert_true(dr_index_find(&index, "new", key_of, NULL) == 0);
    strcpy(keys[1], "old");
    dr_index_add(&index, keys[1], 1);
    assert_true(dr_index_find(&index, "old", key_of, NULL) == 1);
    dr_index_free(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_found_in_an_empty_one),
        cmocka_unit_test(test_it_finds_what_reading_all_finds),
        cmocka_unit_test(test_equal_keys_keep_their_order_when_it_grows),
        cmocka_unit_test(test_a_place_with_another_key_is_found_by_the_new_one_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
