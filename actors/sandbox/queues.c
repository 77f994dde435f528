/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <stdio.h>
#include <string.h>

json_t *queue_by_name(struct sandbox *sb, const char *name)
{
    const char *id;
    json_t *queue;
    json_object_foreach (sb->queues, id, queue) {
        if (strcmp(sandbox_get_str(queue, "name"), name) == 0)
            return queue;
    }
    return NULL;
}

static json_t *entries_of(json_t *queue)
{
    return json_object_get(queue, "entries");
}

/* Where the task stands in the queue, -1 if it does not. */
static int position_of(json_t *queue, const char *task_id)
{
    size_t i;
    json_t *entry;
    json_array_foreach (entries_of(queue), i, entry) {
        if (strcmp(sandbox_get_str(entry, "task"), task_id) == 0)
            return (int)i;
    }
    return -1;
}

static void queue_updated(struct sandbox_call *call, json_t *queue)
{
    json_object_set_new(queue, "last_update", sandbox_now(call));
    sandbox_changed(call->sb);
}

static int check_name(struct sandbox_call *call, const char *name, const json_t *self)
{
    if (strlen(name) < 3)
        return sandbox_fail(call, 400, SUB_DATA_VALIDATION,
                            "Data validation error: name=String value is too short");
    json_t *other = queue_by_name(call->sb, name);
    if (other && other != self)
        return sandbox_fail(call, 400, SUB_NOT_UNIQUE,
                            "Value combination already exists (unique field already contains this "
                            "value): name=%s, company=%s",
                            name, call->company);
    return 0;
}

json_t *queue_new(struct sandbox_call *call, const char *name)
{
    if (check_name(call, name, NULL) != 0)
        return NULL;
    struct sandbox_id id = sandbox_new_id(call->sb);
    json_t *queue =
        json_pack("{s:s, s:s, s:s, s:o, s:[], s:[], s:[], s:o, s:{}}", "id", id.text, "name", name,
                  "company", call->company, "created", sandbox_now(call), "tags", "system_tags",
                  "entries", "last_update", sandbox_now(call), "metadata");
    json_object_set_new(call->sb->queues, id.text, queue);
    sandbox_changed(call->sb);
    return queue;
}

json_t *queue_default(struct sandbox_call *call)
{
    const char *id;
    json_t *queue;
    json_object_foreach (call->sb->queues, id, queue) {
        if (tags_have(json_object_get(queue, "system_tags"), "default"))
            return queue;
    }
    sandbox_fail(call, 400, SUB_NO_DEFAULT_QUEUE,
                 "No queue is tagged as the default queue for this company");
    return NULL;
}

int queue_add(struct sandbox_call *call, json_t *queue, const char *task_id)
{
    if (position_of(queue, task_id) >= 0) {
        sandbox_fail(call, 400, SUB_TASK_ALREADY_QUEUED,
                     "Failed adding task to queue since task is already queued: task=%s", task_id);
        call->error_data = json_pack("{s:s}", "task", task_id);
        return -1;
    }
    json_array_append_new(entries_of(queue),
                          json_pack("{s:s, s:o}", "task", task_id, "added", sandbox_now(call)));
    queue_updated(call, queue);
    return 0;
}

int queue_remove(struct sandbox_call *call, json_t *queue, const char *task_id)
{
    int removed = 0;
    for (int at; (at = position_of(queue, task_id)) >= 0; removed++)
        json_array_remove(entries_of(queue), (size_t)at);
    if (removed)
        queue_updated(call, queue);
    return removed;
}

void queue_remove_everywhere(struct sandbox_call *call, const char *task_id, const char *except)
{
    const char *id;
    json_t *queue;
    json_object_foreach (call->sb->queues, id, queue) {
        if (!except || strcmp(id, except) != 0)
            queue_remove(call, queue, task_id);
    }
}

/* Metadata comes as a list of items or as a map of them. */
static int put_metadata(json_t *metadata, const json_t *items)
{
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item) {
        const char *key = sandbox_get_str(item, "key");
        if (key)
            json_object_set_new(metadata, key, json_deep_copy(item));
    }
    const char *key;
    json_object_foreach ((json_t *)items, key, item)
        json_object_set_new(metadata, key, json_deep_copy(item));
    return 0;
}

