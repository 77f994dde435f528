/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/man/drover.yaml.5 out of config.def.
 */
#include <string.h>

#include "config_table.h"
#include "docgen.h"

static const char head[] =
    ".\\\" SPDX-License-Identifier: Apache-2.0\n"
    ".\\\" Made by drover-docgen from proto/config.def. Edit that, then run:\n"
    ".\\\" cmake --build --preset dev --target docs\n"
    ".TH DROVER.YAML 5 \"\" \"Drover\" \"Drover\"\n"
    ".SH NAME\n"
    "drover.yaml \\- what Drover is to do\n"
    ".SH DESCRIPTION\n"
    "The one file that a person writes for\n"
    ".BR droverd (8).\n"
    "It holds no secrets: settings that end in\n"
    ".I _file\n"
    "name files that do, readable by their owner alone. Durations are a whole number and a unit\n"
    "(250ms, 90s, 15m, 2h, 7d); money is in dollars; an unknown key is an error.\n"
    ".PP\n"
    ".B drover check\n"
    "names every fault with its line and field and starts nothing. droverd reads the file again "
    "on\n"
    "SIGHUP; one with faults is refused, and the old settings stay.\n";

static const char foot[] = ".SH EXAMPLE\n"
                           ".nf\n"
                           "deployment: mine\n"
                           "clearml:\n"
                           "  api_server: https://api.clear.ml\n"
                           "accounts:\n"
                           "  - {name: here, driver: local}\n"
                           "machine_types:\n"
                           "  - {name: small, account: here, max_machines: 2}\n"
                           "queues:\n"
                           "  - {name: default, types: [small]}\n"
                           ".fi\n"
                           ".SH SEE ALSO\n"
                           ".BR drover (1),\n"
                           ".BR droverd (8)\n";

/* Text as roff wants it: no line begins with a control character, no backslash stands alone. */
static void print_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '-')
            fputc('\\', out);
        fputs(*text == '\\' ? "\\e" : (char[]){*text, '\0'}, out);
    }
}

static void print_range(FILE *out, const struct cfg_field *field)
{
    if (field->kind == CFG_ENUM)
        for (const char *c = field->words; *c != '\0'; c++)
            fputs(*c == '|' ? " or " : (char[]){*c, '\0'}, out);
    else if (field->kind == CFG_BOOL)
        fputs("true or false", out);
    else if (field->kind == CFG_STRS)
        fputs("a list of texts", out);
    else if (field->min != NULL)
        fprintf(out, "%s to %s", field->min, field->max);
    if (field->kind == CFG_STRS)
        return;
    if (field->def == NULL || (field->kind == CFG_ENUM && *field->def == '\0'))
        fputs(" (required)", out);
    else if (*field->def != '\0')
        fprintf(out, " (default %s)", field->def);
}

static void print_section(FILE *out, const struct cfg_section *section, const char *name,
                          const char *lead)
{
    fprintf(out, ".SH %s\n%s", name, lead);
    print_text(out, section->meaning);
    fputs(".\n", out);
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        if (field->of != NULL)
            continue;
        fprintf(out, ".TP\n.BR %s \" ", field->key);
        print_range(out, field);
        fputs("\"\n", out);
        print_text(out, field->meaning);
        fputs(".\n", out);
    }
}

void docgen_man(FILE *out)
{
    const struct cfg_section *root = cfg_root_section();
    fputs(head, out);
    print_section(out, root, "TOP LEVEL", "");
    for (size_t i = 0; i < root->field_count; i++)
        if (root->fields[i].of != NULL)
            print_section(out, root->fields[i].of, root->fields[i].key,
                          root->fields[i].kind == CFG_RECS ? "A list; each entry: " : "");
    fputs(foot, out);
}
