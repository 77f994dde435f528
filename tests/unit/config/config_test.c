/* SPDX-License-Identifier: Apache-2.0 */
#include "drover/config.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct dr_config_errors errors;
static struct dr_config *config;

static const struct dr_cfg_root *parse(const char *text)
{
    dr_config_free(config);
    dr_config_errors_free(&errors);
    config = dr_config_parse(text, strlen(text), "drover.yaml", &errors);
    return config ? dr_config_root(config) : NULL;
}

static int forget(void **state)
{
    (void)state;
    dr_config_free(config);
    config = NULL;
    dr_config_errors_free(&errors);
    return 0;
}

/* Asserts that one complaint begins with "drover.yaml:LINE: FIELD:" and holds `part`. */
static void assert_told(const char *place, const char *part)
{
    for (size_t i = 0; i < errors.count; i++)
        if (strncmp(errors.items[i].text, place, strlen(place)) == 0 &&
            strstr(errors.items[i].text, part))
            return;
    for (size_t i = 0; i < errors.count; i++)
        print_error("%s\n", errors.items[i].text);
    fail_msg("nobody said `%s ... %s`", place, part);
}

static void assert_refused(const char *text, const char *place, const char *part)
{
    assert_null(parse(text));
    assert_told(place, part);
}

#define SMALLEST "deployment: mine\nclearml:\n  api_server: https://api.clear.ml\n"
#define ONE                                                       \
    SMALLEST "accounts:\n  - {name: here, driver: local}\n"       \
             "machine_types:\n  - {name: small, account: here}\n" \
             "queues:\n  - {name: default, types: [small]}\n"

static void the_smallest_file_gets_every_default(void **state)
{
    (void)state;
    const struct dr_cfg_root *root = parse(ONE);
    assert_non_null(root);
    assert_int_equal(errors.count, 0);
    assert_string_equal(root->deployment, "mine");
    assert_string_equal(root->state_dir, "/var/lib/drover");
    assert_string_equal(root->run_dir, "");
    assert_string_equal(root->clearml.credentials_file, "");
    assert_true(root->clearml.verify_tls);
    assert_int_equal(root->clearml.tick_ms, 1000);
    assert_int_equal(root->timing.settle_ms, 600000);
    assert_int_equal(root->timing.max_task_ms, INT64_C(604800000));
    assert_int_equal(root->accounts.count, 1);
    assert_int_equal(root->accounts.items[0].launches_per_hour, 600);
    assert_int_equal(root->machine_types.items[0].slots, 1);
    assert_string_equal(root->queues.items[0].recovery, "continue");
    assert_string_equal(root->queues.items[0].types.items[0], "small");
}

static void what_is_given_is_kept(void **state)
{
    (void)state;
    const struct dr_cfg_root *root =
        parse(SMALLEST "  tick: 250ms\n  verify_tls: false\n"
                       "accounts: [{name: here, driver: local}]\n"
                       "machine_types:\n"
                       "  - name: big\n    account: here\n    price_per_hour: 0.526\n    slots: 4\n"
                       "    cpu_only: false\n    gpus: '0,1'\n    environment: [A=1, 'B=x y']\n"
                       "    init_script: |\n      set -e\n      echo hi\n"
                       "queues: [{name: 'my queue', types: [big], priority: -5}]\n"
                       "supervisor: {log_level: debug, watchdog: ~}\n");
    assert_non_null(root);
    const struct dr_cfg_type *type = dr_config_type(root, "big");
    assert_int_equal(root->clearml.tick_ms, 250);
    assert_false(root->clearml.verify_tls);
    assert_int_equal(type->price_usd_micros, 526000);
    assert_string_equal(type->gpus, "0,1");
    assert_string_equal(type->init_script, "set -e\necho hi\n");
    assert_int_equal(type->environment.count, 2);
    assert_string_equal(type->environment.items[1], "B=x y");
    assert_int_equal(dr_config_queue(root, "my queue")->priority, -5);
    assert_string_equal(root->supervisor.log_level, "debug");
    assert_int_equal(root->supervisor.watchdog_ms, 30000);
    assert_null(dr_config_account(root, "there"));
}

