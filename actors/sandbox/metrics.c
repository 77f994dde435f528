/* SPDX-License-Identifier: Apache-2.0 */
/* last_metrics: what the server keeps of every metric beside the events themselves, and the
 * histograms it makes of them. */
#include "data.h"
#include "errors.h"
#include "handlers.h"

#include <math.h>
#include <string.h>

enum { MAX_METRICS = 2000 }; /* the server's services.tasks.max_last_metrics */

/* --- last_metrics -----------------------------------------------------------------------------*/

static json_t *member(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!found)
        json_object_set_new(object, key, found = json_object());
    return found;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void set_if(json_t *last, bool better, const char *key, const json_t *value,
                   const char *iter_key, json_int_t iter)
{
    if (json_object_get(last, key) && !better)
        return;
    json_object_set(last, key, (json_t *)(uintptr_t)value);
    json_object_set_new(last, iter_key, json_integer(iter));
}

void metrics_collect(json_t *summary, const json_t *event, const json_t *x_axis_label)
{
    const json_t *value = json_object_get(event, "value");
    const char *metric = sandbox_get_str(event, "metric");
    const char *variant = sandbox_get_str(event, "variant");
    json_t *last = member(member(summary, sandbox_md5(metric).text), sandbox_md5(variant).text);
    double v = json_number_value(value);
    json_int_t iter = json_integer_value(json_object_get(event, "iter"));
    double timestamp = number(event, "timestamp");
    json_object_set(last, "metric", json_object_get(event, "metric"));
    json_object_set(last, "variant", json_object_get(event, "variant"));
    json_object_set_new(last, "total", json_real(number(last, "total") + v));
    json_object_set_new(last, "count", json_integer((json_int_t)number(last, "count") + 1));
    bool is_first = !json_object_get(last, "value");
    double last_iter = number(last, "iter");
    if (is_first || (double)iter > last_iter ||
        ((double)iter == last_iter && timestamp >= number(last, "timestamp"))) {
        json_object_set(last, "value", (json_t *)(uintptr_t)value);
        json_object_set_new(last, "iter", json_integer(iter));
        json_object_set_new(last, "timestamp", json_real(timestamp));
        if (json_is_string(x_axis_label))
            json_object_set(last, "x_axis_label", (json_t *)(uintptr_t)x_axis_label);
    }
    set_if(last, (double)iter < number(last, "first_iter"), "first", value, "first_iter", iter);
    set_if(last, v < number(last, "min"), "min", value, "min_iter", iter);
    set_if(last, v > number(last, "max"), "max", value, "max_iter", iter);
}

/* The batch's extreme into the document's, unless that one is better already. */
static void merge(json_t *kept, const json_t *batch, const char *name, bool replace)
{
    char from[16], from_iter[24], to[24], to_iter[40];
    snprintf(from, sizeof from, "%s", name);
    snprintf(from_iter, sizeof from_iter, "%s_iter", name);
    snprintf(to, sizeof to, "%s_value", name);
    snprintf(to_iter, sizeof to_iter, "%s_value_iteration", name);
    if (json_object_get(kept, to) && !replace)
        return;
    json_object_set(kept, to, json_object_get(batch, from));
    json_object_set(kept, to_iter, json_object_get(batch, from_iter));
}

