/* SPDX-License-Identifier: Apache-2.0 */
#include "waste.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"

int64_t waste_us(const struct dr_machine_row *machine, int64_t now_us)
{
    if (machine->launched_us == 0 || machine->up_us != 0)
        return 0;
    bool leaves =
        strcmp(machine->state, "draining") == 0 || strcmp(machine->state, "terminating") == 0;
    int64_t until_us = machine->ended_us != 0 ? machine->ended_us : leaves ? now_us : 0;
    return until_us > machine->launched_us ? until_us - machine->launched_us : 0;
}

char *waste_json(const struct dr_ledger_state *state, int64_t now_us)
{
    char *plain = dr_json(&dr_desc_ledger_state, state);
    DR_ASSERT(plain != NULL);
    json_t *root = json_loads(plain, 0, NULL);
    free(plain);
    json_t *machines = json_object_get(root, "machines");
    DR_ASSERT(json_array_size(machines) == state->machines.count);
    for (size_t i = 0; i < state->machines.count; i++) {
        int64_t wasted_us = waste_us(&state->machines.items[i], now_us);
        if (wasted_us > 0)
            json_object_set_new(json_array_get(machines, i), "wasted_s",
                                json_integer(wasted_us / 1000000));
    }
    char *out = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    DR_ASSERT(out != NULL);
    json_decref(root);
    return out;
}