static void ten_mistakes_are_told_at_once(void **state)
{
    (void)state;
    assert_null(parse("deployment: my drover\n"
                      "clearml:\n"
                      "  api_servr: https://api.clear.ml\n"
                      "  secret_key: hush\n"
                      "  timeout: 25s\n"
                      "accounts:\n"
                      "  - name: here\n"
                      "machine_types:\n"
                      "  - {name: small, account: her}\n"
                      "  - name: small\n"
                      "    account: here\n"
                      "    gpus: 0\n"
                      "    idle_timeout: 15 minutes\n"
                      "queues:\n"
                      "  - {name: q, types: [small, smal]}\n"
                      "  - {name: q, types: [small], priority: 5000}\n"));
    assert_told("drover.yaml:1: deployment:", "must be a name");
    assert_told("drover.yaml:2: clearml.api_server:", "must be given");
    assert_told("drover.yaml:3: clearml.api_servr:", "did you mean `api_server`?");
    assert_told("drover.yaml:4: clearml.secret_key:", "credentials_file");
    assert_told("drover.yaml:5: clearml.timeout:", "at most 20s");
    assert_told("drover.yaml:7: accounts[0].driver:", "must be given");
    assert_told("drover.yaml:9: machine_types[0].account:", "did you mean `here`?");
    assert_told("drover.yaml:10: machine_types[1].name:", "line 9");
    assert_told("drover.yaml:12: machine_types[1].gpus:", "cpu_only: false");
    assert_told("drover.yaml:13: machine_types[1].idle_timeout:", "15m");
    assert_told("drover.yaml:15: queues[0].types[1]:", "did you mean `small`?");
    assert_told("drover.yaml:16: queues[1].name:", "queues[0]");
    assert_told("drover.yaml:16: queues[1].priority:", "between -1000 and 1000");
    assert_int_equal(errors.count, 13);
    for (size_t i = 0; i < errors.count; i++) {
        assert_null(strstr(errors.items[i].text, "hush"));
        assert_true(i == 0 || errors.items[i - 1].line <= errors.items[i].line);
    }
}

static void wrong_kinds_of_value(void **state)
{
    (void)state;
    assert_refused(SMALLEST "max_machines: many\n", "drover.yaml:4: max_machines:", "whole number");
    assert_refused(SMALLEST "max_machines: [1]\n", "drover.yaml:4: max_machines:", "not a list");
    assert_refused(SMALLEST "accounts: {name: x}\n", "drover.yaml:4: accounts:", "must be a list");
    assert_refused(SMALLEST "timing: 5s\n", "drover.yaml:4: timing:", "key: value");
    assert_refused(SMALLEST "queues: [7]\n", "drover.yaml:4: queues[0]:", "key: value");
    assert_refused(SMALLEST "state_dir: lib\n", "drover.yaml:4: state_dir:", "beginning with /");
    assert_refused(SMALLEST "queues: [{name: q, types: small}]\n",
                   "drover.yaml:4: queues[0].types:", "must be a list");
    assert_refused("- a\n- b\n", "drover.yaml:1: ", "this is none");
    assert_refused("", "drover.yaml: deployment:", "must be given");
}

static void yaml_that_is_refused(void **state)
{
    (void)state;
    assert_refused("a: [1, 2\nb: }\n", "drover.yaml:2: ", "no YAML");
    assert_refused("a: \xff\xfe\n", "drover.yaml:1: ", "no YAML");
    assert_refused(SMALLEST "bus: &x {}\n", "drover.yaml:4: ", "anchors");
    assert_refused(SMALLEST "queues: *x\n", "drover.yaml:4: ", "aliases");
    assert_refused(SMALLEST "worker_prefix: !!str a\n", "drover.yaml:4: ", "tags");
    assert_refused(SMALLEST "deployment: b\n", "drover.yaml:4: ", "in line 1");
    assert_refused(SMALLEST "---\ndeployment: b\n", "drover.yaml:5: ", "second document");
    assert_refused(SMALLEST "worker_prefix: \"a\\0b\"\n", "drover.yaml:4: ", "NUL");
    assert_refused(SMALLEST "? [a, b]\n: 1\n", "drover.yaml:4: ", "a key must be a word");
}

