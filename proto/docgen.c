/* SPDX-License-Identifier: Apache-2.0
 *
 * drover-docgen PAGE: prints a page of docs/ that is made from a table. A build tool, not
 * installed.
 */
#include <stdio.h>
#include <string.h>

#include "docgen.h"

static const struct {
    const char *page;
    void (*print)(FILE *out);
} pages[] = {
    {"config", docgen_config},
    {"messages", docgen_messages},
    {"man", docgen_man},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(pages[i].page, argv[1]) == 0) {
            pages[i].print(stdout);
            return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
        }
    }
    fputs("usage: drover-docgen PAGE, where PAGE is one of:", stderr);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        fprintf(stderr, " %s", pages[i].page);
    fputc('\n', stderr);
    return 2;
}
