/* SPDX-License-Identifier: Apache-2.0
 *
 * drover up: droverd in the foreground, with the configuration that every command takes.
 */
#include "console.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int cmd_up(struct console *console, int argc, char **argv)
{
    char path[600];
    (void)argv;
    if (argc != 0) {
        fputs("usage: drover [--config FILE] up\n", stderr);
        return EXIT_USAGE;
    }
    if (access(console->config_path, R_OK) != 0) {
        fprintf(stderr,
                "drover: %s cannot be read: %s. Name another with --config; docs/quickstart.md "
                "tells how to write one\n",
                console->config_path, strerror(errno));
        return EXIT_CONFIG;
    }
    if (spawn_find("droverd", path, sizeof path) != 0)
        return EXIT_BROKEN;
    execl(path, path, "--config", console->config_path, (char *)NULL);
    fprintf(stderr, "drover: cannot start %s: %s\n", path, strerror(errno));
    return EXIT_BROKEN;
}
