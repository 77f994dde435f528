/* SPDX-License-Identifier: Apache-2.0 */
/* The server's time stamps, as numbers, and its clock beside ours. */
#ifndef DROVER_WATCHER_STAMP_H
#define DROVER_WATCHER_STAMP_H

#include <stdint.h>

/* "2026-11-24T04:14:10.301989+00:00" (fraction and zone optional, Z for UTC) as microseconds since
 * 1970. 0 for NULL, "" and what cannot be read: the server's own way to say "never". */
int64_t stamp_us(const char *text);

/* What the server's clock shows beyond ours, learnt from Date headers (P8). A Date is cut to whole
 * seconds, so each one only says "at least"; the largest of the newest is kept. */
struct server_clock {
    int64_t offset_us;
    int64_t known; /* answers it was learnt from; 0: take the clocks as equal */
};

void server_clock_learn(struct server_clock *clock, int64_t date_us, int64_t wall_us);

/* Our wall time as the server's clock would show it, and back. */
int64_t server_clock_theirs(const struct server_clock *clock, int64_t wall_us);
int64_t server_clock_ours(const struct server_clock *clock, int64_t server_us);

#endif
