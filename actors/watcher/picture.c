/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "drover/assert.h"

#define MARK_MS 15000

void picture_init(struct picture *picture, const struct port *port, const struct dr_cfg_root *root,
                  struct claims *claims)
{
    memset(picture, 0, sizeof *picture);
    picture->port = port;
    picture->claims = claims;
    picture->queues.port = port;
    picture_reconfigure(picture, root);
}

void picture_reconfigure(struct picture *picture, const struct dr_cfg_root *root)
{
    bool first = picture->root == NULL;
    picture->root = root;
    queues_configure(&picture->queues, root);
    picture->tick_void = picture->tick_runs;
    settle_init(&picture->settle, &root->timing);
    struct pace before = picture->pace;
    pace_init(&picture->pace, &root->clearml, &root->timing, port_now(picture->port).boot_ms);
    if (!first) {
        picture->pace.state = before.state;
        picture->pace.cls = before.cls;
        picture->pace.since_us = before.since_us;
        picture->pace.counted = before.counted;
        memcpy(picture->pace.sentence, before.sentence, sizeof before.sentence);
    }
}

void picture_free(struct picture *picture)
{
    queues_free(&picture->queues);
    workers_free(&picture->workers);
    settle_free(&picture->settle);
    slots_free(&picture->slots);
    json_decref(picture->asked);
    json_decref(picture->listed);
    dr_record_free(&picture->queues_said);
    dr_record_free(&picture->workers_said);
}

bool picture_settling(const struct picture *picture)
{
    return settle_runs(&picture->settle, port_now(picture->port));
}

bool picture_fresh(const struct picture *picture, int64_t age_ms)
{
    if (picture->queues_said.value == NULL || picture->workers_said.value == NULL ||
        picture_settling(picture) || picture->pace.failures > 0)
        return false;
    const struct dr_queues_observed *queues = picture->queues_said.value;
    const struct dr_workers_observed *workers = picture->workers_said.value;
    int64_t oldest = queues->sent_ms < workers->sent_ms ? queues->sent_ms : workers->sent_ms;
    return port_now(picture->port).boot_ms - oldest <= age_ms;
}

/* ---- how the server does ----------------------------------------------------------------------
 */
static struct dr_server_changed server_view(const struct picture *picture)
{
    return (struct dr_server_changed){
        .state = pace_state_name(picture->pace.state),
        .sentence = picture->pace.since_us == 0 ? "the ClearML server was not asked yet"
                                                : picture->pace.sentence,
        .since_us = picture->pace.since_us,
    };
}

/* Weighs an answer; true if it is good. `wrong` names what its body lacks, or NULL. */
static bool weigh(struct picture *picture, const struct clearml_answer *answer, const char *wrong)
{
    struct when now = port_now(picture->port);
    struct clearml_answer seen = *answer;
    if (wrong != NULL && seen.cls == CLEARML_OK) {
        seen.cls = CLEARML_NOT_API;
        seen.sentence = wrong;
    }
    server_clock_learn(&picture->clock, answer->server_date_us, now.wall_us);
    if (pace_answer(&picture->pace, &seen, now.boot_ms, now.wall_us)) {
        struct dr_server_changed view = server_view(picture);
        enum server_state state = picture->pace.state;
        enum dr_log_level level = state == SERVER_OK     ? DR_LOG_INFO
                                  : state == SERVER_SLOW ? DR_LOG_WARNING
                                                         : DR_LOG_ERROR;
        port_log(picture->port, level, NULL, "%s", view.sentence);
        picture->port->publish(picture->port->shell, DR_SERVER_CHANGED, &view);
    }
    return seen.cls == CLEARML_OK;
}

/* ---- queues -----------------------------------------------------------------------------------
 */
static void on_list(const struct clearml_answer *answer, void *arg);
static void on_entries(const struct clearml_answer *answer, void *arg);
static void on_checks(const struct clearml_answer *answer, void *arg);

static void call(struct picture *picture, const char *endpoint, json_t *body, clearml_fn cb)
{
    picture->port->call(picture->port->shell, endpoint, body, cb, picture);
}

static void end_tick(struct picture *picture, bool whole)
{
    picture->tick_runs = picture->tick_void = false;
    json_decref(picture->asked);
    picture->asked = NULL;
    if (!whole)
        queues_abandon(&picture->queues);
}

static bool same_tasks(const struct dr_queue_view *a, const struct dr_queue_view *b)
{
    if (a->waiting.count != b->waiting.count || a->known != b->known)
        return false;
    for (size_t i = 0; i < a->waiting.count; i++)
        if (strcmp(a->waiting.items[i].task, b->waiting.items[i].task) != 0)
            return false;
    return true;
}

