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

/* Says "WATCHDOG=1" when that is due. Returns when the next one is, INT64_MAX when systemd asked
 * for none. now_ms is of any clock that does not jump, the same one each time. */
int64_t dr_sdnotify_watchdog(int64_t now_ms);
