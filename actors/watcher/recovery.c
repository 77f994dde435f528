/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define AGAIN_MS 2000
/* What must stand still is looked at so often meanwhile. */
#define WAIT_PARTS 10
#define PAGE 500
/* Machines that ended longer before this watcher's predecessor stopped were judged by it. */
#define LOOK_BACK_US (INT64_C(7200) * 1000000)
/* Where nobody saw the end being decided: a cloud takes about this long to show it. */
#define UNSEEN_END_US (INT64_C(300) * 1000000)
#define QUERIES 3

void recovery_init(struct recovery *recovery, struct claims *claims, struct picture *picture,
                   const struct dr_cfg_root *root)
{
    *recovery = (struct recovery){.root = root, .claims = claims, .picture = picture};
    recovery->steps = (struct steps){.claims = claims, .picture = picture};
}

void recovery_free(struct recovery *recovery)
{
    struct ending *ending = recovery->endings, *next;
    HASH_CLEAR(hh, recovery->endings); /* the entries stay linked */
    for (; ending != NULL; ending = next) {
        next = ending->hh.next;
        free(ending->machine);
        free(ending);
    }
    free(recovery->running);
    json_decref(recovery->found);
}

bool recovery_is_run(const struct picture *picture, const char *task, const char *but_instance)
{
    const struct workers *workers = &picture->workers;
    for (size_t i = 0; i < workers->count; i++) {
        const struct dr_worker_view *view = &workers->list[i];
        if (!view->proven || strcmp(view->task, task) != 0)
            continue;
        const struct dr_machine_row *machine =
            rows_instance(picture->claims->rows, view->instance_id);
        if (machine == NULL ||
            (machine->ended_us == 0 && strcmp(machine->instance_id, but_instance) != 0))
            return true;
    }
    return false;
}

/* ---- which machines ---------------------------------------------------------------------------
 */
static bool is(const char *text, const char *with)
{
    return strcmp(text, with) == 0;
}

static struct ending *ending_of(struct recovery *recovery, const struct dr_machine_row *machine)
{
    struct ending *ending;
    HASH_FIND_STR(recovery->endings, machine->id, ending);
    if (ending != NULL)
        return ending;
    ending = calloc(1, sizeof *ending);
    DR_ASSERT(ending != NULL);
    ending->machine = strdup(machine->id);
    DR_ASSERT(ending->machine != NULL);
    bool ended = machine->ended_us != 0;
    ending->decided_us = ended ? machine->ended_us - UNSEEN_END_US : machine->state_since_us;
    ending->judged = ended && machine->ended_us < recovery->since_us;
    HASH_ADD_KEYPTR(hh, recovery->endings, ending->machine, strlen(ending->machine), ending);
    return ending;
}

void recovery_restore(struct recovery *recovery, const struct dr_ledger_state *rows)
{
    recovery->since_us = rows->healthy_us == 0 ? 0 : rows->healthy_us - LOOK_BACK_US;
}

static void follow_machines(struct recovery *recovery)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        bool ends = machine_is_ending(machine) || is(machine->state, "absent");
        if (machine->instance_id[0] == '\0' || !ends)
            continue;
        struct ending *ending = ending_of(recovery, machine);
        ending->listed = true;
        ending->ended = machine->ended_us != 0;
    }
    struct ending *ending, *next;
    HASH_ITER (hh, recovery->endings, ending, next) {
        bool listed = ending->listed;
        ending->listed = false;
        if (listed) /* a refused drain takes it off the list again */
            continue;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
        HASH_DEL(recovery->endings, ending);
        free(ending->machine);
        free(ending);
    }
}

bool recovery_busy(const struct recovery *recovery)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    for (size_t i = 0; rows != NULL && i < rows->recoveries.count; i++)
        if (rows->recoveries.items[i].settled_us == 0)
            return true;
    for (const struct ending *e = recovery->endings; e != NULL; e = e->hh.next)
        if (e->ended && !e->judged)
            return true;
    return recovery->running != NULL;
}

/* ---- opening ----------------------------------------------------------------------------------
 */
/* How many machines the task ended already. */
static int64_t machines_ended_by(const struct recovery *recovery, const char *task)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    int64_t count = 0;
    for (size_t i = 0; i < rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &rows->recoveries.items[i];
        count += is(row->task, task) && row->machine[0] != '\0' && !is(row->step, "dropped");
    }
    return count;
}

static const struct dr_cfg_queue *queue_cfg(const struct recovery *recovery, const char *id)
{
    const struct queue_state *queue = queues_by_id(&recovery->picture->queues, id);
    for (size_t i = 0; queue != NULL && i < recovery->root->queues.count; i++)
        if (is(recovery->root->queues.items[i].name, queue->name))
            return &recovery->root->queues.items[i];
    return NULL;
}

static const char *queue_for(const struct dr_machine_row *machine, const struct task *task)
{
    if (task->queue[0] != '\0' || machine == NULL)
        return task->queue;
    return machine->for_queue[0] != '\0' ? machine->for_queue
           : machine->queues.count > 0   ? machine->queues.items[0]
                                         : "";
}

