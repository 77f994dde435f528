/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "log.h"

#define MERGED_MAX 32
#define WHAT_MAX DR_LOG_LINE_MAX

/* A line that was written once and whose repeats are being counted. */
struct merged {
    char *text; /* NULL: free */
    char *field[4];
    enum dr_log_level level;
    unsigned repeats;
    int64_t since_ms;
};

static struct merged merged[MERGED_MAX];

static void context_fields(const struct dr_log_ctx *ctx, const char *field[4])
{
    field[0] = ctx ? ctx->machine : NULL;
    field[1] = ctx ? ctx->task : NULL;
    field[2] = ctx ? ctx->queue : NULL;
    field[3] = ctx ? ctx->err : NULL;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Writes the count, if there is one, and forgets the line. */
static void settle(struct merged *line, int64_t now_ms)
{
    if (line->repeats > 0) {
        const struct dr_log_ctx ctx = {line->field[0], line->field[1], line->field[2],
                                       line->field[3]};
        dr_log(line->level, &ctx, "%s (repeated %u times in %lld s)", line->text, line->repeats,
               (long long)((now_ms - line->since_ms + 500) / 1000));
    }
    free(line->text);
    for (int i = 0; i < 4; i++)
        free(line->field[i]);
    *line = (struct merged){0};
}

static char *copy(const char *text)
{
    char *result = text ? strdup(text) : NULL;
    DR_ASSERT(!text || result);
    return result;
}

/* The line's place if it is being counted, else a free one (the oldest is settled to make room). */
static struct merged *find(const char *what, enum dr_log_level level, const char *field[4],
                           int64_t now_ms)
{
    struct merged *spare = &merged[0];
    for (struct merged *line = merged; line < merged + MERGED_MAX; line++) {
        bool equal = line->text && line->level == level && strcmp(line->text, what) == 0;
        for (int i = 0; i < 4 && equal; i++)
            equal = same(line->field[i], field[i]);
        if (equal)
            return line;
        if (spare->text && (!line->text || line->since_ms < spare->since_ms))
            spare = line;
    }
    settle(spare, now_ms);
    return spare;
}

void dr_log_merged(enum dr_log_level level, const struct dr_log_ctx *ctx, const char *format, ...)
{
    if (!dr_log_wanted(level))
        return;
    char what[WHAT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    int64_t now_ms = dr_boottime_ms();
    const char *field[4];
    context_fields(ctx, field);
    dr_log_tick();
    struct merged *line = find(what, level, field, now_ms);
    if (line->text) {
        line->repeats++;
        return;
    }
    *line = (struct merged){.text = copy(what), .level = level, .since_ms = now_ms};
    for (int i = 0; i < 4; i++)
        line->field[i] = copy(field[i]);
    dr_log(level, ctx, "%s", what);
}

void dr_log_tick(void)
{
    int64_t now_ms = dr_boottime_ms();
    for (struct merged *line = merged; line < merged + MERGED_MAX; line++)
        if (line->text && now_ms - line->since_ms >= DR_LOG_MERGE_MS)
            settle(line, now_ms);
}

void dr_log_flush(void)
{
    int64_t now_ms = dr_boottime_ms();
    for (struct merged *line = merged; line < merged + MERGED_MAX; line++)
        if (line->text)
            settle(line, now_ms);
}