/* Copies the fields of the body that a queue takes; and into fields what was set. */
static void put_fields(struct sandbox_call *call, json_t *queue, json_t *fields)
{
    static const char *const names[] = {"name", "display_name", "tags", "system_tags"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(call->body, names[i]);
        if (!value || json_is_null(value))
            continue;
        value = json_deep_copy(value);
        sort_strings(value);
        json_object_set(fields, names[i], value);
        json_object_set_new(queue, names[i], value);
    }
    json_t *items = json_object_get(call->body, "metadata");
    if (items && !json_is_null(items)) {
        json_t *metadata = json_object();
        put_metadata(metadata, items);
        json_object_set(fields, "metadata", metadata);
        json_object_set_new(queue, "metadata", metadata);
    }
}

int queues_create(struct sandbox_call *call)
{
    json_t *queue = queue_new(call, sandbox_str(call, "name"));
    if (!queue)
        return -1;
    json_t *fields = json_object();
    put_fields(call, queue, fields);
    json_decref(fields);
    return json_object_set(call->data, "id", json_object_get(queue, "id"));
}

int queues_update(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    const char *name = sandbox_str(call, "name");
    if (!queue || (name && check_name(call, name, queue) != 0))
        return -1;
    json_t *fields = json_object();
    put_fields(call, queue, fields);
    sandbox_changed(call->sb);
    json_object_set_new(call->data, "updated", json_integer(json_object_size(fields) > 0));
    return json_object_set_new(call->data, "fields", fields);
}

/* The tasks that stood in the queue get back the status they had. Their ids, a new array. */
static json_t *release_tasks(struct sandbox_call *call, json_t *queue, const char *reason)
{
    json_t *ids = json_array();
    size_t i;
    json_t *entry;
    const char *queue_id = sandbox_get_str(queue, "id");
    json_array_foreach (entries_of(queue), i, entry) {
        json_t *task = json_object_get(call->sb->tasks, sandbox_get_str(entry, "task"));
        const char *where = task ? sandbox_get_str(task, "execution.queue") : NULL;
        if (!where || strcmp(where, queue_id) != 0)
            continue;
        const char *before = sandbox_get_str(task, "enqueue_status");
        struct task_change change = {
            .to = before ? before : "created", .reason = reason, .force = true};
        task_change_status(call, task, &change, NULL);
        json_object_del(task, "enqueue_status");
        sandbox_delete(task, "execution.queue");
        json_array_append(ids, json_object_get(task, "id"));
    }
    return ids;
}

int queues_delete(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "queue");
    json_t *queue = sandbox_find_queue(call, id);
    if (!queue)
        return -1;
    if (json_array_size(entries_of(queue)) > 0) {
        if (!sandbox_flag(call, "force", false))
            return sandbox_fail(call, 400, SUB_QUEUE_NOT_EMPTY,
                                "Queue is not empty (use force=true to delete): id=%s", id);
        char reason[128];
        snprintf(reason, sizeof reason, "Queue %.64s was deleted", id);
        json_decref(release_tasks(call, queue, reason));
    }
    json_object_del(call->sb->queues, id);
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "deleted", json_integer(1));
}

/* last_update stays: whoever watches it does not see a queue being cleared. */
int queues_clear_queue(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "queue");
    json_t *queue = sandbox_find_queue(call, id);
    if (!queue)
        return -1;
    char reason[128];
    snprintf(reason, sizeof reason, "Queue %.64s was cleared", id);
    json_object_set_new(call->data, "removed_tasks", release_tasks(call, queue, reason));
    json_array_clear(entries_of(queue));
    sandbox_changed(call->sb);
    return 0;
}

int queues_add_task(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    const char *id = sandbox_str(call, "task");
    if (!queue || queue_add(call, queue, id) != 0)
        return -1;
    json_t *task = json_object_get(call->sb->tasks, id);
    if (task && sandbox_flag(call, "update_execution_queue", true))
        sandbox_set(task, "execution.queue", json_string(sandbox_str(call, "queue")));
    return json_object_set_new(call->data, "added", json_integer(1));
}

