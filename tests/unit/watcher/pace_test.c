/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the server is asked, and what people are told of it. */
#include <cmocka.h>
#include <string.h>

#include "pace.h"

static const struct dr_cfg_timing timing = {
    .workers_period_ms = 15000, .fresh_queues_ms = 15000, .worker_proof_ms = 90000};

static struct clearml_answer answer(enum clearml_class cls, int64_t took_ms, int64_t retry_ms)
{
    return (struct clearml_answer){.cls = cls,
                                   .sentence = cls == CLEARML_OK ? "" : "something happened",
                                   .recv_ms = took_ms,
                                   .retry_after_ms = retry_ms};
}

static void each_class_has_a_state_and_a_wait(void **state)
{
    (void)state;
    static const struct {
        enum clearml_class cls;
        const char *name;
        int64_t retry_ms, wait_ms;
    } rows[] = {
        {CLEARML_OK, "ok", -1, 0},
        {CLEARML_REFUSED, "broken", -1, 2000},
        {CLEARML_WRONG_KEY, "wrong-key", -1, 60000},
        {CLEARML_BUSY, "slow", 30000, 30000},
        {CLEARML_SERVER, "down", -1, 2000},
        {CLEARML_UNREACHABLE, "down", -1, 2000},
        {CLEARML_TIMEOUT, "down", -1, 2000},
        {CLEARML_TLS, "broken", -1, 2000},
        {CLEARML_NOT_API, "broken", -1, 2000},
    };
    assert_int_equal(sizeof rows / sizeof *rows, CLEARML_CLASSES);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pace pace;
        pace_init(&pace, &(struct dr_cfg_clearml){.tick_ms = 1000}, &timing, 0);
        struct clearml_answer seen = answer(rows[i].cls, 10, rows[i].retry_ms);
        assert_true(pace_answer(&pace, &seen, 5000, 77));
        assert_string_equal(pace_state_name(pace.state), rows[i].name);
        assert_int_equal(pace.not_before_ms - 5000, rows[i].wait_ms);
        assert_int_equal(pace.since_us, 77);
        assert_false(pace_answer(&pace, &seen, 9000, 78)); /* said once */
    }
}

static void failures_back_off_and_heal(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, &(struct dr_cfg_clearml){.tick_ms = 1000}, &timing, 0);
    struct clearml_answer down = answer(CLEARML_UNREACHABLE, 0, -1);
    static const int64_t waits[] = {2000, 4000, 8000, 15000, 15000, 15000, 15000, 15000};
    for (size_t i = 0; i < 8; i++) {
        pace_answer(&pace, &down, 0, 1);
        assert_int_equal(pace.not_before_ms, waits[i]);
    }
    struct clearml_answer html = answer(CLEARML_TLS, 0, -1);
    assert_true(pace_answer(&pace, &html, 0, 2));
    html.cls = CLEARML_NOT_API;
    assert_true(pace_answer(&pace, &html, 0, 3)); /* the same state, but another fault */
    assert_int_equal(pace.since_us, 2);
    struct clearml_answer good = answer(CLEARML_OK, 5, -1);
    assert_true(pace_answer(&pace, &good, 0, 4));
    assert_string_equal(pace.sentence, "the ClearML server answers");
    assert_int_equal(pace.not_before_ms, 0);
}

static void a_slow_server_is_asked_less(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, &(struct dr_cfg_clearml){.tick_ms = 1000}, &timing, 0);
    struct clearml_answer slow = answer(CLEARML_OK, 3000, -1);
    for (int i = 0; i < 30; i++)
        pace_answer(&pace, &slow, 0, 1);
    assert_int_equal(pace.state, SERVER_SLOW);
    assert_in_range(pace_tick_ms(&pace, true), 8900, 9000);
    struct clearml_answer quick = answer(CLEARML_OK, 20, -1);
    for (int i = 0; i < 30; i++)
        pace_answer(&pace, &quick, 0, 1);
    assert_int_equal(pace.state, SERVER_OK);
    assert_int_equal(pace_tick_ms(&pace, true), 1000);
    assert_int_equal(pace_workers_ms(&pace, true), 1000); /* beside each look into the queues */
    assert_int_equal(pace_workers_ms(&pace, false), 15000);
}

/* Calls of `hours` by the plan: 1 a tick, 1 more where demand is read again, 1 a workers' period.
 */
static int64_t spend(struct pace *pace, int64_t *now, int64_t hours, bool busy, int64_t *calls)
{
    int64_t before = *calls, end = *now + hours * 3600000, tick_at = *now, workers_at = *now;
    for (; *now < end; *now += 100) {
        pace_count(pace, *calls, *now);
        if (*now - tick_at >= pace_tick_ms(pace, busy)) {
            tick_at = *now;
            *calls += busy ? 2 : 1;
        }
        if (*now - workers_at >= pace_workers_ms(pace, busy)) {
            workers_at = *now;
            *calls += 1;
        }
    }
    return *calls - before;
}

static void a_budget_is_kept(void **state)
{
    (void)state;
    struct pace pace;
    int64_t now = 0, calls = 0;
    pace_init(&pace, &(struct dr_cfg_clearml){.tick_ms = 1000, .calls_per_month = 300000}, &timing,
              0);
    const int64_t an_hour = 300000 / 720;
    int64_t idle = spend(&pace, &now, 1, false, &calls);
    assert_in_range(idle, 100, an_hour);
    assert_int_equal(pace_tick_ms(&pace, true) < 5000, true); /* fast when it is needed */
    int64_t busy = spend(&pace, &now, 1, true, &calls);
    assert_in_range(idle + busy, an_hour, 2 * an_hour);
    int64_t day = spend(&pace, &now, 24, true, &calls);
    assert_in_range(day, 20 * an_hour, 25 * an_hour);
    /* what keys and recoveries take beyond it is given back */
    calls += 300;
    int64_t after = spend(&pace, &now, 6, true, &calls);
    assert_in_range(after, 4 * an_hour, 6 * an_hour - 250);
    /* a day's idling saves an hour's worth, no more */
    spend(&pace, &now, 24, false, &calls);
    assert_in_range(spend(&pace, &now, 1, true, &calls), an_hour, 2 * an_hour + 10);
}

static void too_small_a_budget_is_known(void **state)
{
    (void)state;
    int64_t smallest = pace_smallest_budget(&timing);
    assert_in_range(smallest, 10001, 300000);
    /* with it, neither interval passes what the rules bear */
    struct pace pace;
    pace_init(&pace, &(struct dr_cfg_clearml){.tick_ms = 1000, .calls_per_month = smallest},
              &timing, 0);
    assert_in_range(pace_tick_ms(&pace, false), 1000, 30000);
    assert_in_range(pace_workers_ms(&pace, false), 1000, 60000);
    int64_t now = 0, calls = 0;
    assert_in_range(spend(&pace, &now, 24, false, &calls), 1, smallest / 30);
}

static void without_a_budget_the_tick_rules(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace, &(struct dr_cfg_clearml){.tick_ms = 1000}, &timing, 0);
    int64_t now = 0, calls = 0;
    int64_t an_hour = spend(&pace, &now, 1, false, &calls);
    assert_in_range(an_hour, 3600, 3600 * 11 / 10); /* at most 1.1 calls a quiet tick */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_has_a_state_and_a_wait),
        cmocka_unit_test(failures_back_off_and_heal),
        cmocka_unit_test(a_slow_server_is_asked_less),
        cmocka_unit_test(a_budget_is_kept),
        cmocka_unit_test(too_small_a_budget_is_known),
        cmocka_unit_test(without_a_budget_the_tick_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
