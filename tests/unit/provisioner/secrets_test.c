/* SPDX-License-Identifier: Apache-2.0 */
#include "secrets.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"

static const char *write_file(const char *text, mode_t mode)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/drover-secrets-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    fchmod(fd, mode);
    close(fd);
    return path;
}

static void test_all_fields(void **unused)
{
    struct secrets secrets;
    struct dr_error error = {0};
    (void)unused;
    const char *path = write_file("git:\n"
                                  "  - host: git.one\n    user: bot\n    token: s3cret\n"
                                  "  - {host: git.two, token: other}\n"
                                  "ssh_private_key: |\n  " BEGIN "\n  " END "\n"
                                  "ssh_known_hosts: git.three ssh-ed25519 AAAA\n"
                                  "storage_conf: |\n  sdk.aws.s3.key: \"k\"\n",
                                  0600);
    assert_true(secrets_load(path, &secrets, &error));
    assert_int_equal(secrets.git_host_count, 2);
    assert_string_equal(secrets.git_hosts[0].host, "git.one");
    assert_string_equal(secrets.git_hosts[0].token, "s3cret");
    assert_string_equal(secrets.git_hosts[1].user, "");
    assert_string_equal(secrets.ssh_private_key, BEGIN "\n" END "\n");
    assert_string_equal(secrets.storage_conf, "sdk.aws.s3.key: \"k\"\n");
    secrets_free(&secrets);
    unlink(path);
}

static void refused(const char *text, mode_t mode, const char *word)
{
    struct secrets secrets;
    struct dr_error error = {0};
    const char *path = write_file(text, mode);
    assert_false(secrets_load(path, &secrets, &error));
    if (!strstr(error.text, word) || strstr(error.text, "hunter2"))
        fail_msg("%s", error.text);
    unlink(path);
}

static void test_faults_are_named_without_values(void **unused)
{
    (void)unused;
    refused("git:\n  - {host: git.one, token: hunter2}\n", 0644, "chmod 600");
    refused("gti:\n  - {host: git.one, token: hunter2}\n", 0600, "`gti`");
    refused("git:\n  - {user: hunter2, token: hunter2}\n", 0600, "git[0]");
    refused("git: hunter2\n", 0600, "git");
    refused("ssh_private_key: [hunter2]\n", 0600, "ssh_private_key");
    refused("ssh_private_key: /home/hunter2/.ssh/key\n", 0600, "must be the text of a private key");
}

static void test_no_file_is_no_secret(void **unused)
{
    struct secrets secrets;
    (void)unused;
    assert_true(secrets_load("", &secrets, NULL));
    assert_int_equal(secrets.git_host_count, 0);
    assert_string_equal(secrets.storage_conf, "");
    secrets_free(&secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_faults_are_named_without_values),
        cmocka_unit_test(test_no_file_is_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
