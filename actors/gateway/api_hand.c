/* SPDX-License-Identifier: Apache-2.0 */
/* What a person has Drover do: each is a request to the ledger with the person's name. */
#include <string.h>

#include "drover/assert.h"
#include "drover/clock.h"
#include "gateway.h"
#include "picture.h"
#include "feed.h"

void handle_machine_drain(struct request *request);
void handle_machine_kill(struct request *request);
void handle_machine_keep(struct request *request);
void handle_pause(struct request *request);
void handle_resume(struct request *request);
void handle_adopt(struct request *request);

#define KEEP_MS_MAX (INT64_C(31) * 24 * 3600 * 1000)

static void on_ack(struct request *request, const struct dr_answer *answer)
{
    answer_ack(request, answer);
}

/* The row id behind a row or instance id; NULL: 404 is answered. */
static const struct dr_machine_row *machine_of(struct request *request)
{
    const char *id = request_arg(request, 0);
    const struct dr_machine_row *row =
        request->gateway->feed == NULL ? NULL
                                       : picture_machine(feed_picture(request->gateway->feed), id);
    if (row == NULL)
        answer_error(request, 404, "not-found", "there is no machine %s", id);
    return row;
}

static void drain(struct request *request, const char *machine, const char *mode,
                  const char *sentence)
{
    struct dr_machine_drain body = {.machine = machine,
                                    .mode = mode,
                                    .reason = "hand",
                                    .sentence = sentence,
                                    .by = request->login.user};
    request_ask(request, "ledger", DR_MACHINE_DRAIN, &body, on_ack);
}

void handle_machine_drain(struct request *request)
{
    bool given = json_object_get(request->input, "mode") != NULL;
    const char *mode = given ? request_text(request, "mode") : "after-task";
    const struct dr_machine_row *row = mode == NULL ? NULL : machine_of(request);
    if (row == NULL)
        return;
    if (strcmp(mode, "after-task") != 0 && strcmp(mode, "idle") != 0) {
        answer_error(request, 400, "bad-request", "mode must be after-task or idle");
        return;
    }
    drain(request, row->id, mode, "a person drains it");
}

static bool is_texts(const json_t *list)
{
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++)
        good = json_is_string(json_array_get(list, i));
    return good;
}

static json_t *named(const struct picture *picture, const char *task)
{
    const struct dr_task_row *row = picture_name(picture, task);
    return json_pack("{s:s,s:s}", "id", task, "name", row == NULL ? "" : row->name);
}

/* Whether the person was told of each task that runs now. */
static bool told_of(const json_t *told, const char *task)
{
    for (size_t i = 0; i < json_array_size(told); i++) {
        if (strcmp(json_string_value(json_array_get(told, i)), task) == 0)
            return true;
    }
    return false;
}

void handle_machine_kill(struct request *request)
{
    const struct dr_machine_row *row = machine_of(request);
    if (row == NULL)
        return;
    const json_t *told = json_object_get(request->input, "tasks");
    const struct picture *picture = feed_picture(request->gateway->feed);
    const struct dr_workers_observed *workers = picture_workers(picture);
    json_t *now = json_array();
    bool all_told = true;
    if (told != NULL && !is_texts(told)) {
        json_decref(now);
        answer_error(request, 400, "bad-request", "tasks must be a list of task ids");
        return;
    }
    for (size_t i = 0; workers != NULL && i < workers->workers.count; i++) {
        const struct dr_worker_view *worker = &workers->workers.items[i];
        if (worker->task[0] == '\0' || strcmp(worker->instance_id, row->instance_id) != 0)
            continue;
        json_array_append_new(now, named(picture, worker->task));
        all_told = all_told && told_of(told, worker->task);
    }
    if (!all_told) {
        answer_json(request, 409,
                    json_pack("{s:{s:s,s:s},s:o}", "error", "code", "conflict", "sentence",
                              "other tasks run on it now than you were told: look again", "tasks",
                              now));
        return;
    }
    json_decref(now);
    drain(request, row->id, "now", "a person ends it");
}

void handle_machine_keep(struct request *request)
{
    const json_t *value = json_object_get(request->input, "for_ms");
    const struct dr_machine_row *row = machine_of(request);
    if (row == NULL)
        return;
    int64_t ms = json_integer_value(value);
    if (!json_is_integer(value) || ms < 0 || ms > KEEP_MS_MAX) {
        answer_error(
            request, 400, "bad-request",
            "for_ms must be a whole number of milliseconds, at most 31 days; 0: no longer");
        return;
    }
    struct dr_machine_keep body = {.machine = row->id,
                                   .until_us = ms == 0 ? 0 : dr_wall_us() + ms * 1000,
                                   .by = request->login.user};
    request_ask(request, "ledger", DR_MACHINE_KEEP, &body, on_ack);
}

static void pause_or_resume(struct request *request, bool paused)
{
    const char *queue = request_text(request, "queue");
    const char *sentence = queue == NULL ? NULL : request_text(request, "sentence");
    if (sentence == NULL)
        return;
    struct dr_launch_pause body = {
        .queue = queue, .paused = paused, .sentence = sentence, .by = request->login.user};
    request_ask(request, "ledger", DR_LAUNCH_PAUSE, &body, on_ack);
}

void handle_pause(struct request *request)
{
    pause_or_resume(request, true);
}

void handle_resume(struct request *request)
{
    pause_or_resume(request, false);
}

void handle_adopt(struct request *request)
{
    const json_t *spent = json_object_get(request->input, "spent_usd_micros");
    if (!json_is_integer(spent) || json_integer_value(spent) < 0) {
        answer_error(request, 400, "bad-request",
                     "spent_usd_micros must be a whole number: what was spent this month, in "
                     "millionths of a dollar");
        return;
    }
    struct dr_ledger_adopt body = {.spent_usd_micros = json_integer_value(spent),
                                   .by = request->login.user};
    request_ask(request, "ledger", DR_LEDGER_ADOPT, &body, on_ack);
}
