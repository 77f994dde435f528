/* SPDX-License-Identifier: Apache-2.0 */
/* Which task ran where, and what people call it. */
#include <string.h>

#include "txn.h"

#define ROWS_USUAL 200
#define ROWS_MAX 10000
#define TASKS_NEWEST "1000"
#define DESCRIBED_MAX 1000
#define NAME_MAX_BYTES 500

/* ---- work, as the slots show it ------------------------------------------------------------- */
static int64_t not_later(const struct txn *txn, int64_t t_us)
{
    return t_us > 0 && t_us < txn->now_us ? t_us : txn->now_us;
}

/* Said again it changes nothing, in whatever life of the ledger. */
void work_seen(struct txn *txn, const struct dr_slot_row *slot)
{
    const char *task = slot->busy ? slot->task : "";
    int64_t t_us = not_later(txn, slot->busy ? slot->seen_us : slot->idle_since_us);
    store_run(txn->store,
              "UPDATE work SET to_us=max(from_us,?1) WHERE machine=?2 AND worker=?3 AND to_us=0"
              " AND task<>?4",
              "isss", t_us, slot->machine, slot->worker, task);
    if (*task != '\0')
        store_run(txn->store,
                  "INSERT OR IGNORE INTO work(task,machine,worker,from_us,to_us)"
                  " SELECT ?1,?2,?3,?4,0 WHERE NOT EXISTS (SELECT 1 FROM work WHERE machine=?2"
                  "  AND worker=?3 AND task=?1 AND to_us=0)",
                  "sssi", task, slot->machine, slot->worker, t_us);
}

void work_over(struct txn *txn, const char *machine)
{
    store_run(txn->store, "UPDATE work SET to_us=max(from_us,?1) WHERE machine=?2 AND to_us=0",
              "is", txn->now_us, machine);
}

#define MATCHES                                                               \
    "(?1='' OR machine=?1) AND (?2='' OR task=?2) AND (to_us=0 OR to_us>=?3)" \
    " ORDER BY from_us DESC, machine, worker LIMIT ?4"

void handle_work_get(struct txn *txn, const void *body)
{
    const struct dr_work_get *get = body;
    struct dr_work *out = pool_alloc(txn->pool, sizeof *out);
    int64_t limit = get->limit <= 0 ? ROWS_USUAL : get->limit;
    limit = limit > ROWS_MAX ? ROWS_MAX : limit;
    store_list(txn->store, TABLE_WORK, txn->pool, &out->rows, MATCHES, "ssii", get->machine,
               get->task, get->since_us, limit);
    store_list(txn->store, TABLE_TASK, txn->pool, &out->tasks,
               "id IN (SELECT task FROM work WHERE " MATCHES ") ORDER BY id", "ssii", get->machine,
               get->task, get->since_us, limit);
    txn_reply(txn, DR_WORK, out);
}

/* ---- names ---------------------------------------------------------------------------------- */
void handle_tasks_get(struct txn *txn, const void *body)
{
    const struct dr_tasks_get *get = body;
    struct dr_tasks *out = pool_alloc(txn->pool, sizeof *out);
    if (get->ids.count == 0) {
        store_list(txn->store, TABLE_TASK, txn->pool, &out->tasks,
                   "1 ORDER BY seen_us DESC, id LIMIT " TASKS_NEWEST, "");
        txn_reply(txn, DR_TASKS, out);
        return;
    }
    size_t count = 0;
    struct dr_task_row *rows = pool_alloc(txn->pool, get->ids.count * sizeof *rows);
    for (size_t i = 0; i < get->ids.count && i < ROWS_MAX; i++)
        count += store_get(txn->store, TABLE_TASK, get->ids.items[i], txn->pool, &rows[count]);
    out->tasks = (struct dr_task_row_list){.items = rows, .count = count};
    txn_reply(txn, DR_TASKS, out);
}

/* A name in one line of bounded length, whole characters only. */
static const char *name(struct txn *txn, const char *text)
{
    size_t len = strnlen(text, NAME_MAX_BYTES + 1);
    if (len > NAME_MAX_BYTES) {
        len = NAME_MAX_BYTES;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    char *out = pool_alloc(txn->pool, len + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    return out;
}

static bool describe(struct txn *txn, const struct dr_task_row *seen, struct dr_task_row *row)
{
    if (!txn_valid_id(txn, "task", seen->id))
        return false;
    bool known = store_get(txn->store, TABLE_TASK, seen->id, txn->pool, row);
    const char *queue = *seen->queue == '\0' && known ? row->queue : name(txn, seen->queue);
    *row = (struct dr_task_row){.id = pool_text(txn->pool, seen->id),
                                .name = name(txn, seen->name),
                                .project = name(txn, seen->project),
                                .user = name(txn, seen->user),
                                .queue = queue,
                                .seen_us = not_later(txn, seen->seen_us)};
    if (known)
        store_update(txn->store, TABLE_TASK, row);
    else
        store_insert(txn->store, TABLE_TASK, row);
    return true;
}

void handle_tasks_described(struct txn *txn, const void *body)
{
    const struct dr_tasks_described *described = body;
    size_t count = described->tasks.count;
    if (count > DESCRIBED_MAX) {
        txn_refuse(txn, "bad-request", "at most %d tasks are described at once, not %zu",
                   DESCRIBED_MAX, count);
        return;
    }
    struct dr_task_row *rows = pool_alloc(txn->pool, (count + 1) * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        if (!describe(txn, &described->tasks.items[i], &rows[i]))
            return;
    }
    if (count > 0)
        tell_tasks(txn, (struct dr_task_row_list){.items = rows, .count = count});
    txn_done(txn, (struct dr_strs){0}, "%zu tasks are described", count);
}
