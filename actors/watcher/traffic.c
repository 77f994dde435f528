/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

/* Clears the slots of the minutes that have begun since. */
static void turn(struct traffic *traffic, int64_t now_ms)
{
    int64_t minute = now_ms / 60000;
    if (minute - traffic->minute > TRAFFIC_MINUTES)
        traffic->minute = minute - TRAFFIC_MINUTES;
    while (traffic->minute < minute) {
        traffic->minute++;
        traffic->calls_of[traffic->minute % TRAFFIC_MINUTES] = 0;
        traffic->bytes_of[traffic->minute % TRAFFIC_MINUTES] = 0;
    }
}

void traffic_add(struct traffic *traffic, int64_t calls, int64_t bytes, int64_t now_ms)
{
    turn(traffic, now_ms);
    traffic->calls += calls;
    traffic->bytes += bytes;
    traffic->calls_of[traffic->minute % TRAFFIC_MINUTES] += calls;
    traffic->bytes_of[traffic->minute % TRAFFIC_MINUTES] += bytes;
}

void traffic_hour(struct traffic *traffic, int64_t now_ms, int64_t *calls, int64_t *bytes)
{
    turn(traffic, now_ms);
    *calls = *bytes = 0;
    for (int i = 0; i < TRAFFIC_MINUTES; i++) {
        *calls += traffic->calls_of[i];
        *bytes += traffic->bytes_of[i];
    }
}
