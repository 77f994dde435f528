/* SPDX-License-Identifier: Apache-2.0
 *
 * A token bucket, as clouds count their callers: `burst` calls at once, refilled at a rate. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct dr_bucket {
    double burst, per_second; /* as the cloud publishes them */
    double tokens;
    int64_t at_ms; /* of `tokens`; CLOCK_BOOTTIME */
};

void dr_bucket_init(struct dr_bucket *bucket, double burst, double per_second, int64_t now_ms);
/* Takes `n` tokens (at most the burst is ever asked for); false and nothing taken if there are too
 * few. */
bool dr_bucket_take(struct dr_bucket *bucket, double n, int64_t now_ms);
/* Milliseconds until `n` tokens are there; 0: now. */
int64_t dr_bucket_wait_ms(const struct dr_bucket *bucket, double n, int64_t now_ms);
/* The cloud said "too many": it counts otherwise than we do, so the bucket is empty. */
void dr_bucket_drain(struct dr_bucket *bucket, int64_t now_ms);
