/* SPDX-License-Identifier: Apache-2.0 */
#include "caps.h"

#include <stdio.h>
#include <string.h>

static bool names(const struct dr_strs *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0)
            return true;
    }
    return false;
}

static bool falls_under(const struct caps_machine *machine, const struct caps_count *cap)
{
    switch (cap->scope[0]) {
    case 't': /* type, total */
        return cap->scope[1] == 'o' || strcmp(machine->type, cap->name) == 0;
    case 'q':
        return names(&machine->queue_names, cap->name);
    default:
        return strcmp(machine->account, cap->name) == 0;
    }
}

static size_t scopes(const struct dr_cfg_root *config, const struct caps_machine *one,
                     struct caps_count *out)
{
    size_t n = 0;
    const struct dr_cfg_type *type = dr_config_type(config, one->type);
    out[n++] = (struct caps_count){"type", one->type, type == NULL ? 0 : type->max_machines, 0};
    for (size_t i = 0; i < one->queue_names.count && i < CAPS_QUEUES_MAX; i++) {
        const char *name = one->queue_names.items[i];
        const struct dr_cfg_queue *queue = dr_config_queue(config, name);
        out[n++] = (struct caps_count){"queue", name, queue == NULL ? 0 : queue->max_machines, 0};
    }
    const struct dr_cfg_account *account = dr_config_account(config, one->account);
    out[n++] = (struct caps_count){"account", one->account,
                                   account == NULL ? 0 : account->max_machines, 0};
    out[n++] = (struct caps_count){"total", "", config->max_machines, 0};
    return n;
}

size_t caps_counts(const struct dr_cfg_root *config, const struct caps_machine *machines,
                   size_t count, const struct caps_machine *one, struct caps_count *out)
{
    size_t n = scopes(config, one, out);
    for (size_t m = 0; m < count; m++) {
        for (size_t i = 0; i < n; i++)
            out[i].used += falls_under(&machines[m], &out[i]);
    }
    return n;
}

const struct caps_count *caps_passed(const struct caps_count *counts, size_t count, int64_t more)
{
    for (size_t i = 0; i < count; i++) {
        if (counts[i].max > 0 && counts[i].used + more > counts[i].max)
            return &counts[i];
    }
    return NULL;
}

void caps_sentence(const struct caps_count *cap, int64_t more, char *out, size_t size)
{
    char what[300];
    if (strcmp(cap->scope, "total") == 0)
        snprintf(what, sizeof what, "this Drover");
    else
        snprintf(what, sizeof what, "%s %s", *cap->scope == 't' ? "machine type" : cap->scope,
                 cap->name);
    if (more > 0)
        snprintf(out, size,
                 "%s may have %lld machines (max_machines) and has %lld: %lld more would pass the "
                 "cap",
                 what, (long long)cap->max, (long long)cap->used, (long long)more);
    else
        snprintf(out, size,
                 "%s may have %lld machines (max_machines) and has %lld, the wanted ones counted: "
                 "nothing is started until some have gone",
                 what, (long long)cap->max, (long long)cap->used);
}
