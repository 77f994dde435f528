/* SPDX-License-Identifier: Apache-2.0 */
#include "hocon_lex.h"

#include <string.h>

#include "utf8.h"

int hocon_peek(const struct hocon_text *in, size_t ahead)
{
    return ahead < in->len - in->at ? (unsigned char)in->text[in->at + ahead] : -1;
}

bool hocon_starts(const struct hocon_text *in, const char *word)
{
    size_t len = strlen(word);
    return in->len - in->at >= len && memcmp(in->text + in->at, word, len) == 0;
}

bool hocon_fail_at(const struct hocon_text *in, size_t at, const char *what)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < at && i < in->len; i++) {
        column = in->text[i] == '\n' ? 1 : column + 1;
        line += in->text[i] == '\n';
    }
    return dr_error_set_at(in->error, line, column, "%s:%d:%d: %s", in->file, line, column, what);
}

bool hocon_fail(const struct hocon_text *in, const char *what)
{
    return hocon_fail_at(in, in->at, what);
}

void hocon_skip_blanks(struct hocon_text *in)
{
    while (hocon_peek(in, 0) == ' ' || hocon_peek(in, 0) == '\t')
        in->at++;
}

bool hocon_at_comment(const struct hocon_text *in)
{
    return hocon_peek(in, 0) == '#' || hocon_starts(in, "//");
}

void hocon_skip_space(struct hocon_text *in, bool commas)
{
    for (;;) {
        hocon_skip_blanks(in);
        int c = hocon_peek(in, 0);
        if (c == '\n' || c == '\r' || (commas && c == ',')) {
            in->at++;
        } else if (hocon_at_comment(in)) {
            while (hocon_peek(in, 0) != -1 && hocon_peek(in, 0) != '\n')
                in->at++;
        } else {
            return;
        }
    }
}

bool hocon_at_end_of_value(const struct hocon_text *in)
{
    int c = hocon_peek(in, 0);
    return c == -1 || c == '\n' || c == '\r' || c == ',' || c == '}' || c == ']' ||
           hocon_at_comment(in);
}

/* """ to the last """ of a run: a text may end in quotes of its own. No escapes in it. */
static bool take_raw(struct hocon_text *in, struct dr_strbuf *out)
{
    size_t opened = in->at;
    in->at += 3;
    size_t from = in->at;
    while (!hocon_starts(in, "\"\"\"")) {
        if (hocon_peek(in, 0) == -1)
            return hocon_fail_at(in, opened, "this \"\"\" is never closed");
        in->at++;
    }
    while (hocon_peek(in, 3) == '"')
        in->at++;
    dr_strbuf_add(out, in->text + from, in->at - from);
    in->at += 3;
    return true;
}

static bool take_hex(struct hocon_text *in, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        int c = hocon_peek(in, 0);
        const char *digit = c > 0 ? strchr("0123456789abcdef", c | 0x20) : NULL;
        if (!digit || (c != (c | 0x20) && (c < 'A' || c > 'F')))
            return hocon_fail(in, "\\u wants four hexadecimal digits");
        *code = *code * 16 + (unsigned)(digit - "0123456789abcdef");
        in->at++;
    }
    return true;
}

static bool take_unicode(struct hocon_text *in, struct dr_strbuf *out)
{
    unsigned code, low;
    size_t began = in->at;
    if (!take_hex(in, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00 && hocon_starts(in, "\\u")) {
        in->at += 2;
        if (!take_hex(in, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    char bytes[4];
    size_t len = code ? dr_utf8_put(bytes, code) : 0;
    if (len == 0)
        return hocon_fail_at(in, began, "this \\u names no character");
    dr_strbuf_add(out, bytes, len);
    return true;
}

static bool take_escape(struct hocon_text *in, struct dr_strbuf *out)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    in->at++; /* the backslash */
    int c = hocon_peek(in, 0);
    if (c == 'u') {
        in->at++;
        return take_unicode(in, out);
    }
    const char *known = c > 0 ? strchr(names, c) : NULL;
    if (known) {
        dr_strbuf_add(out, &meanings[known - names], 1);
        in->at++;
    } else {
        dr_strbuf_add(out, "\\", 1); /* ClearML's reader keeps \. and \d as they are */
    }
    return true;
}

bool hocon_take_quoted(struct hocon_text *in, struct dr_strbuf *out)
{
    if (hocon_starts(in, "\"\"\""))
        return take_raw(in, out);
    size_t opened = in->at++;
    for (;;) {
        int c = hocon_peek(in, 0);
        if (c == -1 || c == '\n')
            return hocon_fail_at(in, opened, "this quote is not closed on its line");
        if (c == '"')
            break;
        if (c == '\\') {
            if (!take_escape(in, out))
                return false;
            continue;
        }
        dr_strbuf_add(out, in->text + in->at, 1);
        in->at++;
    }
    in->at++;
    return true;
}

size_t hocon_unquoted_len(const struct hocon_text *in)
{
    size_t len = 0;
    int c;
    while ((c = hocon_peek(in, len)) > 0 && !strchr("^`+?!@*&\"[]{}#,=$\\ \t\r\n", c))
        len++;
    return len;
}

bool hocon_check_utf8(struct hocon_text *in)
{
    size_t good = dr_utf8_span(in->text, in->len);
    return good == in->len || hocon_fail_at(in, good, "this byte is no UTF-8 text");
}
