/* SPDX-License-Identifier: Apache-2.0
 *
 * Every field of drover.yaml is explained: a label, an example that Drover takes, and a page.
 */
#include "config_help.h"

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/config.h"
#include "fields.h"

static void a_field_has_one_row(const struct place *place)
{
    size_t rows = 0;
    for (size_t i = 0; i < cfg_help_count; i++)
        rows += cfg_helps[i].offset == place->field->offset &&
                strcmp(cfg_helps[i].section, place->section->name) == 0;
    if (rows != 1)
        fail_msg("%s has %zu rows in config_help.def", place->path, rows);
    const struct cfg_help *help = cfg_help(place->section, place->field);
    if (!*help->label || !*help->example || strlen(help->label) > 40)
        fail_msg("%s: label or example is empty, or the label too long", place->path);
}

static void every_field_has_one_row_and_every_row_a_field(void **state)
{
    (void)state;
    fields_each(a_field_has_one_row);
    size_t fields = 0;
    for (size_t i = 0; i < cfg_section_count; i++)
        fields += cfg_sections[i]->field_count;
    assert_int_equal(cfg_help_count, fields); /* offsetof() refuses a row without a field */
}

/* "## 4. drover.yaml" is #4-droveryaml, as GitHub has it. */
static bool is_heading(const char *line, const char *anchor)
{
    for (line += strspn(line, "#"), line += *line == ' '; *line && *line != '\n'; line++) {
        char c = (char)tolower((unsigned char)*line);
        if (c == ' ')
            c = '-';
        else if (!isalnum((unsigned char)c) && c != '-' && c != '_')
            continue;
        if (c != *anchor++)
            return false;
    }
    return *anchor == '\0';
}

static bool page_has(const char *link)
{
    char path[512], line[1024];
    size_t len = strcspn(link, "#");
    bool found = link[len] == '\0';
    snprintf(path, sizeof path, "%s/%.*s", DROVER_SOURCE_DIR, (int)len, link);
    FILE *page = fopen(path, "r");
    if (!page)
        return false;
    while (!found && fgets(line, sizeof line, page))
        found = line[0] == '#' && is_heading(line, link + len + 1);
    fclose(page);
    return found;
}

static void check_link(const char *what, const char *link)
{
    bool ours = strncmp(link, "docs/", 5) == 0;
    if (strchr(link, ' ') || (!ours && strncmp(link, "https://", 8) != 0))
        fail_msg("%s: `%s` is no page", what, link);
    if (ours && !page_has(link))
        fail_msg("%s: there is no %s", what, link);
}

static void every_tooltip_has_a_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < cfg_help_count; i++)
        check_link(cfg_helps[i].label, cfg_helps[i].link);
    for (size_t i = 0; i < cfg_secret_count; i++) {
        check_link(cfg_secrets[i].label, cfg_secrets[i].link);
        assert_true(*cfg_secrets[i].label && *cfg_secrets[i].meaning);
    }
}

static void an_example_is_taken(const struct place *place)
{
    struct dr_config_errors errors;
    char *example = fields_example(place), *text = fields_document(place, example);
    struct dr_config *config = dr_config_parse(text, strlen(text), "example", &errors);
    for (size_t i = 0; i < errors.count; i++)
        if (!errors.items[i].warning &&
            strncmp(errors.items[i].path, place->path, strlen(place->path)) == 0)
            fail_msg("the example of %s: %s\n%s", place->path, errors.items[i].text, text);
    dr_config_errors_free(&errors);
    dr_config_free(config);
    free(example);
    free(text);
}

static void every_example_is_taken(void **state)
{
    (void)state;
    fields_each(an_example_is_taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_one_row_and_every_row_a_field),
        cmocka_unit_test(every_tooltip_has_a_page),
        cmocka_unit_test(every_example_is_taken),
    };
    return cmocka_run_group_tests_name("wizard_help", tests, NULL, NULL);
}
