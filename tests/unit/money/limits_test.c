/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of money's arithmetic, of its clock, and of the limits. */
#include "money_limits.h"

#include <cmocka.h>
#include <string.h>

#include "money_clock.h"

#define S PAID_SECOND_US
#define H PAID_HOUR_US
#define USD INT64_C(1000000)
#define T0 (INT64_C(1767225600) * S) /* 2026-01-01 00:00 UTC */

/* ---- what a machine costs ---------------------------------------------------------------------
 */
static void what_a_life_costs(void **state)
{
    (void)state;
    static const struct {
        int64_t rate, lived_us, cost;
    } rows[] = {
        {USD, H, USD},
        {USD, 0, 16666}, /* a minute at least, rounded down */
        {USD, 59 * S, 16666},
        {USD, 60 * S, 16666},
        {USD, 60 * S + 1, 16944}, /* each second that was begun */
        {USD, 90 * S, 25000},
        {USD, -5 * S, 16666}, /* a clock that went wrong: never less than nothing */
        {0, H, 0},
        {1, H, 1},
        {1000000 * USD, 400 * 24 * H, INT64_C(9600000000) * USD}, /* no overflow */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct paid paid = {rows[i].rate, T0, T0 + rows[i].lived_us};
        int64_t cost = paid_between(&paid, T0 + 9000 * 24 * H, 0, T0 + 9999 * 24 * H);
        if (cost != rows[i].cost)
            fail_msg("row %zu: %lld", i, (long long)cost);
    }
    struct paid never = {USD, 0, T0};
    assert_int_equal(paid_between(&never, T0, 0, T0 + H), 0);
}

/* However a time is cut into windows: they add up to the whole. */
static void windows_add_up(void **state)
{
    (void)state;
    static const int64_t rates[] = {1, 7, 41600, 1006000, 55040000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        struct paid paid = {rates[r], T0 + 12345678, T0 + 3 * 24 * H + 777};
        for (int64_t step = 7 * S + 13; step < 30 * H; step = step * 3 + 1) {
            int64_t sum = 0, end = T0 + 4 * 24 * H;
            for (int64_t t = T0; t < end; t += step)
                sum += paid_between(&paid, end, t, t + step);
            assert_int_equal(sum, paid_between(&paid, end, 0, end + 30 * H));
        }
    }
}

static void what_it_is_reserved_for(void **state)
{
    (void)state;
    static const struct {
        int64_t from, to, life, now, until, cost;
    } rows[] = {
        {0, 0, 24 * H, T0, T0 + 100 * H, 24 * USD},           /* not launched: from now */
        {0, 0, 24 * H, T0 + 20 * H, T0 + 24 * H, 4 * USD},    /* clipped to the window */
        {0, 0, 24 * H, T0 + 24 * H, T0 + 24 * H, 0},          /* nothing is left of it */
        {T0, 0, 24 * H, T0 + 10 * H, T0 + 100 * H, 14 * USD}, /* the rest of its life */
        {T0, 0, 24 * H, T0 + 24 * H, T0 + 100 * H, 24 * USD}, /* it lives on: renewed */
        {T0, 0, 24 * H, T0 + 25 * H, T0 + 100 * H, 23 * USD},
        {T0, 0, 24 * H, T0 + 25 * H, T0 + 30 * H, 5 * USD},
        {T0, T0 + H, 24 * H, T0 + 2 * H, T0 + 30 * H, 0}, /* it ended */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct paid paid = {USD, rows[i].from, rows[i].to};
        int64_t cost = paid_ahead(&paid, rows[i].life, rows[i].now, rows[i].until);
        if (cost != rows[i].cost)
            fail_msg("row %zu: %lld", i, (long long)cost);
    }
}

static void shares_add_up(void **state)
{
    (void)state;
    int64_t sum = 0;
    for (int64_t i = 0; i < 7; i++)
        sum += paid_share(1000003, i, 1, 7);
    assert_int_equal(sum, 1000003);
    assert_int_equal(paid_share(10, 0, 0, 0), 0);
    assert_int_equal(paid_share(INT64_C(1) << 50, 1 << 20, INT64_C(1) << 41, INT64_C(1) << 42),
                     INT64_C(1) << 49);
}

