/* SPDX-License-Identifier: Apache-2.0 */
#include "queues.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "strbuf.h"

/* Beyond this many entries they are read again for their own sake only now and then: one reading of
 * 1,100 took a server 50 to 200 ms. */
#define MANY_ENTRIES 200
#define MANY_PARTS 5
/* An unmoved last_update is a hint only: every queue is read again after so many re-read times. */
#define SWEEP_TIMES 4
/* tasks.get_all gives at most 500 a page. */
#define CHECKS_AT_ONCE 400

static char *copy(const char *text)
{
    char *made = strdup(text == NULL ? "" : text);
    DR_ASSERT(made != NULL);
    return made;
}

static void replace(char **text, char *with)
{
    free(*text);
    *text = with;
}

static void unstage(struct queue_state *queue)
{
    replace(&queue->next_id, NULL);
    replace(&queue->next_last_update, NULL);
    json_decref(queue->next_entries);
    queue->next_entries = NULL;
}

static void free_queue(struct queue_state *queue)
{
    unstage(queue);
    free(queue->name);
    free(queue->id);
    free(queue->last_update);
    json_decref(queue->entries);
}

void queues_configure(struct queues *queues, const struct dr_cfg_root *root)
{
    struct queue_state *list = calloc(root->queues.count + 1, sizeof *list);
    DR_ASSERT(list != NULL);
    for (size_t i = 0; i < root->queues.count; i++) {
        const char *name = root->queues.items[i].name;
        list[i] = (struct queue_state){.name = copy(name), .id = copy(""), .last_update = copy("")};
        for (size_t k = 0; k < queues->count; k++) {
            if (strcmp(queues->list[k].name, name) != 0)
                continue;
            struct queue_state fresh = list[i];
            list[i] = queues->list[k];
            queues->list[k] = fresh;
        }
    }
    for (size_t k = 0; k < queues->count; k++)
        free_queue(&queues->list[k]);
    free(queues->list);
    queues->list = list;
    queues->count = root->queues.count;
    queues->reread_ms = root->timing.queue_reread_ms;
    queues_abandon(queues);
}

void queues_free(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++)
        free_queue(&queues->list[i]);
    free(queues->list);
    struct task_check *check, *next;
    HASH_ITER(hh, queues->checks, check, next)
    {
        HASH_DEL(queues->checks, check);
        free(check->task);
        free(check);
    }
    memset(queues, 0, sizeof *queues);
}

/* The server takes `name` for a regular expression, and finds without regard to case. */
static void add_pattern(struct dr_strbuf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (strchr(".^$*+?()[]{}|\\", *name) != NULL)
            dr_strbuf_add_text(out, "\\");
        dr_strbuf_add(out, name, 1);
    }
}

