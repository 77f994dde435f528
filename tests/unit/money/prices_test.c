/* SPDX-License-Identifier: Apache-2.0 */
#include "prices.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct dr_config_errors errors;
static struct dr_config *config;

static const struct dr_cfg_root *parse(const char *region, const char *type, const char *more)
{
    char text[1024];
    snprintf(text, sizeof text,
             "deployment: test\n"
             "clearml: {api_server: 'http://127.0.0.1:1'}\n"
             "accounts:\n"
             "  - {name: home, driver: local}\n"
             "  - {name: cloud, driver: aws%s}\n"
             "machine_types:\n"
             "  - {%s}\n"
             "queues:\n"
             "  - {name: q, types: [t]}\n"
             "%s",
             region, type, more);
    dr_config_free(config);
    dr_config_errors_free(&errors);
    config = dr_config_parse(text, strlen(text), "drover.yaml", &errors);
    return config == NULL ? NULL : dr_config_root(config);
}

static int forget(void **state)
{
    (void)state;
    dr_config_free(config);
    config = NULL;
    dr_config_errors_free(&errors);
    return 0;
}

#define US1 ", region: us-east-1"
#define AWS "name: t, account: cloud, instance_type: g5.xlarge, ami_id: ami-1"

static void who_says_what_it_costs(void **state)
{
    (void)state;
    static const struct {
        const char *region, *type;
        int64_t price_usd_micros;
        const char *source;
    } rows[] = {
        {US1, AWS, 1006000, "list"},
        {US1, AWS ", price_per_hour: 0.9", 900000, "configured"},
        {", region: eu-west-1", AWS, 0, "unknown"}, /* another region's price is not this one's */
        {", region: eu-west-1", AWS ", price_per_hour: 1.123", 1123000, "configured"},
        {"", AWS, 0, "unknown"},
        {US1, AWS ", spot: true", 1006000, "most"},
        {US1, AWS ", spot: true, spot_max_price: '0.35'", 350000, "most"},
        {", region: eu-west-1", AWS ", spot: true, spot_max_price: '0.35'", 350000, "most"},
        {US1, AWS ", spot: true, spot_max_price: '0.35', price_per_hour: 0.3", 300000,
         "configured"},
        {US1, "name: t, account: cloud, instance_type: x9.mega, ami_id: ami-1", 0, "unknown"},
        {US1, "name: t, account: home, instance_type: g5.xlarge", 0, "unknown"},
        {US1, "name: t, account: home, price_per_hour: 0.0416", 41600, "configured"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct dr_cfg_root *root = parse(rows[i].region, rows[i].type, "");
        assert_non_null(root);
        struct dr_price price = dr_price_of(root, &root->machine_types.items[0]);
        if (price.price_usd_micros != rows[i].price_usd_micros ||
            strcmp(price.source, rows[i].source) != 0)
            fail_msg("row %zu: %lld, %s", i, (long long)price.price_usd_micros, price.source);
        assert_int_equal(strcmp(price.source, "list") == 0,
                         *price.as_of != '\0' && !strstr(rows[i].type, "spot"));
    }
}

static void a_list_price_says_where_it_is_from(void **state)
{
    (void)state;
    const struct dr_cfg_root *root = parse(US1, AWS, "");
    struct dr_price price = dr_price_of(root, &root->machine_types.items[0]);
    assert_string_equal(price.as_of, "2026-07-20");
    assert_string_equal(price.link, "https://aws.amazon.com/ec2/pricing/on-demand/");
    assert_string_equal(price.size, "g5.xlarge");
    assert_string_equal(price.gpu, "NVIDIA A10G");
    assert_int_equal(price.gpus, 1);
    assert_int_equal(price.cores, 4);
    assert_int_equal(price.memory_mib, 16384);
    assert_int_equal(price.gpu_memory_mib, 22888);
    root = parse(", region: eu-west-1", AWS, "");
    assert_int_equal(dr_price_of(root, &root->machine_types.items[0]).cores, 4);
}

/* Asserts that a fault or warning of this field holds `part`. */
static void complains(const char *path, const char *part)
{
    for (size_t i = 0; i < errors.count; i++) {
        if (strcmp(errors.items[i].path, path) == 0 && strstr(errors.items[i].text, part) != NULL)
            return;
    }
    for (size_t i = 0; i < errors.count; i++)
        print_error("%s\n", errors.items[i].text);
    fail_msg("nothing says of %s: %s", path, part);
}

static void limits_are_checked(void **state)
{
    (void)state;
    assert_null(parse(US1, AWS, "time_zone: Mars/Olympus\n"));
    complains("time_zone", "`Mars/Olympus` is no time zone");
    assert_non_null(parse(US1, AWS, "time_zone: Europe/Berlin\n"));
    assert_null(parse(US1, AWS, "budget: {per_day: -3}\n"));
    complains("budget.per_day", "dollars");
    assert_null(parse(US1, AWS, "budget: {per_month: 3000000000}\n"));
    complains("budget.per_month", "1000000");
    assert_null(parse(US1, AWS ", price_per_hour: 2000000", ""));
    complains("machine_types[0].price_per_hour", "1000000");
    assert_null(parse(US1, AWS ", budget: {per_hour: 9000000000}", ""));
    complains("machine_types[0].budget.per_hour", "1000000");
}

static void a_limit_without_a_price_is_told(void **state)
{
    (void)state;
    assert_non_null(parse("", AWS, "budget: {per_hour: 3}\n"));
    complains("machine_types[0].price_per_hour", "will start until it is set");
    assert_non_null(parse("", AWS ", budget: {per_day: 3}", ""));
    complains("machine_types[0].price_per_hour", "its budget needs one");
    assert_non_null(parse(US1, AWS, "budget: {per_hour: 3}\n"));
    for (size_t i = 0; i < errors.count; i++)
        assert_string_not_equal(errors.items[i].path, "machine_types[0].price_per_hour");
    assert_non_null(parse("", AWS, ""));
    for (size_t i = 0; i < errors.count; i++)
        assert_string_not_equal(errors.items[i].path, "machine_types[0].price_per_hour");
}

static void a_price_of_0_is_not_free(void **state)
{
    (void)state;
    assert_non_null(parse("", AWS ", price_per_hour: 0", ""));
    complains("machine_types[0].price_per_hour", "is 0, which means unknown and never free");
    assert_non_null(parse(US1, AWS ", price_per_hour: 0.0", ""));
    complains("machine_types[0].price_per_hour", "is 0, which is not free: the list price of $");
}

static void a_limit_below_one_machine_is_told(void **state)
{
    (void)state;
    assert_non_null(parse(US1, AWS ", price_per_hour: 3", "budget: {per_hour: 2.5}\n"));
    complains("budget.per_hour",
              "is $2.5, and one machine of type `t` costs $3 an hour: none will");
    assert_non_null(parse(US1, AWS ", price_per_hour: 3, budget: {per_hour: 2}", ""));
    complains("machine_types[0].budget.per_hour", "none will ever start");
    assert_non_null(parse(US1, AWS ", price_per_hour: 3", "budget: {per_hour: 3}\n"));
    for (size_t i = 0; i < errors.count; i++)
        assert_null(strstr(errors.items[i].text, "will ever start"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(who_says_what_it_costs, forget),
        cmocka_unit_test_teardown(a_list_price_says_where_it_is_from, forget),
        cmocka_unit_test_teardown(limits_are_checked, forget),
        cmocka_unit_test_teardown(a_limit_without_a_price_is_told, forget),
        cmocka_unit_test_teardown(a_price_of_0_is_not_free, forget),
        cmocka_unit_test_teardown(a_limit_below_one_machine_is_told, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
