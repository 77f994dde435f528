/* SPDX-License-Identifier: Apache-2.0
 *
 * drover.yaml written by Drover: whatever is read, written and read again is the same.
 */
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_table.h"
#include "drover/config.h"

/* ---- sameness, by the table ------------------------------------------------------------------ */
static bool same_section(const struct cfg_section *section, const char *a, const char *b);

static bool same_texts(const struct dr_strs *a, const struct dr_strs *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

static bool same_records(const struct cfg_section *of, const struct dr_recs *a,
                         const struct dr_recs *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = same_section(of, (const char *)a->items + i * of->size,
                            (const char *)b->items + i * of->size);
    return same;
}

static bool same_field(const struct cfg_field *field, const char *a, const char *b)
{
    switch (field->kind) {
    case CFG_INT:
    case CFG_DUR:
    case CFG_USD:
        return memcmp(a, b, sizeof(int64_t)) == 0;
    case CFG_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case CFG_STRS:
        return same_texts((const struct dr_strs *)a, (const struct dr_strs *)b);
    case CFG_REC:
        return same_section(field->of, a, b);
    case CFG_RECS:
        return same_records(field->of, (const struct dr_recs *)a, (const struct dr_recs *)b);
    default:
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    }
}

static bool same_section(const struct cfg_section *section, const char *a, const char *b)
{
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        if (!same_field(field, a + field->offset, b + field->offset)) {
            print_error("%s differs\n", field->key);
            return false;
        }
    }
    return true;
}

static struct dr_config *read_text(const char *text)
{
    struct dr_config_errors errors;
    struct dr_config *config = dr_config_parse_draft(text, strlen(text), "text", &errors);
    if (!config)
        fail_msg("%s\n%s", errors.count ? errors.items[0].text : "no tree", text);
    dr_config_errors_free(&errors);
    return config;
}

/* Writes it in both ways, reads those, and compares. */
static void assert_written_is_the_same(const char *text)
{
    struct dr_config *config = read_text(text);
    const struct dr_cfg_root *root = dr_config_root(config);
    char *written[] = {dr_config_write(root), dr_config_json(root)};
    for (size_t i = 0; i < 2; i++) {
        struct dr_config *again = read_text(written[i]);
        if (!same_section(cfg_root_section(), (const char *)root,
                          (const char *)dr_config_root(again)))
            fail_msg("read:\n%s\nwritten:\n%s", text, written[i]);
        if (i == 0) {
            char *twice = dr_config_write(dr_config_root(again));
            assert_string_equal(written[0], twice);
            free(twice);
        }
        dr_config_free(again);
        free(written[i]);
    }
    dr_config_free(config);
}

static void examples_are_written_as_they_were_read(void **state)
{
    (void)state;
    char path[600], *text;
    size_t seen = 0, len;
    DIR *dir = opendir(DROVER_SOURCE_DIR "/examples");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct dr_config_errors errors;
        snprintf(path, sizeof path, DROVER_SOURCE_DIR "/examples/%s", entry->d_name);
        if (!strstr(entry->d_name, ".yaml") || strcmp(entry->d_name, "secrets.yaml") == 0)
            continue;
        struct dr_config *config = dr_config_load(path, &errors);
        assert_non_null(config);
        assert_non_null(text = strdup(dr_config_text(config, &len)));
        assert_written_is_the_same(text);
        free(text);
        dr_config_free(config);
        dr_config_errors_free(&errors);
        seen++;
    }
    closedir(dir);
    assert_true(seen >= 4);
}

/* ---- random ones ----------------------------------------------------------------------------- */
static unsigned long long dice;

static unsigned roll(unsigned sides)
{
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(dice >> 33) % sides;
}

static void random_text(FILE *out)
{
    static const char *const bits[] = {
        "a",    "b c",     "é",    "\\n",     "\\n\\n",  "\\t",     " ",       "#",   " #",
        ":",    ": ",      "-",    "- ",      "'",       "\\\"",    "{",       "}",   "[",
        "]",    ",",       "&",    "*",       "!",       "|",       ">",       "%",   "@",
        "`",    "?",       "=",    "~",       "null",    "true",    "no",      "1",   "0.5",
        "1e3",  "\\u2028", "\\r",  "\\\\",    "\\u0085", "\\ufeff", "\\u0001", "---", "...",
        "日本", "0x1",     "$(x)", "\\u007f", "😀"};
    fputc('"', out);
    for (unsigned n = roll(6); n > 0; n--)
        fputs(bits[roll(sizeof bits / sizeof *bits)], out);
    fputc('"', out);
}

static void random_value(FILE *out, const struct cfg_field *field);

static void random_section(FILE *out, const struct cfg_section *section)
{
    fputc('{', out);
    for (size_t i = 0; i < section->field_count; i++) {
        const struct cfg_field *field = &section->fields[i];
        if (!cfg_is_required(field) && !field->of && roll(3) > 0)
            continue;
        fprintf(out, "\"%s\": ", field->key);
        random_value(out, field);
        fputs(", ", out);
    }
    fputc('}', out);
}

