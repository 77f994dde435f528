/* SPDX-License-Identifier: Apache-2.0 */
/* Time (P8). Durations are measured on CLOCK_BOOTTIME, which runs on through a suspend and never
 * jumps; it is only comparable within one boot, so what is stored carries the boot id and the wall
 * time too. Only shells call these: a core is handed `now`. None of them blocks or fails. */
#ifndef DROVER_CLOCK_H
#define DROVER_CLOCK_H

#include <stdint.h>

/* Milliseconds since this host booted. */
int64_t dr_boottime_ms(void);

/* Microseconds since 1970-01-01 UTC, by the host's adjustable clock: for people and for storage,
 * never for measuring how long something took. */
int64_t dr_wall_us(void);

/* This boot's id as the kernel prints it (36 characters), or "unknown" where /proc is missing.
 * The string lives as long as the process. */
const char *dr_boot_id(void);

#endif
