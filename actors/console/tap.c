/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "remote.h"

void tap_line(int64_t time_us, const char *source, const char *type, const char *body)
{
    char when[32];
    printf("%s.%03d  %-17s %-18s %s\n", words_clock(time_us, when), (int)(time_us / 1000 % 1000),
           source, type, body);
}

static void print_line(const struct dr_message *message)
{
    char *json = dr_json(message->row->desc, message->body);
    tap_line(message->env.time_us, message->env.source, message->env.type,
             json == NULL ? "" : json);
    free(json);
}

static void print_json(const struct dr_message *message)
{
    char *json = dr_message_json(message);
    puts(json == NULL ? "null" : json);
    free(json);
}

/* Some event's topic begins so. A word behind a "/" is who said it. */
static bool topic_is(const char *topic)
{
    size_t count, len = strcspn(topic, "/");
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].shape == DR_EVENT && strncmp(rows[i].name, topic, len) == 0)
            return true;
    return false;
}

static int no_topic(const char *topic)
{
    char meant[128], best[64];
    size_t count;
    struct near near = near_begin(topic);
    const struct dr_message_row *rows = dr_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char about[64];
        snprintf(about, sizeof about, "%.*s", (int)strcspn(rows[i].name, ".") + 1, rows[i].name);
        if (rows[i].shape != DR_EVENT)
            continue;
        near_offer(&near, rows[i].name);
        near_offer_words(&near, about, best, sizeof best);
    }
    return console_fail(EXIT_WAITS, "not-found",
                        "no event's topic begins with \"%s\"%s docs/messages.md has them", topic,
                        near.best == NULL ? ":" : console_meant(&near, meant, sizeof meant));
}

int cmd_tap(struct console *console, int argc, char **argv)
{
    const char *topic = argc == 1 ? argv[0] : "";
    if (!topic_is(topic))
        return no_topic(topic);
    if (console->remote != NULL)
        return remote_tap(console, topic);
    return console_follow(console, topic, console->json ? print_json : print_line);
}
