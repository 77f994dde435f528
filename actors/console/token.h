/* SPDX-License-Identifier: Apache-2.0 */
/* drover token: what both ways have in common, beside Drover and from afar. */
#pragma once
#include <jansson.h>

#include "console.h"

#define TOKEN_USAGE                                                       \
    "token link | add NAME --role operator|viewer | list | revoke ID |\n" \
    "                    user add NAME --role operator|viewer | user list | user remove NAME"

/* From the terminal, without showing it, or from stdin; NULL after saying what is wrong. The
 * caller's (dr_wipe_free_text). */
char *token_password(void);

/* Whether they may be a name and a role; says what is wrong. */
bool token_name_and_role(const char *name, const char *role);

/* A new token, the only time that it is seen. */
void token_shown(const struct console *console, const char *id, const char *name, const char *role,
                 const char *token);

/* The list that the accounts' file or the gateway gives; takes it over. EXIT_FINE. */
int token_list(const struct console *console, json_t *items, bool tokens);

/* All but `link`, through the gateway. Exit code. */
int token_from_afar(struct console *console, int argc, char **argv, const char *role);
