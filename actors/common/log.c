/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "utf8.h"

#define WHAT_MAX DR_LOG_LINE_MAX
#define CONTEXT_MAX                                                               \
    128 /* of machine, task and queue each, so that they never crowd out the text \
         */
#define ERR_MAX 1024

static enum dr_log_level threshold = DR_LOG_INFO;

static const char *const level_names[DR_LOG_LEVELS] = {
    [DR_LOG_ERROR] = "error",
    [DR_LOG_WARNING] = "warning",
    [DR_LOG_INFO] = "info",
    [DR_LOG_DEBUG] = "debug",
};

void dr_log_set_level(enum dr_log_level level)
{
    DR_ASSERT(level < DR_LOG_LEVELS);
    threshold = level;
}

bool dr_log_wanted(enum dr_log_level level)
{
    return level <= threshold;
}

bool dr_log_level_parse(const char *name, enum dr_log_level *level)
{
    if (strcasecmp(name, "warn") == 0)
        name = "warning";
    for (unsigned i = 0; i < DR_LOG_LEVELS; i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *level = i;
            return true;
        }
    }
    return false;
}

const char *dr_log_level_name(enum dr_log_level level)
{
    DR_ASSERT(level < DR_LOG_LEVELS);
    return level_names[level];
}

/* A line under construction: `limit` leaves room for what must still follow. */
struct line {
    char *out;
    size_t len, limit;
};

static void put(struct line *line, const char *text)
{
    size_t len = strlen(text);
    DR_ASSERT(line->len + len <= line->limit);
    memcpy(line->out + line->len, text, len);
    line->len += len;
}

/* One character of a JSON string, or as it is for people; control characters escaped in both. */
static size_t encode_char(char out[8], const char *text, size_t char_len, bool human)
{
    unsigned char c = (unsigned char)text[0];
    if (char_len == 0) {
        memcpy(out, "\xef\xbf\xbd", 3); /* U+FFFD for a byte that is no UTF-8 */
        return 3;
    }
    if (!human && (c == '"' || c == '\\')) {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c == '\n' || c == '\t' || c == '\r') {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
        return 2;
    }
    if (c < 0x20 || c == 0x7f)
        return (size_t)snprintf(out, 8, "\\u%04x", c);
    memcpy(out, text, char_len);
    return char_len;
}

/* Adds escaped text within `room` bytes; what does not fit ends in "...". */
static void put_text(struct line *line, const char *text, size_t room, bool human)
{
    size_t end = line->len + room < line->limit ? line->len + room : line->limit;
    size_t cut = line->len; /* the last place where "..." still fits */
    while (*text) {
        size_t char_len = dr_utf8_char(text, strnlen(text, 4));
        char one[8];
        size_t len = encode_char(one, text, char_len, human);
        if (line->len + 3 <= end)
            cut = line->len;
        if (line->len + len > end) {
            line->len = cut;
            if (cut + 3 <= end)
                put(line, "...");
            return;
        }
        memcpy(line->out + line->len, one, len);
        line->len += len;
        text += char_len ? char_len : 1;
    }
}

static void put_field(struct line *line, const char *name, const char *text, size_t room,
                      bool human)
{
    if (!text || line->len + strlen(name) + 16 > line->limit)
        return;
    put(line, human ? " " : ",\"");
    put(line, name);
    put(line, human ? "=" : "\":\"");
    put_text(line, text, room, human);
    if (!human)
        put(line, "\"");
}

static void put_context(struct line *line, const struct dr_log_ctx *ctx, bool human)
{
    if (!ctx)
        return;
    put_field(line, "machine", ctx->machine, CONTEXT_MAX, human);
    put_field(line, "task", ctx->task, CONTEXT_MAX, human);
    put_field(line, "queue", ctx->queue, CONTEXT_MAX, human);
    put_field(line, "err", ctx->err, ERR_MAX, human);
}

static void put_head(struct line *line, int64_t wall_us, enum dr_log_level level, bool human)
{
    char head[64];
    if (human) {
        struct tm parts;
        time_t seconds = (time_t)(wall_us / 1000000);
        localtime_r(&seconds, &parts);
        snprintf(head, sizeof head, "%02d:%02d:%02d %-7s ", parts.tm_hour, parts.tm_min,
                 parts.tm_sec, dr_log_level_name(level));
    } else {
        snprintf(head, sizeof head, "{\"t\":%lld,\"level\":\"%s\",\"what\":\"", (long long)wall_us,
                 dr_log_level_name(level));
    }
    put(line, head);
}

size_t dr_log_format(char *out, size_t size, bool human, int64_t wall_us, enum dr_log_level level,
                     const struct dr_log_ctx *ctx, const char *what)
{
    DR_ASSERT(size >= 512);
    struct line line = {.out = out, .limit = size - 4}; /* for "}\n and a quote of a field */
    /* The text comes first but may use only what the fields leave: measure them. */
    char fields[3 * (CONTEXT_MAX + 24) + ERR_MAX + 24];
    struct line side = {.out = fields, .limit = sizeof fields};
    if (side.limit > size / 2)
        side.limit = size / 2;
    side.limit -= 2;
    put_context(&side, ctx, human);
    put_head(&line, wall_us, level, human);
    put_text(&line, what, line.limit - line.len - side.len - 1, human);
    if (!human)
        put(&line, "\"");
    DR_ASSERT(line.len + side.len <= line.limit);
    memcpy(out + line.len, fields, side.len);
    line.len += side.len;
    if (!human)
        out[line.len++] = '}';
    out[line.len++] = '\n';
    return line.len;
}

static void emit(enum dr_log_level level, const struct dr_log_ctx *ctx, const char *what)
{
    char out[DR_LOG_LINE_MAX];
    bool human = isatty(STDERR_FILENO) && !getenv("DROVER_FD");
    size_t len = dr_log_format(out, sizeof out, human, dr_wall_us(), level, ctx, what);
    /* One write, so that lines of processes that share stderr do not mix. A lost line is lost. */
    ssize_t ignored = write(STDERR_FILENO, out, len);
    (void)ignored;
}

void dr_log(enum dr_log_level level, const struct dr_log_ctx *ctx, const char *format, ...)
{
    if (!dr_log_wanted(level))
        return;
    char what[WHAT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    emit(level, ctx, what);
}
