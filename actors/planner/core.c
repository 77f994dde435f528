/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "reasons.h"
#include "text.h"

#define ASK_AGAIN_MS (PLANNER_TIMEOUT_MS + 1000)
#define SNAPSHOT_PERIOD_MS 60000 /* heals what no gap showed */
#define CANCEL_AGAIN_MS 10000
#define EVENTS_LATE_MS                                                                    \
    1000             /* a change that the ledger confirmed shows by then, or is asked for \
                      */
#define HUSH_MS 5000 /* rows being read for less than this are no news */
#define WARNINGS_MAX 64

struct sent { /* a cancellation under way */
    char *machine;
    int64_t until_ms;
};

struct planner {
    const struct dr_cfg_root *config;
    struct state state;
    struct orders orders;
    struct evictions evictions;
    int64_t evicted_seq; /* a machine began to be taken then: rows as new as that are read */

    int64_t snapshot_ms; /* when the rows were last taken; 0: never */
    int64_t rows_ms;     /* when they were last good to plan on */
    int64_t snapshot_asked_ms, picture_asked_ms;
    int64_t *clouds_asked_ms; /* per configured account */
    struct sent *cancels;
    size_t cancel_count;

    /* the newest plan */
    struct dr_arena *arena;
    struct demands demands;
    struct dr_plan_decided decided;
    struct effect *effects;
    size_t effect_count, effect_room;

    struct dr_record published;
    char *warned[WARNINGS_MAX]; /* sentences said already */
    size_t warned_count;
};

static void allot(struct planner *planner, const struct dr_cfg_root *config)
{
    planner->config = planner->state.config = config;
    free(planner->clouds_asked_ms);
    planner->clouds_asked_ms = calloc(config->accounts.count + 1, sizeof(int64_t));
    DR_ASSERT(planner->clouds_asked_ms != NULL);
}

struct planner *planner_new(const struct dr_cfg_root *config)
{
    struct planner *planner = calloc(1, sizeof *planner);
    DR_ASSERT(planner != NULL);
    state_init(&planner->state, config);
    allot(planner, config);
    return planner;
}

static void forget_plan(struct planner *planner)
{
    dr_arena_free(&planner->arena);
    planner->arena = dr_arena_new();
    DR_ASSERT(planner->arena != NULL);
    dr_index_free(&planner->demands.by_id);
    planner->demands = (struct demands){0};
    planner->decided = (struct dr_plan_decided){0};
    planner->effects = NULL;
    planner->effect_count = planner->effect_room = 0;
}

void planner_free(struct planner **planner)
{
    struct planner *self = *planner;
    if (self == NULL)
        return;
    state_free(&self->state);
    orders_free(&self->orders);
    evicted_free(&self->evictions);
    for (size_t i = 0; i < self->cancel_count; i++)
        free(self->cancels[i].machine);
    for (size_t i = 0; i < self->warned_count; i++)
        free(self->warned[i]);
    free(self->cancels);
    free(self->clouds_asked_ms);
    dr_record_free(&self->published);
    dr_index_free(&self->demands.by_id);
    dr_arena_free(&self->arena);
    free(self);
    *planner = NULL;
}

void planner_reconfigure(struct planner *planner, const struct dr_cfg_root *config, struct now now)
{
    forget_plan(planner); /* it borrows from the old one */
    allot(planner, config);
    orders_forgive(&planner->orders, now);
}

/* ---- what comes in -------------------------------------------------------------------------- */
static void take_machine(struct planner *planner, const struct dr_machine_changed *event,
                         struct now now)
{
    const struct dr_machine_row *row = &event->machine;
    const struct dr_machine_row *before = state_by_id(&planner->state, row->id);
    if (evicted_leaves(row) && (before == NULL || !evicted_leaves(before))) {
        planner->evicted_seq = event->seq; /* the rows say with which task */
        planner->snapshot_ms = 0;
    }
    if (!state_take_machine(&planner->state, event) || strcmp(row->state, "failed") != 0)
        return;
    struct dr_arena *arena = dr_arena_new();
    DR_ASSERT(arena != NULL);
    orders_put_off(&planner->orders, row->type, now.boot_ms + ORDERS_FAILED_MS, "blocked",
                   text_printf(arena,
                               "machines of type %s do not start (%s: %s); tried again within %d "
                               "minutes",
                               row->type, row->id, row->cause, ORDERS_FAILED_MS / 60000));
    dr_arena_free(&arena);
}

