/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says of itself: on the screen, and as the pages of the manual. */
#pragma once
#include <stdio.h>

struct command;

struct help_example {
    const char *line; /* behind the prompt, without "drover " */
    const char *what;
};

struct help_row {
    const char *name;
    const char *group; /* of the manual: "setup", "look", "hand", "try" */
    const char *about; /* sentences; a blank line between paragraphs */
    struct help_example examples[4];
    const char *exits; /* what its codes mean; NULL: 0, 2, 64 and 78 as everywhere */
    const char *afar;  /* with --gateway; NULL: it works on Drover's own host only */
};

const struct help_row *help_row(const char *name);

void help_all(FILE *out);
void help_command(const struct command *command, FILE *out);

/* A page of the manual in roff. -1: there is no such group. */
int help_page(const char *group, FILE *out);
