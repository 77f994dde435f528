/* SPDX-License-Identifier: Apache-2.0 */
/* Reading many tasks: those of a queue, those of all states. What they are called is asked for
 * where the picture does not know it. */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "api_read.h"
#include "drover/assert.h"

void handle_queue(struct request *request);
void handle_tasks(struct request *request);

/* ---- lists ---------------------------------------------------------------------------------- */
struct list { /* borrows the texts of the picture and of the answer */
    struct read_task *items;
    size_t count, room;
};

static struct read_task *add(struct list *list)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 256 : 2 * list->room;
        list->items = realloc(list->items, list->room * sizeof *list->items);
        DR_ASSERT(list->items != NULL);
    }
    return &list->items[list->count++];
}

static void add_waiting(const struct picture *picture, const struct dr_queue_view *queue,
                        struct list *list)
{
    for (size_t i = 0; i < queue->waiting.count; i++) {
        *add(list) = (struct read_task){.id = queue->waiting.items[i].task,
                                        .queue = queue->name,
                                        .state = "waiting",
                                        .added_us = queue->waiting.items[i].added_us};
    }
    (void)picture;
}

/* Only for those that are shown: the plan is searched for each. */
static void explain(const struct picture *picture, struct read_task *task)
{
    size_t place;
    if (strcmp(task->state, "waiting") != 0)
        return;
    const struct dr_reason_view *reason = read_reason(picture, task->queue, task->id);
    const struct dr_queue_view *queue = read_waiting(picture, task->id, &place);
    if (reason != NULL) {
        task->verdict = reason->verdict;
        task->sentence = reason->sentence;
    }
    if (queue != NULL)
        task->expected_us = picture_expected_us(picture, queue->id, place);
}

static const struct dr_task_row *named(const struct picture *picture,
                                       const struct dr_task_row_list *more, const char *task)
{
    const struct dr_task_row *name = picture_name(picture, task);
    for (size_t i = 0; name == NULL && more != NULL && i < more->count; i++)
        if (strcmp(more->items[i].id, task) == 0)
            name = &more->items[i];
    return name;
}

static void page_json(const struct picture *picture, struct list *list, int64_t offset,
                      int64_t limit, const struct dr_task_row_list *names, struct dr_strbuf *out)
{
    bool first = true;
    dr_strbuf_add_text(out, "\"tasks\":[");
    for (int64_t i = offset; i < offset + limit && i < (int64_t)list->count; i++) {
        struct read_task *task = &list->items[i];
        explain(picture, task);
        dr_strbuf_add_text(out, first ? "" : ",");
        first = false;
        read_task_json(task, named(picture, names, task->id), out);
    }
    dr_strbuf_printf(out, "],\"total\":%zu", list->count);
}

/* Ids on the page that nobody named yet; the caller frees items. */
static struct dr_strs nameless(const struct picture *picture, const struct list *list,
                               int64_t offset, int64_t limit)
{
    size_t count = 0;
    const char **ids = calloc((size_t)limit + 1, sizeof *ids);
    DR_ASSERT(ids != NULL);
    DR_ASSERT(list->items != NULL || list->count == 0);
    for (int64_t i = offset; i < offset + limit && i < (int64_t)list->count; i++)
        if (picture_name(picture, list->items[i].id) == NULL)
            ids[count++] = list->items[i].id;
    return (struct dr_strs){.items = ids, .count = count};
}

/* ---- a queue -------------------------------------------------------------------------------- */
static void reasons_json(const struct picture *picture, const char *queue, struct dr_strbuf *out)
{
    const struct dr_plan_decided *plan = picture_plan(picture);
    bool first = true;
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; plan != NULL && i < plan->reasons.count; i++) {
        if (strcmp(plan->reasons.items[i].queue, queue) != 0)
            continue;
        dr_strbuf_add_text(out, first ? "" : ",");
        first = false;
        compact_record(out, &dr_desc_reason_view, &plan->reasons.items[i], true);
    }
    dr_strbuf_add_text(out, "]");
}

