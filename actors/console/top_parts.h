/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the screen below the four answers. Pure. */
#pragma once
#include "top.h"

struct top_page {
    const struct top_view *view;
    struct top_frame *frame;
    size_t at, end; /* the next line; the first that is not the parts' */
};

struct top_pen top_next(struct top_page *page); /* the next line */

/* In up to so many lines; what is cut ends with "…". */
void top_free_text(struct top_page *page, enum top_look look, size_t indent, const char *text,
                   size_t lines);

void top_cells(struct top_page *page, size_t lines);
size_t top_queue_lines(const struct top_page *page); /* with their heads */
void top_queues(struct top_page *page, size_t room, size_t all);
void top_machines(struct top_page *page, size_t room);
size_t top_activity_count(const struct flock *flock);
void top_activity(struct top_page *page); /* what is left */