static void take_rows(struct planner *planner, const struct dr_ledger_state *rows, struct now now)
{
    state_take_rows(&planner->state, rows);
    evicted_take_rows(&planner->evictions, &planner->state, rows, now);
    planner->snapshot_ms = rows->seq < planner->evicted_seq ? 0 : now.boot_ms;
    planner->snapshot_asked_ms = 0;
}

static void take_picture(struct planner *planner, const struct dr_picture *picture, struct now now)
{
    planner->picture_asked_ms = 0;
    state_take_queues(&planner->state, &picture->queues);
    state_take_workers(&planner->state, &picture->workers, now.wall_us);
}

void planner_take(struct planner *planner, const struct dr_message_row *row, const void *body,
                  struct now now)
{
    switch (row->type) {
    case DR_QUEUES_OBSERVED:
        state_take_queues(&planner->state, body);
        break;
    case DR_WORKERS_OBSERVED:
        state_take_workers(&planner->state, body, now.wall_us);
        break;
    case DR_CLOUD_OBSERVED:
        state_take_cloud(&planner->state, body);
        break;
    case DR_MACHINE_CHANGED:
        take_machine(planner, body, now);
        break;
    case DR_PAUSE_CHANGED:
        state_take_pause(&planner->state, body);
        break;
    case DR_LEDGER_STATE:
        take_rows(planner, body, now);
        break;
    case DR_PICTURE:
        take_picture(planner, body, now);
        break;
    case DR_CLOUD:
        state_take_cloud(&planner->state, &((const struct dr_cloud *)body)->cloud);
        break;
    default:
        break;
    }
}

void planner_want_answered(struct planner *planner, const char *type, const struct dr_ack *ack,
                           struct now now)
{
    if (!orders_answered(&planner->orders, type, ack, now))
        return;
    planner->state.rows_known = false;
    planner->snapshot_asked_ms = 0;
}

void planner_gap(struct planner *planner, const char *source)
{
    bool bus = strcmp(source, "bus") == 0; /* it was away: anything may be missed */
    if (bus || strcmp(source, "ledger") == 0) {
        state_lose_rows(&planner->state);
        planner->orders.need_seq = planner->evicted_seq = 0;
        planner->snapshot_asked_ms = 0;
    }
    /* Pictures and lists are whole each time: the next one heals. */
}

/* ---- effects -------------------------------------------------------------------------------- */
static struct effect *effect(struct planner *planner, enum effect_kind kind)
{
    if (planner->effect_count == planner->effect_room) {
        size_t room = planner->effect_room == 0 ? 16 : planner->effect_room * 2;
        struct effect *more = text_alloc(planner->arena, room * sizeof *more);
        if (planner->effect_count > 0)
            memcpy(more, planner->effects, planner->effect_count * sizeof *more);
        planner->effects = more;
        planner->effect_room = room;
    }
    struct effect *out = &planner->effects[planner->effect_count++];
    *out = (struct effect){.kind = kind};
    return out;
}

static bool due(int64_t *asked_ms, struct now now)
{
    if (*asked_ms != 0 && now.boot_ms - *asked_ms < ASK_AGAIN_MS)
        return false;
    *asked_ms = now.boot_ms;
    return true;
}

/* Level-triggered: whatever is missing or old is asked for. */
static void ask(struct planner *planner, struct now now)
{
    const struct state *state = &planner->state;
    const struct dr_cfg_root *config = planner->config;
    bool old = planner->snapshot_ms == 0 ||
               now.boot_ms - planner->snapshot_ms > SNAPSHOT_PERIOD_MS ||
               (state->seq < planner->orders.need_seq &&
                now.boot_ms - planner->orders.need_ms > EVENTS_LATE_MS);
    if ((!state->rows_known || old) && due(&planner->snapshot_asked_ms, now))
        effect(planner, EFFECT_SNAPSHOT);
    if ((state_queues(state) == NULL || state_workers(state) == NULL) &&
        due(&planner->picture_asked_ms, now))
        effect(planner, EFFECT_PICTURE);
    for (size_t i = 0; i < config->accounts.count; i++) {
        const struct dr_cfg_account *account = &config->accounts.items[i];
        const struct cloud *cloud = state_cloud(state, account->name);
        bool fresh = cloud != NULL && cloud->sent_ms != 0 &&
                     now.boot_ms - cloud->sent_ms <= 2 * account->list_period_ms;
        if (!fresh && due(&planner->clouds_asked_ms[i], now))
            effect(planner, EFFECT_CLOUD)->account = account->name;
    }
}

