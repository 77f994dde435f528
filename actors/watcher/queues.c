/* SPDX-License-Identifier: Apache-2.0 */
#include "queues.h"

#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "drover/assert.h"
#include "strbuf.h"

/* Beyond this many entries they are read again for their own sake only now and then: one reading of
 * 1,100 took a server 50 to 200 ms. */
#define MANY_ENTRIES 200
#define MANY_PARTS 5
/* An unmoved last_update is a hint only: every queue is read again after so many re-read times. */
#define SWEEP_TIMES 4

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

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static void index_waiting(struct queues *queues)
{
    size_t count = 0, at = 0, k;
    const json_t *entry;
    for (size_t i = 0; i < queues->count; i++)
        count += json_array_size(queues->list[i].entries);
    lookup_free(&queues->waiting);
    queues->waiting = lookup_new(count);
    for (size_t i = 0; i < queues->count; i++)
        json_array_foreach (queues->list[i].entries, k, entry)
            lookup_add(&queues->waiting, text_of(entry, "task"), at++);
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
    index_waiting(queues);
    queues->reread_ms = root->timing.queue_reread_ms;
    queues_abandon(queues);
}

void queues_free(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++)
        free_queue(&queues->list[i]);
    free(queues->list);
    queues->list = NULL;
    queues->count = 0;
    lookup_free(&queues->waiting);
    demand_forget(queues);
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
    json_t *body = json_pack("{s:s, s:[s,s,s,s], s:i, s:i}", "name", pattern.data, "only_fields",
                             "id", "name", "last_update", "metadata", "page", 0, "page_size", 500);
    dr_strbuf_free(&pattern);
    return body;
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
    json_array_foreach (list, k, found) {
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
    json_array_foreach (entries, i, entry)
        if (text_of(entry, "task")[0] == '\0')
            return false;
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
    json_array_foreach (list, k, found) {
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
    }
    index_waiting(queues);
    demand_forget(queues);
}

void queues_abandon(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        unstage(&queues->list[i]);
        queues->list[i].fresh = false;
    }
}

bool queues_hold(const struct queues *queues, const char *task)
{
    return lookup_find(&queues->waiting, task) != DR_INDEX_NONE;
}

const struct queue_state *queues_by_id(const struct queues *queues, const char *id)
{
    for (size_t i = 0; id[0] != '\0' && i < queues->count; i++)
        if (strcmp(queues->list[i].id, id) == 0)
            return &queues->list[i];
    return NULL;
}
