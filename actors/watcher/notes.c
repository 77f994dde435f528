/* SPDX-License-Identifier: Apache-2.0 */
#include "notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "queues.h"
#include "words.h"
#include "workers.h"

#define KEEP_TAIL_MS 600000 /* of a machine that has no row, or ended */
#define SWEEP_MS 60000
#define PLAN_TASKS_MAX 100 /* so many of a queue's tasks have a row of their own in a plan */

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

static char *copy(const char *text)
{
    char *result = strdup(text);
    DR_ASSERT(result != NULL);
    return result;
}

void notes_init(struct notes *notes, const struct claims *claims, const struct picture *picture,
                const struct names *names, const struct dr_cfg_root *root)
{
    *notes = (struct notes){.port = claims->port,
                            .root = root,
                            .claims = claims,
                            .picture = picture,
                            .names = names,
                            .start = port_now(claims->port)};
}

void notes_reconfigure(struct notes *notes, const struct dr_cfg_root *root)
{
    if (root->task_notes && !notes->root->task_notes) /* what was meanwhile is nobody's news */
        notes->start = port_now(notes->port);
    notes->root = root;
}

/* ---- what is remembered -----------------------------------------------------------------------
 */
static void forget_task(struct notes *notes, struct noted *noted)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(notes->tasks, noted);
    free(noted->task);
    free(noted);
}

static void forget_told(struct notes *notes, struct told *told)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(notes->told, told);
    free(told->id);
    free(told);
}

static void forget_tail(struct notes *notes, struct boot_tail *tail)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(notes->tails, tail);
    free(tail->machine);
    free(tail);
}

void notes_free(struct notes *notes)
{
    struct noted *noted, *next_noted;
    struct told *told, *next_told;
    struct boot_tail *tail, *next_tail;
    HASH_ITER (hh, notes->tasks, noted, next_noted)
        forget_task(notes, noted);
    HASH_ITER (hh, notes->told, told, next_told)
        forget_told(notes, told);
    HASH_ITER (hh, notes->tails, tail, next_tail)
        forget_tail(notes, tail);
    reasons_free(&notes->reasons);
}

void notes_hear_plan(struct notes *notes, const struct dr_plan_decided *plan)
{
    reasons_take(&notes->reasons, plan);
}

void notes_hear_boot(struct notes *notes, const struct dr_boot_logged *logged)
{
    struct boot_tail *tail;
    if (logged->machine[0] == '\0')
        return;
    HASH_FIND_STR(notes->tails, logged->machine, tail);
    if (tail == NULL) {
        tail = calloc(1, sizeof *tail);
        DR_ASSERT(tail != NULL);
        tail->machine = copy(logged->machine);
        HASH_ADD_KEYPTR(hh, notes->tails, tail->machine, strlen(tail->machine), tail);
    }
    tail->heard_ms = port_now(notes->port).boot_ms;
    dr_story_tail(tail->text, logged->text);
}

/* The end of the machine's log, as far as it is the task's business: with several agents in it the
 * lines may be another task's. */
static const char *tail_of(const struct notes *notes, const struct dr_machine_row *machine)
{
    struct boot_tail *tail = NULL;
    if (machine != NULL && (machine->slots <= 1 || machine->up_us == 0))
        HASH_FIND_STR(notes->tails, machine->id, tail);
    return tail == NULL ? "" : tail->text;
}

static struct noted *recall(struct notes *notes, const char *task)
{
    struct noted *noted;
    HASH_FIND_STR(notes->tasks, task, noted);
    if (noted != NULL)
        return noted;
    noted = calloc(1, sizeof *noted);
    DR_ASSERT(noted != NULL);
    noted->task = copy(task);
    noted->since_ms = port_now(notes->port).boot_ms;
    HASH_ADD_KEYPTR(hh, notes->tasks, noted->task, strlen(noted->task), noted);
    return noted;
}

static struct told *told_of(struct notes *notes, const char *id)
{
    struct told *told;
    HASH_FIND_STR(notes->told, id, told);
    if (told != NULL)
        told->listed = true;
    return told;
}

static void mark_told(struct notes *notes, const char *id)
{
    if (told_of(notes, id) != NULL)
        return;
    struct told *told = calloc(1, sizeof *told);
    DR_ASSERT(told != NULL);
    told->id = copy(id);
    told->listed = true;
    HASH_ADD_KEYPTR(hh, notes->told, told->id, strlen(told->id), told);
}

/* The row's end was told of neither by this life nor, as far as can be known, by an earlier one. */
static bool is_news(struct notes *notes, const char *id, int64_t over_us)
{
    return over_us >= notes->start.wall_us - NOTES_BACK_US && told_of(notes, id) == NULL;
}

