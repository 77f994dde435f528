/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define FAREWELL_AGAIN_MS 30000 /* the picture at hand may still show it */

static struct slot_memory *recall(struct slots *slots, const char *worker,
                                  const struct dr_ledger_state *rows, const struct lookup *places,
                                  int64_t now_us)
{
    struct slot_memory *memory;
    HASH_FIND_STR(slots->table, worker, memory);
    if (memory != NULL)
        return memory;
    memory = calloc(1, sizeof *memory);
    DR_ASSERT(memory != NULL);
    memory->worker = strdup(worker);
    DR_ASSERT(memory->worker != NULL);
    size_t at = lookup_find(places, worker);
    const struct dr_slot_row *row = at == DR_INDEX_NONE ? NULL : &rows->slots.items[at];
    memory->busy = row == NULL || row->busy;
    memory->idle_since_us = row == NULL ? 0 : row->idle_since_us;
    memory->restored = row != NULL && !row->busy;
    if (memory->idle_since_us > now_us) /* a wall clock that was set back */
        memory->idle_since_us = now_us;
    HASH_ADD_KEYPTR(hh, slots->table, memory->worker, strlen(memory->worker), memory);
    return memory;
}

static void forget_unseen(struct slots *slots)
{
    struct slot_memory *memory, *next;
    HASH_ITER (hh, slots->table, memory, next) {
        bool seen = memory->seen;
        memory->seen = false;
        if (seen)
            continue;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
        HASH_DEL(slots->table, memory);
        free(memory->worker);
        free(memory);
    }
}

void slots_remember(struct slots *slots, struct workers *workers,
                    const struct dr_ledger_state *rows)
{
    struct lookup places = lookup_slots(rows);
    for (size_t i = 0; i < workers->count; i++) {
        struct dr_worker_view *view = &workers->list[i];
        struct slot_memory *memory = recall(slots, view->id, rows, &places, workers->sent_us);
        memory->seen = true;
        bool busy = view->task[0] != '\0';
        if (busy)
            memory->idle_since_us = 0;
        else if (memory->busy || memory->idle_since_us == 0)
            memory->idle_since_us = workers->sent_us;
        memory->busy = busy;
        view->idle_since_us = memory->idle_since_us;
    }
    lookup_free(&places);
    forget_unseen(slots);
}

/* True when the ledger's row says something else than the picture. */
static bool is_news(const struct dr_worker_view *view, const struct dr_slot_row *row)
{
    bool busy = view->task[0] != '\0';
    if (row == NULL || row->busy != busy)
        return true;
    return busy ? strcmp(row->task, view->task) != 0 : row->idle_since_us < view->idle_since_us;
}

static void tell_up(struct claims *claims, const struct dr_worker_view *view,
                    const struct dr_machine_row *machine)
{
    char key[96];
    if (strcmp(machine->state, "booting") != 0 || !view->proven)
        return;
    snprintf(key, sizeof key, "up:%s", machine->id);
    claim_ask(claims, key, DR_MACHINE_UP,
              &(struct dr_machine_up){.machine = machine->id, .worker = view->id});
}

void slots_tell(struct claims *claims, const struct workers *workers)
{
    struct dr_slot_row *news = calloc(workers->count + 1, sizeof *news);
    DR_ASSERT(news != NULL);
    size_t count = 0;
    struct lookup instances = lookup_instances(claims->rows), slots = lookup_slots(claims->rows);
    for (size_t i = 0; i < workers->count; i++) {
        const struct dr_worker_view *view = &workers->list[i];
        size_t at = lookup_find(&instances, view->instance_id),
               slot = lookup_find(&slots, view->id);
        if (!view->ours || at == DR_INDEX_NONE)
            continue;
        const struct dr_machine_row *machine = &claims->rows->machines.items[at];
        const struct dr_slot_row *row =
            slot == DR_INDEX_NONE ? NULL : &claims->rows->slots.items[slot];
        tell_up(claims, view, machine);
        if (!is_news(view, row))
            continue;
        bool busy = view->task[0] != '\0';
        news[count++] = (struct dr_slot_row){
            .worker = view->id,
            .machine = machine->id,
            .task = busy || row == NULL ? view->task : row->task,
            .busy = busy,
            .seen_us = busy          ? workers->sent_us
                       : row == NULL ? 0
                                     : row->seen_us,
            .idle_since_us = view->idle_since_us,
        };
    }
    if (count > 0)
        claim_ask(claims, "slots", DR_SLOTS_OBSERVED,
                  &(struct dr_slots_observed){.slots = {news, count}});
    lookup_free(&instances);
    lookup_free(&slots);
    free(news);
}

