/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as JSON, by descriptor: what `drover --json` and the tap print.
 */
#include "drover/message.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* Texts may hold bytes that are no UTF-8 (a process name, a log line); JSON may not. Those bytes
 * show as U+FFFD. */
static json_t *json_of_text(const char *text)
{
    if (text == NULL)
        text = "";
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    size_t len = strlen(text);
    char *clean = calloc(len * 3 + 1, 1), *to = clean;
    if (clean == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x80) {
            *to++ = text[i];
        } else {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
        }
    }
    value = json_string(clean);
    free(clean);
    return value;
}

static json_t *json_of_record(const struct dr_desc *desc, const void *record);

static json_t *json_of_texts(const struct dr_strs *texts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(list, json_of_text(texts->items[i]));
    return list;
}

static json_t *json_of_records(const struct dr_desc *desc, const struct dr_recs *records)
{
    json_t *list = json_array();
    for (size_t i = 0; i < records->count; i++)
        json_array_append_new(list,
                              json_of_record(desc, (const char *)records->items + i * desc->size));
    return list;
}

static json_t *json_of_field(const struct dr_field *field, const void *at)
{
    switch (field->kind) {
    case DR_STR:
        return json_of_text(*(const char *const *)at);
    case DR_I64:
        return json_integer(*(const int64_t *)at);
    case DR_BOOL:
        return json_boolean(*(const bool *)at);
    case DR_BIN:
        return json_pack("{s:I}", "bytes", (json_int_t)((const struct dr_bin *)at)->len);
    case DR_STRS:
        return json_of_texts(at);
    case DR_REC:
        return json_of_record(field->of, at);
    case DR_RECS:
        return json_of_records(field->of, at);
    }
    return NULL;
}

static json_t *json_of_record(const struct dr_desc *desc, const void *record)
{
    json_t *object = json_object();
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        json_object_set_new(object, field->name,
                            json_of_field(field, (const char *)record + field->offset));
    }
    return object;
}

static char *dump(json_t *object)
{
    char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return line;
}

char *dr_json(const struct dr_desc *desc, const void *record)
{
    return dump(json_of_record(desc, record));
}

char *dr_message_json(const struct dr_message *message)
{
    json_t *object = json_of_record(&dr_wire_envelope, &message->env);
    if (object != NULL)
        json_object_set_new(object, DR_WIRE_BODY,
                            json_of_record(message->row->desc, message->body));
    return dump(object);
}
