/* SPDX-License-Identifier: Apache-2.0 */
/* drover cost: what was paid for what, with running, starting and idle time apart. */
#include <string.h>

#include "console.h"
#include "drover/clock.h"
#include "pick.h"

static void add_row(struct table *table, const struct dr_cost_row *row)
{
    char machines[24], tasks[24], ran[32], unknown[64] = "", sums[4][32];
    int64_t parts[3] = {row->run_usd_micros, row->boot_usd_micros, row->idle_usd_micros};
    snprintf(machines, sizeof machines, "%lld", (long long)row->machines);
    snprintf(tasks, sizeof tasks, "%lld", (long long)row->tasks);
    if (row->unpriced_ms > 0) {
        char span[32];
        snprintf(unknown, sizeof unknown, "%s of unknown price",
                 words_span(row->unpriced_ms, span));
    }
    bool priced = parts[0] + parts[1] + parts[2] > 0 || row->unpriced_ms == 0;
    const char *name = *row->name != '\0' ? row->name : *row->key != '\0' ? row->key : "?";
    table_row(table,
              (const char *[]){
                  name, machines, tasks, words_span(row->run_ms, ran),
                  priced ? pick_usd_text(parts[0], sums[0]) : "-",
                  priced ? pick_usd_text(parts[1], sums[1]) : "-",
                  priced ? pick_usd_text(parts[2], sums[2]) : "-",
                  priced ? pick_usd_text(parts[0] + parts[1] + parts[2], sums[3]) : "?", unknown});
}

static void print(const struct dr_costs *costs, const char *by)
{
    char head[16], from[32], until[32], rest[32];
    printf("from %s to %s\n", words_date(costs->from_us, from), words_date(costs->until_us, until));
    snprintf(head, sizeof head, "%s", by);
    for (char *c = head; *c != '\0'; c++)
        *c = (char)(*c - 'a' + 'A');
    struct table *table = table_new((const char *[]){head, "-MACHINES", "-TASKS", "-RAN", "-RUN",
                                                     "-BOOT", "-IDLE", "-SUM", "", NULL});
    for (size_t i = 0; i < costs->rows.count; i++)
        add_row(table, &costs->rows.items[i]);
    table_print(&table, stdout);
    if (costs->unattributed_usd_micros > 0)
        printf("%s went to machines that never ran a task\n",
               pick_usd_text(costs->unattributed_usd_micros, rest));
}

int cmd_cost(struct console *console, int argc, char **argv)
{
    const char *by = console_option(&argc, argv, "--by");
    const char *since = console_option(&argc, argv, "--since");
    int64_t span_ms = since == NULL ? 0 : pick_span_ms(since);
    by = by == NULL ? argc == 1 ? "task" : "queue" : by;
    if (span_ms < 0)
        return console_no_span("--since", since);
    struct dr_costs_get get = {.from_us = since == NULL ? 0 : dr_wall_us() - span_ms * 1000,
                               .by = by,
                               .only = argc == 1 ? argv[0] : ""};
    struct dr_message answer;
    int code = console_read(console, DR_COSTS_GET, &get, DR_COSTS, &answer);
    if (code != EXIT_FINE)
        return code;
    const struct dr_costs *costs = answer.body;
    if (console->json)
        console_json(&answer);
    else if (costs->rows.count == 0 && costs->unattributed_usd_micros == 0)
        puts("nothing was paid for that");
    else
        print(costs, by);
    dr_message_free(&answer);
    return EXIT_FINE;
}