static void forget_unlisted(struct notes *notes)
{
    struct told *told, *next;
    HASH_ITER (hh, notes->told, told, next)
        if (!told->listed)
            forget_told(notes, told);
        else
            told->listed = false;
}

static void sweep(struct notes *notes, int64_t now_ms)
{
    struct noted *noted, *next_noted;
    struct boot_tail *tail, *next_tail;
    if (now_ms - notes->swept_ms < SWEEP_MS)
        return;
    notes->swept_ms = now_ms;
    HASH_ITER (hh, notes->tasks, noted, next_noted)
        if (now_ms - noted->seen_ms > NOTES_AGAIN_MS && now_ms - noted->said_ms > NOTES_AGAIN_MS)
            forget_task(notes, noted);
    HASH_ITER (hh, notes->tails, tail, next_tail) {
        const struct dr_machine_row *row = rows_machine(notes->claims->rows, tail->machine);
        if ((row == NULL || row->ended_us != 0) && now_ms - tail->heard_ms > KEEP_TAIL_MS)
            forget_tail(notes, tail);
    }
}

/* ---- one look ---------------------------------------------------------------------------------
 */
struct look {
    struct notes *notes;
    int64_t now_ms;
    const struct dr_ledger_state *rows;
    const struct dr_queues_observed *queues;
    json_t *batch;
    struct queue_reasons reasons; /* of the queue that is looked at */
    struct lookup refused;        /* queues that wait for a machine which the cloud refused */
};

static bool is_full(const struct look *look)
{
    return json_array_size(look->batch) >= NOTES_MAX;
}

/* The form of a console line as SDK and agent write it (recorded). Without a timestamp: the server
 * gives its own, and a clock that is off cannot misplace it. */
static void write_line(struct look *look, const char *task, const char *level, const char *text)
{
    char clean[DR_STORY_ROOM];
    dr_story_clean(text, clean);
    json_array_append_new(look->batch, json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", "log", "task",
                                                 task, "level", level, "worker", "drover", "msg",
                                                 json_sprintf("drover: %s", clean)));
    recall(look->notes, task)->said_ms = look->now_ms;
}

static bool is_being_put_back(const struct look *look, const char *task)
{
    for (size_t i = 0; i < look->rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &look->rows->recoveries.items[i];
        if (row->settled_us == 0 && is(row->task, task))
            return true;
    }
    return false;
}

/* ---- recoveries -------------------------------------------------------------------------------
 */
static void tell_recovery(struct look *look, const struct dr_recovery_row *row)
{
    struct notes *notes = look->notes;
    char text[DR_STORY_ROOM];
    const struct dr_machine_row *machine = rows_machine(look->rows, row->machine);
    const struct queue_state *queue = queues_by_id(&notes->picture->queues, row->queue);
    mark_told(notes, row->id);
    if (is(row->step, "dropped")) /* somebody else has the task in hand */
        return;
    dr_story_recovery(row, machine, queue == NULL ? row->queue : queue->name,
                      tail_of(notes, machine), text, sizeof text);
    write_line(look, row->task, "warning", text);
}

static void tell_recoveries(struct look *look)
{
    for (size_t i = 0; i < look->rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &look->rows->recoveries.items[i];
        if (row->settled_us != 0 && is_news(look->notes, row->id, row->settled_us) &&
            !is_full(look) && !is_being_put_back(look, row->task))
            tell_recovery(look, row);
    }
}

/* ---- launches that failed ---------------------------------------------------------------------
 */
/* The plan's word on a task, else on its queue; NULL: it has none. */
static const struct dr_reason_view *reason_of(const struct look *look, const char *task)
{
    const struct dr_reason_view *own = reason_of_task(&look->reasons, task);
    /* Beyond so many the plan names no task, though its case may be another than the queue's. */
    return own != NULL || look->reasons.tasks >= PLAN_TASKS_MAX ? own : look->reasons.whole;
}

static void tell_launch(struct look *look, const struct dr_machine_row *machine,
                        const struct dr_queue_view *queue)
{
    char text[DR_STORY_ROOM];
    int64_t left = machine->slots > 0 ? machine->slots : 1;
    reasons_of_queue(&look->notes->reasons, queue->name, &look->reasons);
    const struct dr_reason_view *reason = look->reasons.whole;
    dr_story_launch(machine, &look->rows->attempts, reason == NULL ? "" : reason->sentence,
                    tail_of(look->notes, machine), text, sizeof text);
    for (size_t i = 0; i < queue->waiting.count && left > 0 && !is_full(look); i++, left--) {
        const char *task = queue->waiting.items[i].task;
        struct noted *noted = recall(look->notes, task);
        if ((noted->failed_ms != 0 && look->now_ms - noted->failed_ms < NOTES_AGAIN_MS) ||
            is_being_put_back(look, task))
            continue;
        noted->failed_ms = look->now_ms;
        write_line(look, task, "warning", text);
    }
}