static void limits(void **state)
{
    (void)state;
    char *text = malloc((5 << 20) + 1);
    assert_non_null(text);
    memset(text, '[', 5 << 20);
    text[5 << 20] = '\0';
    assert_refused(text, "drover.yaml: ", "4 MiB");
    text[200] = '\0';
    assert_refused(text, "drover.yaml:1: ", "nested deeper");
    size_t len = 0;
    for (int i = 0; i < 12000; i++)
        len += (size_t)sprintf(text + len, "k%d: 1\n", i);
    assert_refused(text, "drover.yaml:10001: ", "more than 10000");
    for (len = 0; len < 2000;)
        len += (size_t)sprintf(text + len, "x%zu: 1\n", len);
    assert_null(parse(text));
    assert_in_range(errors.count, 100, 201);
    free(text);
}

static void call_budgets(void **state)
{
    (void)state;
    assert_refused(ONE "max_machines: 1\nclearml: {}\n", "drover.yaml:11: ", "line 2");
    assert_refused("deployment: a\nclearml: {api_server: 'http://x', calls_per_month: 10000}\n",
                   "drover.yaml:2: clearml.calls_per_month:", "the smallest that works is 238000");
    assert_non_null(
        parse("deployment: a\nclearml: {api_server: 'http://x', calls_per_month: 238000}\n"));
    assert_non_null(
        parse("deployment: a\nclearml: {api_server: 'http://x', calls_per_month: 300000}\n"));
}

static void relations_between_durations(void **state)
{
    (void)state;
    assert_refused(SMALLEST "timing: {drain_poll: 30s}\n",
                   "drover.yaml:4: timing.drain_poll:", "at most half of timing.drain_grace (40s)");
    assert_refused(SMALLEST "timing: {drain_grace: 9s}\n",
                   "drover.yaml:4: timing.drain_grace:", "at least twice timing.drain_poll (5s)");
    assert_refused(SMALLEST "timing: {worker_proof: 15s}\n", "drover.yaml:4: timing.worker_proof:",
                   "longer than timing.workers_period (15s)");
    assert_refused(SMALLEST "timing: {silent: 1m}\n", "drover.yaml:4: timing.silent:", "P5");
    assert_refused(SMALLEST "  tick: 20s\n",
                   "drover.yaml:4: clearml.tick:", "shorter than timing.fresh_queues (15s)");
    assert_refused(SMALLEST "timing: {settle_gap: 10s}\n",
                   "drover.yaml:4: timing.settle_gap:", "P3");
    assert_refused(SMALLEST "timing: {orphan: 10s}\n", "drover.yaml:4: timing.orphan:", "P20");
}

static void secrets_are_sent_home(void **state)
{
    (void)state;
    assert_refused(SMALLEST "  proxy: http://me:hush@proxy:3128\n",
                   "drover.yaml:4: clearml.proxy:", "HTTPS_PROXY");
    assert_refused(SMALLEST "accounts: [{name: a, driver: local, git_token: x}]\n",
                   "drover.yaml:4: accounts[0].git_token:", "secrets_file");
    assert_refused(SMALLEST "password: x\n", "drover.yaml:4: password:", "credentials_file");
}

static void odds_and_ends(void **state)
{
    (void)state;
    assert_refused(SMALLEST "worker_prefix: 'a:b'\n", "drover.yaml:4: worker_prefix:", "split");
    assert_refused(SMALLEST "run_dir: /123456789012345678901234567890123456789012345678901234567890"
                            "12345678901234567890123456789012345\n",
                   "drover.yaml:4: run_dir:", "too long");
    assert_refused("deployment: a\nclearml: {api_server: api.clear.ml}\n",
                   "drover.yaml:2: clearml.api_server:", "https://");
    assert_refused(SMALLEST "accounts: [{name: a, driver: local}]\n"
                            "machine_types: [{name: t, account: a, environment: [X, 'A B=1']}]\n"
                            "queues: [{name: q, types: [t, t]}, {name: r}]\n",
                   "drover.yaml:6: queues[0].types[1]:", "twice");
    assert_told("drover.yaml:5: machine_types[0].environment[0]:", "NAME=VALUE");
    assert_told("drover.yaml:5: machine_types[0].environment[1]:", "NAME=VALUE");
    assert_told("drover.yaml:6: queues[1].types:", "at least one");
}