json_t *queues_list_request(const struct queues *queues)
{
    struct dr_strbuf pattern = {0};
    dr_strbuf_add_text(&pattern, "^(");
    for (size_t i = 0; i < queues->count; i++) {
        dr_strbuf_add_text(&pattern, i == 0 ? "" : "|");
        add_pattern(&pattern, queues->list[i].name);
    }
    dr_strbuf_add_text(&pattern, ")$");
    json_t *body = json_pack("{s:s, s:[s,s,s], s:i, s:i}", "name", pattern.data, "only_fields",
                             "id", "name", "last_update", "page", 0, "page_size", 500);
    dr_strbuf_free(&pattern);
    return body;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

bool queues_take_list(struct queues *queues, const json_t *data, const char **wrong)
{
    const json_t *list = json_object_get(data, "queues");
    *wrong = "queues.get_all gave no list of queues";
    if (!json_is_array(list) || json_array_size(list) >= 500)
        return false;
    for (size_t i = 0; i < queues->count; i++) {
        struct queue_state *queue = &queues->list[i];
        replace(&queue->next_id, copy(""));
        replace(&queue->next_last_update, copy(""));
    }
    size_t k;
    const json_t *found;
    json_array_foreach(list, k, found)
    {
        if (text_of(found, "id")[0] == '\0' || text_of(found, "name")[0] == '\0')
            return false;
        for (size_t i = 0; i < queues->count; i++) {
            struct queue_state *queue = &queues->list[i];
            if (strcmp(queue->name, text_of(found, "name")) != 0)
                continue;
            replace(&queue->next_id, copy(text_of(found, "id")));
            replace(&queue->next_last_update, copy(text_of(found, "last_update")));
        }
    }
    return true;
}

/* Whether a queue's entries are read in this tick: always while there is any demand, so that no
 * machine is wanted for what is gone again (P7). */
static bool must_read(const struct queues *queues, const struct queue_state *queue, int64_t now_ms)
{
    if (queue->next_id[0] == '\0')
        return false;
    if (strcmp(queue->next_id, queue->id) != 0 ||
        strcmp(queue->next_last_update, queue->last_update) != 0 || queue->read_ms == 0)
        return true;
    int64_t age_ms = now_ms - queue->read_ms;
    size_t entries = json_array_size(queue->entries);
    if (entries == 0)
        return age_ms >= SWEEP_TIMES * queues->reread_ms;
    return entries <= MANY_ENTRIES || age_ms >= queues->reread_ms / MANY_PARTS;
}

json_t *queues_entries_request(const struct queues *queues, int64_t now_ms)
{
    json_t *ids = json_array();
    bool sweep = false;
    for (size_t i = 0; i < queues->count; i++)
        sweep = sweep || must_read(queues, &queues->list[i], now_ms);
    for (size_t i = 0; sweep && i < queues->count; i++) {
        /* Once one is read, the small ones cost nothing more. */
        const struct queue_state *queue = &queues->list[i];
        bool small = queue->next_id[0] != '\0' && json_array_size(queue->entries) <= MANY_ENTRIES;
        if (small || must_read(queues, queue, now_ms))
            json_array_append_new(ids, json_string(queue->next_id));
    }
    if (json_array_size(ids) == 0) {
        json_decref(ids);
        return NULL;
    }
    return json_pack("{s:o, s:[s,s], s:i, s:i}", "id", ids, "only_fields", "id", "entries", "page",
                     0, "page_size", 500);
}

static bool entries_are_whole(const json_t *entries)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(entries, i, entry) if (text_of(entry, "task")[0] == '\0') return false;
    return json_is_array(entries);
}

bool queues_take_entries(struct queues *queues, const json_t *data, int64_t sent_ms,
                         const char **wrong)
{
    const json_t *list = json_object_get(data, "queues");
    *wrong = "queues.get_all gave no list of entries";
    if (!json_is_array(list))
        return false;
    size_t k;
    const json_t *found;
    json_array_foreach(list, k, found)
    {
        json_t *entries = json_object_get(found, "entries");
        if (entries != NULL && !entries_are_whole(entries))
            return false;
        for (size_t i = 0; i < queues->count; i++) {
            struct queue_state *queue = &queues->list[i];
            if (strcmp(queue->next_id, text_of(found, "id")) != 0)
                continue;
            json_decref(queue->next_entries);
            queue->next_entries = entries == NULL ? json_array() : json_incref(entries);
            queue->next_read_ms = sent_ms;
        }
    }
    return true;
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

json_t *queues_checks_request(struct queues *queues, int64_t now_ms)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < queues->count; i++) {
        size_t k;
        json_t *entry;
        json_array_foreach(entries_now(&queues->list[i]), k, entry)
        {
            const struct task_check *check = check_of(queues, text_of(entry, "task"));
            bool due = check == NULL ||
                       (k < MANY_ENTRIES / 2 && now_ms - check->checked_ms >= queues->reread_ms);
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
        check->task = copy(task);
        HASH_ADD_KEYPTR(hh, queues->checks, check->task, strlen(check->task), check);
    }
    check->waits = waits;
    check->checked_ms = now_ms;
}

bool queues_take_checks(struct queues *queues, const json_t *asked, const json_t *data,
                        int64_t sent_ms, const char **wrong)
{
    const json_t *list = json_object_get(data, "tasks");
    *wrong = "tasks.get_all gave no list of tasks";
    if (!json_is_array(list))
        return false;
    size_t i;
    const json_t *item;
    json_array_foreach(asked, i, item) /* one that does not come back exists no more */
        note_check(queues, json_string_value(item), false, sent_ms);
    json_array_foreach(list, i, item) if (check_of(queues, text_of(item, "id")) != NULL) note_check(
        queues, text_of(item, "id"), strcmp(text_of(item, "status"), "queued") == 0, sent_ms);
    return true;
}

