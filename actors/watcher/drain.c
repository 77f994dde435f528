/* SPDX-License-Identifier: Apache-2.0 */
#include "drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "notice.h"
#include "workers.h"

#define LEFTOVER_PERIOD_MS 15000

void drain_init(struct drain *drain, struct claims *claims, int64_t poll_ms)
{
    *drain = (struct drain){.claims = claims, .poll_ms = poll_ms};
}

void drain_free(struct drain *drain)
{
    struct drain_memory *memory = drain->table, *next;
    HASH_CLEAR(hh, drain->table); /* the entries stay linked */
    for (; memory != NULL; memory = next) {
        next = memory->hh.next;
        free(memory->instance);
        free(memory);
    }
}

struct drain_memory *drain_remember(struct drain *drain, const char *instance)
{
    struct drain_memory *memory;
    HASH_FIND_STR(drain->table, instance, memory);
    if (memory != NULL)
        return memory;
    memory = calloc(1, sizeof *memory);
    DR_ASSERT(memory != NULL);
    memory->instance = strdup(instance);
    DR_ASSERT(memory->instance != NULL);
    HASH_ADD_KEYPTR(hh, drain->table, memory->instance, strlen(memory->instance), memory);
    return memory;
}

static bool is(const struct dr_machine_row *machine, const char *state)
{
    return strcmp(machine->state, state) == 0;
}

static bool is_over(const struct dr_machine_row *machine)
{
    return is(machine, "gone") || is(machine, "failed");
}

static enum drain_action judge_draining(const struct dr_machine_row *machine, const char *flag,
                                        const char *ack, const struct drain_memory *memory,
                                        int64_t now_ms, int64_t poll_ms)
{
    bool ours = memory->written_for_us == 0 || memory->written_for_us == machine->state_since_us;
    if (strcmp(ack, "done") == 0) /* it is off, whatever it was asked */
        return machine->drain_acked_us == 0 ? DRAIN_DONE : DRAIN_NOTHING;
    if (ack[0] != '\0' && (!ours || strcmp(flag, machine->drain_mode) != 0))
        return DRAIN_DELETE; /* an answer to an earlier question */
    if (flag[0] != '\0' && !ours)
        return DRAIN_DELETE;
    if (strcmp(flag, machine->drain_mode) != 0) {
        bool unseen = memory->deleted_ms != 0 && now_ms - memory->deleted_ms <= poll_ms;
        return flag[0] == '\0' && unseen ? DRAIN_NOTHING : DRAIN_WRITE;
    }
    return strcmp(ack, "refused") == 0 ? DRAIN_REFUSED : DRAIN_NOTHING;
}

enum drain_action drain_judge(const struct dr_machine_row *machine, const char *flag,
                              const char *ack, const struct drain_memory *memory, int64_t now_ms,
                              int64_t poll_ms)
{
    bool any = flag[0] != '\0' || ack[0] != '\0';
    if (is(machine, "draining"))
        return judge_draining(machine, flag, ack, memory, now_ms, poll_ms);
    if (is(machine, "terminating") || is(machine, "absent"))
        return DRAIN_NOTHING; /* its guard may still be there */
    return any ? DRAIN_DELETE : DRAIN_NOTHING;
}

/* ---- carrying it out --------------------------------------------------------------------------
 */
struct write {
    struct drain *drain;
    bool deletes;
    int64_t for_us;
    char claim[160];
    char instance[128];
};

static void on_written(const struct clearml_answer *answer, void *arg)
{
    struct write *write = arg;
    struct drain *drain = write->drain;
    struct drain_memory *memory = drain_remember(drain, write->instance);
    if (answer->cls == CLEARML_OK && write->deletes) {
        memory->deleted_ms = port_now(drain->claims->port).boot_ms;
        memory->written_for_us = 0;
    } else if (!write->deletes) {
        memory->written_for_us = write->for_us; /* also when unknown: it is read back */
    }
    if (answer->cls == CLEARML_REFUSED)
        port_log_often(drain->claims->port, DR_LOG_WARNING, NULL,
                       "the drain flag of %s could not be changed: %s", write->instance,
                       answer->sentence);
    claim_settle(drain->claims, write->claim, 0, answer->cls == CLEARML_OK ? 0 : CLAIM_RETRY_MS);
    free(write);
}

static void send_write(struct drain *drain, const struct dr_machine_row *machine,
                       const char *endpoint, json_t *body, bool deletes)
{
    struct write *write = calloc(1, sizeof *write);
    DR_ASSERT(write != NULL);
    write->drain = drain;
    write->deletes = deletes;
    write->for_us = machine->state_since_us;
    snprintf(write->claim, sizeof write->claim, "flag:%s", machine->id);
    snprintf(write->instance, sizeof write->instance, "%s", machine->instance_id);
    if (!claim_take(drain->claims, write->claim)) {
        json_decref(body);
        free(write);
        return;
    }
    drain->claims->port->call(drain->claims->port->shell, endpoint, body, on_written, write);
}

static json_t *key_text(const char *kind, const struct dr_machine_row *machine)
{
    return json_sprintf("drover.%s.%s", kind, machine->instance_id);
}

