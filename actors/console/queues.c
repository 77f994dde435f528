/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include "flock.h"

static void add_row(struct table *table, const struct flock_queue *queue)
{
    char waiting[24], running[24], idle[24], longest[32];
    snprintf(waiting, sizeof waiting, "%zu", queue->waiting);
    snprintf(running, sizeof running, "%d", queue->running);
    snprintf(idle, sizeof idle, "%d", queue->idle);
    table_row(table,
              (const char *[]){queue->view->name, waiting, words_since(queue->oldest_us, longest),
                               running, idle, queue->why});
}

static void print_table(const struct flock *flock)
{
    struct table *table = table_new(
        (const char *[]){"QUEUE", "-WAITING", "-LONGEST", "-RUNNING", "-IDLE", "WHY", NULL});
    for (size_t i = 0; i < flock->picture->queues.queues.count; i++) {
        struct flock_queue queue = flock_queue(flock, i);
        add_row(table, &queue);
    }
    table_print(&table, stdout);
}

int cmd_queues(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct dr_message picture, ledger, plan = {0};
    (void)argc;
    struct dr_picture_get ask = {.workers = true};
    if (console_ask(console, "watcher", DR_PICTURE_GET, &ask, &picture) != 0)
        return EXIT_BROKEN;
    if (console->json) {
        console_json(&picture);
        dr_message_free(&picture);
        return EXIT_FINE;
    }
    struct dr_ledger_snapshot rows = {.account = ""};
    if (console_ask(console, "ledger", DR_LEDGER_SNAPSHOT, &rows, &ledger) != 0) {
        dr_message_free(&picture);
        return EXIT_BROKEN;
    }
    struct dr_plan_get why = {.task = ""};
    bool planned = console_ask(console, "planner", DR_PLAN_GET, &why, &plan) == 0;
    print_table(&(struct flock){
        .picture = picture.body, .state = ledger.body, .plan = planned ? plan.body : NULL});
    dr_message_free(&plan);
    dr_message_free(&ledger);
    dr_message_free(&picture);
    return EXIT_FINE;
}