/* ---- money's clock ----------------------------------------------------------------------------
 */
static void the_clock_never_runs_back(void **state)
{
    (void)state;
    static const struct {
        int64_t wall;
        bool living;
        int64_t money;
    } rows[] = {
        {T0, true, T0},
        {T0 + S, true, T0 + S},
        {T0 + 9 * H, true, T0 + 9 * H},                        /* forwards it follows at once */
        {T0 + 7 * H, true, T0 + 9 * H},                        /* set back: it stands, and */
        {T0 + 7 * H + 60 * S, true, T0 + 9 * H + 60 * S},      /* runs on */
        {T0 + 7 * H + 80 * S, false, T0 + 9 * H + 70 * S},     /* slower while nothing lives */
        {T0 + 8 * H + 10 * 60 * S, true, T0 + 9 * H + 70 * S}, /* over an hour of silence: a step */
        {T0 + 10 * H, true, T0 + 10 * H},                      /* the wall has come up with it */
        {S, true, T0 + 10 * H},           /* a host without a clock of its own */
        {T0 + 11 * H, true, T0 + 11 * H}, /* until the network tells it the time */
    };
    struct money_clock clock = {0, 0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        money_clock_read(&clock, rows[i].wall, rows[i].living);
        if (clock.money_us != rows[i].money)
            fail_msg("row %zu: %lld s", i, (long long)((clock.money_us - T0) / S));
    }
}

/* ---- limits -----------------------------------------------------------------------------------
 */
static struct dr_cfg_type types[] = {
    {.name = "gpu", .max_life_ms = 8 * 3600 * 1000, .budget = {.per_hour_usd_micros = 3 * USD}},
    {.name = "cpu"}};
static struct dr_cfg_queue queues[] = {{.name = "slow", .budget = {.per_day_usd_micros = 40 * USD}},
                                       {.name = "fast"}};
static const struct dr_cfg_root config = {.budget = {.per_month_usd_micros = 100 * USD},
                                          .budget_horizon_ms = 24 * 3600 * 1000,
                                          .machine_types = {.items = types, .count = 2},
                                          .queues = {.items = queues, .count = 2}};
static const struct limits_time noon = {T0 + 12 * H, {T0, T0 + 24 * H}, {T0, T0 + 31 * 24 * H}};
static const char *const slow[] = {"slow"}, *const fast[] = {"fast"};

static void count(struct limits_use *uses, size_t n, const char *type, const char *const *queue,
                  int64_t rate, int64_t from)
{
    struct limits_machine machine = {type, {queue, 1}, {rate, from, 0}};
    limits_count(uses, n, &config, &noon, &machine);
}

static void limits_that_cover_it_count(void **state)
{
    (void)state;
    struct limits_use uses[12];
    struct dr_strs names = {slow, 1};
    size_t n = limits_over(&config, "gpu", &names, &noon, uses);
    assert_int_equal(n, 3);
    count(uses, n, "gpu", slow, USD, T0 + 10 * H);     /* 2 spent, 6 ahead */
    count(uses, n, "cpu", slow, USD, 0);               /* wanted: 12 of the day, 24 of the month */
    count(uses, n, "cpu", fast, 2 * USD, T0 + 11 * H); /* 2 spent, 46 ahead: only the month's */
    assert_string_equal(uses[0].view.scope, "all");
    assert_int_equal(uses[0].view.spent_usd_micros, 4 * USD);
    assert_int_equal(uses[0].view.reserved_usd_micros, (6 + 24 + 46) * USD);
    assert_string_equal(uses[1].view.scope, "type");
    assert_int_equal(uses[1].view.spent_usd_micros, 0);
    assert_int_equal(uses[1].view.reserved_usd_micros, USD);
    assert_string_equal(uses[2].view.scope, "queue");
    assert_int_equal(uses[2].view.spent_usd_micros, 2 * USD);
    assert_int_equal(uses[2].view.reserved_usd_micros, (6 + 12) * USD);
    assert_int_equal(uses[0].machines, 3);
    struct limits_ended ended = {"cpu", {slow, 1}, USD, 5 * USD};
    limits_count_ended(uses, n, &ended);
    limits_count_lost(uses, n, 3 * USD, 7 * USD);
    assert_int_equal(uses[0].view.spent_usd_micros, (4 + 5 + 7) * USD);
    assert_int_equal(uses[1].view.spent_usd_micros, 0);
    assert_int_equal(uses[2].view.spent_usd_micros, 3 * USD);
}

