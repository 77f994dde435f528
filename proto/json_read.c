/* SPDX-License-Identifier: Apache-2.0 */
#include "json_read.h"

#include <stdio.h>
#include <string.h>

#include "arena.h"

struct reader {
    struct dr_arena *arena;
    char *err;
    size_t err_len;
    int depth;
    char path[160]; /* "queues[3].id" */
};

static bool fail(struct reader *reader, const char *what)
{
    snprintf(reader->err, reader->err_len, "%s: %s", reader->path[0] ? reader->path : "the body",
             what);
    return false;
}

static size_t push_name(struct reader *reader, const char *name)
{
    size_t mark = strlen(reader->path);
    snprintf(reader->path + mark, sizeof reader->path - mark, "%s%.60s", mark > 0 ? "." : "", name);
    return mark;
}

static size_t push_index(struct reader *reader, size_t index)
{
    size_t mark = strlen(reader->path);
    snprintf(reader->path + mark, sizeof reader->path - mark, "[%zu]", index);
    return mark;
}

static bool read_text(struct reader *reader, const json_t *value, const char **text)
{
    if (!json_is_string(value))
        return fail(reader, "must be a text");
    size_t len = json_string_length(value);
    if (strlen(json_string_value(value)) != len)
        return fail(reader, "has a NUL byte");
    *text = dr_arena_text(reader->arena, json_string_value(value), len);
    return *text != NULL || fail(reader, "out of memory");
}

static bool read_texts(struct reader *reader, const json_t *value, struct dr_strs *texts)
{
    if (!json_is_array(value))
        return fail(reader, "must be a list of texts");
    size_t count = json_array_size(value);
    const char **items = dr_arena_alloc(reader->arena, count * sizeof *items + 1);
    if (items == NULL)
        return fail(reader, "out of memory");
    *texts = (struct dr_strs){.items = items, .count = count};
    for (size_t i = 0; i < count; i++) {
        size_t mark = push_index(reader, i);
        if (!read_text(reader, json_array_get(value, i), &items[i]))
            return false;
        reader->path[mark] = '\0';
    }
    return true;
}

static bool read_record(struct reader *reader, const struct dr_desc *desc, const json_t *object,
                        void *record);

static bool read_records(struct reader *reader, const struct dr_desc *desc, const json_t *value,
                         struct dr_recs *list)
{
    if (!json_is_array(value))
        return fail(reader, "must be a list");
    size_t count = json_array_size(value);
    char *items = dr_arena_alloc(reader->arena, count * desc->size + 1);
    if (items == NULL)
        return fail(reader, "out of memory");
    *list = (struct dr_recs){.items = items, .count = count};
    for (size_t i = 0; i < count; i++) {
        size_t mark = push_index(reader, i);
        if (!read_record(reader, desc, json_array_get(value, i), items + i * desc->size))
            return false;
        reader->path[mark] = '\0';
    }
    return true;
}

static bool read_bytes(struct reader *reader, const json_t *value, struct dr_bin *bin)
{
    if (json_object_size(value) != 1 || !json_is_integer(json_object_get(value, "bytes")))
        return fail(reader, "bytes do not travel as JSON");
    bin->bytes = (const uint8_t *)"";
    bin->len = 0;
    return true;
}

/* value NULL: the field is not there. */
static bool read_field(struct reader *reader, const struct dr_field *field, const json_t *value,
                       void *at)
{
    switch (field->kind) {
    case DR_STR:
        if (value == NULL)
            *(const char **)at = "";
        return value == NULL || read_text(reader, value, at);
    case DR_I64:
        if (value != NULL && !json_is_integer(value))
            return fail(reader, "must be a whole number of 64 bits");
        *(int64_t *)at = json_integer_value(value);
        return true;
    case DR_BOOL:
        if (value != NULL && !json_is_boolean(value))
            return fail(reader, "must be true or false");
        *(bool *)at = json_is_true(value);
        return true;
    case DR_BIN:
        *(struct dr_bin *)at = (struct dr_bin){.bytes = (const uint8_t *)""};
        return value == NULL || read_bytes(reader, value, at);
    case DR_STRS:
        return value == NULL || read_texts(reader, value, at);
    case DR_REC:
        return read_record(reader, field->of, value, at);
    case DR_RECS:
        return value == NULL || read_records(reader, field->of, value, at);
    }
    return fail(reader, "of a kind that does not exist");
}

static bool known(const struct dr_desc *desc, const char *name)
{
    for (size_t i = 0; i < desc->field_count; i++)
        if (strcmp(desc->fields[i].name, name) == 0)
            return true;
    return false;
}

/* object NULL: an empty record. */
static bool read_record(struct reader *reader, const struct dr_desc *desc, const json_t *object,
                        void *record)
{
    const char *key;
    json_t *ignored;
    if (object != NULL && !json_is_object(object))
        return fail(reader, "must be an object");
    if (++reader->depth > DR_DEPTH_MAX)
        return fail(reader, "nests too deep");
    json_object_foreach ((json_t *)(uintptr_t)object, key, ignored) {
        if (!known(desc, key)) {
            push_name(reader, key);
            return fail(reader, "there is no such field");
        }
    }
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        size_t mark = push_name(reader, field->name);
        if (!read_field(reader, field, json_object_get(object, field->name),
                        (char *)record + field->offset))
            return false;
        reader->path[mark] = '\0';
    }
    reader->depth--;
    return true;
}

int dr_json_read(const struct dr_desc *desc, const json_t *object, struct dr_record *out, char *err,
                 size_t err_len)
{
    struct reader reader = {.err = err, .err_len = err_len};
    *out = (struct dr_record){.arena = dr_arena_new()};
    reader.arena = out->arena;
    if (out->arena != NULL)
        out->value = dr_arena_alloc(out->arena, desc->size);
    bool fine = false;
    if (out->value == NULL)
        fail(&reader, "out of memory");
    else if (object == NULL)
        fail(&reader, "is missing");
    else
        fine = read_record(&reader, desc, object, out->value);
    if (!fine)
        dr_record_free(out);
    return fine ? 0 : -1;
}
