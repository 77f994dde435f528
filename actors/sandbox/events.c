/* SPDX-License-Identifier: Apache-2.0 */
/* events.add and add_batch: checking, storing, and what events do to their task or model. */
#include "data.h"
#include "errors.h"
#include "handlers.h"
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

static const char *const event_types[] = {
    "log", "training_stats_scalar", "training_stats_vector", "training_debug_image", "plot", NULL};

/* --- the store --------------------------------------------------------------------------------*/

void events_forget(struct sandbox *sb, const char *id)
{
    json_object_del(sb->events, id);
}

bool events_is_single(const json_t *event)
{
    const json_t *iter = json_object_get(event, "iter");
    return json_is_integer(iter) && json_integer_value(iter) == EVENTS_SINGLE_VALUE;
}

static bool names_variant(const json_t *metrics, const json_t *event)
{
    if (!metrics || json_array_size(metrics) == 0)
        return true;
    size_t i, k;
    json_t *wanted, *variant;
    json_array_foreach (metrics, i, wanted) {
        if (!json_equal(json_object_get(wanted, "metric"), json_object_get(event, "metric")))
            continue;
        const json_t *variants = json_object_get(wanted, "variants");
        if (json_array_size(variants) == 0)
            return true;
        json_array_foreach (variants, k, variant)
            if (json_equal(variant, json_object_get(event, "variant")))
                return true;
    }
    return false;
}

static bool passes(const struct events_filter *filter, const json_t *event)
{
    const char *metric = sandbox_get_str(event, "metric");
    const char *variant = sandbox_get_str(event, "variant");
    return names_variant(filter->metrics, event) &&
           (!filter->metric || strcmp(filter->metric, metric) == 0) &&
           (!filter->variant || strcmp(filter->variant, variant) == 0);
}

json_t *events_select(struct sandbox *sb, const char *entity, const struct events_filter *filter)
{
    json_t *out = json_array();
    bool all = !filter->type || strcmp(filter->type, "all") == 0;
    const char *type, *key;
    json_t *stored, *event;
    size_t i;
    json_object_foreach (json_object_get(sb->events, entity), type, stored) {
        if (!all && strcmp(type, filter->type) != 0)
            continue;
        json_array_foreach (stored, i, event)
            if (passes(filter, event))
                json_array_append(out, event);
        if (json_is_object(stored))
            json_object_foreach (stored, key, event)
                if (passes(filter, event))
                    json_array_append(out, event);
    }
    return out;
}

struct sort_row {
    json_t *event;
    double key;
    size_t place;
};

