/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/configuration.md out of config.def.
 */
#include <string.h>

#include "config_help.h"
#include "docgen.h"
#include "drover/assert.h"

static const char head[] =
    "<!-- Made by drover-docgen from proto/config.def. Edit that, then run:\n"
    "     cmake --build --preset dev --target docs -->\n"
    "# drover.yaml\n"
    "\n"
    "Everything that can be set, section by section. `droverd --config drover.yaml --check` reads "
    "the\n"
    "file, names every fault with its line and field, and starts nothing. A running droverd reads "
    "it\n"
    "again on SIGHUP; a file with faults is refused and the old settings stay.\n"
    "\n"
    "- The file holds no secrets. Settings that end in `_file` name files that do, readable by "
    "their\n"
    "  owner alone (mode 0600). Paths begin with `/`.\n"
    "- Durations are a whole number and a unit: `250ms`, `90s`, `15m`, `2h`, `7d`. Money is in "
    "dollars.\n"
    "- Names are 1 to 63 letters, digits, `.`, `_` or `-`.\n"
    "- YAML aliases, anchors and tags are not understood; an unknown key is an error.\n"
    "- `drover init` asks for all of this and writes the file; `drover export` prints one as it "
    "would be\n"
    "  written, and with `--schema` these tables as JSON.\n"
    "\n"
    "The smallest file that does something:\n"
    "\n"
    "```yaml\n"
    "deployment: mine\n"
    "clearml:\n"
    "  api_server: https://api.clear.ml\n"
    "accounts:\n"
    "  - {name: here, driver: local}\n"
    "machine_types:\n"
    "  - {name: small, account: here, max_machines: 2}\n"
    "queues:\n"
    "  - {name: default, types: [small]}\n"
    "```\n";

static const char *const kind_names[CFG_KINDS] = {
    [CFG_STR] = "text",
    [CFG_REQ] = "text",
    [CFG_NAME] = "name",
    [CFG_ENUM] = "word",
    [CFG_INT] = "number",
    [CFG_DUR] = "duration",
    [CFG_USD] = "dollars",
    [CFG_BOOL] = "switch",
    [CFG_STRS] = "texts",
    [CFG_REC] = "section",
    [CFG_RECS] = "list of sections",
};

/* The key under which the file has a section: "machine_types" for cfg_type. */
static const struct cfg_field *holder_of(const struct cfg_section *section)
{
    const struct cfg_section *root = cfg_root_section();
    for (size_t i = 0; i < root->field_count; i++)
        if (root->fields[i].of == section)
            return &root->fields[i];
    return NULL;
}

/* A bar would end a table's cell. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text; text++)
        fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_default(FILE *out, const struct cfg_field *field)
{
    if (field->kind == CFG_REC || field->kind == CFG_RECS || field->kind == CFG_STRS)
        fputs("–", out);
    else if (field->def == NULL || (field->kind == CFG_ENUM && *field->def == '\0'))
        fputs("**required**", out);
    else if (*field->def == '\0')
        fputs("empty", out);
    else
        fprintf(out, "`%s`", field->def);
}

static void print_allowed(FILE *out, const struct cfg_field *field)
{
    if (field->of) {
        fprintf(out, "[%s](#%s)", kind_names[field->kind], field->key);
    } else if (field->kind == CFG_ENUM) {
        for (const char *word = field->words; *word;) {
            size_t len = strcspn(word, "|");
            fprintf(out, "%s`%.*s`", word == field->words ? "" : ", ", (int)len, word);
            word += len + (word[len] != '\0');
        }
    } else if (field->kind == CFG_BOOL) {
        fputs("`true`, `false`", out);
    } else if (field->min) {
        fprintf(out, "%s, %s to %s", kind_names[field->kind], field->min, field->max);
    } else {
        fputs(kind_names[field->kind], out);
    }
}

/* As it stands in the file: the items of a list in brackets, all else as it is. */
static void print_example(FILE *out, const struct cfg_field *field, const struct cfg_help *help)
{
    fputc('`', out);
    fputs(field->kind == CFG_STRS ? "[" : "", out);
    print_cell(out, help->example);
    fputs(field->kind == CFG_STRS ? "]`" : "`", out);
}

/* Drover's own pages are named from the root of the tree; this one lies in docs/. */
static const char *link_from_here(const char *link)
{
    return strncmp(link, "docs/", 5) == 0 ? link + 5 : link;
}

static void print_row(FILE *out, const struct cfg_section *section, const struct cfg_field *field)
{
    const struct cfg_help *help = cfg_help(section, field);
    DR_ASSERT(help);
    fprintf(out, "| `%s` | ", field->key);
    print_allowed(out, field);
    fputs(" | ", out);
    print_default(out, field);
    fputs(" | ", out);
    print_example(out, field, help);
    fprintf(out, " | [%s](%s): ", help->label, link_from_here(help->link));
    print_cell(out, field->meaning);
    fputs(" |\n", out);
}

static void print_section(FILE *out, const struct cfg_section *section)
{
    const struct cfg_field *holder = holder_of(section);
    if (holder)
        fprintf(out, "\n## %s\n\n%s%s.\n", holder->key,
                holder->kind == CFG_RECS ? "A list; each entry: " : "", section->meaning);
    else
        fputs("\n## Top level\n", out);
    fputs("\n| key | value | default | example | meaning |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < section->field_count; i++)
        print_row(out, section, &section->fields[i]);
}

void docgen_config(FILE *out)
{
    fputs(head, out);
    print_section(out, cfg_root_section());
    for (size_t i = 0; i < cfg_section_count; i++)
        if (cfg_sections[i] != cfg_root_section())
            print_section(out, cfg_sections[i]);
}