static const char *mode_for(const struct recovery *recovery, const struct dr_machine_row *machine,
                            const struct task *task, const char *queue, char *note, size_t len)
{
    const struct dr_cfg_queue *cfg = queue_cfg(recovery, queue);
    int64_t ended = machine == NULL ? 0 : machines_ended_by(recovery, task->id);
    if (cfg == NULL)
        return "continue";
    if (is(cfg->recovery, "never")) {
        snprintf(note, len, "not put back: queue %s has recovery: never", cfg->name);
        return "never";
    }
    if (machine != NULL && ended >= cfg->recovery_limit) {
        snprintf(note, len, "not put back: it was running when %lld machines ended before",
                 (long long)ended);
        return "never";
    }
    return cfg->recovery;
}

void recovery_open(struct recovery *recovery, const struct dr_machine_row *machine,
                   const struct task *task, enum verdict verdict, const char *why)
{
    static const char *const kinds[VERDICTS] = {[VERDICT_POPPED] = "popped",
                                                [VERDICT_RUNNING] = "running",
                                                [VERDICT_STOPPED] = "stopped",
                                                [VERDICT_FINISH_ABORT] = "running"};
    char note[256], key[160];
    snprintf(note, sizeof note, "%s", why);
    const char *queue = queue_for(machine, task);
    const char *mode = verdict == VERDICT_FINISH_ABORT
                           ? "never"
                           : mode_for(recovery, machine, task, queue, note, sizeof note);
    struct dr_recovery_row row = {.machine = machine == NULL ? "" : machine->id,
                                  .task = task->id,
                                  .queue = queue,
                                  .status_changed = task->status_changed,
                                  .kind = kinds[verdict],
                                  .mode = mode,
                                  .note = note};
    snprintf(key, sizeof key, "recover:%s", task->id);
    DR_ASSERT(row.kind != NULL);
    if (claim_ask(recovery->claims, key, DR_RECOVERY_OPEN,
                  &(struct dr_recovery_open){.recovery = row}))
        port_log(recovery->claims->port, is(mode, "never") ? DR_LOG_WARNING : DR_LOG_INFO,
                 &(struct dr_log_ctx){.task = task->id, .machine = row.machine}, "task %s '%s': %s",
                 task->id, task->name, note);
}

/* A recovery of this very state of the task for this machine is known. */
static bool is_known(const struct recovery *recovery, const char *machine, const struct task *task)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    for (size_t i = 0; i < rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &rows->recoveries.items[i];
        bool open = row->settled_us == 0;
        if (is(row->task, task->id) &&
            (open || (is(row->machine, machine) && is(row->status_changed, task->status_changed))))
            return true;
    }
    return false;
}

/* This machine's end was dealt with for the task: it left its queue again since, if it did. */
static bool put_back(const struct recovery *recovery, const char *machine, const struct task *task)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    for (size_t i = 0; i < rows->recoveries.count; i++) {
        const struct dr_recovery_row *row = &rows->recoveries.items[i];
        if (is(row->task, task->id) && is(row->machine, machine) && is(row->step, "done"))
            return true;
    }
    return false;
}

/* ---- judging a machine ------------------------------------------------------------------------
 */
static bool seen_with(const struct recovery *recovery, const char *machine, const char *task)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    for (size_t i = 0; i < rows->slots.count; i++)
        if (is(rows->slots.items[i].machine, machine) && is(rows->slots.items[i].task, task))
            return true;
    return false;
}

/* Returns after how long it must be looked at again; 0: all is said. */
static int64_t judge_one(struct recovery *recovery, const struct ending *ending,
                         const struct dr_machine_row *machine, const struct task *task)
{
    char words[200];
    const struct picture *picture = recovery->picture;
    struct judge_case given = {
        .task = task,
        .machine = machine,
        .rows = recovery->claims->rows,
        .prefix = recovery->root->worker_prefix,
        .put_back = put_back(recovery, machine->id, task),
        .seen_with = seen_with(recovery, machine->id, task->id),
        .in_queue = queues_hold(&picture->queues, task->id),
        .run_elsewhere = recovery_is_run(picture, task->id, machine->instance_id),
        .decided_us = ending->decided_us,
        .now_us = port_now(recovery->claims->port).wall_us,
        .still_ms = recovery->root->timing.popped_still_ms,
        .proof_ms = recovery->root->timing.worker_proof_ms,
    };
    if (is_known(recovery, machine->id, task))
        return 0;
    enum verdict verdict = judge_task(&given, words, sizeof words);
    struct dr_log_ctx ctx = {.task = task->id, .machine = machine->id};
    if (verdict == VERDICT_SAY)
        port_log(recovery->claims->port, DR_LOG_WARNING, &ctx, "task %s '%s': %s", task->id,
                 task->name, words);
    if (verdict == VERDICT_LEAVE || verdict == VERDICT_SAY)
        return 0;
    if (verdict == VERDICT_WAIT)
        return given.still_ms / WAIT_PARTS + 1;
    recovery_open(recovery, machine, task, verdict, words);
    return AGAIN_MS; /* until the ledger has it */
}

