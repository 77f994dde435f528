/* SPDX-License-Identifier: Apache-2.0 */
/* Reading events back: logs, raw events, plots, debug images. */
#include "data.h"
#include "errors.h"
#include "handlers.h"
#include "query.h"

#include <stdlib.h>
#include <string.h>

/* --- slices and scrolls -----------------------------------------------------------------------*/

static json_int_t key_of(const json_t *event, const char *field)
{
    return json_integer_value(json_object_get(event, field));
}

/* Up to size of the sorted events, and all further ones whose field equals the last one's: so
 * nothing is lost between two calls. New array. */
static json_t *take_batch(const json_t *events, const char *field, json_int_t size)
{
    json_t *out = json_array();
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        if ((json_int_t)i >= size &&
            (size <= 0 || key_of(event, field) != key_of(json_array_get(out, i - 1), field)))
            break;
        json_array_append(out, event);
    }
    return out;
}

/* Drops the events up to and with `from`, in the direction of the sort. */
static void skip_until(json_t *events, const char *field, json_int_t from, bool descending)
{
    for (size_t i = json_array_size(events); i-- > 0;) {
        json_int_t key = key_of(json_array_get(events, i), field);
        if (descending ? key >= from : key <= from)
            json_array_remove(events, i);
    }
}

static void reverse(json_t *list)
{
    json_t *turned = json_array();
    for (size_t i = json_array_size(list); i-- > 0;)
        json_array_append(turned, json_array_get(list, i));
    json_array_clear(list);
    json_array_extend(list, turned);
    json_decref(turned);
}

/* Keeps state under a new scroll id; steals state. */
static void open_scroll(struct sandbox_call *call, json_t *state)
{
    struct sandbox_id id = sandbox_new_id(call->sb);
    query_trim_scrolls(call->sb);
    json_object_set_new(call->data, "scroll_id", json_string(id.text));
    json_object_set_new(call->sb->scrolls, id.text, state);
    sandbox_changed(call->sb);
}

/* The state of the scroll that the body names; NULL when it names none. *bad: it names an unknown
 * one (and the error is set). */
static json_t *find_scroll(struct sandbox_call *call, bool *bad)
{
    const char *id = sandbox_str(call, "scroll_id");
    json_t *state = id && *id ? json_object_get(call->sb->scrolls, id) : NULL;
    *bad = id && *id && !json_is_object(state);
    if (*bad)
        sandbox_fail(call, 400, SUB_INVALID_SCROLL, "Invalid scroll id: scroll_id=%s", id);
    return state;
}

static int answer_events(struct sandbox_call *call, json_t *events, json_int_t total)
{
    json_object_set_new(call->data, "returned", json_integer((json_int_t)json_array_size(events)));
    json_object_set_new(call->data, "total", json_integer(total));
    return json_object_set_new(call->data, "events", events);
}

/* --- logs -------------------------------------------------------------------------------------*/

static int check_order(struct sandbox_call *call)
{
    const char *order = sandbox_str(call, "order");
    if (order && strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0)
        return sandbox_fail(call, 400, SUB_VALIDATION,
                            "Validation error (error for field 'order'.)");
    return 0;
}

int events_get_task_log(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    const char *order = sandbox_str(call, "order");
    if (!sandbox_find_task(call, id) || check_order(call) != 0)
        return -1;
    bool earlier = sandbox_flag(call, "navigate_earlier", true);
    struct events_filter filter = {.type = "log",
                                   .metrics = json_object_get(call->body, "metrics")};
    json_t *events = events_select(call->sb, id, &filter);
    json_int_t total = (json_int_t)json_array_size(events);
    events_sort(events, "timestamp", earlier);
    json_int_t from = sandbox_int(call, "from_timestamp", 0);
    if (from)
        skip_until(events, "timestamp", from, earlier);
    json_t *batch = take_batch(events, "timestamp", sandbox_int(call, "batch_size", 5000));
    if (order && (strcmp(order, "asc") == 0) == earlier)
        reverse(batch);
    json_decref(events);
    return answer_events(call, batch, total);
}

