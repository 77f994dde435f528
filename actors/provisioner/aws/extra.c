/* SPDX-License-Identifier: Apache-2.0 */
#include "extra.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "drover/assert.h"
#include "request.h"

/* ---- the fields that there are -------------------------------------------------------------- */
enum holds {
    HOLDS_TEXT,
    HOLDS_INT,
    HOLDS_BOOL,
    HOLDS_TIME,
#define STRUCTURE(name) HOLDS_##name,
#define FIELD(structure, name, what)
#define LIST(structure, name, wire, what)
#include "extra_fields.def"
#undef STRUCTURE
#undef FIELD
#undef LIST
};

static const struct field {
    enum holds of; /* the structure that it is a field of */
    const char *name, *wire;
    enum holds what;
    bool list;
} FIELDS[] = {
#define STRUCTURE(name)
#define FIELD(structure, name, what) {HOLDS_##structure, #name, #name, HOLDS_##what, false},
#define LIST(structure, name, wire, what) {HOLDS_##structure, #name, wire, HOLDS_##what, true},
#include "extra_fields.def"
#undef STRUCTURE
#undef FIELD
#undef LIST
};

static const struct field *field_of(enum holds structure, const char *name)
{
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        if (FIELDS[i].of == structure && strcmp(FIELDS[i].name, name) == 0)
            return &FIELDS[i];
    }
    return NULL;
}

/* ---- flattening ----------------------------------------------------------------------------- */
struct flattening {
    struct dr_strbuf *body;
    struct dr_strbuf path, wire; /* where we are: in boto3's words for people, and on the wire */
    struct dr_error *error;
};

static void back_to(struct dr_strbuf *buf, size_t len)
{
    buf->len = len;
    if (buf->data)
        buf->data[len] = '\0';
}

static bool wrong(struct flattening *at, const char *what)
{
    return dr_error_set(at->error, "%.160s %s", at->path.len ? at->path.data : "it", what);
}

static bool put_text(struct flattening *at, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return wrong(at, "must be a text in quotes");
    if (strlen(text) != json_string_length(value))
        return wrong(at, "holds a zero byte");
    aws_field(at->body, at->wire.data, text);
    return true;
}

static bool put_time(struct flattening *at, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text || aws_time_us(text) < 0)
        return wrong(at, "must be a time, e.g. \"2026-07-01T12:00:00Z\"");
    char whole[24];
    snprintf(whole, sizeof whole, "%.19sZ", text); /* the wire knows no fractions */
    aws_field(at->body, at->wire.data, whole);
    return true;
}

static bool put(struct flattening *at, enum holds what, const json_t *value);

static bool put_structure(struct flattening *at, enum holds structure, const json_t *value)
{
    const char *name;
    json_t *inner;
    if (!json_is_object(value))
        return wrong(at, "must be an object: { ... }");
    if (json_object_size(value) == 0)
        return wrong(at, "is empty: leave it out");
    json_object_foreach ((json_t *)value, name, inner) {
        const struct field *field = field_of(structure, name);
        size_t path = at->path.len, wire = at->wire.len;
        dr_strbuf_printf(&at->path, "%s%s", path ? "." : "", name);
        if (!field)
            return wrong(at, "is no field of EC2's RunInstances");
        dr_strbuf_printf(&at->wire, "%s%s", wire ? "." : "", field->wire);
        bool is_list = json_is_array(inner);
        if (is_list != field->list)
            return wrong(at, is_list ? "must not be a list" : "must be a list: [ ... ]");
        if (is_list && json_array_size(inner) == 0)
            return wrong(at, "is empty: leave it out");
        for (size_t i = 0; is_list && i < json_array_size(inner); i++) {
            size_t of_path = at->path.len, of_wire = at->wire.len;
            dr_strbuf_printf(&at->path, "[%zu]", i);
            dr_strbuf_printf(&at->wire, ".%zu", i + 1);
            if (!put(at, field->what, json_array_get(inner, i)))
                return false;
            back_to(&at->path, of_path);
            back_to(&at->wire, of_wire);
        }
        if (!is_list && !put(at, field->what, inner))
            return false;
        back_to(&at->path, path);
        back_to(&at->wire, wire);
    }
    return true;
}

static bool put(struct flattening *at, enum holds what, const json_t *value)
{
    if (json_is_null(value))
        return wrong(at, "is null: leave it out");
    switch (what) {
    case HOLDS_TEXT:
        return put_text(at, value);
    case HOLDS_TIME:
        return put_time(at, value);
    case HOLDS_INT:
        if (!json_is_integer(value))
            return wrong(at, "must be a whole number, without quotes");
        aws_field_int(at->body, at->wire.data, json_integer_value(value));
        return true;
    case HOLDS_BOOL:
        if (!json_is_boolean(value))
            return wrong(at, "must be true or false, without quotes");
        aws_field_bool(at->body, at->wire.data, json_is_true(value));
        return true;
    default:
        return put_structure(at, what, value);
    }
}

bool aws_flatten(const json_t *request, struct dr_strbuf *body, struct dr_error *error)
{
    struct flattening at = {.body = body, .error = error};
    size_t before = body->len;
    bool done = put(&at, HOLDS_RunInstancesRequest, request);
    if (!done)
        back_to(body, before);
    dr_strbuf_free(&at.path);
    dr_strbuf_free(&at.wire);
    return done;
}
