/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <string.h>

#include "text.h"

/* Nothing of a queue has moved for so many readings of the workers: a deadlock is thought of. */
#define DEADLOCK_PERIODS 4

static const char spent[] =
    "the launches for it are spent: machines were started for it and did no "
    "work; look at their logs";

/* What the i-th task of a queue gets: the first ones get the best. */
static const char *const verdicts[SUPPLY_KINDS] = {
    [SUPPLY_IDLE] = "served",    [SUPPLY_BOOT] = "booting",  [SUPPLY_WANTED] = "bought",
    [SUPPLY_KNOWN] = "settling", [SUPPLY_BOUGHT] = "bought",
};
static const char *const alone[SUPPLY_KINDS] = {
    [SUPPLY_IDLE] = "an idle worker is about to take it",
    [SUPPLY_BOOT] = "a machine for it is starting",
    [SUPPLY_WANTED] = "a machine for it is wanted and about to be started",
    [SUPPLY_KNOWN] = "the server was away: the machines that are known come first",
    [SUPPLY_BOUGHT] = "a machine for it is being asked for",
};

static const char *queue_verdict(const struct demand *demand)
{
    if (demand->unmet > 0)
        return demand->verdict;
    for (int kind = SUPPLY_KINDS - 1; kind > 0; kind--) {
        if (demand->served[kind] > 0)
            return verdicts[kind];
    }
    return "served";
}

/* ---- a task --------------------------------------------------------------------------------- */
static void judge(const struct orders *orders, const struct demand *demand, size_t i,
                  struct now now, struct dr_reason_view *out)
{
    const char *task = demand->tasks[i];
    int64_t place = (int64_t)i;
    *out = (struct dr_reason_view){.queue = demand->queue->name, .task = task};
    for (int kind = 0; kind < SUPPLY_KINDS; kind++) {
        if (place < demand->served[kind]) {
            out->verdict = verdicts[kind];
            out->sentence = alone[kind];
            return;
        }
        place -= demand->served[kind];
    }
    bool aside = orders_task_aside(orders, task, now);
    out->verdict = aside ? "capped" : demand->verdict;
    out->sentence = aside ? spent : demand->why;
}

bool reasons_task(struct dr_arena *arena, const struct orders *orders,
                  const struct demands *demands, const char *task, struct now now,
                  struct dr_reason_view *out)
{
    for (size_t q = 0; q < demands->count; q++) {
        const struct demand *demand = &demands->items[q];
        for (size_t i = 0; i < (size_t)demand->waiting; i++) {
            if (strcmp(demand->tasks[i], task) != 0)
                continue;
            judge(orders, demand, i, now, out);
            const char *machine = demand_loses(demand, i);
            const char *place =
                machine != NULL
                    ? text_printf(
                          arena,
                          "the cloud takes machine %s from it; it goes back to queue %s once "
                          "that end is confirmed, and is provided for already",
                          machine, demand->queue->name)
                    : text_printf(arena, "it is number %zu of %lld in queue %s", i + 1,
                                  (long long)(demand->waiting - demand->evicted_count),
                                  demand->queue->name);
            out->sentence = text_printf(arena, "%s: %s", place, out->sentence);
            return true;
        }
    }
    return false;
}

/* ---- a queue -------------------------------------------------------------------------------- */
static const char *add(struct dr_arena *arena, const char *so_far, const char *part)
{
    return *so_far == '\0' ? part : text_printf(arena, "%s, %s", so_far, part);
}

static const char *asked_for(struct dr_arena *arena, const struct demand *demand,
                             const struct buys *buys, const char *parts)
{
    for (size_t i = 0; i < buys->count; i++) {
        const struct buy *buy = &buys->items[i];
        if (buy->demand == demand)
            parts = add(arena, parts,
                        text_printf(arena, "%s of type %s asked for",
                                    text_count(arena, buy->count, "machine"), buy->type->name));
    }
    return parts;
}

static const char *who(struct dr_arena *arena, const struct demand *demand)
{
    long long evicted = demand->evicted_count, waiting = demand->waiting - evicted;
    const char *wait = "", *lose = "";
    if (waiting > 0)
        wait = text_printf(arena, "%lld %s", waiting, waiting == 1 ? "task waits" : "tasks wait");
    if (evicted > 0)
        lose = text_printf(arena, "%s the machine to the cloud",
                           evicted == 1 ? "1 task loses"
                                        : text_printf(arena, "%lld tasks lose", evicted));
    return waiting > 0 && evicted > 0 ? text_printf(arena, "%s, %s", wait, lose)
           : evicted > 0              ? lose
                                      : wait;
}

static const char *numbers(struct dr_arena *arena, const struct demand *demand,
                           const struct buys *buys)
{
    static const char *const words[SUPPLY_KINDS] = {
        [SUPPLY_IDLE] = "for idle workers",
        [SUPPLY_BOOT] = "for machines that are starting",
        [SUPPLY_WANTED] = "for machines that are wanted",
        [SUPPLY_KNOWN] = "for the machines known before the server was away",
        [SUPPLY_BOUGHT] = "for new machines",
    };
    const char *parts = "";
    for (int kind = 0; kind < SUPPLY_KINDS; kind++) {
        if (demand->served[kind] > 0)
            parts =
                add(arena, parts,
                    text_printf(arena, "%lld %s", (long long)demand->served[kind], words[kind]));
    }
    parts = asked_for(arena, demand, buys, parts);
    if (demand->unmet > 0)
        parts = add(arena, parts,
                    text_printf(arena, "%lld without a machine because %s",
                                (long long)demand->unmet, demand->why));
    return text_printf(arena, "%s: %s", who(arena, demand), parts);
}