static void apply_variant(json_t *kept, const json_t *batch)
{
    static const char *const plain[] = {"metric", "variant", "value", "x_axis_label"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (json_object_get(batch, plain[i]))
            json_object_set(kept, plain[i], json_object_get(batch, plain[i]));
    merge(kept, batch, "min", number(batch, "min") < number(kept, "min_value"));
    merge(kept, batch, "max", number(batch, "max") > number(kept, "max_value"));
    bool had_first = json_object_get(kept, "first_value") != NULL;
    merge(kept, batch, "first", false);
    if (!had_first)
        json_object_set_new(kept, "first_value", json_real(number(kept, "first_value")));
    /* The mean is rounded each time and grows from the rounded one, as on the server. */
    double count = number(kept, "count");
    double more = number(batch, "count");
    double mean = (number(kept, "mean_value") * count + number(batch, "total")) / (count + more);
    json_object_set_new(kept, "mean_value", json_real(nearbyint(mean * 100) / 100));
    json_object_set_new(kept, "count", json_integer((json_int_t)(count + more)));
}

static bool remember_name(json_t *names, const json_t *variant)
{
    json_t *name = json_sprintf("%s/%s", sandbox_get_str(variant, "metric"),
                                sandbox_get_str(variant, "variant"));
    size_t i;
    json_t *known;
    bool found = false;
    json_array_foreach (names, i, known)
        found = found || json_equal(known, name);
    bool room = found || json_array_size(names) < MAX_METRICS;
    if (room && !found)
        json_array_append(names, name);
    json_decref(name);
    return room;
}

void metrics_apply(json_t *doc, const json_t *summary)
{
    json_t *last_metrics = member(doc, "last_metrics");
    json_t *names = json_object_get(doc, "unique_metrics");
    if (!names)
        json_object_set_new(doc, "unique_metrics", names = json_array());
    const char *metric_key, *variant_key;
    json_t *variants, *variant;
    json_object_foreach ((json_t *)(uintptr_t)summary, metric_key, variants)
        json_object_foreach (variants, variant_key, variant)
            if (remember_name(names, variant))
                apply_variant(member(member(last_metrics, metric_key), variant_key), variant);
}

/* --- histograms -------------------------------------------------------------------------------*/

struct histogram {
    const char *field; /* "iter" or "timestamp" */
    bool iso_time;
    json_int_t samples;
};

static int read_histogram(struct sandbox_call *call, struct histogram *h)
{
    const char *key = sandbox_str(call, "key");
    h->field = !key || strcmp(key, "iter") == 0 ? "iter" : "timestamp";
    h->iso_time = key && strcmp(key, "iso_time") == 0;
    h->samples = sandbox_int(call, "samples", 2000);
    if (h->samples < 1 || h->samples > 6000 ||
        (key && strcmp(key, "iter") != 0 && strcmp(key, "timestamp") != 0 && !h->iso_time))
        return sandbox_fail(call, 400, SUB_VALIDATION, "Validation error (error for field '%s'.)",
                            h->samples < 1 || h->samples > 6000 ? "samples" : "key");
    return 0;
}

/* Sorted events of one variant → {"name", "x", "y"}: averages over intervals, so few that at most
 * `samples` points remain. The server's store keeps values as 32-bit floats, and so do these. */
static json_t *average(const json_t *events, const struct histogram *h)
{
    size_t n = json_array_size(events);
    json_int_t first = json_integer_value(json_object_get(json_array_get(events, 0), h->field));
    json_int_t last = json_integer_value(json_object_get(json_array_get(events, n - 1), h->field));
    json_int_t interval = (json_int_t)n < h->samples ? 1 : (last - first + h->samples) / h->samples;
    json_t *x = json_array();
    json_t *y = json_array();
    for (size_t i = 0; i < n;) {
        json_int_t at = json_integer_value(json_object_get(json_array_get(events, i), h->field));
        json_int_t bucket = at - (at % interval + interval) % interval;
        double sum = 0;
        size_t count = 0;
        for (; i < n; i++, count++) {
            const json_t *event = json_array_get(events, i);
            if (json_integer_value(json_object_get(event, h->field)) >= bucket + interval)
                break;
            sum += (double)(float)number(event, "value");
        }
        json_array_append_new(x, h->iso_time ? json_string(sandbox_time(bucket * 1000).text)
                                             : json_integer(bucket));
        json_array_append_new(y, json_real(sum / (double)count));
    }
    return json_pack("{s:o, s:o}", "x", x, "y", y);
}

/* metric → variant → histogram, for one entity. */
static json_t *histograms(struct sandbox_call *call, const json_t *entity,
                          const struct histogram *h)
{
    struct events_filter filter = {.type = "training_stats_scalar",
                                   .metrics = json_object_get(call->body, "metrics")};
    json_t *events = events_select(call->sb, sandbox_get_str(entity, "id"), &filter);
    events_sort(events, h->field, false);
    json_t *out = json_object();
    size_t i;
    json_t *event, *list;
    json_array_foreach (events, i, event) {
        if (events_is_single(event) || !json_is_integer(json_object_get(event, "iter")) ||
            !json_is_number(json_object_get(event, "value")))
            continue;
        json_t *variants = member(out, sandbox_get_str(event, "metric"));
        const char *variant = sandbox_get_str(event, "variant");
        list = json_object_get(variants, variant);
        if (!list)
            json_object_set_new(variants, variant, list = json_array());
        json_array_append(list, event);
    }
    json_decref(events);
    const char *metric, *variant;
    json_t *variants;
    json_object_foreach (out, metric, variants)
        json_object_foreach (variants, variant, list) {
            json_t *made = average(list, h);
            json_object_set_new(made, "name", json_string(variant));
            json_t *label =
                sandbox_get(json_object_get(json_object_get(json_object_get(entity, "last_metrics"),
                                                            sandbox_md5(metric).text),
                                            sandbox_md5(variant).text),
                            "x_axis_label");
            if (label)
                json_object_set(made, "x_axis_label", label);
            json_object_set_new(variants, variant, made);
        }
    return out;
}

int events_scalar_metrics_iter_histogram(struct sandbox_call *call)
{
    struct histogram h;
    const json_t *entity = events_entity(call, sandbox_str(call, "task"));
    if (!entity || read_histogram(call, &h) != 0)
        return -1;
    return json_object_update_new(call->data, histograms(call, entity, &h));
}

int events_multi_task_scalar_metrics_iter_histogram(struct sandbox_call *call)
{
    struct histogram h;
    if (read_histogram(call, &h) != 0)
        return -1;
    json_t *out = json_object();
    json_object_set_new(call->data, "metrics", out);
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(call->body, "tasks"), i, id) {
        const json_t *entity = events_entity(call, json_string_value(id));
        if (!entity)
            return -1;
        json_t *metrics = histograms(call, entity, &h);
        const char *metric, *variant;
        json_t *variants, *made;
        json_object_foreach (metrics, metric, variants)
            json_object_foreach (variants, variant, made) {
                json_object_set(made, "name", json_object_get(entity, "name"));
                json_object_set(member(member(out, metric), variant), json_string_value(id), made);
            }
        json_decref(metrics);
    }
    return 0;
}

