/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "drover/assert.h"
#include "import.h"

#define SHOWN_MAX 60

const char *import_keep(struct import *im, const char *text)
{
    json_t *kept = json_string(text);
    DR_ASSERT(kept && json_array_append_new(im->kept, kept) == 0);
    return json_string_value(kept);
}

const char *import_printf(struct import *im, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    DR_ASSERT(vasprintf(&text, format, args) >= 0);
    va_end(args);
    const char *kept = import_keep(im, text);
    free(text);
    return kept;
}

/* ---- remarks --------------------------------------------------------------------------------- */
/* Also a field whose name says nothing may hold a key; only short, plain values are shown. */
static const char *shown(const char *field, const json_t *value, char *out, size_t size)
{
    static const char *const private[] = {"git_pass", "cloud_credentials", "_key_id", "access_key",
                                          "credential"};
    const char *name = strrchr(field, '.') ? strrchr(field, '.') + 1 : field;
    for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
        if (strstr(name, private[i]) && !strstr(name, "region"))
            return "";
    }
    if (!value || cfg_value_names_secret(name) || json_is_object(value) || json_is_array(value))
        return "";
    char *printed = json_is_string(value) ? strdup(json_string_value(value))
                                          : json_dumps(value, JSON_ENCODE_ANY);
    DR_ASSERT(printed);
    bool plain = strlen(printed) <= SHOWN_MAX && !strpbrk(printed, "\r\n\t\033") &&
                 import_secret_line(printed) == 0;
    snprintf(out, size, "%s", plain ? printed : "");
    free(printed);
    return out;
}

static void remark(struct import *im, const char *level, const char *field, const json_t *value,
                   const char *sentence)
{
    char text[SHOWN_MAX + 1];
    json_t *entry = json_pack("{s:s,s:s,s:s,s:s}", "level", level, "field", field, "value",
                              shown(field, value, text, sizeof text), "sentence", sentence);
    DR_ASSERT(entry && json_array_append_new(im->remarks, entry) == 0);
}

void import_note(struct import *im, const char *field, const json_t *value, const char *format, ...)
{
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    remark(im, "note", field, value, text);
}

void import_warn(struct import *im, const char *field, const json_t *value, const char *format, ...)
{
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    remark(im, "warning", field, value, text);
}

/* ---- secrets --------------------------------------------------------------------------------- */
/* NAME=value or NAME: value, with a name that a secret would have and a value that is written out.
 */
static bool assigns_secret(const char *line, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (line[i] != '=' && line[i] != ':')
            continue;
        size_t end = i, begin;
        while (end > 0 && strchr(" \t\"'", line[end - 1]))
            end--;
        for (begin = end; begin > 0 && (isalnum((unsigned char)line[begin - 1]) ||
                                        strchr("_-", line[begin - 1]));)
            begin--;
        size_t value = i + 1 + strspn(line + i + 1, " \t\"'");
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(end - begin), line + begin);
        bool named = cfg_value_names_secret(name) || strcmp(name, "key") == 0 ||
                     strstr(name, "pass") != NULL || strstr(name, "PASS") != NULL;
        if (named && value < len && !strchr("$\r#{[,", line[value]))
            return true;
    }
    return false;
}

/* https://user:password@host */
static bool url_secret(const char *line, size_t len)
{
    const char *at = memmem(line, len, "://", 3);
    if (!at)
        return false;
    size_t rest = len - (size_t)(at + 3 - line);
    size_t host = strcspn(at + 3, "/ \t\"'\r\n");
    const char *end = memchr(at + 3, '@', host < rest ? host : rest);
    return end && memchr(at + 3, ':', (size_t)(end - at - 3));
}

static bool looks_like_key(const char *line, size_t len)
{
    static const char *const marks[] = {"AKIA", "ghp_", "github_pat_", "glpat-", "PRIVATE KEY-----",
                                        "hf_"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (memmem(line, len, marks[i], strlen(marks[i])))
            return true;
    }
    return false;
}

int import_secret_line(const char *text)
{
    int number = 1;
    for (const char *line = text; *line; number++) {
        size_t len = strcspn(line, "\n");
        if (assigns_secret(line, len) || url_secret(line, len) || looks_like_key(line, len))
            return number;
        line += len + (line[len] == '\n');
    }
    return 0;
}