/* Pops at once: from here until tasks.started the task stands in no queue. */
int queues_get_next_task(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    if (!queue)
        return -1;
    json_t *entry = json_array_get(entries_of(queue), 0);
    const char *only = sandbox_str(call, "task");
    const char *id = sandbox_get_str(entry, "task");
    if (!entry || (only && strcmp(only, id) != 0))
        return 0;
    json_object_set(call->data, "entry", entry);
    json_array_remove(entries_of(queue), 0);
    queue_updated(call, queue);
    json_t *task = json_object_get(call->sb->tasks, id);
    if (!task)
        return 0;
    if (strcmp(sandbox_get_str(task, "status"), "stopped") == 0)
        json_object_set_new(task, "status", json_string("queued"));
    if (sandbox_flag(call, "get_task_info", false))
        json_object_set_new(call->data, "task_info",
                            json_pack("{s:O, s:O}", "company", json_object_get(task, "company"),
                                      "user", json_object_get(task, "user")));
    return 0;
}

/* The queue of the body with its task in it; *position says where. */
static json_t *queue_with_task(struct sandbox_call *call, int *position)
{
    const char *id = sandbox_str(call, "queue"), *task = sandbox_str(call, "task");
    json_t *queue = json_object_get(call->sb->queues, id);
    *position = queue ? position_of(queue, task) : -1;
    if (*position >= 0)
        return queue;
    sandbox_fail(call, 400, SUB_TASK_NOT_QUEUED,
                 "Invalid queue id or task not in queue: task=%s, id=%s, company=%s", task, id,
                 call->company);
    return NULL;
}

int queues_remove_task(struct sandbox_call *call)
{
    int position;
    const char *id = sandbox_str(call, "queue"), *task_id = sandbox_str(call, "task");
    json_t *queue = queue_with_task(call, &position);
    if (!queue)
        return -1;
    int removed = queue_remove(call, queue, task_id);
    json_t *task = json_object_get(call->sb->tasks, task_id);
    const char *where = task ? sandbox_get_str(task, "execution.queue") : NULL;
    if (where && strcmp(where, id) == 0 && sandbox_flag(call, "update_task_status", false)) {
        char reason[128];
        snprintf(reason, sizeof reason, "Task was removed from the queue %.64s", id);
        const char *before = sandbox_get_str(task, "enqueue_status");
        struct task_change change = {
            .to = before ? before : "created", .reason = reason, .force = true};
        task_change_status(call, task, &change, NULL);
        json_object_del(task, "enqueue_status");
        sandbox_delete(task, "execution.queue");
    }
    return json_object_set_new(call->data, "removed", json_integer(removed));
}

static int move(struct sandbox_call *call, json_int_t by)
{
    int from;
    json_t *queue = queue_with_task(call, &from);
    if (!queue)
        return -1;
    json_t *entries = entries_of(queue);
    json_int_t last = (json_int_t)json_array_size(entries) - 1;
    json_int_t to = from + by;
    to = to < 0 ? 0 : to > last ? last : to;
    json_t *entry = json_incref(json_array_get(entries, (size_t)from));
    json_array_remove(entries, (size_t)from);
    json_array_insert_new(entries, (size_t)to, entry);
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "position", json_integer(to));
}

enum { WHOLE_QUEUE = 1 << 30 };

int queues_move_task_to_front(struct sandbox_call *call)
{
    return move(call, -WHOLE_QUEUE);
}

int queues_move_task_to_back(struct sandbox_call *call)
{
    return move(call, WHOLE_QUEUE);
}

int queues_move_task_forward(struct sandbox_call *call)
{
    return move(call, -sandbox_int(call, "count", 1));
}

int queues_move_task_backward(struct sandbox_call *call)
{
    return move(call, sandbox_int(call, "count", 1));
}

int queues_add_or_update_metadata(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    if (!queue)
        return -1;
    json_t *metadata = json_object_get(queue, "metadata");
    if (sandbox_flag(call, "replace_metadata", false))
        json_object_clear(metadata);
    put_metadata(metadata, json_object_get(call->body, "metadata"));
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "updated", json_integer(1));
}

int queues_delete_metadata(struct sandbox_call *call)
{
    json_t *queue = sandbox_find_queue(call, sandbox_str(call, "queue"));
    if (!queue)
        return -1;
    size_t i;
    json_t *key;
    json_array_foreach (json_object_get(call->body, "keys"), i, key)
        json_object_del(json_object_get(queue, "metadata"), json_string_value(key));
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "updated", json_integer(1));
}
