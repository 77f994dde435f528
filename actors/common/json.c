/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* Jansson recurses as deep as a text nests, so its depth is bounded before it is parsed. */
static bool depth_is_fine(const char *text, size_t len, int max_depth, struct dr_error *error)
{
    int depth = 0, line = 1;
    size_t line_start = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
        }
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '{' || c == '[') && ++depth > max_depth) {
            return dr_error_set_at(error, line, (int)(i - line_start) + 1,
                                   "JSON nests deeper than %d levels (line %d)", max_depth, line);
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

json_t *dr_json_parse_limited(const char *text, size_t len, size_t max_size, int max_depth,
                              struct dr_error *error)
{
    if (len > max_size) {
        dr_error_set(error, "JSON of %zu bytes is over the limit of %zu", len, max_size);
        return NULL;
    }
    if (!depth_is_fine(text, len, max_depth, error))
        return NULL;
    json_error_t where;
    json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, &where);
    if (!root)
        dr_error_set_at(error, where.line, where.column, "not JSON: %s (line %d, column %d)",
                        where.text, where.line, where.column);
    return root;
}

json_t *dr_json_parse(const char *text, size_t len, struct dr_error *error)
{
    return dr_json_parse_limited(text, len, DR_JSON_MAX_SIZE, DR_JSON_MAX_DEPTH, error);
}

static json_t *step_into(const json_t *at, const char *name, size_t len)
{
    if (json_is_object(at))
        return json_object_getn(at, name, len);
    if (!json_is_array(at) || len == 0 || len > 9)
        return NULL;
    size_t index = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(name[i] - '0');
    }
    return json_array_get(at, index);
}

json_t *dr_json_get(const json_t *root, const char *path)
{
    json_t *at = (json_t *)root;
    while (at && *path) {
        size_t len = strcspn(path, ".");
        at = step_into(at, path, len);
        path += len + (path[len] == '.');
    }
    return json_is_null(at) ? NULL : at;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* Keeps the first error: a caller checks once after several getters. */
static void wrong_type(struct dr_error *error, const char *path, const char *wanted,
                       const json_t *value)
{
    if (error && !error->text[0])
        dr_error_set(error, "%s: expected %s, found %s", *path ? path : "the document", wanted,
                     type_name(value));
}

const char *dr_json_str(const json_t *root, const char *path, const char *fallback,
                        struct dr_error *error)
{
    const json_t *value = dr_json_get(root, path);
    if (json_is_string(value))
        return json_string_value(value);
    if (value)
        wrong_type(error, path, "a string", value);
    return fallback;
}

int64_t dr_json_int(const json_t *root, const char *path, int64_t fallback, struct dr_error *error)
{
    const json_t *value = dr_json_get(root, path);
    if (json_is_integer(value))
        return json_integer_value(value);
    if (value)
        wrong_type(error, path, "a whole number", value);
    return fallback;
}

double dr_json_num(const json_t *root, const char *path, double fallback, struct dr_error *error)
{
    const json_t *value = dr_json_get(root, path);
    if (json_is_number(value))
        return json_number_value(value);
    if (value)
        wrong_type(error, path, "a number", value);
    return fallback;
}

bool dr_json_bool(const json_t *root, const char *path, bool fallback, struct dr_error *error)
{
    const json_t *value = dr_json_get(root, path);
    if (json_is_boolean(value))
        return json_is_true(value);
    if (value)
        wrong_type(error, path, "true or false", value);
    return fallback;
}

json_t *dr_json_array(const json_t *root, const char *path, struct dr_error *error)
{
    json_t *value = dr_json_get(root, path);
    if (json_is_array(value))
        return value;
    if (value)
        wrong_type(error, path, "an array", value);
    return NULL;
}

json_t *dr_json_object(const json_t *root, const char *path, struct dr_error *error)
{
    json_t *value = dr_json_get(root, path);
    if (json_is_object(value))
        return value;
    if (value)
        wrong_type(error, path, "an object", value);
    return NULL;
}

char *dr_json_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    DR_ASSERT(text != NULL);
    return text;
}

void dr_json_free_text(char *text)
{
    if (!text)
        return;
    explicit_bzero(text, strlen(text));
    free(text);
}
