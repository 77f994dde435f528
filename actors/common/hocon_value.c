/* SPDX-License-Identifier: Apache-2.0 */
#include "hocon_value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "drover/assert.h"

static size_t digits(const char *text, size_t len, size_t from)
{
    size_t at = from;
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at - from;
}

size_t hocon_number_len(const char *text, size_t len)
{
    size_t at = len > 0 && (text[0] == '+' || text[0] == '-');
    size_t whole = digits(text, len, at), fraction = 0;
    at += whole;
    if (at < len && text[at] == '.' && (fraction = digits(text, len, at + 1)) > 0)
        at += 1 + fraction;
    if (whole + fraction == 0)
        return 0;
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        size_t sign = at + 1 < len && (text[at + 1] == '+' || text[at + 1] == '-');
        size_t exponent = digits(text, len, at + 1 + sign);
        if (exponent > 0)
            at += 1 + sign + exponent;
    }
    return at;
}

/* What an unquoted text means on its own. */
static json_t *scalar(const char *text, size_t len)
{
    if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
        return json_boolean(text[0] == 't' || text[0] == 'T');
    if (strcasecmp(text, "null") == 0)
        return json_null();
    if (hocon_number_len(text, len) != len)
        return json_stringn(text, len);
    errno = 0;
    if (!strpbrk(text, ".eE")) {
        long long whole = strtoll(text, NULL, 10);
        if (errno == 0)
            return json_integer(whole);
    }
    double real = strtod(text, NULL);
    return isfinite(real) ? json_real(real) : json_stringn(text, len);
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

/* A scalar that stood alone meets a second piece: from now on it is text. */
static void melt(struct hocon_row *row)
{
    json_t *value = row->json;
    if (json_is_string(value)) {
        dr_strbuf_add_text(&row->text, json_string_value(value));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        DR_ASSERT(text != NULL);
        dr_strbuf_add_text(&row->text, text);
        free(text);
    }
    json_decref(value);
    row->json = NULL;
    row->texts = 1;
    row->bare = false;
}

bool hocon_row_add_text(struct hocon_row *row, const char *blanks, size_t blanks_len,
                        const char *text, size_t len, bool quoted)
{
    if (is_container(row->json))
        return false;
    if (row->json)
        melt(row);
    if (row->texts > 0)
        dr_strbuf_add(&row->text, blanks, blanks_len);
    dr_strbuf_add(&row->text, text, len);
    row->bare = row->texts++ == 0 && !quoted;
    return true;
}

static bool add_container(struct hocon_row *row, json_t *value)
{
    bool good = row->texts == 0;
    if (good && !row->json) {
        row->json = json_incref(value);
    } else if (good && json_is_array(row->json) && json_is_array(value)) {
        json_array_extend(row->json, value);
    } else if (good && json_is_object(row->json) && json_is_object(value)) {
        const char *name;
        json_t *item;
        json_object_foreach (value, name, item) {
            hocon_merge(row->json, name, json_incref(item));
        }
    } else {
        good = false;
    }
    json_decref(value);
    return good;
}

bool hocon_row_add_json(struct hocon_row *row, const char *blanks, size_t blanks_len, json_t *value)
{
    DR_ASSERT(value != NULL);
    if (is_container(value))
        return add_container(row, value);
    if (!row->json && row->texts == 0) {
        row->json = value;
        return true;
    }
    struct hocon_row one = {.json = value};
    melt(&one);
    bool good = hocon_row_add_text(row, blanks, blanks_len, one.text.data, one.text.len, true);
    hocon_row_free(&one);
    return good;
}

json_t *hocon_row_value(struct hocon_row *row)
{
    if (row->json)
        return json_incref(row->json);
    if (row->texts == 0)
        return NULL;
    json_t *value = row->bare ? scalar(row->text.data, row->text.len)
                              : json_stringn(row->text.data, row->text.len);
    DR_ASSERT(value != NULL);
    return value;
}

void hocon_row_free(struct hocon_row *row)
{
    json_decref(row->json);
    dr_strbuf_free(&row->text);
    *row = (struct hocon_row){0};
}

void hocon_merge(json_t *object, const char *name, json_t *value)
{
    json_t *old = json_object_get(object, name);
    if (!json_is_object(old) || !json_is_object(value)) {
        DR_ASSERT(json_object_set_new(object, name, value) == 0);
        return;
    }
    const char *inner;
    json_t *item;
    json_object_foreach (value, inner, item) {
        hocon_merge(old, inner, json_incref(item));
    }
    json_decref(value);
}

void hocon_measure(const json_t *tree, int *depth, size_t *size)
{
    const char *name;
    json_t *item;
    size_t index;
    int inner, deepest = 0;
    *size += 64 + (json_is_string(tree) ? json_string_length(tree) : 0);
    json_object_foreach ((json_t *)tree, name, item) {
        *size += strlen(name);
        hocon_measure(item, &inner, size);
        deepest = inner > deepest ? inner : deepest;
    }
    json_array_foreach (tree, index, item) {
        hocon_measure(item, &inner, size);
        deepest = inner > deepest ? inner : deepest;
    }
    *depth = is_container(tree) ? deepest + 1 : 0;
}
