/* SPDX-License-Identifier: Apache-2.0 */
#include "demand.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* tasks.get_all gives at most 500 a page. */
#define CHECKS_AT_ONCE 400
/* As many at the front of a queue are looked at again; the rest once. */
#define CHECKED_AGAIN 100

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static struct task_check *check_of(const struct queues *queues, const char *task)
{
    struct task_check *check;
    HASH_FIND_STR(queues->checks, task, check);
    return check;
}

static json_t *entries_now(const struct queue_state *queue)
{
    return queue->next_entries != NULL ? queue->next_entries : queue->entries;
}

json_t *demand_checks_request(struct queues *queues, int64_t now_ms)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < queues->count; i++) {
        size_t k;
        json_t *entry;
        json_array_foreach (entries_now(&queues->list[i]), k, entry) {
            const struct task_check *check = check_of(queues, text_of(entry, "task"));
            bool due = check == NULL ||
                       (k < CHECKED_AGAIN && now_ms - check->checked_ms >= queues->reread_ms);
            if (due && json_array_size(ids) < CHECKS_AT_ONCE)
                json_array_append(ids, json_object_get(entry, "task"));
        }
    }
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return NULL;
    }
    return json_pack("{s:o, s:[s,s], s:b, s:i, s:i}", "id", ids, "only_fields", "id", "status",
                     "search_hidden", 1, "page", 0, "page_size", 500);
}

static void note_check(struct queues *queues, const char *task, bool waits, int64_t now_ms)
{
    struct task_check *check = check_of(queues, task);
    if (check == NULL) {
        check = calloc(1, sizeof *check);
        DR_ASSERT(check != NULL);
        check->task = strdup(task);
        DR_ASSERT(check->task != NULL);
        HASH_ADD_KEYPTR(hh, queues->checks, check->task, strlen(check->task), check);
    }
    check->waits = waits;
    check->checked_ms = now_ms;
}

bool demand_take_checks(struct queues *queues, const json_t *asked, const json_t *data,
                        int64_t sent_ms, const char **wrong)
{
    const json_t *list = json_object_get(data, "tasks");
    *wrong = "tasks.get_all gave no list of tasks";
    if (!json_is_array(list))
        return false;
    size_t i;
    const json_t *item;
    json_array_foreach (asked, i, item) /* one that does not come back exists no more */
        note_check(queues, json_string_value(item), false, sent_ms);
    json_array_foreach (list, i, item)
        if (check_of(queues, text_of(item, "id")) != NULL)
            note_check(queues, text_of(item, "id"), strcmp(text_of(item, "status"), "queued") == 0,
                       sent_ms);
    return true;
}

void demand_forget(struct queues *queues)
{
    struct task_check *check, *next;
    for (size_t i = 0; i < queues->waiting.room; i++) {
        check = check_of(queues, queues->waiting.texts[i]);
        if (check != NULL)
            check->seen = true;
    }
    HASH_ITER (hh, queues->checks, check, next) {
        if (!check->seen) {
            /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
            HASH_DEL(queues->checks, check);
            free(check->task);
            free(check);
        } else {
            check->seen = false;
        }
    }
}

/* True when a live worker says it runs the task, after the task was put into the queue: then the
 * entry is no demand. A dead machine's worker stays listed for 600 s and must not hide it. */
static bool is_run_by_someone(const char *task, int64_t added_us, const struct workers *workers,
                              const struct dr_ledger_state *rows)
{
    for (size_t i = 0; i < workers->count; i++) {
        const struct dr_worker_view *view = &workers->list[i];
        if (!view->proven || strcmp(view->task, task) != 0 || workers->report_us[i] <= added_us)
            continue;
        const struct dr_machine_row *machine = rows_instance(rows, view->instance_id);
        if (!view->ours || (machine != NULL && machine_may_work(machine)))
            return true;
    }
    return false;
}

/* busy: the workers' tasks. Hardly one of the many that wait is among them. */
static struct dr_queue_task_list demand_of(const struct queues *queues,
                                           const struct queue_state *queue,
                                           const struct workers *workers, const struct lookup *busy,
                                           const struct dr_ledger_state *rows)
{
    struct dr_queue_task *list = calloc(json_array_size(queue->entries) + 1, sizeof *list);
    DR_ASSERT(list != NULL);
    size_t count = 0, k;
    json_t *entry;
    json_array_foreach (queue->entries, k, entry) {
        const char *task = text_of(entry, "task");
        int64_t added_us = stamp_us(text_of(entry, "added"));
        const struct task_check *check = check_of(queues, task);
        if (check != NULL && !check->waits)
            continue;
        if (lookup_find(busy, task) != DR_INDEX_NONE &&
            is_run_by_someone(task, added_us, workers, rows))
            continue;
        list[count++] = (struct dr_queue_task){.task = task, .added_us = added_us};
    }
    return (struct dr_queue_task_list){list, count};
}

struct dr_queue_view_list demand_view(const struct queues *queues, const struct workers *workers,
                                      const struct dr_ledger_state *rows)
{
    struct dr_queue_view *views = calloc(queues->count + 1, sizeof *views);
    DR_ASSERT(views != NULL);
    struct lookup busy = lookup_new(workers->count);
    for (size_t i = 0; i < workers->count; i++)
        lookup_add(&busy, workers->list[i].task, i);
    for (size_t i = 0; i < queues->count; i++) {
        const struct queue_state *queue = &queues->list[i];
        views[i] = (struct dr_queue_view){
            .id = queue->id,
            .name = queue->name,
            .known = queue->id[0] != '\0',
            .fresh = queue->fresh,
            .read_ms = queue->read_ms,
            .waiting = demand_of(queues, queue, workers, &busy, rows),
        };
    }
    lookup_free(&busy);
    return (struct dr_queue_view_list){views, queues->count};
}

void demand_view_free(struct dr_queue_view_list *views)
{
    for (size_t i = 0; i < views->count; i++)
        free((void *)(uintptr_t)views->items[i].waiting.items);
    free((void *)(uintptr_t)views->items);
    *views = (struct dr_queue_view_list){0};
}
