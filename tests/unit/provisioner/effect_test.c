/* SPDX-License-Identifier: Apache-2.0
 *
 * No setting that the wizard asks for is inert: with the schema's example in it either a machine's
 * boot script or the request that starts it changes, or a test is named here that asserts what the
 * setting decides.
 */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/request.h"
#include "bootdata.h"
#include "fields.h"
#include "strbuf.h"

/* What it decides, and what asserts that: file and case below tests/. */
static const struct {
    const char *path, *test, *what;
} elsewhere[] = {
    {"state_dir", "integration/bad_server_test.py",
     "test_a_second_droverd_on_the_same_state_directory_is_refused"},
    {"run_dir", "integration/tap_test.py", "test_its_backlog_is_bounded_and_others_hear_all"},
    {"max_machines", "unit/ledger/want_test.c", "caps_refuse_whole"},
    {"budget.per_hour", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"budget.per_day", "unit/money/limits_test.c", "windows_add_up"},
    {"budget.per_month", "unit/money/limits_test.c", "windows_add_up"},
    {"budget_horizon", "unit/money/limits_test.c", "what_it_is_reserved_for"},
    {"on_hard_cap", "unit/reaper/cap_test.c", "test_hard_cap_may_only_wait"},
    {"time_zone", "unit/money/limits_test.c", "the_clock_never_runs_back"},
    {"task_notes", "integration/notes_test.py", "task_notes=False"},
    {"clearml.ca_file", "integration/wizard_effects_test.py", "test_certificates"},
    {"clearml.proxy", "integration/wizard_effects_test.py", "test_proxy"},
    {"clearml.tick", "unit/watcher/pace_test.c", "without_a_budget_the_tick_rules"},
    {"clearml.timeout", "integration/wizard_effects_test.py", "test_longest_request"},
    {"clearml.calls_per_month", "unit/watcher/pace_test.c", "a_budget_is_kept"},
    {"accounts[0].driver", "integration/ec2_test.py",
     "test_twenty_tasks_in_two_queues_on_two_types"},
    {"accounts[0].region", "integration/aws_creds_test.py",
     "test_account_then_environment_then_profile"},
    {"accounts[0].profile", "integration/aws_creds_test.py", "test_as_botocore_finds_them"},
    {"accounts[0].role_arn", "integration/aws_creds_test.py", "test_on_top_of_a_profiles_role"},
    {"accounts[0].external_id", "integration/aws_creds_test.py",
     "test_on_top_of_the_environment_with_an_external_id"},
    {"accounts[0].endpoint", "integration/wizard_cloud_test.py", "Address of the EC2 API"},
    {"accounts[0].sts_endpoint", "integration/wizard_cloud_test.py", "Address of the STS API"},
    {"accounts[0].ca_file", "integration/wizard_effects_test.py", "test_certificates_of_a_cloud"},
    {"accounts[0].timeout", "integration/wizard_effects_test.py", "test_longest_call"},
    {"accounts[0].machines_dir", "local/machine_test.c",
     "test_present_before_recording_names_its_attempt"},
    {"accounts[0].list_period", "unit/provisioner/fleet_test.c",
     "test_lists_hurry_while_something_ends"},
    {"accounts[0].launches_per_hour", "unit/ledger/want_test.c", "an_account_has_its_hour"},
    {"accounts[0].max_machines", "unit/ledger/want_test.c", "caps_refuse_whole"},
    {"machine_types[0].account", "unit/ledger/want_test.c", "row.account"},
    {"machine_types[0].max_machines", "unit/ledger/want_test.c", "caps_refuse_whole"},
    {"machine_types[0].price_per_hour", "unit/money/start_test.c", "a_price_is_for_life"},
    {"machine_types[0].budget.per_hour", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"machine_types[0].budget.per_day", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"machine_types[0].budget.per_month", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"machine_types[0].boot_timeout", "unit/reaper/core_test.c", "test_never_registered"},
    {"queues[0].name", "unit/planner/plan_test.c", "every_plan"},
    {"queues[0].types", "unit/planner/plan_test.c", "every_plan"},
    {"queues[0].max_machines", "unit/ledger/want_test.c", "caps_refuse_whole"},
    {"queues[0].budget.per_hour", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"queues[0].budget.per_day", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"queues[0].budget.per_month", "unit/money/limits_test.c", "limits_that_cover_it_count"},
    {"queues[0].priority", "unit/planner/plan_test.c", "the queue of higher priority buys first"},
    {"queues[0].recovery", "integration/recovery_test.py",
     "test_a_queue_may_want_tasks_left_stopped"},
    {"queues[0].recovery_limit", "integration/recovery_test.py",
     "test_a_task_that_ends_machines_is_not_put_back_for_ever"},
    {"timing.capacity_hold", "integration/aws_errors_test.py",
     "test_a_zone_comes_back_after_its_hold_unless_it_does_not_sell"},
    {"supervisor.log_level", "integration/wizard_effects_test.py", "test_log_level"},
    {"supervisor.log_file", "supervisor/test_logs.py", "test_a_file_gets_json_and_may_be_rotated"},
    {"gateway.listen", "integration/wizard_effects_test.py", "test_gateway"},
    {"gateway.tls_cert_file", "integration/gateway_test.py",
     "test_outside_needs_tls_and_an_account"},
    {"gateway.tls_key_file", "integration/gateway_test.py",
     "test_outside_needs_tls_and_an_account"},
    {"gateway.public_url", "integration/wizard_effects_test.py", "test_gateway"},
    {"gateway.session", "integration/wizard_effects_test.py", "test_gateway"},
};

