/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

/* A list of rows of any kind, as dr_ledger_state has it. */
struct list {
    char *items;
    size_t count;
};

static const struct {
    const struct dr_desc *desc;
    size_t list, id; /* where the list is in the state, and the id in the row */
} kinds[MIRROR_KINDS] = {
    [MIRROR_MACHINE] = {&dr_desc_machine_row, offsetof(struct dr_ledger_state, machines),
                        offsetof(struct dr_machine_row, id)},
    [MIRROR_KEY] = {&dr_desc_key_row, offsetof(struct dr_ledger_state, keys),
                    offsetof(struct dr_key_row, id)},
    [MIRROR_RECOVERY] = {&dr_desc_recovery_row, offsetof(struct dr_ledger_state, recoveries),
                         offsetof(struct dr_recovery_row, id)},
};

static struct list list_of(const struct dr_ledger_state *state, enum mirror_kind kind)
{
    struct list list;
    memcpy(&list, (const char *)state + kinds[kind].list, sizeof list);
    return list;
}

static void set_list(struct dr_ledger_state *state, enum mirror_kind kind, struct list list)
{
    memcpy((char *)state + kinds[kind].list, &list, sizeof list);
}

static const char *id_of(enum mirror_kind kind, const void *row)
{
    const char *id;
    memcpy(&id, (const char *)row + kinds[kind].id, sizeof id);
    return id;
}

static void forget_run(struct mirror *mirror)
{
    mirror->run_from = 1;
    mirror->run_to = 0;
}

void mirror_init(struct mirror *mirror)
{
    *mirror = (struct mirror){.first_seq = -1};
    forget_run(mirror);
}

static void free_lists(struct mirror *mirror)
{
    for (enum mirror_kind kind = 0; kind < MIRROR_KINDS; kind++)
        if (mirror->snapshot.value != NULL)
            free(list_of(&mirror->state, kind).items);
}

void mirror_free(struct mirror *mirror)
{
    free_lists(mirror);
    for (size_t i = 0; i < mirror->heard_count; i++)
        dr_record_free(&mirror->heard[i].row);
    free(mirror->heard);
    for (enum mirror_kind kind = 0; kind < MIRROR_KINDS; kind++) {
        dr_index_free(&mirror->shown[kind]);
        dr_index_free(&mirror->heard_by_id[kind]);
    }
    dr_record_free(&mirror->snapshot);
    mirror_init(mirror);
}

const struct dr_ledger_state *mirror_rows(const struct mirror *mirror)
{
    return mirror->snapshot.value == NULL ? NULL : &mirror->state;
}

struct shown {
    enum mirror_kind kind;
    struct list list;
};

static const char *shown_id(const void *of, size_t place)
{
    const struct shown *shown = of;
    return id_of(shown->kind, shown->list.items + place * kinds[shown->kind].desc->size);
}

/* Puts the row in the place of the one with its id, or at the end. */
static void show(struct mirror *mirror, enum mirror_kind kind, const void *row)
{
    struct list list = list_of(&mirror->state, kind);
    size_t size = kinds[kind].desc->size;
    size_t at = dr_index_find(&mirror->shown[kind], id_of(kind, row), shown_id,
                              &(struct shown){kind, list});
    if (at == DR_INDEX_NONE && list.count == mirror->room[kind]) {
        mirror->room[kind] = 2 * list.count + 16;
        list.items = realloc(list.items, mirror->room[kind] * size);
        DR_ASSERT(list.items != NULL);
    }
    if (at == DR_INDEX_NONE)
        dr_index_add(&mirror->shown[kind], id_of(kind, row), at = list.count++);
    memcpy(list.items + at * size, row, size);
    set_list(&mirror->state, kind, list);
}

static void settle_seq(struct mirror *mirror)
{
    bool joined = mirror->run_from <= mirror->snapshot_seq + 1;
    mirror->state.seq =
        joined && mirror->run_to > mirror->snapshot_seq ? mirror->run_to : mirror->snapshot_seq;
}

/* The snapshot's lists, as ones that can be changed. */
static void copy_lists(struct mirror *mirror)
{
    for (enum mirror_kind kind = 0; kind < MIRROR_KINDS; kind++) {
        struct list list = list_of(mirror->snapshot.value, kind);
        size_t size = kinds[kind].desc->size;
        char *items = malloc((list.count + 16) * size);
        DR_ASSERT(items != NULL);
        if (list.count > 0)
            memcpy(items, list.items, list.count * size);
        mirror->room[kind] = list.count + 16;
        set_list(&mirror->state, kind, (struct list){items, list.count});
        dr_index_clear(&mirror->shown[kind]);
        for (size_t i = 0; i < list.count; i++)
            dr_index_add(&mirror->shown[kind], id_of(kind, items + i * size), i);
    }
}

