/* SPDX-License-Identifier: Apache-2.0 */
/* The picture's machines, with the tasks on them. */
#include <stdlib.h>
#include <string.h>

#include "picture_impl.h"

static const struct dr_machine_row *row_of(const struct picture_machine *machine)
{
    return machine->row.value;
}

struct picture_machine *flock_find(const struct picture *picture, const char *id)
{
    struct picture_machine *found;
    HASH_FIND_STR(picture->machines, id, found);
    if (found == NULL)
        HASH_FIND(hi, picture->instances, id, strlen(id), found);
    return found;
}

static void unbind(struct picture *picture, struct picture_machine *machine)
{
    if (machine->instance_id != NULL)
        HASH_DELETE(hi, picture->instances, machine);
    free(machine->instance_id);
    machine->instance_id = NULL;
}

static void bind(struct picture *picture, struct picture_machine *machine)
{
    struct picture_machine *other;
    const char *id = row_of(machine)->instance_id;
    if (machine->instance_id != NULL && strcmp(machine->instance_id, id) == 0)
        return;
    unbind(picture, machine);
    if (*id == '\0')
        return;
    HASH_FIND(hi, picture->instances, id, strlen(id), other);
    if (other != NULL)
        unbind(picture, other);
    machine->instance_id = picture_copy(id);
    HASH_ADD_KEYPTR(hi, picture->instances, machine->instance_id, strlen(machine->instance_id),
                    machine);
}

static void drop(struct picture *picture, struct picture_machine *machine)
{
    unbind(picture, machine);
    HASH_DEL(picture->machines, machine);
    dr_record_free(&machine->row);
    free(machine->json);
    free(machine->id);
    free(machine);
}

static void touch(struct picture *picture, struct picture_machine *machine)
{
    machine->dirty = true;
    picture->machines_dirty = true;
}

static void take(struct picture *picture, const struct dr_machine_row *row, int64_t seq)
{
    struct picture_machine *machine;
    HASH_FIND_STR(picture->machines, row->id, machine);
    if (machine == NULL) {
        machine = calloc(1, sizeof *machine);
        DR_ASSERT(machine != NULL);
        machine->id = picture_copy(row->id);
        HASH_ADD_KEYPTR(hh, picture->machines, machine->id, strlen(machine->id), machine);
    } else if (seq < machine->seq) {
        machine->stale = false;
        return; /* an event told more than this snapshot knew */
    }
    machine->stale = false;
    machine->seq = seq;
    if (machine->row.value == NULL ||
        !dr_record_equal(&dr_desc_machine_row, machine->row.value, row)) {
        picture_keep(&machine->row, &dr_desc_machine_row, row);
        bind(picture, machine);
        touch(picture, machine);
    }
}

void flock_changed(struct picture *picture, const struct dr_machine_changed *changed)
{
    if (changed->seq > picture->ledger_seq) /* else the snapshot has it, or newer */
        take(picture, &changed->machine, changed->seq);
}

void picture_ledger_reborn(struct picture *picture)
{
    struct picture_machine *machine, *next;
    HASH_ITER (hh, picture->machines, machine, next)
        machine->seq = 0;
    picture->ledger_seq = 0;
}

/* ---- leaving -------------------------------------------------------------------------------- */
static int64_t ended_us(const struct dr_machine_row *row)
{
    return row->ended_us != 0 ? row->ended_us : row->state_since_us;
}

static bool shown(const struct dr_machine_row *row, int64_t now_us)
{
    return dr_view_lives(row) || now_us - ended_us(row) < PICTURE_ENDED_US;
}

/* Not among the rows that still matter: it left while nobody told us. */
static void tell_left(struct picture *picture, struct picture_machine *machine)
{
    struct dr_strbuf out = {0};
    struct dr_machine_row row = *row_of(machine);
    row.state = "gone";
    picture_row_json(picture, &row, 0, &out);
    if (machine->json != NULL && dr_view_lives(row_of(machine)))
        picture->tell(picture->arg, "machine", out.data);
    dr_strbuf_free(&out);
}

void flock_snapshot(struct picture *picture, const struct dr_ledger_state *state, int64_t now_us)
{
    struct picture_machine *machine, *next;
    bool other = picture->ledger_id == NULL || strcmp(picture->ledger_id, state->ledger_id) != 0;
    HASH_ITER (hh, picture->machines, machine, next) {
        machine->stale = other || machine->seq <= state->seq;
        if (other)
            machine->seq = 0;
    }
    free(picture->ledger_id);
    picture->ledger_id = picture_copy(state->ledger_id);
    picture->ledger_seq = state->seq;
    for (size_t i = 0; i < state->machines.count; i++)
        if (shown(&state->machines.items[i], now_us))
            take(picture, &state->machines.items[i], state->seq);
    HASH_ITER (hh, picture->machines, machine, next) {
        if (!machine->stale)
            continue;
        tell_left(picture, machine);
        drop(picture, machine);
        picture->machines_dirty = true;
    }
}

