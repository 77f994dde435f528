/* SPDX-License-Identifier: Apache-2.0 */
/* The picture's queues: what waits, what works for them, what they may still have. */
#include <stdlib.h>
#include <string.h>

#include "picture_impl.h"

static const struct dr_queue_view *view_of(const struct picture_queue *queue)
{
    return queue->view.value;
}

static void unlink_id(struct picture *picture, struct picture_queue *queue)
{
    if (queue->id != NULL)
        HASH_DELETE(hi, picture->queue_ids, queue);
    free(queue->id);
    queue->id = NULL;
}

/* Machines name queues by id: their names may read differently now. */
static void ids_changed(struct picture *picture)
{
    struct picture_machine *machine, *next;
    HASH_ITER (hh, picture->machines, machine, next)
        machine->dirty = true;
    picture->machines_dirty = true;
}

static void link_id(struct picture *picture, struct picture_queue *queue)
{
    struct picture_queue *other;
    const char *id = view_of(queue)->id;
    if (strcmp(queue->id == NULL ? "" : queue->id, id) == 0)
        return;
    unlink_id(picture, queue);
    ids_changed(picture);
    if (*id == '\0')
        return;
    HASH_FIND(hi, picture->queue_ids, id, strlen(id), other);
    if (other != NULL)
        unlink_id(picture, other);
    queue->id = picture_copy(id);
    HASH_ADD_KEYPTR(hi, picture->queue_ids, queue->id, strlen(queue->id), queue);
}

static void drop(struct picture *picture, struct picture_queue *queue)
{
    unlink_id(picture, queue);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(picture->queues, queue);
    dr_record_free(&queue->view);
    free(queue->json);
    free(queue->name);
    free(queue);
}

static void take(struct picture *picture, const struct dr_queue_view *view, size_t order)
{
    struct picture_queue *queue;
    HASH_FIND_STR(picture->queues, view->name, queue);
    if (queue == NULL) {
        queue = calloc(1, sizeof *queue);
        DR_ASSERT(queue != NULL);
        queue->name = picture_copy(view->name);
        HASH_ADD_KEYPTR(hh, picture->queues, queue->name, strlen(queue->name), queue);
    }
    queue->stale = false;
    queue->order = order;
    if (queue->view.value != NULL) { /* when it was read is no news */
        struct dr_queue_view *known = queue->view.value;
        known->fresh = view->fresh;
        known->read_ms = view->read_ms;
        if (dr_record_equal(&dr_desc_queue_view, known, view))
            return;
    }
    picture_keep(&queue->view, &dr_desc_queue_view, view);
    link_id(picture, queue);
    picture->queues_dirty = true;
}

static int by_order(const void *a, const void *b)
{
    size_t x = (*(struct picture_queue *const *)a)->order;
    size_t y = (*(struct picture_queue *const *)b)->order;
    return (x > y) - (x < y);
}

void queues_observed(struct picture *picture, const struct dr_queues_observed *observed)
{
    struct picture_queue *queue, *next;
    size_t count = 0;
    HASH_ITER (hh, picture->queues, queue, next)
        queue->stale = true;
    for (size_t i = 0; i < observed->queues.count; i++)
        take(picture, &observed->queues.items[i], i);
    HASH_ITER (hh, picture->queues, queue, next) {
        if (!queue->stale)
            continue;
        drop(picture, queue);
        picture->queues_dirty = true;
        ids_changed(picture);
    }
    free(picture->order);
    picture->queue_count = HASH_COUNT(picture->queues);
    picture->order = calloc(picture->queue_count + 1, sizeof(struct picture_queue *));
    DR_ASSERT(picture->order != NULL);
    HASH_ITER (hh, picture->queues, queue, next)
        picture->order[count++] = queue;
    qsort(picture->order, count, sizeof(struct picture_queue *), by_order);
}

/* ---- figures -------------------------------------------------------------------------------- */
static struct picture_queue *by_id(const struct picture *picture, const char *id)
{
    struct picture_queue *queue;
    HASH_FIND(hi, picture->queue_ids, id, strlen(id), queue);
    return queue;
}

static void count_machine(const struct picture *picture, const struct dr_machine_row *row,
                          int64_t *types, int64_t *accounts)
{
    const struct dr_cfg_type *type = dr_config_type(picture->config, row->type);
    const struct dr_cfg_account *account = dr_config_account(picture->config, row->account);
    if (type != NULL)
        types[type - picture->config->machine_types.items]++;
    if (account != NULL)
        accounts[account - picture->config->accounts.items]++;
    for (size_t i = 0; i < row->queues.count; i++) {
        struct picture_queue *queue = by_id(picture, row->queues.items[i]);
        if (queue == NULL)
            continue;
        queue->lives++;
        queue->booting += dr_view_phase(row) == DR_PHASE_BOOTING;
    }
}

static void count_worker(const struct picture *picture, const struct dr_worker_view *worker)
{
    struct picture_machine *machine = NULL;
    if (worker->ours)
        machine = flock_find(picture, worker->instance_id);
    enum dr_view_worker is = dr_view_worker(worker, machine == NULL ? NULL : machine->row.value);
    for (size_t i = 0; i < worker->queues.count; i++) {
        struct picture_queue *queue = by_id(picture, worker->queues.items[i]);
        if (queue == NULL)
            continue;
        queue->running += is == DR_WORKER_BUSY;
        queue->idle += is == DR_WORKER_IDLE;
    }
}

