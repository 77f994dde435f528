/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

#define AGAIN_MS 60000 /* a task that the server did not name, or the ledger did not take */
#define FORGET_MS (24 * 3600000LL)
#define SWEEP_MS 600000

void names_init(struct names *names, const struct port *port, const struct picture *picture)
{
    *names = (struct names){.port = port, .picture = picture};
}

static void forget(struct names *names, struct named *named)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the one freed before was unlinked */
    HASH_DEL(names->table, named);
    dr_record_free(&named->row);
    free(named->task);
    free(named);
}

void names_free(struct names *names)
{
    struct named *named, *next;
    HASH_ITER (hh, names->table, named, next)
        forget(names, named);
}

void names_doubt(struct names *names)
{
    names->restored = false;
}

static struct named *recall(struct names *names, const char *task)
{
    struct named *named;
    HASH_FIND_STR(names->table, task, named);
    if (named != NULL)
        return named;
    named = calloc(1, sizeof *named);
    DR_ASSERT(named != NULL);
    named->task = strdup(task);
    DR_ASSERT(named->task != NULL);
    HASH_ADD_KEYPTR(hh, names->table, named->task, strlen(named->task), named);
    return named;
}

static void learn(struct named *named, const struct dr_task_row *row)
{
    struct dr_record fresh;
    int rc = dr_record_copy(&dr_desc_task_row, row, &fresh);
    DR_ASSERT(rc == 0);
    dr_record_free(&named->row);
    named->row = fresh;
    named->not_before_ms = 0;
}

void names_restore(struct names *names, const struct dr_tasks *known)
{
    names->restoring = false;
    if (known == NULL)
        return;
    struct named *named, *next;
    HASH_ITER (hh, names->table, named, next) /* in case of another ledger */
        dr_record_free(&named->row);
    int64_t now_ms = port_now(names->port).boot_ms;
    for (size_t i = 0; i < known->tasks.count; i++) {
        named = recall(names, known->tasks.items[i].id);
        named->seen_ms = now_ms;
        learn(named, &known->tasks.items[i]);
    }
    names->restored = true;
}

int64_t names_known_since_us(const struct names *names, const char *task)
{
    const struct named *named;
    HASH_FIND_STR(names->table, task, named);
    const struct dr_task_row *row = named == NULL ? NULL : named->row.value;
    return row == NULL ? INT64_MAX : row->seen_us;
}

/* ---- telling the ledger --------------------------------------------------------------------- */
struct telling {
    struct names *names;
    struct dr_record tasks; /* struct dr_tasks_described */
};

static void on_told(const struct dr_ack *ack, void *arg)
{
    struct telling *telling = arg;
    struct names *names = telling->names;
    const struct dr_tasks_described *told = telling->tasks.value;
    int64_t again_ms = port_now(names->port).boot_ms + AGAIN_MS;
    for (size_t i = 0; i < told->tasks.count; i++) {
        struct named *named = recall(names, told->tasks.items[i].id);
        if (ack != NULL && ack->ok)
            learn(named, &told->tasks.items[i]);
        else
            named->not_before_ms = again_ms;
    }
    names->running = false;
    dr_record_free(&telling->tasks);
    free(telling);
}

static void tell(struct names *names, const struct dr_tasks_described *described)
{
    struct telling *telling = calloc(1, sizeof *telling);
    DR_ASSERT(telling != NULL);
    telling->names = names;
    int rc = dr_record_copy(&dr_desc_tasks_described, described, &telling->tasks);
    DR_ASSERT(rc == 0);
    names->running = true;
    names->port->ask(names->port->shell, DR_TASKS_DESCRIBED, telling->tasks.value, on_told,
                     telling);
}

/* ---- asking the server ---------------------------------------------------------------------- */
static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* The names of the queues in which the newest picture has the server's tasks waiting, by their
 * place in its list; NULL: in none. To be freed. */
static const char **waits_in(const struct dr_queues_observed *queues, const json_t *list)
{
    struct lookup tasks = lookup_objects(list);
    const char **names = calloc(tasks.room + 1, sizeof *names);
    DR_ASSERT(names != NULL);
    for (size_t q = 0; q < queues->queues.count; q++) {
        const struct dr_queue_view *queue = &queues->queues.items[q];
        for (size_t i = 0; i < queue->waiting.count; i++) {
            size_t place = lookup_find(&tasks, queue->waiting.items[i].task);
            if (place != DR_INDEX_NONE && names[place] == NULL)
                names[place] = queue->name;
        }
    }
    lookup_free(&tasks);
    return names;
}

struct asking {
    struct names *names;
    size_t count;
    char *tasks[NAMES_MAX];
};

