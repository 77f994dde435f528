/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which lines of the screen. Above, always: the four answers. Then a cell for each
 * machine, the queues, which scroll, the machines by name where there is room, and what happened
 * last. */
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "drover/assert.h"
#include "money.h"
#include "top.h"
#include "top_parts.h"

#define ACTIVITY_LEAST 3
#define QUEUES_LEAST 4

struct top_pen top_next(struct top_page *page)
{
    struct top_frame *frame = page->frame;
    struct top_pen pen = {.columns = frame->columns};
    if (page->at < page->end && page->at < frame->rows)
        pen.line = frame->lines[page->at];
    page->at++;
    return pen;
}

void top_free_text(struct top_page *page, enum top_look look, size_t indent, const char *text,
                   size_t lines)
{
    size_t room = page->frame->columns > indent + 10 ? page->frame->columns - indent : 10;
    for (size_t i = 0; i < lines && *text != '\0'; i++) {
        bool last = i + 1 == lines;
        size_t len = top_fit(text, room);
        bool cut = last && text[len] != '\0';
        struct top_pen pen = top_next(page);
        if (cut)
            len = top_fit(text, room - 2);
        top_put(&pen, look, "%*s%.*s%s", (int)indent, "", (int)len, text, cut ? " …" : "");
        text += len;
        while (*text == ' ')
            text++;
    }
}

/* ---- the first line, and when there is no answer the second -----------------------------------
 */
static void title(struct top_page *page)
{
    const struct top_view *view = page->view;
    char clock[32], text[64], span[32];
    struct top_pen pen = top_next(page);
    top_put(&pen, TOP_BOLD, "drover");
    top_put(&pen, TOP_PLAIN, " · %s", view->deployment);
    enum top_look look = TOP_RUNNING;
    if (view->silent_us != 0 || view->flock == NULL)
        snprintf(text, sizeof text, "○ no answer"), look = TOP_WAITING;
    else if (view->paused)
        snprintf(text, sizeof text, "◗ paused at %s", words_clock(view->read_us, clock)),
            look = TOP_WAITING;
    else
        snprintf(text, sizeof text, "● live %s", words_clock(view->read_us, clock));
    size_t width = top_width(text);
    if (pen.used + width + 1 < pen.columns)
        top_put(&pen, TOP_PLAIN, "%*s", (int)(pen.columns - pen.used - width), "");
    top_put(&pen, look, "%s", text);
    if (view->silent_us == 0)
        return;
    char all[1024];
    int len = snprintf(all, sizeof all, "no answer since %s (%s): %s",
                       words_clock(view->silent_us, clock),
                       words_span((view->now_us - view->silent_us) / 1000, span), view->silence);
    top_free_text(page, TOP_WAITING, 0, all, 2);
    if (view->flock != NULL && len > 0) {
        struct top_pen old = top_next(page);
        top_put(&old, TOP_WAITING, "what follows is old: it was so at %s",
                words_clock(view->read_us, clock));
    }
}

/* ---- the four answers -------------------------------------------------------------------------
 */
static void tasks(struct top_page *page)
{
    const struct flock *flock = page->view->flock;
    struct flock_waits waits = flock_waits(flock);
    char longest[32], why[TOP_LINE];
    struct top_pen pen = top_next(page);
    top_put(&pen, TOP_BOLD, "tasks     ");
    top_put(&pen, waits.waiting > 0 ? TOP_WAITING : TOP_PLAIN, "○ %zu waiting", waits.waiting);
    if (waits.waiting == 0)
        return;
    struct flock_queue first = flock_queue(flock, waits.first);
    top_put(&pen, TOP_PLAIN, ", the longest for %s",
            words_span((page->view->now_us - waits.oldest_us) / 1000, longest));
    if (waits.stuck > 0)
        top_put(&pen, TOP_WAITING, "; in %zu queue%s they will not start", waits.stuck,
                waits.stuck == 1 ? "" : "s");
    snprintf(why, sizeof why, "%s: %s", first.view->name,
             first.why[0] == '\0' ? "nothing is known of it yet" : first.why);
    top_free_text(page, TOP_PLAIN, 10, why, page->frame->rows > 20 ? 2 : 1);
}

static void machines(struct top_page *page)
{
    struct flock_tally tally = flock_count(page->view->flock->state, page->view->now_us);
    const struct {
        enum top_look look;
        const char *mark;
        int count;
        const char *word;
    } cells[] = {
        {TOP_RUNNING, "●", tally.of[DR_PHASE_RUNNING], "running"},
        {TOP_IDLE, "–", tally.of[DR_PHASE_IDLE], "idle"},
        {TOP_BOOTING, "◔", tally.of[DR_PHASE_BOOTING], "booting"},
        {TOP_DRAINING, "◗", tally.of[DR_PHASE_DRAINING], "draining"},
        {TOP_WAITING, "○", tally.of[DR_PHASE_WAITING], "wanted"},
        {TOP_FAILED, "✕", tally.absent, "not seen"},
    };
    struct top_pen pen = top_next(page);
    top_put(&pen, TOP_BOLD, "machines  ");
    bool wrap = page->frame->rows > 20; /* room for a second line, rather than a cut one */
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        char text[64];
        if (i >= 4 && cells[i].count == 0)
            continue;
        snprintf(text, sizeof text, "%s %d %s", cells[i].mark, cells[i].count, cells[i].word);
        if (wrap && pen.used + top_width(text) > pen.columns) {
            pen = top_next(page);
            top_put(&pen, TOP_PLAIN, "%10s", "");
            wrap = false;
        }
        top_put(&pen, cells[i].look, "%s", text);
        if (!wrap || pen.used + 3 < pen.columns)
            top_put(&pen, TOP_PLAIN, "   ");
    }
    if (tally.kept > 0)
        top_put(&pen, TOP_PLAIN, "%d kept", tally.kept);
}

