/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: what `drover --help` prints, and what completion is made of. */
#pragma once
#include "console.h"

struct command {
    const char *name;
    int (*run)(struct console *console, int argc, char **argv);
    bool needs_config;
    bool own_words; /* it reads its arguments, and says what is wrong with them, itself */
    /* As people read it; completion reads it too: "--option VALUE", operands in order, a|b|c for
     * choices. MACHINE, QUEUE, TASK, TOPIC, FILE, DIR and PYTHON are completed as what they are. */
    const char *arguments;
    const char *meaning;
};

const struct command *commands_all(size_t *count);