static struct dr_strs type_queue_ids(const struct planner *planner, const struct dr_cfg_type *type)
{
    const char **ids = text_alloc(planner->arena, planner->demands.count * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < planner->demands.count; i++) {
        const struct demand *demand = &planner->demands.items[i];
        if (*demand->id != '\0' && state_lists(&demand->queue->types, type->name))
            ids[count++] = demand->id;
    }
    return (struct dr_strs){.items = ids, .count = count};
}

static void want(struct planner *planner, const struct buy *buy)
{
    if (buy->later)
        return;
    orders_begin(&planner->orders, buy->type->name, buy->count);
    effect(planner, EFFECT_WANT)->want = (struct dr_machine_want){
        .type = buy->type->name,
        .queue = buy->demand->id,
        .queue_name = buy->demand->queue->name,
        .count = buy->count,
        .plan_seq = planner->state.seq,
        .queues = type_queue_ids(planner, buy->type),
        .tasks = buy->tasks,
        .reason = text_printf(planner->arena, "%s in queue %s without a machine",
                              text_count(planner->arena, (long long)buy->tasks.count, "task"),
                              buy->demand->queue->name),
    };
}

/* ---- cancelling ----------------------------------------------------------------------------- */
/* Only a good, fresh picture may take something away (P1). */
static bool may_cancel(const struct planner *planner, bool settling)
{
    if (settling || !planner->state.rows_known || planner->state.seq < planner->orders.need_seq)
        return false;
    for (size_t i = 0; i < planner->orders.count; i++) {
        if (planner->orders.items[i].under_way)
            return false;
    }
    for (size_t i = 0; i < planner->demands.count; i++) {
        const struct demand *demand = &planner->demands.items[i];
        if (*demand->id != '\0' && !demand->fresh)
            return false;
    }
    return state_queues(&planner->state) != NULL;
}

static bool cancel_due(struct planner *planner, const char *machine, struct now now)
{
    size_t kept = 0;
    bool there = false;
    for (size_t i = 0; i < planner->cancel_count; i++) {
        struct sent *sent = &planner->cancels[i];
        if (sent->until_ms <= now.boot_ms) {
            free(sent->machine);
            continue;
        }
        there = there || strcmp(sent->machine, machine) == 0;
        planner->cancels[kept++] = *sent;
    }
    planner->cancel_count = kept;
    if (there)
        return false;
    planner->cancels = realloc(planner->cancels, (kept + 1) * sizeof *planner->cancels);
    DR_ASSERT(planner->cancels != NULL);
    char *copy = strdup(machine);
    DR_ASSERT(copy != NULL);
    planner->cancels[planner->cancel_count++] =
        (struct sent){.machine = copy, .until_ms = now.boot_ms + CANCEL_AGAIN_MS};
    return true;
}

static void cancel_row(struct planner *planner, const struct dr_machine_row *row,
                       const char *reason, struct now now)
{
    if (cancel_due(planner, row->id, now))
        effect(planner, EFFECT_CANCEL)->cancel = (struct dr_machine_cancel){
            .machine = row->id, .version = row->version, .reason = reason};
}

/* Rows that were wanted before a person paused their queue. No picture needs to say so. */
static void cancel_paused(struct planner *planner, const struct supply *supply, struct now now)
{
    for (size_t i = 0; planner->state.rows_known && i < supply->paused_count; i++)
        cancel_row(planner, supply->paused[i],
                   pause_words(planner->arena, state_pause_of(&planner->state, supply->paused[i])),
                   now);
}

/* Rows of a group beyond what its tasks need; the last listed go first. */
static void cancel(struct planner *planner, const struct match *match, const struct supply *supply,
                   struct now now)
{
    int64_t *given = text_alloc(planner->arena, supply->wanted_count * sizeof *given);
    for (size_t i = supply->wanted_count; i-- > 0;) {
        const struct supply_wanted *wanted = &supply->wanted[i];
        int64_t unused = match_unused(match, wanted->group);
        for (size_t j = i + 1; j < supply->wanted_count; j++)
            unused -= supply->wanted[j].group == wanted->group ? given[j] : 0;
        if (wanted->row->slots > unused)
            continue;
        given[i] = wanted->row->slots;
        cancel_row(planner, wanted->row, "no task is waiting for it any more", now);
    }
}

