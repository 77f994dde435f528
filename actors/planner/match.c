/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include <string.h>

#include "drover/assert.h"

struct group {
    enum supply_kind kind;
    int64_t slots;
    int64_t used;
    bool *listens;   /* per queue */
    int64_t *served; /* per queue: the flow */
};

struct match {
    struct dr_arena *arena;
    size_t queues;
    struct group *groups;
    size_t count, room;
};

static void *alloc(struct dr_arena *arena, size_t size)
{
    void *out = dr_arena_alloc(arena, size + 1);
    DR_ASSERT(out != NULL);
    return out;
}

struct match *match_new(struct dr_arena *arena, size_t queues)
{
    struct match *match = alloc(arena, sizeof *match);
    match->arena = arena;
    match->queues = queues;
    return match;
}

static struct group *new_group(struct match *match)
{
    if (match->count == match->room) {
        match->room = match->room == 0 ? 16 : match->room * 2;
        struct group *more = alloc(match->arena, match->room * sizeof *more);
        if (match->count > 0)
            memcpy(more, match->groups, match->count * sizeof *more);
        match->groups = more;
    }
    return &match->groups[match->count++];
}

size_t match_add(struct match *match, enum supply_kind kind, const bool *listens, int64_t slots)
{
    size_t bytes = match->queues * sizeof *listens;
    for (size_t i = 0; i < match->count; i++) {
        struct group *group = &match->groups[i];
        if (group->kind == kind && memcmp(group->listens, listens, bytes) == 0) {
            group->slots += slots;
            return i;
        }
    }
    struct group *group = new_group(match);
    *group = (struct group){.kind = kind, .slots = slots};
    group->listens = alloc(match->arena, bytes);
    memcpy(group->listens, listens, bytes);
    group->served = alloc(match->arena, match->queues * sizeof *group->served);
    return match->count - 1;
}

/* A breadth-first search of the residual graph. Queues and groups alternate on a path. */
struct search {
    size_t *todo; /* queues to look from */
    size_t head, tail;
    bool *queue_seen;
    size_t *queue_from; /* the group by which a queue was reached */
    bool *group_seen;
    size_t *group_from; /* the queue by which a group was reached */
};

static struct search *begin(struct match *match, size_t queue)
{
    struct search *s = alloc(match->arena, sizeof *s);
    s->todo = alloc(match->arena, match->queues * sizeof *s->todo);
    s->queue_seen = alloc(match->arena, match->queues * sizeof *s->queue_seen);
    s->queue_from = alloc(match->arena, match->queues * sizeof *s->queue_from);
    s->group_seen = alloc(match->arena, match->count * sizeof *s->group_seen);
    s->group_from = alloc(match->arena, match->count * sizeof *s->group_from);
    s->todo[s->tail++] = queue;
    s->queue_seen[queue] = true;
    return s;
}

/* From a full group on to the queues that could leave it. */
static void reach_queues(struct match *match, struct search *s, size_t g)
{
    for (size_t q = 0; q < match->queues; q++) {
        if (s->queue_seen[q] || match->groups[g].served[q] == 0)
            continue;
        s->queue_seen[q] = true;
        s->queue_from[q] = g;
        s->todo[s->tail++] = q;
    }
}

/* A group with a free slot that a path leads to; match->count when there is none. */
static size_t find_free(struct match *match, struct search *s, enum supply_kind upto)
{
    while (s->head < s->tail) {
        size_t q = s->todo[s->head++];
        for (size_t g = 0; g < match->count; g++) {
            struct group *group = &match->groups[g];
            if (s->group_seen[g] || !group->listens[q] || group->kind > upto)
                continue;
            s->group_seen[g] = true;
            s->group_from[g] = q;
            if (group->used < group->slots)
                return g;
            reach_queues(match, s, g);
        }
    }
    return match->count;
}

/* How much fits through the path that ends in this group. */
static int64_t width(const struct match *match, const struct search *s, size_t start, size_t g,
                     int64_t most)
{
    int64_t least = match->groups[g].slots - match->groups[g].used;
    least = most < least ? most : least;
    for (size_t q = s->group_from[g]; q != start; q = s->group_from[g]) {
        g = s->queue_from[q];
        if (match->groups[g].served[q] < least)
            least = match->groups[g].served[q];
    }
    return least;
}

static void push(struct match *match, const struct search *s, size_t start, size_t g,
                 int64_t amount)
{
    match->groups[g].used += amount;
    for (;;) {
        size_t q = s->group_from[g];
        match->groups[g].served[q] += amount;
        if (q == start)
            return;
        g = s->queue_from[q];
        match->groups[g].served[q] -= amount;
    }
}

int64_t match_serve(struct match *match, size_t queue, int64_t want, enum supply_kind upto)
{
    int64_t served = 0;
    while (served < want) {
        struct search *s = begin(match, queue);
        size_t g = find_free(match, s, upto);
        if (g == match->count)
            break;
        int64_t amount = width(match, s, queue, g, want - served);
        push(match, s, queue, g, amount);
        served += amount;
    }
    return served;
}

int64_t match_served(const struct match *match, size_t queue, enum supply_kind kind)
{
    int64_t sum = 0;
    for (size_t g = 0; g < match->count; g++) {
        if (match->groups[g].kind == kind)
            sum += match->groups[g].served[queue];
    }
    return sum;
}

int64_t match_unused(const struct match *match, size_t group)
{
    DR_ASSERT(group < match->count);
    return match->groups[group].slots - match->groups[group].used;
}
