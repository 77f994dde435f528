/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drover/assert.h"
#include "log.h"
#include "secretfile.h"

#define SESSIONS_MAX 1000 /* the oldest goes */
#define LINK_US (INT64_C(15) * 60 * 1000000)

struct sessions {
    char path[PATH_MAX], link_path[PATH_MAX];
    struct dr_accounts_file *accounts;
    json_t *list; /* [{hash, user, role, csrf, begun_us, until_us}], oldest first */
    char link_hash[ACCOUNT_HASH_SIZE], link_base[256];
    int64_t link_until_us;
};

/* ---- files ---------------------------------------------------------------------------------- */
static bool write_private(const char *path, const char *text)
{
    struct dr_error error;
    bool good = dr_file_replace(path, text, strlen(text), 0600, &error);
    if (!good)
        dr_log_merged(DR_LOG_ERROR, NULL, "%s", error.text);
    return good;
}

static bool save(struct sessions *sessions)
{
    char *text = json_dumps(sessions->list, JSON_COMPACT);
    bool good = text != NULL && write_private(sessions->path, text);
    free(text);
    return good;
}

static json_t *load(const char *path)
{
    struct dr_error error;
    size_t len = 0;
    char *text = access(path, F_OK) == 0 ? dr_secretfile_read(path, 4 << 20, &len, &error) : NULL;
    json_t *list = text == NULL ? NULL : json_loadb(text, len, 0, NULL);
    free(text);
    if (json_is_array(list))
        return list;
    json_decref(list);
    return json_array();
}

struct dr_accounts_file *sessions_accounts(struct sessions *sessions)
{
    struct dr_error error;
    if (!dr_accounts_refresh(sessions->accounts, &error))
        dr_log_merged(DR_LOG_ERROR, NULL, "accounts and tokens stay as they were: %s", error.text);
    return sessions->accounts;
}

struct sessions *sessions_new(const char *dir, const char *link_path, int64_t now_us)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    DR_ASSERT(sessions != NULL && sodium_init() >= 0);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        dr_log(DR_LOG_ERROR, NULL, "cannot make %s: %s", dir, strerror(errno));
    sessions->accounts = dr_accounts_open(dir);
    snprintf(sessions->path, sizeof sessions->path, "%s/sessions.json", dir);
    snprintf(sessions->link_path, sizeof sessions->link_path, "%s", link_path);
    sessions->list = load(sessions->path);
    for (size_t i = json_array_size(sessions->list); i-- > 0;) {
        const json_t *each = json_array_get(sessions->list, i);
        if (json_integer_value(json_object_get(each, "until_us")) < now_us)
            json_array_remove(sessions->list, i);
    }
    return sessions;
}

void sessions_free(struct sessions **sessions)
{
    if (*sessions == NULL)
        return;
    unlink((*sessions)->link_path);
    json_decref((*sessions)->list);
    dr_accounts_close(&(*sessions)->accounts);
    free(*sessions);
    *sessions = NULL;
}

/* ---- sessions ------------------------------------------------------------------------------- */
static const char *text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text == NULL ? "" : text;
}

bool sessions_begin(struct sessions *sessions, const char *user, enum role role, int64_t now_us,
                    int64_t until_us, char cookie[DR_RANDOM_ID_SIZE])
{
    char hash[ACCOUNT_HASH_SIZE], csrf[DR_RANDOM_ID_SIZE];
    dr_random_id(cookie);
    dr_random_id(csrf);
    dr_account_hash_text(cookie, hash);
    json_array_append_new(sessions->list,
                          json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "hash", hash, "user", user, "role",
                                    role_name(role), "csrf", csrf, "begun_us", (json_int_t)now_us,
                                    "until_us", (json_int_t)until_us));
    if (json_array_size(sessions->list) > SESSIONS_MAX)
        json_array_remove(sessions->list, 0);
    return save(sessions);
}

static size_t find_hash(const struct sessions *sessions, const char *hash)
{
    size_t i;
    json_t *each;
    json_array_foreach (sessions->list, i, each) {
        if (strcmp(text_of(each, "hash"), hash) == 0)
            break;
    }
    return i;
}

static size_t find(const struct sessions *sessions, const char *cookie)
{
    char hash[ACCOUNT_HASH_SIZE];
    dr_account_hash_text(cookie, hash);
    return find_hash(sessions, hash);
}

void sessions_end(struct sessions *sessions, const char *cookie)
{
    if (json_array_remove(sessions->list, find(sessions, cookie)) == 0)
        save(sessions);
}

void sessions_end_user(struct sessions *sessions, const char *user)
{
    for (size_t i = json_array_size(sessions->list); i-- > 0;) {
        if (strcmp(text_of(json_array_get(sessions->list, i), "user"), user) == 0)
            json_array_remove(sessions->list, i);
    }
    save(sessions);
}

