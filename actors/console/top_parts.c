/* SPDX-License-Identifier: Apache-2.0 */
#include "top_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "console.h"

/* ---- a cell for each machine ------------------------------------------------------------------
 */
static enum top_look look_of(const struct dr_machine_row *machine)
{
    static const enum top_look looks[DR_PHASES] = {
        [DR_PHASE_WAITING] = TOP_WAITING,   [DR_PHASE_BOOTING] = TOP_BOOTING,
        [DR_PHASE_RUNNING] = TOP_RUNNING,   [DR_PHASE_IDLE] = TOP_IDLE,
        [DR_PHASE_DRAINING] = TOP_DRAINING, [DR_PHASE_FAILED] = TOP_FAILED,
        [DR_PHASE_ENDED] = TOP_DIM,
    };
    return strcmp(machine->state, "absent") == 0 ? TOP_FAILED : looks[dr_view_phase(machine)];
}

static const char *mark_of(const struct dr_machine_row *machine)
{
    return words_mark(machine->state, dr_view_phase(machine) == DR_PHASE_IDLE);
}

#define CELLS_WORDS 26 /* " 1 cell: 1234 machines" */

/* Neighbours are of one state: the parts of the row are to each other as the flock's, also where a
 * cell has to stand for several machines. */
void top_cells(struct top_page *page, size_t lines)
{
    static const enum top_look order[] = {TOP_RUNNING,  TOP_IDLE,   TOP_BOOTING, TOP_WAITING,
                                          TOP_DRAINING, TOP_FAILED, TOP_DIM};
    const struct dr_machine_row_list *machines = &page->view->flock->state->machines;
    size_t room = lines * page->frame->columns, each = 1, states = sizeof order / sizeof order[0];
    struct top_pen pen = top_next(page);
    if (machines->count == 0) {
        top_put(&pen, TOP_DIM, "no machines: one is started when a task is enqueued that needs it");
        return;
    }
    if (machines->count > room) {
        size_t left = room > states + CELLS_WORDS + 8 ? room - states - CELLS_WORDS : 8;
        each = (machines->count + left - 1) / left;
    }
    for (size_t o = 0; o < states; o++) {
        size_t seen = 0;
        for (size_t i = 0; i < machines->count; i++) {
            const struct dr_machine_row *machine = &machines->items[i];
            if (look_of(machine) != order[o] || seen++ % each != 0)
                continue;
            if (pen.used == pen.columns)
                pen = top_next(page);
            top_put(&pen, order[o], "%s", mark_of(machine));
        }
    }
    if (each > 1)
        top_put(&pen, TOP_DIM, " 1 cell: %zu machines", each);
}

/* ---- queues -----------------------------------------------------------------------------------
 */
#define FIGURES 33   /* the columns behind a queue's name */
#define AVAILABLE 14 /* "  1234 of 5678" */
#define WIDE 64      /* so many columns have room for that too */

static size_t name_width(const struct top_page *page)
{
    const struct dr_queue_view_list *queues = &page->view->flock->picture->queues.queues;
    size_t width = 5,
           most = page->frame->columns > WIDE ? page->frame->columns - FIGURES - AVAILABLE : 16;
    for (size_t i = 0; i < queues->count; i++)
        if (top_width(queues->items[i].name) > width)
            width = top_width(queues->items[i].name);
    return width < most ? width : most;
}

/* Lines that a queue takes: its figures, and its reason in one or two. */
static size_t lines_of(const struct top_page *page, const struct flock_queue *queue)
{
    size_t room = page->frame->columns > 20 ? page->frame->columns - 4 : 16;
    if (queue->why[0] == '\0')
        return 1;
    return queue->why[top_fit(queue->why, room)] == '\0' ? 2 : 3;
}

size_t top_queue_lines(const struct top_page *page)
{
    size_t lines = 1;
    for (size_t i = 0; i < page->view->flock->picture->queues.queues.count; i++) {
        struct flock_queue queue = flock_queue(page->view->flock, i);
        lines += lines_of(page, &queue);
    }
    return lines;
}

static void heads(struct top_page *page, size_t name, size_t hidden)
{
    struct top_pen pen = top_next(page);
    top_cell(&pen, TOP_DIM, name, false, "QUEUE");
    top_put(&pen, TOP_DIM, " %7s  %9s %7s %5s", "WAITING", "LONGEST", "RUNNING", "IDLE");
    if (pen.columns > WIDE)
        top_put(&pen, TOP_DIM, "  %12s", "AVAILABLE");
    if (hidden > 0)
        top_put(&pen, TOP_WAITING, "  %zu lines above", hidden);
}

static void queue_row(struct top_page *page, const struct flock_queue *queue, size_t name)
{
    char longest[32] = "–", available[48] = "–";
    struct top_pen pen = top_next(page);
    if (queue->oldest_us != 0)
        words_span((page->view->now_us - queue->oldest_us) / 1000, longest);
    top_cell(&pen, TOP_PLAIN, name, false, queue->view->name);
    top_put(&pen, queue->waiting > 0 ? TOP_WAITING : TOP_PLAIN, " %7zu  ", queue->waiting);
    top_cell(&pen, queue->waiting > 0 ? TOP_WAITING : TOP_PLAIN, 9, true, longest);
    top_put(&pen, queue->running > 0 ? TOP_RUNNING : TOP_PLAIN, " %7d", queue->running);
    top_put(&pen, TOP_PLAIN, " %5d", queue->idle);
    if (pen.columns <= WIDE)
        return;
    if (queue->available >= 0 && queue->max > 0)
        snprintf(available, sizeof available, "%" PRId64 " of %" PRId64, queue->available,
                 queue->max);
    else if (queue->available >= 0)
        snprintf(available, sizeof available, "%" PRId64, queue->available);
    top_put(&pen, TOP_PLAIN, "  ");
    top_cell(&pen, TOP_PLAIN, AVAILABLE - 2, true, available);
}