/* Clients before API 2.9 scroll through. */
static int get_log_scrolled(struct sandbox_call *call, bool ascending, bool turn)
{
    const char *id = sandbox_str(call, "task");
    bool bad;
    if (!sandbox_find_task(call, id) || check_order(call) != 0)
        return -1;
    json_t *state = find_scroll(call, &bad);
    if (bad)
        return -1;
    json_t *events = events_select(call->sb, id, &(struct events_filter){.type = "log"});
    events_sort(events, "timestamp", !ascending);
    json_int_t start = json_integer_value(json_object_get(state, "start"));
    json_int_t size = sandbox_int(call, "batch_size", 500);
    json_t *batch = json_array();
    for (json_int_t i = start; i < start + size && i < (json_int_t)json_array_size(events); i++)
        json_array_append(batch, json_array_get(events, (size_t)i));
    start += (json_int_t)json_array_size(batch);
    json_int_t total = (json_int_t)json_array_size(events);
    json_decref(events);
    if (state)
        json_object_set_new(state, "start", json_integer(start));
    else
        open_scroll(call, json_pack("{s:I}", "start", start));
    if (state)
        json_object_set(call->data, "scroll_id", json_object_get(call->body, "scroll_id"));
    if (turn)
        reverse(batch);
    return answer_events(call, batch, total);
}

int events_get_task_log_v1_5(struct sandbox_call *call)
{
    const char *order = sandbox_str(call, "order");
    return get_log_scrolled(call, order && strcmp(order, "asc") == 0, false);
}

int events_get_task_log_v1_7(struct sandbox_call *call)
{
    const char *from = sandbox_str(call, "from");
    const char *order = sandbox_str(call, "order");
    bool head = !from || !*from || strcmp(from, "head") == 0;
    bool wants_ascending = order && strcmp(order, "asc") == 0;
    return get_log_scrolled(call, head, head != wants_ascending);
}

/* --- raw events -------------------------------------------------------------------------------*/

int events_get_task_events(struct sandbox_call *call)
{
    bool bad;
    json_t *state = find_scroll(call, &bad);
    const json_t *asked = state ? json_object_get(state, "request") : call->body;
    const char *id = sandbox_str(call, "task");
    if (bad || !events_entity(call, id) || check_order(call) != 0)
        return -1;
    const char *order = sandbox_get_str(asked, "order");
    bool descending = order && strcmp(order, "desc") == 0;
    struct events_filter filter = {.type = sandbox_get_str(asked, "event_type"),
                                   .metrics = json_object_get(asked, "metrics")};
    json_t *events = events_select(call->sb, id, &filter);
    json_int_t total = (json_int_t)json_array_size(events);
    events_sort(events, "iter", descending);
    const json_t *from = json_object_get(state, "from");
    if (from)
        skip_until(events, "iter", json_integer_value(from), descending);
    json_int_t size = sandbox_int(call, "batch_size", 500);
    json_t *batch = take_batch(events, "iter", size < 10000 ? size : 10000);
    json_decref(events);
    const json_t *last = json_array_get(batch, json_array_size(batch) - 1);
    if (last && !json_is_integer(json_object_get(last, "iter"))) {
        json_decref(batch);
        return sandbox_fail(call, 500, 0, "'iter'"); /* log lines have none, and the server fails */
    }
    if (state) {
        if (last)
            json_object_set(state, "from", json_object_get(last, "iter"));
        json_object_set(call->data, "scroll_id", json_object_get(call->body, "scroll_id"));
    } else {
        json_t *fresh = json_pack("{s:O}", "request", call->body);
        if (last)
            json_object_set(fresh, "from", json_object_get(last, "iter"));
        open_scroll(call, fresh);
    }
    return answer_events(call, batch, total);
}

int events_get_scalar_metric_data(struct sandbox_call *call)
{
    enum { PAGE = 500 };
    bool bad;
    json_t *state = find_scroll(call, &bad);
    const char *id = sandbox_str(call, "task");
    if (bad || !events_entity(call, id))
        return -1;
    struct events_filter filter = {.type = "training_stats_scalar",
                                   .metric = sandbox_str(call, "metric")};
    json_t *events = events_select(call->sb, id, &filter);
    events_sort(events, "iter", true);
    json_int_t total = (json_int_t)json_array_size(events);
    json_int_t start = json_integer_value(json_object_get(state, "start"));
    json_t *page = json_array();
    for (json_int_t i = start; i < start + PAGE && i < total; i++)
        json_array_append(page, json_array_get(events, (size_t)i));
    json_decref(events);
    start += (json_int_t)json_array_size(page);
    if (state) {
        json_object_set_new(state, "start", json_integer(start));
        json_object_set(call->data, "scroll_id", json_object_get(call->body, "scroll_id"));
    } else if (sandbox_flag(call, "no_scroll", false)) {
        json_object_set_new(call->data, "scroll_id", json_null());
    } else {
        open_scroll(call, json_pack("{s:I}", "start", start));
    }
    return answer_events(call, page, total);
}

