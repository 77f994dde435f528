/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "utf8.h"
#include "words.h"

#define TRIED_MAX 5

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

/* ---- writing ----------------------------------------------------------------------------------
 */
struct page {
    char *out;
    size_t size, len;
};

static void put(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct page *page, const char *format, ...)
{
    va_list args;
    if (page->len + 1 >= page->size)
        return;
    va_start(args, format);
    int n = vsnprintf(page->out + page->len, page->size - page->len, format, args);
    va_end(args);
    page->len += n < 0 ? 0 : (size_t)n;
    if (page->len >= page->size)
        page->len = page->size - 1;
}

/* The length of its whole characters: a cut may have gone through one. */
static size_t whole(const char *text, size_t len)
{
    size_t at = 0, n;
    while (at < len && (n = dr_utf8_char(text + at, len - at)) > 0)
        at += n;
    return at;
}

static const char *end(struct page *page)
{
    page->out[whole(page->out, page->len)] = '\0';
    return page->out;
}

static void put_machine(struct page *page, const struct dr_machine_row *machine)
{
    const char *id = machine->instance_id[0] != '\0' ? machine->instance_id : machine->id;
    bool offering = machine->offering[0] != '\0' && !is(machine->offering, machine->type);
    put(page, "%s (%s%s%s)", id, machine->type, offering ? ", " : "",
        offering ? machine->offering : "");
}

static void put_tail(struct page *page, const char *tail)
{
    if (tail[0] == '\0')
        return;
    put(page, "  the end of its log:\n");
    for (const char *line = tail; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        put(page, "    | %.*s\n", (int)len, line);
        line += len + (line[len] != '\0');
    }
}

/* ---- a recovery -------------------------------------------------------------------------------
 */
static void put_loss(struct page *page, const struct dr_recovery_row *row,
                     const struct dr_machine_row *machine)
{
    char at[DR_DATE_ROOM];
    bool popped = is(row->kind, "popped");
    if (row->machine[0] == '\0') {
        put(page, "%s",
            popped ? "it was taken out of its queue and nobody began it"
                   : "the agent that took it was gone before it began");
        return;
    }
    put(page, "%s ", popped ? "the machine that took it from its queue," : "its machine");
    if (machine == NULL)
        put(page, "%s", row->machine);
    else
        put_machine(page, machine);
    put(page, "%s ended", popped ? "," : "");
    if (machine != NULL && machine->ended_us != 0)
        put(page, " at %s", dr_date_text(machine->ended_us, at));
    if (popped)
        put(page, " before it began");
}

static void put_outcome(struct page *page, const struct dr_recovery_row *row, const char *queue)
{
    char at[DR_DATE_ROOM];
    if (row->settled_us == 0) {
        put(page, "the task is being put back into queue %s (so far: %s)", queue, row->step);
    } else if (is(row->step, "dropped")) {
        put(page, "the task was left as it is: %s", row->note);
    } else if (is(row->mode, "never")) {
        put(page, "the task stays as it is: %s", row->note);
    } else {
        put(page, "the task was put back into queue %s at %s (%s) and %s", queue,
            dr_date_text(row->settled_us, at), row->note,
            is(row->kind, "popped")  ? "begins on the next machine"
            : is(row->mode, "reset") ? "begins anew on the next machine"
                                     : "goes on, as the same task, on the next machine");
    }
}

const char *dr_story_recovery(const struct dr_recovery_row *row,
                              const struct dr_machine_row *machine, const char *queue,
                              const char *tail, char *out, size_t size)
{
    struct page page = {.out = out, .size = size};
    put_loss(&page, row, machine);
    put(&page, "; ");
    put_outcome(&page, row, queue);
    put(&page, "\n");
    if (machine != NULL && machine->cause[0] != '\0')
        put(&page, "  why it ended: %s\n", machine->cause);
    put_tail(&page, tail);
    return end(&page);
}

/* ---- a launch ---------------------------------------------------------------------------------
 */
bool dr_story_launch_failed(const struct dr_machine_row *machine)
{
    static const char *const unwanted[] = {"idle", "age", "hand", "cap", "leak", "surplus"};
    if (machine->ended_us == 0 || machine->up_us != 0 || machine->adopted ||
        is(machine->state, "cancelled"))
        return false;
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
        if (is(machine->drain_reason, unwanted[i]))
            return false;
    return true;
}

static bool is_for(const struct dr_attempt_row *attempt, const char *machine)
{
    for (size_t i = 0; i < attempt->machines.count; i++)
        if (is(attempt->machines.items[i], machine))
            return true;
    return false;
}

