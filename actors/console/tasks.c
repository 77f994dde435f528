/* SPDX-License-Identifier: Apache-2.0 */
/* drover tasks: what waits and what runs, by name. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "drover/assert.h"

struct line {
    const char *task, *queue, *machine, *verdict;
    int64_t since_us;
};

struct lines {
    struct line *items;
    size_t count;
};

struct answers {
    struct dr_message picture, plan, rows, work, names;
};

static void add(struct lines *lines, struct line line)
{
    lines->items = realloc(lines->items, (lines->count + 1) * sizeof *lines->items);
    DR_ASSERT(lines->items != NULL);
    lines->items[lines->count++] = line;
}

/* The task's own verdict, else its queue's; a plan that is older than the task has none. */
static const char *verdict_of(const struct dr_plan *plan, const char *queue, const char *task)
{
    const char *verdict = "-";
    for (size_t i = 0; i < plan->plan.reasons.count; i++) {
        const struct dr_reason_view *reason = &plan->plan.reasons.items[i];
        if (strcmp(reason->queue, queue) != 0)
            continue;
        if (strcmp(reason->task, task) == 0)
            return reason->verdict;
        if (*reason->task == '\0')
            verdict = reason->verdict;
    }
    return verdict;
}

static void add_waiting(struct lines *lines, const struct answers *a)
{
    const struct dr_picture *picture = a->picture.body;
    for (size_t q = 0; q < picture->queues.queues.count; q++) {
        const struct dr_queue_view *queue = &picture->queues.queues.items[q];
        for (size_t i = 0; i < queue->waiting.count; i++) {
            const struct dr_queue_task *task = &queue->waiting.items[i];
            add(lines, (struct line){.task = task->task,
                                     .queue = queue->name,
                                     .machine = "-",
                                     .since_us = task->added_us,
                                     .verdict = verdict_of(a->plan.body, queue->name, task->task)});
        }
    }
}

static const char *machine_of(const struct dr_ledger_state *rows,
                              const struct dr_worker_view *worker)
{
    for (size_t i = 0; *worker->instance_id != '\0' && i < rows->machines.count; i++)
        if (strcmp(rows->machines.items[i].instance_id, worker->instance_id) == 0)
            return rows->machines.items[i].id;
    return worker->id;
}

static int64_t began_us(const struct dr_work *work, const struct dr_worker_view *worker)
{
    for (size_t i = 0; i < work->rows.count; i++) {
        const struct dr_work_row *row = &work->rows.items[i];
        if (row->to_us == 0 && strcmp(row->task, worker->task) == 0 &&
            strcmp(row->worker, worker->id) == 0)
            return row->from_us;
    }
    return 0;
}

static void add_running(struct lines *lines, const struct answers *a)
{
    const struct dr_picture *picture = a->picture.body;
    for (size_t i = 0; i < picture->workers.workers.count; i++) {
        const struct dr_worker_view *worker = &picture->workers.workers.items[i];
        if (*worker->task != '\0')
            add(lines, (struct line){.task = worker->task,
                                     .queue = "",
                                     .machine = machine_of(a->rows.body, worker),
                                     .since_us = began_us(a->work.body, worker),
                                     .verdict = "runs"});
    }
}

static int read_names(struct console *console, const struct lines *lines, struct dr_message *out)
{
    const char **ids = calloc(lines->count + 1, sizeof *ids);
    DR_ASSERT(ids != NULL);
    for (size_t i = 0; i < lines->count; i++)
        ids[i] = lines->items[i].task;
    struct dr_tasks_get ask = {.ids = {.items = ids, .count = lines->count}};
    int code = console_read(console, DR_TASKS_GET, &ask, DR_TASKS, out);
    free(ids);
    return code;
}

static void print(const struct lines *lines, const struct dr_task_row_list *names)
{
    struct table *table = table_new((const char *[]){"TASK", "NAME", "PROJECT", "USER", "QUEUE",
                                                     "MACHINE", "-FOR", "VERDICT", NULL});
    for (size_t i = 0; i < lines->count; i++) {
        static const struct dr_task_row nobody = {
            .name = "-", .project = "-", .user = "-", .queue = "-"};
        const struct line *line = &lines->items[i];
        const struct dr_task_row *task = console_task(names, line->task);
        char since[32];
        task = task == NULL ? &nobody : task;
        table_row(table,
                  (const char *[]){line->task, task->name, task->project, task->user,
                                   *line->queue == '\0' ? task->queue : line->queue, line->machine,
                                   words_since(line->since_us, since), line->verdict});
    }
    table_print(&table, stdout);
}

static void print_json(const struct lines *lines, const struct dr_task_row_list *names)
{
    json_t *list = json_array();
    for (size_t i = 0; i < lines->count; i++) {
        static const struct dr_task_row nobody = {
            .name = "", .project = "", .user = "", .queue = ""};
        const struct line *line = &lines->items[i];
        const struct dr_task_row *task = console_task(names, line->task);
        bool runs = *line->queue == '\0';
        task = task == NULL ? &nobody : task;
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "task", line->task, "name",
                            task->name, "project", task->project, "user", task->user, "queue",
                            runs ? task->queue : line->queue, "machine", runs ? line->machine : "",
                            "since_us", (json_int_t)line->since_us, "verdict", line->verdict));
    }
    json_t *whole = json_pack("{s:o}", "tasks", list);
    json_dumpf(whole, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(whole);
}

static int show(struct console *console, struct answers *a)
{
    struct dr_picture_get picture = {.workers = true};
    struct dr_plan_get plan = {.task = ""};
    struct dr_ledger_snapshot rows = {.account = ""};
    struct dr_work_get work = {.machine = "", .task = "", .limit = 10000};
    work.since_us = INT64_MAX; /* only what runs */
    if (console_ask(console, "watcher", DR_PICTURE_GET, &picture, &a->picture) != 0 ||
        console_ask(console, "planner", DR_PLAN_GET, &plan, &a->plan) != 0 ||
        console_read(console, DR_LEDGER_SNAPSHOT, &rows, DR_LEDGER_STATE, &a->rows) != 0 ||
        console_read(console, DR_WORK_GET, &work, DR_WORK, &a->work) != 0)
        return EXIT_BROKEN;
    struct lines lines = {0};
    add_waiting(&lines, a);
    add_running(&lines, a);
    int code = read_names(console, &lines, &a->names);
    if (code == EXIT_FINE) {
        const struct dr_task_row_list *names = &((const struct dr_tasks *)a->names.body)->tasks;
        if (console->json)
            print_json(&lines, names);
        else if (lines.count == 0)
            puts("no task waits or runs");
        else
            print(&lines, names);
    }
    free(lines.items);
    return code;
}

int cmd_tasks(struct console *console, int argc, char **argv)
{
    (void)argv;
    struct answers answers = {0};
    (void)argc;
    int code = show(console, &answers);
    struct dr_message *all[] = {&answers.picture, &answers.plan, &answers.rows, &answers.work,
                                &answers.names};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dr_message_free(all[i]);
    return code;
}
