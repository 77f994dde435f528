/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger says of money, one case each; money_histories_test has the many. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* `money` of all, `cpu` and `slow` of that type and that queue. */
static void configure(struct fixture *f, const char *money, const char *cpu, const char *slow)
{
    char text[1500];
    snprintf(text, sizeof text,
             "deployment: test\n"
             "%s\n"
             "clearml: {api_server: 'http://127.0.0.1:1'}\n"
             "accounts:\n"
             "  - {name: home, driver: local}\n"
             "  - {name: away, driver: local, machines_dir: /other}\n"
             "machine_types:\n"
             "  - {name: cpu, account: home%s}\n"
             "  - {name: gpu, account: home, price_per_hour: 2, max_life: 8h}\n"
             "  - {name: far, account: away}\n"
             "queues:\n"
             "  - {name: fast, types: [cpu]}\n"
             "  - {name: slow, types: [cpu, gpu]%s}\n"
             "  - {name: far, types: [far]}\n",
             money, cpu, slow);
    fixture_reconfigure(f, text);
}

static void refused(struct fixture *f, const char *type, int64_t count, const char *part)
{
    assert_false(fixture_try_want(f, type, count, NULL));
    assert_string_equal(fixture_code(f), "capped");
    if (strstr(f->ack.sentence, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->ack.sentence, part);
}

static const struct dr_money *money(struct fixture *f)
{
    assert_true(ask(f, MONEY_GET, money_get, .type = ""));
    assert_int_equal(f->type, DR_MONEY);
    return f->body;
}

static void an_unknown_price_is_not_free(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_hour: 5}", "", "");
    refused(f, "cpu", 1,
            "nobody knows what machine type cpu costs, and the limit of $5.00 an hour of "
            "all machines covers it: set price_per_hour of machine type cpu");
    configure(f, "", "", ", budget: {per_day: 9}");
    refused(f, "cpu", 1, "the limit of $9.00 a day of queue slow covers it");
    assert_true(fixture_try_want(f, "far", 1, NULL)); /* nothing covers that one */
    fixture_boot(f, "far", "i-1");
    assert_int_equal(money(f)->unpriced, 1);
    assert_int_equal(money(f)->rate_usd_micros, 0);
}

static void figures_are_said(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_hour: 5}", ", price_per_hour: 1.2", "");
    assert_true(fixture_try_want(f, "gpu", 2, NULL));
    refused(f, "cpu", 1,
            "$5.20 an hour would pass the limit of $5.00 an hour of all machines: $4.00 for 2 "
            "machines that live or are wanted, $1.20 for 1 more");
    configure(f, "budget: {per_day: 1}", ", price_per_hour: 1.2", "");
    refused(f, "cpu", 1, "the next day begins 20");
}

static void a_price_is_for_life(void **state)
{
    struct fixture *f = *state;
    configure(f, "", ", price_per_hour: 1", "");
    const char *old = fixture_boot(f, "cpu", "i-1");
    const char *waits = fixture_want(f, "cpu");
    configure(f, "", ", price_per_hour: 3", "");
    assert_int_equal(fixture_machine(f, old).price_usd_micros, 1000000);
    assert_int_equal(fixture_machine(f, waits).price_usd_micros, 1000000);
    fixture_open(f, waits); /* it was never launched: today's price */
    assert_int_equal(fixture_machine(f, waits).price_usd_micros, 3000000);
    f->now_us += 3600LL * 1000000;
    assert_int_equal(money(f)->rate_usd_micros, 1000000);
    /* One that is unknown is taken once it is known. */
    const char *far = fixture_boot(f, "far", "i-2");
    assert_int_equal(fixture_machine(f, far).price_usd_micros, 0);
}

static void a_dearer_attempt_is_asked_again(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_hour: 2.5}", ", price_per_hour: 1", "");
    const char *first = fixture_boot(f, "cpu", "i-1");
    const char *waits = fixture_want(f, "cpu");
    configure(f, "budget: {per_hour: 2.5}", ", price_per_hour: 2", "");
    assert_false(ask(f, ATTEMPT_OPEN, attempt_open, .machines = STRS(waits), .account = "home",
                     .offering = "small", .seal_pk = SEAL_PK));
    assert_string_equal(fixture_code(f), "capped");
    assert_non_null(strstr(f->ack.sentence, "$3.00 an hour would pass"));
    assert_true(ask(f, MACHINE_SEEN, machine_seen, .machine = first, .instance_id = "i-1",
                    .word = "ended"));
    fixture_open(f, waits);
}

/* Wanted for what was left of a day, it does not hold up another's start when the day turns. */
static void wanted_rows_do_not_wait_for_one_another(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_day: 20}", ", price_per_hour: 1", "");
    int64_t day_us = 24 * 3600LL * 1000000;
    f->now_us += day_us - f->now_us % day_us - 3600LL * 1000000; /* 23:00 */
    assert_true(fixture_try_want(f, "gpu", 2, NULL));
    const char *one = f->ack.ids.items[0];
    f->now_us += 2 * 3600LL * 1000000; /* 01:00: each is reserved for 8 hours at $2 */
    refused(f, "gpu", 1, "$48.00 would pass");
    fixture_open(f, one);
}

