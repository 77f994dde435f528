/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credentials.h"
#include "json.h"
#include "seal.h"
#include "secretfile.h"
#include "secretyaml.h"

static char folder[64];
static struct dr_error error;

static const char *at(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *put(const char *name, const char *text)
{
    const char *path = at(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
    return path;
}

static void refused(const char *path, const char *words)
{
    size_t len;
    error = (struct dr_error){0};
    assert_null(dr_secretfile_read(path, 100, &len, &error));
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static void only_a_private_file_is_opened(void **state)
{
    (void)state;
    size_t len;
    const char *path = put("good", "secret\n");
    char *text = dr_secretfile_read(path, 100, &len, &error);
    assert_string_equal(text, "secret\n");
    assert_int_equal(len, 7);
    dr_wipe_free(text, len);

    char advice[200];
    static const mode_t modes[] = {0640, 0604, 0620, 0601, 0644, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        chmod(path, modes[i]);
        snprintf(advice, sizeof advice, ": chmod 600 %s", path);
        refused(path, advice);
    }
    chmod(path, 0400);
    text = dr_secretfile_read(path, 100, &len, &error);
    assert_non_null(text);
    dr_wipe_free(text, len);

    assert_int_equal(symlink(path, at("link")), 0);
    refused(at("link"), "is a symbolic link: name the file itself");
    int held = open(folder, O_RDONLY | O_DIRECTORY);
    char below[64];
    snprintf(below, sizeof below, "/proc/self/fd/%d/link", held);
    refused(below, "is a symbolic link: name the file itself");
    close(held);
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    refused(at("fifo"), "is not a regular file");
    refused(folder, "is not a regular file");
    refused(at("none"), "No such file");
    char big[200];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    refused(put("big", big), "larger than 100 bytes");
    if (geteuid() == 0) {
        path = put("theirs", "x");
        assert_int_equal(chown(path, 12345, 0), 0);
        refused(path, "belongs to user 12345: it must be ours (user 0) or root's");
    }
}

static json_t *yaml(const char *text)
{
    error = (struct dr_error){0};
    return dr_secretyaml_parse("s.yaml", text, strlen(text), &error);
}

static void yaml_becomes_a_tree_of_strings(void **state)
{
    (void)state;
    json_t *tree =
        yaml("api:\n  access_key: 0123\n  secret_key: 'a: b'\ngit:\n- host: x\n  token: y\n"
             "- {host: z}\nkey: |\n  -----BEGIN\n  line\nempty:\nflag: true\n");
    assert_non_null(tree);
    assert_string_equal(dr_json_str(tree, "api.access_key", "", NULL), "0123");
    assert_string_equal(dr_json_str(tree, "api.secret_key", "", NULL), "a: b");
    assert_string_equal(dr_json_str(tree, "git.1.host", "", NULL), "z");
    assert_string_equal(dr_json_str(tree, "key", "", NULL), "-----BEGIN\nline\n");
    assert_string_equal(dr_json_str(tree, "empty", "?", NULL), "");
    assert_string_equal(dr_json_str(tree, "flag", "", NULL), "true");
    json_decref(tree);
    static const char *const nothing[] = {"", "# only a comment\n", "---\n", "{}"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        tree = yaml(nothing[i]);
        assert_non_null(tree);
        assert_int_equal(json_object_size(tree), 0);
        json_decref(tree);
    }
}

static const struct {
    const char *text, *sentence;
} bad_yaml[] = {
    {"a: 1\nb: 2\na: 3\n", "s.yaml:3:4: this key stands twice"},
    {"a: &x 1\nb: *x\n", "s.yaml:1:4: anchors and tags are not read here"},
    {"a: &x {b: 1}\n", "s.yaml:1:4: anchors and tags are not read here"},
    {"a: !!int 1\n", "s.yaml:1:4: anchors and tags are not read here"},
    {"? [a]\n: 1\n", "s.yaml:1:3: a key must be a text"},
    {"- a\n", "s.yaml:1:1: expected `name: value` lines, found a list"},
    {"hunter2\n", "s.yaml:1:1: expected `name: value` lines"},
    {"a: 1\n---\nb: 2\n", "s.yaml:2:1: a second document"},
    {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "s.yaml:1:19: nested too deep"},
    {"a: \"x\\0y\"\n", "s.yaml:1:4: a NUL in a text"},
};

static void bad_yaml_names_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_yaml / sizeof *bad_yaml; i++) {
        assert_null(yaml(bad_yaml[i].text));
        assert_string_equal(error.text, bad_yaml[i].sentence);
    }
    assert_null(yaml("a: hunter2: b\n"));
    assert_non_null(strstr(error.text, "s.yaml:1:"));
    assert_null(strstr(error.text, "hunter2"));
    char deep[20001];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_null(yaml(deep));
    memset(deep, '{', sizeof deep - 1);
    assert_null(yaml(deep));
}

static struct dr_clearml_credentials found;

static bool load(const char *file)
{
    dr_clearml_credentials_free(&found);
    error = (struct dr_error){0};
    return dr_clearml_credentials_load(file, &found, &error);
}

static void expect(const char *access_key, const char *secret_key, const char *api,
                   const char *place)
{
    if (!found.access_key)
        fail_msg("nothing found: %s", error.text);
    assert_string_equal(found.access_key, access_key);
    assert_string_equal(found.secret_key, secret_key);
    assert_string_equal(found.api_server, api);
    if (!strstr(found.found_in, place))
        fail_msg("'%s' does not name '%s'", found.found_in, place);
}

static void clear_environment(void)
{
    unsetenv("CLEARML_API_ACCESS_KEY");
    unsetenv("CLEARML_API_SECRET_KEY");
    unsetenv("CLEARML_API_HOST");
    unsetenv("CLEARML_CONFIG_FILE");
    setenv("HOME", folder, 1);
}

static void credentials_come_in_order(void **state)
{
    (void)state;
    clear_environment();
    assert_false(load(NULL));
    assert_non_null(strstr(error.text, "no ClearML key pair: none named in the configuration"));
    assert_non_null(strstr(error.text, at("clearml.conf")));

    put("clearml.conf", "api { api_server: http://conf:8008\n web_server: http://conf:8080\n"
                        "credentials {\"access_key\": \"CA\", \"secret_key\": \"CS\"} }\n");
    assert_true(load(""));
    expect("CA", "CS", "http://conf:8008", "/clearml.conf");
    assert_string_equal(found.web_server, "http://conf:8080");

    setenv("CLEARML_API_ACCESS_KEY", "EA", 1);
    assert_false(load(NULL));
    assert_non_null(strstr(error.text, "only one"));
    setenv("CLEARML_API_SECRET_KEY", "ES", 1);
    setenv("CLEARML_API_HOST", "http://env:8008", 1);
    assert_true(load(NULL));
    expect("EA", "ES", "http://env:8008", "the environment");

    const char *file = put("watcher.yaml", "api:\n  access_key: FA\n  secret_key: FS\n");
    assert_true(load(file));
    expect("FA", "FS", "http://env:8008", file);
    assert_true(load(at("clearml.conf")));
    expect("CA", "CS", "http://conf:8008", "/clearml.conf");

    assert_true(load(put("short.yaml", "access_key: SA\nsecret_key: SS\napi_server: http://s\n")));
    expect("SA", "SS", "http://s", "short.yaml");

    clear_environment();
    put("other.conf", "api.credentials { access_key: OA, secret_key: OS }\n");
    setenv("CLEARML_CONFIG_FILE", "~/other.conf", 1);
    assert_true(load(NULL));
    expect("OA", "OS", "", "/other.conf");
    dr_clearml_credentials_free(&found);
}

static void incomplete_files_are_said(void **state)
{
    (void)state;
    clear_environment();
    assert_false(load(at("missing.yaml")));
    assert_non_null(strstr(error.text, "No such file"));
    assert_false(load(put("half.yaml", "api:\n  access_key: FA\n")));
    assert_non_null(strstr(error.text, "half.yaml: api.secret_key is missing"));
    assert_false(load(put("list.yaml", "api:\n  access_key: [hunter2]\n")));
    assert_non_null(strstr(error.text, "list.yaml: api.access_key: expected a string"));
    assert_null(strstr(error.text, "hunter2"));
    put("clearml.conf", "api { api_server: x }\n");
    assert_false(load(NULL));
    assert_non_null(strstr(error.text, "no ClearML key pair"));
    chmod(at("clearml.conf"), 0644);
    assert_false(load(NULL));
    assert_non_null(strstr(error.text, "chmod 600"));
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/drover-secret-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"good",      "link",         "fifo",         "big",
                                        "theirs",    "clearml.conf", "watcher.yaml", "other.conf",
                                        "half.yaml", "short.yaml",   "list.yaml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(at(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_private_file_is_opened),
        cmocka_unit_test(yaml_becomes_a_tree_of_strings),
        cmocka_unit_test(bad_yaml_names_the_place),
        cmocka_unit_test(credentials_come_in_order),
        cmocka_unit_test(incomplete_files_are_said),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