static const struct dr_queue_view *queue_of(const struct look *look, const char *id)
{
    for (size_t q = 0; q < look->queues->queues.count; q++)
        if (is(look->queues->queues.items[q].id, id))
            return &look->queues->queues.items[q];
    return NULL;
}

static void tell_launches(struct look *look)
{
    for (size_t i = 0; i < look->rows->machines.count; i++) {
        const struct dr_machine_row *machine = &look->rows->machines.items[i];
        if (!dr_story_launch_failed(machine) ||
            !is_news(look->notes, machine->id, machine->ended_us) || is_full(look))
            continue;
        const struct dr_queue_view *queue = queue_of(look, machine->for_queue);
        if (queue != NULL && !queue->fresh) /* who waits is read with the next look */
            continue;
        mark_told(look->notes, machine->id);
        if (queue != NULL)
            tell_launch(look, machine, queue);
    }
}

/* ---- why it waits -----------------------------------------------------------------------------
 */
/* Of the machines that are wanted for the queue: one that the cloud refused already. */
static size_t refusals(const struct look *look, const char *queue,
                       const struct dr_attempt_row **last)
{
    for (size_t i = 0; i < look->rows->machines.count; i++) {
        const struct dr_machine_row *machine = &look->rows->machines.items[i];
        if (!is(machine->state, "wanted") || !is(machine->for_queue, queue))
            continue;
        size_t count = dr_story_refusals(machine, &look->rows->attempts, last);
        if (count > 0)
            return count;
    }
    return 0;
}

/* The queues of which that is so. */
static struct lookup refused_queues(const struct dr_ledger_state *rows)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < rows->attempts.count; i++)
        count += rows->attempts.items[i].machines.count;
    struct lookup tried = lookup_new(count), queues = lookup_new(rows->machines.count);
    for (size_t i = 0; i < rows->attempts.count; i++) {
        const struct dr_attempt_row *attempt = &rows->attempts.items[i];
        for (size_t k = 0; is(attempt->outcome, "refused") && k < attempt->machines.count; k++)
            lookup_add(&tried, attempt->machines.items[k], at++);
    }
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        if (is(machine->state, "wanted") && lookup_find(&tried, machine->id) != DR_INDEX_NONE)
            lookup_add(&queues, machine->for_queue, i);
    }
    lookup_free(&tried);
    return queues;
}

