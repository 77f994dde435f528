/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's rows as the watcher holds them: the newest snapshot, and on it what events told
 * since. An event may be lost (P29): the sequence it would leave out is not taken for seen, and the
 * next snapshot heals. Pure. */
#ifndef DROVER_WATCHER_MIRROR_H
#define DROVER_WATCHER_MIRROR_H

#include "drover/message.h"
#include "index.h"

enum mirror_kind { MIRROR_MACHINE, MIRROR_KEY, MIRROR_RECOVERY, MIRROR_KINDS };

/* A row that an event told. */
struct heard {
    enum mirror_kind kind;
    int64_t seq;
    struct dr_record row;
};

struct mirror {
    struct dr_record snapshot;
    /* What is shown. Its lists are ours, their rows' texts are the snapshot's or a heard row's.
     * seq: all changes up to it are in the rows. */
    struct dr_ledger_state state;
    size_t room[MIRROR_KINDS];
    struct dr_index shown[MIRROR_KINDS]; /* of the lists, by id */
    struct heard *heard;
    size_t heard_count, heard_room;
    struct dr_index heard_by_id[MIRROR_KINDS];
    int64_t snapshot_seq, first_seq; /* of the newest snapshot; of the first one */
    int64_t run_from, run_to;        /* changes heard of one after the other; none: from > to */
};

void mirror_init(struct mirror *mirror);
void mirror_free(struct mirror *mirror);

/* The rows, borrowed until the next call of another function here; NULL before the first snapshot.
 */
const struct dr_ledger_state *mirror_rows(const struct mirror *mirror);

/* A snapshot; copied. Rows that events told of later than it stay. */
void mirror_take(struct mirror *mirror, const struct dr_ledger_state *rows);

enum mirror_word {
    MIRROR_OLD,   /* it is in the rows already */
    MIRROR_SHOWN, /* now the rows show it */
    MIRROR_FETCH, /* the rows have to be fetched to show it */
};

/* The body of machine.changed, attempt.changed, key.changed or recovery.changed; copied. The end of
 * a machine is only shown by a snapshot: what its slots ran last is in no event, and must be there
 * when its tasks are looked for. */
enum mirror_word mirror_hear(struct mirror *mirror, enum dr_type type, const void *body);

/* Events may be lost, or the ledger may be another one that counts from anew: the next snapshot
 * stands, whatever was heard before. */
void mirror_doubt(struct mirror *mirror);

#endif
