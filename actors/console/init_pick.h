/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the wizard that can be picked by number, and what a typed line stands for. */
#pragma once
#include "init.h"

/* The texts to pick from, in order; NULL when there are none. The caller's. */
json_t *pick_list(const struct wizard *w, const struct question *q);
void pick_print(const json_t *picks);
bool pick_has(const json_t *names, const char *name);

/* Numbers become what they stand for, yes becomes true, @FILE the text of that file. NULL after
 * saying why it cannot be. The text is the caller's: dr_wipe_free_text. */
char *pick_resolve(const struct wizard *w, const struct question *q, const char *line,
                   const json_t *picks);
