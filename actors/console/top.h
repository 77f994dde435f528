/* SPDX-License-Identifier: Apache-2.0 */
/* drover top: the dashboard's first screen as lines of text. The layout is pure; top.c has the
 * terminal. */
#pragma once
#include "flock.h"

/* A line is UTF-8; a byte of these begins a look. What the world says is cleaned of such bytes. */
enum top_look {
    TOP_PLAIN = 1,
    TOP_BOLD,
    TOP_DIM,
    TOP_WAITING,
    TOP_BOOTING,
    TOP_RUNNING,
    TOP_IDLE,
    TOP_DRAINING,
    TOP_FAILED,
    TOP_LOOKS
};

struct top_view {
    const struct flock *flock; /* NULL: nothing was read yet */
    const char *deployment;
    int64_t now_us, read_us; /* read_us: of what flock holds */
    int64_t silent_us;       /* there is no answer since; 0: there is */
    const char *silence;     /* why, in words */
    bool paused, help;
    size_t scroll; /* lines of the queues that are above */
};

#define TOP_LINE 2048
struct top_frame {
    size_t rows, columns;
    size_t scroll_most;      /* more scrolling shows nothing more */
    char (*lines)[TOP_LINE]; /* rows of them */
};

/* At least 2 × 20; what does not fit is left out. top_frame_free() it. */
struct top_frame top_layout(const struct top_view *view, size_t rows, size_t columns);
void top_frame_free(struct top_frame *frame);

/* ---- top_pen.c: writing a line --------------------------------------------------------------- */
struct top_pen {
    char *line; /* TOP_LINE; NULL: the frame is full, what is written goes nowhere */
    size_t len, used, columns;
    size_t last, last_columns; /* where the last character begins, and what it takes */
    bool cut;                  /* something did not fit: the line ends with … */
};
__attribute__((format(printf, 3, 4))) void top_put(struct top_pen *pen, enum top_look look,
                                                   const char *format, ...);
/* Padded to `width` columns, or cut. */
void top_cell(struct top_pen *pen, enum top_look look, size_t width, bool right, const char *text);
/* Columns that it takes. */
size_t top_width(const char *text);
/* Bytes of text that fit into so many columns, broken between words where one can. */
size_t top_fit(const char *text, size_t columns);