/* All lines, of which only those after `scroll` are the page's. */
void top_queues(struct top_page *page, size_t room, size_t all)
{
    size_t name = name_width(page), shown = room > 1 ? room - 1 : 0;
    size_t most = all - 1 > shown ? all - 1 - shown : 0;
    size_t skip = page->view->scroll < most ? page->view->scroll : most;
    struct top_frame *frame = page->frame;
    char scratch[3][TOP_LINE];
    page->frame->scroll_most = most;
    if (room == 0)
        return;
    heads(page, name, skip);
    for (size_t i = 0; i < page->view->flock->picture->queues.queues.count && shown > 0; i++) {
        struct flock_queue queue = flock_queue(page->view->flock, i);
        struct top_frame part = {.rows = 3, .columns = frame->columns, .lines = scratch};
        struct top_page on = {.view = page->view, .frame = &part, .end = 3};
        memset(scratch, 0, sizeof scratch);
        queue_row(&on, &queue, name);
        top_free_text(&on, queue.stuck ? TOP_WAITING : TOP_DIM, 2, queue.why, 2);
        for (size_t l = 0; l < lines_of(page, &queue) && shown > 0; l++) {
            if (skip > 0) {
                skip--;
                continue;
            }
            if (page->at < frame->rows)
                memcpy(frame->lines[page->at], scratch[l], TOP_LINE);
            page->at++;
            shown--;
        }
    }
}

/* ---- machines by name -------------------------------------------------------------------------
 */
void top_machines(struct top_page *page, size_t room)
{
    const struct dr_machine_row_list *machines = &page->view->flock->state->machines;
    size_t shown = room > 2 ? room - 2 : 0;
    size_t type = page->frame->columns > 110 ? 24 : 14;
    page->at++;
    struct top_pen head = top_next(page);
    top_put(&head, TOP_DIM, "%-17s %-*s %-13s %9s  WHY", "MACHINE", (int)type, "TYPE", "STATE",
            "FOR");
    if (shown < machines->count)
        top_put(&head, TOP_DIM, " (%zu of %zu)", shown, machines->count);
    for (size_t i = 0; i < machines->count && i < shown; i++) {
        const struct dr_machine_row *machine = &machines->items[i];
        bool idle = dr_view_phase(machine) == DR_PHASE_IDLE;
        char state[64], since[32];
        struct top_pen pen = top_next(page);
        snprintf(state, sizeof state, "%s %s", mark_of(machine), idle ? "idle" : machine->state);
        int64_t from_us = idle ? machine->idle_since_us : machine->state_since_us;
        words_span((page->view->now_us - from_us) / 1000, since);
        top_cell(&pen, TOP_PLAIN, 17, false, machine->id);
        top_put(&pen, TOP_PLAIN, " ");
        top_cell(&pen, TOP_PLAIN, type, false, machine->type);
        top_put(&pen, TOP_PLAIN, " ");
        top_cell(&pen, look_of(machine), 13, false, state);
        top_put(&pen, TOP_PLAIN, " %9s  %s", since, machine->cause);
    }
}

/* ---- what happened last -----------------------------------------------------------------------
 */
/* Keys and attempts are how, not what; and a state that stays is no news. */
static bool is_news(const struct dr_history_row *row)
{
    return strcmp(row->kind, "key") != 0 && strcmp(row->kind, "attempt") != 0 &&
           (row->from[0] == '\0' || strcmp(row->from, row->to) != 0);
}

size_t top_activity_count(const struct flock *flock)
{
    size_t count = 0;
    for (size_t i = 0; flock->history != NULL && i < flock->history->rows.count; i++)
        count += is_news(&flock->history->rows.items[i]);
    return count;
}

void top_activity(struct top_page *page)
{
    const struct dr_history *history = page->view->flock->history;
    if (top_activity_count(page->view->flock) == 0)
        return;
    page->at++;
    struct top_pen head = top_next(page);
    top_put(&head, TOP_DIM, "ACTIVITY");
    for (size_t i = 0; i < history->rows.count && page->at < page->end; i++) {
        const struct dr_history_row *row = &history->rows.items[i];
        char when[32];
        if (!is_news(row))
            continue;
        struct top_pen pen = top_next(page);
        top_put(&pen, TOP_DIM, "%s", words_clock(row->t_us, when));
        top_put(&pen, TOP_PLAIN, "  %s %s", row->kind, row->id);
        if (row->to[0] != '\0')
            top_put(&pen, TOP_BOLD, " %s", row->to);
        if (row->by[0] != '\0')
            top_put(&pen, TOP_PLAIN, " by %s", row->by);
        if (row->cause[0] != '\0')
            top_put(&pen, TOP_PLAIN, ": %s", row->cause);
    }
}
