/* SPDX-License-Identifier: Apache-2.0 */
/* Users and tokens. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "password.h"

void handle_tokens(struct request *request);
void handle_token_add(struct request *request);
void handle_token_revoke(struct request *request);
void handle_users(struct request *request);
void handle_user_add(struct request *request);
void handle_user_remove(struct request *request);

/* Of a text in UTF-8. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static struct dr_accounts_file *accounts(const struct request *request)
{
    return sessions_accounts(request->gateway->sessions);
}

void handle_tokens(struct request *request)
{
    answer_json(request, 200,
                json_pack("{s:o}", "tokens", dr_accounts_token_list(accounts(request))));
}

void handle_users(struct request *request)
{
    answer_json(request, 200,
                json_pack("{s:o}", "users", dr_accounts_user_list(accounts(request))));
}

/* Name and role of the body; false: 400 is answered. */
static bool name_and_role(struct request *request, const char **name, const char **role)
{
    *name = request_text(request, "name");
    *role = *name == NULL ? NULL : request_text(request, "role");
    if (*role == NULL)
        return false;
    bool good = dr_account_name_ok(*name) && dr_account_role_ok(*role);
    if (!good)
        answer_error(
            request, 400, "bad-request",
            "a name has 1 to 63 of letters, digits and . _ - @ + and is not " ACCOUNT_LINK_NAME
            "; a role is operator or viewer");
    return good;
}

void handle_token_add(struct request *request)
{
    const char *name, *role;
    char token[ACCOUNT_TOKEN_SIZE], id[17];
    struct dr_error error;
    if (!name_and_role(request, &name, &role))
        return;
    if (!dr_account_token_add(accounts(request), name, role, request->login.user, token, id,
                              &error)) {
        answer_error(request, 503, "unavailable", "%s", error.text);
        return;
    }
    gateway_note(request->gateway, "token", id, "created", name, request->login.user);
    answer_json(
        request, 201,
        json_pack("{s:s,s:s,s:s,s:s}", "id", id, "name", name, "role", role, "token", token));
    sodium_memzero(token, sizeof token);
}

void handle_token_revoke(struct request *request)
{
    struct dr_error error;
    const char *id = request_arg(request, 0);
    if (!dr_account_token_revoke(accounts(request), id, &error)) {
        answer_error(request, 404, "not-found", "%s", error.text);
        return;
    }
    gateway_note(request->gateway, "token", id, "revoked", "", request->login.user);
    answer_json(request, 200, json_pack("{s:b}", "ok", 1));
}

static void on_hashed(struct request *request, const char *hash, bool good)
{
    const char *name = request_text(request, "name"), *role = request_text(request, "role");
    struct dr_error error;
    struct dr_account known;
    if (!good) {
        answer_error(request, 503, "unavailable",
                     "no memory to hash the password: %s is as before; try again", name);
        return;
    }
    bool there = dr_account_user(accounts(request), name, &known);
    if (!dr_account_user_put(accounts(request), name, role, hash, request->login.user, &error)) {
        answer_error(request, 503, "unavailable", "%s", error.text);
        return;
    }
    sessions_end_user(request->gateway->sessions, name); /* the old password opens nothing more */
    gateway_note(request->gateway, "login", name, there ? "changed" : "created", role,
                 request->login.user);
    answer_json(request, 201, json_pack("{s:s,s:s}", "name", name, "role", role));
}

void handle_user_add(struct request *request)
{
    struct gateway *gateway = request->gateway;
    const char *name, *role, *password;
    if (!name_and_role(request, &name, &role))
        return;
    password = request_text(request, "password");
    if (password == NULL)
        return;
    size_t len = characters(password);
    if (len < ACCOUNT_PASSWORD_MIN || len > ACCOUNT_PASSWORD_MAX) {
        answer_error(request, 400, "bad-request", "a password has %d to %d characters",
                     ACCOUNT_PASSWORD_MIN, ACCOUNT_PASSWORD_MAX);
        return;
    }
    if (gateway->passwords == NULL)
        gateway->passwords = passwords_new(gateway->loop);
    if (!password_hash(gateway->passwords, request, password, on_hashed))
        answer_error(request, 503, "unavailable",
                     "too many passwords are being worked on: %s is as before; try again in a "
                     "moment",
                     name);
}

void handle_user_remove(struct request *request)
{
    struct dr_error error;
    const char *name = request_arg(request, 0);
    if (!dr_account_user_remove(accounts(request), name, &error)) {
        answer_error(request, 404, "not-found", "%s", error.text);
        return;
    }
    sessions_end_user(request->gateway->sessions, name);
    gateway_note(request->gateway, "login", name, "removed", "", request->login.user);
    answer_json(request, 200, json_pack("{s:b}", "ok", 1));
}
