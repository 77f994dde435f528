/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine costs, pure: integer micro-dollars from a rate and two moments of money's clock.
 *
 * A machine is paid for from its launch to its confirmed end, by the second and for a minute at
 * least: "billed in one-second increments, with a minimum of 60 seconds"
 * (https://aws.amazon.com/ec2/pricing/on-demand/).
 * What falls into a window is the difference of what was paid up to its end and up to its begin, so
 * that windows which follow one another add up to the whole, to the micro-dollar. */
#ifndef DROVER_LEDGER_PAID_H
#define DROVER_LEDGER_PAID_H

#include <stdbool.h>
#include <stdint.h>

#define PAID_SECOND_US INT64_C(1000000)
#define PAID_HOUR_US (3600 * PAID_SECOND_US)
#define PAID_LEAST_US (60 * PAID_SECOND_US)

struct paid {
    int64_t rate_usd_micros; /* an hour; 0: unknown */
    int64_t from_us;         /* launched; 0: not yet */
    int64_t to_us;           /* its end; 0: it lives */
};

/* Rounded down. us may be 0 or less: then it is 0. */
int64_t paid_for(int64_t rate_usd_micros, int64_t us);

/* Up to this moment it is paid for, as things stand now; 0 when it was never launched. */
int64_t paid_until(const struct paid *paid, int64_t now_us);

/* Paid between two moments of its life. */
int64_t paid_between(const struct paid *paid, int64_t now_us, int64_t from_us, int64_t until_us);

/* What it may still cost before `until`. A machine that lives is reserved for life_us, again and
 * again as it lives on; one that was not launched yet for life_us from now. */
int64_t paid_ahead(const struct paid *paid, int64_t life_us, int64_t now_us, int64_t until_us);

/* Shares a whole out by weights, so that the shares add up to it: what falls to the part between
 * two sums of weights out of `all`. */
int64_t paid_share(int64_t whole, int64_t weight_before, int64_t weight, int64_t all);

#endif
