/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "rand.h"
#include "shell.h"

#define OFFERINGS_MAX 256

static bool offering_text(const struct driver_ops *ops, const struct dr_cfg_type *type, size_t n,
                          char out[SHELL_OFFERING_SIZE])
{
    if (ops->offering)
        return ops->offering(type, n, out, SHELL_OFFERING_SIZE);
    snprintf(out, SHELL_OFFERING_SIZE, "%s",
             type->instance_type[0] ? type->instance_type : type->name);
    return n == 0;
}

struct dr_strs shell_offerings(const struct driver_ops *ops, const struct dr_cfg_type *type)
{
    char text[SHELL_OFFERING_SIZE];
    const char **items = calloc(OFFERINGS_MAX, sizeof *items);
    size_t count = 0;
    DR_ASSERT(items);
    while (count < OFFERINGS_MAX && offering_text(ops, type, count, text)) {
        items[count] = strdup(text);
        DR_ASSERT(items[count]);
        count++;
    }
    return (struct dr_strs){.items = items, .count = count};
}

void shell_offerings_free(struct dr_strs *offerings)
{
    for (size_t i = 0; i < offerings->count; i++)
        free((char *)offerings->items[i]);
    free((void *)offerings->items);
}

void shell_settings(const struct shell *shell, const struct dr_cfg_account *account,
                    void (*use)(void *arg, const struct prov_settings *settings), void *arg)
{
    const struct dr_cfg_root *config = dr_actor_config(shell->actor);
    const struct dr_cfg_timing *timing = &config->timing;
    struct prov_settings settings = {
        .account = account->name,
        .batch_max = shell->ops->batch_max,
        .honours_ms = shell->ops->honours_ms,
        .list_period_ms = account->list_period_ms,
        .visible_ms = shell->ops->lists_lag ? timing->launch_visible_ms : 0,
        .account_hold_ms = timing->account_hold_ms,
        .throttle_hold_ms = timing->throttle_hold_ms,
        .capacity_hold_ms = timing->capacity_hold_ms,
        .quota_hold_ms = timing->quota_hold_ms,
        .unfit_hold_ms = timing->unfit_hold_ms,
        .tags = shell->ops->tag != NULL,
    };
    struct prov_type *types = calloc(config->machine_types.count + 1, sizeof *types);
    DR_ASSERT(types);
    dr_random_bytes(&settings.seed, sizeof settings.seed);
    for (size_t i = 0; i < config->machine_types.count; i++) {
        const struct dr_cfg_type *type = &config->machine_types.items[i];
        if (strcmp(type->account, account->name) == 0)
            types[settings.type_count++] = (struct prov_type){
                .name = type->name, .offerings = shell_offerings(shell->ops, type)};
    }
    settings.types = types;
    use(arg, &settings);
    for (size_t i = 0; i < settings.type_count; i++)
        shell_offerings_free(&types[i].offerings);
    free(types);
}
