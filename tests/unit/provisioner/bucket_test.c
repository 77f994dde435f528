/* SPDX-License-Identifier: Apache-2.0
 *
 * Buckets by a table of takes, and by a property: waiting as long as was said is always enough,
 * and no stretch of time gives more than burst + rate x time.
 */
#include "bucket.h"

#include <cmocka.h>

enum what { TAKE, REFUSED, WAIT, DRAIN };

static const struct {
    int64_t at_ms;
    enum what what;
    double n;
    int64_t wait_ms;
} STEPS[] = {
    {0, TAKE, 3, 0},          {0, TAKE, 2, 0},      /* the burst of 5 at once */
    {0, REFUSED, 1, 0},       {0, WAIT, 1, 500},    /* then 2 a second */
    {499, REFUSED, 1, 0},     {499, WAIT, 1, 1},    /* a refusal takes nothing */
    {500, TAKE, 1, 0},        {500, WAIT, 3, 1500}, /* as late as was said */
    {400, REFUSED, 1, 0},     {400, WAIT, 1, 500},  /* a clock that steps back refills nothing */
    {60000, WAIT, 5, 0},      {60000, TAKE, 5, 0}, /* idle time fills it to the burst, no further */
    {60000, WAIT, 1, 500},    {70000, WAIT, 99, 0},    {70000, TAKE, 99, 0}, /* more than the burst:
                                                                                all there is */
    {70000, REFUSED, 0.5, 0}, {70000, WAIT, 99, 2500}, {80000, DRAIN, 0, 0}, {80000, REFUSED, 1, 0},
    {80000, WAIT, 5, 2500},   {80250, TAKE, 0.5, 0}, /* fractions */
    {80250, TAKE, 0, 0},      {80250, WAIT, 0, 0},
};

static void test_steps(void **state)
{
    struct dr_bucket bucket;
    (void)state;
    dr_bucket_init(&bucket, 5, 2, 0);
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
        switch (STEPS[i].what) {
        case TAKE:
        case REFUSED:
            assert_int_equal(dr_bucket_take(&bucket, STEPS[i].n, STEPS[i].at_ms),
                             STEPS[i].what == TAKE);
            break;
        case WAIT:
            assert_int_equal(dr_bucket_wait_ms(&bucket, STEPS[i].n, STEPS[i].at_ms),
                             STEPS[i].wait_ms);
            break;
        case DRAIN:
            dr_bucket_drain(&bucket, STEPS[i].at_ms);
            break;
        }
    }
}

static void test_waiting_as_said_is_enough_and_never_too_much(void **state)
{
    static const double RATES[] = {0.1, 0.3, 1, 2, 7, 20, 100, 1000};
    (void)state;
    for (size_t r = 0; r < sizeof RATES / sizeof *RATES; r++) {
        struct dr_bucket bucket;
        int64_t now_ms = 12345;
        double taken = 0;
        dr_bucket_init(&bucket, 10, RATES[r], now_ms);
        for (unsigned i = 0; i < 2000; i++) {
            double n = 1 + (i * 7919u) % 10;
            int64_t wait_ms = dr_bucket_wait_ms(&bucket, n, now_ms);
            if (wait_ms > 0)
                assert_false(dr_bucket_take(&bucket, n, now_ms + wait_ms - 1));
            now_ms += wait_ms;
            assert_true(dr_bucket_take(&bucket, n, now_ms));
            taken += n;
            assert_true(taken <= 10 + RATES[r] * (double)(now_ms - 12345) / 1000 + 0.01);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_waiting_as_said_is_enough_and_never_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