static void finish(struct recovery *recovery, bool whole)
{
    const struct dr_machine_row *machine = rows_machine(recovery->claims->rows, recovery->running);
    struct ending *ending;
    HASH_FIND_STR(recovery->endings, recovery->running, ending);
    int64_t now_ms = port_now(recovery->claims->port).boot_ms;
    int64_t again_ms = whole ? 0 : AGAIN_MS;
    const char *id;
    json_t *json;
    /* The calls took their time: the pictures must still be fresh. */
    bool fresh = picture_fresh(recovery->picture, recovery->root->timing.fresh_queues_ms);
    if (ending != NULL && machine != NULL && whole && fresh) {
        json_object_foreach (recovery->found, id, json) {
            struct task task;
            if (!task_read(json, &recovery->picture->clock, &task))
                continue;
            int64_t wait_ms = judge_one(recovery, ending, machine, &task);
            if (wait_ms != 0 && (again_ms == 0 || wait_ms < again_ms))
                again_ms = wait_ms;
        }
        ending->judged = again_ms == 0;
    }
    if (ending != NULL)
        ending->next_ms = now_ms + (again_ms == 0 ? AGAIN_MS : again_ms);
    free(recovery->running);
    recovery->running = NULL;
    json_decref(recovery->found);
    recovery->found = NULL;
}

static void ask_next(struct recovery *recovery);

static void on_tasks(const struct clearml_answer *answer, void *arg)
{
    struct recovery *recovery = arg;
    const json_t *list = json_object_get(answer->data, "tasks");
    if (answer->cls != CLEARML_OK || !json_is_array(list)) {
        finish(recovery, false);
        return;
    }
    size_t i;
    json_t *task;
    json_array_foreach (list, i, task) {
        const char *id = json_string_value(json_object_get(task, "id"));
        if (id != NULL)
            json_object_set(recovery->found, id, task);
    }
    recovery->asked++;
    ask_next(recovery);
}

static json_t *slot_tasks(const struct recovery *recovery)
{
    const struct dr_ledger_state *rows = recovery->claims->rows;
    json_t *ids = json_array();
    for (size_t i = 0; i < rows->slots.count; i++)
        if (is(rows->slots.items[i].machine, recovery->running) &&
            rows->slots.items[i].task[0] != '\0')
            json_array_append_new(ids, json_string(rows->slots.items[i].task));
    return ids;
}

static json_t *queue_ids(const struct dr_machine_row *machine)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < machine->queues.count; i++)
        json_array_append_new(ids, json_string(machine->queues.items[i]));
    return ids;
}

/* The filter of the n-th query; NULL: it would match everything, so it is not asked (an empty list
 * is no filter to the server). */
static json_t *query(const struct recovery *recovery, const struct dr_machine_row *machine)
{
    json_t *ids = recovery->asked == 0   ? NULL
                  : recovery->asked == 1 ? slot_tasks(recovery)
                                         : queue_ids(machine);
    if (recovery->asked == 0)
        return json_pack("{s:s, s:[s]}", "runtime._exec_agent_hostname", machine->instance_id,
                         "order_by", "-last_update");
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return NULL;
    }
    if (recovery->asked == 1)
        return json_pack("{s:o}", "id", ids);
    return json_pack("{s:o, s:[s], s:[s]}", "execution.queue", ids, "status", "in_progress",
                     "order_by", "-last_update");
}

static void ask_next(struct recovery *recovery)
{
    const struct dr_machine_row *machine = rows_machine(recovery->claims->rows, recovery->running);
    json_t *body = NULL;
    while (machine != NULL && body == NULL && recovery->asked < QUERIES) {
        body = query(recovery, machine);
        recovery->asked += body == NULL;
    }
    if (body == NULL) {
        finish(recovery, true);
        return;
    }
    json_object_set_new(body, "only_fields", task_fields());
    json_object_set_new(body, "search_hidden", json_true());
    json_object_set_new(body, "page", json_integer(0));
    json_object_set_new(body, "page_size", json_integer(PAGE));
    const struct port *port = recovery->claims->port;
    port->call(port->shell, "tasks.get_all", body, on_tasks, recovery);
}

void recovery_step(struct recovery *recovery)
{
    recovery->steps.fresh_ms = recovery->root->timing.fresh_queues_ms;
    steps_step(&recovery->steps);
    follow_machines(recovery);
    if (recovery->running != NULL ||
        !picture_fresh(recovery->picture, recovery->root->timing.fresh_queues_ms))
        return;
    int64_t now_ms = port_now(recovery->claims->port).boot_ms;
    struct ending *ending, *next;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_ITER (hh, recovery->endings, ending, next) {
        if (ending->judged || !ending->ended || now_ms < ending->next_ms)
            continue;
        recovery->running = strdup(ending->machine);
        recovery->found = json_object();
        recovery->asked = 0;
        DR_ASSERT(recovery->running != NULL && recovery->found != NULL);
        ask_next(recovery);
        return;
    }
}
