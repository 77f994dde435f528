/* SPDX-License-Identifier: Apache-2.0 */
#include "costs_split.h"

#include <stdlib.h>
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A task begins or ceases to hold a slot. */
struct edge {
    int64_t t_us;
    size_t share;
    bool begins;
};

static int by_time(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->t_us != y->t_us)
        return x->t_us < y->t_us ? -1 : 1;
    return (int)x->begins - (int)y->begins;
}

static size_t share_of(struct split *split, const char *task)
{
    for (size_t i = split->count; i-- > 0;) {
        if (strcmp(split->shares[i].task, task) == 0)
            return i;
    }
    split->shares[split->count] = (struct split_share){.task = task};
    return split->count++;
}

/* Between two moments these tasks ran: each pays a slot's part, what is left over is idle. */
static void pay(struct split *split, const struct costs_machine *machine, const size_t *running,
                size_t count, int64_t now_us, int64_t from_us, int64_t until_us)
{
    int64_t parts = most(machine->slots, (int64_t)count);
    int64_t cost = paid_between(&machine->paid, now_us, from_us, until_us);
    for (size_t i = 0; i < count; i++) {
        split->shares[running[i]].run += cost / parts;
        split->shares[running[i]].run_us += (until_us - from_us) / parts;
    }
}

static void leave(size_t *running, size_t *count, size_t share)
{
    for (size_t i = 0; i < *count; i++) {
        if (running[i] == share) {
            running[i] = running[--*count];
            return;
        }
    }
}

static void run(struct split *split, const struct costs_machine *machine, struct edge *edges,
                size_t count, size_t *running, int64_t now_us)
{
    size_t busy = 0;
    if (count > 0)
        qsort(edges, count, sizeof *edges, by_time);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && busy > 0 && edges[i].t_us > edges[i - 1].t_us)
            pay(split, machine, running, busy, now_us, edges[i - 1].t_us, edges[i].t_us);
        if (edges[i].begins)
            running[busy++] = edges[i].share;
        else
            leave(running, &busy, edges[i].share);
    }
}

static void share_rest(struct split *split, int64_t boot, int64_t idle)
{
    int64_t all = 0, before = 0;
    for (size_t i = 0; i < split->count; i++)
        all += split->shares[i].weight;
    for (size_t i = 0; i < split->count; i++) {
        struct split_share *share = &split->shares[i];
        int64_t place = (int64_t)i, count = (int64_t)split->count;
        share->boot = paid_share(boot, place, 1, count);
        share->idle = all > 0 ? paid_share(idle, before, share->weight, all)
                              : paid_share(idle, place, 1, count);
        before += share->weight;
    }
}

struct split split_machine(struct pool *pool, const struct costs_machine *machine,
                           const struct costs_window *window, int64_t now_us)
{
    size_t n = machine->work_count;
    struct split split = {.shares = pool_alloc(pool, (n + 1) * sizeof *split.shares)};
    struct edge *edges = pool_alloc(pool, (2 * n + 1) * sizeof *edges);
    size_t *running = pool_alloc(pool, (n + 1) * sizeof *running), count = 0;
    int64_t lived_us = machine->paid.to_us != 0 ? machine->paid.to_us : now_us;
    int64_t ready_us = machine->up_us != 0 ? machine->up_us : INT64_MAX;
    for (size_t i = 0; i < n; i++)
        ready_us = least(ready_us, machine->works[i].from_us);
    int64_t from_us = most(window->from_us, ready_us);
    int64_t until_us = least(window->until_us, lived_us);
    for (size_t i = 0; i < n; i++) {
        const struct costs_work *work = &machine->works[i];
        int64_t end_us = least(work->to_us != 0 ? work->to_us : now_us, lived_us);
        size_t share = share_of(&split, work->task);
        split.shares[share].weight += most(end_us - work->from_us, 0) / 1000;
        int64_t begin_us = most(work->from_us, from_us);
        end_us = least(end_us, until_us);
        if (begin_us >= end_us)
            continue;
        edges[count++] = (struct edge){begin_us, share, true};
        edges[count++] = (struct edge){end_us, share, false};
    }
    run(&split, machine, edges, count, running, now_us);
    int64_t all = paid_between(&machine->paid, now_us, window->from_us, window->until_us);
    int64_t boot =
        paid_between(&machine->paid, now_us, window->from_us, least(window->until_us, ready_us));
    int64_t idle = all - boot;
    for (size_t i = 0; i < split.count; i++)
        idle -= split.shares[i].run;
    share_rest(&split, boot, idle);
    split.nobody = (struct split_share){.task = "", .boot = boot, .idle = idle};
    return split;
}
