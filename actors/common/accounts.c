/* SPDX-License-Identifier: Apache-2.0 */
#include "accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "rand.h"
#include "secretfile.h"
#include "seal.h"

#define FILE_MAX ((size_t)1 << 20)

struct dr_accounts_file {
    char dir[512];
    char path[600];
    json_t *root; /* {"users": [...], "tokens": [...]}: never NULL */
    struct stat seen;
    char *no_password; /* a hash that no password fits */
};

static json_t *empty(void)
{
    return json_pack("{s:[],s:[]}", "users", "tokens");
}

struct dr_accounts_file *dr_accounts_open(const char *dir)
{
    struct dr_accounts_file *file = calloc(1, sizeof *file);
    DR_ASSERT(file != NULL && sodium_init() >= 0);
    snprintf(file->dir, sizeof file->dir, "%s", dir);
    snprintf(file->path, sizeof file->path, "%s/accounts.json", dir);
    file->root = empty();
    return file;
}

void dr_accounts_close(struct dr_accounts_file **file)
{
    if (*file == NULL)
        return;
    json_decref((*file)->root);
    free((*file)->no_password);
    free(*file);
    *file = NULL;
}

static bool load(struct dr_accounts_file *file, struct dr_error *error)
{
    size_t len;
    char *text = dr_secretfile_read(file->path, FILE_MAX, &len, error);
    if (text == NULL)
        return false;
    json_error_t wrong;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &wrong);
    dr_wipe_free(text, len);
    if (!json_is_array(json_object_get(root, "users")) ||
        !json_is_array(json_object_get(root, "tokens"))) {
        json_decref(root);
        return dr_error_set(error,
                            "%s is damaged: it must hold users and tokens. Move it away and "
                            "add them again with drover token",
                            file->path);
    }
    json_decref(file->root);
    file->root = root;
    return true;
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool dr_accounts_refresh(struct dr_accounts_file *file, struct dr_error *error)
{
    struct stat now;
    if (stat(file->path, &now) != 0) {
        if (errno != ENOENT)
            return dr_error_set(error, "cannot look at %s: %s", file->path, strerror(errno));
        if (file->seen.st_ino != 0) {
            json_decref(file->root);
            file->root = empty();
            file->seen = (struct stat){0};
        }
        return true;
    }
    if (same(&now, &file->seen))
        return true;
    if (!load(file, error))
        return false;
    file->seen = now;
    return true;
}

static json_t *find(const struct dr_accounts_file *file, const char *list, const char *key,
                    const char *value, size_t *index)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(file->root, list), i, item) {
        const char *text = json_string_value(json_object_get(item, key));
        if (text != NULL && strcmp(text, value) == 0) {
            if (index != NULL)
                *index = i;
            return item;
        }
    }
    return NULL;
}

static void fill(const json_t *item, struct dr_account *found)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *role = json_string_value(json_object_get(item, "role"));
    snprintf(found->name, sizeof found->name, "%s", name == NULL ? "" : name);
    found->operator_ = role != NULL && strcmp(role, "operator") == 0;
    found->created_us = json_integer_value(json_object_get(item, "created_us"));
}

size_t dr_accounts_users(const struct dr_accounts_file *file)
{
    return json_array_size(json_object_get(file->root, "users"));
}

bool dr_account_user(const struct dr_accounts_file *file, const char *name,
                     struct dr_account *found)
{
    const json_t *item = find(file, "users", "name", name, NULL);
    if (item != NULL)
        fill(item, found);
    return item != NULL;
}

void dr_account_hash_text(const char *text, char hash[ACCOUNT_HASH_SIZE])
{
    unsigned char bytes[32];
    crypto_generichash(bytes, sizeof bytes, (const unsigned char *)text, strlen(text), NULL, 0);
    sodium_bin2hex(hash, ACCOUNT_HASH_SIZE, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
}

bool dr_account_token(const struct dr_accounts_file *file, const char *token,
                      struct dr_account *found)
{
    char hash[ACCOUNT_HASH_SIZE];
    dr_account_hash_text(token, hash);
    return dr_account_token_hash(file, hash, found);
}

bool dr_account_token_hash(const struct dr_accounts_file *file, const char *hash,
                           struct dr_account *found)
{
    const json_t *hit = NULL;
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(file->root, "tokens"), i, item) {
        const char *kept = json_string_value(json_object_get(item, "hash"));
        if (kept != NULL && strlen(kept) == strlen(hash) &&
            sodium_memcmp(kept, hash, strlen(hash)) == 0)
            hit = item;
    }
    if (hit != NULL)
        fill(hit, found);
    return hit != NULL;
}

