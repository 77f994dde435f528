/* SPDX-License-Identifier: Apache-2.0 */
#include "buy.h"

#include <string.h>

#include "text.h"
#include "words.h"

struct buying {
    struct dr_arena *arena;
    const struct state *state;
    struct orders *orders;
    struct demands *demands;
    struct match *match;
    struct now now;
    struct buys *out;
    /* machines that live, that are under way and that this plan buys; places as in the config */
    int64_t *taken;
    int64_t taken_all; /* those of types that are not configured any more too */
};

/* ---- room under the caps -------------------------------------------------------------------- */
struct scope {
    const char *what, *name; /* for a person */
    int64_t max;
    /* one of them, or none: all */
    const struct dr_cfg_type *type;
    const struct dr_cfg_queue *queue;
    const struct dr_cfg_account *account;
};

static bool within(const struct scope *scope, const struct dr_cfg_type *type)
{
    if (scope->type != NULL)
        return type == scope->type;
    if (scope->queue != NULL)
        return state_lists(&scope->queue->types, type->name);
    return strcmp(type->account, scope->account->name) == 0;
}

static int64_t used(const struct buying *b, const struct scope *scope)
{
    int64_t n = 0;
    if (scope->type == NULL && scope->queue == NULL && scope->account == NULL)
        return b->taken_all;
    for (size_t i = 0; i < b->state->config->machine_types.count; i++) {
        if (b->taken[i] > 0 && within(scope, &b->state->config->machine_types.items[i]))
            n += b->taken[i];
    }
    return n;
}

static void count_taken(struct buying *b, const struct dr_cfg_type *type, int64_t machines)
{
    if (type != NULL)
        b->taken[type - b->state->config->machine_types.items] += machines;
    b->taken_all += machines;
}

static const char *type_name(const void *of, size_t place)
{
    return ((const struct dr_cfg_root *)of)->machine_types.items[place].name;
}

static void count_all(struct buying *b)
{
    const struct dr_cfg_root *config = b->state->config;
    struct dr_index types = {0};
    b->taken = text_alloc(b->arena, config->machine_types.count * sizeof *b->taken);
    for (size_t i = 0; i < config->machine_types.count; i++)
        dr_index_add(&types, config->machine_types.items[i].name, i);
    for (size_t i = 0; i < b->state->machine_count; i++) {
        const struct dr_machine_row *row = state_row(b->state, i);
        if (!supply_is_live(row))
            continue;
        size_t at = dr_index_find(&types, row->type, type_name, config);
        count_taken(b, at == DR_INDEX_NONE ? NULL : &config->machine_types.items[at], 1);
    }
    dr_index_free(&types);
    for (size_t i = 0; i < b->orders->count; i++) {
        const struct order *order = &b->orders->items[i];
        if (order->under_way)
            count_taken(b, dr_config_type(config, order->type), order->count);
    }
}

static int64_t narrow(const struct buying *b, struct scope scope, int64_t room,
                      struct demand *demand)
{
    if (scope.max == 0)
        return room;
    int64_t n = used(b, &scope);
    int64_t here = n < scope.max ? scope.max - n : 0;
    if (here < room && here == 0) {
        demand->verdict = "capped";
        demand->why = text_printf(b->arena, "%s%s%s may have %s and has %lld", scope.what,
                                  *scope.name == '\0' ? "" : " ", scope.name,
                                  text_count(b->arena, scope.max, "machine"), (long long)n);
    }
    return here < room ? here : room;
}

/* How many more of this type fit; where none, the demand says why. */
static int64_t room_for(const struct buying *b, const struct dr_cfg_type *type,
                        struct demand *demand)
{
    const struct dr_cfg_root *config = b->state->config;
    int64_t room = INT64_MAX;
    room = narrow(b, (struct scope){"machine type", type->name, type->max_machines, .type = type},
                  room, demand);
    for (size_t i = 0; i < config->queues.count; i++) {
        const struct dr_cfg_queue *queue = &config->queues.items[i];
        if (queue->max_machines != 0 && state_lists(&queue->types, type->name))
            room =
                narrow(b, (struct scope){"queue", queue->name, queue->max_machines, .queue = queue},
                       room, demand);
    }
    const struct dr_cfg_account *account = dr_config_account(config, type->account);
    if (account != NULL)
        room = narrow(
            b, (struct scope){"account", account->name, account->max_machines, .account = account},
            room, demand);
    struct scope all = {.what = "this Drover", .name = "", .max = config->max_machines};
    return narrow(b, all, room, demand);
}

/* ---- what may be bought now ----------------------------------------------------------------- */
static bool stop(struct demand *demand, const char *verdict, const char *why)
{
    demand->verdict = verdict;
    demand->why = why;
    return false;
}

