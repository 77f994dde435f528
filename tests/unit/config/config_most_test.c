/* SPDX-License-Identifier: Apache-2.0
 *
 * The most that a configuration can cost: never less than what could be paid.
 */
#include "config_most.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                              \
    "deployment: mine\nclearml: {api_server: \"https://api.clear.ml\"}\n" \
    "accounts: [{name: a, driver: aws, region: nowhere-1}, {name: here, driver: local}]\n"

static struct dr_config *config; /* `most` borrows from it */
static struct dr_most most;

static void work_out(const char *text)
{
    struct dr_config_errors errors;
    dr_config_free(config);
    config = dr_config_parse_draft(text, strlen(text), "text", &errors);
    assert_non_null(config);
    dr_config_most(dr_config_root(config), &most);
    dr_config_errors_free(&errors);
}

static int forget(void **state)
{
    (void)state;
    dr_config_free(config);
    return 0;
}

static void assert_most(const char *text, int64_t per_hour_usd_micros, int64_t per_month_usd_micros)
{
    work_out(text);
    if (most.per_hour_usd_micros != per_hour_usd_micros ||
        most.per_month_usd_micros != per_month_usd_micros)
        fail_msg("%lld an hour, %lld a month (%s) for\n%s", (long long)most.per_hour_usd_micros,
                 (long long)most.per_month_usd_micros, most.sentence, text);
}

#define TYPES                                                                             \
    "machine_types:\n  - {name: gpu, account: a, max_machines: 4, price_per_hour: 1.5}\n" \
    "  - {name: cpu, account: a, max_machines: 10, price_per_hour: 0.2}\n"
#define QUEUES "queues: [{name: g, types: [gpu]}, {name: c, types: [cpu]}]\n"

static void caps_times_prices(void **state)
{
    (void)state;
    assert_most(HEAD TYPES QUEUES, 8000000, INT64_C(5952000000));
    assert_string_equal(most.sentence, "At most $8.00 an hour and $5,952 a month: 4 × gpu at "
                                       "$1.50, 10 × cpu at $0.20.");
    /* the caps of all, of a queue: the dearest first */
    assert_most(HEAD TYPES QUEUES "max_machines: 6\n", 6400000, INT64_C(4761600000));
    assert_most(HEAD TYPES "queues: [{name: g, types: [gpu], max_machines: 1}]\n", 1500000,
                1116000000);
    assert_most(HEAD TYPES "queues: []\n", 0, 0);
}

/* As the list has it: four machines at $0.0416 are not four at $0.05. */
static void small_prices_keep_their_digits(void **state)
{
    (void)state;
    assert_most(HEAD
                "machine_types: [{name: s, account: a, max_machines: 4, instance_type: t3.medium,"
                " price_per_hour: 0.0416}]\nqueues: [{name: q, types: [s]}]\n",
                166400, INT64_C(123801600));
    assert_string_equal(most.sentence, "At most $0.17 an hour and $123.81 a month: 4 × s at "
                                       "$0.0416.");
}

static void an_account_has_a_cap_too(void **state)
{
    (void)state;
    assert_most("deployment: m\nclearml: {api_server: \"https://a.b\"}\n"
                "accounts: [{name: a, driver: aws, max_machines: 5}]\n" TYPES QUEUES,
                6200000, INT64_C(4612800000));
}

static void limits_of_money_hold(void **state)
{
    (void)state;
    assert_most(HEAD TYPES QUEUES "budget: {per_hour: 5}\n", 5000000, 3720000000);
    assert_non_null(strstr(most.sentence, "held to $5.00 an hour by budget.per_hour"));
    assert_most(HEAD TYPES QUEUES "budget: {per_day: 10}\n", 8000000, 310000000);
    assert_most(HEAD TYPES QUEUES "budget: {per_month: 100}\n", 8000000, 100000000);
    assert_most(HEAD "machine_types: [{name: gpu, account: a, price_per_hour: 1.5, "
                     "budget: {per_hour: 4, per_month: 50}}]\n"
                     "queues: [{name: g, types: [gpu]}]\n",
                3000000, 50000000);
}

static void what_nothing_limits_is_said(void **state)
{
    (void)state;
    const char *one = HEAD "machine_types: [{name: gpu, account: a, price_per_hour: 1.5}]\n"
                           "queues: [{name: g, types: [gpu]}]\n";
    char text[1000];
    assert_most(one, DR_MOST_UNLIMITED, DR_MOST_UNLIMITED);
    assert_non_null(strstr(most.sentence, "Nothing limits what it costs"));
    snprintf(text, sizeof text, "%sbudget: {per_month: 100}\n", one);
    assert_most(text, DR_MOST_UNLIMITED, 100000000);
    snprintf(text, sizeof text, "%sbudget: {per_hour: 7}\n", one);
    assert_most(text, 7000000, INT64_C(5208000000));
}

static void unknown_prices_are_named_and_never_free(void **state)
{
    (void)state;
    assert_most(HEAD "machine_types:\n"
                     "  - {name: gpu, account: a, max_machines: 2, price_per_hour: 1}\n"
                     "  - {name: odd, account: a, max_machines: 2}\n"
                     "  - {name: own, account: here, max_machines: 2}\n"
                     "queues: [{name: g, types: [gpu, odd, own]}]\n",
                2000000, 1488000000);
    assert_int_equal(most.unpriced_count, 2);
    assert_string_equal(most.unpriced[0], "odd");
    assert_string_equal(most.sentence,
                        "At most $2.00 an hour and $1,488 a month: 2 × gpu at $1.00. 2 machines of "
                        "this host without a price are not counted (own). Not counted, for its "
                        "price is not known (price_per_hour): odd.");
    assert_most(HEAD "machine_types: [{name: own, account: here, max_machines: 1}]\n"
                     "queues: [{name: g, types: [own]}]\n",
                0, 0);
    assert_string_equal(most.sentence,
                        "What it can cost is not known: none of its machines has a price. 1 "
                        "machine of this host without a price is not counted (own).");
    assert_most(HEAD "machine_types: [{name: own, account: here}]\n"
                     "queues: [{name: g, types: [own]}]\n",
                0, 0);
    assert_non_null(strstr(most.sentence, "Machines of this host without a price are not counted"));
}

static void list_prices_count(void **state)
{
    (void)state;
    assert_most("deployment: m\nclearml: {api_server: \"https://a.b\"}\n"
                "accounts: [{name: a, driver: aws, region: us-east-1}]\n"
                "machine_types: [{name: m, account: a, instance_type: m5.large, max_machines: 3}]\n"
                "queues: [{name: g, types: [m]}]\n",
                288000, 214272000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_times_prices),
        cmocka_unit_test(small_prices_keep_their_digits),
        cmocka_unit_test(an_account_has_a_cap_too),
        cmocka_unit_test(limits_of_money_hold),
        cmocka_unit_test(what_nothing_limits_is_said),
        cmocka_unit_test(unknown_prices_are_named_and_never_free),
        cmocka_unit_test(list_prices_count),
    };
    return cmocka_run_group_tests_name("wizard_most", tests, NULL, forget);
}
