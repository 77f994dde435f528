/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

static void replace(char **place, const char *text)
{
    char *fresh = strdup(text);
    DR_ASSERT(fresh != NULL);
    free(*place);
    *place = fresh;
}

static void keep(struct dr_record *place, const struct dr_desc *desc, const void *value)
{
    struct dr_record fresh;
    DR_ASSERT(dr_record_copy(desc, value, &fresh) == 0);
    dr_record_free(place);
    *place = fresh;
}

void state_init(struct state *state, const struct dr_cfg_root *config)
{
    *state = (struct state){.config = config};
    replace(&state->blocked, "");
}

static void drop_pauses(struct state *state)
{
    for (size_t i = 0; i < state->pause_count; i++)
        dr_record_free(&state->pauses[i]);
    free(state->pauses);
    state->pauses = NULL;
    state->pause_count = 0;
}

static void free_watched(struct watched *watched)
{
    free(watched->worker);
    free(watched->task);
}

void state_free(struct state *state)
{
    dr_record_free(&state->queues);
    free(state->waits_since_ms);
    dr_record_free(&state->workers);
    for (size_t i = 0; i < state->machine_count; i++)
        dr_record_free(&state->machines[i].record);
    for (size_t i = 0; i < state->cloud_count; i++) {
        free(state->clouds[i].account);
        free(state->clouds[i].sentence);
    }
    for (size_t i = 0; i < state->watched_count; i++)
        free_watched(&state->watched[i]);
    drop_pauses(state);
    dr_index_free(&state->by_id);
    dr_index_free(&state->by_instance);
    dr_index_free(&state->by_worker);
    dr_index_free(&state->by_task);
    free(state->machines);
    free(state->clouds);
    free(state->watched);
    free(state->blocked);
    *state = (struct state){0};
}