/* A word at the left, then text in up to so many lines. */
static void labelled(struct top_page *page, const char *label, enum top_look look, const char *text,
                     size_t lines)
{
    struct top_pen pen = top_next(page);
    size_t room = pen.columns > 20 ? pen.columns - 10 : 10, len = top_fit(text, room);
    bool cut = lines == 1 && text[len] != '\0';
    if (cut)
        len = top_fit(text, room - 2);
    top_put(&pen, TOP_BOLD, "%-10s", label);
    top_put(&pen, look, "%.*s%s", (int)len, text, cut ? " …" : "");
    if (!cut)
        top_free_text(page, look, 10, text + len + strspn(text + len, " "), lines - 1);
}

static void money(struct top_page *page)
{
    const struct dr_money *spent = page->view->flock->money;
    char line[400];
    if (spent == NULL) {
        labelled(page, "money", TOP_WAITING, "what is spent cannot be read now", 1);
        return;
    }
    money_line(spent, line, sizeof line);
    labelled(page, "money", TOP_PLAIN, line, 2);
    if (spent->waiting[0] != '\0')
        top_free_text(page, TOP_WAITING, 10, spent->waiting, 2);
}

static void broken(struct top_page *page)
{
    char what[1024], text[1100], pause[DR_PAUSE_ROOM];
    const struct dr_pause_row_list *pauses = &page->view->flock->state->pauses;
    bool bad = flock_broken(page->view->flock, what, sizeof what);
    snprintf(text, sizeof text, "%s%s", bad ? "✕ " : "nothing: ", what);
    labelled(page, "broken", bad ? TOP_FAILED : TOP_PLAIN, text, bad ? 3 : 1);
    if (pauses->count > 0)
        labelled(page, "paused", TOP_WAITING, dr_pause_text(&pauses->items[0], pause, sizeof pause),
                 1);
}

/* ---- the rest ---------------------------------------------------------------------------------
 */
static void keys(struct top_frame *frame)
{
    struct top_pen pen = {.line = frame->lines[frame->rows - 1], .columns = frame->columns};
    top_put(&pen, TOP_DIM, "q quit   p pause   ↑ ↓ scroll   ? help");
}

static void help(struct top_page *page)
{
    static const char *const lines[] = {
        "",
        "○ waiting, wanted   ◔ booting   ● running   – idle   ◗ draining   ✕ not seen",
        "",
        "q      quit",
        "p      hold what is shown, or go on",
        "↑ ↓    scroll the queues (also k j, Page Up, Page Down, Home)",
        "?      this, or back",
        "",
        "more:  drover why TASK · drover machines · drover queues · drover history · drover logs",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct top_pen pen = top_next(page);
        top_put(&pen, TOP_PLAIN, "%s", lines[i]);
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What is left below the answers, to each its share. */
static void body(struct top_page *page)
{
    const struct flock *flock = page->view->flock;
    size_t all = page->end > page->at ? page->end - page->at : 0;
    top_cells(page, all / 6 > 0 ? all / 6 : 1);
    page->at++;
    size_t left = page->end > page->at ? page->end - page->at : 0;
    size_t happened = top_activity_count(flock);
    size_t keep = happened == 0 ? 0 : least(happened, ACTIVITY_LEAST) + 2;
    size_t queues = top_queue_lines(page);
    if (left < keep + least(queues, QUEUES_LEAST)) /* a small screen: what waits comes first */
        keep = left > QUEUES_LEAST + 3 ? left - QUEUES_LEAST : 0;
    size_t room = least(queues, left > keep ? left - keep : left);
    top_queues(page, room, queues);
    left = page->end > page->at ? page->end - page->at : 0;
    size_t rows = flock->state->machines.count + 2;
    if (flock->state->machines.count > 0 && left > keep + 3 + 4)
        top_machines(page, least(rows, left - keep - 3));
    top_activity(page);
}

/* Nothing that is not live looks so: colours and weight go. */
static void grey(struct top_frame *frame, size_t from)
{
    for (size_t i = from; i + 1 < frame->rows; i++)
        for (char *at = frame->lines[i]; *at != '\0'; at++)
            if (*at > 0 && *at < TOP_LOOKS)
                *at = TOP_DIM;
}

struct top_frame top_layout(const struct top_view *view, size_t rows, size_t columns)
{
    struct top_frame frame = {.rows = rows < 2 ? 2 : rows,
                              .columns = columns < 20    ? 20
                                         : columns > 500 ? 500
                                                         : columns};
    frame.lines = calloc(frame.rows, sizeof *frame.lines);
    DR_ASSERT(frame.lines != NULL);
    struct top_page page = {.view = view, .frame = &frame, .end = frame.rows - 1};
    title(&page);
    size_t from = page.at;
    if (view->help) {
        help(&page);
    } else if (view->flock != NULL) {
        tasks(&page);
        machines(&page);
        money(&page);
        broken(&page);
        body(&page);
    }
    if (view->silent_us != 0)
        grey(&frame, from);
    keys(&frame);
    return frame;
}

void top_frame_free(struct top_frame *frame)
{
    free(frame->lines);
    *frame = (struct top_frame){0};
}
