/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands in the settings reaches the machine unchanged, and stands nowhere else. */
#include "render.h"

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NASTY                                                   \
    "a'b\"c$HOME`id`$(id)\\n\\\n#{}@SETTINGS@ "                 \
    "@guard.py@\nDROVER_END\n'EOF'\r\t\xc3\xa9\xf0\x9f\x90\x91" \
    "*?;|&<>!%s"

static const char *const queues[] = {"gpu jobs", "$(touch /tmp/owned)", "third'queue"};
static const char *const env[] = {"A=$(id)", "TOKEN=line\nline"};
static const struct boot_git_host hosts[] = {
    {.host = "git.example:8443", .user = NASTY, .token = "git-token-" NASTY},
    {.host = "other.example", .user = "o", .token = "other-token"},
};

static struct boot_settings base(void)
{
    return (struct boot_settings){
        .api_server = "https://api.example",
        .access_key = "ACCESS",
        .secret_key = "secret-of-the-machine" NASTY,
        .queues = queues,
        .queue_count = 3,
        .drain_queue_id = "5f0c",
        .worker_prefix = "drover",
        .worker_name = "pool",
        .type_name = "g4dn.xlarge",
    };
}

static void in_folder(char *path, size_t len, const char *folder, const char *name)
{
    assert_true((size_t)snprintf(path, len, "%s/%s", folder, name) < len);
}

static char *slurp(FILE *file, size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    for (int c; (c = fgetc(file)) != EOF;)
        fputc(c, to);
    fclose(to);
    return text;
}

/* Runs the rendered script with its last line, the call of main, replaced. */
static char *run(const struct boot_blob *script, const char *last_line, size_t *size)
{
    static const char call[] = "main </dev/null\n";
    char folder[] = "/tmp/drover-boot-XXXXXX", path[64], command[256];
    assert_true(script->size > strlen(call));
    assert_string_equal(script->data + script->size - strlen(call), call);
    assert_non_null(mkdtemp(folder));
    in_folder(path, sizeof path, folder, "script");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(script->data, 1, script->size - strlen(call), file);
    fprintf(file, "DIR=%s\n%s\n", folder, last_line);
    assert_int_equal(fclose(file), 0);
    snprintf(command, sizeof command, "bash %s 2>&1; rm -r %s", path, folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char *text = slurp(pipe, size);
    assert_int_equal(pclose(pipe), 0);
    return text;
}

static json_t *settings_of(const struct boot_settings *s)
{
    struct boot_blob script;
    char err[200] = "";
    if (boot_render(s, &script, err, sizeof err) != 0)
        fail_msg("%s", err);
    size_t size;
    char *text = run(&script, "unpack_settings", &size);
    json_error_t why;
    json_t *object = json_loads(text, 0, &why);
    if (!object)
        fail_msg("%s in: %s", why.text, text);
    free(text);
    boot_blob_free(&script);
    return object;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void every_value_survives_bash(void **state)
{
    (void)state;
    struct boot_settings s = base();
    s.web_server = s.files_server = s.ca_pem = s.gpus = s.docker_image = s.docker_args = NASTY;
    s.ssh_private_key = s.ssh_known_hosts = s.storage_conf = s.extra_clearml_conf = NASTY;
    s.init_script = s.agent_version = s.agent_python = NASTY;
    s.git_hosts = hosts;
    s.git_host_count = 2;
    s.env = env;
    s.env_count = 2;
    json_t *object = settings_of(&s);
    static const char *const same[] = {
        "web_server",         "files_server", "ca_pem",          "gpus",
        "docker_image",       "docker_args",  "init_script",     "storage_conf",
        "agent_version",      "agent_python", "ssh_private_key", "ssh_known_hosts",
        "extra_clearml_conf",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_string_equal(text_of(object, same[i]), NASTY);
    assert_string_equal(text_of(object, "secret_key"), s.secret_key);
    const json_t *list = json_object_get(object, "queues");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_array_get(list, i)), queues[i]);
    list = json_object_get(object, "env");
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(json_string_value(json_array_get(list, i)), env[i]);
    list = json_object_get(object, "git_hosts");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_of(json_array_get(list, 0), "token"), hosts[0].token);
    assert_string_equal(text_of(json_array_get(list, 1), "host"), hosts[1].host);
    json_decref(object);
}

