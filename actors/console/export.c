/* SPDX-License-Identifier: Apache-2.0
 *
 * drover export: drover.yaml as Drover itself would write it, or as JSON; with --schema all that
 * can be set.
 */
#include "console.h"

#include <stdlib.h>
#include <string.h>

int cmd_export(struct console *console, int argc, char **argv)
{
    char *text;
    bool schema = argc == 1 && strcmp(argv[0], "--schema") == 0;
    if (argc != 0 && !schema) {
        fputs("usage: drover [--config FILE] [--json] export [--schema]\n", stderr);
        return EXIT_USAGE;
    }
    if (schema) {
        text = dr_config_schema_json();
    } else {
        int code = console_config(console);
        if (code != 0)
            return code;
        text = console->json ? dr_config_json(console->cfg) : dr_config_write(console->cfg);
    }
    printf(schema || console->json ? "%s\n" : "%s", text);
    free(text);
    return EXIT_FINE;
}