static int compare_rows(const void *a, const void *b)
{
    const struct sort_row *x = a;
    const struct sort_row *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void events_sort(json_t *events, const char *field, bool descending)
{
    size_t n = json_array_size(events);
    struct sort_row *rows = calloc(n + 1, sizeof *rows);
    for (size_t i = 0; rows && i < n; i++) {
        json_t *event = json_incref(json_array_get(events, i));
        double key = json_number_value(json_object_get(event, field));
        rows[i] = (struct sort_row){event, descending ? -key : key, i};
    }
    if (rows)
        qsort(rows, n, sizeof *rows, compare_rows);
    for (size_t i = 0; rows && i < n; i++)
        json_array_set_new(events, i, rows[i].event);
    free(rows);
}

json_t *events_entity(struct sandbox_call *call, const char *id)
{
    if (sandbox_flag(call, "model_events", false))
        return sandbox_find_model(call, id);
    return sandbox_find_task(call, id);
}

/* --- checking ---------------------------------------------------------------------------------*/

/* One batch on its way in. Nothing is stored before all of it is read: a value that is no number
 * makes the server drop the whole batch. */
struct batch {
    struct sandbox_call *call;
    json_t *events;    /* those to store */
    json_t *errors;    /* sentence → count */
    json_t *summaries; /* entity id → metrics_collect's summary */
    json_t *stats;     /* task id → metric → type → timestamp */
    json_t *iters;     /* entity id → highest iteration */
};

static bool refuse(struct batch *batch, json_t *sentence)
{
    const char *text = json_string_value(sentence);
    json_int_t count = json_integer_value(json_object_get(batch->errors, text));
    json_object_set_new(batch->errors, text, json_integer(count + 1));
    json_decref(sentence);
    return false;
}

static bool is_known_type(const char *type)
{
    for (const char *const *t = event_types; *t; t++)
        if (strcmp(*t, type) == 0)
            return true;
    return false;
}

/* Published tasks and ready models take no more events. */
static bool takes_events(struct batch *batch, const char *id, bool model, bool allow_locked)
{
    struct sandbox *sb = batch->call->sb;
    const json_t *doc = json_object_get(model ? sb->models : sb->tasks, id);
    if (!doc || allow_locked)
        return doc != NULL;
    const char *status = sandbox_get_str(doc, "status");
    return model ? !json_is_true(json_object_get(doc, "ready"))
                 : strcmp(status, "published") != 0 && strcmp(status, "publishing") != 0;
}

static bool check_event(struct batch *batch, json_t *event)
{
    bool model = json_is_true(json_object_get(event, "model_event"));
    bool allow_locked = json_is_true(json_object_get(event, "allow_locked"));
    json_object_del(event, "allow_locked");
    json_object_set_new(event, "model_event", json_boolean(model));
    if (model && json_object_get(event, "model")) {
        json_object_set(event, "task", json_object_get(event, "model"));
        json_object_del(event, "model");
    }
    const char *sent = sandbox_get_str(event, "type");
    if (!sent)
        return refuse(batch, json_string("Event must have a 'type' field"));
    char type[64];
    snprintf(type, sizeof type, "%s", sent);
    for (char *p = type; *p; p++)
        *p = *p == ' ' ? '_' : *p;
    if (!is_known_type(type))
        return refuse(batch, json_sprintf("Invalid event type %s", type));
    if (model && strcmp(type, "log") == 0)
        return refuse(batch, json_string("Task log events are not supported for models"));
    const char *id = sandbox_get_str(event, "task");
    if (!id)
        return refuse(batch, json_string("Event must have a 'task' field"));
    if (!takes_events(batch, id, model, allow_locked))
        return refuse(batch, json_sprintf("Invalid %s id %s", model ? "model" : "task", id));
    json_object_set_new(event, "type", json_string(type));
    return true;
}

static void rename_field(json_t *event, const char *from, const char *to)
{
    json_t *value = json_object_get(event, from);
    if (!value)
        return;
    json_object_set(event, to, value);
    json_object_del(event, from);
}

/* Fills in what the sender left out. */
static void complete_event(struct batch *batch, json_t *event)
{
    static const char *const texts[] = {"metric", "variant"};
    const struct sandbox_call *call = batch->call;
    json_object_set_new(event, "@timestamp", sandbox_now(call));
    rename_field(event, "ts", "timestamp");
    rename_field(event, "values", "value");
    if (!json_object_get(event, "timestamp"))
        json_object_set_new(event, "timestamp", json_integer(call->now_us / 1000));
    if (!json_object_get(event, "worker"))
        json_object_set_new(event, "worker",
                            call->request->worker ? json_string(call->request->worker)
                                                  : json_null());
    json_t *iter = json_object_get(event, "iter");
    if (json_is_real(iter))
        json_object_set_new(event, "iter", json_integer((json_int_t)json_real_value(iter)));
    else if (json_is_string(iter))
        json_object_set_new(event, "iter",
                            json_integer(strtoll(json_string_value(iter), NULL, 10)));
    for (size_t i = 0; i < 2; i++)
        if (!json_is_string(json_object_get(event, texts[i])))
            json_object_set_new(event, texts[i], json_string(""));
    const char *plot = sandbox_get_str(event, "plot_str");
    if (strcmp(sandbox_get_str(event, "type"), "plot") == 0)
        json_object_set_new(event, "plot_len", json_integer(plot ? (json_int_t)strlen(plot) : 0));
}

static json_t *member(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!found)
        json_object_set_new(object, key, found = json_object());
    return found;
}