/* ---- fields ---------------------------------------------------------------------------------- */
json_t *import_take(struct import *im, json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);
    if (!value)
        return NULL;
    DR_ASSERT(json_array_append(im->kept, value) == 0);
    json_object_del(from, key);
    const char *text = json_string_value(value);
    bool none = json_is_null(value) || (text && (!*text || strcmp(text, "None") == 0));
    return none ? NULL : value;
}

static const char *field_of(struct import *im, const char *path, const char *key)
{
    return import_printf(im, "%s.%s", path, key);
}

const char *import_take_text(struct import *im, json_t *from, const char *path, const char *key)
{
    json_t *value = import_take(im, from, key);
    if (json_is_object(value) || json_is_array(value)) {
        import_warn(im, field_of(im, path, key), NULL,
                    "must be a text and is a list or a mapping: not carried over");
        return "";
    }
    if (!value || json_is_string(value))
        return value ? json_string_value(value) : "";
    char *printed = json_dumps(value, JSON_ENCODE_ANY);
    DR_ASSERT(printed);
    const char *text = import_keep(im, printed);
    free(printed);
    return text;
}

bool import_take_bool(struct import *im, json_t *from, const char *path, const char *key)
{
    json_t *value = import_take(im, from, key);
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    int64_t number;
    bool yes = strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0;
    bool no = strcasecmp(text, "false") == 0 || strcasecmp(text, "no") == 0;
    if (!value || json_is_boolean(value))
        return json_is_true(value);
    if (!yes && !no && import_number(value, &number))
        return number != 0;
    if (!yes && !no)
        import_warn(im, field_of(im, path, key), value,
                    "must be true or false and is neither: taken as false");
    return yes;
}

/* False for what is no number, or one beyond all reason. */
static bool real(const json_t *value, double *out)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    *out = text ? strtod(text, &end) : json_number_value(value);
    while (end && isspace((unsigned char)*end))
        end++;
    bool number = text ? end != text && *end == '\0' : json_is_number(value);
    return number && isfinite(*out) && fabs(*out) < 1e12;
}

bool import_number(const json_t *value, int64_t *out)
{
    double number;
    if (!real(value, &number) || number != floor(number))
        return false;
    *out = (int64_t)number;
    return true;
}

int64_t import_take_int(struct import *im, json_t *from, const char *path, const char *key,
                        int64_t min, int64_t max, int64_t fallback)
{
    json_t *value = import_take(im, from, key);
    int64_t number;
    if (!value)
        return fallback;
    if (import_number(value, &number) && number >= min && number <= max)
        return number;
    import_warn(im, field_of(im, path, key), value,
                "must be a whole number from %lld to %lld and is not: %lld is taken",
                (long long)min, (long long)max, (long long)fallback);
    return fallback;
}

const char *import_take_minutes(struct import *im, json_t *from, const char *path, const char *key,
                                int64_t min_ms, int64_t max_ms)
{
    json_t *value = import_take(im, from, key);
    double minutes;
    char least[32], most[32], text[32];
    if (!value)
        return NULL;
    int64_t ms = real(value, &minutes) ? llround(minutes * 60000) : -1;
    if (ms >= min_ms && ms <= max_ms)
        return import_keep(im, cfg_value_show_duration(ms, text, sizeof text));
    import_warn(im, field_of(im, path, key), value,
                "must be minutes, from %s to %s, and is not: Drover's own default is taken",
                cfg_value_show_duration(min_ms, least, sizeof least),
                cfg_value_show_duration(max_ms, most, sizeof most));
    return NULL;
}

static void add_trimmed(json_t *list, const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    for (; len > 0 && isspace((unsigned char)*text); len--)
        text++;
    if (len > 0)
        json_array_append_new(list, json_stringn(text, len));
}

json_t *import_take_list(struct import *im, json_t *from, const char *path, const char *key)
{
    json_t *value = import_take(im, from, key), *list = json_array(), *item;
    size_t i;
    DR_ASSERT(list && json_array_append_new(im->kept, list) == 0);
    for (const char *at = json_string_value(value); at && *at; at += *at == ',') {
        size_t len = strcspn(at, ",");
        add_trimmed(list, at, len);
        at += len;
    }
    json_array_foreach (value, i, item) {
        if (json_is_string(item))
            add_trimmed(list, json_string_value(item), json_string_length(item));
        else
            import_warn(im, field_of(im, path, key), item, "entry %zu is no text: not carried over",
                        i + 1);
    }
    if (value && !json_is_string(value) && !json_is_array(value))
        import_warn(im, field_of(im, path, key), value, "must be a list: not carried over");
    return list;
}
