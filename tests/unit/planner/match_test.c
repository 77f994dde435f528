/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include <cmocka.h>
#include <stdlib.h>

static struct dr_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = dr_arena_new();
    return arena == NULL;
}

static int teardown(void **state)
{
    (void)state;
    dr_arena_free(&arena);
    return 0;
}

#define LISTENS(...) \
    (const bool[])   \
    {                \
        __VA_ARGS__  \
    }

static void a_slot_is_counted_once(void **state)
{
    (void)state;
    struct match *m = match_new(arena, 3);
    size_t g = match_add(m, SUPPLY_IDLE, LISTENS(true, true, true), 2);
    assert_int_equal(match_serve(m, 0, 1, SUPPLY_IDLE), 1);
    assert_int_equal(match_serve(m, 1, 1, SUPPLY_IDLE), 1);
    assert_int_equal(match_serve(m, 2, 1, SUPPLY_IDLE), 0);
    assert_int_equal(match_unused(m, g), 0);
    assert_int_equal(match_served(m, 0, SUPPLY_IDLE), 1);
}

static void a_task_moves_to_make_room(void **state)
{
    (void)state;
    struct match *m = match_new(arena, 2);
    match_add(m, SUPPLY_IDLE, LISTENS(true, true), 1);
    match_add(m, SUPPLY_IDLE, LISTENS(true, false), 1);
    assert_int_equal(match_serve(m, 0, 1, SUPPLY_IDLE), 1);
    assert_int_equal(match_serve(m, 1, 1, SUPPLY_IDLE), 1);
    assert_int_equal(match_served(m, 0, SUPPLY_IDLE), 1);
}

static void moves_go_along_a_chain(void **state)
{
    (void)state;
    struct match *m = match_new(arena, 3);
    match_add(m, SUPPLY_IDLE, LISTENS(true, true, false), 5);
    match_add(m, SUPPLY_IDLE, LISTENS(true, false, true), 5);
    match_add(m, SUPPLY_IDLE, LISTENS(false, false, true), 5);
    assert_int_equal(match_serve(m, 2, 5, SUPPLY_IDLE), 5);
    assert_int_equal(match_serve(m, 0, 5, SUPPLY_IDLE), 5);
    assert_int_equal(match_serve(m, 1, 5, SUPPLY_IDLE), 5);
    assert_int_equal(match_serve(m, 0, 1, SUPPLY_IDLE), 0);
}

static void the_earlier_queue_loses_nothing(void **state)
{
    (void)state;
    struct match *m = match_new(arena, 2);
    match_add(m, SUPPLY_IDLE, LISTENS(true, true), 3);
    assert_int_equal(match_serve(m, 0, 2, SUPPLY_IDLE), 2);
    assert_int_equal(match_serve(m, 1, 5, SUPPLY_IDLE), 1);
    assert_int_equal(match_served(m, 0, SUPPLY_IDLE), 2);
}

static void worse_kinds_wait_their_turn(void **state)
{
    (void)state;
    struct match *m = match_new(arena, 1);
    match_add(m, SUPPLY_WANTED, LISTENS(true), 2);
    match_add(m, SUPPLY_IDLE, LISTENS(true), 1);
    assert_int_equal(match_serve(m, 0, 5, SUPPLY_IDLE), 1);
    assert_int_equal(match_serve(m, 0, 4, SUPPLY_WANTED), 2);
    assert_int_equal(match_served(m, 0, SUPPLY_IDLE), 1);
    assert_int_equal(match_served(m, 0, SUPPLY_WANTED), 2);
}

/* The most that any choice could serve, by trying all of them (small cases, seeded). */
static int64_t best(int64_t *need, int64_t *have, bool (*listens)[3], size_t groups, size_t q)
{
    if (q == 3)
        return 0;
    if (need[q] == 0)
        return best(need, have, listens, groups, q + 1);
    int64_t most = best(need, have, listens, groups, q + 1);
    for (size_t g = 0; g < groups; g++) {
        if (have[g] == 0 || !listens[g][q])
            continue;
        have[g]--;
        need[q]--;
        int64_t got = 1 + best(need, have, listens, groups, q);
        most = got > most ? got : most;
        have[g]++;
        need[q]++;
    }
    return most;
}

static void as_many_as_any_choice_could(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 300; round++) {
        bool listens[3][3];
        int64_t need[3], have[3], sum = 0;
        struct match *m = match_new(arena, 3);
        for (int g = 0; g < 3; g++) {
            have[g] = rand() % 3;
            for (int q = 0; q < 3; q++)
                listens[g][q] = rand() % 2;
            match_add(m, SUPPLY_IDLE, listens[g], have[g]);
        }
        for (size_t q = 0; q < 3; q++) {
            need[q] = rand() % 3;
            sum += match_serve(m, q, need[q], SUPPLY_IDLE);
        }
        assert_int_equal(sum, best(need, have, listens, 3, 0));
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_slot_is_counted_once),      T(a_task_moves_to_make_room),
        T(moves_go_along_a_chain),      T(the_earlier_queue_loses_nothing),
        T(worse_kinds_wait_their_turn), T(as_many_as_any_choice_could),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
