/* SPDX-License-Identifier: Apache-2.0 */
/* Workers live until their register_timeout has passed without a status report. */
#include "errors.h"
#include "handlers.h"
#include "pattern.h"
#include "tasks.h"

#include <string.h>

enum { DEFAULT_TIMEOUT_S = 600, NON_RESPONSIVE_S = 7200, DEFAULT_LAST_SEEN_S = 3600 };

static int64_t expires_us(const json_t *worker)
{
    return json_integer_value(json_object_get(worker, "expires_us"));
}

static void expire_workers(struct sandbox *sb, int64_t now_us)
{
    const char *key;
    json_t *worker;
    void *next;
    json_object_foreach_safe(sb->workers, next, key, worker)
    {
        if (expires_us(worker) > now_us)
            continue;
        json_object_del(sb->workers, key);
        sandbox_changed(sb);
    }
}

/* Running tasks of which nobody has said anything for two hours: the server's watchdog. */
static void stop_silent_tasks(struct sandbox *sb, int64_t now_us)
{
    struct sandbox_time edge = sandbox_time(now_us - (int64_t)NON_RESPONSIVE_S * 1000000);
    const char *id;
    json_t *task;
    json_object_foreach (sb->tasks, id, task) {
        const char *updated = sandbox_get_str(task, "last_update");
        if (strcmp(sandbox_get_str(task, "status"), "in_progress") != 0 || !updated ||
            strcmp(updated, edge.text) >= 0)
            continue;
        static const char why[] = "Forced stop (non-responsive)";
        struct sandbox_time now = sandbox_time(now_us);
        json_object_update_new(task, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "status",
                                               "stopped", "status_reason", why, "status_message",
                                               why, "status_changed", now.text, "last_update",
                                               now.text, "last_change", now.text, "last_changed_by",
                                               "__apiserver__"));
        sandbox_changed(sb);
    }
}

void sandbox_tick(struct sandbox *sb, int64_t now_us)
{
    expire_workers(sb, now_us);
    stop_silent_tasks(sb, now_us);
}

json_t *workers_alive(struct sandbox *sb, int64_t now_us)
{
    json_t *list = json_array();
    const char *key;
    json_t *worker;
    json_object_foreach (sb->workers, key, worker) {
        if (expires_us(worker) > now_us)
            json_array_append(list, worker);
    }
    return list;
}

bool workers_watch(struct sandbox *sb, int64_t now_us, const char *queue_id)
{
    const char *key;
    json_t *worker;
    json_object_foreach (sb->workers, key, worker) {
        if (expires_us(worker) > now_us && tags_have(json_object_get(worker, "queues"), queue_id))
            return true;
    }
    return false;
}

static void worker_key(const struct sandbox_call *call, const char *id, char *out, size_t size)
{
    snprintf(out, size, "worker_%s_%s_%s", call->company, call->user_id, id);
}

static void renew(struct sandbox_call *call, json_t *worker)
{
    int64_t timeout = json_integer_value(json_object_get(worker, "register_timeout"));
    json_object_set_new(worker, "expires_us", json_integer(call->now_us + timeout * 1000000));
    sandbox_changed(call->sb);
}

static json_t *list_of(const struct sandbox_call *call, const char *name)
{
    json_t *list = json_object_get(call->body, name);
    return json_is_array(list) ? json_deep_copy(list) : json_array();
}

static json_t *register_worker(struct sandbox_call *call, const char *id, json_int_t timeout,
                               json_t *queues)
{
    char key[1024];
    worker_key(call, id, key, sizeof key);
    const char *ip = call->request->remote_addr;
    json_t *worker = json_pack(
        "{s:s, s:s, s:{s:s, s:O}, s:{s:s, s:O}, s:s, s:o, s:o, s:I, s:o, s:o, s:o}", "key", key,
        "id", id, "user", "id", call->user_id, "name", json_object_get(call->user, "name"),
        "company", "id", call->company, "name", json_object_get(call->sb->company, "name"), "ip",
        ip ? ip : "127.0.0.1", "queues", queues, "register_time", sandbox_now(call),
        "register_timeout", timeout, "last_activity_time", sandbox_now(call), "tags",
        list_of(call, "tags"), "system_tags", list_of(call, "system_tags"));
    json_object_set_new(call->sb->workers, key, worker);
    renew(call, worker);
    return worker;
}

