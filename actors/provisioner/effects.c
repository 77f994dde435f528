/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

/* A block that holds texts, or an array of them. */
struct prov_text {
    struct prov_text *next;
    const char *items[];
};

static void *effects_alloc(struct prov_effects *out, size_t size)
{
    struct prov_text *text = malloc(sizeof *text + size);
    DR_ASSERT(text);
    text->next = out->texts;
    out->texts = text;
    return text->items;
}

const char *effects_text(struct prov_effects *out, const char *text)
{
    size_t size = strlen(text ? text : "") + 1;
    return memcpy(effects_alloc(out, size), text ? text : "", size);
}

const char *effects_format(struct prov_effects *out, const char *format, ...)
{
    char text[PROV_SENTENCE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return effects_text(out, text);
}

struct dr_strs effects_strs(struct prov_effects *out, char (*items)[PROV_ID], size_t count)
{
    const char **copies = effects_alloc(out, count * sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = effects_text(out, items[i]);
    return (struct dr_strs){.items = copies, .count = count};
}

struct prov_effect *effects_add(struct prov_effects *out, enum prov_effect_kind kind,
                                const char *id)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity ? out->capacity * 2 : 8;
        out->items = realloc(out->items, out->capacity * sizeof *out->items);
        DR_ASSERT(out->items);
    }
    struct prov_effect *effect = &out->items[out->count++];
    *effect = (struct prov_effect){.kind = kind,
                                   .id = effects_text(out, id),
                                   .instance = "",
                                   .word = "",
                                   .sentence = "",
                                   .type = "",
                                   .offering = "",
                                   .identity = ""};
    return effect;
}

void effects_tell(struct prov_effects *out, bool alarm, const char *machine, const char *sentence)
{
    struct prov_effect *effect = effects_add(out, PROV_DO_TELL, machine);
    effect->alarm = alarm;
    effect->sentence = effects_text(out, sentence);
}

void prov_effects_free(struct prov_effects *effects)
{
    while (effects->texts) {
        struct prov_text *next = effects->texts->next;
        free(effects->texts);
        effects->texts = next;
    }
    free(effects->items);
    *effects = (struct prov_effects){0};
}
