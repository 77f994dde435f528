/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and products of amounts that are not negative: what is beyond all limits stays there. */
#pragma once
#include <stdint.h>

static inline int64_t dr_capped_sum(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static inline int64_t dr_capped_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}