static void accounts_of_this_host_have_homes_of_their_own(void **state)
{
    (void)state;
    assert_refused(SMALLEST "state_dir: /s\n"
                            "accounts:\n  - {name: a, driver: local}\n"
                            "  - {name: b, driver: local, machines_dir: /s//machines/}\n",
                   "drover.yaml:7: accounts[1].machines_dir:",
                   "is /s/machines, as that of account `a`: two accounts of this host with one "
                   "directory would end each other's machines; give `b` a machines_dir of its own");
    assert_refused(SMALLEST "accounts: [{name: a, driver: local}, {name: b, driver: local}]\n",
                   "drover.yaml:4: accounts[1].machines_dir:", "end each other's machines");
    assert_non_null(parse(SMALLEST
                          "accounts: [{name: a, driver: local}, {name: b, driver: local, "
                          "machines_dir: /b}, {name: c, driver: aws, region: eu-west-1}]\n"));
}

static void warnings_refuse_nothing(void **state)
{
    (void)state;
    assert_non_null(parse(SMALLEST "accounts: [{name: a, driver: local}]\n"));
    assert_told("drover.yaml:4: warning: accounts[0]:", "nothing will start");
    assert_told("drover.yaml: warning: queues:", "nothing will be served");
    assert_true(errors.items[0].warning && errors.items[1].warning);
}

static void queues_of_a_type_in_order(void **state)
{
    (void)state;
    const struct dr_cfg_root *root =
        parse(SMALLEST "accounts: [{name: a, driver: local}]\n"
                       "machine_types: [{name: t, account: a}, {name: u, account: a}]\n"
                       "queues:\n"
                       "  - {name: low, types: [t], priority: -1}\n"
                       "  - {name: first, types: [u, t]}\n"
                       "  - {name: none, types: [u]}\n"
                       "  - {name: second, types: [t]}\n"
                       "  - {name: high, types: [t], priority: 9}\n");
    const char *names[3];
    assert_non_null(root);
    assert_int_equal(dr_config_type_queues(root, "t", names, 3), 4);
    assert_string_equal(names[0], "high");
    assert_string_equal(names[1], "first");
    assert_string_equal(names[2], "second");
    assert_int_equal(dr_config_type_queues(root, "x", names, 3), 0);
}

static void files(void **state)
{
    (void)state;
    size_t len;
    char path[] = "/tmp/config_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, ONE, sizeof ONE - 1), sizeof ONE - 1);
    close(fd);
    forget(NULL);
    config = dr_config_load(path, &errors);
    unlink(path);
    assert_non_null(config);
    assert_string_equal(dr_config_text(config, &len), ONE);
    assert_int_equal(len, sizeof ONE - 1);
    forget(NULL);
    config = dr_config_load("/no/such/file.yaml", &errors);
    assert_null(config);
    assert_told("/no/such/file.yaml: cannot be read:", "No such file");
}

/* Nothing that a text can be may end the process. */
static void every_prefix_of_a_file_is_survived(void **state)
{
    (void)state;
    char text[sizeof ONE];
    for (size_t len = 0; len < sizeof ONE; len++) {
        memcpy(text, ONE, len);
        text[len] = '\0';
        parse(text);
    }
    for (size_t i = 0; i + 1 < sizeof ONE; i++) {
        memcpy(text, ONE, sizeof ONE);
        text[i] = "\"[{:-#&*!|>'%@`\t\x01"[i % 17];
        parse(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_smallest_file_gets_every_default, forget),
        cmocka_unit_test_teardown(what_is_given_is_kept, forget),
        cmocka_unit_test_teardown(ten_mistakes_are_told_at_once, forget),
        cmocka_unit_test_teardown(wrong_kinds_of_value, forget),
        cmocka_unit_test_teardown(yaml_that_is_refused, forget),
        cmocka_unit_test_teardown(limits, forget),
        cmocka_unit_test_teardown(call_budgets, forget),
        cmocka_unit_test_teardown(relations_between_durations, forget),
        cmocka_unit_test_teardown(secrets_are_sent_home, forget),
        cmocka_unit_test_teardown(odds_and_ends, forget),
        cmocka_unit_test_teardown(accounts_of_this_host_have_homes_of_their_own, forget),
        cmocka_unit_test_teardown(warnings_refuse_nothing, forget),
        cmocka_unit_test_teardown(queues_of_a_type_in_order, forget),
        cmocka_unit_test_teardown(files, forget),
        cmocka_unit_test_teardown(every_prefix_of_a_file_is_survived, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