static void random_value(FILE *out, const struct cfg_field *field)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d"};
    const char *words = field->words;
    switch (field->kind) {
    case CFG_NAME:
        fprintf(out, "\"%s%u\"", roll(2) ? "n" : "", roll(1000));
        break;
    case CFG_ENUM:
        for (unsigned n = roll(3); n > 0 && strchr(words, '|'); n--)
            words = strchr(words, '|') + 1;
        fprintf(out, "\"%.*s\"", (int)strcspn(words, "|"), words);
        break;
    case CFG_INT:
        fprintf(out, "%u", roll(70));
        break;
    case CFG_DUR:
        fprintf(out, "%u%s", roll(100), units[roll(5)]);
        break;
    case CFG_USD:
        fprintf(out, "%u.%u", roll(20), roll(1000000));
        break;
    case CFG_BOOL:
        fputs(roll(2) ? "true" : "false", out);
        break;
    case CFG_STRS:
    case CFG_RECS:
        fputc('[', out);
        for (unsigned n = roll(4); n > 0; n--) {
            if (field->of)
                random_section(out, field->of);
            else
                random_text(out);
            fputs(", ", out);
        }
        fputc(']', out);
        break;
    case CFG_REC:
        random_section(out, field->of);
        break;
    default:
        random_text(out);
    }
}

static void random_configurations_are_written_as_they_were_read(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        char *text;
        size_t size;
        dice = seed;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        random_section(out, cfg_root_section());
        fclose(out);
        assert_written_is_the_same(text);
        free(text);
    }
}

/* ---- as a person would ----------------------------------------------------------------------- */
static void it_reads_as_if_a_person_had_written_it(void **state)
{
    (void)state;
    static const char form[] =
        "{\"deployment\": \"mine\", \"max_machines\": 12, \"budget\": {\"per_hour\": 2.50},"
        "\"clearml\": {\"api_server\": \"https://api.clear.ml\", \"tick\": \"1000ms\"},"
        "\"accounts\": [{\"name\": \"here\", \"driver\": \"local\"}],"
        "\"machine_types\": ["
        "{\"name\": \"small\", \"account\": \"here\", \"max_machines\": 2, \"idle_timeout\": "
        "\"300s\","
        " \"init_script\": \"set -e\\necho hi: there\\n\", \"environment\": [\"A=1\", \"B=x: y\"]},"
        "{\"name\": \"big\", \"account\": \"here\", \"spot_max_price\": \"0.60\", \"public_ip\": "
        "\"yes\","
        " \"budget\": {\"per_hour\": 1}}],"
        "\"queues\": [{\"name\": \"default\", \"types\": [\"small\", \"big\"]}]}";
    static const char expected[] =
        "# What Drover is to do; what is not here has its default (docs/configuration.md).\n"
        "# This file holds no secrets: it names the files that do.\n"
        "\n"
        "# name of this Drover; tags its machines\n"
        "deployment: mine\n"
        "# cap of machines in all; 0: none\n"
        "max_machines: 12\n"
        "\n"
        "# limits of money of all machines together\n"
        "budget:\n"
        "  # dollars an hour that all machines that live may cost together; 0: no limit\n"
        "  per_hour: 2.5\n"
        "\n"
        "# the ClearML server\n"
        "clearml:\n"
        "  # address of the API server, e.g. https://api.clear.ml\n"
        "  api_server: https://api.clear.ml\n"
        "\n"
        "# cloud accounts\n"
        "accounts:\n"
        "  # its name in this file\n"
        "  - name: here\n"
        "    # which cloud; local: none, machines are processes on this host, without cost\n"
        "    driver: local\n"
        "\n"
        "# machine types\n"
        "machine_types:\n"
        "  # its name, seen in worker ids\n"
        "  - name: small\n"
        "    # name of the account that it is started in\n"
        "    account: here\n"
        "    # cap of this type; 0: no cap of its own\n"
        "    max_machines: 2\n"
        "    # bash that runs on the machine before the agent\n"
        "    init_script: |\n"
        "      set -e\n"
        "      echo hi: there\n"
        "    # NAME=VALUE for the agent\n"
        "    environment:\n"
        "      - A=1\n"
        "      - \"B=x: y\"\n"
        "    # idle this long: the machine goes\n"
        "    idle_timeout: 5m\n"
        "  - name: big\n"
        "    account: here\n"
        "    # aws: dollars per hour at most for spot; empty: the on-demand price\n"
        "    spot_max_price: \"0.60\"\n"
        "    # aws: public address; subnet: as the subnet is set\n"
        "    public_ip: yes\n"
        "    # limits of money of this type\n"
        "    budget:\n"
        "      per_hour: 1\n"
        "\n"
        "# queues\n"
        "queues:\n"
        "  # its name at the server\n"
        "  - name: default\n"
        "    # machine types that serve it, first choice first\n"
        "    types: [small, big]\n";
    struct dr_config *config = read_text(form);
    char *written = dr_config_write(dr_config_root(config));
    assert_string_equal(written, expected);
    free(written);
    dr_config_free(config);
}

static void an_unfinished_form_is_written_as_far_as_it_is(void **state)
{
    (void)state;
    struct dr_config *config = read_text("{\"deployment\": \"mine\", \"accounts\": [{}, {\"name\": "
                                         "\"b\"}], \"clearml\": {\"tick\": \"soon\"}}");
    char *written = dr_config_write(dr_config_root(config));
    assert_non_null(strstr(written, "deployment: mine\n"));
    assert_non_null(strstr(written, "accounts:\n  - {}\n  # its name in this file\n  - name: b\n"));
    assert_null(strstr(written, "clearml"));
    free(written);
    dr_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_written_as_they_were_read),
        cmocka_unit_test(random_configurations_are_written_as_they_were_read),
        cmocka_unit_test(it_reads_as_if_a_person_had_written_it),
        cmocka_unit_test(an_unfinished_form_is_written_as_far_as_it_is),
    };
    return cmocka_run_group_tests_name("wizard_write", tests, NULL, NULL);
}