static void write_flag(struct drain *drain, const struct dr_machine_row *machine)
{
    json_t *body =
        json_pack("{s:s, s:[{s:o, s:s, s:s}]}", "queue", machine->drain_queue, "metadata", "key",
                  key_text("drain", machine), "type", "str", "value", machine->drain_mode);
    send_write(drain, machine, "queues.add_or_update_metadata", body, false);
}

static void delete_keys(struct drain *drain, const struct dr_machine_row *machine)
{
    json_t *keys = json_array();
    json_array_append_new(keys, key_text("drain", machine));
    json_array_append_new(keys, key_text("ack", machine));
    if (is_over(machine)) /* until then it is news */
        json_array_append_new(keys, key_text("notice", machine));
    json_t *body = json_pack("{s:s, s:o}", "queue", machine->drain_queue, "keys", keys);
    send_write(drain, machine, "queues.delete_metadata", body, true);
}

static void tell_answer(struct drain *drain, const struct dr_machine_row *machine,
                        const char *answer)
{
    char claim[160];
    snprintf(claim, sizeof claim, "drained:%s", machine->id);
    claim_ask(drain->claims, claim, DR_DRAIN_ANSWERED,
              &(struct dr_drain_answered){.machine = machine->id, .answer = answer});
}

/* ---- reading ----------------------------------------------------------------------------------
 */
static void act(struct drain *drain, const struct dr_machine_row *machine, const json_t *metadata)
{
    const char *flag = notice_value(metadata, "drain", machine->instance_id);
    const char *ack = notice_value(metadata, "ack", machine->instance_id);
    const char *notice = notice_value(metadata, "notice", machine->instance_id);
    static const struct drain_memory empty;
    struct drain_memory *memory;
    HASH_FIND_STR(drain->table, machine->instance_id, memory);
    drain->left += flag[0] != '\0' || ack[0] != '\0' || notice[0] != '\0';
    notice_tell(drain, machine, notice);
    switch (drain_judge(machine, flag, ack, memory == NULL ? &empty : memory,
                        port_now(drain->claims->port).boot_ms, drain->poll_ms)) {
    case DRAIN_WRITE:
        write_flag(drain, machine);
        break;
    case DRAIN_DONE:
        tell_answer(drain, machine, "done");
        break;
    case DRAIN_REFUSED:
        tell_answer(drain, machine, "refused");
        break;
    case DRAIN_DELETE:
        delete_keys(drain, machine);
        break;
    case DRAIN_NOTHING:
        if (is_over(machine) && notice[0] != '\0')
            delete_keys(drain, machine);
        break;
    }
}

static void on_read(const struct clearml_answer *answer, void *arg)
{
    struct drain *drain = arg;
    const struct dr_ledger_state *rows = drain->claims->rows;
    drain->reading = false;
    if (answer->cls != CLEARML_OK)
        return;
    drain->left = 0;
    const json_t *list = json_object_get(answer->data, "queues");
    struct lookup queues = lookup_objects(list);
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        size_t at = lookup_find(&queues, machine->drain_queue);
        if (machine->instance_id[0] != '\0' && at != DR_INDEX_NONE)
            act(drain, machine, json_object_get(json_array_get(list, at), "metadata"));
    }
    lookup_free(&queues);
}

/* The queues to read: those of machines that drain, or of all machines when something is left. */
static json_t *queues_to_read(const struct drain *drain, bool all)
{
    const struct dr_ledger_state *rows = drain->claims->rows;
    json_t *seen = json_object();
    for (size_t i = 0; i < rows->machines.count; i++) {
        const struct dr_machine_row *machine = &rows->machines.items[i];
        bool wanted = machine->drain_queue[0] != '\0' && machine->instance_id[0] != '\0' &&
                      (all || is(machine, "draining"));
        if (wanted)
            json_object_set_new(seen, machine->drain_queue, json_true());
    }
    json_t *ids = json_array();
    const char *id;
    json_t *value;
    json_object_foreach (seen, id, value)
        json_array_append_new(ids, json_string(id));
    json_decref(seen);
    return ids;
}

void drain_step(struct drain *drain, int64_t period_ms)
{
    int64_t now_ms = port_now(drain->claims->port).boot_ms;
    int64_t age_ms = now_ms - drain->read_ms;
    bool first = drain->read_ms == 0;
    if (drain->reading || (!first && age_ms < period_ms))
        return;
    bool news = drain->claims->rows->seq != drain->read_seq;
    bool all = first || (drain->left > 0 && (news || age_ms >= LEFTOVER_PERIOD_MS));
    json_t *ids = queues_to_read(drain, all);
    if (json_array_size(ids) == 0) {
        if (all)
            drain->left = 0;
        drain->read_ms = first ? now_ms : drain->read_ms;
        json_decref(ids);
        return;
    }
    drain->reading = true;
    drain->read_ms = now_ms;
    drain->read_seq = drain->claims->rows->seq;
    json_t *body = json_pack("{s:o, s:[s,s], s:i, s:i}", "id", ids, "only_fields", "id", "metadata",
                             "page", 0, "page_size", 500);
    drain->claims->port->call(drain->claims->port->shell, "queues.get_all", body, on_read, drain);
}
