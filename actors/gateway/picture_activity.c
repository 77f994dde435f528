/* SPDX-License-Identifier: Apache-2.0 */
/* What happened lately, in lines for people: log lines, changes of state, plans, hands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture_impl.h"

struct line { /* NULL: none */
    int64_t t_us;
    const char *source, *level, *kind, *text, *machine, *task, *queue, *by;
};

static void forget(struct activity *entry)
{
    char *texts[] = {entry->source,  entry->level, entry->kind,  entry->text,
                     entry->machine, entry->task,  entry->queue, entry->by};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    *entry = (struct activity){0};
}

void activity_free(struct picture *picture)
{
    for (size_t i = 0; i < PICTURE_ACTIVITY_MAX; i++)
        forget(&picture->ring[i]);
}

static char *copy(const char *text)
{
    return picture_copy(text == NULL ? "" : text);
}

static void entry_json(const struct activity *entry, struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, "{");
    compact_number(out, "seq", entry->seq);
    compact_number(out, "t_us", entry->t_us);
    compact_str(out, "source", entry->source);
    compact_str(out, "level", entry->level);
    compact_str(out, "kind", entry->kind);
    compact_key(out, "text");
    compact_text(out, entry->text);
    compact_str(out, "machine", entry->machine);
    compact_str(out, "task", entry->task);
    compact_str(out, "queue", entry->queue);
    compact_str(out, "by", entry->by);
    dr_strbuf_add_text(out, "}");
}

static struct activity *fill(struct activity *entry, const struct line *line, int64_t seq)
{
    forget(entry);
    *entry = (struct activity){
        .seq = seq,
        .t_us = line->t_us,
        .source = copy(line->source),
        .level = copy(line->level),
        .kind = copy(line->kind),
        .text = copy(line->text),
        .machine = copy(line->machine),
        .task = copy(line->task),
        .queue = copy(line->queue),
        .by = copy(line->by),
    };
    return entry;
}

static void add(struct picture *picture, const struct line *line)
{
    struct dr_strbuf json = {0};
    const struct activity *entry =
        fill(&picture->ring[picture->ring_at], line, ++picture->ring_seq + PICTURE_REMEMBERED_MAX);
    picture->ring_at = (picture->ring_at + 1) % PICTURE_ACTIVITY_MAX;
    entry_json(entry, &json);
    picture->tell(picture->arg, "activity", json.data);
    dr_strbuf_free(&json);
}

/* ---- what is told as what -------------------------------------------------------------------- */
static void machine(struct picture *picture, const struct dr_machine_changed *changed,
                    struct line line)
{
    char text[1024];
    const struct dr_machine_row *row = &changed->machine;
    if (strcmp(changed->from, row->state) == 0)
        return;
    snprintf(text, sizeof text, "%s %s: %s%s%s", row->type,
             *row->instance_id != '\0' ? row->instance_id : row->id, row->state,
             *row->cause != '\0' ? ", " : "", row->cause);
    line.kind = "machine";
    line.level = strcmp(row->state, "failed") == 0 ? "error" : "info";
    line.text = text;
    line.machine = row->id;
    add(picture, &line);
}

static void recovery(struct picture *picture, const struct dr_recovery_row *row, struct line line)
{
    char text[1024];
    snprintf(text, sizeof text, "the task is put back (%s): %s%s%s", row->mode, row->step,
             *row->note != '\0' ? ", " : "", row->note);
    line.kind = "recovery";
    line.text = text;
    line.machine = row->machine;
    line.task = row->task;
    add(picture, &line);
}

static void attempt(struct picture *picture, const struct dr_attempt_row *row, struct line line)
{
    char text[1024];
    if (strcmp(row->state, "closed") != 0)
        return;
    snprintf(text, sizeof text, "%s: %s%s%s", row->offering, row->outcome,
             *row->sentence != '\0' ? ", " : "", row->sentence);
    line.kind = "attempt";
    line.level = strcmp(row->outcome, "launched") == 0 ? "info" : "warning";
    line.text = text;
    line.machine = row->machines.count > 0 ? row->machines.items[0] : "";
    add(picture, &line);
}

/* text must live as long as what is returned. */
static struct line of_history(const struct dr_history_row *row, const char *source, char *text,
                              size_t size)
{
    bool of_machine = strcmp(row->kind, "machine") == 0;
    snprintf(text, size, "%s %s: %s%s%s", row->kind, row->id, row->to,
             *row->cause != '\0' ? ", " : "", row->cause);
    return (struct line){
        .t_us = row->t_us,
        .source = source,
        .level = "info",
        .kind = *row->by != '\0' ? "hand" : row->kind,
        .text = text,
        .machine = of_machine ? row->id : "",
        .queue = strcmp(row->kind, "pause") == 0 ? row->id : "",
        .by = row->by,
    };
}

