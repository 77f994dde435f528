/* SPDX-License-Identifier: Apache-2.0
 *
 * Structs to msgpack, by descriptor. The mirror image of decode.c.
 */
#include "drover/message.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static void put_text(msgpack_packer *packer, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    msgpack_pack_str(packer, len);
    msgpack_pack_str_body(packer, text == NULL ? "" : text, len);
}

static void put_texts(msgpack_packer *packer, const struct dr_strs *texts)
{
    msgpack_pack_array(packer, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        put_text(packer, texts->items[i]);
}

static void put_record(msgpack_packer *packer, const struct dr_desc *desc, const void *record);

static void put_records(msgpack_packer *packer, const struct dr_desc *desc,
                        const struct dr_recs *list)
{
    msgpack_pack_array(packer, list->count);
    for (size_t i = 0; i < list->count; i++)
        put_record(packer, desc, (const char *)list->items + i * desc->size);
}

static void put_field(msgpack_packer *packer, const struct dr_field *field, const void *at)
{
    switch (field->kind) {
    case DR_STR:
        put_text(packer, *(const char *const *)at);
        break;
    case DR_I64:
        msgpack_pack_int64(packer, *(const int64_t *)at);
        break;
    case DR_BOOL:
        (*(const bool *)at ? msgpack_pack_true : msgpack_pack_false)(packer);
        break;
    case DR_BIN: {
        const struct dr_bin *bin = at;
        msgpack_pack_bin(packer, bin->len);
        msgpack_pack_bin_body(packer, bin->bytes, bin->len);
        break;
    }
    case DR_STRS:
        put_texts(packer, at);
        break;
    case DR_REC:
        put_record(packer, field->of, at);
        break;
    case DR_RECS:
        put_records(packer, field->of, at);
        break;
    }
}

static void put_record(msgpack_packer *packer, const struct dr_desc *desc, const void *record)
{
    msgpack_pack_map(packer, desc->field_count);
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        put_text(packer, field->name);
        put_field(packer, field, (const char *)record + field->offset);
    }
}

/* msgpack-c's sbuffer, with a write that remembers when memory was short. */
struct sink {
    msgpack_sbuffer buffer;
    bool failed;
};

static int sink_write(void *data, const char *bytes, size_t len)
{
    struct sink *sink = data;
    if (len > 0 && msgpack_sbuffer_write(&sink->buffer, bytes, len) != 0)
        sink->failed = true;
    return sink->failed ? -1 : 0;
}

int dr_message_encode(const struct dr_envelope *env, const struct dr_desc *desc, const void *body,
                      uint8_t **out, size_t *len)
{
    struct sink sink = {.failed = false};
    msgpack_packer packer;
    msgpack_sbuffer_init(&sink.buffer);
    msgpack_packer_init(&packer, &sink, sink_write);

    msgpack_pack_map(&packer, dr_wire_envelope.field_count + 1);
    for (size_t i = 0; i < dr_wire_envelope.field_count; i++) {
        const struct dr_field *field = &dr_wire_envelope.fields[i];
        put_text(&packer, field->name);
        put_field(&packer, field, (const char *)env + field->offset);
    }
    put_text(&packer, DR_WIRE_BODY);
    put_record(&packer, desc, body);
    if (sink.failed) {
        msgpack_sbuffer_destroy(&sink.buffer);
        return -1;
    }
    *len = sink.buffer.size;
    *out = (uint8_t *)msgpack_sbuffer_release(&sink.buffer);
    return 0;
}
