/* SPDX-License-Identifier: Apache-2.0
 *
 * drover demo: a handful of tasks through the genuine SDK. The part that speaks the SDK is Python
 * (demo.py, embedded); what it shows and counts comes from the server and the process table, not
 * from what Drover says of itself.
 */
#include "console.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo_py.h"

static int write_program(char *path, size_t room)
{
    snprintf(path, room, "/tmp/drover-demo-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, demo_py, demo_py_size) != (ssize_t)demo_py_size || close(fd) != 0) {
        perror("drover: cannot write the demo's program");
        return -1;
    }
    return 0;
}

int cmd_demo(struct console *console, int argc, char **argv)
{
    (void)console;
    char program[64], conf[PATH_MAX];
    const char *dir = "drover-sandbox", *python = "python3";
    for (int i = 0; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--dir") == 0      ? &dir
                          : strcmp(argv[i], "--python") == 0 ? &python
                                                             : NULL;
        if (to == NULL || i + 1 == argc) {
            fputs("usage: drover demo [--dir DIR] [--python PYTHON]\n", stderr);
            return EXIT_USAGE;
        }
        *to = argv[i + 1];
    }
    snprintf(conf, sizeof conf, "%s/clearml.conf", dir);
    if (access(conf, R_OK) != 0) {
        fprintf(stderr, "drover: no sandbox in %s; start one with `drover sandbox --dir %s`\n", dir,
                dir);
        return EXIT_BROKEN;
    }
    if (write_program(program, sizeof program) != 0)
        return EXIT_BROKEN;
    setenv("CLEARML_CONFIG_FILE", conf, 1);
    fflush(stdout);
    pid_t pid =
        spawn_start((const char *[]){"/usr/bin/env", python, program, dir, NULL}, NULL, false);
    int code = pid < 0 ? EXIT_BROKEN : spawn_wait(pid);
    unlink(program);
    return code;
}
