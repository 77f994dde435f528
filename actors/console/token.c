/* SPDX-License-Identifier: Apache-2.0 */
/* drover token: who may enter the dashboard and its API. Works on the gateway's files, so that it
 * needs neither the gateway nor a login; the gateway reads them again. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "accounts.h"
#include "console.h"
#include "seal.h"
#include "token.h"

#define NOTE_MS 2000

static char who[64]; /* asked before the rights are laid down: sudo's user is told to root only */

/* Files of the gateway belong to the account that runs it: root lays its rights down first. */
static int become_owner(const struct console *console)
{
    struct stat state;
    if (geteuid() != 0 || stat(console->cfg->state_dir, &state) != 0 || state.st_uid == 0)
        return 0;
    if (setegid(state.st_gid) == 0 && seteuid(state.st_uid) == 0)
        return 0;
    console_fail(EXIT_BROKEN, "unavailable", "cannot act as the owner of %s: %s",
                 console->cfg->state_dir, strerror(errno));
    return -1;
}

static struct dr_accounts_file *open_accounts(struct console *console)
{
    char dir[600];
    struct dr_error error;
    snprintf(dir, sizeof dir, "%s/gateway", console->cfg->state_dir);
    if (become_owner(console) != 0)
        return NULL;
    struct dr_accounts_file *file = dr_accounts_open(dir);
    if (!dr_accounts_refresh(file, &error)) {
        console_fail(EXIT_BROKEN, "unavailable", "%s", error.text);
        dr_accounts_close(&file);
    }
    return file;
}

/* For the history, where the ledger runs; the change holds without it. */
static void note(const struct console *console, const char *kind, const char *id, const char *done,
                 const char *sentence)
{
    char path[700], err[256];
    struct dr_message answer;
    struct dr_hand_note body = {
        .kind = kind, .id = id, .done = done, .sentence = sentence, .by = who};
    snprintf(path, sizeof path, "%s/%s", console->run_dir, DR_BUS_CONSOLE_TOKEN);
    if (access(path, R_OK) != 0)
        return;
    struct dr_client *client = dr_client_open(console->run_dir, err, sizeof err);
    if (client != NULL && dr_client_ask(client, "ledger", DR_HAND_NOTE, &body, NOTE_MS, &answer,
                                        err, sizeof err) == 0)
        dr_message_free(&answer);
    dr_client_close(&client);
}

static int refused(const struct dr_error *error)
{
    return console_fail(EXIT_WAITS, "refused", "%s", error->text);
}

static int link_print(const struct console *console)
{
    char path[700], line[700] = "";
    snprintf(path, sizeof path, "%s/login", console->run_dir);
    FILE *file = fopen(path, "re");
    bool fine = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL)
        fclose(file);
    if (!fine)
        return console_fail(
            EXIT_BROKEN, "unavailable",
            "there is no link: %s: %s. Is droverd running, and gateway.listen not off?", path,
            file == NULL ? strerror(errno) : "it is empty");
    line[strcspn(line, "\n")] = '\0';
    if (console->json)
        printf("{\"link\": \"%s\"}\n", line); /* a URL has nothing that JSON would escape */
    else
        puts(line);
    dr_wipe(line, sizeof line);
    return EXIT_FINE;
}

/* Without echo from a terminal, else the first line of stdin. NULL after saying why; wiped and
 * freed by the caller. */
char *token_password(void)
{
    struct termios before, quiet;
    char *line = NULL;
    size_t room = 0;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Password: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    ssize_t len = getline(&line, &room, stdin);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (len > 0)
        line[strcspn(line, "\n")] = '\0';
    size_t typed = len > 0 ? strlen(line) : 0;
    if (typed >= ACCOUNT_PASSWORD_MIN && typed <= ACCOUNT_PASSWORD_MAX)
        return line;
    console_fail(EXIT_USAGE, "usage", "a password has %d to %d bytes", ACCOUNT_PASSWORD_MIN,
                 ACCOUNT_PASSWORD_MAX);
    dr_wipe_free(line, room);
    return NULL;
}

bool token_name_and_role(const char *name, const char *role)
{
    if (dr_account_name_ok(name) && role != NULL && dr_account_role_ok(role))
        return true;
    console_fail(
        EXIT_USAGE, "usage",
        "a name has 1 to 63 letters, digits or . _ - @ +, and --role is operator or viewer");
    return false;
}

void token_shown(const struct console *console, const char *id, const char *name, const char *role,
                 const char *token)
{
    if (console->json)
        printf("{\"id\": \"%s\", \"name\": \"%s\", \"role\": \"%s\", \"token\": \"%s\"}\n", id,
               name, role, token);
    else
        printf("%s\n", token);
    if (!console->json)
        fprintf(stderr, "Keep it now: it is shown only once. `drover token revoke %s` ends it.\n",
                id);
}