void mirror_take(struct mirror *mirror, const struct dr_ledger_state *rows)
{
    struct dr_record fresh;
    int rc = dr_record_copy(&dr_desc_ledger_state, rows, &fresh);
    DR_ASSERT(rc == 0);
    free_lists(mirror);
    dr_record_free(&mirror->snapshot);
    mirror->snapshot = fresh;
    mirror->state = *(const struct dr_ledger_state *)fresh.value;
    copy_lists(mirror);
    size_t kept = 0;
    for (enum mirror_kind kind = 0; kind < MIRROR_KINDS; kind++)
        dr_index_clear(&mirror->heard_by_id[kind]);
    for (size_t i = 0; i < mirror->heard_count; i++) {
        struct heard heard = mirror->heard[i];
        if (heard.seq <= rows->seq) {
            dr_record_free(&heard.row);
            continue;
        }
        show(mirror, heard.kind, heard.row.value);
        dr_index_add(&mirror->heard_by_id[heard.kind], id_of(heard.kind, heard.row.value), kept);
        mirror->heard[kept++] = heard;
    }
    mirror->heard_count = kept;
    mirror->snapshot_seq = rows->seq;
    mirror->first_seq = mirror->first_seq < 0 ? rows->seq : mirror->first_seq;
    settle_seq(mirror);
}

/* ---- events -----------------------------------------------------------------------------------
 */
static const char *heard_id(const void *of, size_t place)
{
    const struct heard *heard = &((const struct mirror *)of)->heard[place];
    return id_of(heard->kind, heard->row.value);
}

static struct heard *heard_of(struct mirror *mirror, enum mirror_kind kind, const void *row)
{
    size_t at = dr_index_find(&mirror->heard_by_id[kind], id_of(kind, row), heard_id, mirror);
    return at == DR_INDEX_NONE ? NULL : &mirror->heard[at];
}

static struct heard *add_heard(struct mirror *mirror, enum mirror_kind kind, const void *row)
{
    if (mirror->heard_count == mirror->heard_room) {
        mirror->heard_room = 2 * mirror->heard_room + 16;
        mirror->heard = realloc(mirror->heard, mirror->heard_room * sizeof *mirror->heard);
        DR_ASSERT(mirror->heard != NULL);
    }
    dr_index_add(&mirror->heard_by_id[kind], id_of(kind, row), mirror->heard_count);
    mirror->heard[mirror->heard_count] = (struct heard){.kind = kind};
    return &mirror->heard[mirror->heard_count++];
}

static enum mirror_word hear_row(struct mirror *mirror, enum mirror_kind kind, const void *row,
                                 int64_t seq)
{
    struct heard *heard = heard_of(mirror, kind, row);
    if (heard != NULL && heard->seq >= seq)
        return MIRROR_OLD;
    if (heard == NULL)
        heard = add_heard(mirror, kind, row);
    struct dr_record fresh;
    int rc = dr_record_copy(kinds[kind].desc, row, &fresh);
    DR_ASSERT(rc == 0);
    if (mirror->snapshot.value != NULL)
        show(mirror, kind, fresh.value); /* the old one's texts are no longer shown after this */
    dr_record_free(&heard->row);
    heard->row = fresh;
    heard->seq = seq;
    return MIRROR_SHOWN;
}

/* Nothing was left out between the last one heard and this one: the rows are as of this one. */
static void extend_run(struct mirror *mirror, int64_t seq)
{
    if (seq != mirror->run_to + 1)
        mirror->run_from = seq;
    mirror->run_to = seq;
}

enum mirror_word mirror_hear(struct mirror *mirror, enum dr_type type, const void *body)
{
    const struct dr_machine_changed *machine = body;
    const struct dr_attempt_changed *attempt = body;
    const struct dr_key_changed *key = body;
    const struct dr_recovery_changed *recovery = body;
    int64_t seq = type == DR_MACHINE_CHANGED   ? machine->seq
                  : type == DR_ATTEMPT_CHANGED ? attempt->seq
                  : type == DR_KEY_CHANGED     ? key->seq
                                               : recovery->seq;
    enum mirror_word word = MIRROR_SHOWN;
    if (seq <= mirror->snapshot_seq)
        return MIRROR_OLD;
    if (type == DR_MACHINE_CHANGED && machine->machine.ended_us != 0) {
        mirror->run_from = seq + 1; /* a run begins behind it, for it is not shown */
        mirror->run_to = seq;
        return MIRROR_FETCH;
    }
    if (type == DR_MACHINE_CHANGED)
        word = hear_row(mirror, MIRROR_MACHINE, &machine->machine, seq);
    else if (type == DR_KEY_CHANGED)
        word = hear_row(mirror, MIRROR_KEY, &key->key, seq);
    else if (type == DR_RECOVERY_CHANGED)
        word = hear_row(mirror, MIRROR_RECOVERY, &recovery->recovery, seq);
    if (word == MIRROR_OLD)
        return word;
    extend_run(mirror, seq);
    settle_seq(mirror);
    return word;
}

void mirror_doubt(struct mirror *mirror)
{
    for (size_t i = 0; i < mirror->heard_count; i++)
        mirror->heard[i].seq = 0;
    mirror->snapshot_seq = 0;
    forget_run(mirror);
}