int workers_register(struct sandbox_call *call)
{
    json_int_t timeout = sandbox_int(call, "timeout", DEFAULT_TIMEOUT_S);
    if (timeout == 0)
        timeout = DEFAULT_TIMEOUT_S;
    if (timeout < 0)
        return sandbox_fail(call, 400, 1002, "Worker registration failed (invalid timeout)");
    size_t i;
    json_t *id;
    json_t *queues = list_of(call, "queues");
    json_array_foreach (queues, i, id) {
        if (json_object_get(call->sb->queues, json_string_value(id)))
            continue;
        sandbox_fail(call, 400, SUB_INVALID_QUEUE, "Invalid queue id: ids=(%s)",
                     json_string_value(id));
        json_decref(queues);
        return -1;
    }
    register_worker(call, sandbox_str(call, "worker"), timeout, queues);
    return 0;
}

/* Unknown workers count as unregistered already: no error. */
int workers_unregister(struct sandbox_call *call)
{
    char key[1024];
    worker_key(call, sandbox_str(call, "worker"), key, sizeof key);
    if (json_object_del(call->sb->workers, key) == 0)
        sandbox_changed(call->sb);
    return 0;
}

static int report_task(struct sandbox_call *call, json_t *worker)
{
    const char *id = sandbox_str(call, "task");
    if (!id || !*id) {
        json_object_del(worker, "task");
        json_object_del(worker, "project");
        return 0;
    }
    json_t *task = sandbox_find_task(call, id);
    if (!task)
        return -1;
    json_object_set_new(task, "last_worker", json_string(sandbox_str(call, "worker")));
    json_object_set_new(task, "last_worker_report", sandbox_now(call));
    sandbox_touch_task(call, task, true);
    json_object_set_new(worker, "task",
                        json_pack("{s:s, s:O}", "id", id, "name", json_object_get(task, "name")));
    json_object_del(worker, "project");
    json_t *project = json_object_get(call->sb->projects, sandbox_get_str(task, "project") ?: "");
    if (project)
        json_object_set_new(worker, "project",
                            json_pack("{s:O, s:O}", "id", json_object_get(project, "id"), "name",
                                      json_object_get(project, "name")));
    return 0;
}

/* A report from an unknown worker registers it. */
int workers_status_report(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "worker");
    char key[1024];
    worker_key(call, id, key, sizeof key);
    json_t *worker = json_object_get(call->sb->workers, key);
    if (!worker || expires_us(worker) <= call->now_us)
        worker = register_worker(call, id, DEFAULT_TIMEOUT_S, json_array());
    const char *ip = call->request->remote_addr;
    json_object_set_new(worker, "ip", json_string(ip ? ip : "127.0.0.1"));
    static const char *const lists[] = {"tags", "system_tags"};
    for (size_t i = 0; i < 2; i++) {
        if (json_is_array(json_object_get(call->body, lists[i])))
            json_object_set_new(worker, lists[i], list_of(call, lists[i]));
    }
    json_object_set_new(worker, "last_activity_time", sandbox_now(call));
    const char *queue = sandbox_str(call, "queue");
    if (queue)
        json_object_set_new(worker, "queue", json_string(queue));
    else
        json_object_del(worker, "queue");
    if (json_array_size(json_object_get(call->body, "queues")) > 0)
        json_object_set_new(worker, "queues", list_of(call, "queues"));
    int rc = report_task(call, worker);
    if (rc == 0)
        json_object_set_new(worker, "last_report_time", sandbox_now(call));
    renew(call, worker);
    return rc;
}

/* {id, name, num_tasks, next_task {id, name}} of a queue; only the id once it is deleted. */
static json_t *queue_entry(struct sandbox *sb, const char *id)
{
    json_t *out = json_pack("{s:s}", "id", id);
    json_t *queue = json_object_get(sb->queues, id);
    if (!queue)
        return out;
    json_t *entries = json_object_get(queue, "entries");
    json_object_set(out, "name", json_object_get(queue, "name"));
    if (json_object_get(queue, "display_name"))
        json_object_set(out, "display_name", json_object_get(queue, "display_name"));
    json_object_set_new(out, "num_tasks", json_integer((json_int_t)json_array_size(entries)));
    json_t *next = json_object_get(json_array_get(entries, 0), "task");
    if (next) {
        json_t *entry = json_pack("{s:O}", "id", next);
        json_t *task = json_object_get(sb->tasks, json_string_value(next));
        if (task)
            json_object_set(entry, "name", json_object_get(task, "name"));
        json_object_set_new(out, "next_task", entry);
    }
    return out;
}