/* --- other digests of scalars -----------------------------------------------------------------*/

/* metric → sorted variants, both sorted, single values only if they are wanted. New object. */
static json_t *names_of_metrics(struct sandbox_call *call, const char *id, const char *type,
                                bool singles)
{
    struct events_filter filter = {.type = type};
    json_t *events = events_select(call->sb, id, &filter);
    json_t *seen = json_object();
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        if (!singles && events_is_single(event))
            continue;
        json_t *variants = member(seen, sandbox_get_str(event, "metric"));
        json_object_set_new(variants, sandbox_get_str(event, "variant"), json_null());
    }
    json_decref(events);
    const char *metric, *variant;
    json_t *variants, *nothing;
    json_t *metrics = json_array();
    json_object_foreach (seen, metric, variants) {
        json_array_append_new(metrics, json_string(metric));
        json_t *list = json_array();
        json_object_foreach (variants, variant, nothing)
            json_array_append_new(list, json_string(variant));
        json_object_set_new(seen, metric, sorted_strings(list));
        json_decref(list);
    }
    json_t *order = sorted_strings(metrics);
    json_t *out = json_object();
    json_array_foreach (order, i, event)
        json_object_set(out, json_string_value(event),
                        json_object_get(seen, json_string_value(event)));
    json_decref(metrics);
    json_decref(order);
    json_decref(seen);
    return out;
}

int events_get_scalar_metrics_and_variants(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    if (!events_entity(call, id))
        return -1;
    return json_object_set_new(call->data, "metrics",
                               names_of_metrics(call, id, "training_stats_scalar", true));
}

int events_get_task_metrics(struct sandbox_call *call)
{
    json_t *out = json_array();
    json_object_set_new(call->data, "metrics", out);
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(call->body, "tasks"), i, id) {
        if (!events_entity(call, json_string_value(id)))
            return -1;
        json_t *names =
            names_of_metrics(call, json_string_value(id), sandbox_str(call, "event_type"), false);
        json_t *list = json_array();
        const char *metric;
        json_t *variants;
        json_object_foreach (names, metric, variants)
            json_array_append_new(list, json_string(metric));
        json_decref(names);
        if (json_array_size(list) > 0)
            json_array_append_new(out, json_pack("{s:O, s:O}", "task", id, "metrics", list));
        json_decref(list);
    }
    return 0;
}

