/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine cost for nothing: which rows have some, and how it is shown. */
#include "waste.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define S 1000000LL

static void every_case(void **unused)
{
    (void)unused;
    static const struct {
        const char *what, *state;
        int64_t launched_s, up_s, ended_s, wasted_s; /* now: 1000 */
    } rows[] = {
        {"never asked for", "cancelled", 0, 0, 500, 0},
        {"wanted", "wanted", 0, 0, 0, 0},
        {"being launched", "launching", 100, 0, 0, 0},
        {"booting may still be of use", "booting", 100, 0, 0, 0},
        {"up", "up", 100, 200, 0, 0},
        {"unfit, on its way out", "draining", 900, 0, 0, 100},
        {"unfit, being ended", "terminating", 900, 0, 0, 100},
        {"unfit, ended", "gone", 100, 0, 350, 250},
        {"never registered, ended long ago", "gone", 100, 0, 900, 800},
        {"worked, on its way out", "draining", 100, 200, 0, 0},
        {"worked, ended", "gone", 100, 200, 300, 0},
        {"not listed: nobody knows", "absent", 100, 0, 0, 0},
        {"never started", "failed", 0, 0, 500, 0},
        {"a clock that was set back", "draining", 1100, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dr_machine_row row = {.state = rows[i].state,
                                     .launched_us = rows[i].launched_s * S,
                                     .up_us = rows[i].up_s * S,
                                     .ended_us = rows[i].ended_s * S};
        if (waste_us(&row, 1000 * S) != rows[i].wasted_s * S)
            fail_msg("%s", rows[i].what);
    }
}

static void json_has_it_where_there_is_some(void **unused)
{
    (void)unused;
    struct dr_machine_row rows[] = {
        {.id = "m1", .state = "gone", .launched_us = 100 * S, .ended_us = 350 * S},
        {.id = "m2", .state = "up", .launched_us = 100 * S, .up_us = 200 * S}};
    struct dr_ledger_state state = {.seq = 7, .machines = {rows, 2}};
    char *json = waste_json(&state, 1000 * S);
    const char *first = strstr(json, "\"wasted_s\":250");
    assert_non_null(first);
    assert_null(strstr(first + 2, "wasted_s"));
    assert_true(first < strstr(json, "\"m2\""));
    assert_null(strchr(json, '\n'));
    assert_non_null(strstr(json, "\"seq\":7"));
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(json_has_it_where_there_is_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
