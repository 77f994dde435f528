/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* Takes the text up to `stop` (or to the end) as one part; false when it is empty or too long. */
static bool take_part(const char **at, char *out)
{
    size_t len = strcspn(*at, ":");
    if (len == 0 || len >= WORKER_PART)
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    return true;
}

/* ":gpu3", ":dgpu0,1" (the agent's own form in container mode), ":cpu2": the first number. */
static bool take_slot(const char *at, int64_t *slot)
{
    *slot = 0;
    if (*at == '\0')
        return true;
    at++;
    at += *at == 'd';
    if (strncmp(at, "gpu", 3) != 0 && strncmp(at, "cpu", 3) != 0)
        return false;
    at += 3;
    if (*at < '0' || *at > '9' || strchr(at, ':') != NULL)
        return false;
    for (; *at >= '0' && *at <= '9' && *slot < 1000000; at++)
        *slot = *slot * 10 + (*at - '0');
    return *at == '\0' || *at == ',';
}

bool worker_parse(const char *id, const char *prefix, struct worker_name *out)
{
    size_t len = strlen(prefix);
    memset(out, 0, sizeof *out);
    if (strncmp(id, prefix, len) != 0 || id[len] != ':')
        return false;
    id += len + 1;
    if (!take_part(&id, out->name) || *id++ != ':' || !take_part(&id, out->type) || *id++ != ':' ||
        !take_part(&id, out->instance))
        return false;
    return take_slot(id, &out->slot);
}

const struct dr_machine_row *rows_machine(const struct dr_ledger_state *rows, const char *id)
{
    for (size_t i = 0; rows != NULL && i < rows->machines.count; i++)
        if (strcmp(rows->machines.items[i].id, id) == 0)
            return &rows->machines.items[i];
    return NULL;
}

const struct dr_machine_row *rows_instance(const struct dr_ledger_state *rows,
                                           const char *instance_id)
{
    if (instance_id[0] == '\0')
        return NULL;
    for (size_t i = 0; rows != NULL && i < rows->machines.count; i++)
        if (strcmp(rows->machines.items[i].instance_id, instance_id) == 0)
            return &rows->machines.items[i];
    return NULL;
}

const struct dr_machine_row *rows_machine_of(const struct dr_ledger_state *rows, const char *prefix,
                                             const char *worker)
{
    struct worker_name name;
    return worker_parse(worker, prefix, &name) ? rows_instance(rows, name.instance) : NULL;
}

static bool state_is(const struct dr_machine_row *machine, const char *const *states)
{
    for (; *states != NULL; states++)
        if (strcmp(machine->state, *states) == 0)
            return true;
    return false;
}

bool machine_may_work(const struct dr_machine_row *machine)
{
    static const char *const alive[] = {"launching", "booting", "up", "draining", "absent", NULL};
    return state_is(machine, alive);
}

bool machine_is_ending(const struct dr_machine_row *machine)
{
    static const char *const ending[] = {"draining", "terminating", "gone", "failed", NULL};
    return state_is(machine, ending);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* The newest sign of life. A worker that registered but has not reported yet shows only its
 * registration; last_activity_time moves with both. */
static int64_t newest_sign_us(const json_t *worker)
{
    static const char *const signs[] = {"last_report_time", "last_activity_time", "register_time"};
    int64_t newest = 0;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        int64_t us = stamp_us(json_string_value(json_object_get(worker, signs[i])));
        newest = us > newest ? us : newest;
    }
    return newest;
}

/* Rows come and go while a picture stays: the instance id is kept with the picture. */
static void set_owner(struct dr_worker_view *view, const char *prefix,
                      const struct lookup *instances, char *instance)
{
    struct worker_name name;
    view->instance_id = "";
    if (!worker_parse(view->id, prefix, &name) ||
        lookup_find(instances, name.instance) == DR_INDEX_NONE)
        return;
    memcpy(instance, name.instance, sizeof name.instance);
    view->ours = true;
    view->instance_id = instance;
    view->slot = name.slot;
}