static void a_lowered_limit_waits(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_hour: 5}", ", price_per_hour: 1", "");
    fixture_boot(f, "gpu", "i-1");
    configure(f, "budget: {per_hour: 1}", ", price_per_hour: 1", "");
    refused(f, "cpu", 1, "$2.00 for 1 machine that lives or is wanted");
}

static bool commit(struct fixture *f, const char *attempt)
{
    struct dr_key_row key = fixture_key(f, attempt);
    assert_true(ask(f, KEY_SETTLE, key_settle, .key = key.id, .state = "minted",
                    .access_key = key.id, .sealed = BYTES("s")));
    return ask(f, ATTEMPT_COMMIT, attempt_commit, .attempt = attempt, .body = BYTES("body"));
}

/* The limit was lowered after its attempt had opened, before the call went out. */
static void the_last_word_before_the_call_is_asked_too(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_hour: 5}", ", price_per_hour: 1", "");
    const char *row = fixture_want(f, "gpu"), *attempt = fixture_open(f, row);
    const char *other = fixture_open(f, fixture_want(f, "cpu"));
    configure(f, "budget: {per_hour: 1}", ", price_per_hour: 1", "");
    assert_false(commit(f, attempt));
    assert_string_equal(fixture_code(f), "capped");
    assert_non_null(strstr(f->ack.sentence, "$2.00 an hour would pass the limit of $1.00 an hour"));
    assert_string_equal(fixture_machine(f, row).state, "wanted");
    assert_non_null(strstr(fixture_machine(f, row).cause, "never-sent: $2.00 an hour would pass"));
    assert_string_equal(fixture_attempt(f, attempt).outcome, "never-sent");
    assert_true(commit(f, other)); /* which it does not hold up */
}

/* A machine that lives at a price which nobody knows may have used the limit up. */
static void what_lives_without_a_price_is_not_free(void **state)
{
    struct fixture *f = *state;
    configure(f, "", "", "");
    fixture_boot(f, "cpu", "i-1");
    configure(f, "budget: {per_day: 100}", "", "");
    refused(f, "gpu", 1,
            "nobody knows what 1 machine of type cpu costs, and the limit of $100.00 a day of all "
            "machines covers it: nothing more starts under it until that is known (price_per_hour "
            "of that machine type in drover.yaml");
    configure(f, "budget: {per_day: 100}", ", price_per_hour: 1", "");
    assert_int_equal(money(f)->unpriced, 0);
    assert_true(fixture_try_want(f, "gpu", 1, NULL));
    configure(f, "", ", price_per_hour: 1", ", budget: {per_day: 50}");
    fixture_boot(f, "far", "i-2"); /* under no limit that covers the others */
    assert_true(fixture_try_want(f, "gpu", 1, NULL));
}

/* Its answer cannot be had: the keys are another account's. A person looked: nothing runs. */
static void an_attempt_without_an_answer_is_settled(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_hour: 2, per_month: 100}", ", price_per_hour: 1", "");
    const char *row = fixture_want(f, "gpu"), *attempt = fixture_open(f, row);
    assert_false(ask(f, ATTEMPT_SETTLE, attempt_settle, .attempt = attempt, .by = "ann"));
    assert_non_null(strstr(f->ack.sentence, "was never sent"));
    assert_true(commit(f, attempt));
    f->now_us += 59LL * 60 * 1000000;
    assert_false(ask(f, ATTEMPT_SETTLE, attempt_settle, .attempt = attempt, .by = "ann"));
    assert_non_null(strstr(f->ack.sentence, "less than an hour ago"));
    f->now_us += 61LL * 60 * 1000000;
    refused(f, "cpu", 1, "$3.00 an hour would pass");
    assert_false(ask(f, ATTEMPT_SETTLE, attempt_settle, .attempt = attempt));
    assert_true(ask(f, ATTEMPT_SETTLE, attempt_settle, .attempt = attempt, .by = "ann"));
    assert_string_equal(fixture_machine(f, row).state, "failed");
    assert_string_equal(fixture_attempt(f, attempt).outcome, "cloud-forgot");
    assert_in_range(money(f)->month_usd_micros, 4000000,
                    4010000); /* two hours that it may have run */
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE by='ann'"
                                      " AND kind='attempt' AND \"to\"='closed'"),
                     1);
    assert_true(fixture_try_want(f, "cpu", 1, NULL));
    /* One that ran all the same is found, and is paid for from its launch on. */
    struct dr_machine_found found = {.account = "home",
                                     .instance = {.instance_id = "i-9",
                                                  .attempt = attempt,
                                                  .ledger_id = "",
                                                  .state = "present",
                                                  .launched_us = f->now_us - 3600LL * 1000000}};
    assert_true(fixture_ask_as(f, "provisioner:home", DR_MACHINE_FOUND, &found, NULL));
    assert_string_equal(fixture_machine(f, f->ack.ids.items[0]).drain_reason, "surplus");
    assert_in_range(money(f)->month_usd_micros, 6000000, 6010000);
}

