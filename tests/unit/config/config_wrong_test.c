/* SPDX-License-Identifier: Apache-2.0
 *
 * Each wrong answer of each field has its message, and the message names that field: what a form
 * shows beside it.
 */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "drover/config.h"
#include "fields.h"

static size_t tried;

/* The field itself, or one entry of it. */
static bool is_about(const char *path, const char *field)
{
    size_t len = strlen(field);
    return strncmp(path, field, len) == 0 && (path[len] == '\0' || path[len] == '[');
}

static bool is_told(const struct place *place, const char *value)
{
    struct dr_config_errors errors;
    char *text = fields_document(place, value);
    struct dr_config *config = dr_config_parse_draft(text, strlen(text), "form", &errors);
    bool told = false;
    for (size_t i = 0; i < errors.count; i++)
        told = told || (is_about(errors.items[i].path, place->path) && *errors.items[i].what);
    dr_config_errors_free(&errors);
    dr_config_free(config);
    free(text);
    return told;
}

static void assert_told(const struct place *place, const char *value)
{
    tried++;
    if (!is_told(place, value))
        fail_msg("%s: `%s` is taken without a word", place->path, value ? value : "(left out)");
}

static void good_ones_are_not_told(const struct place *place)
{
    char *example = fields_example(place);
    if (!place->field->of && is_told(place, example))
        fail_msg("%s: its own example is complained about", place->path);
    free(example);
}

/* ---- by kind --------------------------------------------------------------------------------- */
static const char *const wrong[CFG_KINDS][5] = {
    [CFG_STR] = {"[a]", "{a: b}"},
    [CFG_REQ] = {"[a]", "{a: b}", "\"\"", "~"},
    [CFG_NAME] = {"[a]", "\"\"", "two words", "a/b",
                  "x123456789012345678901234567890123456789012345678901234567890123"},
    [CFG_ENUM] = {"[a]", "neither"},
    [CFG_INT] = {"[1]", "many", "1.5", "\"\"", "12345678901234567890"},
    [CFG_DUR] = {"[1s]", "soon", "5", "5 minutes", "1.5h"},
    [CFG_USD] = {"[1]", "cheap", "-1", "$5", "1.1234567"},
    [CFG_BOOL] = {"[true]", "maybe", "1"},
    [CFG_STRS] = {"one", "{a: b}", "[\"\"]", "[[a]]"},
    [CFG_REC] = {"a word", "[a]"},
    [CFG_RECS] = {"a word", "{a: b}", "[a word]"},
};

static void beyond_the_limits(const struct place *place)
{
    const struct cfg_field *field = place->field;
    char value[64];
    int64_t least = 0, most = 0;
    if (!field->min)
        return;
    if (field->kind == CFG_DUR) {
        assert_true(cfg_value_duration(field->min, &least));
        assert_true(cfg_value_duration(field->max, &most));
        snprintf(value, sizeof value, "%lldms", (long long)least - 1);
        if (least > 0)
            assert_told(place, value);
        snprintf(value, sizeof value, "%lldms", (long long)most + 1);
    } else if (field->kind == CFG_INT) {
        assert_true(cfg_value_int(field->min, &least));
        assert_true(cfg_value_int(field->max, &most));
        snprintf(value, sizeof value, "%lld", (long long)least - 1);
        assert_told(place, value);
        snprintf(value, sizeof value, "%lld", (long long)most + 1);
    } else {
        snprintf(value, sizeof value, "%s.000001", field->max);
    }
    assert_told(place, value);
}

static void wrong_ones_are_told(const struct place *place)
{
    const char *const *values = wrong[place->field->kind];
    size_t len = strlen(place->field->key);
    for (size_t i = 0; i < 5 && values[i]; i++)
        assert_told(place, values[i]);
    beyond_the_limits(place);
    if (cfg_is_required(place->field))
        assert_told(place, NULL);
    if (place->field->kind == CFG_STR && len > 5 &&
        (strcmp(place->field->key + len - 5, "_file") == 0 ||
         strcmp(place->field->key + len - 4, "_dir") == 0))
        assert_told(place, "here.yaml");
}

static void every_wrong_answer_of_every_field_is_told_at_the_field(void **state)
{
    (void)state;
    tried = 0;
    fields_each(wrong_ones_are_told);
    fields_each(good_ones_are_not_told);
    assert_true(tried > 500);
}

/* ---- what is more than a kind ---------------------------------------------------------------- */
static const struct {
    const char *path, *value;
} meant[] = {
    {"clearml.api_server", "nonsense"},
    {"clearml.api_server", "\"https://user:secret@api.clear.ml\""},
    {"clearml.web_server", "\"ftp://app.clear.ml\""},
    {"clearml.files_server", "files"},
    {"clearml.machine_api_server", "10.0.0.5"},
    {"clearml.machine_files_server", "10.0.0.5"},
    {"clearml.proxy", "proxy"},
    {"clearml.timeout", "25s"},
    {"clearml.calls_per_month", "10"},
    {"accounts[0].region", "Ireland"},
    {"accounts[0].endpoint", "ec2"},
    {"accounts[0].sts_endpoint", "sts"},
    {"accounts[0].role_arn", "drover"},
    {"machine_types[0].account", "nowhere"},
    {"machine_types[0].instance_type", "five GPUs"},
    {"machine_types[0].instance_type", NULL},
    {"machine_types[0].ami_id", "ubuntu"},
    {"machine_types[0].ami_id", NULL},
    {"machine_types[0].spot_max_price", "cheap"},
    {"machine_types[0].spot_max_price", "0.0001"},
    {"machine_types[0].availability_zones", "[a zone]"},
    {"machine_types[0].subnet_ids", "[sg-1]"},
    {"machine_types[0].security_group_ids", "[subnet-1]"},
    {"machine_types[0].iam_instance_profile", "\"arn:aws:iam::123456789012:role/x\""},
    {"machine_types[0].ebs_snapshot_id", "vol-1"},
    {"machine_types[0].ebs_volume_type", "\"\""},
    {"machine_types[0].tags", "[no value]"},
    {"machine_types[0].tags", "[\"aws:a=b\"]"},
    {"machine_types[0].tag_resources", "[moon]"},
    {"machine_types[0].extra_configurations", "\"{'a': 1}\""},
    {"machine_types[0].environment", "[NOVALUE]"},
    {"machine_types[0].environment", "[MY_TOKEN=x]"},
    {"machine_types[0].max_life", "5m"},
    {"queues[0].types", "[]"},
    {"queues[0].types", "[nothing]"},
    {"queues[0].types", "[gpu, gpu]"},
    {"worker_prefix", "\"a:b\""},
};

static size_t at_meant;

static void try_meant(const struct place *place)
{
    if (strcmp(place->path, meant[at_meant].path) == 0)
        assert_told(place, meant[at_meant].value);
}

static void what_cannot_be_meant_is_told_at_the_field(void **state)
{
    (void)state;
    for (at_meant = 0; at_meant < sizeof meant / sizeof *meant; at_meant++) {
        tried = 0;
        fields_each(try_meant);
        if (tried != 1)
            fail_msg("there is no field %s", meant[at_meant].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_answer_of_every_field_is_told_at_the_field),
        cmocka_unit_test(what_cannot_be_meant_is_told_at_the_field),
    };
    return cmocka_run_group_tests_name("wizard_wrong", tests, NULL, NULL);
}
