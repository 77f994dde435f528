/* SPDX-License-Identifier: Apache-2.0 */
#include "logline.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drover/assert.h"

static const struct {
    const char *name, *colour;
} levels[] = {
    {"debug", "\033[2m"},    {"info", ""}, {"warning", "\033[33m"}, {"error", "\033[31m"},
    {"alarm", "\033[1;31m"},
};

#define LEVELS ((int)(sizeof levels / sizeof *levels))

int dr_logline_rank(const char *level, int fallback)
{
    for (int i = 0; i < LEVELS; i++)
        if (strcmp(levels[i].name, level) == 0)
            return i;
    return fallback;
}

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Puts text into the line's own buffer, behind what is there. */
static void add_text(struct dr_logline *out, const char *bytes, size_t len)
{
    size_t used = strlen(out->free_text), room = sizeof out->free_text - 1 - used;
    for (size_t i = 0; i < len && i < room; i++) {
        unsigned char c = (unsigned char)bytes[i];
        out->free_text[used + i] = c < ' ' || c == 127 ? ' ' : bytes[i];
    }
}

/* What is no UTF-8 is shown as question marks. */
static void make_valid(char *text)
{
    json_t *valid = json_string(text);
    for (; !valid && *text; text++)
        *text = (unsigned char)*text > 126 ? '?' : *text;
    json_decref(valid);
}

void dr_logline_read(const char *actor, const char *bytes, size_t len, int64_t now_us,
                     struct dr_logline *out)
{
    memset(out, 0, sizeof *out);
    json_t *object = len > 0 && *bytes == '{' ? json_loadb(bytes, len, 0, NULL) : NULL;
    const char *what = string_of(object, "what"), *err = string_of(object, "err");
    add_text(out, *what ? what : bytes, *what ? strlen(what) : len);
    if (*what && *err) {
        add_text(out, ": ", 2);
        add_text(out, err, strlen(err));
    }
    make_valid(out->free_text);
    int level = dr_logline_rank(string_of(object, "level"), *what ? 1 : 2);
    int64_t t_us = json_integer_value(json_object_get(object, "t"));
    out->held = object;
    out->line = (struct dr_log_line){.actor = actor,
                                     .level = levels[level].name,
                                     .t_us = t_us > 0 ? t_us : now_us,
                                     .text = out->free_text,
                                     .machine = string_of(object, "machine"),
                                     .task = string_of(object, "task"),
                                     .queue = string_of(object, "queue")};
}

void dr_logline_free(struct dr_logline *logline)
{
    json_decref(logline->held);
    logline->held = NULL;
}

static char *dump(json_t *object, size_t *len)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    DR_ASSERT(text);
    *len = strlen(text);
    return text;
}

char *dr_logline_json(const struct dr_log_line *line, size_t *len)
{
    json_t *object = json_pack("{ss ss sI ss ss ss ss}", "actor", line->actor, "level", line->level,
                               "t_us", (json_int_t)line->t_us, "text", line->text, "machine",
                               line->machine, "task", line->task, "queue", line->queue);
    return dump(object, len);
}

char *dr_actor_view_json(const struct dr_actor_view *view, size_t *len)
{
    json_t *object = json_pack("{ss ss sI sI sI ss}", "actor", view->actor, "state", view->state,
                               "pid", (json_int_t)view->pid, "restarts", (json_int_t)view->restarts,
                               "since_us", (json_int_t)view->since_us, "sentence", view->sentence);
    return dump(object, len);
}

size_t dr_logline_human(const struct dr_log_line *line, bool colour, char *out, size_t size)
{
    char clock[16];
    time_t seconds = (time_t)(line->t_us / 1000000);
    struct tm local;
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&seconds, &local));
    const char *paint = colour ? levels[dr_logline_rank(line->level, 1)].colour : "";
    const char *about = *line->machine ? line->machine : *line->task ? line->task : line->queue;
    int len = snprintf(out, size, "%s%s.%03d %-7s %s: %s%s%s%s%s\n", paint, clock,
                       (int)(line->t_us / 1000 % 1000), line->level, line->actor, line->text,
                       *about ? " [" : "", about, *about ? "]" : "", *paint ? "\033[0m" : "");
    return len < (int)size ? (size_t)len : size - 1;
}
