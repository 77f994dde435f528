/* SPDX-License-Identifier: Apache-2.0 */
/* Who is logged in. The file keeps hashes only, so that a restarted gateway knows its people and a
 * thief of the file nobody. */
#ifndef DROVER_GATEWAY_SESSION_H
#define DROVER_GATEWAY_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "accounts.h"
#include "rand.h"
#include "route.h"

struct login {
    char user[80];
    enum role role;
    bool by_token;
    char csrf[DR_RANDOM_ID_SIZE];  /* of a session; "" for tokens */
    char proof[ACCOUNT_HASH_SIZE]; /* the hash of the cookie or token */
};

struct sessions;

/* dir: STATE_DIR/gateway, made when it is missing; link_path: where the one-time link is kept. */
struct sessions *sessions_new(const char *dir, const char *link_path, int64_t now_us);
void sessions_free(struct sessions **sessions);

/* A new session for the one who proved who he is; cookie gets its secret. It ends before until_us
 * once the account is removed or given another password. False: the file cannot be written (it
 * holds for this life all the same). */
bool sessions_begin(struct sessions *sessions, const char *user, enum role role, int64_t now_us,
                    int64_t until_us, char cookie[DR_RANDOM_ID_SIZE]);
void sessions_end(struct sessions *sessions, const char *cookie);
/* Everybody of this name is logged out. */
void sessions_end_user(struct sessions *sessions, const char *user);

bool sessions_by_cookie(struct sessions *sessions, const char *cookie, int64_t now_us,
                        struct login *out);
bool sessions_by_token(struct sessions *sessions, const char *token, struct login *out);
/* Whether what was proved once still holds. */
bool sessions_holds(struct sessions *sessions, const char *proof, bool by_token, int64_t now_us);
/* What a password of this user is checked against (password.h); of an unknown one what no password
 * fits. The caller's; NULL: there is no memory. */
char *sessions_password_hash(struct sessions *sessions, const char *user);
/* That the password which fitted this hash is still this user's, and who that is. */
bool sessions_by_hash(struct sessions *sessions, const char *user, const char *hash,
                      struct login *out);

/* The one-time link: base is the address that people use. Written anew when it was used or is too
 * old, or base is another. */
void sessions_link(struct sessions *sessions, const char *base, int64_t now_us);
bool sessions_use_link(struct sessions *sessions, const char *secret, int64_t now_us);

/* The accounts, as the file has them now. */
struct dr_accounts_file *sessions_accounts(struct sessions *sessions);

#endif
