/* SPDX-License-Identifier: Apache-2.0 */
/* STATE_DIR/gateway/accounts.json: who may enter the dashboard, and the API's tokens. The gateway
 * and `drover token` both work on it, under a lock; it holds hashes, never a password or a token.
 * All functions block on the disk; those with a password take a moment's work besides. */
#ifndef DROVER_COMMON_ACCOUNTS_H
#define DROVER_COMMON_ACCOUNTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define ACCOUNT_NAME_SIZE 64
#define ACCOUNT_LINK_NAME "link" /* who comes by the one-time link: no account may be called so */
#define ACCOUNT_TOKEN_SIZE 72    /* "drover_" and 64 hexadecimal digits */
#define ACCOUNT_HASH_SIZE 65     /* of a token, hexadecimal */
#define ACCOUNT_PASSWORD_MIN 8
#define ACCOUNT_PASSWORD_MAX 1024

struct dr_accounts_file;

/* Who a token or a name belongs to. */
struct dr_account {
    char name[ACCOUNT_NAME_SIZE];
    bool operator_;     /* else viewer */
    int64_t created_us; /* when it was added, or its password or role last changed */
};

/* dir: STATE_DIR/gateway; made (0700) when something is first written. */
struct dr_accounts_file *dr_accounts_open(const char *dir);
void dr_accounts_close(struct dr_accounts_file **file);

/* Reads the file again if it is another one than before. False with a sentence: it is there and
 * cannot be read; what was known before still holds. */
bool dr_accounts_refresh(struct dr_accounts_file *file, struct dr_error *error);

size_t dr_accounts_users(const struct dr_accounts_file *file);

/* Looks up; false: none. dr_account_token() compares hashes, in a time that tells nothing. */
bool dr_account_user(const struct dr_accounts_file *file, const char *name,
                     struct dr_account *found);
bool dr_account_token(const struct dr_accounts_file *file, const char *token,
                      struct dr_account *found);
/* As above, for one whose token's hash is known. */
bool dr_account_token_hash(const struct dr_accounts_file *file, const char *hash,
                           struct dr_account *found);

/* The stored form of a user's password, for dr_account_password(); of an unknown name one that no
 * password fits, so that both take the same time. The caller's (free). */
char *dr_account_password_hash(const struct dr_accounts_file *file, const char *name);

/* Argon2id; some 50 ms and 64 MiB. May run in a thread of its own. */
bool dr_account_password(const char *hash, const char *password);

/* True for a name that may be given: 1 to 63 of letters, digits and . _ - @ +; not
 * ACCOUNT_LINK_NAME. */
bool dr_account_name_ok(const char *name);
bool dr_account_role_ok(const char *role);

/* Adds or replaces a user. dr_account_hash() makes the hash (the caller's, dr_wipe_free_text);
 * NULL: no memory for it. */
char *dr_account_hash(const char *password);
bool dr_account_user_put(struct dr_accounts_file *file, const char *name, const char *role,
                         const char *hash, const char *by, struct dr_error *error);
bool dr_account_user_remove(struct dr_accounts_file *file, const char *name,
                            struct dr_error *error);

/* Makes a token; `token` is the only place where it ever stands. `id` gets its public id. */
bool dr_account_token_add(struct dr_accounts_file *file, const char *name, const char *role,
                          const char *by, char token[ACCOUNT_TOKEN_SIZE], char id[17],
                          struct dr_error *error);
bool dr_account_token_revoke(struct dr_accounts_file *file, const char *id, struct dr_error *error);

/* What people may see: [{name, role, created_us, by}], [{id, name, role, created_us, by}]. */
json_t *dr_accounts_user_list(const struct dr_accounts_file *file);
json_t *dr_accounts_token_list(const struct dr_accounts_file *file);

/* BLAKE2b of a text as hexadecimal digits: what is kept of a token and of a session. */
void dr_account_hash_text(const char *text, char hash[ACCOUNT_HASH_SIZE]);

/* Replaces a file as a whole: written beside it (mode), synced, renamed. */
bool dr_file_replace(const char *path, const char *text, size_t len, unsigned mode,
                     struct dr_error *error);

#endif