int events_scalar_metrics_iter_raw(struct sandbox_call *call)
{
    bool bad;
    json_t *state = find_scroll(call, &bad);
    const char *id = sandbox_str(call, "task");
    const char *key = sandbox_str(call, "key");
    if (bad || !events_entity(call, id))
        return -1;
    const char *field = !key || strcmp(key, "iter") == 0 ? "iter" : "timestamp";
    json_t *metrics = json_pack("[O]", json_object_get(call->body, "metric"));
    struct events_filter filter = {.type = "training_stats_scalar", .metrics = metrics};
    json_t *events = events_select(call->sb, id, &filter);
    json_decref(metrics);
    json_t *total = sandbox_flag(call, "count_total", false)
                        ? json_integer((json_int_t)json_array_size(events))
                        : json_null();
    events_sort(events, field, false);
    const json_t *from = json_object_get(state, "from");
    if (from)
        skip_until(events, field, json_integer_value(from), false);
    json_t *batch = take_batch(events, field, sandbox_int(call, "batch_size", 10000));
    json_decref(events);
    json_t *variants = json_object();
    size_t i;
    json_t *event;
    json_array_foreach (batch, i, event) {
        const char *name = sandbox_get_str(event, "variant");
        json_t *lists = json_object_get(variants, name);
        if (!lists) {
            lists = json_pack("{s:[], s:[]}", "y", key ? key : "iter");
            json_object_set_new(variants, name, lists);
        }
        json_array_append(json_object_get(lists, "y"), json_object_get(event, "value"));
        json_array_append(json_object_get(lists, key ? key : "iter"),
                          json_object_get(event, field));
    }
    const json_t *last = json_array_get(batch, i - 1);
    open_scroll(call,
                last ? json_pack("{s:O}", "from", json_object_get(last, field)) : json_object());
    json_object_set_new(call->data, "returned", json_integer((json_int_t)i));
    json_object_set_new(call->data, "total", total);
    json_decref(batch);
    return json_object_set_new(call->data, "variants", variants);
}

/* --- plots ------------------------------------------------------------------------------------*/

/* The newest `iters` events of each metric and variant, in order of their names. New array. */
static json_t *top_plots(struct sandbox_call *call, const char *id, json_int_t iters)
{
    struct events_filter filter = {.type = "plot",
                                   .metrics = json_object_get(call->body, "metrics")};
    json_t *events = events_select(call->sb, id, &filter);
    events_sort(events, "iter", true);
    json_t *names = json_array();
    json_t *groups = json_object();
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        /* Metric and variant in one key; the separator sorts before every letter. */
        json_t *name = json_sprintf("%s\x01%s", sandbox_get_str(event, "metric"),
                                    sandbox_get_str(event, "variant"));
        json_t *group = json_object_get(groups, json_string_value(name));
        if (!group) {
            json_object_set_new(groups, json_string_value(name), group = json_array());
            json_array_append(names, name);
        }
        if ((json_int_t)json_array_size(group) < iters)
            json_array_append(group, event);
        json_decref(name);
    }
    json_t *sorted = sorted_strings(names);
    json_t *out = json_array();
    json_array_foreach (sorted, i, event)
        json_array_extend(out, json_object_get(groups, json_string_value(event)));
    json_decref(sorted);
    json_decref(names);
    json_decref(groups);
    json_decref(events);
    return out;
}

int events_get_task_plots(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    if (!events_entity(call, id))
        return -1;
    json_t *plots = top_plots(call, id, sandbox_int(call, "iters", 1));
    json_t *count = json_integer((json_int_t)json_array_size(plots));
    json_object_set_new(call->data, "plots", plots);
    json_object_set(call->data, "returned", count);
    json_object_set_new(call->data, "total", count);
    return json_object_set_new(call->data, "scroll_id", json_null());
}

static json_t *member(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!found)
        json_object_set_new(object, key, found = json_object());
    return found;
}