static void find_reasons(struct picture *picture)
{
    const struct dr_plan_decided *plan = picture->plan.value;
    for (size_t i = 0; plan != NULL && i < plan->reasons.count; i++) {
        struct picture_queue *queue;
        const struct dr_reason_view *reason = &plan->reasons.items[i];
        if (*reason->task != '\0')
            continue;
        HASH_FIND_STR(picture->queues, reason->queue, queue);
        if (queue != NULL && queue->reason == NULL)
            queue->reason = reason;
    }
}

static struct dr_view_use count(struct picture *picture, int64_t *types, int64_t *accounts)
{
    struct picture_queue *queue, *next_queue;
    struct picture_machine *machine, *next;
    struct dr_view_use use = {.types = types, .accounts = accounts};
    const struct dr_workers_observed *workers = picture->workers.value;
    HASH_ITER (hh, picture->queues, queue, next_queue) {
        queue->running = queue->idle = queue->booting = queue->lives = 0;
        queue->reason = NULL;
    }
    HASH_ITER (hh, picture->machines, machine, next) {
        if (!dr_view_lives(machine->row.value))
            continue;
        use.total++;
        count_machine(picture, machine->row.value, types, accounts);
    }
    for (size_t i = 0; workers != NULL && i < workers->workers.count; i++)
        count_worker(picture, &workers->workers.items[i]);
    find_reasons(picture);
    return use;
}

/* ---- JSON ----------------------------------------------------------------------------------- */
static const struct dr_pause_row *pause_of(const struct picture *picture, const char *name)
{
    const struct dr_ledger_state *state = picture->pauses.value;
    const struct dr_pause_row *all = NULL;
    for (size_t i = 0; state != NULL && i < state->pauses.count; i++) {
        const struct dr_pause_row *pause = &state->pauses.items[i];
        if (strcmp(pause->queue, name) == 0)
            return pause;
        if (*pause->queue == '\0')
            all = pause;
    }
    return all;
}

static void queue_json(const struct picture *picture, const struct picture_queue *queue,
                       struct dr_view_use *use, struct dr_strbuf *out)
{
    const struct dr_queue_view *view = view_of(queue);
    const struct dr_cfg_queue *config = dr_config_queue(picture->config, queue->name);
    const struct dr_pause_row *pause = pause_of(picture, queue->name);
    int64_t room = -1, most = -1;
    if (config != NULL) {
        use->queue = queue->lives;
        room = dr_view_room(picture->config, config, use);
        most = dr_view_room(picture->config, config, &(struct dr_view_use){0});
    }
    dr_strbuf_add_text(out, "{");
    compact_str(out, "name", queue->name);
    compact_str(out, "id", view->id);
    compact_key(out, "known");
    dr_strbuf_add_text(out, view->known ? "true" : "false");
    compact_int(out, "waiting", (int64_t)view->waiting.count);
    if (view->waiting.count > 0)
        compact_int(out, "oldest_us", view->waiting.items[0].added_us);
    compact_int(out, "running", queue->running);
    compact_int(out, "booting", queue->booting);
    compact_int(out, "available", queue->idle + (room > 0 ? room : 0));
    compact_int(out, "max", most > 0 ? most : 0);
    if (config != NULL && config->types.count > 0)
        compact_strs(out, "types", &config->types);
    if (queue->reason != NULL) {
        compact_str(out, "verdict", queue->reason->verdict);
        compact_str(out, "sentence", queue->reason->sentence);
    }
    if (pause != NULL) {
        compact_key(out, "paused");
        compact_record(out, &dr_desc_pause_row, pause, false);
    }
    dr_strbuf_add_text(out, "}");
}

void queues_flush(struct picture *picture)
{
    if (!picture->queues_dirty)
        return;
    const struct dr_cfg_root *config = picture->config;
    int64_t *types = calloc(config->machine_types.count + 1, sizeof *types);
    int64_t *accounts = calloc(config->accounts.count + 1, sizeof *accounts);
    DR_ASSERT(types != NULL && accounts != NULL);
    struct dr_view_use use = count(picture, types, accounts);
    struct dr_strbuf json = {0};
    picture->figures.waiting = 0;
    for (size_t i = 0; i < picture->queue_count; i++) {
        struct picture_queue *queue = picture->order[i];
        picture->figures.waiting += (int64_t)view_of(queue)->waiting.count;
        json.len = 0;
        queue_json(picture, queue, &use, &json);
        picture_say(picture, "queue", &queue->json, json.data);
    }
    dr_strbuf_free(&json);
    free(types);
    free(accounts);
    picture->queues_dirty = false;
}

/* ---- reading -------------------------------------------------------------------------------- */
const struct dr_queue_view *picture_queue(const struct picture *picture, const char *name)
{
    struct picture_queue *queue;
    HASH_FIND_STR(picture->queues, name, queue);
    return queue == NULL ? NULL : view_of(queue);
}

bool picture_queue_json(const struct picture *picture, const char *name, struct dr_strbuf *out)
{
    struct picture_queue *queue;
    HASH_FIND_STR(picture->queues, name, queue);
    if (queue == NULL || queue->json == NULL)
        return false;
    dr_strbuf_add_text(out, queue->json);
    return true;
}

size_t picture_queue_count(const struct picture *picture)
{
    return picture->queue_count;
}

const struct dr_queue_view *picture_queue_at(const struct picture *picture, size_t index)
{
    return view_of(picture->order[index]);
}

void queues_free(struct picture *picture)
{
    struct picture_queue *queue, *next;
    HASH_ITER (hh, picture->queues, queue, next)
        drop(picture, queue);
    free(picture->order);
}
