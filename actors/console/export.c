/* SPDX-License-Identifier: Apache-2.0
 *
 * drover export: drover.yaml as Drover itself would write it, or as JSON; with --schema all that
 * can be set.
 */
#include "console.h"

#include <stdlib.h>
#include <string.h>

#include "remote.h"

int cmd_export(struct console *console, int argc, char **argv)
{
    char *text;
    bool schema = console_flag(&argc, argv, "--schema");
    if (schema) {
        text = dr_config_schema_json();
    } else {
        int code = console_config(console);
        if (code == EXIT_FINE && console->remote != NULL)
            code = remote_config(console, &console->config);
        if (code != EXIT_FINE)
            return code;
        const struct dr_cfg_root *root = dr_config_root(console->config);
        text = console->json ? dr_config_json(root) : dr_config_write(root);
    }
    printf(schema || console->json ? "%s\n" : "%s", text);
    free(text);
    return EXIT_FINE;
}
