/* SPDX-License-Identifier: Apache-2.0 */
#include "offering.h"

#include <stdlib.h>
#include <string.h>

#include "core_impl.h"
#include "drover/assert.h"

#define HOLD_MOST_MS 3600000

struct offering_mark {
    char type[PROV_ID], offering[PROV_ID];
    int64_t free_ms; /* set aside until then */
    int64_t hold_ms; /* for how long that was */
};

/* Longer texts than are kept are the same if what is kept of them is. */
static bool same(const char kept[PROV_ID], const char *text)
{
    return strncmp(kept, text, PROV_ID - 1) == 0;
}

static struct offering_mark *find(const struct offerings *set, const char *type,
                                  const char *offering)
{
    for (size_t i = 0; i < set->count; i++) {
        if (same(set->marks[i].type, type) && same(set->marks[i].offering, offering))
            return &set->marks[i];
    }
    return NULL;
}

static struct offering_mark *find_or_add(struct offerings *set, const char *type,
                                         const char *offering)
{
    struct offering_mark *mark = find(set, type, offering);
    if (mark)
        return mark;
    set->marks = realloc(set->marks, (set->count + 1) * sizeof *set->marks);
    DR_ASSERT(set->marks);
    mark = &set->marks[set->count++];
    *mark = (struct offering_mark){0};
    prov_copy(mark->type, type);
    prov_copy(mark->offering, offering);
    return mark;
}

void offerings_free(struct offerings *set)
{
    free(set->marks);
    *set = (struct offerings){.first_ms = set->first_ms};
}

static void hold(struct offering_mark *mark, int64_t for_ms, int64_t now_ms)
{
    if (now_ms + for_ms <= mark->free_ms)
        return;
    mark->hold_ms = for_ms;
    mark->free_ms = now_ms + for_ms;
}

void offering_refused(struct offerings *set, const char *type, const char *offering,
                      int64_t aside_ms, int64_t now_ms)
{
    struct offering_mark *mark = find_or_add(set, type, offering);
    bool again = mark->hold_ms && now_ms <= mark->free_ms + mark->hold_ms;
    int64_t longer = mark->hold_ms > HOLD_MOST_MS / 2 ? HOLD_MOST_MS : mark->hold_ms * 2;
    if (aside_ms > 0)
        hold(mark, aside_ms, now_ms);
    else if (now_ms >= mark->free_ms)
        hold(mark, again ? longer : set->first_ms, now_ms);
}

void offering_set_aside(struct offerings *set, const char *type, const char *offering,
                        int64_t for_ms, int64_t now_ms)
{
    hold(find_or_add(set, type, offering), for_ms, now_ms);
}

void offering_worked(struct offerings *set, const char *type, const char *offering)
{
    struct offering_mark *mark = find(set, type, offering);
    if (mark)
        *mark = set->marks[--set->count];
}

int64_t offering_free_ms(const struct offerings *set, const char *type, const char *offering)
{
    const struct offering_mark *mark = find(set, type, offering);
    return mark ? mark->free_ms : 0;
}
