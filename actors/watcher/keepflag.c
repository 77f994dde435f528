/* SPDX-License-Identifier: Apache-2.0 */
#include "keepflag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "notice.h"
#include "workers.h"

struct write {
    struct claims *claims;
    char claim[96];
};

static void on_written(const struct clearml_answer *answer, void *arg)
{
    struct write *write = arg; /* what came of it is read back */
    claim_settle(write->claims, write->claim, 0, answer->cls == CLEARML_OK ? 0 : CLAIM_RETRY_MS);
    free(write);
}

/* "" when the machine is kept no longer, or never was. */
static void wanted(const struct dr_machine_row *machine, int64_t now_us, char out[static 32])
{
    out[0] = '\0';
    if (machine->keep_until_us > now_us && machine->ended_us == 0)
        snprintf(out, 32, "%lld", (long long)(machine->keep_until_us / 1000000));
}

static void change(struct claims *claims, const struct dr_machine_row *machine, const char *value)
{
    struct write *write = calloc(1, sizeof *write);
    DR_ASSERT(write != NULL);
    write->claims = claims;
    snprintf(write->claim, sizeof write->claim, "keep:%s", machine->id);
    if (!claim_take(claims, write->claim)) {
        free(write);
        return;
    }
    json_t *key = json_sprintf("drover.keep.%s", machine->instance_id);
    bool sets = *value != '\0';
    json_t *body = sets ? json_pack("{s:s, s:[{s:o, s:s, s:s}]}", "queue", machine->drain_queue,
                                    "metadata", "key", key, "type", "str", "value", value)
                        : json_pack("{s:s, s:[o]}", "queue", machine->drain_queue, "keys", key);
    claims->port->call(claims->port->shell,
                       sets ? "queues.add_or_update_metadata" : "queues.delete_metadata", body,
                       on_written, write);
}

void keepflag_hear(struct claims *claims, const json_t *data)
{
    int64_t now_us = port_now(claims->port).wall_us;
    const json_t *list = json_object_get(data, "queues");
    struct lookup queues = lookup_objects(list);
    for (size_t i = 0; i < claims->rows->machines.count; i++) {
        const struct dr_machine_row *machine = &claims->rows->machines.items[i];
        size_t at = lookup_find(&queues, machine->drain_queue);
        const json_t *metadata = json_object_get(json_array_get(list, at), "metadata");
        if (machine->instance_id[0] == '\0' || at == DR_INDEX_NONE ||
            (machine->keep_until_us == 0 && json_object_size(metadata) == 0))
            continue;
        char value[32];
        wanted(machine, now_us, value);
        if (strcmp(value, notice_value(metadata, "keep", machine->instance_id)) != 0)
            change(claims, machine, value);
    }
    lookup_free(&queues);
}