/* What the account may do now: `drover token user` changes it without asking the gateway. Who came
 * by the link has none; no account has that name. */
static enum role role_now(struct sessions *sessions, const json_t *row)
{
    struct dr_account account;
    const char *user = text_of(row, "user");
    if (strcmp(user, ACCOUNT_LINK_NAME) == 0)
        return role_parse(text_of(row, "role"));
    if (!dr_account_user(sessions_accounts(sessions), user, &account))
        return ROLE_NONE;
    /* Begun with the password that the account had before, or by one who had its name. */
    if (json_integer_value(json_object_get(row, "begun_us")) < account.created_us)
        return ROLE_NONE;
    return account.operator_ ? ROLE_OPERATOR : ROLE_VIEWER;
}

bool sessions_by_cookie(struct sessions *sessions, const char *cookie, int64_t now_us,
                        struct login *out)
{
    size_t at = find(sessions, cookie);
    const json_t *row = json_array_get(sessions->list, at);
    if (row == NULL)
        return false;
    if (json_integer_value(json_object_get(row, "until_us")) < now_us) {
        json_array_remove(sessions->list, at);
        return false;
    }
    out->by_token = false;
    out->role = role_now(sessions, row);
    snprintf(out->user, sizeof out->user, "%s", text_of(row, "user"));
    snprintf(out->csrf, sizeof out->csrf, "%s", text_of(row, "csrf"));
    snprintf(out->proof, sizeof out->proof, "%s", text_of(row, "hash"));
    return out->role != ROLE_NONE;
}

/* Names have no space: the ledger takes none. */
static bool is_account(const struct dr_account *account, const char *prefix, bool by_token,
                       struct login *out)
{
    *out = (struct login){.role = account->operator_ ? ROLE_OPERATOR : ROLE_VIEWER,
                          .by_token = by_token};
    snprintf(out->user, sizeof out->user, "%s%s", prefix, account->name);
    return true;
}

bool sessions_by_token(struct sessions *sessions, const char *token, struct login *out)
{
    struct dr_account account;
    if (!dr_account_token(sessions_accounts(sessions), token, &account))
        return false;
    is_account(&account, "token:", true, out);
    dr_account_hash_text(token, out->proof);
    return true;
}

bool sessions_holds(struct sessions *sessions, const char *proof, bool by_token, int64_t now_us)
{
    struct dr_account account;
    if (by_token)
        return dr_account_token_hash(sessions_accounts(sessions), proof, &account);
    const json_t *row = json_array_get(sessions->list, find_hash(sessions, proof));
    return row != NULL && json_integer_value(json_object_get(row, "until_us")) >= now_us &&
           role_now(sessions, row) != ROLE_NONE;
}

char *sessions_password_hash(struct sessions *sessions, const char *user)
{
    return dr_account_password_hash(sessions_accounts(sessions), user);
}

bool sessions_by_hash(struct sessions *sessions, const char *user, const char *hash,
                      struct login *out)
{
    struct dr_account account;
    char *now = sessions_password_hash(sessions, user);
    bool good = now != NULL && strcmp(now, hash) == 0 &&
                dr_account_user(sessions->accounts, user, &account) &&
                is_account(&account, "", false, out);
    free(now);
    return good;
}

/* ---- the link ------------------------------------------------------------------------------- */
void sessions_link(struct sessions *sessions, const char *base, int64_t now_us)
{
    char secret[DR_RANDOM_ID_SIZE], line[400];
    if (sessions->link_hash[0] != '\0' && now_us < sessions->link_until_us &&
        strcmp(base, sessions->link_base) == 0)
        return;
    dr_random_id(secret);
    dr_account_hash_text(secret, sessions->link_hash);
    snprintf(sessions->link_base, sizeof sessions->link_base, "%s", base);
    sessions->link_until_us = now_us + LINK_US;
    snprintf(line, sizeof line, "%s/login?once=%s\n", base, secret);
    write_private(sessions->link_path, line);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(line, sizeof line);
}

bool sessions_use_link(struct sessions *sessions, const char *secret, int64_t now_us)
{
    char hash[ACCOUNT_HASH_SIZE], base[256];
    dr_account_hash_text(secret, hash);
    if (sessions->link_hash[0] == '\0' || now_us >= sessions->link_until_us ||
        sodium_memcmp(hash, sessions->link_hash, sizeof hash) != 0)
        return false;
    sessions->link_hash[0] = '\0';
    snprintf(base, sizeof base, "%s", sessions->link_base);
    sessions_link(sessions, base, now_us);
    return true;
}
