/* SPDX-License-Identifier: Apache-2.0 */
#include "caps.h"

#include <cmocka.h>
#include <string.h>

#include "budget.h"
#include "fixture.h"

static struct dr_config *config;

static int setup(void **state)
{
    (void)state;
    struct dr_config_errors errors;
    config = dr_config_parse(fixture_config, strlen(fixture_config), "t", &errors);
    dr_config_errors_free(&errors);
    return config == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    dr_config_free(config);
    return 0;
}

#define CPU                                          \
    {                                                \
        "cpu", "home",                               \
        {                                            \
            (const char *const[]){"fast", "slow"}, 2 \
        }                                            \
    }
#define GPU                                  \
    {                                        \
        "gpu", "home",                       \
        {                                    \
            (const char *const[]){"slow"}, 1 \
        }                                    \
    }
#define FAR                                 \
    {                                       \
        "far", "away",                      \
        {                                   \
            (const char *const[]){"far"}, 1 \
        }                                   \
    }

struct row {
    const char *what;
    struct caps_machine live[8];
    size_t count;
    struct caps_machine one;
    int64_t more;
    const char *scope; /* of the cap that is passed; NULL: none */
};

static const struct row rows[] = {
    {"nothing lives", {{0}}, 0, CPU, 4, NULL},
    {"the type's cap", {{0}}, 0, CPU, 5, "type"},
    {"the type's cap, some live", {CPU, CPU, CPU}, 3, CPU, 2, "type"},
    {"exactly at it", {CPU, CPU, CPU}, 3, CPU, 1, NULL},
    {"the queue's cap counts all that serve it", {CPU, CPU, GPU, GPU}, 4, GPU, 2, "queue"},
    {"the queue's cap for the other type", {CPU, CPU, GPU, GPU, GPU}, 5, CPU, 1, "queue"},
    {"the account's cap", {FAR, FAR}, 2, FAR, 1, "account"},
    {"an account's machines are no other's", {GPU, GPU, GPU}, 3, FAR, 2, NULL},
    {"the total", {FAR, FAR, GPU, GPU, GPU, CPU, CPU}, 7, {"gpu", "home", {NULL, 0}}, 2, "total"},
    {"none more: caps that hold", {CPU, CPU}, 2, CPU, 0, NULL},
    {"none more: a cap that was lowered", {CPU, CPU, CPU, CPU, CPU}, 5, CPU, 0, "type"},
    {"a type that the configuration forgot", {{0}}, 0, {"old", "old", {NULL, 0}}, 3, NULL},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct caps_count counts[CAPS_MAX];
        const struct row *row = &rows[i];
        size_t n = caps_counts(dr_config_root(config), row->live, row->count, &row->one, counts);
        const struct caps_count *passed = caps_passed(counts, n, row->more);
        if ((passed == NULL) != (row->scope == NULL) ||
            (passed != NULL && strcmp(passed->scope, row->scope) != 0))
            fail_msg("%s: %s, not %s", row->what, passed == NULL ? "none" : passed->scope,
                     row->scope == NULL ? "none" : row->scope);
    }
}

static void says_the_numbers(void **state)
{
    (void)state;
    char text[300];
    caps_sentence(&(struct caps_count){"type", "gpu", 4, 3}, 2, text, sizeof text);
    assert_string_equal(text, "machine type gpu may have 4 machines (max_machines) and has 3: 2 "
                              "more would pass the cap");
    caps_sentence(&(struct caps_count){"total", "", 8, 8}, 1, text, sizeof text);
    assert_non_null(strstr(text, "this Drover may have 8 machines"));
    caps_sentence(&(struct caps_count){"queue", "slow", 2, 3}, 0, text, sizeof text);
    assert_non_null(strstr(text, "queue slow may have 2 machines (max_machines) and has 3"));
}

static void budgets(void **state)
{
    (void)state;
    char text[400];
    assert_true(budget_hour("home", 598, 2, 600, text, sizeof text));
    assert_false(budget_hour("home", 598, 3, 600, text, sizeof text));
    assert_non_null(strstr(text, "600"));
    assert_true(budget_breaker("cpu", 19, 0, text, sizeof text));
    assert_false(budget_breaker("cpu", 20, 0, text, sizeof text));
    assert_true(budget_breaker("cpu", 100, 100, text, sizeof text));
    assert_false(budget_breaker("cpu", 120, 100, text, sizeof text));
    assert_non_null(strstr(text, "120 machines of type cpu"));
    assert_false(budget_task_spent(2));
    assert_true(budget_task_spent(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(says_the_numbers),
        cmocka_unit_test(budgets),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
