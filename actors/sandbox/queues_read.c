/* SPDX-License-Identifier: Apache-2.0 */
/* Queues as they are answered. */
#include "handlers.h"
#include "query.h"
#include "tasks.h"

#include <string.h>

/* Sorted tags, and for old clients metadata as the empty list they expect. */
static void answer_queue(const struct sandbox_call *call, json_t *queue)
{
    sort_strings(json_object_get(queue, "tags"));
    sort_strings(json_object_get(queue, "system_tags"));
    if (call->requested <= SANDBOX_VERSION(2, 16) && json_object_get(queue, "metadata"))
        json_object_set_new(queue, "metadata", json_array());
}

/* max_task_entries: that many of the first, the last if negative; 0: all. */
static void cut_entries(json_t *queue, json_int_t count)
{
    json_t *entries = json_object_get(queue, "entries");
    size_t n = json_array_size(entries);
    size_t keep = (size_t)(count < 0 ? -count : count);
    if (count == 0 || !entries || n <= keep)
        return;
    json_t *cut = json_array();
    for (size_t i = count > 0 ? 0 : n - keep, end = i + keep; i < end; i++)
        json_array_append(cut, json_array_get(entries, i));
    json_object_set_new(queue, "entries", cut);
}

int queues_get_by_id(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    if (!queue)
        return -1;
    queue = query_project(&query_queues, queue, NULL);
    cut_entries(queue, sandbox_int(call, "max_task_entries", 0));
    answer_queue(call, queue);
    return json_object_set_new(call->data, "queue", queue);
}

int queues_get_default(struct sandbox_call *call)
{
    json_t *queue = queue_default(call);
    if (!queue)
        return -1;
    json_object_set(call->data, "id", json_object_get(queue, "id"));
    return json_object_set(call->data, "name", json_object_get(queue, "name"));
}

int queues_get_all(struct sandbox_call *call)
{
    json_t *queues = query_run(call, &query_queues, call->body, 0);
    if (!queues)
        return -1;
    size_t i;
    json_t *queue;
    json_array_foreach (queues, i, queue) {
        cut_entries(queue, sandbox_int(call, "max_task_entries", 0));
        answer_queue(call, queue);
    }
    return json_object_set_new(call->data, "queues", queues);
}

static json_t *workers_of(json_t *workers, const char *queue_id)
{
    json_t *list = json_array();
    size_t i, j;
    json_t *worker, *id;
    json_array_foreach (workers, i, worker) {
        json_array_foreach (json_object_get(worker, "queues"), j, id) {
            if (strcmp(json_string_value(id), queue_id) != 0)
                continue;
            json_t *task = json_object_get(worker, "task");
            json_array_append_new(list, json_pack("{s:O, s:O, s:O, s:o}", "name",
                                                  json_object_get(worker, "id"), "ip",
                                                  json_object_get(worker, "ip"), "key",
                                                  json_object_get(worker, "key"), "task",
                                                  task ? json_deep_copy(task) : json_null()));
        }
    }
    return list;
}

/* Everything of each queue whatever only_fields says, with the names of waiting tasks and with the
 * workers. */
int queues_get_all_ex(struct sandbox_call *call)
{
    json_t *query = json_copy(call->body);
    json_object_del(query, "only_fields");
    json_object_del(query, "projection");
    json_t *queues = query_run(call, &query_queues, query, 0);
    json_decref(query);
    if (!queues)
        return -1;
    json_t *names = json_pack("[s]", "entries.task.name");
    json_t *workers = workers_alive(call->sb, call->now_us);
    size_t i;
    json_t *queue;
    json_array_foreach (queues, i, queue) {
        cut_entries(queue, sandbox_int(call, "max_task_entries", 0));
        query_expand(call, &query_queues, queue, names);
        json_object_set_new(queue, "workers", workers_of(workers, sandbox_get_str(queue, "id")));
        answer_queue(call, queue);
    }
    json_decref(names);
    json_decref(workers);
    return json_object_set_new(call->data, "queues", queues);
}

int queues_peek_task(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    if (!queue)
        return -1;
    json_t *first = json_array_get(json_object_get(queue, "entries"), 0);
    json_t *task = first ? json_incref(json_object_get(first, "task")) : json_null();
    return json_object_set_new(call->data, "task", task);
}

int queues_get_num_entries(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    if (!queue)
        return -1;
    size_t n = json_array_size(json_object_get(queue, "entries"));
    return json_object_set_new(call->data, "num", json_integer((json_int_t)n));
}
