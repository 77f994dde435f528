/* SPDX-License-Identifier: Apache-2.0 */
#include "config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drover/assert.h"

#define WORD_MAX 64

static void add(struct cfg_report *report, bool warning, int line, const char *path, char *text,
                const char *what)
{
    struct dr_config_errors *errors = report->errors;
    struct dr_config_error *items =
        realloc(errors->items, (errors->count + 1) * sizeof *errors->items);
    DR_ASSERT(items);
    errors->items = items;
    char *copy = strdup(path);
    DR_ASSERT(copy);
    items[errors->count++] = (struct dr_config_error){
        .line = line, .warning = warning, .text = text, .path = copy, .what = what};
}

static void say(struct cfg_report *report, bool warning, int line, const char *path,
                const char *format, va_list args)
{
    report->errors_found += !warning;
    if (report->errors->count >= CFG_FAULTS_MAX) {
        report->left_out++;
        return;
    }
    char *what, *text;
    DR_ASSERT(vasprintf(&what, format, args) >= 0);
    const char *colon = *path ? ": " : "";
    const char *mark = warning ? "warning: " : "";
    int n = line > 0
                ? asprintf(&text, "%s:%d: %s%s%s%s", report->name, line, mark, path, colon, what)
                : asprintf(&text, "%s: %s%s%s%s", report->name, mark, path, colon, what);
    DR_ASSERT(n >= 0);
    add(report, warning, line, path, text, text + (size_t)n - strlen(what));
    free(what);
}

void cfg_fault(struct cfg_report *report, int line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(report, false, line, path, format, args);
    va_end(args);
}

void cfg_warning(struct cfg_report *report, int line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(report, true, line, path, format, args);
    va_end(args);
}

void cfg_report_close(struct cfg_report *report)
{
    struct dr_config_error *items = report->errors->items;
    for (size_t i = 1; i < report->errors->count; i++) { /* stable; at most CFG_FAULTS_MAX */
        struct dr_config_error moved = items[i];
        size_t j = i;
        for (; j > 0 && items[j - 1].line > moved.line; j--)
            items[j] = items[j - 1];
        items[j] = moved;
    }
    char *text;
    if (report->left_out == 0)
        return;
    DR_ASSERT(asprintf(&text, "%s: and %zu more that are not listed", report->name,
                       report->left_out) >= 0);
    add(report, report->errors_found == 0, 0, "", text, text + strlen(report->name) + 2);
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t d = a < b ? a : b;
    return d < c ? d : c;
}

/* Edits (insert, drop, replace a letter) between two words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            bool same = strncasecmp(&a[i - 1], &b[j - 1], 1) == 0;
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *cfg_nearest(const char *word, size_t count, const char *(*nth)(const void *arg, size_t),
                        const void *arg)
{
    const char *best = NULL;
    size_t len = strlen(word), best_distance = len < 6 ? 3 : len / 3 + 2;
    if (len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *other = nth(arg, i);
        size_t other_len = strlen(other);
        if (other_len == 0 || other_len > WORD_MAX)
            continue;
        size_t d = distance(word, other);
        if (d < best_distance && d < other_len) {
            best_distance = d;
            best = other;
        }
    }
    return best;
}
