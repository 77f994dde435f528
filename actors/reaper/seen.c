/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core_impl.h"
#include "drover/assert.h"

/* ---- workers of ours, of which one instance can have many ------------------------------------ */
static const struct dr_worker_view *worker_at(const struct reap_core *core, size_t place)
{
    const struct dr_workers_observed *workers = core->workers.value;
    return place == DR_INDEX_NONE ? NULL : &workers->workers.items[place];
}

static const char *worker_instance(const void *of, size_t place)
{
    return worker_at(of, place)->instance_id;
}

void seen_workers(struct reap_core *core)
{
    const struct dr_workers_observed *workers = core->workers.value;
    size_t count = workers->workers.count;
    dr_index_clear(&core->by_instance);
    free(core->worker_next);
    core->worker_next = calloc(count + 1, sizeof *core->worker_next);
    DR_ASSERT(core->worker_next);
    for (size_t i = 0; i < count; i++) {
        const struct dr_worker_view *worker = worker_at(core, i);
        if (!worker->ours)
            continue;
        size_t first =
            dr_index_find(&core->by_instance, worker->instance_id, worker_instance, core);
        core->worker_next[i] = DR_INDEX_NONE;
        if (first == DR_INDEX_NONE) {
            dr_index_add(&core->by_instance, worker->instance_id, i);
            continue;
        }
        core->worker_next[i] = core->worker_next[first];
        core->worker_next[first] = i;
    }
}

const struct dr_worker_view *seen_worker(const struct reap_core *core, const char *instance)
{
    return worker_at(core, dr_index_find(&core->by_instance, instance, worker_instance, core));
}

const struct dr_worker_view *seen_next(const struct reap_core *core,
                                       const struct dr_worker_view *worker)
{
    return worker_at(core, core->worker_next[worker - worker_at(core, 0)]);
}

/* ---- queues --------------------------------------------------------------------------------- */
static const struct dr_queue_view *queue_at(const struct reap_core *core, size_t place)
{
    const struct dr_queues_observed *queues = core->queues.value;
    return place == DR_INDEX_NONE ? NULL : &queues->queues.items[place];
}

static const char *queue_id(const void *of, size_t place)
{
    return queue_at(of, place)->id;
}

void seen_queues(struct reap_core *core)
{
    const struct dr_queues_observed *queues = core->queues.value;
    dr_index_clear(&core->by_queue);
    for (size_t i = 0; i < queues->queues.count; i++)
        dr_index_add(&core->by_queue, queue_id(core, i), i);
}

const struct dr_queue_view *seen_queue(const struct reap_core *core, const char *id)
{
    return queue_at(core, dr_index_find(&core->by_queue, id, queue_id, core));
}

/* ---- the cloud's list ----------------------------------------------------------------------- */
static const struct dr_instance_view *instance_at(const struct reap_cloud *cloud, size_t place)
{
    const struct dr_cloud_observed *list = cloud->record.value;
    return place == DR_INDEX_NONE ? NULL : &list->instances.items[place];
}

static const char *instance_id(const void *of, size_t place)
{
    return instance_at(of, place)->instance_id;
}

void seen_cloud(struct reap_cloud *cloud)
{
    const struct dr_cloud_observed *list = cloud->record.value;
    dr_index_clear(&cloud->by_instance);
    for (size_t i = 0; i < list->instances.count; i++)
        dr_index_add(&cloud->by_instance, instance_id(cloud, i), i);
}

const struct dr_instance_view *seen_instance(const struct reap_cloud *cloud, const char *id)
{
    return instance_at(cloud, dr_index_find(&cloud->by_instance, id, instance_id, cloud));
}

void seen_free(struct reap_core *core)
{
    for (size_t i = 0; i < core->cloud_count; i++)
        dr_index_free(&core->clouds[i].by_instance);
    dr_index_free(&core->by_instance);
    dr_index_free(&core->by_queue);
    free(core->worker_next);
}
