/* SPDX-License-Identifier: Apache-2.0 */
#include "docgen.h"

#include "drover/message.h"

static void print_roles(FILE *out, uint32_t bits)
{
    const char *comma = "";
    for (int role = 0; role < DR_ROLE_COUNT; role++) {
        if ((bits & (1u << role)) == 0)
            continue;
        fprintf(out, "%s%s", comma, dr_role_name((enum dr_role)role));
        comma = ", ";
    }
}

static const char *kind_name(const struct dr_field *field)
{
    static const char *const names[] = {
        [DR_STR] = "text",   [DR_I64] = "number", [DR_BOOL] = "true/false", [DR_BIN] = "bytes",
        [DR_STRS] = "texts", [DR_REC] = "",       [DR_RECS] = "list of ",
    };
    return names[field->kind];
}

static void print_fields(FILE *out, const struct dr_desc *desc)
{
    fputs("\n| field | form | meaning |\n|---|---|---|\n", out);
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_field *field = &desc->fields[i];
        fprintf(out, "| `%s` | %s", field->name, kind_name(field));
        if (field->of != NULL)
            fprintf(out, "[%s](#%s)", field->of->name, field->of->name);
        fprintf(out, " | %s |\n", field->meaning);
    }
    fputc('\n', out);
}

/* Records come in the order in which messages first use them; each once. */
static bool is_new(const struct dr_desc **seen, size_t *count, const struct dr_desc *desc)
{
    for (size_t i = 0; i < *count; i++)
        if (seen[i] == desc)
            return false;
    seen[(*count)++] = desc;
    return true;
}

static void print_records(FILE *out, const struct dr_desc *desc, const struct dr_desc **seen,
                          size_t *count)
{
    for (size_t i = 0; i < desc->field_count; i++) {
        const struct dr_desc *of = desc->fields[i].of;
        if (of == NULL || !is_new(seen, count, of))
            continue;
        print_records(out, of, seen, count);
        bool is_message = false;
        size_t rows;
        for (const struct dr_message_row *row = dr_rows(&rows), *end = row + rows; row < end; row++)
            is_message |= row->desc == of;
        if (is_message)
            continue;
        fprintf(out, "### %s\n%s.\n", of->name, of->meaning);
        print_fields(out, of);
    }
}

static void print_shape(FILE *out, enum dr_shape shape, const char *title)
{
    size_t count;
    const struct dr_message_row *rows = dr_rows(&count);
    fprintf(out, "## %s\n\n", title);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].shape != shape)
            continue;
        fprintf(out, "### %s\n<a id=\"%s\"></a>%s. Number %d; from ", rows[i].name,
                rows[i].desc->name, rows[i].meaning, (int)rows[i].type);
        print_roles(out, rows[i].from);
        if (shape == DR_REQUEST) {
            fputs(" to ", out);
            print_roles(out, rows[i].to);
            fprintf(out, "; answered by `%s`", dr_row_by_type(rows[i].reply)->name);
        }
        fputs(".\n", out);
        print_fields(out, rows[i].desc);
    }
}

void docgen_messages(FILE *out)
{
    fputs(
        "# What Drover's processes say to each other\n\n"
        "Made from `proto/messages.def` by `cmake --build build/dev --target docs`; do not edit.\n"
        "How to listen is in [bus.md](bus.md). Every message is one msgpack map:\n"
        "`{v, type, source, boot, seq, time_us, corr, request, left_ms, body: {...}}`. Times end\n"
        "in `_us` (microseconds since 1970) or `_ms`. An empty text or a 0 means \"none\".\n\n",
        out);
    print_shape(out, DR_EVENT, "Events");
    print_shape(out, DR_REQUEST, "Requests");
    print_shape(out, DR_REPLY, "Replies");
    fputs("## Parts\n\n", out);
    const struct dr_desc *seen[128];
    size_t seen_count = 0, rows;
    for (const struct dr_message_row *row = dr_rows(&rows), *end = row + rows; row < end; row++)
        print_records(out, row->desc, seen, &seen_count);
}
