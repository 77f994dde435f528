/* SPDX-License-Identifier: Apache-2.0
 *
 * The most that a configuration can cost, out of its caps, limits of money and prices. Pure.
 */
#pragma once
#include "drover/config.h"

#define DR_MOST_UNLIMITED INT64_C(-1)
#define DR_MOST_UNPRICED 256
#define DR_MOST_MONTH_HOURS 744 /* of 31 days */

struct dr_most {
    int64_t per_hour_usd_micros, per_month_usd_micros; /* or DR_MOST_UNLIMITED */
    /* Types that may start and whose price nobody knows: what they cost comes on top. Names are the
     * configuration's. */
    const char *unpriced[DR_MOST_UNPRICED];
    size_t unpriced_count;
    char sentence[1024]; /* all of it in words */
};

/* Never less than what could be paid for what has a price: a type runs as many machines as its own,
 * its queues', its account's and the whole's caps and limits per hour allow, the dearest first.
 * Types that no queue names never start. What has no price is never free: it is named, machines of
 * this host (driver local) too. Works on an unfinished configuration (dr_config_parse_draft). */
void dr_config_most(const struct dr_cfg_root *root, struct dr_most *most);