static bool is_changed(const struct dr_queue_view *view, const struct dr_queues_observed *before)
{
    for (size_t i = 0; before != NULL && i < before->queues.count; i++)
        if (strcmp(before->queues.items[i].name, view->name) == 0)
            return !same_tasks(&before->queues.items[i], view);
    return true;
}

static void publish_queues(struct picture *picture)
{
    struct dr_queues_observed observed = {.sent_ms = picture->tick_sent_ms,
                                          .settling = picture_settling(picture)};
    observed.queues = demand_view(&picture->queues, &picture->workers, picture->claims->rows);
    const char **changed = calloc(observed.queues.count + 1, sizeof *changed);
    DR_ASSERT(changed != NULL);
    observed.changed.items = changed;
    for (size_t i = 0; i < observed.queues.count; i++)
        if (is_changed(&observed.queues.items[i], picture->queues_said.value))
            changed[observed.changed.count++] = observed.queues.items[i].name;
    picture->port->publish(picture->port->shell, DR_QUEUES_OBSERVED, &observed);
    dr_record_free(&picture->queues_said);
    int rc = dr_record_copy(&dr_desc_queues_observed, &observed, &picture->queues_said);
    DR_ASSERT(rc == 0);
    demand_view_free(&observed.queues);
    free(changed);
}

static void finish_tick(struct picture *picture)
{
    queues_commit(&picture->queues);
    end_tick(picture, true);
    picture->whole++;
    publish_queues(picture);
}

static void ask_checks(struct picture *picture)
{
    json_t *body = demand_checks_request(&picture->queues, picture->tick_sent_ms);
    if (body == NULL) {
        finish_tick(picture);
        return;
    }
    picture->asked = json_incref(json_object_get(body, "id"));
    call(picture, "tasks.get_all", body, on_checks);
}

static void on_workers(const struct clearml_answer *answer, void *arg);

static void ask_workers(struct picture *picture)
{
    if (picture->workers_run)
        return;
    picture->workers_run = true;
    picture->workers_ms = port_now(picture->port).boot_ms;
    call(picture, "workers.get_all", json_pack("{s:i}", "last_seen", 0), on_workers);
}

static void on_list(const struct clearml_answer *answer, void *arg)
{
    struct picture *picture = arg;
    const char *wrong = NULL;
    bool taken = answer->cls == CLEARML_OK && !picture->tick_void &&
                 queues_take_list(&picture->queues, answer->data, &wrong);
    if (!weigh(picture, answer, taken ? NULL : wrong) || !taken) {
        end_tick(picture, false);
        return;
    }
    picture->tick_sent_ms = answer->sent_ms;
    json_decref(picture->listed);
    picture->listed = json_incref(answer->data);
    json_t *body = queues_entries_request(&picture->queues, answer->sent_ms);
    if (body == NULL) {
        ask_checks(picture);
        return;
    }
    /* Nothing is bought before the workers were looked at: one may have become free. */
    if (picture->workers_ms < picture->tick_ms && picture->pace.calls_per_ms == 0)
        ask_workers(picture);
    call(picture, "queues.get_all", body, on_entries);
}

json_t *picture_take_list(struct picture *picture)
{
    json_t *listed = picture->listed;
    picture->listed = NULL;
    return listed;
}

static void on_entries(const struct clearml_answer *answer, void *arg)
{
    struct picture *picture = arg;
    const char *wrong = NULL;
    bool taken = answer->cls == CLEARML_OK && !picture->tick_void &&
                 queues_take_entries(&picture->queues, answer->data, answer->sent_ms, &wrong);
    if (!weigh(picture, answer, taken ? NULL : wrong) || !taken)
        end_tick(picture, false);
    else
        ask_checks(picture);
}

static void on_checks(const struct clearml_answer *answer, void *arg)
{
    struct picture *picture = arg;
    const char *wrong = NULL;
    bool taken =
        answer->cls == CLEARML_OK && !picture->tick_void &&
        demand_take_checks(&picture->queues, picture->asked, answer->data, answer->sent_ms, &wrong);
    if (!weigh(picture, answer, taken ? NULL : wrong) || !taken)
        end_tick(picture, false);
    else
        finish_tick(picture);
}

/* ---- workers ----------------------------------------------------------------------------------
 */
static void mark_health(struct picture *picture, enum settle_turn turn)
{
    struct when now = port_now(picture->port);
    int64_t period = picture->root->timing.settle_gap_ms / 4;
    period = period > MARK_MS ? MARK_MS : period;
    if (turn == SETTLE_SAME && picture->marked_ms != 0 && now.boot_ms - picture->marked_ms < period)
        return;
    struct dr_health_mark mark = {.healthy_us = picture->settle.healthy_us,
                                  .settling_until_us = picture->settle.until_us};
    if (claim_ask(picture->claims, "health", DR_HEALTH_MARK, &mark))
        picture->marked_ms = now.boot_ms;
}

