/* SPDX-License-Identifier: Apache-2.0 */
#include "squeeze.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct line {
    const char *text; /* without indentation */
    size_t len, indent;
};

/* The next line of the source; false at its end. */
static bool next_line(const char **source, const char *end, struct line *line)
{
    if (*source >= end)
        return false;
    const char *eol = memchr(*source, '\n', (size_t)(end - *source));
    eol = eol ? eol : end;
    line->text = *source;
    while (line->text < eol && *line->text == ' ')
        line->text++;
    line->len = (size_t)(eol - line->text);
    line->indent = (size_t)(line->text - *source);
    *source = eol + 1;
    return true;
}

size_t squeeze_shell(const char *source, size_t size, char *to)
{
    const char *end = source + size;
    char *start = to;
    struct line line;
    while (next_line(&source, end, &line)) {
        bool first = to == start; /* #! */
        if (line.len == 0 || (line.text[0] == '#' && !first))
            continue;
        to = (char *)memcpy(to, line.text, line.len) + line.len;
        *to++ = '\n';
    }
    return (size_t)(to - start);
}

static bool is_docstring(const struct line *line, bool *open)
{
    static const char quotes[] = "\"\"\"";
    bool opens = line->len >= 3 && memcmp(line->text, quotes, 3) == 0;
    bool closes = line->len >= 3 && memcmp(line->text + line->len - 3, quotes, 3) == 0;
    if (*open) {
        *open = !closes;
        return true;
    }
    *open = opens && !(closes && line->len >= 6);
    return opens;
}

/* Two of these stay apart: a space between them separates words. */
static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '"' || c == '\'';
}

/* One line without its comment and the spaces that separate nothing; counts brackets. */
static char *squeeze_line(const struct line *line, char *to, int *depth)
{
    char quote = '\0', last = ' ';
    for (size_t i = 0; i < line->len; i++) {
        char c = line->text[i], next = i + 1 < line->len ? line->text[i + 1] : ' ';
        if (quote) {
            if (c == '\\') {
                *to++ = c;
                c = line->text[++i];
            } else if (c == quote) {
                quote = '\0';
            }
        } else if (c == '#') {
            break;
        } else if (c == ' ') {
            if (!is_word(last) || !is_word(next))
                continue;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (strchr("([{", c)) {
            ++*depth;
        } else if (strchr(")]}", c)) {
            --*depth;
        }
        *to++ = last = c;
    }
    return to;
}

size_t squeeze_python(const char *source, size_t size, char *to)
{
    const char *end = source + size;
    char *start = to;
    bool in_docstring = false;
    int depth = 0;
    struct line line;
    while (next_line(&source, end, &line)) {
        if (is_docstring(&line, &in_docstring) || line.len == 0 || line.text[0] == '#')
            continue;
        if (depth == 0)
            to = (char *)memset(to, ' ', line.indent / 4) + line.indent / 4;
        else if (is_word(to[-1]) && is_word(line.text[0]))
            *to++ = ' ';
        to = squeeze_line(&line, to, &depth);
        if (depth == 0)
            *to++ = '\n';
    }
    return (size_t)(to - start);
}
