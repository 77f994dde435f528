/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>

static void print_line(const struct dr_message *message)
{
    char when[32];
    char *json = dr_json(message->row->desc, message->body);
    printf("%s.%03d  %-17s %-18s %s\n", words_clock(message->env.time_us, when),
           (int)(message->env.time_us / 1000 % 1000), message->env.source, message->env.type,
           json == NULL ? "" : json);
    free(json);
}

static void print_json(const struct dr_message *message)
{
    char *json = dr_message_json(message);
    puts(json == NULL ? "null" : json);
    free(json);
}

int cmd_tap(struct console *console, int argc, char **argv)
{
    if (argc > 1) {
        fputs("usage: drover tap [TOPIC]\n", stderr);
        return EXIT_USAGE;
    }
    return console_follow(console, argc == 1 ? argv[0] : "",
                          console->json ? print_json : print_line);
}
