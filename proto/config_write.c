/* SPDX-License-Identifier: Apache-2.0
 *
 * struct dr_cfg_root → drover.yaml as a person would write it: sections in the table's order, only
 * what differs from the defaults, and above each kind of setting, the first time, what it means.
 */
#include "config_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_quote.h"
#include "config_value.h"
#include "config_walk.h"
#include "drover/assert.h"

#define COLUMNS 96
#define COMMENTED_MAX 512

struct writer {
    FILE *out;
    const struct cfg_field *commented[COMMENTED_MAX];
    size_t commented_count;
    const char *dash; /* stands before the next line in place of its last two blanks; or NULL */
};

/* ---- what is worth a line -------------------------------------------------------------------- */
static bool is_default_number(const struct cfg_field *field, int64_t value)
{
    int64_t def = 0;
    if (field->kind == CFG_INT)
        DR_ASSERT(cfg_value_int(field->def, &def));
    else if (field->kind == CFG_DUR)
        DR_ASSERT(cfg_value_duration(field->def, &def));
    else
        DR_ASSERT(cfg_value_usd(field->def, &def));
    return value == def;
}

bool cfg_is_default(const struct cfg_field *field, const void *slot)
{
    bool def = false;
    switch (field->kind) {
    case CFG_STR:
    case CFG_REQ:
    case CFG_NAME:
    case CFG_ENUM: /* a required one that is empty: the file is not finished */
        return strcmp(*(const char *const *)slot, field->def ? field->def : "") == 0;
    case CFG_INT:
    case CFG_DUR:
    case CFG_USD:
        return is_default_number(field, *(const int64_t *)slot);
    case CFG_BOOL:
        DR_ASSERT(cfg_value_bool(field->def, &def));
        return *(const bool *)slot == def;
    case CFG_STRS:
        return ((const struct dr_strs *)slot)->count == 0;
    case CFG_RECS:
        return ((const struct dr_recs *)slot)->count == 0;
    case CFG_REC:
        for (size_t i = 0; i < field->of->field_count; i++)
            if (!cfg_is_default(&field->of->fields[i],
                                (const char *)slot + field->of->fields[i].offset))
                return false;
        return true;
    case CFG_KINDS:
        break;
    }
    return false;
}

/* ---- lines ----------------------------------------------------------------------------------- */
static void begin_line(struct writer *writer, int indent)
{
    if (writer->dash)
        fprintf(writer->out, "%*s%s", indent - 2, "", writer->dash);
    else
        fprintf(writer->out, "%*s", indent, "");
    writer->dash = NULL;
}

static bool already_told(struct writer *writer, const struct cfg_field *field)
{
    for (size_t i = 0; i < writer->commented_count; i++)
        if (writer->commented[i] == field)
            return true;
    DR_ASSERT(writer->commented_count < COMMENTED_MAX);
    writer->commented[writer->commented_count++] = field;
    return false;
}

/* The meaning as comment lines, broken between words; above the dash of a list's entry. */
static void comment(struct writer *writer, const struct cfg_field *field, int indent)
{
    if (already_told(writer, field))
        return;
    int column = writer->dash ? indent - 2 : indent;
    size_t room = (size_t)(COLUMNS - column - 2);
    for (const char *at = field->meaning; *at;) {
        size_t len = strlen(at);
        if (len > room)
            for (len = room; len > 1 && at[len] != ' ';)
                len--;
        fprintf(writer->out, "%*s# %.*s\n", column, "", (int)len, at);
        at += len;
        at += strspn(at, " ");
    }
}

static void write_section(struct writer *writer, const struct cfg_section *section,
                          const char *record, int indent);

