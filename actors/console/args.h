/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a command is called as the table of commands says that it may be. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct command;

/* True, or false with a sentence in err: which word is wrong, and what would be right. Takes
 * "--option=value" apart first: argv must have room for one more word for each. */
bool args_check(const struct command *command, int *argc, char **argv, char *err, size_t err_len);