/* "" is told to nobody: it is a moment's, or no word on machines at all. */
static const char *told_verdict(const char *verdict, bool refused)
{
    static const struct {
        const char *verdict, *told;
    } table[] = {{"booting", "coming"},  {"bought", "coming"}, {"capped", "capped"},
                 {"blocked", "blocked"}, {"paused", "paused"}, {"no-type", "no-type"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (is(table[i].verdict, verdict))
            return refused && is(table[i].told, "coming") ? "refused" : table[i].told;
    return "";
}

/* How long the newest machine of the queue took to be ready; -1: there is none. */
static int64_t ready_after_ms(const struct look *look, const char *queue)
{
    const struct dr_machine_row *newest = NULL;
    for (size_t i = 0; i < look->rows->machines.count; i++) {
        const struct dr_machine_row *machine = &look->rows->machines.items[i];
        if (machine->up_us != 0 && machine->launched_us != 0 && is(machine->for_queue, queue) &&
            (newest == NULL || machine->launched_us > newest->launched_us))
            newest = machine;
    }
    return newest == NULL ? -1 : (newest->up_us - newest->launched_us) / 1000;
}

static void tell_waiting(struct look *look, const struct dr_queue_view *queue, const char *task,
                         const struct dr_reason_view *reason, const char *verdict)
{
    char text[DR_STORY_ROOM], more[1024] = "", at[DR_DATE_ROOM];
    const struct dr_attempt_row *last = NULL;
    int64_t ready_ms = ready_after_ms(look, queue->id);
    size_t count = is(verdict, "refused") ? refusals(look, queue->id, &last) : 0;
    if (last != NULL) {
        snprintf(more, sizeof more, "\n  tried in vain %zu time%s, last %s at %s: %s", count,
                 count == 1 ? "" : "s", last->offering, dr_date_text(last->closed_us, at),
                 last->sentence);
    } else if (is(verdict, "coming") && ready_ms >= 45000) {
        snprintf(more, sizeof more, "; the last one was ready after about %lld min",
                 (long long)(ready_ms + 30000) / 60000);
    } else if (is(verdict, "coming") && ready_ms >= 0) {
        snprintf(more, sizeof more, "; the last one was ready within a minute");
    }
    snprintf(text, sizeof text, "waits for a machine in queue %s: %s%s\n", queue->name,
             reason->sentence, more);
    write_line(look, task, "info", text);
}

/* It waited when this life began, and an earlier one saw it: what is so since then was told. */
static bool was_told_before(const struct look *look, const struct dr_queue_task *waiting)
{
    const struct notes *notes = look->notes;
    int64_t start_us = server_clock_theirs(&notes->picture->clock, notes->start.wall_us);
    return waiting->added_us < start_us &&
           names_known_since_us(notes->names, waiting->task) < notes->start.wall_us;
}

/* Follows a wait; true when something may be said of it now. */
static bool is_due(struct look *look, struct noted *noted, const struct dr_queue_task *waiting)
{
    struct notes *notes = look->notes;
    if (noted->look == 0) {
        noted->old = was_told_before(look, waiting);
    } else if (noted->look + 1 < notes->looks) { /* it was away meanwhile: another wait */
        noted->since_ms = look->now_ms;
        noted->verdict[0] = '\0';
    }
    noted->look = notes->looks;
    noted->seen_ms = look->now_ms;
    bool lately = noted->said_ms != 0 && look->now_ms - noted->said_ms < NOTES_AGAIN_MS;
    return !lately && (noted->old || look->now_ms - noted->since_ms >= NOTES_WAIT_MS);
}

static void look_at(struct look *look, const struct dr_queue_view *queue,
                    const struct dr_queue_task *waiting, bool refused)
{
    struct noted *noted = recall(look->notes, waiting->task);
    if (!is_due(look, noted, waiting) || !queue->fresh)
        return;
    const struct dr_reason_view *reason = reason_of(look, waiting->task);
    const char *verdict = reason == NULL ? "" : told_verdict(reason->verdict, refused);
    if (verdict[0] == '\0' || is(verdict, noted->verdict))
        return;
    if (!noted->old && (is_full(look) || is_being_put_back(look, waiting->task)))
        return;
    if (!noted->old)
        tell_waiting(look, queue, waiting->task, reason, verdict);
    noted->old = false;
    snprintf(noted->verdict, sizeof noted->verdict, "%s", verdict);
}

static void tell_queues(struct look *look)
{
    for (size_t q = 0; q < look->queues->queues.count; q++) {
        const struct dr_queue_view *queue = &look->queues->queues.items[q];
        bool refused = lookup_find(&look->refused, queue->id) != DR_INDEX_NONE;
        reasons_of_queue(&look->notes->reasons, queue->name, &look->reasons);
        for (size_t i = 0; i < queue->waiting.count; i++)
            look_at(look, queue, &queue->waiting.items[i], refused);
    }
}

/* ---- when -------------------------------------------------------------------------------------
 */
/* What the server did not take is not said again: whether it has it is often not known, and `drover
 * why` says it all the same. */
static void on_written(const struct clearml_answer *answer, void *arg)
{
    struct notes *notes = arg;
    notes->running = false;
    if (answer->cls != CLEARML_OK)
        port_log_often(notes->port, DR_LOG_INFO, NULL,
                       "lines for the consoles of tasks were not taken: %s", answer->sentence);
}

static bool is_time(const struct notes *notes)
{
    const struct picture *picture = notes->picture;
    return notes->root->task_notes && !notes->running && notes->whole != picture->whole &&
           notes->names->restored && picture->pace.state == SERVER_OK &&
           !pace_is_tight(&picture->pace) &&
           picture_fresh(picture, notes->root->timing.fresh_queues_ms);
}

void notes_step(struct notes *notes)
{
    if (!is_time(notes))
        return;
    struct dr_picture said;
    picture_said(notes->picture, false, 0, &said);
    struct look look = {.notes = notes,
                        .now_ms = port_now(notes->port).boot_ms,
                        .rows = notes->claims->rows,
                        .queues = &said.queues,
                        .batch = json_array(),
                        .refused = refused_queues(notes->claims->rows)};
    notes->whole = notes->picture->whole;
    notes->looks++;
    tell_recoveries(&look);
    tell_launches(&look);
    tell_queues(&look);
    forget_unlisted(notes);
    sweep(notes, look.now_ms);
    queue_reasons_free(&look.reasons);
    lookup_free(&look.refused);
    if (json_array_size(look.batch) == 0) {
        json_decref(look.batch);
        return;
    }
    notes->running = true;
    notes->port->call(notes->port->shell, "events.add_batch", look.batch, on_written, notes);
}
