/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* What must be there, and what examples of other fields lean on. */
static const struct {
    const char *section, *key, *value;
} needed[] = {
    {"cfg_root", "deployment", "mine"},
    {"cfg_clearml", "api_server", "\"https://api.clear.ml\""},
    {"cfg_account", "name", "aws"},
    {"cfg_account", "driver", "aws"},
    {"cfg_account", "region", "eu-west-1"},
    {"cfg_type", "name", "gpu"},
    {"cfg_type", "account", "aws"},
    {"cfg_type", "cpu_only", "false"},
    {"cfg_type", "docker_image", "python:3"},
    {"cfg_queue", "name", "default"},
    {"cfg_queue", "types", "[gpu]"},
};

static const char *needed_value(const struct cfg_section *section, const struct cfg_field *field)
{
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (strcmp(needed[i].section, section->name) == 0 && strcmp(needed[i].key, field->key) == 0)
            return needed[i].value;
    return NULL;
}

static void place_below(const char *path, const struct cfg_section *section,
                        const struct cfg_field *field, struct place *out)
{
    *out = (struct place){.section = section, .field = field};
    snprintf(out->path, sizeof out->path, "%s%s%s", path, *path ? "." : "", field->key);
}

static void each(const struct cfg_section *section, const char *path,
                 void (*visit)(const struct place *place))
{
    for (size_t i = 0; i < section->field_count; i++) {
        struct place place;
        place_below(path, section, &section->fields[i], &place);
        visit(&place);
        if (place.field->kind == CFG_RECS)
            strcat(place.path, "[0]");
        if (place.field->of)
            each(place.field->of, place.path, visit);
    }
}

void fields_each(void (*visit)(const struct place *place))
{
    each(cfg_root_section(), "", visit);
}

static void print_section(FILE *out, const struct cfg_section *section, const char *path,
                          const struct place *at, const char *value)
{
    fputc('{', out);
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        struct place here;
        place_below(path, section, field, &here);
        const char *given = needed_value(section, field);
        if (strcmp(here.path, at->path) == 0) {
            if (value)
                fprintf(out, "\"%s\": %s, ", field->key, value);
        } else if (field->kind == CFG_REC) {
            fprintf(out, "\"%s\": ", field->key);
            print_section(out, field->of, here.path, at, value);
            fputs(", ", out);
        } else if (field->kind == CFG_RECS) {
            strcat(here.path, "[0]");
            fprintf(out, "\"%s\": [", field->key);
            print_section(out, field->of, here.path, at, value);
            fputs("], ", out);
        } else if (given) {
            fprintf(out, "\"%s\": %s, ", field->key, given);
        }
    }
    fputc('}', out);
}

char *fields_document(const struct place *place, const char *value)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    DR_ASSERT(out);
    print_section(out, cfg_root_section(), "", place, value);
    fclose(out);
    return text;
}

char *fields_quoted(const char *text)
{
    char *quoted, *to;
    DR_ASSERT((to = quoted = malloc(2 * strlen(text) + 3)));
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return quoted;
}

char *fields_example(const struct place *place)
{
    const char *example = cfg_help(place->section, place->field)->example;
    char *text;
    if (place->field->of)
        DR_ASSERT((text = strdup(example)));
    else if (place->field->kind == CFG_STRS)
        DR_ASSERT(asprintf(&text, "[%s]", example) > 0);
    else
        text = fields_quoted(example);
    return text;
}
