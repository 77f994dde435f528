/* SPDX-License-Identifier: Apache-2.0 */
/* drover --gateway URL token: the same through the gateway's API. */
#include <string.h>

#include "remote.h"
#include "seal.h"
#include "token.h"

static const char *text_at(const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));
    return text == NULL ? "" : text;
}

static int add_token(struct console *console, const char *name, const char *role)
{
    json_t *answer;
    if (!token_name_and_role(name, role))
        return EXIT_USAGE;
    int code = remote_do(console, "POST", "/api/v1/tokens",
                         json_pack("{s:s,s:s}", "name", name, "role", role), &answer);
    if (code != EXIT_FINE)
        return code;
    const char *token = text_at(answer, "token");
    token_shown(console, text_at(answer, "id"), name, role, token);
    dr_wipe((void *)(uintptr_t)token, strlen(token));
    json_decref(answer);
    return EXIT_FINE;
}

static int add_user(struct console *console, const char *name, const char *role)
{
    json_t *answer = NULL;
    if (!token_name_and_role(name, role))
        return EXIT_USAGE;
    char *password = token_password();
    if (password == NULL)
        return EXIT_USAGE;
    json_t *input = json_pack("{s:s,s:s,s:s}", "name", name, "role", role, "password", password);
    dr_wipe_free_text(password);
    int code = input == NULL ? console_fail(EXIT_USAGE, "usage", "the password is no text")
                             : remote_do(console, "POST", "/api/v1/users", input, &answer);
    if (code != EXIT_FINE)
        return code;
    json_decref(answer);
    return console_did(console, "account %s may enter as %s", name, role);
}

static int list(struct console *console, bool users)
{
    json_t *answer;
    int code = remote_do(console, "GET", users ? "/api/v1/users" : "/api/v1/tokens", NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    json_t *items = json_incref(json_object_get(answer, users ? "users" : "tokens"));
    json_decref(answer);
    return token_list(console, items == NULL ? json_array() : items, !users);
}

static int take_away(struct console *console, const char *where, const char *id)
{
    char name[400], path[600];
    json_t *answer;
    remote_escape(id, name, sizeof name);
    snprintf(path, sizeof path, "/api/v1/%s/%s", where, name);
    int code = remote_do(console, "DELETE", path, NULL, &answer);
    if (code != EXIT_FINE)
        return code;
    json_decref(answer);
    return strcmp(where, "users") == 0
               ? console_did(console, "account %s is removed; who was logged in with it is no more",
                             id)
               : console_did(console, "token %s is revoked; nothing that used it gets in any more",
                             id);
}

int token_from_afar(struct console *console, int argc, char **argv, const char *role)
{
    bool users = argc > 0 && strcmp(argv[0], "user") == 0;
    const char *word = argc > (int)users ? argv[users] : "";
    const char *name = argc == 2 + (int)users ? argv[1 + users] : NULL;
    if (name != NULL && strcmp(word, "add") == 0)
        return users ? add_user(console, name, role) : add_token(console, name, role);
    if (argc == 1 + (int)users && strcmp(word, "list") == 0 && role == NULL)
        return list(console, users);
    if (name != NULL && role == NULL && strcmp(word, users ? "remove" : "revoke") == 0)
        return take_away(console, users ? "users" : "tokens", name);
    return console_usage(TOKEN_USAGE);
}