static int add_token(struct console *console, struct dr_accounts_file *file, const char *name,
                     const char *role)
{
    char token[ACCOUNT_TOKEN_SIZE], id[17];
    struct dr_error error;
    if (!token_name_and_role(name, role))
        return EXIT_USAGE;
    if (!dr_account_token_add(file, name, role, who, token, id, &error))
        return refused(&error);
    token_shown(console, id, name, role, token);
    dr_wipe(token, sizeof token);
    note(console, "token", name, "created", role);
    return EXIT_FINE;
}

static int add_user(struct console *console, struct dr_accounts_file *file, const char *name,
                    const char *role)
{
    struct dr_error error = {.text = "no memory to hash the password"};
    if (!token_name_and_role(name, role))
        return EXIT_USAGE;
    char *password = token_password();
    if (password == NULL)
        return EXIT_USAGE;
    char *hash = dr_account_hash(password);
    dr_wipe_free_text(password);
    bool done = hash != NULL && dr_account_user_put(file, name, role, hash, who, &error);
    dr_wipe_free_text(hash);
    if (!done)
        return refused(&error);
    note(console, "login", name, "created", role);
    return console_did(console, "account %s may enter as %s", name, role);
}

int token_list(const struct console *console, json_t *items, bool tokens)
{
    static const char *const token_heads[] = {"ID", "NAME", "ROLE", "SINCE", "BY", NULL};
    static const char *const user_heads[] = {"NAME", "ROLE", "SINCE", "BY", NULL};
    static const char *const keys[] = {"id", "name", "role", NULL, "by"};
    size_t i;
    json_t *item;
    if (console->json) {
        char *text = json_dumps(items, JSON_COMPACT);
        puts(text == NULL ? "[]" : text);
        free(text);
        json_decref(items);
        return EXIT_FINE;
    }
    struct table *table = table_new(tokens ? token_heads : user_heads);
    json_array_foreach (items, i, item) {
        char since[32];
        const char *cells[6] = {0};
        size_t n = 0;
        words_since(json_integer_value(json_object_get(item, "created_us")), since);
        for (size_t k = tokens ? 0 : 1; k < 5; k++) {
            const char *text =
                keys[k] == NULL ? since : json_string_value(json_object_get(item, keys[k]));
            cells[n++] = text == NULL ? "" : text;
        }
        table_row(table, cells);
    }
    table_print(&table, stdout);
    json_decref(items);
    return EXIT_FINE;
}

static int remove_user(const struct console *console, struct dr_accounts_file *file,
                       const char *name)
{
    struct dr_error error;
    if (!dr_account_user_remove(file, name, &error))
        return refused(&error);
    note(console, "login", name, "removed", "");
    return console_did(console, "account %s is removed; who was logged in with it is no more",
                       name);
}

static int revoke_token(const struct console *console, struct dr_accounts_file *file,
                        const char *id)
{
    struct dr_error error;
    if (!dr_account_token_revoke(file, id, &error))
        return refused(&error);
    note(console, "token", id, "revoked", "");
    return console_did(console, "token %s is revoked; nothing that used it gets in any more", id);
}

/* Which of the commands it is; the words behind "token" or "token user". */
static int run(struct console *console, struct dr_accounts_file *file, bool users, int argc,
               char **argv, const char *role)
{
    const char *word = argc > 0 ? argv[0] : "";
    if (argc == 2 && strcmp(word, "add") == 0)
        return users ? add_user(console, file, argv[1], role)
                     : add_token(console, file, argv[1], role);
    if (argc == 1 && strcmp(word, "list") == 0 && role == NULL)
        return token_list(
            console, users ? dr_accounts_user_list(file) : dr_accounts_token_list(file), !users);
    if (argc == 2 && users && strcmp(word, "remove") == 0 && role == NULL)
        return remove_user(console, file, argv[1]);
    if (argc == 2 && !users && strcmp(word, "revoke") == 0 && role == NULL)
        return revoke_token(console, file, argv[1]);
    return console_usage(TOKEN_USAGE);
}

int cmd_token(struct console *console, int argc, char **argv)
{
    const char *role = console_option(&argc, argv, "--role");
    snprintf(who, sizeof who, "%s", console_who());
    bool users = argc > 0 && strcmp(argv[0], "user") == 0;
    bool link = argc == 1 && strcmp(argv[0], "link") == 0 && role == NULL;
    if (link && console->remote != NULL)
        return console_fail(EXIT_USAGE, "usage",
                            "the link is in a file of Drover's own host: run `drover token link` "
                            "there; from afar people log in with a name and a password");
    if (link)
        return link_print(console);
    if (console->remote != NULL)
        return token_from_afar(console, argc, argv, role);
    struct dr_accounts_file *file = open_accounts(console);
    if (file == NULL)
        return EXIT_BROKEN;
    int code = run(console, file, users, argc - (int)users, argv + (int)users, role);
    dr_accounts_close(&file);
    return code;
}
