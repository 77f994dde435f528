/* SPDX-License-Identifier: Apache-2.0 */
#include "picture.h"

#include <stdlib.h>
#include <string.h>

#include "picture_impl.h"

char *picture_copy(const char *text)
{
    char *copy = strdup(text);
    DR_ASSERT(copy != NULL);
    return copy;
}

void picture_keep(struct dr_record *record, const struct dr_desc *desc, const void *value)
{
    struct dr_record copy;
    DR_ASSERT(dr_record_copy(desc, value, &copy) == 0);
    dr_record_free(record);
    *record = copy;
}

void picture_say(struct picture *picture, const char *event, char **told, const char *json)
{
    if (*told != NULL && strcmp(*told, json) == 0)
        return;
    free(*told);
    *told = picture_copy(json);
    picture->tell(picture->arg, event, json);
}

/* ---- life ----------------------------------------------------------------------------------- */
struct picture *picture_new(const struct dr_cfg_root *config, int64_t now_us, picture_tell_fn *tell,
                            void *arg)
{
    struct picture *picture = calloc(1, sizeof *picture);
    DR_ASSERT(picture != NULL);
    picture->config = config;
    picture->tell = tell;
    picture->arg = arg;
    picture->started_us = now_us;
    picture->blocked = picture_copy("");
    picture->blocked_told = picture_copy("\"\"");
    picture->pauses_told = picture_copy("[]");
    picture->missing = picture_copy("\"ready\":false,\"missing\":[]");
    picture->missing_told = picture_copy(picture->missing);
    return picture;
}

void picture_free(struct picture **at)
{
    struct picture *picture = *at;
    *at = NULL;
    if (picture == NULL)
        return;
    flock_free(picture);
    queues_free(picture);
    activity_free(picture);
    char *texts[] = {picture->ledger_id,   picture->blocked,    picture->blocked_told,
                     picture->pauses_told, picture->missing,    picture->missing_told,
                     picture->server_told, picture->money_told, picture->counts_told};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    dr_record_free(&picture->pauses);
    dr_record_free(&picture->plan);
    dr_record_free(&picture->money);
    dr_record_free(&picture->actors);
    dr_record_free(&picture->server);
    free(picture);
}

void picture_configure(struct picture *picture, const struct dr_cfg_root *config)
{
    picture->config = config;
    picture->queues_dirty = true;
    picture->tell(picture->arg, "reset", "{}");
}

/* ---- small parts ---------------------------------------------------------------------------- */
static void keep_pauses(struct picture *picture, const struct dr_pause_row *rows, size_t count)
{
    struct dr_ledger_state state = {.pauses = {.items = rows, .count = count}};
    struct dr_record copy;
    DR_ASSERT(dr_record_copy(&dr_desc_ledger_state, &state, &copy) == 0);
    dr_record_free(&picture->pauses);
    picture->pauses = copy;
    picture->queues_dirty = true;
}

static int by_queue(const void *a, const void *b)
{
    return strcmp(((const struct dr_pause_row *)a)->queue, ((const struct dr_pause_row *)b)->queue);
}

/* In the order of their names, whoever told them. since_us 0: it is no more. */
static void take_pauses(struct picture *picture, const struct dr_pause_row_list *fresh, bool whole)
{
    const struct dr_ledger_state *state = picture->pauses.value;
    size_t count = 0, known = state == NULL || whole ? 0 : state->pauses.count;
    struct dr_pause_row *rows = calloc(known + fresh->count + 1, sizeof *rows);
    DR_ASSERT(rows != NULL);
    for (size_t i = 0; i < known; i++) {
        if (strcmp(state->pauses.items[i].queue, fresh->items[0].queue) != 0)
            rows[count++] = state->pauses.items[i];
    }
    for (size_t i = 0; i < fresh->count; i++) {
        if (fresh->items[i].since_us != 0)
            rows[count++] = fresh->items[i];
    }
    qsort(rows, count, sizeof *rows, by_queue);
    keep_pauses(picture, rows, count);
    free(rows);
}

static void take_pause(struct picture *picture, const struct dr_pause_changed *changed)
{
    struct dr_pause_row_list one = {.items = &changed->pause, .count = 1};
    if (changed->seq > picture->ledger_seq)
        take_pauses(picture, &one, false);
}

static void tell_actor(struct picture *picture, const struct dr_actor_view *actor)
{
    struct dr_strbuf json = {0};
    compact_record(&json, &dr_desc_actor_view, actor, true);
    picture->tell(picture->arg, "actor", json.data);
    dr_strbuf_free(&json);
}

/* What is not in `fresh` stays if `add`. */
static void take_actors(struct picture *picture, const struct dr_actors *fresh, bool add)
{
    const struct dr_actors *known = picture->actors.value;
    size_t before = known == NULL ? 0 : known->actors.count, count = 0;
    struct dr_actor_view *views = calloc(before + fresh->actors.count + 1, sizeof *views);
    DR_ASSERT(views != NULL);
    for (size_t i = 0; add && i < before; i++)
        views[count++] = known->actors.items[i];
    for (size_t i = 0; i < fresh->actors.count; i++) {
        const struct dr_actor_view *view = &fresh->actors.items[i], *old = NULL;
        size_t at = count;
        for (size_t k = 0; k < before; k++) {
            if (strcmp(known->actors.items[k].actor, view->actor) != 0)
                continue;
            old = &known->actors.items[k];
            at = add ? k : count;
        }
        if (old == NULL || !dr_record_equal(&dr_desc_actor_view, old, view))
            tell_actor(picture, view);
        views[at] = *view;
        count += at == count;
    }
    struct dr_actors all = {.actors = {.items = views, .count = count},
                            .counters = fresh->counters};
    if (add && known != NULL)
        all.counters = known->counters;
    picture_keep(&picture->actors, &dr_desc_actors, &all);
    free(views);
}