static json_t *answer_worker(struct sandbox *sb, json_t *worker)
{
    json_t *out = json_deep_copy(worker);
    json_object_del(out, "expires_us");
    json_t *queues = json_array();
    const char *current = sandbox_get_str(worker, "queue");
    json_object_del(out, "queue");
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(worker, "queues"), i, id) {
        json_array_append_new(queues, queue_entry(sb, json_string_value(id)));
        if (current && strcmp(current, json_string_value(id)) == 0)
            json_object_set_new(out, "queue", queue_entry(sb, current));
    }
    json_object_set_new(out, "queues", queues);
    const char *task_id = sandbox_get_str(worker, "task.id");
    json_t *task = task_id ? json_object_get(sb->tasks, task_id) : NULL;
    if (task) {
        json_t *current_task = json_object_get(out, "task");
        json_int_t duration = json_integer_value(json_object_get(task, "active_duration"));
        json_object_set_new(current_task, "running_time", json_integer(duration * 1000));
        json_object_set(current_task, "last_iteration", json_object_get(task, "last_iteration"));
    }
    return out;
}

static bool has_any(const json_t *have, const json_t *wanted)
{
    size_t i;
    json_t *item;
    json_array_foreach (wanted, i, item) {
        if (json_is_string(item) && tags_have(have, json_string_value(item)))
            return true;
    }
    return json_array_size(wanted) == 0;
}

/* The filters of get_all and get_count. worker_pattern is a glob over the worker's id. */
static bool wanted_worker(struct sandbox_call *call, const json_t *worker, json_int_t last_seen,
                          const struct pattern *pattern)
{
    int64_t seen;
    if (last_seen > 0 && sandbox_time_parse(sandbox_get_str(worker, "last_activity_time"), &seen) &&
        seen < call->now_us - last_seen * 1000000)
        return false;
    return has_any(json_object_get(worker, "tags"), json_object_get(call->body, "tags")) &&
           has_any(json_object_get(worker, "system_tags"),
                   json_object_get(call->body, "system_tags")) &&
           (!pattern || pattern_matches(pattern, sandbox_get_str(worker, "id")));
}

/* "*" and "?" of a glob as a regular expression, the rest as it is. */
static struct pattern *glob(const char *text)
{
    char regex[1024];
    size_t n = 0;
    regex[n++] = '^';
    for (; *text && n + 4 < sizeof regex; text++) {
        if (*text == '*' || *text == '?')
            regex[n++] = '.';
        regex[n++] = *text;
    }
    regex[n++] = '$';
    regex[n] = '\0';
    char error[128];
    return pattern_new(regex, false, error, sizeof error);
}

static json_t *matching(struct sandbox_call *call, json_int_t last_seen)
{
    const char *text = sandbox_str(call, "worker_pattern");
    struct pattern *pattern = text ? glob(text) : NULL;
    json_t *alive = workers_alive(call->sb, call->now_us), *list = json_array();
    size_t i;
    json_t *worker;
    json_array_foreach (alive, i, worker) {
        if (wanted_worker(call, worker, last_seen, pattern))
            json_array_append(list, worker);
    }
    pattern_free(pattern);
    json_decref(alive);
    return list;
}

int workers_get_all(struct sandbox_call *call)
{
    json_t *found = matching(call, sandbox_int(call, "last_seen", DEFAULT_LAST_SEEN_S));
    json_t *list = json_array();
    size_t i;
    json_t *worker;
    json_array_foreach (found, i, worker)
        json_array_append_new(list, answer_worker(call->sb, worker));
    json_decref(found);
    return json_object_set_new(call->data, "workers", list);
}

int workers_get_count(struct sandbox_call *call)
{
    json_t *found = matching(call, sandbox_int(call, "last_seen", 0));
    json_int_t n = (json_int_t)json_array_size(found);
    json_decref(found);
    return json_object_set_new(call->data, "count", json_integer(n));
}
