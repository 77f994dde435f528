/* SPDX-License-Identifier: Apache-2.0
 *
 * Which offerings are set aside, and for how long. Pure.
 *
 * The key is (type, offering), and there is no other: what a request of one type was refused for
 * says nothing certain of another type with the same size and place (its own disk, price or image
 * may be the reason), and what is marked here is exactly what was asked for.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offering_mark;

/* Zero-initialised but for first_ms is empty. */
struct offerings {
    struct offering_mark *marks;
    size_t count;
    int64_t first_ms; /* first hold of a row of refusals */
};

void offerings_free(struct offerings *set);

/* The cloud has none now. aside_ms > 0: for as long as the driver says; else first_ms, doubled when
 * it comes again within one hold of the last one's end, at most 1 h. Refusals of requests that were
 * under way when it was set aside are the same news and change nothing. */
void offering_refused(struct offerings *set, const char *type, const char *offering,
                      int64_t aside_ms, int64_t now_ms);
/* What it gave is of no use. */
void offering_set_aside(struct offerings *set, const char *type, const char *offering,
                        int64_t for_ms, int64_t now_ms);
void offering_worked(struct offerings *set, const char *type, const char *offering);

/* When it may be tried again; not later than now: it may be. */
int64_t offering_free_ms(const struct offerings *set, const char *type, const char *offering);