static void the_last_micro_dollar(void **state)
{
    (void)state;
    static const struct {
        int64_t rate, more;
        const char *window; /* of the limit that is passed; NULL: none */
    } rows[] = {
        {USD, 3, NULL}, /* 3 an hour; 24 a day, 24 a month */
        {USD, 4, "hour"},
        {3 * USD, 1, NULL},
        {3 * USD + 1, 1, "hour"},
        {INT64_C(5000000), 1, "hour"}, /* the day's would be passed as well: 40 of 40 are not */
        {INT64_C(12500001), 1, "month"},
    };
    struct dr_strs names = {slow, 1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct limits_use uses[12];
        size_t n = limits_over(&config, "gpu", &names, &noon, uses);
        limits_ask(uses, n, &noon, rows[i].rate, 8 * H, rows[i].more);
        const struct limits_use *passed = limits_passed(uses, n);
        if ((passed == NULL) != (rows[i].window == NULL) ||
            (passed != NULL && strcmp(passed->view.window, rows[i].window) != 0))
            fail_msg("row %zu: %s", i, passed == NULL ? "none" : passed->view.window);
    }
}

/* However absurd the price: a sum does not turn around and fall under the limit. */
static void no_sum_is_too_large(void **state)
{
    (void)state;
    struct dr_strs names = {fast, 1};
    struct limits_use uses[12];
    size_t n = limits_over(&config, "cpu", &names, &noon, uses);
    for (int i = 0; i < 100000; i++)
        count(uses, n, "cpu", fast, 1000000 * USD, T0 + 12 * H);
    limits_ask(uses, n, &noon, 1000000 * USD, 31 * 24 * H, 10000);
    assert_non_null(limits_passed(uses, n));
}

static void what_is_said(void **state)
{
    (void)state;
    char text[800];
    struct limits_use hour = {.view = {.scope = "type",
                                       .name = "gpu",
                                       .window = "hour",
                                       .max_usd_micros = 3 * USD,
                                       .reserved_usd_micros = 2 * USD},
                              .asked_usd_micros = 1200000,
                              .machines = 2,
                              .asked = 1};
    limits_sentence(&hour, "UTC", text, sizeof text);
    assert_string_equal(text, "$3.20 an hour would pass the limit of $3.00 an hour of machine type "
                              "gpu: $2.00 for 2 machines that live or are wanted, $1.20 for 1 "
                              "more; that waits until machines have gone or the limit is raised");
    struct limits_use day = {.view = {.scope = "all",
                                      .name = "",
                                      .window = "day",
                                      .max_usd_micros = 20 * USD,
                                      .spent_usd_micros = 12345678,
                                      .reserved_usd_micros = 0,
                                      .until_us = T0 + 23 * H},
                             .asked_usd_micros = 10 * USD,
                             .machines = 1,
                             .asked = 2};
    limits_sentence(&day, "Europe/Berlin", text, sizeof text);
    assert_string_equal(text, "$22.35 would pass the limit of $20.00 a day of all machines: $12.35 "
                              "spent, $0.00 reserved for 1 machine that lives or is wanted, $10.00 "
                              "for 2 more; the next day begins 2026-01-02 00:00 (Europe/Berlin)");
    assert_string_equal(limits_usd(41600, text, sizeof text), "$0.0416");
    assert_string_equal(limits_usd(1, text, sizeof text), "$0.0001");
    assert_string_equal(limits_usd(0, text, sizeof text), "$0.00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_life_costs),         cmocka_unit_test(windows_add_up),
        cmocka_unit_test(what_it_is_reserved_for),   cmocka_unit_test(shares_add_up),
        cmocka_unit_test(the_clock_never_runs_back), cmocka_unit_test(limits_that_cover_it_count),
        cmocka_unit_test(the_last_micro_dollar),     cmocka_unit_test(what_is_said),
        cmocka_unit_test(no_sum_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