static void expire(struct picture *picture, int64_t now_us)
{
    struct picture_machine *machine, *next;
    HASH_ITER (hh, picture->machines, machine, next) {
        if (shown(row_of(machine), now_us))
            continue;
        drop(picture, machine);
        picture->machines_dirty = true;
    }
}

/* ---- workers -------------------------------------------------------------------------------- */
static int by_instance(const void *a, const void *b)
{
    const struct dr_worker_view *x = *(const struct dr_worker_view *const *)a;
    const struct dr_worker_view *y = *(const struct dr_worker_view *const *)b;
    int order = strcmp(x->instance_id, y->instance_id);
    if (order == 0)
        order = (x->slot > y->slot) - (x->slot < y->slot);
    return order != 0 ? order : strcmp(x->id, y->id);
}

static void touch_instance(struct picture *picture, const char *instance_id)
{
    struct picture_machine *machine;
    HASH_FIND(hi, picture->instances, instance_id, strlen(instance_id), machine);
    if (machine != NULL)
        touch(picture, machine);
}

static void touch_workers(struct picture *picture)
{
    for (size_t i = 0; i < picture->by_instance_count; i++)
        touch_instance(picture, picture->by_instance[i]->instance_id);
}

void flock_workers(struct picture *picture, const struct dr_workers_observed *workers)
{
    const struct dr_workers_observed *before = picture->workers.value;
    if (before != NULL && before->workers.count == workers->workers.count) {
        bool same = true;
        for (size_t i = 0; i < workers->workers.count && same; i++) {
            struct dr_worker_view now = workers->workers.items[i];
            now.report_age_ms = before->workers.items[i].report_age_ms;
            same = dr_record_equal(&dr_desc_worker_view, &before->workers.items[i], &now);
        }
        if (same)
            return;
    }
    touch_workers(picture);
    picture_keep(&picture->workers, &dr_desc_workers_observed, workers);
    const struct dr_workers_observed *kept = picture->workers.value;
    free(picture->by_instance);
    picture->by_instance = calloc(kept->workers.count + 1, sizeof *picture->by_instance);
    DR_ASSERT(picture->by_instance != NULL);
    picture->by_instance_count = 0;
    for (size_t i = 0; i < kept->workers.count; i++)
        if (kept->workers.items[i].ours)
            picture->by_instance[picture->by_instance_count++] = &kept->workers.items[i];
    qsort(picture->by_instance, picture->by_instance_count, sizeof *picture->by_instance,
          by_instance);
    touch_workers(picture);
    picture->queues_dirty = true;
}

