/* SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "drover/assert.h"

struct entry {
    struct dr_waiting waiting;
    UT_hash_handle hh;
};

struct dr_pending {
    struct entry *entries;
};

struct dr_pending *dr_pending_new(void)
{
    struct dr_pending *pending = calloc(1, sizeof *pending);
    DR_ASSERT(pending != NULL);
    return pending;
}

void dr_waiting_clear(struct dr_waiting *waiting)
{
    free(waiting->request);
    free(waiting->to);
    memset(waiting, 0, sizeof *waiting);
}

static void take(struct dr_pending *pending, struct entry *entry, struct dr_waiting *out)
{
    HASH_DEL(pending->entries, entry);
    *out = entry->waiting;
    free(entry);
}

void dr_pending_free(struct dr_pending **pending)
{
    if (*pending == NULL)
        return;
    struct entry *entry, *next;
    HASH_ITER (hh, (*pending)->entries, entry, next) {
        struct dr_waiting waiting;
        take(*pending, entry, &waiting);
        dr_waiting_clear(&waiting);
    }
    free(*pending);
    *pending = NULL;
}

void dr_pending_add(struct dr_pending *pending, const struct dr_waiting *waiting)
{
    struct entry *entry;
    HASH_FIND_STR(pending->entries, waiting->request, entry);
    DR_ASSERT(entry == NULL);
    entry = calloc(1, sizeof *entry);
    DR_ASSERT(entry != NULL);
    entry->waiting = *waiting;
    entry->waiting.request = strdup(waiting->request);
    entry->waiting.to = strdup(waiting->to);
    DR_ASSERT(entry->waiting.request != NULL && entry->waiting.to != NULL);
    HASH_ADD_KEYPTR(hh, pending->entries, entry->waiting.request, strlen(entry->waiting.request),
                    entry);
}

int dr_pending_take(struct dr_pending *pending, const char *request, struct dr_waiting *out)
{
    struct entry *entry;
    HASH_FIND_STR(pending->entries, request, entry);
    if (entry == NULL)
        return -1;
    take(pending, entry, out);
    return 0;
}

int dr_pending_expired(struct dr_pending *pending, int64_t now_ms, struct dr_waiting *out)
{
    struct entry *entry, *next;
    HASH_ITER (hh, pending->entries, entry, next) {
        if (entry->waiting.deadline_ms <= now_ms) {
            take(pending, entry, out);
            return 0;
        }
    }
    return -1;
}

int64_t dr_pending_next_ms(const struct dr_pending *pending)
{
    int64_t earliest_ms = -1;
    for (struct entry *entry = pending->entries; entry != NULL; entry = entry->hh.next)
        if (earliest_ms < 0 || entry->waiting.deadline_ms < earliest_ms)
            earliest_ms = entry->waiting.deadline_ms;
    return earliest_ms;
}

size_t dr_pending_count(const struct dr_pending *pending)
{
    return HASH_COUNT(pending->entries);
}
