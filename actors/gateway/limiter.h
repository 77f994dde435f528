/* SPDX-License-Identifier: Apache-2.0 */
/* How often a password may be wrong: per address and per name. Pure. */
#ifndef DROVER_GATEWAY_LIMITER_H
#define DROVER_GATEWAY_LIMITER_H

#include <stdint.h>

#define LIMITER_FAILURES 5
#define LIMITER_WINDOW_US (INT64_C(60) * 1000000)

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter **limiter);

/* Seconds until this key may try again; 0: now. */
int64_t limiter_wait_s(const struct limiter *limiter, const char *key, int64_t now_us);
void limiter_failed(struct limiter *limiter, const char *key, int64_t now_us);
/* The key of an address. An IPv6 host has as many as it likes of the 64 bits behind its network:
 * they count as one. */
#define LIMITER_ADDRESS_SIZE 64
void limiter_address(const char *peer, char key[LIMITER_ADDRESS_SIZE]);
void limiter_succeeded(struct limiter *limiter, const char *key);

#endif