/* P5: the account's list at most two periods old. */
static bool cloud_fresh(const struct buying *b, const struct dr_cfg_type *type,
                        struct demand *demand)
{
    const struct dr_cfg_account *account = dr_config_account(b->state->config, type->account);
    const struct cloud *cloud = state_cloud(b->state, type->account);
    if (account == NULL)
        return stop(demand, "blocked",
                    text_printf(b->arena, "machine type %s names an account that is not configured",
                                type->name));
    if (cloud != NULL && cloud->sent_ms != 0 &&
        b->now.boot_ms - cloud->sent_ms <= 2 * account->list_period_ms)
        return true;
    bool said = cloud != NULL && !cloud->ok && *cloud->sentence != '\0';
    return stop(demand, "stale",
                text_printf(b->arena,
                            "account %s has no fresh list of its machines%s%s: nothing is started "
                            "there before",
                            type->account, said ? ": " : "", said ? cloud->sentence : ""));
}

const char *pause_words(struct dr_arena *arena, const struct dr_pause_row *pause)
{
    char *words = text_alloc(arena, DR_PAUSE_ROOM);
    return dr_pause_text(pause, words, DR_PAUSE_ROOM);
}

/* The pictures and rows on which anything may be bought at all. */
static bool may_buy(const struct buying *b, struct demand *demand)
{
    const struct state *state = b->state;
    const struct dr_workers_observed *workers = state_workers(state);
    const struct dr_pause_row *pause = state_pause(state, demand->queue->name);
    if (pause != NULL)
        return stop(demand, "paused", pause_words(b->arena, pause));
    if (!state->rows_known || state->seq < b->orders->need_seq)
        return stop(demand, "stale", "the ledger's rows are being read");
    if (b->orders->hold_until_ms > b->now.boot_ms)
        return stop(demand, "blocked", "the ledger cannot write just now");
    if (*state->blocked != '\0')
        return stop(demand, "blocked", text_copy(b->arena, state->blocked));
    if (!demand->fresh)
        return stop(demand, "stale", "the picture of the queue is too old to start machines on");
    if (workers == NULL ||
        b->now.boot_ms - workers->sent_ms > state->config->timing.worker_proof_ms)
        return stop(demand, "stale", "the picture of the workers is too old to start machines on");
    /* Whoever was busy in an older one may be free by now, and takes the first tasks for nothing.
     */
    if (workers->sent_ms < state_waits_since_ms(state, demand->queue->name))
        return stop(demand, "stale", "the workers are looked at first: one may have become free");
    if (demand->queue->types.count == 0)
        return stop(demand, "no-type", "no machine type serves this queue");
    return true;
}

static bool type_ready(const struct buying *b, const struct dr_cfg_type *type,
                       struct demand *demand)
{
    const struct order *order = orders_of(b->orders, type->name);
    if (orders_is_off(order, b->now))
        return stop(demand, text_copy(b->arena, order->verdict),
                    text_copy(b->arena, order->sentence));
    return cloud_fresh(b, type, demand);
}

/* ---- buying --------------------------------------------------------------------------------- */
/* Ids of the queues of a type that the server has, in priority order. */
static struct dr_strs queue_ids(const struct buying *b, const struct dr_cfg_type *type)
{
    const char **ids = text_alloc(b->arena, b->demands->count * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < b->demands->count; i++) {
        const struct demand *demand = &b->demands->items[i];
        if (*demand->id != '\0' && state_lists(&demand->queue->types, type->name))
            ids[count++] = demand->id;
    }
    return (struct dr_strs){.items = ids, .count = count};
}

/* The waiting tasks after the first `skip`, without those whose launches are spent. */
static struct dr_strs tasks_from(const struct buying *b, const struct demand *demand, int64_t skip)
{
    size_t waiting = (size_t)demand->waiting;
    const char **tasks = text_alloc(b->arena, waiting * sizeof *tasks);
    size_t count = 0;
    for (size_t i = skip < 0 ? 0 : (size_t)skip; i < waiting; i++) {
        const char *task = demand->tasks[i];
        if (!orders_task_aside(b->orders, task, b->now))
            tasks[count++] = task;
    }
    return (struct dr_strs){.items = tasks, .count = count};
}

static void add_slots(const struct buying *b, const struct dr_cfg_type *type, int64_t machines,
                      enum supply_kind kind)
{
    struct dr_strs ids = queue_ids(b, type);
    match_add(b->match, kind, demand_mark(b->arena, b->demands, &ids), machines * type->slots);
}

static bool bought_before(const struct buying *b, const struct dr_cfg_type *type)
{
    for (size_t i = 0; i < b->out->count; i++) {
        if (b->out->items[i].type == type)
            return true;
    }
    return orders_of(b->orders, type->name)->under_way;
}