int events_get_multi_task_plots(struct sandbox_call *call)
{
    json_t *out = json_object();
    json_object_set_new(call->data, "plots", out);
    json_int_t total = 0;
    size_t i, k;
    json_t *id, *plot;
    json_array_foreach (json_object_get(call->body, "tasks"), i, id) {
        const json_t *entity = events_entity(call, json_string_value(id));
        if (!entity)
            return -1;
        json_t *plots = top_plots(call, json_string_value(id), sandbox_int(call, "iters", 1));
        total += (json_int_t)json_array_size(plots);
        json_array_foreach (plots, k, plot) {
            char iter[32];
            snprintf(iter, sizeof iter, "%lld", (long long)key_of(plot, "iter"));
            json_t *at = member(member(out, sandbox_get_str(plot, "metric")),
                                sandbox_get_str(plot, "variant"));
            at = member(member(at, json_string_value(id)), iter);
            json_object_set(at, "name", json_object_get(entity, "name"));
            if (!json_object_get(at, "plots"))
                json_object_set_new(at, "plots", json_array());
            json_array_append(json_object_get(at, "plots"), plot);
        }
        json_decref(plots);
    }
    json_object_set_new(call->data, "returned", json_integer((json_int_t)json_object_size(out)));
    json_object_set_new(call->data, "total", json_integer(total));
    if (sandbox_flag(call, "no_scroll", false))
        json_object_set_new(call->data, "scroll_id", json_null());
    else
        open_scroll(call, json_object());
    return 0;
}

/* --- by iterations ----------------------------------------------------------------------------*/

/* The newest `iters` iterations before `before`, each with its events. New array. */
static json_t *by_iterations(const json_t *events, json_int_t iters, const json_t *before)
{
    json_t *out = json_array();
    json_t *group = NULL;
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        json_int_t iter = key_of(event, "iter");
        if (before && iter >= json_integer_value(before))
            continue;
        if (!group || key_of(group, "iter") != iter) {
            if ((json_int_t)json_array_size(out) == iters)
                break;
            group = json_pack("{s:[], s:I}", "events", "iter", iter);
            json_array_append_new(out, group);
        }
        json_array_append(json_object_get(group, "events"), event);
    }
    return out;
}

static int answer_iterations(struct sandbox_call *call, const char *type)
{
    bool bad;
    json_t *state = find_scroll(call, &bad);
    if (bad)
        return -1;
    bool go_on = state && !sandbox_flag(call, "refresh", false);
    json_t *reached = json_object(); /* task → oldest iteration answered */
    json_t *out = json_array();
    json_t *tasks = json_object();
    json_object_set_new(call->data, "metrics", out);
    size_t i;
    json_t *wanted, *metrics;
    const char *id;
    json_array_foreach (json_object_get(call->body, "metrics"), i, wanted) {
        id = sandbox_get_str(wanted, "task");
        if (!id || !events_entity(call, id)) {
            json_decref(tasks);
            json_decref(reached);
            return -1;
        }
        if (!json_object_get(tasks, id))
            json_object_set_new(tasks, id, json_array());
        if (sandbox_get_str(wanted, "metric"))
            json_array_append(json_object_get(tasks, id), wanted);
    }
    json_object_foreach (tasks, id, metrics) {
        struct events_filter filter = {.type = type, .metrics = metrics};
        json_t *events = events_select(call->sb, id, &filter);
        events_sort(events, "iter", true);
        const json_t *before =
            go_on ? json_object_get(json_object_get(state, "reached"), id) : NULL;
        json_t *iterations = by_iterations(events, sandbox_int(call, "iters", 1), before);
        const json_t *last = json_array_get(iterations, json_array_size(iterations) - 1);
        if (last)
            json_object_set(reached, id, json_object_get(last, "iter"));
        else if (before)
            json_object_set(reached, id, (json_t *)(uintptr_t)before);
        json_array_append_new(out, json_pack("{s:s, s:o}", "task", id, "iterations", iterations));
        json_decref(events);
    }
    json_decref(tasks);
    if (state) {
        json_object_set_new(state, "reached", reached);
        return json_object_set(call->data, "scroll_id", json_object_get(call->body, "scroll_id"));
    }
    open_scroll(call, json_pack("{s:o}", "reached", reached));
    return 0;
}

int events_debug_images(struct sandbox_call *call)
{
    return answer_iterations(call, "training_debug_image");
}

int events_plots(struct sandbox_call *call)
{
    return answer_iterations(call, "plot");
}
