/* SPDX-License-Identifier: Apache-2.0 */
#include "orphan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define PAGE 500
#define SWEEPS 5 /* in the time after which a missing task is an orphan */

void orphan_init(struct orphan *orphan, struct recovery *recovery, const struct dr_cfg_root *root)
{
    *orphan = (struct orphan){.root = root, .recovery = recovery};
}

static void forget(struct orphan *orphan, struct missing *missing)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(orphan->table, missing);
    free(missing->task);
    free(missing);
}

void orphan_free(struct orphan *orphan)
{
    struct missing *missing, *next;
    HASH_ITER (hh, orphan->table, missing, next)
        forget(orphan, missing);
}

static int64_t period_ms(const struct orphan *orphan)
{
    return orphan->root->timing.orphan_ms / SWEEPS;
}

static struct missing *note(struct orphan *orphan, const struct task *task, int64_t now_ms)
{
    struct missing *missing;
    HASH_FIND_STR(orphan->table, task->id, missing);
    if (missing == NULL) {
        missing = calloc(1, sizeof *missing);
        DR_ASSERT(missing != NULL);
        missing->task = strdup(task->id);
        DR_ASSERT(missing->task != NULL);
        HASH_ADD_KEYPTR(hh, orphan->table, missing->task, strlen(missing->task), missing);
    }
    if (strcmp(missing->changed, task->status_changed) != 0) {
        snprintf(missing->changed, sizeof missing->changed, "%s", task->status_changed);
        missing->since_ms = now_ms;
    }
    missing->seen = true;
    return missing;
}

static bool listens(const struct dr_machine_row *machine, const struct task *task)
{
    for (size_t k = 0; machine->up_us != 0 && k < machine->queues.count; k++)
        if (strcmp(machine->queues.items[k], task->queue) == 0)
            return true;
    return false;
}

/* A machine of ours listened to the queue since the task was put into it. */
static bool one_listened(const struct dr_ledger_state *rows, const struct task *task)
{
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        if (listens(machine, task) &&
            (machine->ended_us == 0 || machine->ended_us + JUDGE_SLACK_US >= task->changed_us))
            return true;
    }
    return false;
}

/* A machine of ours that listened was gone when the task came to this state. */
static bool one_was_gone(const struct dr_ledger_state *rows, const struct task *task)
{
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        if (listens(machine, task) && machine->ended_us != 0 &&
            machine->ended_us <= task->changed_us + JUDGE_SLACK_US)
            return true;
    }
    return false;
}

static bool was_put_back(const struct dr_ledger_state *rows, const char *task)
{
    for (size_t i = 0; i < rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &rows->recoveries.items[i];
        if (strcmp(row->task, task) == 0 && strcmp(row->kind, "popped") == 0 &&
            strcmp(row->step, "done") == 0)
            return true;
    }
    return false;
}

/* The word that it starts came from an agent that was dead by then: a server that hangs still does
 * what waits at its door, and the agent's word is given by force. Nobody works on the task, and it
 * ran nowhere yet. That it was out of its queue and unstarted for long ties it to a dead agent; a
 * living one starts what it takes at once. */
static bool is_started_by_a_dead(const struct orphan *orphan, const struct task *task)
{
    const struct dr_ledger_state *rows = orphan->recovery->claims->rows;
    struct missing *missing;
    HASH_FIND_STR(orphan->table, task->id, missing);
    return task_is(task, "in_progress") && strcmp(task->status_message, "pulled by agent") == 0 &&
           task->hostname[0] == '\0' && (missing != NULL || was_put_back(rows, task->id)) &&
           one_was_gone(rows, task) && !recovery_is_run(orphan->recovery->picture, task->id, "");
}

static int64_t still_ms(const struct orphan *orphan, const struct task *task)
{
    return (port_now(orphan->recovery->claims->port).wall_us - task->updated_us) / 1000;
}

/* A recovery of it is under way, or was made for this very state. */
static bool is_in_hand(const struct dr_ledger_state *rows, const struct task *task)
{
    for (size_t i = 0; i < rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &rows->recoveries.items[i];
        if (strcmp(row->task, task->id) == 0 &&
            (row->settled_us == 0 || strcmp(row->status_changed, task->status_changed) == 0))
            return true;
    }
    return false;
}

static void on_taken_out(const struct clearml_answer *answer, void *arg)
{
    (void)answer; /* the next sweep sees what came of it */
    (void)arg;
}

/* What runs is no demand, so no machine comes for it, though it waits. Out of its queue it is a
 * task like any whose machine is gone. */
static void take_out(const struct orphan *orphan, const struct task *task)
{
    const struct port *port = orphan->recovery->claims->port;
    port->call(port->shell, "queues.remove_task",
               json_pack("{s:s, s:s}", "queue", task->queue, "task", task->id), on_taken_out, NULL);
}

