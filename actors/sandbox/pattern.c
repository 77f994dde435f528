/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
    regex_t regex;
};

struct translation {
    const char *in;
    char *out;
    size_t len, size;
    bool ignore_case;
    size_t open;     /* groups that are not closed yet */
    bool repeatable; /* something stands before, which a quantifier may repeat */
    const char *error;
};

static void put(struct translation *t, const char *text)
{
    size_t n = strlen(text);
    if (t->out == NULL || t->len + n + 1 > t->size) {
        size_t size = (t->size + n) * 2 + 64;
        char *grown = realloc(t->out, size);
        if (!grown) {
            t->error = "out of memory";
            return;
        }
        t->out = grown;
        t->size = size;
    }
    memcpy(t->out + t->len, text, n + 1);
    t->len += n;
}

static void put_literal(struct translation *t, char c)
{
    char text[3] = {'\\', c, 0};
    put(t, strchr("\\^$.[]|()*+?{}", c) ? text : text + 1);
}

/* What a class escape stands for inside brackets, or NULL. */
static const char *class_members(char c)
{
    return c == 'd' ? "0-9" : c == 'w' ? "[:alnum:]_" : c == 's' ? "[:space:]" : NULL;
}

static char control_character(char c)
{
    return c == 'n'   ? '\n'
           : c == 't' ? '\t'
           : c == 'r' ? '\r'
           : c == 'f' ? '\f'
           : c == 'v' ? '\v'
                      : 0;
}

static void translate_escape(struct translation *t)
{
    static const struct {
        char c;
        const char *out;
    } simple[] = {{'d', "[0-9]"},
                  {'D', "[^0-9]"},
                  {'w', "[[:alnum:]_]"},
                  {'W', "[^[:alnum:]_]"},
                  {'s', "[[:space:]]"},
                  {'S', "[^[:space:]]"},
                  {'A', "^"},
                  {'Z', "$"},
                  {'b', "\\b"},
                  {'B', "\\B"}};
    char c = *++t->in;
    if (!c) {
        t->error = "bad escape (end of pattern)";
        return;
    }
    t->in++;
    t->repeatable = true;
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++)
        if (simple[i].c == c) {
            put(t, simple[i].out);
            return;
        }
    char control = control_character(c);
    if (control)
        put_literal(t, control);
    else if (c >= '1' && c <= '9')
        put(t, (char[]){'\\', c, 0});
    else if (isalnum((unsigned char)c))
        t->error = "bad escape";
    else
        put_literal(t, c);
}

/* POSIX brackets know no backslash: the members that need care get places where they are plain. */
static void translate_brackets(struct translation *t)
{
    bool has_close = false, has_open = false, has_dash = false, has_caret = false;
    const char *p = t->in + 1;
    put(t, "[");
    if (*p == '^') {
        put(t, "^");
        p++;
    }
    size_t members_at = t->len;
    struct translation members = {0};
    for (bool first = true; *p && (*p != ']' || first); p++, first = false) {
        char c = *p;
        bool escaped = c == '\\' && p[1];
        if (escaped)
            c = *++p;
        const char *set = escaped ? class_members(c) : NULL;
        if (set)
            put(&members, set);
        else if (escaped && strchr("DWS", c))
            t->error = "negated class inside brackets is not supported";
        else if (c == ']')
            has_close = true;
        else if (c == '[')
            has_open = true;
        else if (c == '^')
            has_caret = true;
        else if (c == '-' && (escaped || first || p[1] == ']'))
            has_dash = true;
        else {
            char control = escaped ? control_character(c) : 0;
            put(&members, (char[]){control ? control : c, 0});
        }
    }
    if (*p != ']')
        t->error = "unterminated character set";
    if (has_close)
        put(t, "]");
    if (members.out)
        put(t, members.out);
    if (has_open)
        put(t, "[");
    if (has_dash && t->len == members_at) {
        put(t, "-");
        has_dash = false;
    }
    /* "[^" would negate: a caret that stands first goes by its name. */
    if (has_caret)
        put(t, t->len == members_at ? "[.^.]" : "^");
    if (has_dash)
        put(t, "-");
    put(t, "]");
    free(members.out);
    t->in = *p ? p + 1 : p;
    t->repeatable = true;
}

static void translate_group(struct translation *t)
{
    t->repeatable = false;
    t->open++;
    const char *p = t->in + 1;
    if (*p != '?') {
        put(t, "(");
        t->in = p;
    } else if (p[1] == ':') {
        put(t, "(");
        t->in = p + 2;
    } else if (p[1] == 'P' && p[2] == '<' && strchr(p, '>')) {
        put(t, "(");
        t->in = strchr(p, '>') + 1;
    } else {
        size_t flags = strspn(p + 1, "aimsux");
        if (!flags || p[1 + flags] != ')') {
            t->error = "unsupported group";
            return;
        }
        t->open--;
        if (memchr(p + 1, 'i', flags))
            t->ignore_case = true;
        t->in = p + flags + 2;
    }
}

/* The length of "{m}", "{m,}", "{,n}" or "{m,n}" at p; 0 when the brace is a plain character. */
static size_t counted_repeat(const char *p)
{
    size_t digits = strspn(p + 1, "0123456789");
    size_t n = 1 + digits;
    if (p[n] == ',') {
        size_t more = strspn(p + n + 1, "0123456789");
        n += 1 + more;
        digits += more;
    }
    return digits && p[n] == '}' ? n + 1 : 0;
}

static void translate_repeat(struct translation *t, size_t length)
{
    if (!t->repeatable) {
        t->error = "nothing to repeat";
        return;
    }
    for (size_t i = 0; i < length; i++)
        put(t, (char[]){t->in[i], 0});
    t->in += length;
    /* Lazy and possessive repeats find the same subjects. */
    if (*t->in == '?' || *t->in == '+')
        t->in++;
    t->repeatable = false;
}

static void translate(struct translation *t)
{
    put(t, "");
    while (*t->in && !t->error) {
        size_t counted = *t->in == '{' ? counted_repeat(t->in) : 0;
        if (*t->in == '\\')
            translate_escape(t);
        else if (*t->in == '[')
            translate_brackets(t);
        else if (*t->in == '(')
            translate_group(t);
        else if (strchr("*+?", *t->in) || counted)
            translate_repeat(t, counted ? counted : 1);
        else if (strchr("{}", *t->in)) {
            put_literal(t, *t->in++);
            t->repeatable = true;
        } else if (*t->in == ')' && t->open == 0) {
            t->error = "unbalanced parenthesis";
        } else {
            t->open -= *t->in == ')';
            t->repeatable = !strchr("|^", *t->in);
            put(t, (char[]){*t->in++, 0});
        }
    }
}

struct pattern *pattern_new(const char *text, bool ignore_case, char *error, size_t error_size)
{
    struct translation t = {.in = text, .ignore_case = ignore_case};
    translate(&t);
    struct pattern *pattern = t.error ? NULL : malloc(sizeof *pattern);
    if (!pattern)
        snprintf(error, error_size, "%s", t.error ? t.error : "out of memory");
    else {
        int rc = regcomp(&pattern->regex, t.out,
                         REG_EXTENDED | REG_NOSUB | (t.ignore_case ? REG_ICASE : 0));
        if (rc) {
            regerror(rc, &pattern->regex, error, error_size);
            free(pattern);
            pattern = NULL;
        }
    }
    free(t.out);
    return pattern;
}

bool pattern_matches(const struct pattern *pattern, const char *subject)
{
    return regexec(&pattern->regex, subject, 0, NULL, 0) == 0;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    regfree(&pattern->regex);
    free(pattern);
}