/* Some task was enqueued after that worker had begun its own: one that a controller waits for was.
 * The first time is the server's, the other ours; a clock that is off only misplaces a warning. */
static bool enqueued_since(const struct demand *demand, const struct watched *watched)
{
    for (size_t i = 0; demand->view != NULL && i < demand->view->waiting.count; i++) {
        if (demand->view->waiting.items[i].added_us > watched->since_us)
            return true;
    }
    return false;
}

/* The worker of this queue that has been busy with one task for longest; NULL when one of them is
 * idle or has changed its task lately. */
static const struct watched *longest_busy(const struct state *state, const struct demand *demand,
                                          int64_t *count)
{
    const struct dr_workers_observed *picture = state_workers(state);
    const struct watched *longest = NULL;
    for (size_t i = 0; picture != NULL && i < picture->workers.count; i++) {
        const struct dr_worker_view *worker = &picture->workers.items[i];
        const struct watched *watched = state_watched(state, worker->id);
        if (watched == NULL || !state_lists(&worker->queues, demand->id))
            continue;
        int64_t same_ms = state_same_ms(state, watched);
        if (*worker->task == '\0' ||
            same_ms < DEADLOCK_PERIODS * state->config->timing.workers_period_ms)
            return NULL;
        (*count)++;
        if (longest == NULL || watched->since_us < longest->since_us)
            longest = watched;
    }
    return longest;
}

/* A task that waits for tasks of its own queue holds the machine that they need. Which task waits
 * for which is not known here: what is known is said, once nothing has moved for a while. */
static const char *deadlock(struct dr_arena *arena, const struct state *state,
                            const struct demand *demand)
{
    int64_t busy = 0;
    if (demand->unmet == 0 || demand->unmet < demand->waiting ||
        strcmp(demand->verdict, "capped") != 0)
        return "";
    const struct watched *longest = longest_busy(state, demand, &busy);
    if (longest == NULL || !enqueued_since(demand, longest))
        return "";
    const char *who = busy == 1 ? "its only machine is busy"
                                : text_printf(arena, "all its %lld machines are busy, the longest",
                                              (long long)busy);
    return text_printf(
        arena,
        "queue %s is at its cap and %s with task %s since %s: if that task waits for "
        "tasks of the same queue it waits for ever; raise max_machines or use "
        "another queue for it",
        demand->queue->name, who, longest->task, text_time(arena, longest->since_us));
}

static const char *tired(struct dr_arena *arena, const struct watched *watched)
{
    if (watched == NULL)
        return "";
    return text_printf(arena,
                       "; worker %s looks idle but takes none of them since %s, so it is not "
                       "counted: look at it",
                       watched->worker, text_time(arena, watched->since_us));
}

/* ---- all ------------------------------------------------------------------------------------ */
struct writing {
    struct dr_arena *arena;
    struct dr_reason_view *rows;
    size_t count;
    struct reasons *out;
};

static void warn(struct writing *w, const char *queue, const char *sentence)
{
    w->out->warnings[w->out->warning_count++] = (struct warning){queue, sentence};
}

static void queue_row(struct writing *w, const struct state *state, const struct demand *demand,
                      const struct watched *idle, const struct buys *buys)
{
    const char *name = demand->queue->name;
    struct dr_reason_view row = {.queue = name, .task = ""};
    if (demand->view != NULL && !demand->view->known) {
        row.verdict = "blocked";
        row.sentence = text_printf(w->arena,
                                   "the server has no queue %s: create it there or mend the name "
                                   "in drover.yaml; it is picked up when it appears",
                                   name);
    } else if (demand->waiting > 0) {
        const char *stuck = deadlock(w->arena, state, demand);
        row.verdict = queue_verdict(demand);
        row.sentence = text_printf(w->arena, "%s%s%s%s", numbers(w->arena, demand, buys),
                                   tired(w->arena, idle), *stuck == '\0' ? "" : "; ", stuck);
        if (*stuck != '\0')
            warn(w, name, stuck);
        if (idle != NULL)
            warn(w, name, tired(w->arena, idle) + 2);
    } else {
        return;
    }
    w->rows[w->count++] = row;
}

static void task_rows(struct writing *w, const struct orders *orders, const struct demand *demand,
                      struct now now)
{
    const char *queue = queue_verdict(demand);
    size_t listed = 0;
    for (size_t i = 0; i < (size_t)demand->waiting && listed < REASONS_TASKS_MAX; i++) {
        struct dr_reason_view row;
        judge(orders, demand, i, now, &row);
        if (strcmp(row.verdict, queue) == 0 && row.sentence != spent)
            continue;
        w->rows[w->count++] = row;
        listed++;
    }
}

void reasons_all(struct dr_arena *arena, const struct state *state, const struct orders *orders,
                 const struct demands *demands, const struct supply *supply,
                 const struct buys *buys, struct now now, struct reasons *out)
{
    struct writing w = {.arena = arena, .out = out};
    w.rows = text_alloc(arena, demands->count * (1 + REASONS_TASKS_MAX) * sizeof *w.rows);
    *out =
        (struct reasons){.warnings = text_alloc(arena, 2 * demands->count * sizeof *out->warnings)};
    for (size_t q = 0; q < demands->count; q++) {
        queue_row(&w, state, &demands->items[q], supply->tired[q], buys);
        task_rows(&w, orders, &demands->items[q], now);
    }
    out->list = (struct dr_reason_view_list){.items = w.rows, .count = w.count};
}