static void answer_queue(struct request *request, const struct dr_task_row_list *names)
{
    int64_t offset, limit;
    struct dr_strbuf json = {0};
    struct list list = {0};
    const struct picture *picture = read_picture(request);
    const struct dr_queue_view *queue = picture_queue(picture, request_arg(request, 0));
    if (queue == NULL) {
        answer_error(request, MHD_HTTP_NOT_FOUND, "not-found", "drover.yaml has no queue %s",
                     request_arg(request, 0));
        return;
    }
    if (!read_page(request, &offset, &limit))
        return;
    add_waiting(picture, queue, &list);
    dr_strbuf_add_text(&json, "{\"queue\":");
    picture_queue_json(picture, queue->name, &json);
    dr_strbuf_add_text(&json, ",");
    page_json(picture, &list, offset, limit, names, &json);
    compact_key(&json, "machines");
    picture_serving_json(picture, queue->id, &json);
    compact_key(&json, "reasons");
    reasons_json(picture, queue->name, &json);
    dr_strbuf_add_text(&json, "}");
    free(list.items);
    read_answer(request, &json);
}

static void on_queue_names(struct request *request, const struct dr_answer *answer)
{
    const struct dr_tasks *tasks = read_body(answer, DR_TASKS);
    answer_queue(request, tasks == NULL ? NULL : &tasks->tasks);
}

void handle_queue(struct request *request)
{
    int64_t offset, limit;
    struct list list = {0};
    const struct picture *picture = read_picture(request);
    const struct dr_queue_view *queue = picture_queue(picture, request_arg(request, 0));
    if (!read_page(request, &offset, &limit))
        return;
    if (queue != NULL)
        add_waiting(picture, queue, &list);
    struct dr_strs ids = nameless(picture, &list, offset, limit);
    struct dr_tasks_get get = {.ids = ids};
    if (ids.count == 0)
        answer_queue(request, NULL);
    else
        request_ask(request, "ledger", DR_TASKS_GET, &get, on_queue_names);
    free((void *)ids.items);
    free(list.items);
}

/* ---- of all states -------------------------------------------------------------------------- */
static bool wanted(const struct request *request, const char *state)
{
    const char *states = request_query(request, "state");
    const char *at = strstr(states == NULL ? "waiting,running" : states, state);
    return at != NULL;
}

struct seen {
    const char *task;
    UT_hash_handle hh;
};

/* Work rows come newest first; the first of a task tells how it stands. */
static void add_worked(const struct picture *picture, const struct dr_work *work, bool running,
                       bool ended, struct list *list)
{
    struct seen *table = NULL, *seen, *next;
    for (size_t i = 0; i < work->rows.count; i++) {
        const struct dr_work_row *row = &work->rows.items[i];
        size_t place;
        HASH_FIND_STR(table, row->task, seen);
        if (seen != NULL)
            continue;
        seen = calloc(1, sizeof *seen);
        DR_ASSERT(seen != NULL);
        seen->task = row->task;
        HASH_ADD_KEYPTR(hh, table, seen->task, strlen(seen->task), seen);
        bool runs = row->to_us == 0;
        if (!(runs ? running : ended) ||
            (!runs && read_waiting(picture, row->task, &place) != NULL))
            continue;
        *add(list) = (struct read_task){.id = row->task,
                                        .state = runs ? "running" : "ended",
                                        .machine = row->machine,
                                        .from_us = row->from_us,
                                        .to_us = row->to_us};
    }
    seen = table;
    HASH_CLEAR(hh, table); /* the entries stay linked */
    for (; seen != NULL; seen = next) {
        next = seen->hh.next;
        free(seen);
    }
}

static void on_tasks(struct request *request, const struct dr_answer *answer)
{
    int64_t offset, limit;
    struct list list = {0};
    struct dr_strbuf json = {0};
    const struct picture *picture = read_picture(request);
    if (!answer_expects(request, answer, DR_WORK) || !read_page(request, &offset, &limit))
        return;
    const struct dr_work *work = answer->message->body;
    for (size_t q = 0; wanted(request, "waiting") && q < picture_queue_count(picture); q++)
        add_waiting(picture, picture_queue_at(picture, q), &list);
    add_worked(picture, work, wanted(request, "running"), wanted(request, "ended"), &list);
    dr_strbuf_add_text(&json, "{");
    page_json(picture, &list, offset, limit, &work->tasks, &json);
    dr_strbuf_add_text(&json, "}");
    free(list.items);
    read_answer(request, &json);
}

void handle_tasks(struct request *request)
{
    struct dr_work_get get = {.machine = "", .task = "", .limit = 10 * READ_ROWS_MAX};
    if (request_words(request, "state", "waiting,running,ended", true))
        request_ask(request, "ledger", DR_WORK_GET, &get, on_tasks);
}
