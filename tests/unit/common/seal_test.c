/* SPDX-License-Identifier: Apache-2.0 */
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seal.h"

static char folder[64];

static const char *at(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void what_is_sealed_opens(void **state)
{
    (void)state;
    struct dr_seal_keypair pair, other;
    dr_seal_new(&pair);
    dr_seal_new(&other);
    for (size_t len = 0; len < 300; len += 43) {
        char plain[300];
        memset(plain, (int)len, sizeof plain);
        size_t sealed_len, back_len;
        unsigned char *sealed = dr_seal_to(pair.public_key, plain, len, &sealed_len);
        unsigned char *back = dr_seal_open(&pair, sealed, sealed_len, &back_len);
        assert_non_null(back);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, plain, len);
        assert_int_equal(back[len], 0);
        assert_null(dr_seal_open(&other, sealed, sealed_len, &back_len));
        sealed[sealed_len / 2] ^= 1;
        assert_null(dr_seal_open(&pair, sealed, sealed_len, &back_len));
        assert_null(dr_seal_open(&pair, sealed, 5, &back_len));
        dr_wipe_free(back, len);
        free(sealed);
    }
}

static void a_key_that_is_none_is_refused(void **state)
{
    (void)state;
    const unsigned char zeros[DR_SEAL_KEY_SIZE] = {0};
    size_t len;
    assert_null(dr_seal_to(zeros, "x", 1, &len));
    assert_int_equal(len, 0);
}

static void the_pair_is_kept(void **state)
{
    (void)state;
    struct dr_seal_keypair first, again;
    struct dr_error error = {0};
    assert_true(dr_seal_load(at("kept.key"), &first, &error));
    struct stat info;
    assert_int_equal(stat(at("kept.key"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_true(dr_seal_load(at("kept.key"), &again, &error));
    assert_memory_equal(&first, &again, sizeof first);
}

static void racing_creators_agree(void **state)
{
    (void)state;
    enum { RACERS = 12 };
    int said[2];
    assert_int_equal(pipe(said), 0);
    for (int i = 0; i < RACERS; i++) {
        if (fork() == 0) {
            struct dr_seal_keypair pair;
            bool good = dr_seal_load(at("raced.key"), &pair, NULL) &&
                        write(said[1], &pair, sizeof pair) == sizeof pair;
            _exit(good ? 0 : 1);
        }
    }
    struct dr_seal_keypair first, other;
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(read(said[0], i ? &other : &first, sizeof first), sizeof first);
        if (i)
            assert_memory_equal(&first, &other, sizeof first);
    }
    for (int status; wait(&status) > 0;)
        assert_int_equal(status, 0);
    DIR *listing = opendir(folder);
    for (struct dirent *entry; (entry = readdir(listing));)
        assert_null(strstr(entry->d_name, "raced.key."));
    closedir(listing);
    close(said[0]);
    close(said[1]);
}

static void a_bad_file_is_said(void **state)
{
    (void)state;
    struct dr_seal_keypair pair;
    struct dr_error error = {0};
    FILE *file = fopen(at("bad.key"), "w");
    fputs("not a key\n", file);
    fclose(file);
    chmod(at("bad.key"), 0600);
    assert_false(dr_seal_load(at("bad.key"), &pair, &error));
    assert_non_null(strstr(error.text, "is not a sealing key of Drover"));
    chmod(at("bad.key"), 0640);
    assert_false(dr_seal_load(at("bad.key"), &pair, &error));
    assert_non_null(strstr(error.text, "chmod 600 /tmp/"));
    assert_false(dr_seal_load("/nowhere/at/all.key", &pair, &error));
    assert_string_equal(error.text,
                        "cannot create the sealing key /nowhere/at/all.key: No such file or "
                        "directory");
}

static void base64_is_strict(void **state)
{
    (void)state;
    size_t len;
    char *text = dr_base64_encode("drove", 5);
    assert_string_equal(text, "ZHJvdmU=");
    unsigned char *back = dr_base64_decode(text, &len);
    assert_string_equal((char *)back, "drove");
    assert_int_equal(len, 5);
    dr_wipe_free(back, len);
    dr_wipe_free_text(text);
    static const char *const bad[] = {"ZHJvdmU", "ZHJvdm U=", "ZHJvdmU=\n",
                                      "Z",       "ZHJvdmV=",  "===="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(dr_base64_decode(bad[i], &len));
    back = dr_base64url_decode("-_8.rest", 3, &len);
    assert_int_equal(len, 2);
    assert_memory_equal(back, "\xfb\xff", 2);
    dr_wipe_free(back, len);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/drover-seal-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"kept.key", "raced.key", "bad.key"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(at(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens), cmocka_unit_test(a_key_that_is_none_is_refused),
        cmocka_unit_test(the_pair_is_kept),     cmocka_unit_test(racing_creators_agree),
        cmocka_unit_test(a_bad_file_is_said),   cmocka_unit_test(base64_is_strict),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
