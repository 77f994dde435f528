/* SPDX-License-Identifier: Apache-2.0
 *
 * msgpack to structs, by descriptor. The mirror image of encode.c; whatever it does not expect is
 * an error that names its place.
 */
#include "drover/message.h"

#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "wire.h"

struct decoder {
    struct dr_arena *arena;
    char *err;
    size_t err_len;
    char path[160]; /* "body.queues[3].id" */
};

static bool fail(struct decoder *decoder, const char *what)
{
    const char *path = decoder->path[0] != '\0' ? decoder->path : "message";
    snprintf(decoder->err, decoder->err_len, "%s: %s", path, what);
    return false;
}

/* Paths are a courtesy: one that does not fit is cut. */
static size_t path_push(struct decoder *decoder, const char *name, size_t index, bool indexed)
{
    size_t mark = strlen(decoder->path), room = sizeof decoder->path - mark;
    if (indexed)
        snprintf(decoder->path + mark, room, "[%zu]", index);
    else
        snprintf(decoder->path + mark, room, "%s%s", mark > 0 ? "." : "", name);
    return mark;
}

static bool get_text(struct decoder *decoder, const msgpack_object *object, const char **text)
{
    if (object->type != MSGPACK_OBJECT_STR)
        return fail(decoder, "must be a text");
    if (object->via.str.size > 0 && memchr(object->via.str.ptr, '\0', object->via.str.size) != NULL)
        return fail(decoder, "has a NUL byte");
    *text = dr_arena_text(decoder->arena, object->via.str.ptr, object->via.str.size);
    return *text != NULL || fail(decoder, "out of memory");
}

static bool get_number(struct decoder *decoder, const msgpack_object *object, int64_t *number)
{
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        *number = object->via.i64;
    else if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX)
        *number = (int64_t)object->via.u64;
    else
        return fail(decoder, "must be a whole number of 64 bits");
    return true;
}

static bool get_bytes(struct decoder *decoder, const msgpack_object *object, struct dr_bin *bin)
{
    if (object->type != MSGPACK_OBJECT_BIN)
        return fail(decoder, "must be bytes");
    bin->len = object->via.bin.size;
    bin->bytes = (uint8_t *)dr_arena_text(decoder->arena, object->via.bin.ptr, bin->len);
    return bin->bytes != NULL || fail(decoder, "out of memory");
}

static bool get_texts(struct decoder *decoder, const msgpack_object *object, struct dr_strs *texts)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return fail(decoder, "must be a list of texts");
    texts->count = object->via.array.size;
    const char **items = dr_arena_alloc(decoder->arena, texts->count * sizeof *items + 1);
    if (items == NULL)
        return fail(decoder, "out of memory");
    texts->items = items;
    for (size_t i = 0; i < texts->count; i++) {
        size_t mark = path_push(decoder, NULL, i, true);
        if (!get_text(decoder, &object->via.array.ptr[i], &items[i]))
            return false;
        decoder->path[mark] = '\0';
    }
    return true;
}

static bool get_record(struct decoder *decoder, const struct dr_desc *desc,
                       const msgpack_object *object, void *record);

static bool get_records(struct decoder *decoder, const struct dr_desc *desc,
                        const msgpack_object *object, struct dr_recs *list)
{
    if (object->type != MSGPACK_OBJECT_ARRAY)
        return fail(decoder, "must be a list");
    list->count = object->via.array.size;
    char *items = dr_arena_alloc(decoder->arena, list->count * desc->size + 1);
    if (items == NULL)
        return fail(decoder, "out of memory");
    list->items = items;
    for (size_t i = 0; i < list->count; i++) {
        size_t mark = path_push(decoder, NULL, i, true);
        if (!get_record(decoder, desc, &object->via.array.ptr[i], items + i * desc->size))
            return false;
        decoder->path[mark] = '\0';
    }
    return true;
}