static void no_secret_stands_outside_the_settings(void **state)
{
    (void)state;
    struct boot_settings s = base();
    s.git_hosts = hosts;
    s.git_host_count = 2;
    s.ssh_private_key = "KEYMATERIAL";
    s.storage_conf = "secret: STORAGESECRET";
    s.env = (const char *const[]){"X=ENVSECRET"};
    s.env_count = 1;
    struct boot_blob script;
    char err[200];
    assert_int_equal(boot_render(&s, &script, err, sizeof err), 0);
    char *settings = strstr(script.data, "\n{"), *end = strstr(settings, "\nDROVER_END");
    assert_true(settings && end);
    memset(settings, ' ', (size_t)(end - settings));
    static const char *const secrets[] = {"secret-of-the-machine", "git-token",     "other-token",
                                          "KEYMATERIAL",           "STORAGESECRET", "ENVSECRET"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_null(strstr(script.data, secrets[i]));
    boot_blob_free(&script);
    assert_null(script.data);
}

static void the_same_settings_give_the_same_bytes(void **state)
{
    (void)state;
    struct boot_settings s = base();
    struct boot_blob a, b;
    char err[200];
    assert_int_equal(boot_render(&s, &a, err, sizeof err), 0);
    assert_int_equal(boot_render(&s, &b, err, sizeof err), 0);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_int_equal(strlen(a.data), a.size);
    boot_blob_free(&a);
    boot_blob_free(&b);
}

static void defaults_are_spelled_out(void **state)
{
    (void)state;
    struct boot_settings s = base();
    s.id_source = BOOT_ID_AWS_IMDSV2;
    s.insecure_tls = true;
    s.max_life_s = 77;
    s.gpu_count = 8;
    json_t *object = settings_of(&s);
    static const struct {
        const char *name;
        int value;
    } numbers[] = {{"slots", 1},         {"poll_s", 5},     {"own_idle_limit_s", 0},
                   {"max_life_s", 77},   {"max_task_s", 0}, {"unreported_grace_s", 86400},
                   {"kill_grace_s", 30}, {"gpu_count", 8},  {"gpu_patience_s", 120}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(json_integer_value(json_object_get(object, numbers[i].name)),
                         numbers[i].value);
    assert_string_equal(text_of(object, "id_source"), "aws-imdsv2");
    assert_true(json_is_true(json_object_get(object, "insecure_tls")));
    assert_null(json_object_get(object, "fence_off"));
    json_decref(object);
}

static void refused(struct boot_settings s, const char *field)
{
    struct boot_blob script = {.data = (char *)1};
    char err[200] = "";
    assert_int_equal(boot_render(&s, &script, err, sizeof err), -1);
    assert_null(script.data);
    if (!strstr(err, field))
        fail_msg("'%s' does not name %s", err, field);
}

static void bad_settings_are_refused_by_name(void **state)
{
    (void)state;
    struct boot_settings s = base();
    s.secret_key = "";
    refused(s, "secret_key");
    s = base();
    s.drain_queue_id = NULL;
    refused(s, "drain_queue_id");
    s = base();
    s.worker_name = "a:b";
    refused(s, "worker_name");
    s = base();
    s.queue_count = 0;
    refused(s, "queues");
    s = base();
    s.queues = (const char *const[]){"--docker"};
    s.queue_count = 1;
    refused(s, "queues");
    s = base();
    s.init_script = "\xff\xfe";
    refused(s, "init_script");
    s = base();
    s.env = (const char *const[]){"A=\xff"};
    s.env_count = 1;
    refused(s, "env");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_survives_bash),
        cmocka_unit_test(no_secret_stands_outside_the_settings),
        cmocka_unit_test(the_same_settings_give_the_same_bytes),
        cmocka_unit_test(defaults_are_spelled_out),
        cmocka_unit_test(bad_settings_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
