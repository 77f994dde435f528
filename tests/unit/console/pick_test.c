/* SPDX-License-Identifier: Apache-2.0 */
/* What a person's words mean, and how money is said. */
#include <cmocka.h>
#include <string.h>

#include "money.h"
#include "pick.h"

static void machines(void **state)
{
    (void)state;
    static const struct dr_machine_row rows[] = {
        {.id = "m11aa", .instance_id = "i-1", .state = "up"},
        {.id = "m11bb", .instance_id = "i-10", .state = "gone"},
        {.id = "m22cc", .instance_id = "i-22", .state = "up"},
        {.id = "m33dd", .instance_id = "", .state = "failed"},
        {.id = "m33ee", .instance_id = "", .state = "cancelled"},
    };
    static const struct {
        const char *word;
        enum pick pick;
        const char *id;
    } cases[] = {
        {"m11aa", PICK_ONE, "m11aa"}, {"i-1", PICK_ONE, "m11aa"}, /* whole, though i-10 begins so */
        {"i-10", PICK_ONE, "m11bb"},  {"m11", PICK_ONE, "m11aa"}, /* the only live one */
        {"m2", PICK_ONE, "m22cc"},    {"m11b", PICK_ONE, "m11bb"},
        {"m", PICK_MANY, NULL},       {"m33", PICK_MANY, NULL}, /* neither lives */
        {"x", PICK_NONE, NULL},       {"", PICK_NONE, NULL},
    };
    struct dr_ledger_state all = {.machines = {rows, sizeof rows / sizeof rows[0]}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dr_machine_row *found;
        if (pick_machine(&all, cases[i].word, &found) != cases[i].pick)
            fail_msg("\"%s\"", cases[i].word);
        if (cases[i].id != NULL)
            assert_string_equal(found->id, cases[i].id);
        else
            assert_null(found);
    }
}

static void spans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"90s", 90000},     {"15m", 900000},
                 {"2h", 7200000},    {"1d", 86400000},
                 {"1h30m", 5400000}, {"0s", 0},
                 {"2", -1},          {"h", -1},
                 {"", -1},           {"2 h", -1},
                 {"-2h", -1},        {"2w", -1},
                 {"367d", -1},       {"99999999999999999999s", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (pick_span_ms(cases[i].text) != cases[i].ms)
            fail_msg("\"%s\": %lld", cases[i].text, (long long)pick_span_ms(cases[i].text));
}

static void dollars(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t micros;
    } cases[] = {{"0", 0},          {"12", 12000000}, {"12.5", 12500000}, {"0.000001", 1},
                 {"3.25", 3250000}, {"", -1},         {".5", -1},         {"1.", -1},
                 {"-1", -1},        {"1,5", -1},      {"0.0000001", -1},  {"9999999999", -1},
                 {"12 ", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (pick_usd_micros(cases[i].text) != cases[i].micros)
            fail_msg("\"%s\": %lld", cases[i].text, (long long)pick_usd_micros(cases[i].text));
    char out[32];
    assert_string_equal(pick_usd_text(0, out), "$ 0.00");
    assert_string_equal(pick_usd_text(1050000, out), "$ 1.05");
    assert_string_equal(pick_usd_text(1995000, out), "$ 2.00");
    assert_string_equal(pick_usd_text(1994999, out), "$ 1.99");
    assert_string_equal(pick_usd_text(150, out), "$ 0.0002");
    assert_string_equal(pick_usd_text(49, out), "<$ 0.0001");
    assert_string_equal(pick_usd_text(41600, out), "$ 0.0416");
    assert_string_equal(pick_usd_text(99960, out), "$ 0.10");
    assert_string_equal(pick_usd_text(10000, out), "$ 0.01");
    assert_string_equal(pick_usd_text(999490000, out), "$ 999.49");
    assert_string_equal(pick_usd_text(1204000000, out), "$ 1,204");
    assert_string_equal(pick_usd_text(1204999000000, out), "$ 1,204,999");
}

static void the_line_of_money(void **state)
{
    (void)state;
    static const struct dr_limit_view limits[] = {
        {.scope = "all", .name = "", .window = "hour"},
        {.scope = "all", .name = "", .window = "day", .max_usd_micros = 20000000},
        {.scope = "queue", .name = "gpu", .window = "month", .max_usd_micros = 1000000},
        {.scope = "all", .name = "", .window = "month", .max_usd_micros = 100000000},
    };
    struct dr_money money = {.rate_usd_micros = 1050000,
                             .today_usd_micros = 3200000,
                             .month_usd_micros = 41000000,
                             .limits = {limits, sizeof limits / sizeof limits[0]}};
    char line[400];
    money_line(&money, line, sizeof line);
    assert_string_equal(line,
                        "$ 1.05/h · $ 3.20 today of $ 20.00 · $ 41.00 this month of $ 100.00");
    money.unpriced = 2;
    money.limits.count = 0;
    money_line(&money, line, sizeof line);
    assert_string_equal(line,
                        "$ 1.05/h · $ 3.20 today · $ 41.00 this month · 2 machines, price unknown");
}

static void a_limit_below_what_runs(void **state)
{
    (void)state;
    static const struct dr_limit_view limits[] = {
        {.scope = "all", .name = "", .window = "day", .max_usd_micros = 2000000},
        {.scope = "queue",
         .name = "gpu",
         .window = "hour",
         .max_usd_micros = 1000000,
         .reserved_usd_micros = 1050000},
    };
    struct dr_money money = {.rate_usd_micros = 1050000, .limits = {limits, 2}};
    char line[400];
    money_line(&money, line, sizeof line);
    assert_non_null(
        strstr(line, "what runs passes the limit of $ 1.00 an hour of gpu: nothing more starts"));
    money.limits.count = 1;
    money_line(&money, line, sizeof line);
    assert_null(strstr(line, "passes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines), cmocka_unit_test(spans), cmocka_unit_test(dollars),
        cmocka_unit_test(the_line_of_money), cmocka_unit_test(a_limit_below_what_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
