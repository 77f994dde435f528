/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration and its schema as JSON: what forms are filled from and made of.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config_help.h"
#include "config_quote.h"
#include "config_value.h"
#include "config_walk.h"
#include "config_write.h"
#include "drover/assert.h"

static char *dump(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)), *escaped;
    size_t size;
    FILE *out = open_memstream(&escaped, &size);
    DR_ASSERT(text && out); /* texts were read as UTF-8 */
    cfg_quote_escape(out, text);
    DR_ASSERT(fclose(out) == 0);
    free(text);
    json_decref(value);
    return escaped;
}

/* ---- values ---------------------------------------------------------------------------------- */
static json_t *json_of_section(const struct cfg_section *section, const char *record);

static json_t *json_of_value(const struct cfg_field *field, const char *slot)
{
    char shown[32];
    json_t *list = json_array();
    switch (field->kind) {
    case CFG_INT:
        return json_decref(list), json_integer(*(const int64_t *)slot);
    case CFG_DUR:
        cfg_value_show_duration(*(const int64_t *)slot, shown, sizeof shown);
        return json_decref(list), json_string(shown);
    case CFG_USD:
        return json_decref(list), json_real((double)*(const int64_t *)slot / 1e6);
    case CFG_BOOL:
        return json_decref(list), json_boolean(*(const bool *)slot);
    case CFG_STRS:
        for (size_t i = 0; i < ((const struct dr_strs *)slot)->count; i++)
            json_array_append_new(list, json_string(((const struct dr_strs *)slot)->items[i]));
        return list;
    case CFG_REC:
        return json_decref(list), json_of_section(field->of, slot);
    case CFG_RECS:
        for (size_t i = 0; i < ((const struct dr_recs *)slot)->count; i++)
            json_array_append_new(
                list,
                json_of_section(field->of, (const char *)((const struct dr_recs *)slot)->items +
                                               i * field->of->size));
        return list;
    default:
        return json_decref(list), json_string(*(const char *const *)slot);
    }
}

static json_t *json_of_section(const struct cfg_section *section, const char *record)
{
    json_t *object = json_object();
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        if (!cfg_is_default(field, record + field->offset))
            json_object_set_new(object, field->key, json_of_value(field, record + field->offset));
    }
    return object;
}

char *dr_config_json(const struct dr_cfg_root *root)
{
    return dump(json_of_section(cfg_root_section(), (const char *)root));
}

/* ---- the schema ------------------------------------------------------------------------------ */
static const char *const kind_names[CFG_KINDS] = {
    [CFG_STR] = "text",   [CFG_REQ] = "text",     [CFG_NAME] = "name",     [CFG_ENUM] = "word",
    [CFG_INT] = "number", [CFG_DUR] = "duration", [CFG_USD] = "dollars",   [CFG_BOOL] = "switch",
    [CFG_STRS] = "texts", [CFG_REC] = "section",  [CFG_RECS] = "sections",
};

/* "cfg_type" is `type` outside of C. */
static const char *short_name(const struct cfg_section *section)
{
    return section->name + strlen("cfg_");
}

static json_t *words_of(const char *words)
{
    json_t *list = json_array();
    while (*words) {
        size_t len = strcspn(words, "|");
        json_array_append_new(list, json_stringn(words, len));
        words += len + (words[len] != '\0');
    }
    return list;
}

static json_t *flags_of(unsigned flags)
{
    json_t *list = json_array();
    for (unsigned i = 0; cfg_help_flag_name(i); i++)
        if (flags & 1u << i)
            json_array_append_new(list, json_string(cfg_help_flag_name(i)));
    return list;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

static json_t *schema_of_field(const struct cfg_section *section, const struct cfg_field *field)
{
    const struct cfg_help *help = cfg_help(section, field);
    json_t *object = json_object();
    DR_ASSERT(help && object);
    set_text(object, "key", field->key);
    set_text(object, "kind", kind_names[field->kind]);
    json_object_set_new(object, "required", json_boolean(cfg_is_required(field)));
    set_text(object, "default", cfg_is_required(field) ? NULL : field->def);
    set_text(object, "min", field->min);
    set_text(object, "max", field->max);
    if (field->words)
        json_object_set_new(object, "words", words_of(field->words));
    set_text(object, "of", field->of ? short_name(field->of) : NULL);
    set_text(object, "label", help->label);
    set_text(object, "meaning", field->meaning);
    set_text(object, "example", help->example);
    set_text(object, "link", help->link);
    set_text(object, "group", cfg_groups[help->group].name);
    json_object_set_new(object, "flags", flags_of(help->flags));
    return object;
}

static json_t *schema_of_section(const struct cfg_section *section)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < section->field_count; i++)
        json_array_append_new(fields, schema_of_field(section, &section->fields[i]));
    return json_pack("{s:s,s:s,s:o}", "name", short_name(section), "meaning", section->meaning,
                     "fields", fields);
}

static json_t *schema_of_groups(void)
{
    json_t *groups = json_array();
    for (size_t i = 0; i < CFG_GROUPS; i++)
        json_array_append_new(groups,
                              json_pack("{s:s,s:s,s:s}", "name", cfg_groups[i].name, "title",
                                        cfg_groups[i].title, "meaning", cfg_groups[i].meaning));
    return groups;
}

static json_t *schema_of_secrets(void)
{
    json_t *secrets = json_array();
    for (size_t i = 0; i < cfg_secret_count; i++) {
        const struct cfg_secret *secret = &cfg_secrets[i];
        json_array_append_new(
            secrets, json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s}", "file", secret->file, "key",
                               secret->key, "hidden", secret->hidden, "label", secret->label,
                               "meaning", secret->meaning, "example", secret->example, "link",
                               secret->link, "group", cfg_groups[secret->group].name));
    }
    return secrets;
}

char *dr_config_schema_json(void)
{
    json_t *sections = json_array();
    for (size_t i = 0; i < cfg_section_count; i++)
        json_array_append_new(sections, schema_of_section(cfg_sections[i]));
    json_t *schema =
        json_pack("{s:s,s:o,s:o,s:o}", "root", short_name(cfg_root_section()), "groups",
                  schema_of_groups(), "secrets", schema_of_secrets(), "sections", sections);
    DR_ASSERT(schema);
    return dump(schema);
}
