/* SPDX-License-Identifier: Apache-2.0 */
#include "orphan.h"

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
    HASH_DEL(orphan->table, missing);
    free(missing->task);
    free(missing);
}

void orphan_free(struct orphan *orphan)
{
    struct missing *missing, *next;
    HASH_ITER(hh, orphan->table, missing, next)
    forget(orphan, missing);
}

static int64_t period_ms(const struct orphan *orphan)
{
    return orphan->root->timing.orphan_ms / SWEEPS;
}

static struct missing *note(struct orphan *orphan, const char *task, int64_t now_ms)
{
    struct missing *missing;
    HASH_FIND_STR(orphan->table, task, missing);
    if (missing == NULL) {
        missing = calloc(1, sizeof *missing);
        DR_ASSERT(missing != NULL);
        missing->task = strdup(task);
        DR_ASSERT(missing->task != NULL);
        missing->since_ms = now_ms;
        HASH_ADD_KEYPTR(hh, orphan->table, missing->task, strlen(missing->task), missing);
    }
    missing->seen = true;
    return missing;
}

/* A machine of ours listened to the queue since the task was put into it. */
static bool one_listened(const struct dr_ledger_state *rows, const struct task *task)
{
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        bool then = machine->up_us != 0 && (machine->ended_us == 0 ||
                                            machine->ended_us + JUDGE_SLACK_US >= task->changed_us);
        for (size_t k = 0; then && k < machine->queues.count; k++)
            if (strcmp(machine->queues.items[k], task->queue) == 0)
                return true;
    }
    return false;
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

static void look_at(struct orphan *orphan, const struct task *task)
{
    const struct picture *picture = orphan->recovery->picture;
    const struct dr_ledger_state *rows = orphan->recovery->claims->rows;
    int64_t now_ms = port_now(orphan->recovery->claims->port).boot_ms;
    if (!task_is(task, "queued") || task->queue[0] == '\0' ||
        queues_hold(&picture->queues, task->id))
        return;
    struct missing *missing = note(orphan, task->id, now_ms);
    if (now_ms - missing->since_ms < orphan->root->timing.orphan_ms || is_in_hand(rows, task) ||
        recovery_is_run(picture, task->id, "") || !one_listened(rows, task))
        return;
    recovery_open(orphan->recovery, NULL, task, VERDICT_POPPED,
                  "it was taken out of its queue and never started");
}

static void end_sweep(struct orphan *orphan, bool whole)
{
    int64_t now_ms = port_now(orphan->recovery->claims->port).boot_ms;
    struct missing *missing, *next;
    orphan->running = false;
    if (!whole)
        return;
    orphan->whole_ms = now_ms;
    HASH_ITER(hh, orphan->table, missing, next)
    {
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
    json_array_foreach(list, i, json)
    {
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
               json_pack("{s:[s], s:o, s:o, s:[s], s:b, s:i, s:i}", "status", "queued",
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