struct last_task {
    struct slots *slots;
    struct claims *claims;
    const struct server_clock *clock;
    char *worker;
    char key[];
};

static void on_last(const struct clearml_answer *answer, void *arg)
{
    struct last_task *asked = arg;
    struct slot_memory *memory;
    HASH_FIND_STR(asked->slots->table, asked->worker, memory);
    const json_t *list = json_object_get(answer->data, "tasks");
    bool whole = answer->cls == CLEARML_OK && json_is_array(list);
    if (whole && memory != NULL && memory->restored) {
        const json_t *task = json_array_get(list, 0);
        int64_t end_us = server_clock_ours(
            asked->clock, stamp_us(json_string_value(json_object_get(task, "last_update"))));
        memory->restored = false;
        if (!memory->busy && end_us > memory->idle_since_us)
            memory->idle_since_us = end_us;
    }
    claim_settle(asked->claims, asked->key, 0, CLAIM_RETRY_MS);
    free(asked->worker);
    free(asked);
}

static void ask_last(struct slots *slots, struct claims *claims, const char *worker,
                     const char *instance, const struct server_clock *clock)
{
    size_t len = strlen(worker) + sizeof "last:";
    struct last_task *asked = malloc(sizeof *asked + len);
    DR_ASSERT(asked != NULL);
    *asked = (struct last_task){.slots = slots, .claims = claims, .clock = clock};
    snprintf(asked->key, len, "last:%s", worker);
    if (!claim_take(claims, asked->key)) {
        free(asked);
        return;
    }
    asked->worker = strdup(worker);
    DR_ASSERT(asked->worker != NULL);
    claims->port->call(claims->port->shell, "tasks.get_all",
                       json_pack("{s:s, s:[s], s:[s,s], s:b, s:i, s:i}",
                                 "runtime._exec_agent_hostname", instance, "order_by",
                                 "-last_update", "only_fields", "id", "last_update",
                                 "search_hidden", 1, "page", 0, "page_size", 1),
                       on_last, asked);
}

void slots_ask_last(struct slots *slots, struct claims *claims, const struct workers *workers,
                    const struct server_clock *clock)
{
    for (size_t i = 0; i < workers->count; i++) {
        const struct dr_worker_view *view = &workers->list[i];
        struct slot_memory *memory;
        HASH_FIND_STR(slots->table, view->id, memory);
        if (memory == NULL || !memory->restored)
            continue;
        if (memory->busy)
            memory->restored = false;
        else if (view->ours)
            ask_last(slots, claims, view->id, view->instance_id, clock);
    }
}

struct farewell {
    struct claims *claims;
    char key[];
};

static void on_unregistered(const struct clearml_answer *answer, void *arg)
{
    struct farewell *farewell = arg;
    bool done = answer->cls == CLEARML_OK || answer->cls == CLEARML_REFUSED;
    claim_settle(farewell->claims, farewell->key, 0, done ? FAREWELL_AGAIN_MS : CLAIM_RETRY_MS);
    free(farewell);
}

void slots_unregister(struct claims *claims, const struct workers *workers)
{
    struct lookup instances = lookup_instances(claims->rows);
    for (size_t i = 0; i < workers->count; i++) {
        const struct dr_worker_view *view = &workers->list[i];
        size_t at = lookup_find(&instances, view->instance_id);
        if (!view->ours || at == DR_INDEX_NONE ||
            strcmp(claims->rows->machines.items[at].state, "gone") != 0)
            continue;
        size_t len = strlen(view->id) + sizeof "farewell:";
        struct farewell *farewell = malloc(sizeof *farewell + len);
        DR_ASSERT(farewell != NULL);
        farewell->claims = claims;
        snprintf(farewell->key, len, "farewell:%s", view->id);
        if (claim_take(claims, farewell->key))
            claims->port->call(claims->port->shell, "workers.unregister",
                               json_pack("{s:s}", "worker", view->id), on_unregistered, farewell);
        else
            free(farewell);
    }
    lookup_free(&instances);
}

void slots_free(struct slots *slots)
{
    struct slot_memory *memory = slots->table, *next;
    HASH_CLEAR(hh, slots->table); /* the entries stay linked */
    for (; memory != NULL; memory = next) {
        next = memory->hh.next;
        free(memory->worker);
        free(memory);
    }
}
