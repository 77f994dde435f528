/* SPDX-License-Identifier: Apache-2.0 */
/* A task's own story, told to whose it is: what became of its machine, of its launches and of
 * itself. The watcher writes it into the task's console, `drover why` prints it. Texts of whole
 * lines, UTF-8, without control characters. Pure. */
#ifndef DROVER_STORY_H
#define DROVER_STORY_H

#include <stdbool.h>
#include <stddef.h>

#include "drover/message.h"

#define DR_STORY_ROOM 8192
#define DR_TAIL_LINES 20
#define DR_TAIL_ROOM 4097 /* 4 KiB and its NUL */

/* A recovery as far as it got. machine: the row of row->machine, NULL when it is unknown or there
 * was none; queue: a name; tail: the end of the machine's log, or "". Cut to size. */
const char *dr_story_recovery(const struct dr_recovery_row *row,
                              const struct dr_machine_row *machine, const char *queue,
                              const char *tail, char *out, size_t size);

/* The machine was started for somebody, ended before its first worker was seen, and not because
 * nobody wanted it any more. */
bool dr_story_launch_failed(const struct dr_machine_row *machine);

/* Such a machine: why, what was tried for it (attempts that name it), what comes next (a sentence,
 * or ""). Cut to size. */
const char *dr_story_launch(const struct dr_machine_row *machine,
                            const struct dr_attempt_row_list *attempts, const char *next,
                            const char *tail, char *out, size_t size);

/* How often the cloud said no to a machine that is still wanted; *last: the newest such attempt. */
size_t dr_story_refusals(const struct dr_machine_row *machine,
                         const struct dr_attempt_row_list *attempts,
                         const struct dr_attempt_row **last);

/* Copies what is text: no escape sequences, no control characters but newline and tab, whole UTF-8.
 * out: as large as text. Returns its length. */
size_t dr_story_clean(const char *text, char *out);

/* Adds new output of a machine to the end of its log that is kept: the newest lines, at most
 * DR_TAIL_LINES and DR_TAIL_ROOM. Cleaned. */
void dr_story_tail(char tail[DR_TAIL_ROOM], const char *text);

#endif