static void write_texts(struct writer *writer, const struct dr_strs *texts, int indent)
{
    size_t width = 0;
    bool short_ones = true;
    for (size_t i = 0; i < texts->count; i++) {
        width += strlen(texts->items[i]) + 4;
        short_ones = short_ones && strlen(texts->items[i]) < 60 && !strpbrk(texts->items[i], "\n ");
    }
    short_ones = short_ones && (int)width + indent < COLUMNS - 24;
    fputs(short_ones ? " [" : "\n", writer->out);
    for (size_t i = 0; i < texts->count; i++) {
        fprintf(writer->out, "%*s%s", short_ones ? 0 : indent + 2, "",
                short_ones ? (i ? ", " : "") : "- ");
        cfg_quote(writer->out, texts->items[i], short_ones);
        fputs(short_ones ? "" : "\n", writer->out);
    }
    fputs(short_ones ? "]\n" : "", writer->out);
}

static void write_text(struct writer *writer, const struct cfg_field *field, const char *text,
                       int indent)
{
    fputc(' ', writer->out);
    if (cfg_quote_is_block(text)) {
        cfg_quote_block(writer->out, text, indent + 2);
        return;
    }
    if (field->kind == CFG_ENUM)
        fputs(text, writer->out);
    else
        cfg_quote(writer->out, text, false);
    fputc('\n', writer->out);
}

static void write_records(struct writer *writer, const struct cfg_section *section,
                          const struct dr_recs *records, int indent)
{
    DR_ASSERT(section != NULL); /* every C_RECS names what it is a list of */
    fputc('\n', writer->out);
    for (size_t i = 0; i < records->count; i++) {
        writer->dash = "- ";
        write_section(writer, section, (const char *)records->items + i * section->size,
                      indent + 4);
        if (writer->dash) /* an entry of which nothing is known yet */
            fprintf(writer->out, "%*s- {}\n", indent + 2, "");
        writer->dash = NULL;
    }
}

static void write_value(struct writer *writer, const struct cfg_field *field, const char *slot,
                        int indent)
{
    char shown[32];
    switch (field->kind) {
    case CFG_INT:
        fprintf(writer->out, " %lld\n", (long long)*(const int64_t *)slot);
        break;
    case CFG_DUR:
        cfg_value_show_duration(*(const int64_t *)slot, shown, sizeof shown);
        fprintf(writer->out, " %s\n", shown);
        break;
    case CFG_USD:
        fprintf(writer->out, " %s\n",
                cfg_value_show_usd(*(const int64_t *)slot, shown, sizeof shown));
        break;
    case CFG_BOOL:
        fputs(*(const bool *)slot ? " true\n" : " false\n", writer->out);
        break;
    case CFG_STRS:
        write_texts(writer, (const struct dr_strs *)slot, indent);
        break;
    case CFG_REC:
        fputc('\n', writer->out);
        write_section(writer, field->of, slot, indent + 2);
        break;
    case CFG_RECS:
        write_records(writer, field->of, (const struct dr_recs *)slot, indent);
        break;
    default:
        write_text(writer, field, *(const char *const *)slot, indent);
    }
}

static void write_section(struct writer *writer, const struct cfg_section *section,
                          const char *record, int indent)
{
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        if (cfg_is_default(field, record + field->offset))
            continue;
        if (indent == 0 && field->of)
            fputc('\n', writer->out);
        comment(writer, field, indent);
        begin_line(writer, indent);
        fprintf(writer->out, "%s:", field->key);
        write_value(writer, field, record + field->offset, indent);
    }
}

char *dr_config_write(const struct dr_cfg_root *root)
{
    char *text;
    size_t size;
    struct writer *writer = calloc(1, sizeof *writer);
    DR_ASSERT(writer && (writer->out = open_memstream(&text, &size)));
    fputs("# What Drover is to do; what is not here has its default (docs/configuration.md).\n"
          "# This file holds no secrets: it names the files that do.\n\n",
          writer->out);
    write_section(writer, cfg_root_section(), (const char *)root, 0);
    DR_ASSERT(fclose(writer->out) == 0);
    free(writer);
    return text;
}
