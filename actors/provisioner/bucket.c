/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket.h"

#include "drover/assert.h"

/* A sum of small refills may fall short of a whole token by rounding alone. */
#define ROUNDING 1e-6

/* Tokens at a time: the refill since the last look, never more than the burst. A time before that
 * look (two clocks, a step) refills nothing. */
static double filled(const struct dr_bucket *bucket, int64_t now_ms)
{
    int64_t passed_ms = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
    double tokens = bucket->tokens + (double)passed_ms * bucket->per_second / 1000.0;
    return tokens < bucket->burst ? tokens : bucket->burst;
}

static void refill(struct dr_bucket *bucket, int64_t now_ms)
{
    bucket->tokens = filled(bucket, now_ms);
    bucket->at_ms = now_ms > bucket->at_ms ? now_ms : bucket->at_ms;
}

void dr_bucket_init(struct dr_bucket *bucket, double burst, double per_second, int64_t now_ms)
{
    DR_ASSERT(burst > 0 && per_second > 0);
    *bucket = (struct dr_bucket){
        .burst = burst, .per_second = per_second, .tokens = burst, .at_ms = now_ms};
}

bool dr_bucket_take(struct dr_bucket *bucket, double n, int64_t now_ms)
{
    refill(bucket, now_ms);
    n = n < bucket->burst ? n : bucket->burst;
    if (bucket->tokens + ROUNDING < n)
        return false;
    bucket->tokens = bucket->tokens > n ? bucket->tokens - n : 0;
    return true;
}

int64_t dr_bucket_wait_ms(const struct dr_bucket *bucket, double n, int64_t now_ms)
{
    double most = n < bucket->burst ? n : bucket->burst;
    double lacking = most - filled(bucket, now_ms);
    if (lacking <= ROUNDING)
        return 0;
    double ms = lacking * 1000.0 / bucket->per_second;
    int64_t whole = (int64_t)ms;
    return (double)whole + ROUNDING < ms ? whole + 1 : whole;
}

void dr_bucket_drain(struct dr_bucket *bucket, int64_t now_ms)
{
    refill(bucket, now_ms);
    bucket->tokens = 0;
}