static void drop_unseen_checks(struct queues *queues)
{
    struct task_check *check, *next;
    HASH_ITER(hh, queues->checks, check, next)
    {
        if (!check->seen) {
            HASH_DEL(queues->checks, check);
            free(check->task);
            free(check);
        } else {
            check->seen = false;
        }
    }
}

static void tell_missing(const struct queues *queues, struct queue_state *queue)
{
    bool missing = queue->id[0] == '\0';
    struct dr_log_ctx ctx = {.queue = queue->name};
    if (missing && !queue->told_missing)
        port_log(queues->port, DR_LOG_WARNING, &ctx,
                 "the server has no queue named '%s': create it in ClearML or take it out of "
                 "drover.yaml; the others are served, and this one as soon as it appears",
                 queue->name);
    if (!missing && queue->told_missing)
        port_log(queues->port, DR_LOG_INFO, &ctx, "queue '%s' is there now and is served",
                 queue->name);
    queue->told_missing = missing;
}

void queues_commit(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        struct queue_state *queue = &queues->list[i];
        bool other = strcmp(queue->id, queue->next_id) != 0;
        queue->fresh = queue->next_entries != NULL;
        replace(&queue->id, queue->next_id);
        replace(&queue->last_update, queue->next_last_update);
        queue->next_id = queue->next_last_update = NULL;
        if (queue->fresh || other) {
            json_decref(queue->entries);
            queue->entries = queue->next_entries;
            queue->read_ms = queue->fresh ? queue->next_read_ms : 0;
            queue->next_entries = NULL;
        }
        unstage(queue);
        tell_missing(queues, queue);
        size_t k;
        json_t *entry;
        json_array_foreach(queue->entries, k, entry)
        {
            struct task_check *check = check_of(queues, text_of(entry, "task"));
            if (check != NULL)
                check->seen = true;
        }
    }
    drop_unseen_checks(queues);
}

void queues_abandon(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        unstage(&queues->list[i]);
        queues->list[i].fresh = false;
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

static struct dr_queue_task_list demand_of(const struct queues *queues,
                                           const struct queue_state *queue,
                                           const struct workers *workers,
                                           const struct dr_ledger_state *rows)
{
    struct dr_queue_task *list = calloc(json_array_size(queue->entries) + 1, sizeof *list);
    DR_ASSERT(list != NULL);
    size_t count = 0, k;
    json_t *entry;
    json_array_foreach(queue->entries, k, entry)
    {
        const char *task = text_of(entry, "task");
        int64_t added_us = stamp_us(text_of(entry, "added"));
        const struct task_check *check = check_of(queues, task);
        if ((check != NULL && !check->waits) || is_run_by_someone(task, added_us, workers, rows))
            continue;
        list[count++] = (struct dr_queue_task){.task = task, .added_us = added_us};
    }
    return (struct dr_queue_task_list){list, count};
}

struct dr_queue_view_list queues_view(const struct queues *queues, const struct workers *workers,
                                      const struct dr_ledger_state *rows)
{
    struct dr_queue_view *views = calloc(queues->count + 1, sizeof *views);
    DR_ASSERT(views != NULL);
    for (size_t i = 0; i < queues->count; i++) {
        const struct queue_state *queue = &queues->list[i];
        views[i] = (struct dr_queue_view){
            .id = queue->id,
            .name = queue->name,
            .known = queue->id[0] != '\0',
            .fresh = queue->fresh,
            .read_ms = queue->read_ms,
            .waiting = demand_of(queues, queue, workers, rows),
        };
    }
    return (struct dr_queue_view_list){views, queues->count};
}

void queues_view_free(struct dr_queue_view_list *views)
{
    for (size_t i = 0; i < views->count; i++)
        free((void *)(uintptr_t)views->items[i].waiting.items);
    free((void *)(uintptr_t)views->items);
    *views = (struct dr_queue_view_list){0};
}

bool queues_hold(const struct queues *queues, const char *task)
{
    for (size_t i = 0; i < queues->count; i++) {
        size_t k;
        json_t *entry;
        json_array_foreach(queues->list[i].entries, k,
                           entry) if (strcmp(text_of(entry, "task"), task) == 0) return true;
    }
    return false;
}

const struct queue_state *queues_by_id(const struct queues *queues, const char *id)
{
    for (size_t i = 0; id[0] != '\0' && i < queues->count; i++)
        if (strcmp(queues->list[i].id, id) == 0)
            return &queues->list[i];
    return NULL;
}
