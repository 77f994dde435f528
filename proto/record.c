/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as values: deep copy and comparison, by descriptor.
 */
#include "drover/message.h"

#include <string.h>

#include "arena.h"

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

static bool copy_record(struct dr_arena *arena, const struct dr_desc *desc, const void *from,
                        void *to);

static bool copy_text(struct dr_arena *arena, const char *from, const char **to)
{
    *to = dr_arena_text(arena, text_of(from), strlen(text_of(from)));
    return *to != NULL;
}

static bool copy_texts(struct dr_arena *arena, const struct dr_strs *from, struct dr_strs *to)
{
    const char **items = dr_arena_alloc(arena, from->count * sizeof *items + 1);
    if (items == NULL)
        return false;
    for (size_t i = 0; i < from->count; i++)
        if (!copy_text(arena, from->items[i], &items[i]))
            return false;
    *to = (struct dr_strs){.items = items, .count = from->count};
    return true;
}

static bool copy_records(struct dr_arena *arena, const struct dr_desc *desc,
                         const struct dr_recs *from, struct dr_recs *to)
{
    char *items = dr_arena_alloc(arena, from->count * desc->size + 1);
    if (items == NULL)
        return false;
    for (size_t i = 0; i < from->count; i++)
        if (!copy_record(arena, desc, (const char *)from->items + i * desc->size,
                         items + i * desc->size))
            return false;
    *to = (struct dr_recs){.items = items, .count = from->count};
    return true;
}

static bool copy_field(struct dr_arena *arena, const struct dr_field *field, const void *from,
                       void *to)
{
    switch (field->kind) {
    case DR_STR:
        return copy_text(arena, *(const char *const *)from, to);
    case DR_I64:
        *(int64_t *)to = *(const int64_t *)from;
        return true;
    case DR_BOOL:
        *(bool *)to = *(const bool *)from;
        return true;
    case DR_BIN: {
        const struct dr_bin *bin = from;
        struct dr_bin *copy = to;
        copy->len = bin->len;
        copy->bytes = (uint8_t *)dr_arena_text(arena, (const char *)bin->bytes, bin->len);
        return copy->bytes != NULL;
    }
    case DR_STRS:
        return copy_texts(arena, from, to);
    case DR_REC:
        return copy_record(arena, field->of, from, to);
    case DR_RECS:
        return copy_records(arena, field->of, from, to);
    }
    return false;
}

static bool copy_record(struct dr_arena *arena, const struct dr_desc *desc, const void *from,
                        void *to)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        size_t offset = desc->fields[i].offset;
        if (!copy_field(arena, &desc->fields[i], (const char *)from + offset, (char *)to + offset))
            return false;
    }
    return true;
}

int dr_record_copy(const struct dr_desc *desc, const void *record, struct dr_record *out)
{
    out->value = NULL;
    out->arena = dr_arena_new();
    if (out->arena != NULL)
        out->value = dr_arena_alloc(out->arena, desc->size);
    if (out->value != NULL && copy_record(out->arena, desc, record, out->value))
        return 0;
    dr_record_free(out);
    return -1;
}

void dr_record_free(struct dr_record *record)
{
    dr_arena_free(&record->arena);
    record->value = NULL;
}

static bool equal_texts(const struct dr_strs *a, const struct dr_strs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(text_of(a->items[i]), text_of(b->items[i])) != 0)
            return false;
    return true;
}

static bool equal_records(const struct dr_desc *desc, const struct dr_recs *a,
                          const struct dr_recs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!dr_record_equal(desc, (const char *)a->items + i * desc->size,
                             (const char *)b->items + i * desc->size))
            return false;
    return true;
}

static bool equal_field(const struct dr_field *field, const void *a, const void *b)
{
    switch (field->kind) {
    case DR_STR:
        return strcmp(text_of(*(const char *const *)a), text_of(*(const char *const *)b)) == 0;
    case DR_I64:
        return *(const int64_t *)a == *(const int64_t *)b;
    case DR_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case DR_BIN: {
        const struct dr_bin *x = a, *y = b;
        return x->len == y->len && (x->len == 0 || memcmp(x->bytes, y->bytes, x->len) == 0);
    }
    case DR_STRS:
        return equal_texts(a, b);
    case DR_REC:
        return dr_record_equal(field->of, a, b);
    case DR_RECS:
        return equal_records(field->of, a, b);
    }
    return false;
}

bool dr_record_equal(const struct dr_desc *desc, const void *a, const void *b)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        size_t offset = desc->fields[i].offset;
        if (!equal_field(&desc->fields[i], (const char *)a + offset, (const char *)b + offset))
            return false;
    }
    return true;
}