static void hand(struct picture *picture, const struct dr_history_row *row, const char *source)
{
    char text[1024];
    struct line line = of_history(row, source, text, sizeof text);
    add(picture, &line);
}

static void log_line(struct picture *picture, const struct dr_log_line *said)
{
    struct line line = {.t_us = said->t_us,
                        .source = said->actor,
                        .level = said->level,
                        .kind = "log",
                        .text = said->text,
                        .machine = said->machine,
                        .task = said->task,
                        .queue = said->queue};
    if (strcmp(said->level, "debug") != 0)
        add(picture, &line);
}

void activity_event(struct picture *picture, const struct dr_message_row *row, const void *body,
                    const char *source, int64_t now_us)
{
    struct line line = {.t_us = now_us, .source = source, .level = "info"};
    switch (row->type) {
    case DR_MACHINE_CHANGED:
        machine(picture, body, line);
        break;
    case DR_RECOVERY_CHANGED:
        recovery(picture, &((const struct dr_recovery_changed *)body)->recovery, line);
        break;
    case DR_ATTEMPT_CHANGED:
        attempt(picture, &((const struct dr_attempt_changed *)body)->attempt, line);
        break;
    case DR_HAND_RECORDED:
        hand(picture, &((const struct dr_hand_recorded *)body)->row, source);
        break;
    case DR_LOG_LINE:
        log_line(picture, body);
        break;
    default:
        break;
    }
}

void activity_plan(struct picture *picture, const struct dr_plan_decided *plan, int64_t now_us)
{
    const struct dr_plan_decided *before = picture->plan.value;
    for (size_t i = 0; before != NULL && i < plan->reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->reasons.items[i], *old;
        struct dr_strbuf text = {0};
        if (*reason->task != '\0')
            continue;
        old = dr_view_reason(before, reason->queue);
        if (old != NULL && strcmp(old->verdict, reason->verdict) == 0)
            continue;
        dr_strbuf_printf(&text, "%s: %s", reason->queue, reason->sentence);
        add(picture, &(struct line){.t_us = now_us,
                                    .source = "planner",
                                    .level = "info",
                                    .kind = "plan",
                                    .text = text.data,
                                    .queue = reason->queue});
        dr_strbuf_free(&text);
    }
}

/* Behind the oldest entry, which stands at 0 until the ring is full. */
void picture_remember(struct picture *picture, const struct dr_history *history)
{
    int64_t seq = PICTURE_REMEMBERED_MAX;
    if (picture->remembered || picture->ring_seq >= PICTURE_ACTIVITY_MAX - PICTURE_REMEMBERED_MAX)
        return;
    picture->remembered = true;
    for (size_t i = 0; i < history->rows.count && seq > 0; i++) {
        char text[1024];
        const struct dr_history_row *row = &history->rows.items[i];
        if (row->t_us >= picture->started_us)
            continue; /* its event came, or will */
        if (*row->by == '\0' && strcmp(row->from, row->to) == 0)
            continue; /* as when it happens: no change of state and nobody's hand is no line */
        struct line line = of_history(row, "ledger", text, sizeof text);
        size_t behind = (size_t)(PICTURE_REMEMBERED_MAX - seq);
        fill(&picture->ring[PICTURE_ACTIVITY_MAX - 1 - behind], &line, seq--);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */
static bool is(const char *wanted, const char *text)
{
    return wanted == NULL || *wanted == '\0' || strcmp(wanted, text) == 0;
}

static bool passes(const struct activity *entry, const struct picture_filter *filter)
{
    if (filter->before != 0 && entry->seq >= filter->before)
        return false;
    return is(filter->kind, entry->kind) && is(filter->level, entry->level) &&
           is(filter->machine, entry->machine) && is(filter->task, entry->task) &&
           is(filter->queue, entry->queue) &&
           (filter->text == NULL || strcasestr(entry->text, filter->text) != NULL);
}

int64_t picture_activity(const struct picture *picture, const struct picture_filter *filter,
                         const char *between, struct dr_strbuf *out)
{
    size_t found = 0;
    int64_t last = 0;
    for (size_t i = 0; i < PICTURE_ACTIVITY_MAX; i++) {
        size_t at = (picture->ring_at + 2 * PICTURE_ACTIVITY_MAX - 1 - i) % PICTURE_ACTIVITY_MAX;
        const struct activity *entry = &picture->ring[at];
        if (entry->seq == 0)
            break;
        if (!passes(entry, filter))
            continue;
        if (filter->limit > 0 && found == filter->limit)
            return last;
        if (found++ > 0)
            dr_strbuf_add_text(out, between);
        entry_json(entry, out);
        last = entry->seq;
    }
    return 0;
}