/* What the event says of its task beside itself. 0, or -1 with the error set. */
static int digest_event(struct batch *batch, const json_t *event, const json_t *x_axis_label)
{
    const char *id = sandbox_get_str(event, "task");
    const char *type = sandbox_get_str(event, "type");
    const json_t *iter = json_object_get(event, "iter");
    json_int_t highest = json_integer_value(json_object_get(batch->iters, id));
    if (json_is_integer(iter))
        json_object_set_new(
            batch->iters, id,
            json_integer(json_integer_value(iter) > highest ? json_integer_value(iter) : highest));
    if (!json_is_true(json_object_get(event, "model_event"))) {
        json_t *types = member(member(batch->stats, id), sandbox_get_str(event, "metric"));
        json_t *at = json_object_get(event, "timestamp");
        json_t *before = json_object_get(types, type);
        if (!before || json_number_value(before) < json_number_value(at))
            json_object_set(types, type, at);
    }
    if (strcmp(type, "training_stats_scalar") != 0)
        return 0;
    const json_t *value = json_object_get(event, "value");
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_number(value))
        return sandbox_fail(batch->call, 500, 0,
                            "unsupported operand type(s) for +: 'int' and 'str'");
    metrics_collect(member(batch->summaries, id), event, x_axis_label);
    return 0;
}

/* --- storing ----------------------------------------------------------------------------------*/

/* An event of the same task, iteration, metric, variant and key replaces the older one. */
static char *event_key(const json_t *event)
{
    static const char *const fields[] = {"iter", "metric", "variant", "key"};
    json_t *parts = json_array();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        json_t *value = json_object_get(event, fields[i]);
        json_array_append_new(parts, value ? json_incref(value) : json_null());
    }
    char *key = json_dumps(parts, JSON_COMPACT);
    json_decref(parts);
    return key;
}

static void store_event(struct sandbox *sb, json_t *event)
{
    json_t *types = member(sb->events, sandbox_get_str(event, "task"));
    const char *type = sandbox_get_str(event, "type");
    json_t *stored = json_object_get(types, type);
    if (strcmp(type, "log") == 0) {
        if (!stored)
            json_object_set_new(types, type, stored = json_array());
        json_array_append(stored, event);
        return;
    }
    char *key = event_key(event);
    if (key)
        json_object_set(member(types, type), key, event);
    free(key);
}

/* metric_stats is what the last batch said, nothing older. */
static json_t *metric_stats(const json_t *metrics)
{
    json_t *out = json_object();
    const char *metric, *type;
    json_t *types, *at;
    json_object_foreach ((json_t *)(uintptr_t)metrics, metric, types) {
        json_t *by_type = json_object();
        json_object_foreach (types, type, at)
            json_object_set_new(by_type, type, json_pack("{s:O}", "last_update", at));
        json_object_set_new(
            out, sandbox_md5(metric).text,
            json_pack("{s:s, s:o}", "metric", metric, "event_stats_by_type", by_type));
    }
    return out;
}

static void update_entity(struct batch *batch, const char *id)
{
    struct sandbox_call *call = batch->call;
    json_t *task = json_object_get(call->sb->tasks, id);
    json_t *doc = task ? task : json_object_get(call->sb->models, id);
    const json_t *iter = json_object_get(batch->iters, id);
    json_t *last = json_object_get(doc, "last_iteration");
    if (iter && json_integer_value(iter) > json_integer_value(last))
        json_object_set(doc, "last_iteration", (json_t *)(uintptr_t)iter);
    if (json_object_get(batch->summaries, id))
        metrics_apply(doc, json_object_get(batch->summaries, id));
    if (task)
        json_object_set_new(doc, "metric_stats", metric_stats(json_object_get(batch->stats, id)));
    if (task)
        task_alive(call, task);
    else if (task)
        task_alive(call, task);
    else
        sandbox_touch_task(call, doc, true);
}

static void finish_batch(struct batch *batch)
{
    json_t *touched = json_object();
    size_t i;
    json_t *event;
    json_array_foreach (batch->events, i, event) {
        store_event(batch->call->sb, event);
        json_object_set_new(touched, sandbox_get_str(event, "task"), json_null());
    }
    const char *id;
    json_object_foreach (touched, id, event)
        update_entity(batch, id);
    json_decref(touched);
}

