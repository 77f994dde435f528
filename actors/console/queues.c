/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <string.h>

#include "view.h"
#include "words.h"

static bool listens(const struct dr_worker_view *worker, const char *queue_id)
{
    for (size_t i = 0; i < worker->queues.count; i++)
        if (strcmp(worker->queues.items[i], queue_id) == 0)
            return true;
    return false;
}

static const struct dr_machine_row *machine_of(const struct dr_ledger_state *state,
                                               const struct dr_worker_view *worker)
{
    for (size_t i = 0; worker->ours && i < state->machines.count; i++)
        if (strcmp(state->machines.items[i].instance_id, worker->instance_id) == 0)
            return &state->machines.items[i];
    return NULL;
}

static void add_row(struct table *table, const struct dr_picture *picture,
                    const struct dr_ledger_state *state, const struct dr_queue_view *queue,
                    const char *reason)
{
    char waiting[24], running[24], idle[24], longest[32];
    int busy_count = 0, idle_count = 0;
    for (size_t i = 0; i < picture->workers.workers.count; i++) {
        const struct dr_worker_view *worker = &picture->workers.workers.items[i];
        if (!listens(worker, queue->id))
            continue;
        enum dr_view_worker is = dr_view_worker(worker, machine_of(state, worker));
        busy_count += is == DR_WORKER_BUSY;
        idle_count += is == DR_WORKER_IDLE;
    }
    snprintf(waiting, sizeof waiting, "%zu", queue->waiting.count);
    snprintf(running, sizeof running, "%d", busy_count);
    snprintf(idle, sizeof idle, "%d", idle_count);
    int64_t oldest_us = queue->waiting.count == 0 ? 0 : queue->waiting.items[0].added_us;
    const char *why = queue->known ? reason : "the server has no queue of this name";
    table_row(table, (const char *[]){queue->name, waiting, words_since(oldest_us, longest),
                                      running, idle, why});
}

/* The plan says so only while something waits. */
static const char *pause_of(const struct dr_ledger_state *state, const char *queue,
                            char out[static DR_PAUSE_ROOM])
{
    for (size_t i = 0; i < state->pauses.count; i++) {
        const struct dr_pause_row *pause = &state->pauses.items[i];
        if (*pause->queue == '\0' || strcmp(pause->queue, queue) == 0)
            return dr_pause_text(pause, out, DR_PAUSE_ROOM);
    }
    return "";
}

static void print_table(const struct dr_picture *picture, const struct dr_ledger_state *state,
                        const struct dr_plan *plan)
{
    struct table *table = table_new(
        (const char *[]){"QUEUE", "-WAITING", "-LONGEST", "-RUNNING", "-IDLE", "WHY", NULL});
    for (size_t i = 0; i < picture->queues.queues.count; i++) {
        const struct dr_queue_view *queue = &picture->queues.queues.items[i];
        const struct dr_reason_view *reason =
            plan == NULL ? NULL : dr_view_reason(&plan->plan, queue->name);
        char words[DR_PAUSE_ROOM];
        add_row(table, picture, state, queue,
                reason == NULL ? pause_of(state, queue->name, words) : reason->sentence);
    }
    table_print(&table, stdout);
}

int cmd_queues(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct dr_message picture, ledger, plan = {0};
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
    struct dr_ledger_snapshot rows = {.account = ""};
    if (console_ask(console, "ledger", DR_LEDGER_SNAPSHOT, &rows, &ledger) != 0) {
        dr_message_free(&picture);
        return EXIT_BROKEN;
    }
    struct dr_plan_get why = {.task = ""};
    bool planned = console_ask(console, "planner", DR_PLAN_GET, &why, &plan) == 0;
    print_table(picture.body, ledger.body, planned ? plan.body : NULL);
    dr_message_free(&plan);
    dr_message_free(&ledger);
    dr_message_free(&picture);
    return EXIT_FINE;
}
