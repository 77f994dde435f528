/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a line of a full screen: columns are counted, and what comes from outside cannot move the
 * cursor. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "top.h"

/* The next character: its bytes, its columns. What is no character is one byte and one column. */
static size_t step(const char *text, int *columns)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 1;
    uint32_t code = at[0] & (len == 1 ? 0x7fU : 0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return *columns = 1, (size_t)1;
        code = code << 6 | (at[i] & 0x3fU);
    }
    bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                (code >= 0xff00 && code <= 0xff60) || (code >= 0x1f300 && code <= 0x1faff) ||
                (code >= 0x20000 && code <= 0x3fffd);
    bool none = (code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) ||
                (code >= 0xfe00 && code <= 0xfe0f);
    *columns = wide ? 2 : none ? 0 : 1;
    return len;
}

size_t top_width(const char *text)
{
    size_t width = 0;
    for (int columns; *text != '\0'; width += (size_t)columns)
        text += step(text, &columns);
    return width;
}

size_t top_fit(const char *text, size_t room)
{
    size_t len = 0, used = 0, word = 0;
    while (text[len] != '\0') {
        int columns;
        size_t bytes = step(text + len, &columns);
        if (used + (size_t)columns > room)
            return word > 0 ? word : len;
        if (text[len] == ' ' && (len == 0 || text[len - 1] != '$')) /* "$ 20.00" is one word */
            word = len;
        used += (size_t)columns;
        len += bytes;
    }
    return len;
}

/* Control characters of either set, directions and broken UTF-8 become "?". */
static bool harmful(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    if (bytes == 1)
        return at[0] < 0x20 || at[0] >= 0x7f;
    return (at[0] == 0xc2 && at[1] < 0xa0) ||
           (at[0] == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
                              (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)));
}

/* What is missing is seen to be missing. */
static void cut(struct top_pen *pen)
{
    static const char dots[] = "…";
    pen->cut = true;
    if (pen->last_columns == 0 || pen->last + sizeof dots + 2 > TOP_LINE)
        return;
    pen->used -= pen->last_columns - 1;
    memcpy(pen->line + pen->last, dots, sizeof dots - 1);
    pen->len = pen->last + sizeof dots - 1;
}

static void write_text(struct top_pen *pen, const char *text)
{
    while (*text != '\0') {
        int columns;
        size_t bytes = step(text, &columns);
        bool bad = harmful(text, bytes);
        size_t takes = bad ? 1 : (size_t)columns;
        if (pen->used + takes > pen->columns || pen->len + bytes + 2 > TOP_LINE) {
            cut(pen);
            return;
        }
        pen->last = takes == 0 ? pen->last : pen->len;
        pen->last_columns = takes == 0 ? pen->last_columns : takes;
        memcpy(pen->line + pen->len, bad ? "?" : text, bad ? 1 : bytes);
        pen->len += bad ? 1 : bytes;
        pen->used += takes;
        text += bytes;
    }
}

static void begin(struct top_pen *pen, enum top_look look)
{
    if (pen->len + 2 < TOP_LINE)
        pen->line[pen->len++] = (char)look;
}

void top_put(struct top_pen *pen, enum top_look look, const char *format, ...)
{
    char text[TOP_LINE];
    va_list args;
    if (pen->line == NULL || pen->cut)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    begin(pen, look);
    write_text(pen, text);
    pen->line[pen->len] = '\0';
}

void top_cell(struct top_pen *pen, enum top_look look, size_t width, bool right, const char *text)
{
    char cut[512];
    bool whole = top_width(text) <= width;
    size_t len = strlen(text) < sizeof cut ? strlen(text) : sizeof cut - 1;
    memcpy(cut, text, len);
    cut[len] = '\0';
    while (top_width(cut) + !whole > width && len > 0) {
        while (len > 0 && ((unsigned char)cut[--len] & 0xc0) == 0x80)
            continue;
        cut[len] = '\0';
    }
    int pad = (int)(width - top_width(cut) - !whole);
    top_put(pen, look, "%*s%s%s%*s", right ? pad : 0, "", cut, whole ? "" : "…", right ? 0 : pad,
            "");
}