static void add_buy(struct buying *b, const struct dr_cfg_type *type, struct demand *demand,
                    int64_t count, const struct dr_strs *tasks)
{
    size_t most = (size_t)(count * type->slots);
    struct dr_strs own = {.items = tasks->items,
                          .count = tasks->count < most ? tasks->count : most};
    struct buy buy = {.type = type,
                      .demand = demand,
                      .count = count,
                      .tasks = own,
                      .later = bought_before(b, type)};
    b->out->items[b->out->count++] = buy;
    b->out->machines += count;
    count_taken(b, type, count);
}

/* Buys for one queue until its rest is met or nothing more is to be had. */
static void buy_for(struct buying *b, size_t at)
{
    struct demand *demand = &b->demands->items[at];
    int64_t met = demand->waiting - demand->unmet;
    struct dr_strs tasks = tasks_from(b, demand, met);
    stop(demand, "capped",
         "the launches for them are spent: machines were started for them and did no work; look at "
         "the machines' logs");
    for (size_t t = 0; t < demand->queue->types.count && tasks.count > 0; t++) {
        const struct dr_cfg_type *type =
            dr_config_type(b->state->config, demand->queue->types.items[t]);
        if (type == NULL || !type_ready(b, type, demand))
            continue;
        int64_t room = room_for(b, type, demand);
        int64_t need = ((int64_t)tasks.count + type->slots - 1) / type->slots;
        int64_t count = need < room ? need : room;
        if (count <= 0)
            continue;
        add_buy(b, type, demand, count, &tasks);
        add_slots(b, type, count, SUPPLY_BOUGHT);
        int64_t got = match_serve(b->match, at, (int64_t)tasks.count, SUPPLY_BOUGHT);
        demand->unmet -= got;
        size_t spent = (size_t)(got < (int64_t)tasks.count ? got : (int64_t)tasks.count);
        tasks.items += spent;
        tasks.count -= spent;
        if (tasks.count > 0)
            room_for(b, type, demand); /* says which cap left the rest out */
    }
}

static bool paused(const struct buying *b, const struct demand *demand)
{
    return state_pause(b->state, demand->queue->name) != NULL;
}

/* An idle worker takes what waits in its first queue, paused or not. What starts does so for the
 * queues that are not paused: the others get what is left over, or those would buy it again. */
static void serve_all(const struct buying *b, enum supply_kind upto)
{
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < b->demands->count; i++) {
            struct demand *demand = &b->demands->items[i];
            if (turn == (upto != SUPPLY_IDLE && paused(b, demand)))
                demand->unmet -= match_serve(b->match, i, demand->unmet, upto);
        }
    }
}

static void buy_turn(struct buying *b, bool of_paused)
{
    for (size_t i = 0; i < b->demands->count; i++) {
        struct demand *demand = &b->demands->items[i];
        if (paused(b, demand) != of_paused)
            continue;
        /* A slot that an earlier queue's machine has over may do. */
        demand->unmet -= match_serve(b->match, i, demand->unmet, SUPPLY_BOUGHT);
        if (demand->unmet > 0 && may_buy(b, demand))
            buy_for(b, i);
    }
}

static void add_under_way(const struct buying *b)
{
    for (size_t i = 0; i < b->orders->count; i++) {
        const struct order *order = &b->orders->items[i];
        const struct dr_cfg_type *type = dr_config_type(b->state->config, order->type);
        if (order->under_way && type != NULL)
            add_slots(b, type, order->count, SUPPLY_WANTED);
    }
}

static size_t most_buys(const struct demands *demands)
{
    size_t n = 0;
    for (size_t i = 0; i < demands->count; i++)
        n += demands->items[i].queue->types.count;
    return n;
}

void buy_all(struct dr_arena *arena, const struct state *state, struct orders *orders,
             struct demands *demands, struct match *match, struct now now, struct buys *out)
{
    struct buying b = {arena, state, orders, demands, match, now, out, NULL, 0};
    *out = (struct buys){.items = text_alloc(arena, most_buys(demands) * sizeof *out->items)};
    count_all(&b);
    add_under_way(&b);
    for (size_t i = 0; i < demands->count; i++)
        demands->items[i].unmet = demands->items[i].waiting;
    for (int kind = SUPPLY_IDLE; kind < SUPPLY_BOUGHT; kind++)
        serve_all(&b, (enum supply_kind)kind);
    buy_turn(&b, false);
    buy_turn(&b, true);
    for (size_t i = 0; i < demands->count; i++) {
        for (int kind = 0; kind < SUPPLY_KINDS; kind++)
            demands->items[i].served[kind] = match_served(match, i, (enum supply_kind)kind);
    }
}
