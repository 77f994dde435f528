/* SPDX-License-Identifier: Apache-2.0
 *
 * What a machine type costs an hour, and who says so. Pure: the configuration and prices.def.
 */
#pragma once
#include "drover/config.h"

/* price_usd_micros 0: unknown, which is never free. Static or borrowed from the configuration. */
struct dr_price {
    int64_t price_usd_micros;
    const char *source; /* "configured", "list", "most" (spot: at most this), "unknown" */
    const char *as_of;  /* of a list price, YYYY-MM-DD; "" */
    const char *link;   /* the vendor's page; "" */
    const char *size;   /* the cloud's size as configured */
    int64_t cores, memory_mib, gpus, gpu_memory_mib; /* 0: unknown, or none */
    const char *gpu;
};

/* A configured price wins (price_per_hour). Else the list price of the account's region. A spot
 * machine costs at most its spot_max_price, or the on-demand price, which is what EC2 takes for
 * the most where nothing is said:
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/how-spot-instances-work.html */
struct dr_price dr_price_of(const struct dr_cfg_root *root, const struct dr_cfg_type *type);

/* The list itself: a row per size and region. Static storage. */
struct dr_list_price {
    const char *driver, *region, *size;
    int64_t usd_micros, cores, memory_mib, gpus;
    const char *gpu;
    int64_t gpu_memory_mib;
    const char *as_of, *link;
};
extern const struct dr_list_price dr_list_prices[];
extern const size_t dr_list_price_count;