/* What some settings need beside them to mean anything. */
static const struct {
    const char *path, *with;
} beside[] = {
    {"machine_types[0].spot_max_price", "\"spot\": true, "},
    {"machine_types[0].tag_resources", "\"tags\": [\"team=x\"], "},
    {"machine_types[0].security_group_ids", "\"subnet_ids\": [\"subnet-1\"], "},
};

static bool ends(const char *text, const char *end)
{
    size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* Who is called abc is referred to as abc too. */
static void follow(char *text, const char *reference)
{
    char *at = strstr(text, reference);
    assert_non_null(at);
    memcpy(at + strlen(reference) - 3, "abc", 3);
}

/* The document with the image and the size that a launch needs. */
static char *whole(const struct place *place, const char *value)
{
    char *document = fields_document(place, value), *text, *at;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(at = strstr(document, "\"machine_types\": [{"));
    at += strlen("\"machine_types\": [{");
    fprintf(out, "%.*s", (int)(at - document), document);
    if (!ends(place->path, ".ami_id"))
        fputs("\"ami_id\": \"ami-12345678\", ", out);
    if (!ends(place->path, ".instance_type"))
        fputs("\"instance_type\": \"t3.large\", ", out);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (strcmp(place->path, beside[i].path) == 0)
            fputs(beside[i].with, out);
    fputs(at, out);
    fclose(out);
    free(document);
    if (value != NULL && strcmp(value, "abc") == 0)
        follow(text, ends(place->path, "types[0].name") ? "\"types\": [gpu" : "\"account\": aws");
    return text;
}

static void add_boot(struct dr_strbuf *all, const struct dr_cfg_root *root)
{
    static const char *const queues[] = {"0123"};
    struct dr_machine_row row = {.drain_queue = "4567", .queues = {queues, 1}};
    const struct bootdata_request request = {.config = root,
                                             .account = root->accounts.items,
                                             .type = root->machine_types.items,
                                             .machine = &row,
                                             .access_key = "key",
                                             .secret_key = "secret"};
    struct boot_blob script = {0};
    struct dr_error error = {0};
    if (bootdata_render(&request, &script, &error))
        dr_strbuf_add_text(all, script.data);
    boot_blob_free(&script);
}

static void add_requests(struct dr_strbuf *all, const struct dr_cfg_root *root)
{
    char offering[160];
    for (size_t i = 0; aws_offering(root->machine_types.items, i, offering, sizeof offering); i++) {
        struct driver_request request = {.attempt = "att-1",
                                         .count = 1,
                                         .account = root->accounts.items,
                                         .type = root->machine_types.items,
                                         .offering = offering,
                                         .deployment = root->deployment,
                                         .ledger_id = "led-1",
                                         .user_data = "",
                                         .user_data_len = 0};
        struct dr_strbuf body = {0};
        struct dr_error error = {0};
        if (aws_run_instances(&request, "/dev/xvda", &body, &error))
            dr_strbuf_printf(all, "%s\n", body.data);
        dr_strbuf_free(&body);
    }
}

/* Boot script and requests of the first machine type. The caller's (free). */
static char *made_of(const struct place *place, const char *value)
{
    struct dr_config_errors errors;
    struct dr_strbuf all = {0};
    char *text = whole(place, value);
    struct dr_config *config = dr_config_parse(text, strlen(text), "example", &errors);
    if (config == NULL)
        fail_msg("%s: %s\n%s", place->path, errors.items[0].text, text);
    dr_strbuf_add_text(&all, "");
    add_boot(&all, dr_config_root(config));
    add_requests(&all, dr_config_root(config));
    dr_config_errors_free(&errors);
    dr_config_free(config);
    free(text);
    return all.data;
}

static bool is_asked(const struct place *place)
{
    const struct cfg_help *help = cfg_help(place->section, place->field);
    return place->field->of == NULL && (help->flags & (CFG_EXPERT | CFG_SECRET_FILE)) == 0;
}

/* Other than the example, where nothing, or what is there anyway, would be the same. */
static const char *otherwise(const struct place *place)
{
    static const struct {
        const char *path, *value;
    } others[] = {
        {"deployment", "mine"},
        {"worker_prefix", "other"},
        {"clearml.api_server", "\"https://other.example.org\""},
        {"clearml.verify_tls", "false"},
        {"accounts[0].name", "abc"},
        {"accounts[0].driver", "aws"},
        {"machine_types[0].name", "abc"},
        {"machine_types[0].account", "aws"},
        {"machine_types[0].cpu_only", "true"},
        {"machine_types[0].ebs_volume_type", "gp2"},
        {"machine_types[0].idle_timeout", "20m"},
        {"queues[0].name", "default"},
        {"queues[0].types", "[gpu]"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(place->path, others[i].path) == 0)
            return others[i].value;
    return NULL;
}

static bool file_has(const char *name, const char *what)
{
    char path[512], *line = NULL;
    size_t room = 0;
    bool found = false;
    snprintf(path, sizeof path, "%s/tests/%s", DROVER_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    while (file && !found && getline(&line, &room, file) > 0)
        found = strstr(line, what) != NULL;
    free(line);
    if (file)
        fclose(file);
    return found;
}

static bool is_elsewhere(const char *path)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        if (strcmp(elsewhere[i].path, path) != 0)
            continue;
        if (!file_has(elsewhere[i].test, elsewhere[i].what))
            fail_msg("%s: tests/%s has no %s", path, elsewhere[i].test, elsewhere[i].what);
        return true;
    }
    return false;
}

static size_t inert;

static void it_has_an_effect(const struct place *place)
{
    if (!is_asked(place))
        return;
    char *example = fields_example(place);
    char *plain = made_of(place, otherwise(place)), *set = made_of(place, example);
    bool seen = strcmp(plain, set) != 0;
    if (!seen && !is_elsewhere(place->path)) {
        print_error("%s = %s: nothing changes, and no test is named\n", place->path, example);
        inert++;
    }
    free(example);
    free(plain);
    free(set);
}

static void no_setting_is_inert(void **state)
{
    (void)state;
    inert = 0;
    fields_each(it_has_an_effect);
    assert_int_equal(inert, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_setting_is_inert)};
    return cmocka_run_group_tests_name("wizard_effect", tests, NULL, NULL);
}
