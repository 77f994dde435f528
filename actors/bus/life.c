/* SPDX-License-Identifier: Apache-2.0
 *
 * What droverd says of its processes and of what they logged (JSON on the control line) becomes
 * events; the newest word on each process is kept for whoever asks.
 */
#include "bus.h"

#include <jansson.h>
#include <uthash.h>

#include "drover/assert.h"

struct actor_entry {
    char *name;
    struct dr_record record; /* struct dr_actor_view */
    UT_hash_handle hh;
};

static const char *text(json_t *json, const char *key)
{
    const char *value = json_string_value(json_object_get(json, key));
    return value == NULL ? "" : value;
}

static int64_t number(json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static void keep(struct bus *bus, const struct dr_actor_view *view)
{
    struct actor_entry *entry;
    HASH_FIND_STR(bus->actors, view->actor, entry);
    if (entry == NULL) {
        entry = calloc(1, sizeof *entry);
        DR_ASSERT(entry != NULL);
        entry->name = strdup(view->actor);
        DR_ASSERT(entry->name != NULL);
        HASH_ADD_KEYPTR(hh, bus->actors, entry->name, strlen(entry->name), entry);
    }
    dr_record_free(&entry->record);
    DR_ASSERT(dr_record_copy(&dr_desc_actor_view, view, &entry->record) == 0);
}

void life_note(struct bus *bus, const char *json_text, size_t len)
{
    json_t *json = json_loadb(json_text, len, 0, NULL);
    struct dr_actor_changed changed = {.actor = {
                                           .actor = text(json, "actor"),
                                           .state = text(json, "state"),
                                           .pid = number(json, "pid"),
                                           .restarts = number(json, "restarts"),
                                           .since_us = number(json, "since_us"),
                                           .sentence = text(json, "sentence"),
                                       }};
    keep(bus, &changed.actor);
    events_publish_for_supervisor(bus, DR_ACTOR_CHANGED, &changed, &bus->life_seq);
    json_decref(json);
}

void log_note(struct bus *bus, const char *json_text, size_t len)
{
    json_t *json = json_loadb(json_text, len, 0, NULL);
    struct dr_log_line line = {
        .actor = text(json, "actor"),
        .level = text(json, "level"),
        .t_us = number(json, "t_us"),
        .text = text(json, "text"),
        .machine = text(json, "machine"),
        .task = text(json, "task"),
        .queue = text(json, "queue"),
    };
    events_publish_for_supervisor(bus, DR_LOG_LINE, &line, &bus->log_seq);
    json_decref(json);
}

struct dr_actor_view *life_views(struct bus *bus, size_t *count)
{
    *count = 0;
    struct dr_actor_view *views = calloc(HASH_COUNT(bus->actors) + 1, sizeof *views);
    DR_ASSERT(views != NULL);
    for (struct actor_entry *entry = bus->actors; entry != NULL; entry = entry->hh.next)
        views[(*count)++] = *(const struct dr_actor_view *)entry->record.value;
    return views;
}

void life_free(struct bus *bus)
{
    struct actor_entry *entry = bus->actors, *next;
    HASH_CLEAR(hh, bus->actors); /* the entries stay linked */
    for (; entry != NULL; entry = next) {
        next = entry->hh.next;
        dr_record_free(&entry->record);
        free(entry->name);
        free(entry);
    }
}