static bool get_field(struct decoder *decoder, const struct dr_field *field,
                      const msgpack_object *object, void *at)
{
    switch (field->kind) {
    case DR_STR:
        return get_text(decoder, object, at);
    case DR_I64:
        return get_number(decoder, object, at);
    case DR_BOOL:
        if (object->type != MSGPACK_OBJECT_BOOLEAN)
            return fail(decoder, "must be true or false");
        *(bool *)at = object->via.boolean;
        return true;
    case DR_BIN:
        return get_bytes(decoder, object, at);
    case DR_STRS:
        return get_texts(decoder, object, at);
    case DR_REC:
        return get_record(decoder, field->of, object, at);
    case DR_RECS:
        return get_records(decoder, field->of, object, at);
    }
    return fail(decoder, "of a kind that does not exist");
}

static const msgpack_object *find(const msgpack_object *map, const char *name)
{
    size_t len = strlen(name);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *key = &map->via.map.ptr[i].key;
        if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == len &&
            memcmp(key->via.str.ptr, name, len) == 0)
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

/* Every field of desc is found, once; with as many pairs as fields, none is unknown. */
static bool get_fields(struct decoder *decoder, const struct dr_desc *desc,
                       const msgpack_object *map, void *record)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        const msgpack_object *value = find(map, field->name);
        size_t mark = path_push(decoder, field->name, 0, false);
        if (value == NULL)
            return fail(decoder, "is missing");
        if (!get_field(decoder, field, value, (char *)record + field->offset))
            return false;
        decoder->path[mark] = '\0';
    }
    return true;
}

static bool get_record(struct decoder *decoder, const struct dr_desc *desc,
                       const msgpack_object *object, void *record)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return fail(decoder, "must be a map");
    if (!get_fields(decoder, desc, object, record))
        return false;
    return object->via.map.size == desc->field_count || fail(decoder, "has a field too many");
}

static bool get_message(struct decoder *decoder, const msgpack_object *root, struct dr_message *out)
{
    if (root->type != MSGPACK_OBJECT_MAP)
        return fail(decoder, "must be a map");
    if (!get_fields(decoder, &dr_wire_envelope, root, &out->env))
        return false;
    if (root->via.map.size != dr_wire_envelope.field_count + 1)
        return fail(decoder, "has a field too many or no body");
    if (out->env.version != DR_WIRE_VERSION)
        return fail(decoder, "is of another version of the protocol");
    out->row = dr_row_by_name(out->env.type, strlen(out->env.type));
    if (out->row == NULL)
        return fail(decoder, "is of an unknown type");
    const msgpack_object *body = find(root, DR_WIRE_BODY);
    if (body == NULL)
        return fail(decoder, "has no body");
    void *record = dr_arena_alloc(decoder->arena, out->row->desc->size);
    if (record == NULL)
        return fail(decoder, "out of memory");
    out->body = record;
    path_push(decoder, DR_WIRE_BODY, 0, false);
    return get_record(decoder, out->row->desc, body, record);
}

int dr_message_decode(const uint8_t *bytes, size_t len, struct dr_message *out, char *err,
                      size_t err_len)
{
    struct decoder decoder = {.err = err, .err_len = err_len};
    memset(out, 0, sizeof *out);
    if (dr_wire_check(bytes, len, DR_DEPTH_MAX, err, err_len) != 0)
        return -1;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    bool fine = false;
    if (msgpack_unpack_next(&unpacked, (const char *)bytes, len, NULL) != MSGPACK_UNPACK_SUCCESS)
        fail(&decoder, "could not be unpacked");
    else if ((out->arena = decoder.arena = dr_arena_new()) == NULL)
        fail(&decoder, "out of memory");
    else
        fine = get_message(&decoder, &unpacked.data, out);
    msgpack_unpacked_destroy(&unpacked);
    if (!fine)
        dr_message_free(out);
    return fine ? 0 : -1;
}

void dr_message_free(struct dr_message *message)
{
    dr_arena_free(&message->arena);
    memset(message, 0, sizeof *message);
}