char *dr_account_hash(const char *password)
{
    char *hash = calloc(1, crypto_pwhash_STRBYTES);
    DR_ASSERT(hash != NULL);
    if (crypto_pwhash_str(hash, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0)
        return hash;
    free(hash);
    return NULL;
}

char *dr_account_password_hash(const struct dr_accounts_file *file, const char *name)
{
    const json_t *item = find(file, "users", "name", name, NULL);
    const char *kept = json_string_value(json_object_get(item, "hash"));
    /* Of the same cost as real ones; its text is no password's. */
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
                                 "RdescudvJCsgt3ub+b6dWRWJTmaaJObGRdescudvJCs";
    char *hash = strdup(kept != NULL ? kept : nobody);
    DR_ASSERT(hash != NULL);
    return hash;
}

bool dr_account_password(const char *hash, const char *password)
{
    return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

bool dr_account_name_ok(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < ACCOUNT_NAME_SIZE && strcmp(name, ACCOUNT_LINK_NAME) != 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+") ==
               len;
}

bool dr_account_role_ok(const char *role)
{
    return strcmp(role, "operator") == 0 || strcmp(role, "viewer") == 0;
}

bool dr_file_replace(const char *path, const char *text, size_t len, unsigned mode,
                     struct dr_error *error)
{
    char beside[PATH_MAX], id[DR_RANDOM_ID_SIZE];
    dr_random_id(id);
    snprintf(beside, sizeof beside, "%s.%.8s", path, id);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool fine = fd >= 0 && fchmod(fd, mode) == 0; /* whatever the umask */
    for (size_t done = 0; fine && done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        fine = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    fine = fine && fsync(fd) == 0 && rename(beside, path) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (fine)
        return true;
    unlink(beside);
    return dr_error_set(error, "cannot write %s: %s", path, strerror(why));
}

/* One change at a time, also across processes: the file is read under the lock. -1: error says. */
static int begin(struct dr_accounts_file *file, struct dr_error *error)
{
    char path[600];
    snprintf(path, sizeof path, "%s/accounts.lock", file->dir);
    if (mkdir(file->dir, 0700) != 0 && errno != EEXIST) {
        dr_error_set(error, "cannot make %s: %s", file->dir, strerror(errno));
        return -1;
    }
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) {
        dr_error_set(error, "cannot lock %s: %s", path, strerror(errno));
        if (lock >= 0)
            close(lock);
        return -1;
    }
    file->seen = (struct stat){.st_ino = 1}; /* read it in any case */
    if (dr_accounts_refresh(file, error))
        return lock;
    close(lock);
    return -1;
}

static bool commit(struct dr_accounts_file *file, int lock, struct dr_error *error)
{
    char *text = json_dumps(file->root, JSON_INDENT(1));
    DR_ASSERT(text != NULL);
    /* A file that cannot be read again would lock everybody out. */
    bool fine = strlen(text) <= FILE_MAX ||
                dr_error_set(error, "%s is full: remove users or tokens first", file->path);
    fine = fine && dr_file_replace(file->path, text, strlen(text), 0600, error);
    dr_wipe_free_text(text);
    file->seen = (struct stat){.st_ino = 1};
    struct dr_error ignored;
    dr_accounts_refresh(file, &ignored);
    close(lock);
    return fine;
}

bool dr_account_user_put(struct dr_accounts_file *file, const char *name, const char *role,
                         const char *hash, const char *by, struct dr_error *error)
{
    int lock = begin(file, error);
    if (lock < 0)
        return false;
    size_t index;
    json_t *users = json_object_get(file->root, "users");
    if (find(file, "users", "name", name, &index) != NULL)
        json_array_remove(users, index);
    json_array_append_new(users,
                          json_pack("{s:s,s:s,s:s,s:I,s:s}", "name", name, "role", role, "hash",
                                    hash, "created_us", (json_int_t)dr_wall_us(), "by", by));
    return commit(file, lock, error);
}

static bool remove_one(struct dr_accounts_file *file, const char *list, const char *key,
                       const char *value, struct dr_error *error)
{
    int lock = begin(file, error);
    if (lock < 0)
        return false;
    size_t index;
    if (find(file, list, key, value, &index) == NULL) {
        close(lock);
        return dr_error_set(error, "there is no %s %s",
                            strcmp(list, "users") == 0 ? "user" : "token", value);
    }
    json_array_remove(json_object_get(file->root, list), index);
    return commit(file, lock, error);
}

bool dr_account_user_remove(struct dr_accounts_file *file, const char *name, struct dr_error *error)
{
    return remove_one(file, "users", "name", name, error);
}

bool dr_account_token_revoke(struct dr_accounts_file *file, const char *id, struct dr_error *error)
{
    return remove_one(file, "tokens", "id", id, error);
}

bool dr_account_token_add(struct dr_accounts_file *file, const char *name, const char *role,
                          const char *by, char token[ACCOUNT_TOKEN_SIZE], char id[17],
                          struct dr_error *error)
{
    char first[DR_RANDOM_ID_SIZE], second[DR_RANDOM_ID_SIZE], hash[ACCOUNT_HASH_SIZE];
    int lock = begin(file, error);
    if (lock < 0)
        return false;
    dr_random_id(first);
    snprintf(id, 17, "%.16s", first);
    dr_random_id(first);
    dr_random_id(second);
    snprintf(token, ACCOUNT_TOKEN_SIZE, "drover_%s%s", first, second);
    sodium_memzero(first, sizeof first);
    sodium_memzero(second, sizeof second);
    dr_account_hash_text(token, hash);
    json_array_append_new(json_object_get(file->root, "tokens"),
                          json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "id", id, "name", name, "role",
                                    role, "hash", hash, "created_us", (json_int_t)dr_wall_us(),
                                    "by", by));
    return commit(file, lock, error);
}

static json_t *without_hashes(const struct dr_accounts_file *file, const char *list)
{
    json_t *copy = json_deep_copy(json_object_get(file->root, list));
    size_t i;
    json_t *item;
    json_array_foreach (copy, i, item) {
        json_object_del(item, "hash");
    }
    return copy;
}

json_t *dr_accounts_user_list(const struct dr_accounts_file *file)
{
    return without_hashes(file, "users");
}

json_t *dr_accounts_token_list(const struct dr_accounts_file *file)
{
    return without_hashes(file, "tokens");
}