static void look_at(struct orphan *orphan, const struct task *task)
{
    const struct picture *picture = orphan->recovery->picture;
    const struct dr_ledger_state *rows = orphan->recovery->claims->rows;
    int64_t now_ms = port_now(orphan->recovery->claims->port).boot_ms;
    bool started = is_started_by_a_dead(orphan, task);
    bool waits = queues_hold(&picture->queues, task->id);
    if (task->queue[0] == '\0' || !(started || (task_is(task, "queued") && !waits)))
        return;
    struct missing *missing = note(orphan, task, now_ms);
    if (now_ms - missing->since_ms < orphan->root->timing.orphan_ms || is_in_hand(rows, task) ||
        recovery_is_run(picture, task->id, ""))
        return;
    if (!started && one_listened(rows, task))
        recovery_open(orphan->recovery, NULL, task, VERDICT_POPPED,
                      "it was taken out of its queue and never started");
    else if (started && waits)
        take_out(orphan, task);
    else if (started && still_ms(orphan, task) >= orphan->root->timing.orphan_ms)
        recovery_open(orphan->recovery, NULL, task, VERDICT_RUNNING,
                      "its agent was gone when its word came that it starts it");
}

static void end_sweep(struct orphan *orphan, bool whole)
{
    int64_t now_ms = port_now(orphan->recovery->claims->port).boot_ms;
    struct missing *missing, *next;
    orphan->running = false;
    if (!whole)
        return;
    orphan->whole_ms = now_ms;
    HASH_ITER (hh, orphan->table, missing, next) {
        if (!missing->seen)
            forget(orphan, missing);
        else
            missing->seen = false;
    }
}

static void ask_page(struct orphan *orphan);

static void on_page(const struct clearml_answer *answer, void *arg)
{
    struct orphan *orphan = arg;
    const json_t *list = json_object_get(answer->data, "tasks");
    bool fresh = picture_fresh(orphan->recovery->picture, orphan->root->timing.fresh_queues_ms);
    if (answer->cls != CLEARML_OK || !json_is_array(list) || !fresh) {
        end_sweep(orphan, false);
        return;
    }
    size_t i;
    const json_t *json;
    json_array_foreach (list, i, json) {
        struct task task;
        if (task_read(json, &orphan->recovery->picture->clock, &task))
            look_at(orphan, &task);
    }
    if (json_array_size(list) < PAGE) {
        end_sweep(orphan, true);
        return;
    }
    orphan->page++;
    ask_page(orphan);
}

/* Running tasks only concern us while one is missing or was. */
static json_t *statuses(const struct orphan *orphan)
{
    const struct dr_ledger_state *rows = orphan->recovery->claims->rows;
    bool both = orphan->table != NULL;
    for (size_t i = 0; !both && i < rows->recoveries.count; i++)
        both = strcmp(rows->recoveries.items[i].kind, "popped") == 0;
    return both ? json_pack("[s,s]", "queued", "in_progress") : json_pack("[s]", "queued");
}

static void ask_page(struct orphan *orphan)
{
    const struct queues *queues = &orphan->recovery->picture->queues;
    json_t *ids = json_array();
    for (size_t i = 0; i < queues->count; i++)
        if (queues->list[i].id[0] != '\0')
            json_array_append_new(ids, json_string(queues->list[i].id));
    if (json_array_size(ids) == 0) { /* no filter to the server: everything would come */
        json_decref(ids);
        end_sweep(orphan, false);
        return;
    }
    const struct port *port = orphan->recovery->claims->port;
    port->call(port->shell, "tasks.get_all",
               json_pack("{s:o, s:o, s:o, s:[s], s:b, s:i, s:i}", "status", statuses(orphan),
                         "execution.queue", ids, "only_fields", task_fields(), "order_by", "id",
                         "search_hidden", 1, "page", orphan->page, "page_size", PAGE),
               on_page, orphan);
}

void orphan_step(struct orphan *orphan)
{
    int64_t now_ms = port_now(orphan->recovery->claims->port).boot_ms;
    if (orphan->running ||
        (orphan->swept_ms != 0 && now_ms - orphan->swept_ms < period_ms(orphan)) ||
        !picture_fresh(orphan->recovery->picture, orphan->root->timing.fresh_queues_ms))
        return;
    /* "In every healthy picture": a gap in which nobody looked begins the count anew. */
    if (orphan->whole_ms != 0 && now_ms - orphan->whole_ms > 3 * period_ms(orphan))
        orphan_free(orphan);
    orphan->running = true;
    orphan->swept_ms = now_ms;
    orphan->page = 0;
    ask_page(orphan);
}
