/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts and tokens on the disk: hashes only, and a file that can always be read again. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"

static char dir[] = "/tmp/accounts-test-XXXXXX", path[64];

static int setup(void **nothing)
{
    (void)nothing;
    snprintf(dir, sizeof dir, "/tmp/accounts-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/accounts.json", dir);
    return 0;
}

static int teardown(void **nothing)
{
    (void)nothing;
    char lock[64];
    snprintf(lock, sizeof lock, "%s/accounts.lock", dir);
    unlink(path);
    unlink(lock);
    return rmdir(dir);
}

static char *text_of_file(void)
{
    static char text[8192];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void a_token_is_kept_as_its_hash(void **nothing)
{
    (void)nothing;
    char token[ACCOUNT_TOKEN_SIZE], id[17], hash[ACCOUNT_HASH_SIZE];
    struct dr_error error;
    struct dr_account found;
    struct stat seen;
    struct dr_accounts_file *file = dr_accounts_open(dir);
    mode_t mask = umask(0);
    assert_true(dr_account_token_add(file, "ci", "viewer", "ann", token, id, &error));
    umask(mask);
    assert_int_equal(stat(path, &seen), 0);
    assert_int_equal(seen.st_mode & 0777, 0600);
    assert_null(strstr(text_of_file(), token + 7));
    dr_account_hash_text(token, hash);
    assert_true(dr_account_token(file, token, &found));
    assert_string_equal(found.name, "ci");
    assert_false(found.operator_);
    assert_true(dr_account_token_hash(file, hash, &found));
    assert_false(dr_account_token(file, hash, &found)); /* a thief of the file is nobody */
    assert_true(dr_account_token_revoke(file, id, &error));
    assert_false(dr_account_token(file, token, &found));
    assert_false(dr_account_token_hash(file, hash, &found));
    dr_accounts_close(&file);
}

/* As large as it may be, by tokens whose names are long. */
static void fill(void)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fchmod(fileno(out), 0600), 0);
    fputs("{\"users\": [], \"tokens\": [{\"id\": \"last\", \"name\": \"last\"}", out);
    while (ftell(out) < (1 << 20) - 1000)
        fprintf(out, ",\n  {\n   \"id\": \"x\",\n   \"name\": \"%0200d\"\n  }", 0);
    fputs("]}", out);
    fclose(out);
}

static void a_full_file_stays_as_it_was(void **nothing)
{
    (void)nothing;
    char token[ACCOUNT_TOKEN_SIZE], id[17];
    struct dr_error error;
    struct stat before, after;
    fill();
    struct dr_accounts_file *file = dr_accounts_open(dir), *other = dr_accounts_open(dir);
    int added = 0;
    assert_int_equal(stat(path, &before), 0);
    while (added < 100 && dr_account_token_add(file, "ci", "viewer", "ann", token, id, &error))
        added++;
    assert_in_range(added, 0, 99);
    assert_non_null(strstr(error.text, "is full: remove users or tokens first"));
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size <= 1 << 20);
    assert_true(dr_accounts_refresh(other, &error)); /* nobody is locked out */
    assert_true(dr_account_token_revoke(file, "last", &error));
    dr_accounts_close(&file);
    dr_accounts_close(&other);
}

static void names(void **nothing)
{
    (void)nothing;
    static const char *const bad[] = {"",  "link", "a b",  "a:b",    "a/b",
                                      "é", "a\nb", "a\"b", "token:x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dr_account_name_ok(bad[i]));
    assert_true(dr_account_name_ok("ann.b-c_d@example+1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_kept_as_its_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_file_stays_as_it_was, setup, teardown),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
