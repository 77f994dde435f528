/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and bytes, in all and over the last hour. Pure. */
#ifndef DROVER_WATCHER_TRAFFIC_H
#define DROVER_WATCHER_TRAFFIC_H

#include <stdint.h>

#define TRAFFIC_MINUTES 60

struct traffic { /* starts as {0} */
    int64_t calls, bytes;
    int64_t minute; /* the newest that has a slot; CLOCK_BOOTTIME */
    int64_t calls_of[TRAFFIC_MINUTES], bytes_of[TRAFFIC_MINUTES];
};

void traffic_add(struct traffic *traffic, int64_t calls, int64_t bytes, int64_t now_ms);

/* Over this minute and the 59 before it. */
void traffic_hour(struct traffic *traffic, int64_t now_ms, int64_t *calls, int64_t *bytes);

#endif