/* Counts what the views need; -1 when an entry is not a worker. */
static long count_queues(const json_t *list)
{
    long total = 0;
    size_t i;
    json_t *worker;
    json_array_foreach (list, i, worker) {
        if (text_of(worker, "id")[0] == '\0')
            return -1;
        total += (long)json_array_size(json_object_get(worker, "queues"));
    }
    return total;
}

static const char **read_queues(const json_t *worker, const char **at, struct dr_strs *out)
{
    size_t i;
    json_t *queue;
    out->items = at;
    json_array_foreach (json_object_get(worker, "queues"), i, queue) {
        const char *id = text_of(queue, "id");
        if (id[0] != '\0')
            *at++ = id;
    }
    out->count = (size_t)(at - out->items);
    return at;
}

static void read_worker(const json_t *worker, const struct server_clock *clock, int64_t sent_us,
                        int64_t proof_ms, struct dr_worker_view *view, int64_t *report_us)
{
    view->id = text_of(worker, "id");
    view->task = text_of(json_object_get(worker, "task"), "id");
    *report_us = newest_sign_us(worker);
    int64_t age = *report_us == 0 ? INT64_MAX : server_clock_theirs(clock, sent_us) - *report_us;
    view->report_age_ms = age < 0 ? 0 : age / 1000;
    view->proven = view->report_age_ms <= proof_ms;
}

/* One agent can stand twice, under two users' keys: the newer report speaks (P6). */
static void add_worker(struct workers *out, const struct dr_worker_view *view, int64_t report_us)
{
    const struct dr_worker_view *twin = workers_find(out, view->id);
    size_t place = twin == NULL ? out->count++ : (size_t)(twin - out->list);
    if (twin != NULL && out->report_us[place] >= report_us)
        return;
    out->list[place] = *view;
    lookup_add(&out->by_id, view->id, place);
    out->report_us[place] = report_us;
}

bool workers_read(json_t *data, const char *prefix, const struct dr_ledger_state *rows,
                  const struct server_clock *clock, int64_t sent_ms, int64_t sent_us,
                  int64_t proof_ms, struct workers *out, const char **wrong)
{
    memset(out, 0, sizeof *out);
    json_t *list = json_object_get(data, "workers");
    long queues = json_is_array(list) ? count_queues(list) : -1;
    if (queues < 0) {
        *wrong = "workers.get_all gave no list of workers";
        return false;
    }
    size_t count = json_array_size(list);
    out->kept = json_incref(list);
    out->list = calloc(count + 1, sizeof *out->list);
    out->report_us = calloc(count + 1, sizeof *out->report_us);
    out->queue_ids = calloc((size_t)queues + 1, sizeof *out->queue_ids);
    out->instances = calloc(count + 1, sizeof *out->instances);
    DR_ASSERT(out->list != NULL && out->report_us != NULL && out->queue_ids != NULL &&
              out->instances != NULL);
    const char **at = out->queue_ids;
    struct lookup instances = lookup_instances(rows);
    out->by_id = lookup_new(count);
    for (size_t i = 0; i < count; i++) {
        struct dr_worker_view view = {0};
        int64_t report_us;
        read_worker(json_array_get(list, i), clock, sent_us, proof_ms, &view, &report_us);
        at = read_queues(json_array_get(list, i), at, &view.queues);
        set_owner(&view, prefix, &instances, out->instances[i]);
        add_worker(out, &view, report_us);
    }
    lookup_free(&instances);
    out->sent_ms = sent_ms;
    out->sent_us = sent_us;
    return true;
}

void workers_free(struct workers *workers)
{
    json_decref(workers->kept);
    free(workers->list);
    free(workers->report_us);
    free(workers->queue_ids);
    free(workers->instances);
    lookup_free(&workers->by_id);
    memset(workers, 0, sizeof *workers);
}

const struct dr_worker_view *workers_find(const struct workers *workers, const char *id)
{
    size_t place = lookup_find(&workers->by_id, id);
    return place == DR_INDEX_NONE ? NULL : &workers->list[place];
}