static void on_read(const struct clearml_answer *answer, void *arg)
{
    struct asking *asking = arg;
    struct names *names = asking->names;
    struct when now = port_now(names->port);
    const json_t *list = json_object_get(answer->data, "tasks");
    struct dr_task_row rows[NAMES_MAX];
    struct dr_picture said;
    size_t count = 0, i;
    const json_t *task;
    picture_said(names->picture, false, 0, &said);
    names->running = false;
    const char **waits = waits_in(&said.queues, list);
    json_array_foreach (list, i, task) {
        const char *id = text_at(task, "id");
        const json_t *execution = json_object_get(task, "execution");
        if (*id == '\0' || count == NAMES_MAX)
            continue;
        rows[count++] = (struct dr_task_row){
            .id = id,
            .name = text_at(task, "name"),
            .project = text_at(json_object_get(task, "project"), "name"),
            .user = text_at(json_object_get(task, "user"), "name"),
            .queue =
                waits[i] != NULL ? waits[i] : text_at(json_object_get(execution, "queue"), "name"),
            .seen_us = now.wall_us,
        };
    }
    free(waits);
    /* Those that it did not name, for whatever reason, are asked for later. */
    for (i = 0; i < asking->count; i++) {
        recall(names, asking->tasks[i])->not_before_ms = now.boot_ms + AGAIN_MS;
        free(asking->tasks[i]);
    }
    free(asking);
    if (answer->cls == CLEARML_OK && count > 0)
        tell(names, &(struct dr_tasks_described){.tasks = {.items = rows, .count = count}});
}

static void ask_server(struct names *names, struct asking *asking)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < asking->count; i++)
        json_array_append_new(ids, json_string(asking->tasks[i]));
    /* tasks.get_all names no project and no user; search_hidden: a task may be archived. */
    json_t *body = json_pack("{s:o, s:[s,s,s,s,s], s:b, s:i, s:i}", "id", ids, "only_fields", "id",
                             "name", "project.name", "user.name", "execution.queue.name",
                             "search_hidden", 1, "page", 0, "page_size", NAMES_MAX);
    names->running = true;
    names->port->call(names->port->shell, "tasks.get_all_ex", body, on_read, asking);
}

/* ---- what is in the pictures ---------------------------------------------------------------- */
struct look {
    struct names *names;
    int64_t now_ms;
    struct asking *asking;               /* those whose names nobody knows */
    struct dr_task_row moved[NAMES_MAX]; /* those that wait in another queue than before */
    size_t moved_count;
};

static void see(struct look *look, const char *task, const char *queue)
{
    struct named *named = recall(look->names, task);
    const struct dr_task_row *row = named->row.value;
    named->seen_ms = look->now_ms;
    if (look->now_ms < named->not_before_ms)
        return;
    if (row == NULL && look->asking->count < NAMES_MAX) {
        for (size_t i = 0; i < look->asking->count; i++)
            if (strcmp(look->asking->tasks[i], task) == 0)
                return;
        char *copy = strdup(task);
        DR_ASSERT(copy != NULL);
        look->asking->tasks[look->asking->count++] = copy;
    }
    if (row != NULL && *queue != '\0' && strcmp(row->queue, queue) != 0 &&
        look->moved_count < NAMES_MAX) {
        look->moved[look->moved_count] = *row;
        look->moved[look->moved_count++].queue = queue;
    }
}

static void see_all(struct look *look)
{
    struct dr_picture said;
    picture_said(look->names->picture, true, 0, &said);
    for (size_t q = 0; q < said.queues.queues.count; q++) {
        const struct dr_queue_view *queue = &said.queues.queues.items[q];
        for (size_t i = 0; i < queue->waiting.count; i++)
            see(look, queue->waiting.items[i].task, queue->name);
    }
    for (size_t i = 0; i < said.workers.workers.count; i++)
        if (*said.workers.workers.items[i].task != '\0')
            see(look, said.workers.workers.items[i].task, "");
}

static void sweep(struct names *names, int64_t now_ms)
{
    struct named *named, *next;
    if (now_ms - names->swept_ms < SWEEP_MS)
        return;
    names->swept_ms = now_ms;
    HASH_ITER (hh, names->table, named, next)
        if (now_ms - named->seen_ms > FORGET_MS)
            forget(names, named);
}

void names_step(struct names *names)
{
    const struct picture *picture = names->picture;
    if (!names->restored && !names->restoring) {
        names->restoring = true;
        names->port->fetch_names(names->port->shell);
    }
    if (!names->restored || names->running || names->whole == picture->whole ||
        picture->pace.state != SERVER_OK)
        return;
    names->whole = picture->whole;
    struct look look = {.names = names, .now_ms = port_now(names->port).boot_ms};
    look.asking = calloc(1, sizeof *look.asking);
    DR_ASSERT(look.asking != NULL);
    look.asking->names = names;
    sweep(names, look.now_ms);
    see_all(&look);
    if (look.asking->count > 0) {
        ask_server(names, look.asking);
        return;
    }
    free(look.asking);
    if (look.moved_count > 0)
        tell(names, &(struct dr_tasks_described){
                        .tasks = {.items = look.moved, .count = look.moved_count}});
}