static void take_plan(struct picture *picture, const struct dr_plan_decided *plan, int64_t now_us)
{
    picture->heard_us[PICTURE_PLAN] = now_us;
    if (picture->plan.value != NULL &&
        dr_record_equal(&dr_desc_plan_decided, picture->plan.value, plan))
        return;
    activity_plan(picture, plan, now_us);
    picture_keep(&picture->plan, &dr_desc_plan_decided, plan);
    picture->queues_dirty = true;
}

static void take_ledger(struct picture *picture, const struct dr_ledger_state *state,
                        int64_t now_us)
{
    flock_snapshot(picture, state, now_us);
    take_pauses(picture, &state->pauses, true);
    free(picture->blocked);
    picture->blocked = picture_copy(state->blocked);
}

static void take_money(struct picture *picture, const struct dr_money *money)
{
    picture_keep(&picture->money, &dr_desc_money, money);
    picture->figures.rate_usd_micros = money->rate_usd_micros;
}

void picture_clock(struct picture *picture, int64_t boot_us)
{
    picture->boot_us = boot_us;
}

/* 0: never. */
static int64_t sent_us(const struct picture *picture, int64_t sent_ms, int64_t now_us)
{
    if (picture->boot_us == 0)
        return now_us;
    return sent_ms == 0 ? 0 : picture->boot_us + sent_ms * 1000;
}

static void take_queues(struct picture *picture, const struct dr_queues_observed *queues,
                        int64_t now_us)
{
    picture->heard_us[PICTURE_QUEUES] = sent_us(picture, queues->sent_ms, now_us);
    queues_observed(picture, queues);
}

static void take_workers(struct picture *picture, const struct dr_workers_observed *workers,
                         int64_t now_us)
{
    picture->heard_us[PICTURE_WORKERS] = sent_us(picture, workers->sent_ms, now_us);
    flock_workers(picture, workers);
}

static void take_picture(struct picture *picture, const struct dr_picture *all, int64_t now_us)
{
    picture_keep(&picture->server, &dr_desc_server_changed, &all->server);
    take_queues(picture, &all->queues, now_us);
    take_workers(picture, &all->workers, now_us);
}

void picture_take(struct picture *picture, const struct dr_message_row *row, const void *body,
                  const char *source, int64_t now_us)
{
    struct dr_actors one;
    activity_event(picture, row, body, source, now_us);
    switch (row->type) {
    case DR_LEDGER_STATE:
        picture->heard_us[PICTURE_LEDGER] = now_us;
        take_ledger(picture, body, now_us);
        break;
    case DR_MACHINE_CHANGED:
        flock_changed(picture, body);
        break;
    case DR_PAUSE_CHANGED:
        take_pause(picture, body);
        break;
    case DR_TASKS_KNOWN:
        flock_names(picture, &((const struct dr_tasks_known *)body)->tasks);
        break;
    case DR_TASKS:
        flock_names(picture, &((const struct dr_tasks *)body)->tasks);
        break;
    case DR_QUEUES_OBSERVED:
        take_queues(picture, body, now_us);
        break;
    case DR_WORKERS_OBSERVED:
        take_workers(picture, body, now_us);
        break;
    case DR_SERVER_CHANGED:
        picture_keep(&picture->server, &dr_desc_server_changed, body);
        break;
    case DR_PICTURE:
        take_picture(picture, body, now_us);
        break;
    case DR_PLAN_DECIDED:
        take_plan(picture, body, now_us);
        break;
    case DR_PLAN:
        take_plan(picture, &((const struct dr_plan *)body)->plan, now_us);
        break;
    case DR_ACTOR_CHANGED:
        one = (struct dr_actors){
            .actors = {.items = &((const struct dr_actor_changed *)body)->actor, .count = 1}};
        take_actors(picture, &one, true);
        break;
    case DR_ACTORS:
        picture->heard_us[PICTURE_ACTORS] = now_us;
        take_actors(picture, body, false);
        break;
    case DR_MONEY:
        picture->heard_us[PICTURE_MONEY] = now_us;
        take_money(picture, body);
        break;
    default:
        break;
    }
}

void picture_missing(struct picture *picture, const struct dr_strs *sentences)
{
    struct dr_strbuf json = {0};
    compact_key(&json, "ready");
    dr_strbuf_add_text(&json, sentences->count == 0 ? "true" : "false");
    compact_strs(&json, "missing", sentences);
    free(picture->missing);
    picture->missing = picture_copy(json.data);
    dr_strbuf_free(&json);
}

/* ---- reading -------------------------------------------------------------------------------- */
int64_t picture_heard_us(const struct picture *picture, enum picture_part part)
{
    return picture->heard_us[part];
}

struct picture_figures picture_figures(const struct picture *picture)
{
    return picture->figures;
}

const struct dr_plan_decided *picture_plan(const struct picture *picture)
{
    return picture->plan.value;
}

const struct dr_workers_observed *picture_workers(const struct picture *picture)
{
    return picture->workers.value;
}

const struct dr_money *picture_money(const struct picture *picture)
{
    return picture->money.value;
}

const struct dr_actors *picture_actors(const struct picture *picture)
{
    return picture->actors.value;
}