int events_get_multi_task_metrics(struct sandbox_call *call)
{
    json_t *all = json_object();
    size_t i;
    json_t *id;
    json_array_foreach (json_object_get(call->body, "tasks"), i, id) {
        if (!events_entity(call, json_string_value(id))) {
            json_decref(all);
            return -1;
        }
        json_t *names =
            names_of_metrics(call, json_string_value(id), sandbox_str(call, "event_type"), true);
        const char *metric;
        json_t *variants;
        json_object_foreach (names, metric, variants) {
            json_t *list = json_object_get(all, metric);
            if (list)
                json_array_extend(list, variants);
            else
                json_object_set(all, metric, variants);
        }
        json_decref(names);
    }
    json_t *out = json_array();
    const char *metric;
    json_t *variants;
    json_object_foreach (all, metric, variants)
        json_array_append_new(
            out, json_pack("{s:s, s:o}", "metric", metric, "variants", sorted_strings(variants)));
    json_decref(all);
    return json_object_set_new(call->data, "metrics", out);
}

int events_get_task_single_value_metrics(struct sandbox_call *call)
{
    static const char *const fields[] = {"metric", "variant", "value", "timestamp"};
    json_t *out = json_array();
    json_object_set_new(call->data, "tasks", out);
    size_t i, k;
    json_t *id, *event;
    json_array_foreach (json_object_get(call->body, "tasks"), i, id) {
        const json_t *entity = events_entity(call, json_string_value(id));
        if (!entity)
            return -1;
        struct events_filter filter = {.type = "training_stats_scalar",
                                       .metrics = json_object_get(call->body, "metrics")};
        json_t *events = events_select(call->sb, json_string_value(id), &filter);
        json_t *values = json_array();
        json_array_foreach (events, k, event) {
            if (!events_is_single(event))
                continue;
            json_t *value = json_object();
            for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++)
                json_object_set(value, fields[f], json_object_get(event, fields[f]));
            json_array_append_new(values, value);
        }
        json_decref(events);
        if (json_array_size(values) > 0)
            json_array_append_new(out,
                                  json_pack("{s:O, s:O, s:O}", "task", id, "task_name",
                                            json_object_get(entity, "name"), "values", values));
        json_decref(values);
    }
    return 0;
}

/* The newest value of one variant, {"name", "last_value", "last_10_value"}; the server asks its
 * store for values above 0 only. NULL: there is none. */
static json_t *latest_value(struct sandbox_call *call, const char *id, const char *metric,
                            const char *variant)
{
    struct events_filter filter = {
        .type = "training_stats_scalar", .metric = metric, .variant = variant};
    json_t *events = events_select(call->sb, id, &filter);
    events_sort(events, "iter", true);
    size_t i;
    json_t *event, *out = NULL;
    json_array_foreach (events, i, event) {
        double value = (double)(float)number(event, "value");
        if (!out && value > 0)
            out = json_pack("{s:s, s:f, s:f}", "name", variant, "last_value", value,
                            "last_10_value", value);
    }
    json_decref(events);
    return out;
}

int events_get_task_latest_scalar_values(struct sandbox_call *call)
{
    const char *id = sandbox_str(call, "task");
    if (!sandbox_find_task(call, id))
        return -1;
    json_t *out = json_array();
    json_t *names = names_of_metrics(call, id, "training_stats_scalar", true);
    const char *metric;
    json_t *variants, *variant;
    size_t i;
    json_object_foreach (names, metric, variants) {
        json_t *list = json_array();
        json_array_foreach (variants, i, variant) {
            json_t *value = latest_value(call, id, metric, json_string_value(variant));
            if (value)
                json_array_append_new(list, value);
        }
        if (json_array_size(list) > 0)
            json_array_append_new(out, json_pack("{s:s, s:O}", "name", metric, "variants", list));
        json_decref(list);
    }
    json_decref(names);
    json_int_t last_iter = 0;
    int64_t written = 0, at;
    json_t *events = events_select(call->sb, id, &(struct events_filter){0});
    json_array_foreach (events, i, variant) {
        json_int_t iter = json_integer_value(json_object_get(variant, "iter"));
        last_iter = iter > last_iter ? iter : last_iter;
        if (sandbox_time_parse(sandbox_get_str(variant, "@timestamp"), &at) && at > written)
            written = at;
    }
    json_decref(events);
    int64_t written_ms = written / 1000;
    /* name and status are what the server answers without having loaded them. */
    return json_object_update_new(
        call->data, json_pack("{s:o, s:I, s:n, s:s, s:f}", "metrics", out, "last_iter", last_iter,
                              "name", "status", "created", "last_timestamp", (double)written_ms));
}
