/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include <stdio.h>
#include <string.h>

/* "MACHINE" is asked for, "FILE.json" is a file, "idle|now" are words, "2h" and "TEXT" are free. */
static void value_of(const char *token, struct complete_item *item)
{
    static const struct {
        const char *name, *words;
        enum complete_kind kind;
    } known[] = {
        {"MACHINE", "machines", COMPLETE_NAMES},
        {"TASK", "tasks", COMPLETE_NAMES},
        {"TASK|MACHINE", "tasks machines", COMPLETE_NAMES},
        {"QUEUE", "queues", COMPLETE_NAMES},
        {"TOPIC", "topics", COMPLETE_NAMES},
        {"PYTHON", "", COMPLETE_FILES},
        {"DIR", "", COMPLETE_FILES},
        {"WHAT", "queue type project user task machine day", COMPLETE_WORDS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(token, known[i].name) != 0)
            continue;
        item->kind = known[i].kind;
        snprintf(item->words, sizeof item->words, "%s", known[i].words);
        return;
    }
    if (strncmp(token, "FILE", 4) == 0) {
        item->kind = COMPLETE_FILES;
        return;
    }
    if (strchr(token, '|') == NULL)
        return;
    item->kind = COMPLETE_WORDS;
    snprintf(item->words, sizeof item->words, "%s", token);
    for (char *at = item->words; *at != '\0'; at++)
        if (*at == '|')
            *at = ' ';
}

size_t complete_parse(const char *arguments, struct complete_item items[COMPLETE_MAX])
{
    size_t count = 0;
    bool value = false; /* the last one was an option, with no bracket closed since */
    int depth = 0;
    while (*arguments != '\0') {
        size_t skip = strspn(arguments, " []");
        if (memchr(arguments, ']', skip) != NULL)
            value = false;
        for (size_t i = 0; i < skip; i++)
            depth += arguments[i] == '[' ? 1 : arguments[i] == ']' ? -1 : 0;
        arguments += skip;
        size_t len = strcspn(arguments, " []");
        char token[96];
        if (len == 0)
            break;
        snprintf(token, sizeof token, "%.*s", (int)len, arguments);
        arguments += len;
        bool option = strncmp(token, "--", 2) == 0;
        if (!option && value) {
            items[count - 1].takes = true;
            snprintf(items[count - 1].name, sizeof items->name, "%.47s", token);
            value_of(token, &items[count - 1]);
            value = false;
            continue;
        }
        value = option;
        if (count == COMPLETE_MAX || strcmp(token, "...") == 0)
            continue;
        items[count] = (struct complete_item){.option = "", .needed = depth == 0};
        snprintf(items[count].name, sizeof items->name, "%.47s", token);
        if (option)
            snprintf(items[count].option, sizeof items->option, "%.31s", token);
        else
            value_of(token, &items[count]);
        count++;
    }
    return count;
}
