/* SPDX-License-Identifier: Apache-2.0 */
/* What may follow a command, read out of the table's `arguments`. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum complete_kind { /* of an operand or of an option's value */
                     COMPLETE_NOTHING,
                     COMPLETE_WORDS, /* one of `words` */
                     COMPLETE_FILES,
                     COMPLETE_NAMES, /* asked for: `words` says of what: "machines", "tasks
                                        machines", "queues" */
};

struct complete_item {
    char option[32]; /* "--mode"; "": an operand */
    bool takes;      /* the option has a value */
    enum complete_kind kind;
    char words[96]; /* separated by spaces */
    char name[48]; /* of the value as the help prints it: "MACHINE", "2h|off"; of a flag, its own */
    bool needed;   /* not in brackets */
};

#define COMPLETE_MAX 8
/* How many items there are in it. */
size_t complete_parse(const char *arguments, struct complete_item items[COMPLETE_MAX]);
