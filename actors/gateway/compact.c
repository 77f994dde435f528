/* SPDX-License-Identifier: Apache-2.0 */
#include "compact.h"

#include <string.h>

#include "utf8.h"

static void add_char(struct dr_strbuf *buf, const char *at, size_t len)
{
    if (len == 0)
        dr_strbuf_add_text(buf, "\xef\xbf\xbd");
    else if (*at == '"' || *at == '\\')
        dr_strbuf_add(buf, (const char[]){'\\', *at}, 2);
    else if (*at == '\n')
        dr_strbuf_add(buf, "\\n", 2);
    else if ((unsigned char)*at < 0x20)
        dr_strbuf_printf(buf, "\\u%04x", (unsigned)(unsigned char)*at);
    else
        dr_strbuf_add(buf, at, len);
}

static bool plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void compact_text(struct dr_strbuf *buf, const char *text)
{
    const char *at = text == NULL ? "" : text;
    size_t left = strlen(at);
    dr_strbuf_add(buf, "\"", 1);
    while (left > 0) {
        size_t run = 0;
        while (run < left && plain(at[run]))
            run++;
        dr_strbuf_add(buf, at, run);
        at += run;
        left -= run;
        if (left == 0)
            break;
        size_t len = dr_utf8_char(at, left);
        add_char(buf, at, len);
        at += len == 0 ? 1 : len;
        left -= len == 0 ? 1 : len;
    }
    dr_strbuf_add(buf, "\"", 1);
}

void compact_key(struct dr_strbuf *buf, const char *key)
{
    char last = buf->len == 0 ? '{' : buf->data[buf->len - 1];
    if (last != '{' && last != ',')
        dr_strbuf_add(buf, ",", 1);
    dr_strbuf_add(buf, "\"", 1);
    dr_strbuf_add_text(buf, key);
    dr_strbuf_add(buf, "\":", 2);
}

void compact_str(struct dr_strbuf *buf, const char *key, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    compact_key(buf, key);
    compact_text(buf, value);
}

void compact_number(struct dr_strbuf *buf, const char *key, int64_t value)
{
    compact_key(buf, key);
    dr_strbuf_printf(buf, "%lld", (long long)value);
}

void compact_int(struct dr_strbuf *buf, const char *key, int64_t value)
{
    if (value != 0)
        compact_number(buf, key, value);
}

void compact_strs(struct dr_strbuf *buf, const char *key, const struct dr_strs *values)
{
    compact_key(buf, key);
    dr_strbuf_add(buf, "[", 1);
    for (size_t i = 0; i < values->count; i++) {
        if (i > 0)
            dr_strbuf_add(buf, ",", 1);
        compact_text(buf, values->items[i]);
    }
    dr_strbuf_add(buf, "]", 1);
}

static bool empty(const struct dr_field *field, const void *at)
{
    switch (field->kind) {
    case DR_STR: {
        const char *text = *(const char *const *)at;
        return text == NULL || *text == '\0';
    }
    case DR_I64:
        return *(const int64_t *)at == 0;
    case DR_BOOL:
        return !*(const bool *)at;
    case DR_BIN:
        return ((const struct dr_bin *)at)->len == 0;
    case DR_STRS:
        return ((const struct dr_strs *)at)->count == 0;
    case DR_RECS:
        return ((const struct dr_recs *)at)->count == 0;
    case DR_REC:
        return false;
    }
    return false;
}

static void add_field(struct dr_strbuf *buf, const struct dr_field *field, const void *at,
                      bool whole)
{
    const struct dr_recs *list = at;
    switch (field->kind) {
    case DR_STR:
        compact_key(buf, field->name);
        compact_text(buf, *(const char *const *)at);
        break;
    case DR_I64:
        compact_number(buf, field->name, *(const int64_t *)at);
        break;
    case DR_BOOL:
        compact_key(buf, field->name);
        dr_strbuf_add_text(buf, *(const bool *)at ? "true" : "false");
        break;
    case DR_BIN: /* nobody's reading */
        break;
    case DR_STRS:
        compact_strs(buf, field->name, at);
        break;
    case DR_REC:
        compact_key(buf, field->name);
        compact_record(buf, field->of, at, whole);
        break;
    case DR_RECS:
        compact_key(buf, field->name);
        compact_records(buf, field->of, list->items, list->count, whole);
        break;
    }
}

void compact_fields(struct dr_strbuf *buf, const struct dr_desc *desc, const void *record,
                    bool whole)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        const void *at = (const char *)record + field->offset;
        if (whole || !empty(field, at))
            add_field(buf, field, at, whole);
    }
}

void compact_record(struct dr_strbuf *buf, const struct dr_desc *desc, const void *record,
                    bool whole)
{
    dr_strbuf_add(buf, "{", 1);
    compact_fields(buf, desc, record, whole);
    dr_strbuf_add(buf, "}", 1);
}

void compact_records(struct dr_strbuf *buf, const struct dr_desc *desc, const void *items,
                     size_t count, bool whole)
{
    dr_strbuf_add(buf, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            dr_strbuf_add(buf, ",", 1);
        compact_record(buf, desc, (const char *)items + i * desc->size, whole);
    }
    dr_strbuf_add(buf, "]", 1);
}
