/* SPDX-License-Identifier: Apache-2.0 */
/* drover why: why a task waits, and its story so far: machines that it lost, launches that failed.
 */
#include "console.h"

#include <string.h>

#include "remote.h"
#include "story.h"

#define LAUNCHES_MAX 3 /* the newest */

static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

struct tail {
    char bytes[DR_TAIL_ROOM];
    size_t len;
};

static void keep_end(void *arg, const char *bytes, size_t len)
{
    struct tail *tail = arg;
    size_t room = sizeof tail->bytes - 1;
    size_t new = len < room ? len : room;
    size_t old = tail->len + new <= room ? tail->len : room - new;
    memmove(tail->bytes, tail->bytes + tail->len - old, old);
    memcpy(tail->bytes + old, bytes + len - new, new);
    tail->len = old + new;
    tail->bytes[tail->len] = '\0';
}

static void read_tail_from_afar(const struct console *console, const char *machine,
                                char tail[DR_TAIL_ROOM])
{
    char err[256];
    struct tail end = {.len = 0};
    if (remote_log(console->remote, machine, keep_end, &end, err, sizeof err) == 0)
        dr_story_tail(tail, end.bytes);
}

/* The end of the machine's log as the provisioner keeps it; "" when it keeps none. */
static void read_tail(const struct console *console, const struct dr_machine_row *machine,
                      char tail[DR_TAIL_ROOM])
{
    char path[800], bytes[DR_TAIL_ROOM] = "";
    tail[0] = '\0';
    if (machine == NULL || machine->instance_id[0] == '\0' ||
        strchr(machine->instance_id, '/') != NULL)
        return;
    if (console->remote != NULL) {
        read_tail_from_afar(console, machine->instance_id, tail);
        return;
    }
    snprintf(path, sizeof path, "%s/logs/%s.log", console->cfg->state_dir, machine->instance_id);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fseek(file, -(long)(sizeof bytes - 1), SEEK_END) != 0)
        rewind(file);
    bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
    fclose(file);
    dr_story_tail(tail, bytes);
}

static const struct dr_machine_row *machine_of(const struct dr_ledger_state *rows, const char *id)
{
    for (size_t i = 0; i < rows->machines.count; i++)
        if (is(rows->machines.items[i].id, id))
            return &rows->machines.items[i];
    return NULL;
}

static const struct dr_queue_view *queue_of(const struct dr_picture *picture, const char *id,
                                            const char *name)
{
    for (size_t i = 0; i < picture->queues.queues.count; i++) {
        const struct dr_queue_view *queue = &picture->queues.queues.items[i];
        if ((*id != '\0' && is(queue->id, id)) || (*name != '\0' && is(queue->name, name)))
            return queue;
    }
    return NULL;
}

struct story {
    const struct console *console;
    const struct dr_plan *plan;
    const struct dr_ledger_state *rows;
    const struct dr_picture *picture;
};

static size_t print_reasons(const struct story *story)
{
    const struct dr_reason_view_list *reasons = &story->plan->plan.reasons;
    for (size_t i = 0; i < reasons->count; i++)
        printf("%s: %s\n", reasons->items[i].queue, reasons->items[i].sentence);
    return reasons->count;
}

static size_t print_recoveries(const struct story *story, const char *task)
{
    char tail[DR_TAIL_ROOM], text[DR_STORY_ROOM], at[32];
    size_t count = 0;
    for (size_t i = 0; i < story->rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &story->rows->recoveries.items[i];
        const struct dr_machine_row *machine = machine_of(story->rows, row->machine);
        const struct dr_queue_view *queue = queue_of(story->picture, row->queue, "");
        if (!is(row->task, task))
            continue;
        read_tail(story->console, machine != NULL && machine->slots <= 1 ? machine : NULL, tail);
        printf("%s: %s", words_date(row->created_us, at),
               dr_story_recovery(row, machine, queue == NULL ? row->queue : queue->name, tail, text,
                                 sizeof text));
        count++;
    }
    return count;
}

/* The newest launches that failed for the queue it waits in, since it waits. */
static void print_launches(const struct story *story, const char *task)
{
    char tail[DR_TAIL_ROOM], text[DR_STORY_ROOM], at[32];
    const struct dr_reason_view *reason = &story->plan->plan.reasons.items[0];
    const struct dr_queue_view *queue = queue_of(story->picture, "", reason->queue);
    int64_t since_us = INT64_MAX;
    int left = LAUNCHES_MAX;
    for (size_t i = 0; queue != NULL && i < queue->waiting.count; i++)
        if (is(queue->waiting.items[i].task, task))
            since_us = queue->waiting.items[i].added_us;
    for (size_t i = story->rows->machines.count; i-- > 0 && left > 0;) {
        const struct dr_machine_row *machine = &story->rows->machines.items[i];
        if (!dr_story_launch_failed(machine) || machine->ended_us < since_us ||
            !is(machine->for_queue, queue->id))
            continue;
        read_tail(story->console, machine, tail);
        printf("%s: %s", words_date(machine->ended_us, at),
               dr_story_launch(machine, &story->rows->attempts, "", tail, text, sizeof text));
        left--;
    }
}

static void tell(const struct story *story, const char *task)
{
    size_t reasons = print_reasons(story);
    size_t recoveries = print_recoveries(story, task);
    if (reasons > 0)
        print_launches(story, task);
    else
        printf("%s waits in none of the queues that this Drover serves%s\n", task,
               recoveries > 0 ? " now" : "");
}

int cmd_why(struct console *console, int argc, char **argv)
{
    struct dr_message plan, rows, picture;
    if (argc != 1)
        return console_usage("why TASK");
    struct dr_plan_get ask = {.task = argv[0]};
    struct dr_ledger_snapshot ask_rows = {.account = "", .ended = true};
    struct dr_picture_get ask_picture = {.workers = false};
    if (console_ask(console, "planner", DR_PLAN_GET, &ask, &plan) != 0)
        return EXIT_BROKEN;
    if (console->json) {
        console_json(&plan);
        dr_message_free(&plan);
        return EXIT_FINE;
    }
    int code = console_read(console, DR_LEDGER_SNAPSHOT, &ask_rows, DR_LEDGER_STATE, &rows);
    if (code == EXIT_FINE) {
        if (console_ask(console, "watcher", DR_PICTURE_GET, &ask_picture, &picture) == 0) {
            tell(&(struct story){console, plan.body, rows.body, picture.body}, argv[0]);
            dr_message_free(&picture);
        } else {
            code = EXIT_BROKEN;
        }
        dr_message_free(&rows);
    }
    dr_message_free(&plan);
    return code;
}