size_t dr_story_refusals(const struct dr_machine_row *machine,
                         const struct dr_attempt_row_list *attempts,
                         const struct dr_attempt_row **last)
{
    size_t count = 0;
    *last = NULL;
    for (size_t i = 0; i < attempts->count; i++) {
        const struct dr_attempt_row *attempt = &attempts->items[i];
        if (!is(attempt->outcome, "refused") || !is_for(attempt, machine->id))
            continue;
        count++;
        if (*last == NULL || attempt->closed_us >= (*last)->closed_us)
            *last = attempt;
    }
    return count;
}

static int by_time(const void *a, const void *b)
{
    const struct dr_attempt_row *x = *(const struct dr_attempt_row *const *)a;
    const struct dr_attempt_row *y = *(const struct dr_attempt_row *const *)b;
    return (x->opened_us > y->opened_us) - (x->opened_us < y->opened_us);
}

static void put_tried(struct page *page, const struct dr_machine_row *machine,
                      const struct dr_attempt_row_list *attempts)
{
    const struct dr_attempt_row **mine = calloc(attempts->count + 1, sizeof *mine);
    DR_ASSERT(mine != NULL);
    size_t count = 0;
    for (size_t i = 0; i < attempts->count; i++)
        if (is_for(&attempts->items[i], machine->id))
            mine[count++] = &attempts->items[i];
    qsort(mine, count, sizeof *mine, by_time);
    for (size_t i = count > TRIED_MAX ? count - TRIED_MAX : 0; i < count; i++) {
        char at[DR_DATE_ROOM];
        const struct dr_attempt_row *attempt = mine[i];
        bool said = attempt->sentence[0] != '\0';
        put(page, "  tried: %s at %s: %s%s%s\n", attempt->offering,
            dr_date_text(attempt->opened_us, at),
            attempt->outcome[0] != '\0' ? attempt->outcome : attempt->state, said ? ": " : "",
            attempt->sentence);
    }
    free(mine);
}

const char *dr_story_launch(const struct dr_machine_row *machine,
                            const struct dr_attempt_row_list *attempts, const char *next,
                            const char *tail, char *out, size_t size)
{
    struct page page = {.out = out, .size = size};
    char at[DR_DATE_ROOM];
    bool born = machine->instance_id[0] != '\0';
    put(&page, born ? "a machine for its queue ended before it was ready: "
                    : "a machine for its queue could not be started: ");
    put_machine(&page, machine);
    put(&page, ", given up at %s\n  why: %s\n", dr_date_text(machine->ended_us, at),
        machine->cause[0] != '\0' ? machine->cause : "nobody said");
    put_tried(&page, machine, attempts);
    if (next[0] != '\0')
        put(&page, "  next: %s\n", next);
    put_tail(&page, tail);
    return end(&page);
}

/* ---- the end of a log -------------------------------------------------------------------------
 */
/* Bytes of an escape sequence, the escape itself included: up to its final letter. */
static size_t escape(const char *text)
{
    size_t n = 1;
    if (text[n] == '[')
        for (n++; text[n] != '\0' && ((unsigned char)text[n] < 0x40 || text[n] == '['); n++)
            ;
    return text[n] == '\0' || n == 1 ? n : n + 1;
}

size_t dr_story_clean(const char *text, char *out)
{
    size_t len = strlen(text), n = 0;
    for (size_t at = 0; at < len;) {
        size_t wide = dr_utf8_char(text + at, len - at);
        unsigned char first = (unsigned char)text[at];
        if (first == 0x1b) {
            at += escape(text + at);
            continue;
        }
        if (wide > 1 || (first >= 0x20 && first < 0x7f) || first == '\n' || first == '\t') {
            memcpy(out + n, text + at, wide);
            n += wide;
        }
        at += wide == 0 ? 1 : wide;
    }
    out[n] = '\0';
    return n;
}

void dr_story_tail(char tail[DR_TAIL_ROOM], const char *text)
{
    size_t had = strlen(tail);
    char *all = malloc(had + strlen(text) + 1);
    DR_ASSERT(all != NULL);
    memcpy(all, tail, had);
    size_t len = had + dr_story_clean(text, all + had), from = len, lines = 0;
    while (from > 0 && len - from < DR_TAIL_ROOM - 1) {
        if (all[from - 1] == '\n' && from != len && ++lines == DR_TAIL_LINES)
            break;
        from--;
    }
    if (from > 0 && lines < DR_TAIL_LINES) { /* the room ended within a line, or a character */
        size_t skip = strcspn(all + from, "\n");
        while (skip == len - from && from < len && ((unsigned char)all[from] & 0xc0) == 0x80)
            from++;
        from += skip < len - from ? skip + 1 : 0;
    }
    memcpy(tail, all + from, len - from);
    tail[len - from] = '\0';
    free(all);
}
