/* SPDX-License-Identifier: Apache-2.0 */
/* drover history: what changed, newest first, and who asked for it. */
#include <string.h>

#include "console.h"
#include "drover/clock.h"
#include "pick.h"

#define PAGE 1000
#define USUAL 200

static void add_row(struct table *table, const struct dr_history_row *row)
{
    char when[32], change[96];
    snprintf(change, sizeof change, "%s%s%s", row->from, *row->from == '\0' ? "" : " → ", row->to);
    table_row(table, (const char *[]){words_date(row->t_us, when), row->kind, row->id,
                                      strcmp(row->from, row->to) == 0 ? row->to : change,
                                      *row->by == '\0' ? "-" : row->by, row->cause});
}

/* A machine that went idle stays up: JSON has that, people are told of changes. */
static bool is_change(const struct dr_history_row *row)
{
    return strcmp(row->kind, "machine") != 0 || strcmp(row->from, row->to) != 0 || *row->by != '\0';
}

/* Page by page, as long as there is more of what was asked for. */
static int show(struct console *console, struct dr_history_get get, bool whole)
{
    struct table *table =
        table_new((const char *[]){"WHEN", "WHAT", "ID", "CHANGE", "BY", "WHY", NULL});
    int code;
    size_t shown = 0, count;
    do {
        struct dr_message page;
        code = console_read(console, DR_HISTORY_GET, &get, DR_HISTORY, &page);
        if (code != EXIT_FINE)
            break;
        const struct dr_history *history = page.body;
        count = history->rows.count;
        for (size_t i = 0; i < count; i++) {
            if (!is_change(&history->rows.items[i]))
                continue;
            add_row(table, &history->rows.items[i]);
            shown++;
        }
        if (console->json)
            console_json(&page);
        get.before_seq = count == 0 ? 0 : history->rows.items[count - 1].seq;
        dr_message_free(&page);
    } while (whole && count == (size_t)get.limit);
    if (console->json || shown == 0)
        table_drop(&table);
    else
        table_print(&table, stdout);
    if (shown == 0 && !console->json && code == EXIT_FINE)
        puts("nothing was written down about that");
    return code;
}

/* A machine by any of its names; other rows only by their id, queues and files by name. */
static int resolve(struct console *console, const char *word, char *id, size_t size)
{
    struct dr_message rows;
    const struct dr_machine_row *machine;
    struct dr_ledger_snapshot ask = {.account = "", .ended = true};
    snprintf(id, size, "%s", word);
    int code = console_read(console, DR_LEDGER_SNAPSHOT, &ask, DR_LEDGER_STATE, &rows);
    if (code != EXIT_FINE)
        return code;
    if (pick_machine(rows.body, word, &machine) == PICK_ONE)
        snprintf(id, size, "%s", machine->id);
    dr_message_free(&rows);
    return EXIT_FINE;
}

int cmd_history(struct console *console, int argc, char **argv)
{
    bool by_hand = console_flag(&argc, argv, "--by-hand");
    const char *since = console_option(&argc, argv, "--since");
    int64_t span_ms = since == NULL ? 0 : pick_span_ms(since);
    if (span_ms < 0)
        return console_no_span("--since", since);
    char id[256] = "";
    int code = argc == 1 ? resolve(console, argv[0], id, sizeof id) : EXIT_FINE;
    if (code != EXIT_FINE)
        return code;
    struct dr_history_get get = {.kind = "",
                                 .id = id,
                                 .since_us = since == NULL ? 0 : dr_wall_us() - span_ms * 1000,
                                 .by_hand = by_hand,
                                 .limit = since == NULL ? USUAL : PAGE};
    return show(console, get, since != NULL);
}
