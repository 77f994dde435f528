/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <string.h>

/* The planner's word on a whole queue; "" when it has none. */
static const char *reason_of(const struct dr_plan_decided *plan, const char *queue)
{
    for (size_t i = 0; i < plan->reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->reasons.items[i];
        if (strcmp(reason->queue, queue) == 0 && reason->task[0] == '\0')
            return reason->sentence;
    }
    return "";
}

static bool listens(const struct dr_worker_view *worker, const char *queue_id)
{
    for (size_t i = 0; i < worker->queues.count; i++)
        if (strcmp(worker->queues.items[i], queue_id) == 0)
            return true;
    return false;
}

static void add_row(struct table *table, const struct dr_picture *picture,
                    const struct dr_queue_view *queue, const char *reason)
{
    char waiting[24], running[24], idle[24], longest[32];
    int busy_count = 0, idle_count = 0;
    for (size_t i = 0; i < picture->workers.workers.count; i++) {
        const struct dr_worker_view *worker = &picture->workers.workers.items[i];
        if (!listens(worker, queue->id))
            continue;
        *(worker->task[0] == '\0' ? &idle_count : &busy_count) += 1;
    }
    snprintf(waiting, sizeof waiting, "%zu", queue->waiting.count);
    snprintf(running, sizeof running, "%d", busy_count);
    snprintf(idle, sizeof idle, "%d", idle_count);
    int64_t oldest_us = queue->waiting.count == 0 ? 0 : queue->waiting.items[0].added_us;
    const char *why = queue->known ? reason : "the server has no queue of this name";
    table_row(table, (const char *[]){queue->name, waiting, words_since(oldest_us, longest),
                                      running, idle, why});
}

int cmd_queues(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct dr_message picture, plan;
    if (argc != 0) {
        fputs("usage: drover queues\n", stderr);
        return EXIT_USAGE;
    }
    struct dr_picture_get ask = {.workers = true};
    if (console_ask(console, "watcher", DR_PICTURE_GET, &ask, &picture) != 0)
        return EXIT_BROKEN;
    if (console->json) {
        console_json(&picture);
        dr_message_free(&picture);
        return EXIT_FINE;
    }
    struct dr_plan_get why = {.task = ""};
    bool planned = console_ask(console, "planner", DR_PLAN_GET, &why, &plan) == 0;
    const struct dr_picture *seen = picture.body;
    struct table *table = table_new(
        (const char *[]){"QUEUE", "-WAITING", "-LONGEST", "-RUNNING", "-IDLE", "WHY", NULL});
    for (size_t i = 0; i < seen->queues.queues.count; i++) {
        const struct dr_queue_view *queue = &seen->queues.queues.items[i];
        const struct dr_plan *reasons = planned ? plan.body : NULL;
        add_row(table, seen, queue, reasons == NULL ? "" : reason_of(&reasons->plan, queue->name));
    }
    table_print(&table, stdout);
    if (planned)
        dr_message_free(&plan);
    dr_message_free(&picture);
    return EXIT_FINE;
}