/* ---- saying --------------------------------------------------------------------------------- */
static bool said(const struct planner *planner, const char *sentence)
{
    for (size_t i = 0; i < planner->warned_count; i++) {
        if (strcmp(planner->warned[i], sentence) == 0)
            return true;
    }
    return false;
}

/* Each sentence once while it lasts. */
static void warn(struct planner *planner, const struct reasons *reasons)
{
    char *now_said[WARNINGS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < reasons->warning_count && count < WARNINGS_MAX; i++) {
        const struct warning *warning = &reasons->warnings[i];
        if (!said(planner, warning->sentence)) {
            struct effect *out = effect(planner, EFFECT_WARN);
            out->queue = warning->queue;
            out->sentence = warning->sentence;
        }
        now_said[count] = strdup(warning->sentence);
        DR_ASSERT(now_said[count] != NULL);
        count++;
    }
    for (size_t i = 0; i < planner->warned_count; i++)
        free(planner->warned[i]);
    memcpy(planner->warned, now_said, count * sizeof *now_said);
    planner->warned_count = count;
}

static void publish(struct planner *planner, struct now now)
{
    const struct state *state = &planner->state;
    if (state->rows_known && state->seq >= planner->orders.need_seq)
        planner->rows_ms = now.boot_ms;
    else if (now.boot_ms - planner->rows_ms < HUSH_MS)
        return;
    struct dr_plan_decided same = planner->decided;
    const struct dr_plan_decided *before = planner->published.value;
    if (before != NULL)
        same.seq = before->seq; /* a new sequence alone is no news */
    if (before != NULL && dr_record_equal(&dr_desc_plan_decided, before, &same))
        return;
    dr_record_free(&planner->published);
    DR_ASSERT(dr_record_copy(&dr_desc_plan_decided, &planner->decided, &planner->published) == 0);
    effect(planner, EFFECT_PUBLISH);
}

/* ---- the plan ------------------------------------------------------------------------------- */
static bool is_settling(const struct state *state)
{
    const struct dr_queues_observed *queues = state_queues(state);
    const struct dr_workers_observed *workers = state_workers(state);
    return (queues != NULL && queues->settling) || (workers != NULL && workers->settling);
}

const struct effect *planner_plan(struct planner *planner, struct now now, size_t *count)
{
    struct supply supply;
    struct buys buys;
    struct reasons reasons;
    struct state *state = &planner->state;
    bool settling = is_settling(state);
    forget_plan(planner);
    ask(planner, now);
    evicted_look(&planner->evictions, state, now);
    demand_list(planner->arena, state, &planner->evictions, now, &planner->demands);
    struct match *match = match_new(planner->arena, planner->demands.count);
    supply_add(planner->arena, state, &planner->demands, match, settling, now, &supply);
    bool cancels = may_cancel(planner, settling);
    buy_all(planner->arena, state, &planner->orders, &planner->demands, match, now, &buys);
    reasons_all(planner->arena, state, &planner->orders, &planner->demands, &supply, &buys, now,
                &reasons);
    planner->decided = (struct dr_plan_decided){
        .seq = state->seq, .wanted = buys.machines, .reasons = reasons.list};
    cancel_paused(planner, &supply, now);
    if (cancels)
        cancel(planner, match, &supply, now);
    for (size_t i = 0; i < buys.count; i++)
        want(planner, &buys.items[i]);
    if (state_queues(state) != NULL)
        publish(planner, now);
    warn(planner, &reasons);
    *count = planner->effect_count;
    return planner->effects;
}

struct dr_plan_decided planner_decided(struct planner *planner, const char *task, struct now now)
{
    struct dr_plan_decided out = planner->decided;
    if (*task == '\0' || planner->arena == NULL)
        return out;
    struct dr_reason_view *row = text_alloc(planner->arena, sizeof *row);
    bool found = reasons_task(planner->arena, &planner->orders, &planner->demands, task, now, row);
    out.reasons = (struct dr_reason_view_list){.items = row, .count = found ? 1 : 0};
    return out;
}