static void settle(struct picture *picture)
{
    char words[200];
    struct when now = port_now(picture->port);
    enum settle_turn turn = settle_picture(&picture->settle, &picture->workers,
                                           picture->claims->rows, now, words, sizeof words);
    if (turn == SETTLE_BEGAN)
        port_log(picture->port, DR_LOG_WARNING, NULL,
                 "%s: for %lld s no machine is ended and no task put back, and machines start only "
                 "for more work than all known ones can take",
                 words, (long long)(picture->settle.settle_ms / 1000));
    if (turn == SETTLE_ENDED)
        port_log(picture->port, DR_LOG_INFO, NULL, "the workers' list can be relied on again");
    mark_health(picture, turn);
}

static void publish_workers(struct picture *picture)
{
    struct dr_workers_observed observed = {
        .sent_ms = picture->workers.sent_ms,
        .settling = picture_settling(picture),
        .workers = {picture->workers.list, picture->workers.count},
    };
    picture->port->publish(picture->port->shell, DR_WORKERS_OBSERVED, &observed);
    dr_record_free(&picture->workers_said);
    int rc = dr_record_copy(&dr_desc_workers_observed, &observed, &picture->workers_said);
    DR_ASSERT(rc == 0);
}

static void on_workers(const struct clearml_answer *answer, void *arg)
{
    struct picture *picture = arg;
    struct when now = port_now(picture->port);
    struct workers fresh = {0};
    const char *wrong = NULL;
    picture->workers_run = false;
    server_clock_learn(&picture->clock, answer->server_date_us, now.wall_us);
    bool whole = answer->cls == CLEARML_OK &&
                 workers_read(answer->data, picture->root->worker_prefix, picture->claims->rows,
                              &picture->clock, answer->sent_ms,
                              now.wall_us - (now.boot_ms - answer->sent_ms) * 1000,
                              picture->root->timing.worker_proof_ms, &fresh, &wrong);
    if (!weigh(picture, answer, whole ? NULL : wrong))
        return;
    slots_remember(&picture->slots, &fresh, picture->claims->rows);
    workers_free(&picture->workers);
    picture->workers = fresh;
    settle(picture);
    slots_ask_last(&picture->slots, picture->claims, &picture->workers, &picture->clock);
    slots_tell(picture->claims, &picture->workers);
    slots_unregister(picture->claims, &picture->workers);
    publish_workers(picture);
}

/* ---- the plan ---------------------------------------------------------------------------------
 */
static bool any_demand(const struct picture *picture)
{
    const struct dr_queues_observed *said = picture->queues_said.value;
    for (size_t i = 0; said != NULL && i < said->queues.count; i++)
        if (said->queues.items[i].waiting.count > 0)
            return true;
    return false;
}

void picture_step(struct picture *picture, bool busy, int64_t calls)
{
    struct when now = port_now(picture->port);
    DR_ASSERT(picture->claims->rows != NULL);
    if (!picture->restored) {
        settle_restore(&picture->settle, picture->claims->rows, now);
        picture->restored = true;
    }
    picture->busy = busy || any_demand(picture);
    pace_count(&picture->pace, calls, now.boot_ms);
    if (now.boot_ms < picture->pace.not_before_ms)
        return;
    int64_t tick = pace_tick_ms(&picture->pace, picture->busy);
    int64_t period = pace_workers_ms(&picture->pace, picture->busy);
    if (!picture->tick_runs && (picture->tick_ms == 0 || now.boot_ms - picture->tick_ms >= tick)) {
        picture->tick_runs = true;
        picture->tick_ms = now.boot_ms;
        call(picture, "queues.get_all", queues_list_request(&picture->queues), on_list);
    }
    if (picture->workers_ms == 0 || now.boot_ms - picture->workers_ms >= period)
        ask_workers(picture);
}

int64_t picture_wake_ms(const struct picture *picture)
{
    int64_t now_ms = port_now(picture->port).boot_ms;
    int64_t at_ms = picture->tick_ms + pace_tick_ms(&picture->pace, picture->busy);
    if (picture->tick_runs || picture->tick_ms == 0)
        return -1;
    at_ms = at_ms < picture->pace.not_before_ms ? picture->pace.not_before_ms : at_ms;
    return at_ms <= now_ms ? 0 : at_ms - now_ms;
}

void picture_said(const struct picture *picture, bool workers, int64_t calls,
                  struct dr_picture *out)
{
    memset(out, 0, sizeof *out);
    out->server = server_view(picture);
    if (picture->queues_said.value != NULL)
        out->queues = *(const struct dr_queues_observed *)picture->queues_said.value;
    if (workers && picture->workers_said.value != NULL)
        out->workers = *(const struct dr_workers_observed *)picture->workers_said.value;
    out->calls = calls;
}