/* What is asked of without an end is told until the month's, beyond the most days that may be asked
 * of. */
static void the_most_days_are_told(void **state)
{
    struct fixture *f = *state;
    configure(f, "", ", price_per_hour: 1", "");
    int64_t day_us = 86400LL * 1000000;
    const struct dr_costs *costs;
    do { /* to the month's first day */
        f->now_us += day_us;
        assert_true(ask(f, COSTS_GET, costs_get, .by = "day"));
        costs = f->body;
    } while (costs->until_us - costs->from_us >= day_us);
    assert_true(ask(f, COSTS_GET, costs_get, .by = "day", .from_us = f->now_us - 797 * day_us));
    assert_int_equal(f->type, DR_COSTS);
    assert_false(ask(f, COSTS_GET, costs_get, .by = "day", .from_us = f->now_us - 799 * day_us));
    assert_non_null(strstr(f->ack.sentence, "at most 798 days"));
}

static void a_lost_ledger_waits_for_a_word(void **state)
{
    struct fixture *f = *state;
    configure(f, "budget: {per_month: 500}", ", price_per_hour: 1", "");
    struct dr_machine_found found = {.account = "home",
                                     .instance = {.instance_id = "i-1",
                                                  .attempt = "a0",
                                                  .ledger_id = "l-old",
                                                  .state = "present",
                                                  .launched_us = f->now_us - 3600LL * 1000000}};
    assert_false(fixture_ask_as(f, "provisioner:home", DR_MACHINE_FOUND, &found, NULL));
    assert_non_null(strstr(f->ack.sentence, "drover adopt --spent N"));
    assert_non_null(strstr(money(f)->waiting, "drover adopt --spent N"));
    assert_false(fixture_try_want(f, "cpu", 1, NULL));
    assert_string_equal(fixture_code(f), "refused");
    assert_false(ask(f, LEDGER_ADOPT, ledger_adopt, .spent_usd_micros = 5));
    assert_false(ask(f, LEDGER_ADOPT, ledger_adopt, .spent_usd_micros = -5, .by = "ann"));
    assert_true(ask(f, LEDGER_ADOPT, ledger_adopt, .spent_usd_micros = 123000000, .by = "ann"));
    assert_string_equal(money(f)->waiting, "");
    assert_int_equal(money(f)->today_usd_micros, 123000000);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM history WHERE kind='ledger'"
                                      " AND by='ann' AND \"to\"='adopted'"),
                     1);
    fixture_reopen(f); /* another life knows it still */
    assert_true(fixture_ask_as(f, "provisioner:home", DR_MACHINE_FOUND, &found, NULL));
    assert_int_equal(fixture_machine(f, f->ack.ids.items[0]).price_usd_micros, 2000000);
    assert_in_range(money(f)->month_usd_micros, 123000000, 123100000); /* from the word on */
    found.instance.instance_id = "i-2";
    found.instance.ledger_id = "l-third";
    assert_false(fixture_ask_as(f, "provisioner:home", DR_MACHINE_FOUND, &found, NULL));
}

static void a_full_disk_forgets_no_money(void **state)
{
    struct fixture *f = *state;
    configure(f, "", ", price_per_hour: 1", "");
    const char *id = fixture_boot(f, "cpu", "i-1");
    f->now_us += 3600LL * 1000000;
    assert_true(
        ask(f, MACHINE_SEEN, machine_seen, .machine = id, .instance_id = "i-1", .word = "ended"));
    int64_t spent = money(f)->month_usd_micros;
    assert_int_equal(spent / 10000, 100);
    core_prune(f->ledger, f->now_us, true);
    assert_int_equal(money(f)->month_usd_micros, spent);
    int64_t day_us = 24 * 3600LL * 1000000;
    core_prune(f->ledger, f->now_us + 399 * day_us, true);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 1);
    core_prune(f->ledger, f->now_us + 401 * day_us, false);
    assert_int_equal(fixture_count(f, "SELECT count(*) FROM machine"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_price_is_not_free),
        TEST(figures_are_said),
        TEST(a_price_is_for_life),
        TEST(a_dearer_attempt_is_asked_again),
        TEST(wanted_rows_do_not_wait_for_one_another),
        TEST(a_lowered_limit_waits),
        TEST(the_last_word_before_the_call_is_asked_too),
        TEST(what_lives_without_a_price_is_not_free),
        TEST(an_attempt_without_an_answer_is_settled),
        TEST(the_most_days_are_told),
        TEST(a_lost_ledger_waits_for_a_word),
        TEST(a_full_disk_forgets_no_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