static int answer_batch(struct batch *batch)
{
    json_int_t added = (json_int_t)json_array_size(batch->events);
    json_int_t refused = 0;
    char reasons[400] = "";
    const char *sentence;
    json_t *count;
    json_object_foreach (batch->errors, sentence, count) {
        refused += json_integer_value(count);
        size_t n = strlen(reasons);
        snprintf(reasons + n, sizeof reasons - n, "%s%s=%lld", n ? ", " : "", sentence,
                 json_integer_value(count));
    }
    if (added == 0)
        return sandbox_fail(batch->call, 400, SUB_EVENTS_NOT_ADDED, "Events not added: %s",
                            reasons);
    return json_object_update_new(batch->call->data,
                                  json_pack("{s:I, s:I, s:O}", "added", added, "errors", refused,
                                            "errors_info", batch->errors));
}

static int add_events(struct sandbox_call *call, const json_t *events)
{
    struct batch batch = {call,          json_array(),  json_object(),
                          json_object(), json_object(), json_object()};
    int rc = 0;
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        json_t *x_axis_label = json_incref(json_object_get(event, "x_axis_label"));
        json_object_del(event, "x_axis_label");
        if (rc == 0 && check_event(&batch, event)) {
            complete_event(&batch, event);
            rc = digest_event(&batch, event, x_axis_label);
            json_array_append(batch.events, event);
        }
        json_decref(x_axis_label);
    }
    if (rc == 0)
        finish_batch(&batch);
    if (rc == 0)
        rc = answer_batch(&batch);
    json_decref(batch.events);
    json_decref(batch.errors);
    json_decref(batch.summaries);
    json_decref(batch.stats);
    json_decref(batch.iters);
    return rc;
}

int events_add(struct sandbox_call *call)
{
    json_t *one = json_pack("[o]", json_deep_copy(call->body));
    int rc = add_events(call, one);
    json_decref(one);
    return rc;
}

/* The lines may also come as plain JSON: then it is one event. */
int events_add_batch(struct sandbox_call *call)
{
    if (call->batch && json_array_size(call->batch) > 0)
        return add_events(call, call->batch);
    if (!call->batch && json_object_size(call->body) > 0)
        return events_add(call);
    return sandbox_fail(call, 400, 0,
                        "The browser (or proxy) sent a request that this server could not "
                        "understand.");
}

/* --- deleting ---------------------------------------------------------------------------------*/

static int check_unlocked(struct sandbox_call *call, const json_t *task)
{
    const char *status = sandbox_get_str(task, "status");
    if (!sandbox_flag(call, "allow_locked", false) &&
        (strcmp(status, "published") == 0 || strcmp(status, "publishing") == 0))
        return sandbox_fail(call, 400, SUB_INVALID_TASK,
                            "Cannot update events for a published task: company=%s, id=%s",
                            call->company, sandbox_get_str(task, "id"));
    return 0;
}

int events_delete_for_task(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    const json_t *task = sandbox_find_task(call, id);
    if (!task || check_unlocked(call, task) != 0)
        return -1;
    json_t *events = events_select(call->sb, id, &(struct events_filter){0});
    json_object_set_new(call->data, "deleted", json_integer((json_int_t)json_array_size(events)));
    json_decref(events);
    events_forget(call->sb, id);
    sandbox_changed(call->sb);
    return 0;
}

static bool lists(const json_t *names, const json_t *metric)
{
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name)
        if (json_equal(name, metric))
            return true;
    return false;
}

int events_clear_task_log(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    const json_t *task = sandbox_find_task(call, id);
    if (!task || check_unlocked(call, task) != 0)
        return -1;
    json_int_t threshold_s = sandbox_int(call, "threshold_sec", 0);
    json_int_t until_ms = call->now_us / 1000 - threshold_s * 1000;
    double before_ms = (double)until_ms;
    const json_t *include = json_object_get(call->body, "include_metrics");
    const json_t *exclude = json_object_get(call->body, "exclude_metrics");
    json_t *lines = json_object_get(json_object_get(call->sb->events, id), "log");
    json_int_t deleted = 0;
    for (size_t i = json_array_size(lines); i-- > 0;) {
        const json_t *line = json_array_get(lines, i);
        const json_t *metric = json_object_get(line, "metric");
        if ((threshold_s && json_number_value(json_object_get(line, "timestamp")) >= before_ms) ||
            (json_array_size(include) > 0 && !lists(include, metric)) || lists(exclude, metric))
            continue;
        json_array_remove(lines, i);
        deleted++;
    }
    sandbox_changed(call->sb);
    return json_object_set_new(call->data, "deleted", json_integer(deleted));
}