bool state_lists(const struct dr_strs *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

/* ---- pictures ------------------------------------------------------------------------------- */
const struct dr_queues_observed *state_queues(const struct state *state)
{
    return state->queues.value;
}

const struct dr_workers_observed *state_workers(const struct state *state)
{
    return state->workers.value;
}

const struct dr_queue_view *state_queue(const struct state *state, const char *name)
{
    const struct dr_queues_observed *picture = state_queues(state);
    for (size_t i = 0; picture != NULL && i < picture->queues.count; i++) {
        if (strcmp(picture->queues.items[i].name, name) == 0)
            return &picture->queues.items[i];
    }
    return NULL;
}

int64_t state_waits_since_ms(const struct state *state, const char *name)
{
    const struct dr_queues_observed *picture = state_queues(state);
    for (size_t i = 0; picture != NULL && i < picture->queues.count; i++) {
        if (strcmp(picture->queues.items[i].name, name) == 0)
            return state->waits_since_ms[i];
    }
    return 0;
}

static void keep_waits(struct state *state, const struct dr_queues_observed *picture)
{
    int64_t *since = calloc(picture->queues.count + 1, sizeof *since);
    DR_ASSERT(since != NULL);
    for (size_t i = 0; i < picture->queues.count; i++) {
        int64_t before = state_waits_since_ms(state, picture->queues.items[i].name);
        if (picture->queues.items[i].waiting.count > 0)
            since[i] = before != 0 ? before : picture->sent_ms;
    }
    free(state->waits_since_ms);
    state->waits_since_ms = since;
}

bool state_take_queues(struct state *state, const struct dr_queues_observed *picture)
{
    const struct dr_queues_observed *old = state_queues(state);
    if (picture->sent_ms == 0 || (old != NULL && picture->sent_ms < old->sent_ms))
        return false; /* P2: a picture's time is when it was asked for */
    keep_waits(state, picture);
    keep(&state->queues, &dr_desc_queues_observed, picture);
    return true;
}

static const char *watched_worker(const void *of, size_t place)
{
    return ((const struct state *)of)->watched[place].worker;
}

const struct watched *state_watched(const struct state *state, const char *worker)
{
    size_t at = dr_index_find(&state->by_worker, worker, watched_worker, state);
    return at == DR_INDEX_NONE ? NULL : &state->watched[at];
}

static const char *worker_task(const void *of, size_t place)
{
    return state_workers(of)->workers.items[place].task;
}

bool state_runs(const struct state *state, const char *task)
{
    return dr_index_find(&state->by_task, task, worker_task, state) != DR_INDEX_NONE;
}

int64_t state_same_ms(const struct state *state, const struct watched *watched)
{
    return state_workers(state)->sent_ms - watched->since_ms;
}

bool state_tired(const struct state *state, const struct watched *watched)
{
    if (watched == NULL || watched->beside_ms == 0)
        return false;
    int64_t period_ms = state->config->timing.workers_period_ms;
    int64_t poll_ms = period_ms > STATE_AGENT_POLL_MS ? period_ms : STATE_AGENT_POLL_MS;
    return state_workers(state)->sent_ms - watched->beside_ms > STATE_PATIENCE * poll_ms;
}

/* A task waits that this worker could take. */
static bool beside_work(const struct state *state, const struct dr_worker_view *worker)
{
    const struct dr_queues_observed *picture = state_queues(state);
    for (size_t i = 0; picture != NULL && i < picture->queues.count; i++) {
        const struct dr_queue_view *queue = &picture->queues.items[i];
        if (queue->waiting.count > 0 && state_lists(&worker->queues, queue->id))
            return true;
    }
    return false;
}

static struct watched watch(const struct state *state, const struct dr_worker_view *worker,
                            int64_t sent_ms, int64_t now_us)
{
    const struct watched *old = state_watched(state, worker->id);
    bool same = old != NULL && strcmp(old->task, worker->task) == 0 &&
                old->idle_since_us == worker->idle_since_us;
    struct watched fresh = {.idle_since_us = worker->idle_since_us,
                            .since_us = same ? old->since_us : now_us,
                            .since_ms = same ? old->since_ms : sent_ms};
    bool idle = *worker->task == '\0';
    if (idle && beside_work(state, worker))
        fresh.beside_ms = same && old->beside_ms != 0 ? old->beside_ms : sent_ms;
    replace(&fresh.worker, worker->id);
    replace(&fresh.task, worker->task);
    return fresh;
}

bool state_take_workers(struct state *state, const struct dr_workers_observed *picture,
                        int64_t now_us)
{
    const struct dr_workers_observed *old = state_workers(state);
    if (picture->sent_ms == 0 || (old != NULL && picture->sent_ms <= old->sent_ms))
        return false;
    struct watched *fresh = calloc(picture->workers.count + 1, sizeof *fresh);
    DR_ASSERT(fresh != NULL);
    for (size_t i = 0; i < picture->workers.count; i++)
        fresh[i] = watch(state, &picture->workers.items[i], picture->sent_ms, now_us);
    for (size_t i = 0; i < state->watched_count; i++)
        free_watched(&state->watched[i]);
    free(state->watched);
    state->watched = fresh;
    state->watched_count = picture->workers.count;
    keep(&state->workers, &dr_desc_workers_observed, picture);
    dr_index_clear(&state->by_worker);
    dr_index_clear(&state->by_task);
    for (size_t i = 0; i < state->watched_count; i++) {
        dr_index_add(&state->by_worker, state->watched[i].worker, i);
        dr_index_add(&state->by_task, state->watched[i].task, i);
    }
    return true;
}

/* ---- clouds --------------------------------------------------------------------------------- */
const struct cloud *state_cloud(const struct state *state, const char *account)
{
    for (size_t i = 0; i < state->cloud_count; i++) {
        if (strcmp(state->clouds[i].account, account) == 0)
            return &state->clouds[i];
    }
    return NULL;
}

bool state_take_cloud(struct state *state, const struct dr_cloud_observed *list)
{
    struct cloud *cloud = (struct cloud *)(uintptr_t)state_cloud(state, list->account);
    if (list->sent_ms == 0 || (cloud != NULL && list->sent_ms < cloud->sent_ms))
        return false;
    if (cloud == NULL) {
        size_t count = state->cloud_count + 1;
        state->clouds = realloc(state->clouds, count * sizeof *state->clouds);
        DR_ASSERT(state->clouds != NULL);
        cloud = &state->clouds[state->cloud_count++];
        *cloud = (struct cloud){0};
        replace(&cloud->account, list->account);
    }
    /* An error says nothing of what is there: the good list's time stays (P1). */
    if (list->ok)
        cloud->sent_ms = list->sent_ms;
    cloud->ok = list->ok;
    replace(&cloud->sentence, list->sentence);
    return true;
}

/* ---- rows ----------------------------------------------------------------------------------- */
const struct dr_machine_row *state_row(const struct state *state, size_t i)
{
    DR_ASSERT(i < state->machine_count);
    return state->machines[i].record.value;
}

static const char *row_id(const void *of, size_t place)
{
    return state_row(of, place)->id;
}

static const char *row_instance(const void *of, size_t place)
{
    return state_row(of, place)->instance_id;
}

size_t state_at_instance(const struct state *state, const char *instance_id)
{
    return dr_index_find(&state->by_instance, instance_id, row_instance, state);
}

const struct dr_machine_row *state_by_id(const struct state *state, const char *id)
{
    size_t at = dr_index_find(&state->by_id, id, row_id, state);
    return at == DR_INDEX_NONE ? NULL : state_row(state, at);
}

/* A snapshot moves rows to other places. */
static void index_rows(struct state *state)
{
    dr_index_clear(&state->by_id);
    dr_index_clear(&state->by_instance);
    for (size_t i = 0; i < state->machine_count; i++) {
        dr_index_add(&state->by_id, state_row(state, i)->id, i);
        dr_index_add(&state->by_instance, state_row(state, i)->instance_id, i);
    }
}

static void drop(struct state *state, struct known *known)
{
    dr_record_free(&known->record);
    *known = state->machines[--state->machine_count];
}

static void put(struct state *state, const struct dr_machine_row *row, int64_t seq)
{
    size_t at = dr_index_find(&state->by_id, row->id, row_id, state);
    if (at == DR_INDEX_NONE) {
        if (state->machine_count == state->machine_room) {
            state->machine_room = state->machine_room == 0 ? 16 : state->machine_room * 2;
            state->machines =
                realloc(state->machines, state->machine_room * sizeof *state->machines);
            DR_ASSERT(state->machines != NULL);
        }
        at = state->machine_count++;
        state->machines[at] = (struct known){0};
        dr_index_add(&state->by_id, row->id, at);
    }
    struct known *known = &state->machines[at];
    keep(&known->record, &dr_desc_machine_row, row);
    known->seq = seq;
    if (state_at_instance(state, row->instance_id) == DR_INDEX_NONE)
        dr_index_add(&state->by_instance, row->instance_id, at);
}

bool state_take_machine(struct state *state, const struct dr_machine_changed *event)
{
    if (event->seq <= state->seq)
        return false; /* a snapshot has shown it already */
    state->seq = event->seq;
    /* Ended ones too, until the next snapshot: one asked for earlier may still show them alive. */
    put(state, &event->machine, event->seq);
    return true;
}

/* ---- pauses --------------------------------------------------------------------------------- */
static struct dr_record *pause_at(const struct state *state, const char *queue)
{
    for (size_t i = 0; i < state->pause_count; i++) {
        const struct dr_pause_row *row = state->pauses[i].value;
        if (strcmp(row->queue, queue) == 0)
            return &state->pauses[i];
    }
    return NULL;
}

const struct dr_pause_row *state_pause(const struct state *state, const char *queue)
{
    const struct dr_record *all = pause_at(state, "");
    const struct dr_record *own = *queue == '\0' ? NULL : pause_at(state, queue);
    return all != NULL ? all->value : own != NULL ? own->value : NULL;
}

const struct dr_pause_row *state_pause_of(const struct state *state,
                                          const struct dr_machine_row *row)
{
    const struct dr_queues_observed *picture = state_queues(state);
    for (size_t i = 0; picture != NULL && i < picture->queues.count; i++) {
        const struct dr_queue_view *queue = &picture->queues.items[i];
        if (*queue->id != '\0' && strcmp(queue->id, row->for_queue) == 0)
            return state_pause(state, queue->name);
    }
    return state_pause(state, "");
}

static void add_pause(struct state *state, const struct dr_pause_row *row)
{
    size_t count = state->pause_count + 1;
    state->pauses = realloc(state->pauses, count * sizeof *state->pauses);
    DR_ASSERT(state->pauses != NULL);
    state->pauses[state->pause_count] = (struct dr_record){0};
    keep(&state->pauses[state->pause_count++], &dr_desc_pause_row, row);
}

bool state_take_pause(struct state *state, const struct dr_pause_changed *event)
{
    if (event->seq <= state->pause_seq)
        return false; /* a snapshot has shown it already */
    state->pause_seq = event->seq;
    struct dr_record *old = pause_at(state, event->pause.queue);
    if (old != NULL) {
        dr_record_free(old);
        *old = state->pauses[--state->pause_count];
    }
    if (event->pause.since_us != 0)
        add_pause(state, &event->pause);
    return true;
}

static void take_pauses(struct state *state, const struct dr_ledger_state *rows)
{
    if (rows->seq < state->pause_seq)
        return; /* an event was quicker */
    drop_pauses(state);
    for (size_t i = 0; i < rows->pauses.count; i++)
        add_pause(state, &rows->pauses.items[i]);
    state->pause_seq = rows->seq;
}

void state_lose_rows(struct state *state)
{
    state->rows_known = false;
    state->pause_seq = 0;
    state->seq = 0; /* the ledger may be another one, that counts from anew */
    for (size_t i = 0; i < state->machine_count; i++)
        state->machines[i].seq = 0;
}

void state_take_rows(struct state *state, const struct dr_ledger_state *rows)
{
    for (size_t i = 0; i < state->machine_count;) {
        if (state->machines[i].seq <= rows->seq)
            drop(state, &state->machines[i]);
        else
            i++;
    }
    index_rows(state);
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *row = &rows->machines.items[i];
        if (state_by_id(state, row->id) == NULL)
            put(state, row, rows->seq);
    }
    take_pauses(state, rows);
    if (rows->seq > state->seq)
        state->seq = rows->seq;
    state->rows_known = true;
    replace(&state->blocked, rows->blocked);
}
