/* SPDX-License-Identifier: Apache-2.0
 *
 * What systemd wants to hear (sd_notify's datagram, which is a stable interface, so that droverd
 * needs no library for it). Without systemd nothing happens.
 */
#pragma once
#include <stdint.h>

/* Sends e.g. "READY=1". Never blocks; failures are nobody's business. */
void dr_sdnotify(const char *state);
void dr_sdnotify_reloading(void);

/* How often "WATCHDOG=1" is due, or 0 when systemd asked for none. */
int64_t dr_sdnotify_watchdog_ms(void);