/* The first worker of an instance; by_instance_count: none. */
static size_t first_worker(const struct picture *picture, const char *instance_id)
{
    size_t low = 0, high = picture->by_instance_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(picture->by_instance[middle]->instance_id, instance_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- names ---------------------------------------------------------------------------------- */
static void take_name(struct picture *picture, const struct dr_task_row *row)
{
    struct picture_name *name;
    HASH_FIND_STR(picture->names, row->id, name);
    if (name == NULL) {
        if (HASH_COUNT(picture->names) >= PICTURE_NAMES_MAX) {
            name = picture->names; /* the first that was added */
            HASH_DEL(picture->names, name);
            dr_record_free(&name->row);
            free(name->id);
            free(name);
        }
        name = calloc(1, sizeof *name);
        DR_ASSERT(name != NULL);
        name->id = picture_copy(row->id);
        HASH_ADD_KEYPTR(hh, picture->names, name->id, strlen(name->id), name);
    }
    picture_keep(&name->row, &dr_desc_task_row, row);
}

void flock_names(struct picture *picture, const struct dr_task_row_list *tasks)
{
    for (size_t i = 0; i < tasks->count; i++)
        take_name(picture, &tasks->items[i]);
    for (size_t w = 0; w < picture->by_instance_count; w++) {
        const struct dr_worker_view *worker = picture->by_instance[w];
        bool named = false;
        for (size_t i = 0; i < tasks->count && !named && *worker->task != '\0'; i++)
            named = strcmp(tasks->items[i].id, worker->task) == 0;
        if (named)
            touch_instance(picture, worker->instance_id);
    }
}

const struct dr_task_row *picture_name(const struct picture *picture, const char *task)
{
    struct picture_name *name;
    HASH_FIND_STR(picture->names, task, name);
    return name == NULL ? NULL : name->row.value;
}

/* ---- JSON ----------------------------------------------------------------------------------- */
static void add_tasks(const struct picture *picture, const struct dr_machine_row *row,
                      struct dr_strbuf *out)
{
    int64_t busy = 0;
    struct dr_strbuf tasks = {0};
    if (*row->instance_id == '\0' || !dr_view_lives(row))
        return;
    for (size_t i = first_worker(picture, row->instance_id); i < picture->by_instance_count; i++) {
        const struct dr_worker_view *worker = picture->by_instance[i];
        if (strcmp(worker->instance_id, row->instance_id) != 0)
            break;
        if (*worker->task == '\0')
            continue;
        const struct dr_task_row *name = picture_name(picture, worker->task);
        dr_strbuf_add_text(&tasks, busy++ == 0 ? "{" : ",{");
        compact_str(&tasks, "id", worker->task);
        compact_key(&tasks, "name");
        compact_text(&tasks, name == NULL ? "" : name->name);
        dr_strbuf_add_text(&tasks, "}");
    }
    compact_int(out, "busy", busy);
    if (busy > 0)
        dr_strbuf_printf(out, ",\"tasks\":[%s]", tasks.data);
    dr_strbuf_free(&tasks);
}

static void add_queue_names(const struct picture *picture, const struct dr_machine_row *row,
                            struct dr_strbuf *out)
{
    if (row->queues.count == 0)
        return;
    compact_key(out, "queue_names");
    dr_strbuf_add_text(out, "[");
    for (size_t i = 0; i < row->queues.count; i++) {
        struct picture_queue *queue;
        const char *id = row->queues.items[i];
        HASH_FIND(hi, picture->queue_ids, id, strlen(id), queue);
        if (i > 0)
            dr_strbuf_add_text(out, ",");
        compact_text(out, queue == NULL ? id : queue->name);
    }
    dr_strbuf_add_text(out, "]");
}

/* All but what it cost so far and the closing brace: that changes with time alone. */
static void open_json(const struct picture *picture, const struct dr_machine_row *row,
                      struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, "{");
    compact_fields(out, &dr_desc_machine_row, row, false);
    compact_str(out, "phase", dr_view_phase_name(dr_view_phase(row)));
    add_tasks(picture, row, out);
    add_queue_names(picture, row, out);
}

static void close_json(const struct dr_machine_row *row, int64_t now_us, struct dr_strbuf *out)
{
    compact_int(out, "spent_usd_micros", dr_view_spent_usd_micros(row, now_us));
    dr_strbuf_add_text(out, "}");
}

void picture_row_json(const struct picture *picture, const struct dr_machine_row *row,
                      int64_t now_us, struct dr_strbuf *out)
{
    open_json(picture, row, out);
    close_json(row, now_us, out);
}

void flock_machine_json(const struct picture_machine *machine, int64_t now_us,
                        struct dr_strbuf *out)
{
    dr_strbuf_add_text(out, machine->json);
    close_json(row_of(machine), now_us, out);
}

void flock_flush(struct picture *picture, int64_t now_us)
{
    struct picture_machine *machine, *next;
    struct dr_strbuf open = {0}, whole = {0};
    expire(picture, now_us);
    if (!picture->machines_dirty)
        return;
    memset(picture->figures.of, 0, sizeof picture->figures.of);
    HASH_ITER (hh, picture->machines, machine, next) {
        picture->figures.of[dr_view_phase(row_of(machine))]++;
        if (!machine->dirty)
            continue;
        machine->dirty = false;
        open.len = whole.len = 0;
        open_json(picture, row_of(machine), &open);
        if (machine->json != NULL && strcmp(machine->json, open.data) == 0)
            continue;
        free(machine->json);
        machine->json = picture_copy(open.data);
        flock_machine_json(machine, now_us, &whole);
        picture->tell(picture->arg, "machine", whole.data);
    }
    dr_strbuf_free(&open);
    dr_strbuf_free(&whole);
    picture->machines_dirty = false;
    picture->queues_dirty = true;
}

/* ---- reading -------------------------------------------------------------------------------- */
const struct dr_machine_row *picture_machine(const struct picture *picture, const char *id)
{
    struct picture_machine *machine = flock_find(picture, id);
    return machine == NULL ? NULL : row_of(machine);
}

bool picture_machine_json(const struct picture *picture, const char *id, int64_t now_us,
                          struct dr_strbuf *out)
{
    struct picture_machine *machine = flock_find(picture, id);
    if (machine == NULL)
        return false;
    picture_row_json(picture, row_of(machine), now_us, out);
    return true;
}

void picture_serving_json(const struct picture *picture, const char *queue_id,
                          struct dr_strbuf *out)
{
    struct picture_machine *machine, *next;
    bool first = true;
    dr_strbuf_add_text(out, "[");
    HASH_ITER (hh, picture->machines, machine, next) {
        if (!dr_view_lives(row_of(machine)) || !dr_view_serves(row_of(machine), queue_id))
            continue;
        dr_strbuf_add_text(out, first ? "" : ",");
        compact_text(out, machine->id);
        first = false;
    }
    dr_strbuf_add_text(out, "]");
}

void flock_free(struct picture *picture)
{
    struct picture_machine *machine, *next;
    HASH_ITER (hh, picture->machines, machine, next)
        drop(picture, machine);
    struct picture_name *name = picture->names, *after;
    HASH_CLEAR(hh, picture->names); /* the entries stay linked */
    for (; name != NULL; name = after) {
        after = name->hh.next;
        dr_record_free(&name->row);
        free(name->id);
        free(name);
    }
    free(picture->by_instance);
    dr_record_free(&picture->workers);
}
