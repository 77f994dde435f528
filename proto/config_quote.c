/* SPDX-License-Identifier: Apache-2.0 */
#include "config_quote.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Words and numbers that a reader of YAML 1.1 or 1.2 would not take for a text. */
static bool looks_typed(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no",   "on",    "off", "y",
                                        "n",    "null",  "~",   ".inf", "-.inf", ".nan"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    const char *at = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*at) && *at != '.')
        return false;
    return at[strspn(at, "0123456789abcdefABCDEFxo_.:+-eTZ ")] == '\0';
}

static size_t shown(const unsigned char *at)
{
    if (*at < 0x80)
        return *at >= ' ' && *at != 0x7f;
    size_t len = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    bool control = at[0] == 0xc2 && at[1] < 0xa0;
    bool separator = at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9);
    bool mark =
        at[0] == 0xef && ((at[1] == 0xbb && at[2] == 0xbf) || (at[1] == 0xbf && at[2] >= 0xbe));
    return control || separator || mark ? 0 : len;
}

static bool all_shown(const char *text, const char *also)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t len = strchr(also, *at) ? 1 : shown(at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

static bool is_plain(const char *text, bool inside_list)
{
    size_t len = strlen(text);
    if (len == 0 || text[0] == ' ' || text[len - 1] == ' ' || text[len - 1] == ':')
        return false;
    if (strchr("-?:,[]{}#&*!|>'\"%@`=<", text[0]) && !(text[0] == '-' && text[1] == '-'))
        return false;
    if (strstr(text, ": ") || strstr(text, " #") || strncmp(text, "---", 3) == 0)
        return false;
    if (inside_list && strpbrk(text, ",[]{}:"))
        return false;
    return all_shown(text, "") && !looks_typed(text);
}

static unsigned code_point(const unsigned char *at, size_t *len)
{
    *len = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    unsigned code = *len == 1 ? *at : *at & (0xffu >> (*len + 1));
    for (size_t i = 1; i < *len; i++)
        code = code << 6 | (at[i] & 0x3fu);
    return code;
}

static void print_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t len = shown(at);
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at == '\n')
            fputs("\\n", out);
        else if (*at == '\t')
            fputs("\\t", out);
        else if (len == 0)
            fprintf(out, "\\u%04x", code_point(at, &len));
        else
            fwrite(at, 1, len, out);
        at += len ? len : 1;
    }
    fputc('"', out);
}

void cfg_quote_escape(FILE *out, const char *json)
{
    for (const unsigned char *at = (const unsigned char *)json; *at;) {
        size_t len = shown(at);
        if (len == 0)
            fprintf(out, "\\u%04x", code_point(at, &len));
        else
            fwrite(at, 1, len, out);
        at += len;
    }
}

void cfg_quote(FILE *out, const char *text, bool inside_list)
{
    if (is_plain(text, inside_list))
        fputs(text, out);
    else if (*text && !strchr(text, '\'') && all_shown(text, ""))
        fprintf(out, strpbrk(text, "\"\\") ? "'%s'" : "\"%s\"", text);
    else
        print_quoted(out, text);
}

bool cfg_quote_is_block(const char *text)
{
    size_t len = strlen(text);
    bool lines = strchr(text, '\n') != NULL;
    return lines && !strchr(" \t\n", text[0]) && !(len > 1 && text[len - 2] == '\n') &&
           all_shown(text, "\n\t");
}

void cfg_quote_block(FILE *out, const char *text, int indent)
{
    size_t len = strlen(text);
    fputs(text[len - 1] == '\n' ? "|\n" : "|-\n", out);
    while (*text) {
        size_t line = strcspn(text, "\n");
        if (line > 0)
            fprintf(out, "%*s%.*s", indent, "", (int)line, text);
        fputc('\n', out);
        text += line + (text[line] == '\n');
    }
}
